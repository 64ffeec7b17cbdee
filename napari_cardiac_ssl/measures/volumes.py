"""Areas, volumes, and which frames are ED and ES.

Volume
    Every voxel of a structure counts whole: its pixel's area times the distance between slices,
    which is measured at right angles to them, never the slice's thickness. On contoured slices this
    is the summation of discs (Simpson's rule as the field calls it; Schulz-Menger et al., JCMR
    2020;22:19). Nothing is added beyond the first and the last slice.
Mass
    Volume of the myocardium at ED times 1.05 g/ml (ibid.).
Absent structures
    A heart's chamber never empties: a frame without any voxel of a structure is one where nobody
    contoured it, and its volume there is undefined (NaN), not 0.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError

#: Of myocardium, g/ml.
DENSITY_G_PER_ML = 1.05


class Phases(NamedTuple):
    """Which frames are end-diastole and end-systole.

    Parameters
    ----------
    ed, es
        Frames, from 0; None where there is none.
    """

    ed: int | None
    es: int | None


def pixel_area_mm2(affine: NDArray[np.float64]) -> float:
    """Return the area of a pixel of a slice.

    Parameters
    ----------
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to mm.

    Examples
    --------
    >>> pixel_area_mm2(np.diag([1.5, 2, 10, 1]))
    3.0
    """
    return float(np.linalg.norm(np.cross(affine[:3, 0], affine[:3, 1])))


def slice_distance_mm(affine: NDArray[np.float64]) -> float:
    """Return the distance between the planes of neighbouring slices, at right angles to them.

    It is shorter than the step from slice to slice where a stack is sheared.

    Examples
    --------
    >>> sheared = np.diag([1.5, 2.0, 8, 1]); sheared[0, 2] = 6.0
    >>> round(slice_distance_mm(sheared), 9)
    8.0
    """
    return float(abs(np.linalg.det(affine[:3, :3])) / pixel_area_mm2(affine))


def volume_by_discs_ml(
    areas_mm2: Sequence[float] | NDArray[np.floating],
    distance_mm: float,
    missing: Sequence[int] = (),
) -> float:
    """Return a volume from areas slice by slice, bridging slices that are missing.

    A missing slice between others gets the area that a straight line between its nearest neighbours
    has there. Before the first and after the last contoured slice nothing is guessed.

    Parameters
    ----------
    areas_mm2
        Shape ``(z,)``.
    distance_mm
        Between the slices' planes (`slice_distance_mm`).
    missing
        Slices that were not contoured, whatever their area.

    Returns
    -------
    float
        Millilitres; NaN if every slice is missing.

    Raises
    ------
    InputError
        If there is no such slice.

    Examples
    --------
    >>> volume_by_discs_ml([300, 500, 400], 10)
    12.0
    >>> volume_by_discs_ml([300, 0, 400], 10, missing=[1])
    10.5
    """
    areas = np.asarray(areas_mm2, dtype=np.float64)
    if any(not 0 <= z < len(areas) for z in missing):
        raise InputError(f"no slice {list(missing)}: there are 0 to {len(areas) - 1}")
    known = np.setdiff1d(np.arange(len(areas)), np.asarray(missing, dtype=int))
    if not known.size:
        return float("nan")
    bridged = np.interp(np.arange(len(areas)), known, areas[known], left=0.0, right=0.0)
    return float(bridged.sum() * distance_mm / 1000)


#: Volumes that differ by less than this share of the stroke volume are nearly the same.
NEARLY = 0.15


def told_phases(
    volumes_ml: NDArray[np.floating],
    unlabelled: NDArray[np.integer] | None = None,
    drawn: Collection[int] = (),
) -> Phases:
    """Tell ED and ES from the LV's volume: the largest and the smallest cavity.

    Frames without an LV are left aside. So are, where slice states are known, frames with more
    unlabelled slices than others have: their volume is that of a part. Of several frames alike,
    the earliest is taken. With one frame left there is an ED and no ES.

    A frame that an expert has drawn on stays ED, or ES, as long as its volume is nearly that of the
    frame which the curve tells (`NEARLY`): predictions of frames beside it, which nobody has seen,
    do not move a phase away from what was drawn for it.

    Parameters
    ----------
    volumes_ml
        Of the LV cavity per frame, shape ``(t,)``; NaN or 0 where there is none.
    unlabelled
        Number of unlabelled slices per frame, shape ``(t,)``.
    drawn
        Frames that an expert has drawn on.

    Examples
    --------
    >>> told_phases(np.array([150.0, 120, 60, 60, 140]))
    Phases(ed=0, es=2)
    >>> told_phases(np.array([150.0, 120, 61, 60, 152]), drawn=[0, 2])
    Phases(ed=0, es=2)
    >>> told_phases(np.array([np.nan, 120.0])), told_phases(np.array([np.nan]))
    (Phases(ed=1, es=None), Phases(ed=None, es=None))
    >>> told_phases(np.array([150.0, 120, 20]), unlabelled=np.array([0, 0, 7]))
    Phases(ed=0, es=1)
    """
    frames = np.flatnonzero(np.nan_to_num(volumes_ml) > 0)
    if unlabelled is not None and frames.size:
        frames = frames[unlabelled[frames] == unlabelled[frames].min()]
    if not frames.size:
        return Phases(None, None)
    ed = int(frames[np.argmax(volumes_ml[frames])])
    others = frames[frames != ed]
    if not others.size:
        return Phases(ed, None)
    es = int(others[np.argmin(volumes_ml[others])])
    stroke = volumes_ml[ed] - volumes_ml[es]
    seen = [frame for frame in frames.tolist() if frame in set(drawn)] if stroke > 0 else []
    nearly = NEARLY * stroke
    filled = [frame for frame in seen if volumes_ml[frame] >= volumes_ml[ed] - nearly]
    emptied = [frame for frame in seen if volumes_ml[frame] <= volumes_ml[es] + nearly]
    return Phases(
        max(filled, key=lambda frame: volumes_ml[frame], default=ed),
        min(emptied, key=lambda frame: volumes_ml[frame], default=es),
    )
