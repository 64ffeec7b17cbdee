"""The page: one HTML file that needs nothing else, and prints on A4."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isnan, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, LabelScheme, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.measures import (
    KEY_MEASURES,
    MEASURES,
    AnatomyWarning,
    Check,
    InsertionPoints,
    Measured,
    Measures,
    Papillary,
    Phases,
    Reference,
    Sex,
    stroke_volumes,
    thickening_percent,
)
from napari_cardiac_ssl.measures.wall import counted_from_base
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.report.charts import bullseye, curve, scale
from napari_cardiac_ssl.writers.report.slices import Gallery
from napari_cardiac_ssl.writers.templating import filled


@dataclass(frozen=True)
class Source:
    """A file that the page was made from.

    Parameters
    ----------
    role
        Image, mask.
    name
        The file's name, without its folder.
    digest
        SHA-256 of its content.
    remark
        What is to be said of it.
    """

    role: str
    name: str
    digest: str
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """What is reported.

    Parameters
    ----------
    study
        What users call it.
    stack
        The short-axis image.
    labels
        Shape ``(t, z, y, x)``, that of the image, in the scheme `UKBB`.
    measured
        Of these labels.
    measures
        The numbers, with wall thickness.
    warnings
        What is to be looked at again.
    scheme
        Of the mask's file.
    sources
        What the page was made from.
    notes
        What was remarked when the study was read, a line each; the page says how many.
    review
        What of the contours a person has confirmed, where that is known; stands at the top.
    names
        For each frame, what it is called: the number in its own file, with the file where ED and ES
        are files of their own.
    person_remark
        Where the person's size and sex are from, in a few words, unless somebody said them.
    """

    study: str
    stack: Stack
    labels: NDArray[np.integer]
    measured: Measured
    measures: Measures
    warnings: Sequence[AnatomyWarning]
    scheme: LabelScheme
    sources: Sequence[Source]
    notes: Sequence[str] = field(default_factory=tuple)
    review: Review | None = None
    names: Sequence[str] = field(default_factory=tuple)
    person_remark: str = ""

    def named(self, t: int) -> str:
        """Return what a frame is called."""
        return self.names[t] if self.names else f"frame {t}"


def report_of(
    study: str,
    stack: Stack,
    labels: NDArray[np.integer],
    *,
    scheme: LabelScheme,
    sources: Sequence[Source] = (),
    notes: Sequence[str] = (),
    phases: Phases | tuple[int | None, int | None] | None = None,
    body_surface_m2: float = nan,
    sex: Sex | None = None,
    papillary: Papillary = Papillary.CAVITY,
    insertion: InsertionPoints | None = None,
    review: Review | None = None,
    names: Sequence[str] = (),
    person_remark: str = "",
) -> Report:
    """Measure labels and make the report of them.

    Parameters
    ----------
    study, stack, labels, scheme, sources, notes, review, names, person_remark
        As of `Report`.
    phases
        ED and ES; told from the LV's volume if not given.
    body_surface_m2, sex
        For indexed values, and for reference ranges.
    papillary
        Where papillary muscles and trabeculae are counted.
    insertion
        The RV's insertion points, where somebody has set them.

    Raises
    ------
    InputError
        If there is neither an LV nor an RV cavity in any frame.
    """
    measured = Measured(
        labels,
        stack.affine,
        orientation_known=stack.orientation_known,
        image=stack.image,
        papillary=papillary,
        insertion=insertion,
    )
    state_of = review.state if review else None
    ed, es = measured.phases(state_of) if phases is None else phases
    if ed is None:
        raise InputError(f"{study}: neither an LV nor an RV cavity in any frame; label one first")
    heart = measured.measures(
        phases=(ed, es),
        state_of=state_of,
        wall=True,
        body_surface_m2=body_surface_m2,
        sex=sex,
    )
    labelled = np.flatnonzero(labels.any(axis=(1, 2, 3))).tolist()
    warnings = measured.warnings(*labelled, phases=(ed, es))
    return Report(
        study, stack, labels, measured, heart, warnings, scheme, sources, notes, review, names,
        person_remark,
    )  # fmt: skip


def write_report(path: str | Path, report: Report) -> Path:
    """Write a report as one HTML file: no link, no script, pictures inside.

    Parameters
    ----------
    path
        The file to be.
    report
        What it says.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    path = Path(path)
    with replacing(path) as beside:
        beside.write_text(page(report), encoding="utf-8")
    return path


def page(report: Report) -> str:
    """Return the report as HTML."""
    heart = report.measures
    return filled(
        "page.html",
        report=report,
        tiles=_tiles(heart),
        unreviewed=bool(report.review and not report.review.confirmed),
        part=heart.part(),
        doubts=_doubts(report),
        contours=_contours(report),
        legend=[(str(structure), structure.colour) for structure in SAX_STRUCTURES],
        over_time=_over_time(report),
        walls=_walls(heart),
        rows=(rows := _rows(report)),
        ranges=sorted({row.reference.source for row in rows if row.reference}),
        stroke_volumes=stroke_volumes(heart),
        states_known=bool(heart.ed and heart.ed.states),
        geometry=_geometry(report.stack),
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        version=__version__,
    )


def _tiles(heart: Measures) -> list[dict[str, object]]:
    """Return the numbers that one looks for first."""
    return [
        {
            "name": measure.short,
            "value": value,
            "unit": measure.unit,
            "review": heart.review(measure.rests_on),
            "part": bool(heart.part(measure.rests_on)),
        }
        for measure in KEY_MEASURES
        if _is_known(value := measure.of(heart))
    ]


def _is_known(value: float | None) -> bool:
    return value is not None and not isnan(value)


def _doubts(report: Report) -> list[str]:
    """Return what is to be looked at again at ED and ES, and how much there is elsewhere."""
    shown = {frame for _, frame in _phases(report.measures)}
    doubts = [
        warning.said(report.named(warning.t))
        for warning in report.warnings
        if warning.t in shown or warning.check is Check.PARTIAL  # which were left aside
    ]
    elsewhere = len(report.warnings) - len(doubts)
    if elsewhere:
        doubts.append(f"{elsewhere} more in other frames (cardiac-ssl measure --json lists them)")
    return doubts


def _phases(heart: Measures) -> list[tuple[str, int]]:
    told = (("ED", heart.ed), ("ES", heart.es))
    return [(name, basis.frame) for name, basis in told if basis]


def _contours(report: Report) -> dict[str, object]:
    """Return the slices at ED and ES, from base to apex where that is known."""
    phases = _phases(report.measures)
    gallery = Gallery(report.stack, report.labels, [frame for _, frame in phases])
    shown = np.any([report.labels[t].any(axis=(1, 2)) for _, t in phases], axis=0)
    slices = np.flatnonzero(shown).tolist()
    from_base = counted_from_base(
        report.labels[phases[0][1]], report.stack.affine, report.stack.orientation_known
    )
    if from_base is False:
        slices = slices[::-1]
    doubtful = {(w.t, w.z) for w in report.warnings}
    pictures = [
        {
            "name": name,
            "frame": report.named(t),
            "slices": [
                {
                    "z": z,
                    "picture": gallery.picture(t, z, named=report.named(t), sides=z == slices[0]),
                    "doubtful": (t, z) in doubtful,
                }
                for z in slices
            ],
        }
        for name, t in phases
    ]
    return {"from_base": from_base, "phases": pictures}


def _over_time(report: Report) -> dict[str, object] | None:
    cavities = (Structure.LV_CAVITY, Structure.RV_CAVITY)
    volumes = {s: report.measured.counted_volumes_ml(s) for s in cavities}
    known = int((~np.isnan(volumes[Structure.LV_CAVITY])).sum())
    if known < 3:  # two say no more than the numbers do
        return None
    chart = curve(
        volumes,
        ed=report.measures.ed.frame if report.measures.ed else None,
        es=report.measures.es.frame if report.measures.es else None,
        frame_interval_s=report.stack.frame_interval_s,
    )
    return {"known": known, "frames": report.stack.frames, "chart": chart}


def _walls(heart: Measures) -> dict[str, object] | None:
    """Return bullseyes of wall thickness at ED and ES and of thickening."""
    ed, es = heart.wall_ed, heart.wall_es
    walls = [(name, wall) for name, wall in (("ED", ed), ("ES", es)) if wall]
    if not walls:
        return None
    if all(isnan(wall.max_mm) for _, wall in walls):
        mean = ", ".join(f"{name} {wall.mean_mm:.1f} mm" for name, wall in walls)
        return {"mean": mean, "plots": []}
    high = max(16, 4 * round(max(wall.max_mm for _, wall in walls) / 4))
    plots = [
        bullseye(wall.segments_mm, low=4, high=high, title=f"{name}, mm", decimals=1)
        for name, wall in walls
    ]
    scales = [scale(4, high, "mm")]
    if ed and es:
        thicker = thickening_percent(ed, es)
        plots.append(bullseye(thicker, low=0, high=100, title="thickening, %", decimals=0))
        scales.append(scale(0, 100, "%"))
    left_out = "; ".join(
        f"{name}: slices {', '.join(map(str, wall.left_out))}"
        for name, wall in walls
        if wall.left_out
    )
    return {"plots": plots, "scales": scales, "left_out": left_out}


@dataclass(frozen=True)
class _Row:
    """A line of the table of measures."""

    name: str
    value: float
    decimals: int
    unit: str
    basis: str = ""
    review: str = ""
    reference: Reference | None = None

    @property
    def place(self) -> str:
        """Where the value lies beside its reference range, unless within."""
        place = self.reference.place(self.value) if self.reference else ""
        return "" if place == "within" else place


def _rows(report: Report) -> list[_Row]:
    """Return every number with what it rests on."""
    heart = report.measures
    basis = {
        "ED": f"{report.named(heart.ed.frame)}: {heart.ed}" if heart.ed else "",
        "ES": f"{report.named(heart.es.frame)}: {heart.es}" if heart.es else "",
    }
    rows = []
    for measure in MEASURES:
        value = measure.of(heart)
        if measure.reported and value is not None and not isnan(value):
            where = measure.where(heart) if measure.where else ""
            name = f"{measure.name}: {where}" if where else measure.name
            phases = measure.rests_on
            rests_on = basis[phases[0]] if len(phases) == 1 else " and ".join(phases)
            review = heart.review(phases)
            range_ = heart.reference(measure.column)
            rows.append(_Row(name, value, measure.decimals, measure.unit, rests_on, review, range_))
    if heart.body_surface_m2 > 0:
        surface = heart.body_surface_m2
        rows.append(_Row("Body surface (Mosteller)", surface, 2, "m²", "height, weight"))
        rows += [
            _Row(
                f"{m.short} / body surface",
                index,
                1,
                f"{m.unit}/m²",
                reference=heart.reference(m.index_column),
            )
            for m in MEASURES
            if m.indexed and not isnan(index := heart.indexed(m.column))
        ]
    return rows


def _geometry(stack: Stack) -> str:
    z, y, x = stack.spacing_mm
    return (
        f"{stack.frames} × {stack.slices} × {stack.image.shape[2]} × {stack.image.shape[3]} "
        f"(t, z, y, x); pixels {y:.3f} × {x:.3f} mm, slices {z:.2f} mm apart"
    )
