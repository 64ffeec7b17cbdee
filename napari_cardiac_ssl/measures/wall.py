"""Thickness of the LV's wall, per segment of the American Heart Association's model.

Thickness
    On every slice whose myocardium closes a ring, the shortest distance from each point of the
    endocardial contour to the epicardial contour and the other way round, points 0.5 mm apart; a
    mean over a part of the wall is that of all its points, of both contours. The contours are those
    of the pixels, smoothed by one pixel without changing the area that they enclose, so that
    the pixels' staircase does not decide. On annuli 4 to 16 mm thick the mean is right to a quarter
    of a pixel and a segment's to 0.35 pixels (0.6 where pixels are twice as long as wide).
Segments
    Cerqueira et al., Circulation 2002;105:539: slices with myocardium all round, a third of them
    each basal (segments 1 to 6), mid-cavity (7 to 12) and apical (13 to 16), counted against the
    clock from anterior as seen from the apex, the septum towards the RV. Its middle is
    the middle of where the RV lies on the myocardium, one direction for the whole frame. The
    apical cap (17) is not cut across by short-axis slices, and so it is not measured.
Base and apex
    The apex is where the LV cavity tapers; of fewer than three slices it is where the patient's
    axes say, if the file knows them. Hearts are not mirrored: with the apex and the RV's side,
    anterior is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.frame import along_patient_axes, is_mirrored
from napari_cardiac_ssl.study import Stack

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

_LV, _MYO, _RV = (
    UKBB.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
)
_STEP_MM = 0.5
#: The RV lies on the myocardium where it is no further away: readers leave a pixel between them.
_TOUCHING_PIXELS = 2
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
    """

    frame: int
    mean_mm: float
    segments_mm: Mapping[int, float]
    slices_mm: Mapping[int, float]
    left_out: tuple[int, ...]

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

    Returns
    -------
    Wall or None
        None if no slice's myocardium closes a ring round a cavity.
    """
    with_cavity = np.flatnonzero((labels == _LV).any(axis=(1, 2)))
    rings = {int(z): _ring(labels[z], affine) for z in with_cavity}
    left_out = tuple(z for z, ring in rings.items() if ring is None)
    whole = {z: ring for z, ring in rings.items() if ring is not None}
    if not whole:
        return None
    slices_mm = {z: float(ring.thickness_mm.mean()) for z, ring in whole.items()}
    every = np.concatenate([ring.thickness_mm for ring in whole.values()])
    segments = dict.fromkeys(SEGMENTS, float("nan"))
    axes = _septal_and_anterior(labels, affine, whole, orientation_known)
    if axes is not None:
        septal, anterior, from_base = axes
        order = sorted(whole, reverse=not from_base)
        where = np.concatenate(
            [
                _segments_of(whole[z], 3 * (2 * i + 1) // (2 * len(order)), septal, anterior)
                for i, z in enumerate(order)
            ]
        )
        thickness = np.concatenate([whole[z].thickness_mm for z in order])
        segments |= {int(s): float(thickness[where == s].mean()) for s in np.unique(where)}
    return Wall(frame, float(every.mean()), segments, slices_mm, left_out)


@dataclass(frozen=True, eq=False)
class _Ring:
    """The wall of one slice: points of both contours, mm in its plane, and the thickness there."""

    points_mm: NDArray[np.float64]
    thickness_mm: NDArray[np.float64]
    centre_mm: NDArray[np.float64]


def plane_mm(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what takes pixels ``(x, y)`` to mm in the plane of the slice, shape ``(2, 2)``.

    The first axis is that of the rows' pixels; the second is at right angles to it.

    Examples
    --------
    >>> plane_mm(np.diag([-1.5, 2, 10, 1])).round(9)
    array([[1.5, 0. ],
           [0. , 2. ]])
    """
    basis = _plane_basis(affine)
    return np.asarray(basis @ affine[:3, :2])


def _plane_basis(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two unit vectors, RAS, that span the slices' plane, shape ``(2, 3)``."""
    x, y = affine[:3, 0], affine[:3, 1]
    along = x / np.linalg.norm(x)
    across = y - (y @ along) * along
    return np.stack([along, across / np.linalg.norm(across)])


def _ring(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> _Ring | None:
    """Measure one slice's wall; None where it closes no ring."""
    myocardium = labels == _MYO
    if not myocardium.any():
        return None
    [box] = ndimage.find_objects((myocardium | (labels == _LV)).astype(np.uint8))
    corner_xy = np.array([box[1].start, box[0].start])
    myocardium, cavity = np.pad(myocardium[box], 6), np.pad(labels[box] == _LV, 6)
    filled = ndimage.binary_fill_holes(myocardium)
    if (cavity & ~filled).any():
        return None
    inside = _piece_with_most(filled & ~myocardium, cavity)
    if inside is None:
        return None
    outside = _piece_with_most(filled, cavity)
    to_mm = plane_mm(affine)
    contours = []
    for shape in (inside, outside):
        points = _contour(shape)
        if points is None:
            return None
        contours.append(_evenly((points - 6 + corner_xy) @ to_mm.T))
    endocardium, epicardium = contours
    there, _ = cKDTree(epicardium).query(endocardium)
    back, _ = cKDTree(endocardium).query(epicardium)
    y, x = np.nonzero(inside)
    centre = to_mm @ (np.array([x.mean(), y.mean()]) - 6 + corner_xy)
    return _Ring(np.concatenate([endocardium, epicardium]), np.concatenate([there, back]), centre)


def _piece_with_most(shape: NDArray[np.bool_], of: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the connected piece that has most pixels of another shape; None if none has any."""
    pieces, _ = ndimage.label(shape)
    counts = np.bincount(pieces[of], minlength=1)
    counts[0] = 0
    return np.asarray(pieces == counts.argmax()) if counts.any() else None


def _contour(shape: NDArray[np.bool_] | None) -> NDArray[np.float64] | None:
    """Return the longest closed contour ``(n, 2)``, x and y, of a smoothed shape of equal area."""
    if shape is None:
        return None
    smooth = ndimage.gaussian_filter(shape.astype(np.float64), 1.0)
    pixels = int(shape.sum())
    # The level that as many pixels are above as the shape has.
    around = np.partition(smooth.ravel(), (-pixels - 1, -pixels))
    level = (around[-pixels - 1] + around[-pixels]) / 2
    contours = find_contours(smooth, level)
    if not contours:
        return None
    longest = max(contours, key=len)
    return np.asarray(longest[:, ::-1])


def _evenly(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points along a closed contour, equally far apart."""
    along = np.concatenate([[0], np.linalg.norm(np.diff(points_mm, axis=0), axis=1).cumsum()])
    number = max(8, round(float(along[-1]) / _STEP_MM))
    at = np.linspace(0, along[-1], number, endpoint=False)
    return np.stack([np.interp(at, along, points_mm[:, i]) for i in range(2)], axis=1)


def _septal_and_anterior(
    labels: NDArray[np.integer],
    affine: NDArray[np.float64],
    rings: Mapping[int, _Ring],
    orientation_known: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool] | None:
    """Return unit directions in the plane, and whether z counts from the base; None if untold."""
    septal = _septal(labels, affine, rings)
    from_base = counted_from_base(labels, affine, orientation_known)
    if septal is None or from_base is None:
        return None
    basis = _plane_basis(affine)
    apex = np.cross(basis[0], basis[1])
    if bool(apex @ affine[:3, 2] > 0) != from_base:
        apex = -apex
    stack = Stack(labels[np.newaxis], affine, orientation_known=orientation_known)
    # As `AnatomicalFrame.from_landmarks`: towards the RV × towards anterior points to the base.
    anterior = basis @ np.cross(septal @ basis, apex)
    if is_mirrored(stack, apex):
        anterior = -anterior
    return septal, anterior, from_base


def _septal(
    labels: NDArray[np.integer], affine: NDArray[np.float64], rings: Mapping[int, _Ring]
) -> NDArray[np.float64] | None:
    """Return the direction of the septum's middle in the plane; None without an RV beside it.

    On each slice every direction in which RV lies on the myocardium counts once.
    """
    to_mm = plane_mm(affine)
    total = np.zeros(2)
    for z, ring in rings.items():
        near = ndimage.binary_dilation(labels[z] == _RV, iterations=_TOUCHING_PIXELS)
        y, x = np.nonzero(near & (labels[z] == _MYO))
        if not x.size:
            continue
        away = np.stack([x, y], axis=1) @ to_mm.T - ring.centre_mm
        directions = np.unique(np.rad2deg(np.arctan2(away[:, 1], away[:, 0])) // 5) * 5 + 2.5
        total += [np.cos(np.deg2rad(directions)).sum(), np.sin(np.deg2rad(directions)).sum()]
    length = float(np.linalg.norm(total))
    return total / length if length > 0 else None


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


def _segments_of(
    ring: _Ring, level: int, septal: NDArray[np.float64], anterior: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the segment of each point of a ring of the basal (0), mid (1) or apical (2) third."""
    away = ring.points_mm - ring.centre_mm
    turned = np.rad2deg(np.arctan2(away @ anterior, away @ septal))
    if level == 2:
        return np.asarray(_FOUR[((turned + 45) % 360 // 90).astype(int) % 4])
    return np.asarray(_SIX[(turned % 360 // 60).astype(int) % 6] + 6 * level)
