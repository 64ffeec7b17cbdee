"""Thickness of the LV's wall, per segment of the American Heart Association's model.

Thickness
    That of the slices whose myocardium closes a ring (`ring`); a mean over a part of the wall is
    that of all its points, of both contours. On annuli 4 to 16 mm thick a segment's mean is right
    to 0.35 pixels (0.6 where pixels are twice as long as wide).
Segments
    Cerqueira et al., Circulation 2002;105:539: slices with myocardium all round, a third of them
    each basal (segments 1 to 6), mid-cavity (7 to 12) and apical (13 to 16), counted against the
    clock from anterior as seen from the apex, the septum towards the RV. Its middle is half way
    between the RV's insertion points, where somebody has set them (`insertion`), else the middle of
    where the RV lies on the myocardium: one direction for the whole frame. The apical cap (17) is
    not cut across by short-axis slices, and so it is not measured.
Base and apex
    The apex is where the LV cavity tapers; of fewer than three slices it is where the patient's
    axes say, if the file knows them. Hearts are not mirrored: with the apex and the RV's side,
    anterior is known, unless insertion points say it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.frame import along_patient_axes
from napari_cardiac_ssl.measures.insertion import InsertionPoints, Septum, septum_of
from napari_cardiac_ssl.measures.ring import Ring, ring_of

SEGMENTS = range(1, 17)
#: Names of the segments of each level, counted from 1.
SEGMENT_NAMES = (
    *(
        f"{level} {wall}"
        for level in ("basal", "mid")
        for wall in (
            "anterior",
            "anteroseptal",
            "inferoseptal",
            "inferior",
            "inferolateral",
            "anterolateral",
        )
    ),
    *(f"apical {wall}" for wall in ("anterior", "septal", "inferior", "lateral")),
)

_LV = UKBB.code(Structure.LV_CAVITY)
#: From the middle of the septum towards anterior, the segments that follow each other.
_SIX, _FOUR = np.array([2, 1, 6, 5, 4, 3]), np.array([14, 13, 16, 15])


@dataclass(frozen=True)
class Wall:
    """The wall's thickness in one frame.

    Parameters
    ----------
    frame
        Which, from 0.
    mean_mm
        Over all slices that were measured.
    segments_mm
        Segment (1 to 16) to mean thickness; NaN where there is none, all NaN where the RV or the
        direction of the apex is not known.
    slices_mm
        Slice to its mean thickness.
    left_out
        Slices with a cavity whose myocardium does not close a ring.
    septum
        Which way the septum lies; None where that is not known.
    """

    frame: int
    mean_mm: float
    segments_mm: Mapping[int, float]
    slices_mm: Mapping[int, float]
    left_out: tuple[int, ...]
    septum: Septum | None = None

    @property
    def max_mm(self) -> float:
        """Thickness of the thickest segment; NaN if there is none."""
        known = [mm for mm in self.segments_mm.values() if not np.isnan(mm)]
        return max(known, default=float("nan"))

    @property
    def max_segment(self) -> int | None:
        """The thickest segment; None if there is none."""
        known = [s for s, mm in self.segments_mm.items() if not np.isnan(mm)]
        return max(known, key=lambda s: self.segments_mm[s], default=None)


def thickening_percent(ed: Wall, es: Wall) -> dict[int, float]:
    """Return by how much every segment is thicker at ES than at ED, percent.

    Examples
    --------
    >>> ed, es = (Wall(t, mm, {1: mm, 2: np.nan}, {}, ()) for t, mm in enumerate((8.0, 12.0)))
    >>> thickening_percent(ed, es)
    {1: 50.0, 2: nan}
    """
    return {
        s: 100 * (es.segments_mm[s] / mm - 1)
        for s, mm in ed.segments_mm.items()
        if s in es.segments_mm
    }


def wall_thickness(
    labels: NDArray[np.integer],
    affine: NDArray[np.float64],
    *,
    frame: int = 0,
    orientation_known: bool = True,
    insertion: InsertionPoints | None = None,
) -> Wall | None:
    """Measure the thickness of the LV's wall in one frame.

    Parameters
    ----------
    labels
        Shape ``(z, y, x)``, in the scheme `UKBB`, of a short-axis stack.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    frame
        Which one it is.
    orientation_known
        Whether the affine is true of the patient.
    insertion
        The RV's insertion points, where somebody has set them.

    Returns
    -------
    Wall or None
        None if no slice's myocardium closes a ring round a cavity.
    """
    areas = (labels == _LV).sum(axis=(1, 2))
    rings = {int(z): ring_of(labels[z], affine) for z in np.flatnonzero(areas)}
    return wall_of(
        rings,
        areas,
        affine,
        frame=frame,
        orientation_known=orientation_known,
        insertion=insertion,
    )


def wall_of(
    rings: Mapping[int, Ring | None],
    areas: NDArray[np.number],
    affine: NDArray[np.float64],
    *,
    frame: int = 0,
    orientation_known: bool = True,
    insertion: InsertionPoints | None = None,
) -> Wall | None:
    """Put the rings of a frame together, as `wall_thickness` does.

    Parameters
    ----------
    rings
        Of every slice with a cavity; None where the myocardium closes none.
    areas
        Of the LV cavity, shape ``(z,)``, in any unit.
    affine, frame, orientation_known, insertion
        As of `wall_thickness`.
    """
    left_out = tuple(z for z, ring in rings.items() if ring is None)
    whole = {z: ring for z, ring in rings.items() if ring is not None}
    if not whole:
        return None
    slices_mm = {z: float(ring.thickness_mm.mean()) for z, ring in whole.items()}
    every = np.concatenate([ring.thickness_mm for ring in whole.values()])
    segments = dict.fromkeys(SEGMENTS, float("nan"))
    from_base = base_first(areas, affine, orientation_known)
    septum = septum_of(whole, affine, from_base, orientation_known, insertion)
    if septum is not None and from_base is not None:
        order = sorted(whole, reverse=not from_base)
        where = np.concatenate(
            [
                _segments_of(whole[z], 3 * (2 * i + 1) // (2 * len(order)), septum)
                for i, z in enumerate(order)
            ]
        )
        thickness = np.concatenate([whole[z].thickness_mm for z in order])
        segments |= {int(s): float(thickness[where == s].mean()) for s in np.unique(where)}
    return Wall(frame, float(every.mean()), segments, slices_mm, left_out, septum)


def counted_from_base(
    labels: NDArray[np.integer], affine: NDArray[np.float64], orientation_known: bool = True
) -> bool | None:
    """Tell whether slice 0 is on the base's side; None if neither shape nor axes tell.

    Parameters
    ----------
    labels
        Shape ``(z, y, x)``, in the scheme `UKBB`.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    orientation_known
        Whether the affine is true of the patient.

    Examples
    --------
    >>> labels = np.zeros((3, 9, 9), np.uint8)
    >>> labels[0, 4, 4:6], labels[1, 2:7, 2:7], labels[2, 2:7, 1:7] = 1, 1, 1
    >>> counted_from_base(labels, np.eye(4))
    False
    """
    return base_first((labels == _LV).sum(axis=(1, 2)), affine, orientation_known)


def base_first(
    areas: NDArray[np.number], affine: NDArray[np.float64], orientation_known: bool = True
) -> bool | None:
    """Tell as `counted_from_base` does, from the areas of the LV cavity, shape ``(z,)``.

    Examples
    --------
    >>> base_first(np.array([0, 2, 25, 30]), np.eye(4)), base_first(np.array([5, 4]), np.eye(4))
    (False, None)
    """
    slices = np.flatnonzero(areas)
    if slices.size >= 3:
        middle = (areas * np.arange(len(areas))).sum() / areas.sum()
        return bool(middle < (slices[0] + slices[-1]) / 2)
    if not orientation_known or along_patient_axes(affine):
        return None
    # The apex is to the left, in front of and below the base.
    return bool(affine[:3, 2] @ np.array([-1.0, 1.0, -1.0]) > 0)


def _segments_of(ring: Ring, level: int, septum: Septum) -> NDArray[np.intp]:
    """Return the segment of each point of a ring of the basal (0), mid (1) or apical (2) third."""
    away = ring.points_mm - ring.centre_mm
    turned = np.rad2deg(np.arctan2(away @ septum.anterior, away @ septum.middle))
    if level == 2:
        return np.asarray(_FOUR[((turned + 45) % 360 // 90).astype(int) % 4])
    return np.asarray(_SIX[(turned % 360 // 60).astype(int) % 6] + 6 * level)
