"""Numbers that no heart has: what is outside of these limits is a mistake before it is a finding.

The limits are wide on purpose: from a small child to the largest hearts that are published, failing
and hypertrophic ones among them. What lies outside comes from masks of another scheme, exchanged
axes, a wrong spacing, two people in one row, or contours of a part of the heart.
"""

from collections.abc import Iterator, Mapping
from math import isfinite, isnan

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.measures.anatomy_checks import AnatomyWarning, Check
from napari_cardiac_ssl.measures.summary import Measures

#: Measure, phase, unit, what it is called, least and most.
_LIMITS = (
    # The ventricles of a child of 5 kg hold some 15 ml, the largest that are published 600 to 700.
    ("lv_edv_ml", "ed", "ml", "LV EDV", 12.0, 700.0),
    ("rv_edv_ml", "ed", "ml", "RV EDV", 12.0, 700.0),
    ("lv_esv_ml", "es", "ml", "LV ESV", 2.0, 650.0),
    ("rv_esv_ml", "es", "ml", "RV ESV", 2.0, 650.0),
    # The failing heart ejects 10 %, the hypertrophic one up to 85 %.
    ("lv_ef_percent", "es", "%", "LV EF", 5.0, 88.0),
    ("rv_ef_percent", "es", "%", "RV EF", 4.0, 88.0),
    ("lv_mass_g", "ed", "g", "LV mass", 8.0, 600.0),
    # Of the LV's EDV over the RV's, in overload of either.
    ("lv_rv_edv_ratio", "ed", "", "LV EDV over RV EDV", 0.2, 5.0),
)
#: Of stroke volumes, LV over RV: between them lie valves that leak and shunts, and the contouring
#: of the RV's base. Smaller differences than 25 ml are those of contours alone.
_STROKE_RATIO, _STROKE_ML = 3.0, 25.0
#: The myocardium keeps its volume through the beat; drawn by hand it grows by up to 30 % at ES.
_MYOCARDIUM_KEPT = (0.65, 1.6)
#: Mean and largest thickness of the wall, mm; the thickest that is published is over 50.
_WALL_MEAN_MM, _WALL_MAX_MM = (2.5, 35.0), 60.0
#: Of the LV from its first to its last slice, mm; a small child's is 35 mm long.
HEIGHT_MM = (25.0, 160.0)
#: The largest cross-section of a cavity; 115 mm across.
MOST_AREA_MM2 = 10_500.0


def number_warnings(heart: Measures) -> Iterator[AnatomyWarning]:
    """Yield the numbers of a heart that no heart has.

    Examples
    --------
    >>> heart = Measures(lv_edv_ml=120, lv_esv_ml=8)
    >>> [str(warning) for warning in number_warnings(heart)]
    ['frame 0: LV EF of 93.3 % is none that a heart has (limits 5 to 88 %)']
    """
    frames = {"ed": heart.ed.frame if heart.ed else 0, "es": heart.es.frame if heart.es else 0}
    for name, phase, unit, called, least, most in _LIMITS:
        number = float(getattr(heart, name))
        if isfinite(number) and not least <= number <= most and number >= 0:
            yield _out_of_limits(frames[phase], called, number, unit, (least, most))
    yield from _between_ventricles(heart, frames["es"])
    yield from _of_the_wall(heart, frames)


def size_warnings(
    t: int, areas_mm2: Mapping[Structure, NDArray[np.float64]], distance_mm: float
) -> Iterator[AnatomyWarning]:
    """Yield heights and cross-sections that no heart has.

    Parameters
    ----------
    t
        The frame.
    areas_mm2
        Of each cavity, shape ``(z,)``.
    distance_mm
        Between slices.
    """
    for structure, areas in areas_mm2.items():
        z = int(areas.argmax())
        if areas[z] > MOST_AREA_MM2:
            yield AnatomyWarning(
                Check.NUMBER, t, z, structure, float(areas[z]), "mm²",
                f"the {structure} has {areas[z]:.0f} mm² on one slice, which no heart has (limit "
                f"{MOST_AREA_MM2:.0f} mm²): check the spacing",
            )  # fmt: skip
    drawn = [(structure, areas) for structure, areas in areas_mm2.items() if areas.any()]
    if not drawn or len(drawn[0][1]) == 1:
        return
    structure, slices = drawn[0][0], np.flatnonzero(drawn[0][1])
    height = float(slices[-1] - slices[0] + 1) * distance_mm
    if not HEIGHT_MM[0] <= height <= HEIGHT_MM[1]:
        why = "volumes are those of a part" if height < HEIGHT_MM[0] else "check the spacing"
        number = len(slices)
        yield AnatomyWarning(
            Check.NUMBER, t, None, structure, height, "mm",
            f"the {structure} is on {number} slice{'' if number == 1 else 's'}, {height:.0f} mm "
            f"high (limits {HEIGHT_MM[0]:.0f} to {HEIGHT_MM[1]:.0f} mm): {why}",
        )  # fmt: skip


def long_axis_warnings(t: int, lv_area_mm2: float, lv_length_mm: float) -> Iterator[AnatomyWarning]:
    """Yield an LV of a long-axis view that no heart has.

    Examples
    --------
    >>> [str(warning) for warning in long_axis_warnings(0, 40.0, 8.0)]
    ['frame 0: LV length of 8.0 mm is none that a heart has (limits 25 to 160 mm)']
    """
    if isfinite(lv_length_mm) and not HEIGHT_MM[0] <= lv_length_mm <= HEIGHT_MM[1]:
        yield _out_of_limits(t, "LV length", lv_length_mm, "mm", HEIGHT_MM)
    if lv_area_mm2 > MOST_AREA_MM2:
        yield _out_of_limits(t, "LV area", lv_area_mm2, "mm²", (0, MOST_AREA_MM2))


def _out_of_limits(
    t: int, called: str, number: float, unit: str, limits: tuple[float, float]
) -> AnatomyWarning:
    least, most = limits
    space = f" {unit}" if unit else ""
    text = (
        f"{called} of {number:.1f}{space} is none that a heart has (limits {least:g} to "
        f"{most:g}{space})"
    )
    return AnatomyWarning(Check.NUMBER, t, None, None, number, unit, text)


def _between_ventricles(heart: Measures, t: int) -> Iterator[AnatomyWarning]:
    """Yield stroke volumes of LV and RV that cannot be those of one circulation."""
    lv, rv = heart.lv_sv_ml, heart.rv_sv_ml
    if isnan(lv) or isnan(rv) or min(lv, rv) < 0 or abs(lv - rv) < _STROKE_ML:
        return
    if max(lv, rv) > _STROKE_RATIO * min(lv, rv):
        yield AnatomyWarning(
            Check.NUMBER, t, None, None, abs(lv - rv), "ml",
            f"the LV ejects {lv:.0f} ml and the RV {rv:.0f} ml of one circulation (limit "
            f"{_STROKE_RATIO:g} times): is it one heart, contoured whole?",
        )  # fmt: skip


def _of_the_wall(heart: Measures, frames: dict[str, int]) -> Iterator[AnatomyWarning]:
    """Yield a myocardium that grows or shrinks through the beat, and impossible walls."""
    kept = heart.myocardium_es_ml / heart.myocardium_ed_ml if heart.myocardium_ed_ml else 1.0
    least, most = _MYOCARDIUM_KEPT
    if isfinite(kept) and not least <= kept <= most:
        yield AnatomyWarning(
            Check.NUMBER, frames["es"], None, None, 100 * kept, "%",
            f"the myocardium has {heart.myocardium_es_ml:.0f} ml at ES and "
            f"{heart.myocardium_ed_ml:.0f} ml at ED, which keeps its volume (limits "
            f"{least:.0%} to {most:.0%}): is it one heart, contoured whole?",
        )  # fmt: skip
    for phase, wall in (("ed", heart.wall_ed), ("es", heart.wall_es)):
        if wall is None:
            continue
        least, most = _WALL_MEAN_MM
        if not least <= wall.mean_mm <= most:
            called = f"mean wall thickness at {phase.upper()}"
            yield _out_of_limits(frames[phase], called, wall.mean_mm, "mm", _WALL_MEAN_MM)
        if wall.max_mm > _WALL_MAX_MM:
            called = f"largest wall thickness at {phase.upper()}"
            yield _out_of_limits(frames[phase], called, wall.max_mm, "mm", (0, _WALL_MAX_MM))
