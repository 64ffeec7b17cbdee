"""The page: one HTML file that needs nothing else, and prints on A4."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from math import isnan, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, LabelScheme, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.measures import (
    SEGMENT_NAMES,
    AnatomyWarning,
    Check,
    Measured,
    Measures,
    Phases,
    Wall,
    thickening_percent,
)
from napari_cardiac_ssl.measures.measured import StateOf
from napari_cardiac_ssl.measures.wall import counted_from_base
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.report.charts import bullseye, curve, scale
from napari_cardiac_ssl.writers.report.slices import Gallery, legend
from napari_cardiac_ssl.writers.report.style import STYLE

_DISCLAIMER = (
    "For research. Not a medical device: every contour and number is to be checked by someone who "
    "can contour a heart."
)


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


def report_of(
    study: str,
    stack: Stack,
    labels: NDArray[np.integer],
    *,
    scheme: LabelScheme,
    sources: Sequence[Source] = (),
    notes: Sequence[str] = (),
    phases: Phases | tuple[int | None, int | None] | None = None,
    state_of: StateOf | None = None,
    body_surface_m2: float = nan,
) -> Report:
    """Measure labels and make the report of them.

    Parameters
    ----------
    study, stack, labels, scheme, sources, notes
        As of `Report`.
    phases
        ED and ES; told from the LV's volume if not given.
    state_of
        Returns a slice's state, in a session: the numbers then say what they rest on.
    body_surface_m2
        For indexed values.

    Raises
    ------
    InputError
        If there is neither an LV nor an RV cavity in any frame.
    """
    measured = Measured(labels, stack.affine, orientation_known=stack.orientation_known)
    ed, es = measured.phases(state_of) if phases is None else phases
    if ed is None:
        raise InputError(f"{study}: neither an LV nor an RV cavity in any frame; label one first")
    heart = measured.measures(
        phases=(ed, es), state_of=state_of, wall=True, body_surface_m2=body_surface_m2
    )
    labelled = np.flatnonzero(labels.any(axis=(1, 2, 3))).tolist()
    warnings = measured.warnings(*labelled, phases=(ed, es))
    return Report(study, stack, labels, measured, heart, warnings, scheme, sources, notes)


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
    name = escape(report.study)
    sections = "\n".join(_sections(report))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{name}: cardiac MR</title>'
        f"<style>{STYLE}</style></head>\n<body>\n"
        f"<header><h1>{name}</h1><p>Cardiac MR, short axis: contours and measures</p>"
        f'<p class="disclaimer">{_DISCLAIMER}</p></header>\n{sections}\n</body></html>\n'
    )


def _sections(report: Report) -> Iterator[str]:
    yield _key_numbers(report.measures)
    yield _doubts(report)
    yield _contours(report)
    yield _over_time(report)
    yield _walls(report.measures)
    yield _table(report.measures)
    yield _provenance(report)


def _number(value: float, decimals: int = 0) -> str:
    return f"{value:.{decimals}f}".replace("-", "−")


def _key_numbers(heart: Measures) -> str:
    """Return the numbers that one looks for first."""
    tiles = "".join(
        f"<div><b>{_number(value)}</b><small>{unit}</small><span>{name}</span></div>"
        for name, value, unit in (
            ("LV EF", heart.lv_ef_percent, "%"),
            ("LV EDV", heart.lv_edv_ml, "ml"),
            ("LV ESV", heart.lv_esv_ml, "ml"),
            ("LV mass", heart.lv_mass_g, "g"),
            ("RV EF", heart.rv_ef_percent, "%"),
            ("RV EDV", heart.rv_edv_ml, "ml"),
        )
        if not isnan(value)
    )
    return f'<section class="tiles">{tiles}</section>'


def _doubts(report: Report) -> str:
    """Return what is to be looked at again at ED and ES, and how much there is elsewhere."""
    shown = {frame for _, frame in _phases(report.measures)}
    said = [
        str(warning)
        for warning in report.warnings
        if warning.t in shown or warning.check is Check.PARTIAL  # which were left aside
    ]
    elsewhere = len(report.warnings) - len(said)
    if elsewhere:
        said.append(f"{elsewhere} more in other frames (cardiac-ssl measure --json lists them)")
    if not said:
        return (
            '<section class="fine"><p>The contours pass every check of anatomy that this program '
            "knows (gaps between slices, leaks, jumps of area, pieces, holes).</p></section>"
        )
    lines = "".join(f"<li>{escape(line)}</li>" for line in said)
    return (
        '<section class="doubts"><h2>To be looked at again</h2>'
        f"<ul>{lines}</ul><p>t is the frame and z the slice, counted from 0.</p></section>"
    )


def _phases(heart: Measures) -> list[tuple[str, int]]:
    told = (("ED", heart.ed), ("ES", heart.es))
    return [(name, basis.frame) for name, basis in told if basis]


def _contours(report: Report) -> str:
    """Return the slices at ED and ES, from base to apex where that is known."""
    phases = _phases(report.measures)
    gallery = Gallery(report.stack, report.labels, [frame for _, frame in phases])
    shown = np.any([report.labels[t].any(axis=(1, 2)) for _, t in phases], axis=0)
    slices = np.flatnonzero(shown).tolist()
    first = phases[0][1]
    from_base = counted_from_base(
        report.labels[first], report.stack.affine, report.stack.orientation_known
    )
    if from_base is False:
        slices = slices[::-1]
    doubtful = {(w.t, w.z) for w in report.warnings}
    parts = []
    for name, t in phases:
        figures = []
        for i, z in enumerate(slices):
            mark = ' <em title="see above">!</em>' if (t, z) in doubtful else ""
            picture = gallery.picture(t, z, sides=i == 0)
            figures.append(f"<figure>{picture}<figcaption>z {z}{mark}</figcaption></figure>")
        parts.append(
            f'<h3>{name} <small>t {t}</small></h3><div class="slices">{"".join(figures)}</div>'
        )
    order = "From base to apex." if from_base is not None else "In the file's order."
    keys = legend({structure: str(structure) for structure in SAX_STRUCTURES})
    return f"<section><h2>Contours</h2><p>{order} {keys}</p>{''.join(parts)}</section>"


def _over_time(report: Report) -> str:
    volumes = {s: report.measured.volumes_ml(s) for s in (Structure.LV_CAVITY, Structure.RV_CAVITY)}
    known = int((~np.isnan(volumes[Structure.LV_CAVITY])).sum())
    frames = report.stack.frames
    if known < 3:  # two say no more than the numbers do
        return ""
    said = "" if known == frames else f"<p>{known} of {frames} frames have an LV contour.</p>"
    chart = curve(
        volumes,
        ed=report.measures.ed.frame if report.measures.ed else None,
        es=report.measures.es.frame if report.measures.es else None,
        frame_interval_s=report.stack.frame_interval_s,
    )
    return f"<section><h2>Volumes over time</h2>{said}{chart}</section>"


def _walls(heart: Measures) -> str:
    """Return bullseyes of wall thickness at ED and ES and of thickening."""
    ed, es = heart.wall_ed, heart.wall_es
    walls = [(f"{name}, mm", wall) for name, wall in (("ED", ed), ("ES", es)) if wall]
    if not walls:
        return ""
    if all(isnan(wall.max_mm) for _, wall in walls):
        why = "no RV beside the LV, or no way to tell the apex: segments cannot be told"
        mean = ", ".join(f"{name} {wall.mean_mm:.1f}" for name, wall in walls)
        return f"<section><h2>Wall thickness</h2><p>Mean: {mean} ({why}).</p></section>"
    high = max(16, 4 * round(max(wall.max_mm for _, wall in walls) / 4))
    plots = "".join(
        bullseye(wall.segments_mm, low=4, high=high, title=name, decimals=1) for name, wall in walls
    )
    if ed and es:
        plots += bullseye(
            thickening_percent(ed, es), low=0, high=100, title="thickening, %", decimals=0
        )
    left_out = "; ".join(
        f"{name.partition(',')[0]}: z {', '.join(map(str, wall.left_out))}"
        for name, wall in walls
        if wall.left_out
    )
    said = f" Left out, no closed ring: {left_out}." if left_out else ""
    return (
        "<section><h2>Wall thickness</h2><p>AHA segments, seen from the apex; the apical cap is "
        f"not cut across by short-axis slices.{said}</p>"
        f'<div class="plots">{plots}</div><div class="plots">{scale(4, high, "mm")}'
        f"{scale(0, 100, '%') if ed and es else ''}</div></section>"
    )


def _table(heart: Measures) -> str:
    """Return every number with what it rests on."""
    ed = f"t {heart.ed.frame}: {heart.ed}" if heart.ed else ""
    es = f"t {heart.es.frame}: {heart.es}" if heart.es else ""
    both = "ED and ES" if ed and es else ""
    rows = [
        ("LV end-diastolic volume (EDV)", heart.lv_edv_ml, 1, "ml", ed),
        ("LV end-systolic volume (ESV)", heart.lv_esv_ml, 1, "ml", es),
        ("LV stroke volume", heart.lv_sv_ml, 1, "ml", both),
        ("LV ejection fraction", heart.lv_ef_percent, 1, "%", both),
        ("LV mass at ED", heart.lv_mass_g, 1, "g", ed),
        ("RV end-diastolic volume", heart.rv_edv_ml, 1, "ml", ed),
        ("RV end-systolic volume", heart.rv_esv_ml, 1, "ml", es),
        ("RV stroke volume", heart.rv_sv_ml, 1, "ml", both),
        ("RV ejection fraction", heart.rv_ef_percent, 1, "%", both),
        ("LV EDV / RV EDV", heart.lv_rv_edv_ratio, 2, "", ed),
        *_wall_rows(heart.wall_ed, heart.wall_es, ed, es),
    ]
    if heart.body_surface_m2 > 0:
        rows.append(("Body surface (Mosteller)", heart.body_surface_m2, 2, "m²", "height, weight"))
        rows += [
            (f"{name} / body surface", heart.indexed(column), 1, f"{unit}/m²", "")
            for name, column, unit in (
                ("LV EDV", "lv_edv_ml", "ml"), ("LV ESV", "lv_esv_ml", "ml"),
                ("LV mass", "lv_mass_g", "g"), ("RV EDV", "rv_edv_ml", "ml"),
                ("RV ESV", "rv_esv_ml", "ml"),
            )
        ]  # fmt: skip
    cells = "".join(
        f"<tr><td>{name}</td><td class=number>{_number(value, decimals)}</td><td>{unit}</td>"
        f"<td>{escape(basis)}</td></tr>"
        for name, value, decimals, unit, basis in rows
        if not isnan(value)
    )
    states = heart.ed.states if heart.ed else {}
    unknown = "" if states else (
        "<p>A mask's file does not say which of its slices an expert has drawn or checked.</p>"
    )  # fmt: skip
    return (
        "<section><h2>Measures</h2><table><thead><tr><th>measure<th class=number>value<th>unit"
        f"<th>rests on</tr></thead><tbody>{cells}</tbody></table>{unknown}<p>Volumes by summation "
        "of discs, with the distance between slices. Mass: 1.05 g/ml. "
        "Formulas and sources: docs/method.md.</p>"
        "</section>"
    )


def _wall_rows(
    ed: Wall | None, es: Wall | None, at_ed: str, at_es: str
) -> Iterator[tuple[str, float, int, str, str]]:
    for phase, wall, basis in (("ED", ed, at_ed), ("ES", es, at_es)):
        if wall:
            yield (f"Mean wall thickness at {phase}", wall.mean_mm, 1, "mm", basis)
            if wall.max_segment is not None:
                where = SEGMENT_NAMES[wall.max_segment - 1]
                name = f"Thickest segment at {phase}: {where} ({wall.max_segment})"
                yield (name, wall.max_mm, 1, "mm", basis)


def _provenance(report: Report) -> str:
    stack = report.stack
    z, y, x = stack.spacing_mm
    geometry = (
        f"{stack.frames} × {stack.slices} × {stack.image.shape[2]} × {stack.image.shape[3]} "
        f"(t, z, y, x); pixels {y:.3f} × {x:.3f} mm, slices {z:.2f} mm apart"
    )
    rows = [(source.role, source.name, source.digest, source.remark) for source in report.sources]
    cells = "".join(
        f"<tr><td>{escape(role)}</td><td>{escape(name)}</td><td class=digest>{escape(digest)}</td>"
        f"<td>{escape(remark)}</td></tr>"
        for role, name, digest, remark in rows
    )
    # Their number alone: they may quote what somebody has typed at the scanner.
    number = len(report.notes)
    remarks = f"{number} remark{'' if number == 1 else 's'} on how the study was read"
    notes = f" {remarks}: cardiac-ssl info." if number else ""
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return (
        '<section class="provenance"><h2>Provenance</h2><table><thead><tr><th>what<th>name'
        f"<th>SHA-256<th></tr></thead><tbody>{cells}</tbody></table><p>Image: {geometry}. Label "
        f"scheme of the mask: {escape(report.scheme.name)}.{notes} Made {made} by "
        f"napari-cardiac-ssl {__version__}.</p></section>"
    )
