"""What a mask says that no heart can be: where to look again.

Every check has a place, a number and words. Few false alarms matter more than finding everything:
a warning that is often wrong is read by nobody. The limits were set on expert contours (each one's
reason stands beside it), and the base is spared what is normal there: a myocardium open towards the
outflow tract, an RV in two pieces.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure

_LV, _MYO, _RV = (UKBB.code(structure) for structure in SAX_STRUCTURES)

#: Pieces and holes that are smaller are a slip of the brush that no number feels.
LEAST_AREA_MM2 = 20.0
#: Of the LV cavity's rim, what may lie open outside the base before it is a leak.
MOST_OPEN = 0.1
#: By this share of its largest area a structure may be larger, or smaller, than on both neighbours.
MOST_JUMP = 0.3
#: On fewer slices than these a heart is allowed to differ so from one to the next.
_MANY_SLICES = 6
#: Where the LV cavity's smaller end has more than this share of its largest area, it does not end
#: there. Of 56 masks by readers (ED and ES of 20 patients of ACDC and 8 of M&Ms) the largest share
#: is 0.48, and all others are below 0.32.
MOST_END = 0.6
#: Length of a border between LV and RV cavity that is no slip of the brush.
LEAST_CONTACT_MM = 8.0


class Check(StrEnum):
    """What was looked for."""

    LEAK = "LV cavity not enclosed by myocardium"
    GAP = "gap between slices"
    JUMP = "area jump"
    PIECES = "in several pieces"
    HOLE = "hole"
    CONTACT = "LV and RV cavity touch"
    ES_LARGER = "ES larger than ED"
    CUT = "cut by the image's border"
    PARTIAL = "partly labelled"
    INCOMPLETE = "a part of the heart"
    NUMBER = "a number that no heart has"


@dataclass(frozen=True)
class AnatomyWarning:
    """One thing to look at again.

    Parameters
    ----------
    check
        What is wrong.
    t, z
        Frame and slice, counted from 0 as the sliders do; z is None where it is about a frame.
    structure
        Of which structure; None where it is about several.
    number, unit
        How much.
    text
        In words, without the place.
    """

    check: Check
    t: int
    z: int | None
    structure: Structure | None
    number: float
    unit: str
    text: str

    def __str__(self) -> str:
        """Return where and what, in words."""
        return self.said(f"frame {self.t}")

    def said(self, frame: str) -> str:
        """Return it in words, with what users call the frame."""
        return f"{frame}{'' if self.z is None else f', slice {self.z}'}: {self.text}"


@dataclass(frozen=True)
class SliceFacts:
    """What is found on one slice, wherever it lies in the heart.

    Parameters
    ----------
    open_share
        Share of the LV cavity's rim that is neither LV nor myocardium; NaN without a cavity.
    pieces_mm2
        Per structure, the areas of its pieces, largest first.
    holes_mm2
        Area without a label inside the LV (cavity and myocardium) or inside the RV cavity.
    contact_mm
        Length of the border between LV and RV cavity.
    cut
        Structures that reach the image's border.
    """

    open_share: float
    pieces_mm2: Mapping[Structure, tuple[float, ...]]
    holes_mm2: float
    contact_mm: float
    cut: tuple[Structure, ...]


_NOTHING = SliceFacts(float("nan"), {}, 0.0, 0.0, ())
_EIGHT = np.ones((3, 3), dtype=bool)


def slice_facts(labels: NDArray[np.integer], pixel_mm: tuple[float, float]) -> SliceFacts:
    """Look at one slice.

    Parameters
    ----------
    labels
        Shape ``(y, x)``, in the scheme `UKBB`.
    pixel_mm
        Along ``(y, x)``.

    Examples
    --------
    >>> labels = np.zeros((12, 12), np.uint8)
    >>> labels[1:8, 1:8], labels[3:6, 3:6] = 2, 1
    >>> slice_facts(labels, (2.0, 2.0)).open_share
    0.0
    >>> labels[4, 1:3] = 0
    >>> slice_facts(labels, (2.0, 2.0)).open_share.__round__(3)
    0.083
    """
    heart = (labels > 0) & (labels <= _RV)
    if not heart.any():
        return _NOTHING
    rows, columns = (np.flatnonzero(heart.any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    reaches = (
        rows[0] == 0
        or columns[0] == 0
        or rows[-1] == labels.shape[0] - 1
        or columns[-1] == labels.shape[1] - 1
    )
    small = np.pad(labels[box], 1)
    heart = np.pad(heart[box], 1)
    mm2 = pixel_mm[0] * pixel_mm[1]
    pieces = {}
    for structure in SAX_STRUCTURES:
        mask = small == UKBB.code(structure)
        if mask.any():
            numbered, _ = ndimage.label(mask, _EIGHT)
            areas = np.sort(np.bincount(numbered.ravel())[1:])[::-1] * mm2
            pieces[structure] = tuple(float(area) for area in areas)
    # Between LV and RV there may be fat; within either there is nothing else.
    holes = np.zeros_like(heart)
    for codes in ((_LV, _MYO), (_RV,)):
        holes |= ndimage.binary_fill_holes(np.isin(small, codes)) & ~heart
    return SliceFacts(
        _open_share(small),
        pieces,
        float(holes.sum() * mm2),
        _contact_mm(small, pixel_mm),
        _at_border(labels) if reaches else (),
    )


def _open_share(labels: NDArray[np.integer]) -> float:
    cavity = labels == _LV
    if not cavity.any():
        return float("nan")
    rim = ndimage.binary_dilation(cavity) & ~cavity
    return 1 - float((labels[rim] == _MYO).mean())


def _contact_mm(labels: NDArray[np.integer], pixel_mm: tuple[float, float]) -> float:
    lv, rv = labels == _LV, labels == _RV
    down = (lv[1:] & rv[:-1]).sum() + (rv[1:] & lv[:-1]).sum()
    across = (lv[:, 1:] & rv[:, :-1]).sum() + (rv[:, 1:] & lv[:, :-1]).sum()
    return float(down * pixel_mm[1] + across * pixel_mm[0])


def _at_border(labels: NDArray[np.integer]) -> tuple[Structure, ...]:
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    codes = set(np.unique(border).tolist())
    return tuple(structure for structure in SAX_STRUCTURES if UKBB.code(structure) in codes)


def frame_warnings(
    t: int,
    facts: Sequence[SliceFacts],
    areas_mm2: Mapping[Structure, NDArray[np.float64]],
    from_base: bool | None,
) -> Iterator[AnatomyWarning]:
    """Yield what is to be looked at again in one frame, slice by slice.

    Parameters
    ----------
    t
        The frame.
    facts
        Of its slices.
    areas_mm2
        Per structure, shape ``(z,)``.
    from_base
        Whether slice 0 is on the base's side; None if that is not known: both ends count as base.
    """
    base = _base_slices(areas_mm2, from_base)
    walled = bool(areas_mm2[Structure.MYOCARDIUM].any())  # cavities alone leak nowhere
    for z, of_slice in enumerate(facts):
        found = _slice_warnings(t, z, of_slice, at_base=z in base)
        yield from (one for one in found if walled or one.check is not Check.LEAK)
    for structure, areas in areas_mm2.items():
        yield from _gaps(t, structure, areas)
        spared = base if structure is Structure.RV_CAVITY else set[int]()
        yield from _jumps(t, structure, areas, spared)


def _base_slices(
    areas_mm2: Mapping[Structure, NDArray[np.float64]], from_base: bool | None
) -> set[int]:
    """Return the slices of the basal third, and beyond it."""
    slices = np.flatnonzero(sum(areas_mm2.values()))
    if not slices.size:
        return set()
    third = int(np.ceil(slices.size / 3))
    basal = set[int]()
    if from_base is not False:
        basal |= set(slices[:third].tolist())
    if from_base is not True:
        basal |= set(slices[-third:].tolist())
    return basal


def _slice_warnings(
    t: int, z: int, facts: SliceFacts, *, at_base: bool
) -> Iterator[AnatomyWarning]:
    if facts.open_share > MOST_OPEN and not at_base:
        yield AnatomyWarning(
            Check.LEAK, t, z, Structure.LV_CAVITY, 100 * facts.open_share, "%",
            f"{facts.open_share:.0%} of the LV cavity's border is not myocardium",
        )  # fmt: skip
    for structure, areas in facts.pieces_mm2.items():
        second = areas[1] if len(areas) > 1 else 0.0
        spared = at_base and structure is not Structure.LV_CAVITY
        if second >= LEAST_AREA_MM2 and not spared:
            yield AnatomyWarning(
                Check.PIECES, t, z, structure, second, "mm²",
                f"the {structure} is in {len(areas)} pieces; the second is {second:.0f} mm²",
            )  # fmt: skip
    if facts.holes_mm2 >= LEAST_AREA_MM2:
        yield AnatomyWarning(
            Check.HOLE, t, z, None, facts.holes_mm2, "mm²",
            f"{facts.holes_mm2:.0f} mm² inside the LV or the RV have no label",
        )  # fmt: skip
    if facts.contact_mm >= LEAST_CONTACT_MM:
        yield AnatomyWarning(
            Check.CONTACT, t, z, None, facts.contact_mm, "mm",
            f"LV and RV cavity touch along {facts.contact_mm:.0f} mm",
        )  # fmt: skip
    for structure in facts.cut:
        yield AnatomyWarning(
            Check.CUT, t, z, structure, 0.0, "",
            f"the {structure} reaches the image's border: it may be cut",
        )  # fmt: skip


def _gaps(t: int, structure: Structure, areas: NDArray[np.float64]) -> Iterator[AnatomyWarning]:
    slices = np.flatnonzero(areas)
    for below, above in pairwise(slices):
        number = int(above - below - 1)
        if number:
            which = f"slice {below + 1}" if number == 1 else f"slices {below + 1} to {above - 1}"
            yield AnatomyWarning(
                Check.GAP, t, int(below) + 1, structure, number, "slices",
                f"no {structure} on {which}, but on {below} and {above}",
            )  # fmt: skip


def _jumps(
    t: int, structure: Structure, areas: NDArray[np.float64], spared: set[int]
) -> Iterator[AnatomyWarning]:
    """Yield areas that stand out from both neighbours', in the middle of a structure."""
    if np.count_nonzero(areas) < _MANY_SLICES:
        return
    largest = float(areas.max())
    for z in range(1, len(areas) - 1):
        before, here, after = (float(area) for area in areas[z - 1 : z + 2])
        if not (before and here and after) or z in spared:
            continue
        higher, lower = here - max(before, after), min(before, after) - here
        off = max(higher, lower)
        if off > MOST_JUMP * largest:
            yield AnatomyWarning(
                Check.JUMP, t, z, structure, off, "mm²",
                f"the {structure} is {off:.0f} mm² {'larger' if higher > 0 else 'smaller'} than "
                f"on both neighbours ({here:.0f} mm² between {before:.0f} and {after:.0f})",
            )  # fmt: skip


def phase_warnings(
    ed: int, es: int, volumes_ml: Mapping[Structure, NDArray[np.float64]]
) -> Iterator[AnatomyWarning]:
    """Yield cavities that are larger at ES than at ED.

    Parameters
    ----------
    ed, es
        The frames.
    volumes_ml
        Per cavity, volumes over time, shape ``(t,)``.
    """
    for structure, volumes in volumes_ml.items():
        at_ed, at_es = float(volumes[ed]), float(volumes[es])
        if at_es > at_ed:
            yield AnatomyWarning(
                Check.ES_LARGER, es, None, structure, at_es - at_ed, "ml",
                f"the {structure} is larger at ES ({at_es:.1f} ml) than at ED ({at_ed:.1f} ml)",
            )  # fmt: skip


def partial_warning(t: int, slices: int, most: int) -> AnatomyWarning:
    """Return that a frame is labelled in part, beside others that are labelled whole."""
    number = f"{slices} slice{'' if slices == 1 else 's'}"
    return AnatomyWarning(
        Check.PARTIAL, t, None, None, slices, "slices",
        f"partly labelled ({number}, in the fullest frame {most}, or less than half its "
        "myocardium): not taken for ED or ES unless it is named",
    )  # fmt: skip


def end_share(areas_mm2: NDArray[np.float64]) -> float:
    """Return how large a cavity is at its smaller end, as a share of its largest area.

    Examples
    --------
    >>> end_share(np.array([0.0, 900, 1000, 800, 200, 0]))
    0.2
    """
    slices = np.flatnonzero(areas_mm2)
    if not slices.size:
        return float("nan")
    return float(min(areas_mm2[slices[0]], areas_mm2[slices[-1]]) / areas_mm2.max())


def incomplete_warning(
    t: int, structure: Structure, areas_mm2: NDArray[np.float64]
) -> AnatomyWarning | None:
    """Return that a cavity is cut across at both ends: slices towards the apex are missing.

    A heart narrows towards its apex; at the base a cavity may end wide.
    """
    share = end_share(areas_mm2)
    if not share > MOST_END:
        return None
    slices = int(np.count_nonzero(areas_mm2))
    return AnatomyWarning(
        Check.INCOMPLETE, t, None, structure, slices, "slices",
        f"the {structure} is on {slices} of {len(areas_mm2)} slices, and at its smaller end "
        f"still has {share:.0%} of its largest area: slices towards the apex are missing, so "
        "volumes are those of a part",
    )  # fmt: skip
