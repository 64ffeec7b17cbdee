"""What kind of picture an MR image is: with which contrast, and as what it was computed.

Cines, tagged cines, flow, perfusion, late enhancement and maps are acquired at the same places, on
the same grid; only their contrast tells them apart. Numbers that scanners adapt from slice to slice
(echo and repetition time, flip angle) are alike within the margins of that.
"""

import re
from typing import Any, NamedTuple

#: What descriptions and names of sequences say, in the order in which it is believed.
_WORDS = (
    ("tagged", r"\btag|tagg|spamm|\bcsop|(?<![a-z])grid|\d[a-z]?tag"),
    ("flow", r"flow\b|phase[ -]?contrast|\bpc\b|venc|\bv\d+(in|ap|fh|rl|thr)|4d ?flow|velocity"),
    ("perfusion", r"\bperf(?!ect|orm)|first[ -]?pass"),
    (
        "late enhancement",
        r"\blge|\bdelayed|late[ -]?(gad|enh)|psir|\bscar|viab|\bmde\b|de ?mr",
    ),
    ("T1 mapping", r"molli|shmolli|sasha|\bt1[ -]?map|\becv\b"),
    ("T2* mapping", r"\bt2 ?(\*|star)"),
    ("T2 mapping", r"\bt2[ -]?map|t2 ?prep ?map"),
    ("black blood", r"\bdb\b|dark[ -]?blood|black[ -]?blood|\bhaste\b|\bstir\b|t2w|t1w"),
    ("scout", r"localizer|localiser|scout|survey"),
)
#: What an image type says that pixels were computed as. The rest of it says how.
_COMPUTED = {
    "P": "phase", "PHASE": "phase", "PHASE MAP": "phase", "VELOCITY": "phase", "P_PCA": "phase",
    "VELOCITY MAP": "phase", "PHASE CONTRAST": "phase", "R": "real part", "REAL": "real part",
    "I": "imaginary part", "IMAGINARY": "imaginary part", "T1 MAP": "T1 map",
    "T2 MAP": "T2 map", "T2_STAR MAP": "T2* map", "T2 STAR MAP": "T2* map",
    "T2*": "T2* map", "ECV MAP": "ECV map", "R2 MAP": "R2 map", "R2_STAR MAP": "R2* map",
    "PSIR": "phase-sensitive", "SUBTRACTION": "subtraction", "MIP": "projection",
    "PROJECTION IMAGE": "projection", "MAX_IP": "projection", "LOCALIZER": "scout",
}  # fmt: skip


class Contrast(NamedTuple):
    """What tells kinds of pictures apart. Numbers are None where the header does not say.

    Parameters
    ----------
    kind
        "" for a plain picture, as cines are; else what it is in words ("tagged", "T1 map", …).
    sequence
        The sequence's name without what changes from slice to slice; "" if not said.
    echo_ms, repetition_ms, flip_deg
        Echo time, repetition time, flip angle.
    is_inverted
        Whether there is an inversion time.
    """

    kind: str
    sequence: str
    echo_ms: float | None
    repetition_ms: float | None
    flip_deg: float | None
    is_inverted: bool

    def is_like(self, other: "Contrast") -> bool:
        """Tell whether two pictures may belong to one stack; what is not said fits everything.

        Examples
        --------
        >>> cine = Contrast("", "*tfi2d1", 1.49, 34, 58, False)
        >>> cine.is_like(cine._replace(echo_ms=1.52, flip_deg=52)), cine.is_like(
        ...     cine._replace(sequence="*fl2d1tag")
        ... )
        (True, False)
        """
        return (
            self.kind == other.kind
            and (not self.sequence or not other.sequence or self.sequence == other.sequence)
            and _near(self.echo_ms, other.echo_ms, 1.2, 0.2)
            and _near(self.repetition_ms, other.repetition_ms, 2.5, 1.0)
            and _near(self.flip_deg, other.flip_deg, 1.6, 2.0)
            and self.is_inverted == other.is_inverted
        )

    @property
    def said(self) -> int:
        """How much of it the header says."""
        return sum(value not in {None, ""} for value in self)


def contrast_of(
    words: list[str],
    sequence: str,
    image_type: list[str],
    *,
    echo_ms: float | None,
    repetition_ms: float | None,
    flip_deg: float | None,
    inversion_ms: float | None,
) -> Contrast:
    """Return the contrast that a header tells of.

    Parameters
    ----------
    words
        How the series and its protocol are called.
    sequence
        The sequence's name.
    image_type
        The values of the image type.
    echo_ms, repetition_ms, flip_deg, inversion_ms
        None where the header does not say.
    """
    computed = next((_COMPUTED[w.upper()] for w in image_type[2:] if w.upper() in _COMPUTED), "")
    named = next(filter(None, (kind_said(text) for text in (sequence, *words))), "")
    both = named and computed and not computed.endswith("map") and named != computed
    return Contrast(
        kind=f"{named}, {computed}" if both else computed or named,
        sequence=re.sub(r"[_ ]\d+[a-z]*(_\d+)*$", "", sequence.lower()),
        echo_ms=echo_ms,
        repetition_ms=repetition_ms,
        flip_deg=flip_deg,
        is_inverted=inversion_ms is not None and inversion_ms > 0,
    )


def kind_said(text: str) -> str:
    """Return which kind of picture a text names, or "".

    Examples
    --------
    >>> [kind_said(text) for text in ("cine_grid_tag_SA", "*fl2d1_v150in", "LGE_SA", "cine SA")]
    ['tagged', 'flow', 'late enhancement', '']
    """
    words = re.sub(r"[_\s.-]+", " ", text.lower())
    return next((kind for kind, pattern in _WORDS if re.search(pattern, words)), "")


def words_of(value: Any) -> list[str]:
    """Return the values of an element of text."""
    return [value] if isinstance(value, str) else [str(word) for word in value or ()]


def _near(one: float | None, other: float | None, factor: float, margin: float) -> bool:
    if one is None or other is None:
        return True
    low, high = sorted((one, other))
    return high - low <= margin or high <= factor * low
