"""How well a segmentation agrees with a reference: Dice, and distances in millimetres.

The definitions, since tools that use the same words differ:

Surface
    The voxels of a structure that have one of their six neighbours outside it (beyond the array is
    outside); in an array of one slice, of their four neighbours in the plane. Distances go from
    centre to centre of such voxels, with the real spacing; they are no finer than a voxel.
HD95
    The larger of the two directed 95th percentiles: from every surface voxel of one to the nearest
    of the other, and back. (Pooling both directions first gives smaller numbers.)
Mean surface distance
    The mean of the two directed means.
Three dimensions
    Distances are taken in the volume, per frame. Short-axis slices are 5 to 18 mm apart, so one
    slice too many or too few at base or apex alone moves HD95 by up to that distance: on such
    stacks it mostly tells about slices found or missed, Dice and the mean more about contours.
Empty structures
    Absent in both: nothing was to be found and nothing was; Dice and distances are undefined (NaN)
    and no mean counts them. Absent in one: Dice is 0; the distances have nothing to measure to and
    are undefined (NaN), so that a mean distance says how far off what was found is, and Dice says
    what was missed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError

_SIX_NEIGHBOURS = ndimage.generate_binary_structure(3, 1)
_FOUR_NEIGHBOURS = ndimage.generate_binary_structure(2, 1)[np.newaxis]


@dataclass(frozen=True)
class Score:
    """How one structure in one frame agrees with the reference. NaN is undefined.

    Parameters
    ----------
    structure
        Which one.
    frame
        Which frame, from 0.
    dice
        Overlap, from 0 to 1.
    hd95_mm, mean_surface_distance_mm
        As the module defines them.
    volume_ml, reference_volume_ml
        Volumes in the prediction and in the reference.
    """

    structure: Structure
    frame: int
    dice: float
    hd95_mm: float
    mean_surface_distance_mm: float
    volume_ml: float
    reference_volume_ml: float

    @property
    def absent_in(self) -> str:
        """Where the structure is missing: "", "prediction", "reference" or "both"."""
        missing = (self.volume_ml == 0, self.reference_volume_ml == 0)
        return {(True, True): "both", (True, False): "prediction", (False, True): "reference"}.get(
            missing, ""
        )


def score(
    prediction: NDArray[np.integer],
    reference: NDArray[np.integer],
    *,
    spacing_mm: tuple[float, float, float],
    structures: Sequence[Structure],
    slices: Sequence[int] | None = None,
) -> list[Score]:
    """Score every structure in every frame.

    Parameters
    ----------
    prediction, reference
        Labels in the scheme `UKBB`, shape ``(t, z, y, x)``.
    spacing_mm
        Along ``(z, y, x)``.
    structures
        Which to score.
    slices
        If given, only these z are scored: Dice and volumes on them alone, distances from the
        surface voxels in them to the other's whole surface (cutting slices out of a volume would
        make surfaces where there are none).

    Returns
    -------
    list of Score
        Frame by frame, in the order of `structures`.

    Raises
    ------
    InputError
        If the shapes differ, the spacing is not positive, or there is no such slice.

    Examples
    --------
    >>> labels = np.zeros((1, 4, 8, 8), np.uint8)
    >>> labels[0, 1:3, 2:6, 2:6] = UKBB.code(Structure.LV_CAVITY)
    >>> shifted = np.roll(labels, 1, axis=3)
    >>> [result] = score(
    ...     shifted, labels, spacing_mm=(10, 1.5, 1.5), structures=[Structure.LV_CAVITY]
    ... )
    >>> result.dice, result.hd95_mm, result.volume_ml
    (0.75, 1.5, 0.72)
    """
    if prediction.shape != reference.shape or prediction.ndim != 4:
        raise InputError(
            f"the prediction has shape {prediction.shape}, the reference {reference.shape}; both "
            "must be the same (t, z, y, x)"
        )
    chosen = np.ones(prediction.shape[1], dtype=bool)
    if slices is not None:
        wrong = [z for z in slices if not 0 <= z < len(chosen)]
        if wrong or not len(slices):
            raise InputError(f"no slice {wrong or 'chosen'}; there are 0 to {len(chosen) - 1}")
        chosen[:] = False
        chosen[list(slices)] = True
    return [
        _score(
            prediction[t],
            reference[t],
            structure=structure,
            frame=t,
            spacing_mm=spacing_mm,
            chosen=chosen,
        )
        for t in range(prediction.shape[0])
        for structure in structures
    ]


def _score(
    prediction: NDArray[np.integer],
    reference: NDArray[np.integer],
    *,
    structure: Structure,
    frame: int,
    spacing_mm: tuple[float, float, float],
    chosen: NDArray[np.bool_],
) -> Score:
    code = UKBB.code(structure)
    found, true = prediction == code, reference == code
    there, back = surface_distances(found, true, spacing_mm, slices=chosen)
    ml = float(np.prod(spacing_mm)) / 1000
    return Score(
        structure,
        frame,
        dice(found[chosen], true[chosen]),
        hd95(there, back),
        mean_surface_distance(there, back),
        float(found[chosen].sum() * ml),
        float(true[chosen].sum() * ml),
    )


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return twice the overlap over the sum of the sizes; NaN if both are empty.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> dice(np.array([True, True, False]), np.array([False, True, True]))
    0.5
    """
    a, b = _alike(a, b)
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")


def surface_distances(
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    *,
    slices: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance of every surface voxel of each structure to the other's surface.

    Parameters
    ----------
    a, b
        Shape ``(z, y, x)``.
    spacing_mm
        Along ``(z, y, x)``.
    slices
        Shape ``(z,)``: from which slices surface voxels are taken (not: to which); all by default.

    Returns
    -------
    there, back
        From `a` to `b` and from `b` to `a`, mm. Both are empty if either structure has no voxel
        in the slices.

    Raises
    ------
    InputError
        If the shapes differ or are not 3-D, or the spacing is not positive.
    """
    a, b = _alike(a, b)
    if a.ndim != 3:
        raise InputError(f"surfaces are those of volumes (z, y, x); got shape {a.shape}")
    if len(spacing_mm) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing_mm):
        raise InputError(f"the spacing must be three positive numbers (mm), got {spacing_mm}")
    chosen = np.ones(len(a), dtype=bool) if slices is None else slices
    if not (a[chosen].any() and b[chosen].any()):
        return np.empty(0), np.empty(0)
    # All surfaces lie in the box round both, and outside the box is outside either.
    [box] = ndimage.find_objects((a | b).astype(np.uint8))
    neighbours = _FOUR_NEIGHBOURS if len(a) == 1 else _SIX_NEIGHBOURS
    a, b = (m[box] & ~ndimage.binary_erosion(m[box], neighbours) for m in (a, b))
    chosen = chosen[box[0]]
    to_a = ndimage.distance_transform_edt(~a, sampling=spacing_mm)
    to_b = ndimage.distance_transform_edt(~b, sampling=spacing_mm)
    return to_b[chosen][a[chosen]], to_a[chosen][b[chosen]]


def hd95(there: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    """Return the larger 95th percentile of two directed distances; NaN if there are none."""
    if not (there.size and back.size):
        return float("nan")
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def mean_surface_distance(there: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    """Return the mean of the means of two directed distances; NaN if there are none."""
    if not (there.size and back.size):
        return float("nan")
    return float((there.mean() + back.mean()) / 2)


def mean_defined(values: Iterable[float]) -> float:
    """Return the mean of the values that are defined; NaN if none is.

    Examples
    --------
    >>> mean_defined([0.5, float("nan"), 1.0])
    0.75
    """
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _alike(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    if a.shape != b.shape:
        raise InputError(f"the masks have different shapes: {a.shape} and {b.shape}")
    return a.astype(bool, copy=False), b.astype(bool, copy=False)
