"""The measures, one table: the command line, the window, the report and CSV are drawn from it.

A new measure is an entry here. `docs/method.md` says how each is meant; a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from napari_cardiac_ssl.measures.wall import SEGMENT_NAMES, SEGMENTS, Wall, thickening_percent

if TYPE_CHECKING:
    from napari_cardiac_ssl.measures.summary import Measures

_DISCS = "Schulz-Menger et al., JCMR 2020;22:19"
_AHA = "Cerqueira et al., Circulation 2002;105:539"
_OWN = "docs/method.md"


@dataclass(frozen=True)
class Measure:
    """A number that is told of a heart.

    Parameters
    ----------
    column
        Its name in tables for programs, unit included: scripts depend on it.
    name
        For people, in full.
    unit
        As shown; empty for ratios.
    source
        Where its formula is from.
    of
        Calculates it; None or NaN where it is undefined.
    rests_on
        The phases that it is taken from.
    short
        ``LV`` or ``RV`` and what it is called in few words: the window and the command line show
        measures that have one.
    about
        What it is, where one points at it.
    head
        The header of its column on the command line; empty: not shown there.
    decimals
        As shown in the report.
    rank
        Its place among the numbers that one looks for first; 0: not one of them.
    indexed
        Whether it is told per square metre of body surface too.
    reported
        Whether the report's table has it.
    where
        Which part of the heart it is about, where that depends on the heart.
    """

    column: str
    name: str
    unit: str
    source: str
    of: Callable[[Measures], float | None]
    rests_on: tuple[str, ...] = ()
    short: str = ""
    about: str = ""
    head: str = ""
    decimals: int = 1
    rank: int = 0
    indexed: bool = False
    reported: bool = True
    where: Callable[[Measures], str] | None = None

    @property
    def index_column(self) -> str:
        """The column of what is indexed, as clinicians name it: EDVi in ml/m²."""
        name, _, unit = self.column.rpartition("_")
        return f"{name}i_{unit}_per_m2"


def _volume(column: str, side: str, phase: str, head: str, *, rank: int) -> Measure:
    diastole = phase == "ED"
    what = "end-diastolic" if diastole else "end-systolic"
    short = f"{side} {phase}V"
    return Measure(
        column,
        f"{side} {what} volume" + (f" ({phase}V)" if side == "LV" else ""),
        "ml",
        _DISCS,
        attrgetter(column),
        rests_on=(phase,),
        short=short,
        about=f"Volume at end-{'diastole' if diastole else 'systole'}",
        head=head,
        rank=rank,
        indexed=True,
    )


def _stroke(side: str, head: str) -> Measure:
    return Measure(
        f"{side.lower()}_sv_ml",
        f"{side} stroke volume",
        "ml",
        _DISCS,
        attrgetter(f"{side.lower()}_sv_ml"),
        rests_on=("ED", "ES"),
        short=f"{side} SV",
        about="Stroke volume: EDV less ESV",
        head=head,
        indexed=True,
    )


def _fraction(side: str, head: str, *, rank: int) -> Measure:
    return Measure(
        f"{side.lower()}_ef_percent",
        f"{side} ejection fraction",
        "%",
        _DISCS,
        attrgetter(f"{side.lower()}_ef_percent"),
        rests_on=("ED", "ES"),
        short=f"{side} EF",
        about="Ejection fraction: 100 × SV / EDV",
        head=head,
        rank=rank,
    )


def _unshown(column: str, name: str, unit: str, source: str, phase: str = "") -> Measure:
    return Measure(
        column, name, unit, source, attrgetter(column), (phase,) if phase else (), reported=False
    )


#: Volumes and what follows from them, in the order of their columns.
VOLUME_MEASURES: tuple[Measure, ...] = (
    _volume("lv_edv_ml", "LV", "ED", "EDV ml", rank=2),
    _volume("lv_esv_ml", "LV", "ES", "ESV ml", rank=3),
    _stroke("LV", "SV ml"),
    _fraction("LV", "EF %", rank=1),
    Measure(
        "lv_mass_g",
        "LV mass at ED",
        "g",
        _DISCS,
        attrgetter("lv_mass_g"),
        rests_on=("ED",),
        short="LV mass",
        about="Mass of the LV myocardium at end-diastole (1.05 g/ml)",
        head="mass g",
        rank=4,
        indexed=True,
    ),
    _volume("rv_edv_ml", "RV", "ED", "RV EDV", rank=6),
    _volume("rv_esv_ml", "RV", "ES", "RV ESV", rank=0),
    _stroke("RV", "RV SV"),
    _fraction("RV", "RV EF %", rank=5),
    _unshown("myocardium_ed_ml", "LV myocardium at ED", "ml", _DISCS, "ED"),
    _unshown("myocardium_es_ml", "LV myocardium at ES", "ml", _DISCS, "ES"),
    _unshown("lv_edv_discs_ml", "LV EDV, slices between others bridged", "ml", _OWN, "ED"),
    _unshown("lv_esv_discs_ml", "LV ESV, slices between others bridged", "ml", _OWN, "ES"),
    Measure(
        "lv_rv_edv_ratio",
        "LV EDV / RV EDV",
        "",
        _OWN,
        attrgetter("lv_rv_edv_ratio"),
        rests_on=("ED",),
        decimals=2,
    ),
    Measure(
        "lv_rv_sv_ml",
        "LV stroke volume less RV stroke volume",
        "ml",
        _OWN,
        attrgetter("lv_rv_sv_ml"),
        rests_on=("ED", "ES"),
    ),
    Measure(
        "papillary_mass_g",
        "Papillary muscles and trabeculae of the LV at ED",
        "g",
        _OWN,
        attrgetter("papillary_mass_g"),
        rests_on=("ED",),
    ),
)


def _wall_of(heart: Measures, phase: str) -> Wall | None:
    return heart.wall_ed if phase == "ED" else heart.wall_es


def _mean_wall(phase: str) -> Measure:
    def of(heart: Measures) -> float | None:
        wall = _wall_of(heart, phase)
        return wall.mean_mm if wall else None

    head = "wall mm" if phase == "ED" else ""
    column, name = f"wall_{phase.lower()}_mean_mm", f"Mean wall thickness at {phase}"
    return Measure(column, name, "mm", _OWN, of, rests_on=(phase,), head=head)


def _thickest(phase: str) -> Measure:
    def of(heart: Measures) -> float | None:
        wall = _wall_of(heart, phase)
        return wall.max_mm if wall else None

    def where(heart: Measures) -> str:
        wall = _wall_of(heart, phase)
        segment = wall.max_segment if wall else None
        return "" if segment is None else f"{SEGMENT_NAMES[segment - 1]} ({segment})"

    column, name = f"wall_{phase.lower()}_max_mm", f"Thickest segment at {phase}"
    return Measure(column, name, "mm", _AHA, of, rests_on=(phase,), where=where)


def _mean_thickening(heart: Measures) -> float | None:
    ed, es = heart.wall_ed, heart.wall_es
    return 100 * (es.mean_mm / ed.mean_mm - 1) if ed and es else None


def _segment(phase: str, segment: int) -> Measure:
    def of(heart: Measures) -> float | None:
        wall = _wall_of(heart, phase)
        return wall.segments_mm[segment] if wall else None

    column = f"wall_{phase.lower()}_{segment:02}_mm"
    name = f"Wall thickness at {phase}: {SEGMENT_NAMES[segment - 1]}"
    return Measure(column, name, "mm", _AHA, of, (phase,), reported=False)


def _thickening(segment: int) -> Measure:
    def of(heart: Measures) -> float | None:
        if not heart.wall_ed or not heart.wall_es:
            return None
        return thickening_percent(heart.wall_ed, heart.wall_es).get(segment)

    name = f"Thickening: {SEGMENT_NAMES[segment - 1]}"
    column = f"wall_thickening_{segment:02}_percent"
    return Measure(column, name, "%", _AHA, of, ("ED", "ES"), reported=False)


#: The wall: its thickness and thickening, on the whole and by segment.
WALL_MEASURES: tuple[Measure, ...] = (
    _mean_wall("ED"),
    _thickest("ED"),
    _mean_wall("ES"),
    _thickest("ES"),
    Measure(
        "wall_thickening_percent",
        "Mean thickening",
        "%",
        _OWN,
        _mean_thickening,
        ("ED", "ES"),
        reported=False,
    ),
    *(_segment(phase, segment) for phase in ("ED", "ES") for segment in SEGMENTS),
    *(_thickening(segment) for segment in SEGMENTS),
)

MEASURES = (*VOLUME_MEASURES, *WALL_MEASURES)
#: The numbers that one looks for first, in that order.
KEY_MEASURES = tuple(sorted((m for m in MEASURES if m.rank), key=lambda measure: measure.rank))
