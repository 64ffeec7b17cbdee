"""The report of a session's work."""

from pathlib import Path

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.writers.report.page import Source, report_of, write_report
from napari_cardiac_ssl.writers.work import Choice, Work, Writer, of_short_axis


def _write(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    work.check_short_axis("reported")
    stack, states = work.stack, work.annotations
    experts = states.slices(SliceState.EXPERT)
    outside = sum(map(states.is_outside, experts))
    predicted = len(states.slices(SliceState.PREDICTED))
    remark = f"{len(experts) - outside} slices confirmed by an expert, {predicted} predicted"
    if outside:
        remark += f", {outside} marked by an expert as {OUTSIDE}"
    name = stack.path.name if stack.path else stack.name
    report = report_of(
        work.study or stack.name,
        stack,
        states.labels,
        scheme=UKBB,
        sources=(Source("image", name, stack.digest, remark),),
        notes=tuple(work.notes),
        phases=work.phases,
        body_surface_m2=work.body_surface_m2,
        sex=work.sex,
        person_remark=work.person_remark,
        papillary=work.measured.papillary,
        insertion=work.insertion,
        review=work.review,
    )
    return (write_report(path, report),)


WRITER = Writer(
    "report",
    "Report",
    "One page with contours, curve and numbers (HTML).",
    "_report.html",
    _write,
    offered=of_short_axis,
)
