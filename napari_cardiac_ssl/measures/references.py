"""What others have published to compare a heart with: reference ranges, and the two stroke volumes.

References, not diagnoses: a range is that of healthy adults of some studies, measured in one way.
Ranges depend on where papillary muscles were counted, so each convention has its own, and is never
compared with the other's. Numbers are those of the sources, by sex, adults of all ages; no table by
age stands here because none could be checked against its paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from napari_cardiac_ssl.measures.papillary import Papillary
from napari_cardiac_ssl.person import Sex

if TYPE_CHECKING:
    from napari_cardiac_ssl.measures.summary import Measures

#: Meta-analysis of 52 studies of healthy adults; muscle in the cavity counted as blood.
ZHAN = "Zhan et al., Circ Cardiovasc Imaging 2024;17:e016090"
#: Reference values of the Society for CMR: tables 2 and 8 (muscle counted as mass), 9 (as blood).
SCMR = "Kawel-Boehm et al., JCMR 2025;27:101853"
#: Stroke volumes of the RV by volumetry against aortic flow, which has to be the same in those
#: without a shunt or another leaking valve: the difference spreads by 11.8 ml (one SD).
KON = "Kon et al., J Heart Valve Dis 2004;13:600"
#: By so much the stroke volumes of LV and RV differ by the spread of the method alone: 1.96 SD.
STROKE_SPREAD_ML = 23.0


@dataclass(frozen=True)
class Reference:
    """A published range.

    Parameters
    ----------
    low, high
        Its limits, in the measure's unit (per m² of body surface where it is indexed).
    source
        Where it is published.

    Examples
    --------
    >>> str(Reference(52, 73, ZHAN)), Reference(52, 73, ZHAN).place(40.0)
    ('52 to 73', 'below')
    """

    low: float
    high: float
    source: str

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def place(self, value: float) -> str:
        """Return ``below``, ``within`` or ``above``; empty if there is no value.

        A value is compared as it is shown: rounded to whole numbers, as the limits are.
        """
        if not isfinite(value):
            return ""
        shown = round(value)
        if shown < self.low:
            return "below"
        return "above" if shown > self.high else "within"


_Limits = tuple[tuple[float, float], tuple[float, float], str]
#: Column of a measure, or of what is indexed: limits of men, of women, and the source.
_RANGES: Mapping[Papillary, Mapping[str, _Limits]] = {
    Papillary.CAVITY: {
        "lv_ef_percent": ((52, 73), (54, 75), ZHAN),
        "lv_edvi_ml_per_m2": ((60, 109), (56, 96), ZHAN),
        "lv_esvi_ml_per_m2": ((18, 45), (16, 38), ZHAN),
        "lv_massi_g_per_m2": ((41, 76), (33, 57), ZHAN),
        "rv_ef_percent": ((44, 72), (47, 75), SCMR),
        "rv_edvi_ml_per_m2": ((47, 116), (44, 99), SCMR),
        "rv_esvi_ml_per_m2": ((16, 52), (13, 43), SCMR),
    },
    Papillary.MASS: {
        "lv_ef_percent": ((53, 79), (55, 80), SCMR),
        "lv_edvi_ml_per_m2": ((46, 104), (46, 91), SCMR),
        "lv_esvi_ml_per_m2": ((11, 41), (11, 34), SCMR),
        "rv_ef_percent": ((44, 77), (49, 77), SCMR),
        "rv_edvi_ml_per_m2": ((49, 117), (47, 99), SCMR),
        "rv_esvi_ml_per_m2": ((12, 56), (11, 43), SCMR),
    },
}


def reference(column: str, sex: Sex | None, papillary: Papillary) -> Reference | None:
    """Return the range that a number may be compared with; None where there is none.

    Parameters
    ----------
    column
        Of a measure, or of what is indexed (`Measure.index_column`).
    sex
        Of the person; None where it is not known.
    papillary
        Where papillary muscles were counted.

    Examples
    --------
    >>> str(reference("lv_edvi_ml_per_m2", Sex.FEMALE, Papillary.CAVITY))
    '56 to 96'
    >>> reference("lv_massi_g_per_m2", Sex.FEMALE, Papillary.MASS) is None
    True
    """
    found = _RANGES[papillary].get(column)
    if found is None or sex is None:
        return None
    men, women, source = found
    return Reference(*(women if sex is Sex.FEMALE else men), source)


def stroke_volumes(heart: Measures) -> str:
    """Return in a sentence whether the two ventricles eject alike; empty where it is not known.

    Examples
    --------
    >>> from napari_cardiac_ssl.measures.summary import Measures
    >>> heart = Measures(lv_edv_ml=150, lv_esv_ml=60, rv_edv_ml=150, rv_esv_ml=75)
    >>> stroke_volumes(heart)
    'LV and RV stroke volume differ by 15 ml, which the method alone may do (up to 23 ml).'
    """
    apart = heart.lv_rv_sv_ml
    if not isfinite(apart) or min(heart.lv_sv_ml, heart.rv_sv_ml) < 0 or heart.part():
        return ""
    said = f"LV and RV stroke volume differ by {abs(apart):.0f} ml"
    if abs(apart) <= STROKE_SPREAD_ML:
        return f"{said}, which the method alone may do (up to {STROKE_SPREAD_ML:.0f} ml)."
    return (
        f"{said} (LV {heart.lv_sv_ml:.0f}, RV {heart.rv_sv_ml:.0f}), more than the method alone "
        f"makes likely ({STROKE_SPREAD_ML:.0f} ml; {KON}). Without a leaking valve or a shunt they "
        "are the same: look at the basal slices of both ventricles again."
    )
