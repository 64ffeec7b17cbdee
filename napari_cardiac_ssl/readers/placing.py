"""A mask onto its image's grid: as the affines say, never by guess.

Masks come back from other programs cropped to what is drawn, with axes flipped or exchanged, or
with an affine that says nothing. Where both affines are believed, the map from the mask's voxels to
the image's is their quotient: if that takes voxels onto voxels, the mask is reordered and set into
the image's grid; if not, it is refused with the distance, for nothing here resamples labels.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti_file import NiftiFile
from napari_cardiac_ssl.readers.nifti_geometry import apart_mm
from napari_cardiac_ssl.study import Stack, reordered

#: A mask of the image's shape and order lies on it if none of its corners is further off.
SAME_GRID_MM = 0.5
#: What is reordered or cropped is placed by the affine alone: it must hit the voxels better, to so
#: much of the smallest step.
ON_VOXELS = 0.1
#: Spacings that differ by a smaller share are the same.
_SAME_SPACING = 0.01
_ADVICE = "export it on the image's own grid from the program that drew it"


def says_nothing(file: NiftiFile) -> bool:
    """Tell whether a file's geometry is only what is written where nobody knew it.

    No transform at all, or the identity: voxels of 1 mm at the origin, with any signs.
    """
    unit = np.array_equal(np.abs(file.affine[:3, :3]), np.eye(3))
    return not file.orientation_known or (unit and not file.affine[:3, 3].any())


def place(
    labels: NDArray[Any], mask: NiftiFile, image: Stack, path: Path
) -> tuple[NDArray[Any], str | None]:
    """Return a mask's labels on the image's grid, and a line if the affine did not tell it.

    Parameters
    ----------
    labels
        The mask's voxels, shape ``(t, z, y, x)``.
    mask
        What its file says.
    image
        The image that it was drawn on.
    path
        Of the mask, for messages.

    Raises
    ------
    InputError
        If it has other frames than the image, or does not lie on its voxels.
    """
    shape = image.image.shape
    if apart_on_same_grid(mask, image) <= SAME_GRID_MM:
        return labels, None
    as_stored = image.as_stored(np.broadcast_to(np.False_, shape)).shape
    stored = reordered(labels, [int(axis) for axis in np.argsort(mask.axes)])
    unplaced = says_nothing(mask) or not image.orientation_known
    if unplaced and stored.shape == as_stored and _same_spacing(mask, image):
        why = "its header does not say where it lies"
        if mask.orientation_known:
            why = "neither header says where it lies"
            if image.orientation_known:
                why = "its affine is the identity, which says nothing"
        line = f"{path}: {why}; it is taken voxel by voxel in the order of {image.name}"
        return np.ascontiguousarray(reordered(stored, image.stored_axes)), line
    if labels.shape[0] != shape[0]:
        raise _other_frames(labels, image, path)
    if unplaced:
        raise _unplaced(labels, mask, image, path)
    return _by_affine(labels, mask, image, path), None


def apart_on_same_grid(mask: NiftiFile, image: Stack) -> float:
    """Return how far apart mask and image lie if they are of one shape, else infinity; mm."""
    if mask.voxels.shape != image.image.shape:
        return float("inf")
    return apart_mm(mask.affine, image.affine, mask.voxels.shape)


def _same_spacing(mask: NiftiFile, image: Stack) -> bool:
    """Tell whether a mask that does not say where it lies at least does not contradict."""
    steps = np.linalg.norm(mask.affine[:3, :3], axis=0)[np.argsort(mask.axes)]
    own = np.linalg.norm(image.affine[:3, :3], axis=0)[np.argsort(image.stored_axes)]
    return bool(np.allclose(steps, own, rtol=_SAME_SPACING, atol=0) or np.all(steps == 1))


def _by_affine(labels: NDArray[Any], mask: NiftiFile, image: Stack, path: Path) -> NDArray[Any]:
    """Reorder, turn round and set in, as the two affines say."""
    to_image = np.linalg.inv(image.affine) @ mask.affine
    turn = np.round(to_image[:3, :3])
    shift = np.round(to_image[:3, 3])
    sizes, own = np.array(labels.shape[:0:-1]), np.array(image.image.shape[:0:-1])
    exact = np.eye(4)
    exact[:3, :3], exact[:3, 3] = turn, shift
    is_turn = np.array_equal(turn @ turn.T, np.eye(3))
    off_mm = apart_mm(mask.affine, image.affine @ exact, labels.shape) if is_turn else np.inf
    limit_mm = ON_VOXELS * min(image.spacing_mm)
    if not off_mm <= limit_mm:
        raise _off_grid(labels, mask, image, path, (off_mm, limit_mm))
    untouched = np.array_equal(turn, np.eye(3)) and not shift.any()
    if untouched and not np.array_equal(sizes, own):
        why = "one was cropped, and does not say where"
        if sorted(sizes) == sorted(own):
            why = "the mask's axes are stored in another order than its affine says"
        raise InputError(
            f"{path}: the mask has shape {labels.shape} (t, z, y, x), {image.name} has "
            f"{image.image.shape}, and both affines are the same: {why}; {_ADVICE}"
        )
    axes = [int(axis) for axis in np.abs(turn).argmax(axis=1)]  # of the mask, for x, y, z
    turned = reordered(labels, axes)
    signs = turn[range(3), axes]
    lowest = shift + np.minimum(0, signs * (sizes[axes] - 1))
    if np.array_equal(sizes[axes], own) and lowest.any():  # not cropped: of another place
        raise _off_grid(labels, mask, image, path, (np.inf, limit_mm))
    steps = (slice(None), *(slice(None, None, int(sign)) for sign in signs[::-1]))
    first = lowest.astype(int)
    inside = np.maximum(first, 0), np.minimum(first + sizes[axes], own)
    there = (slice(None), *(slice(a, b) for a, b in zip(*(i[::-1] for i in inside), strict=True)))
    here = (
        slice(None),
        *(slice(a, max(a, b)) for a, b in zip(*((i - first)[::-1] for i in inside), strict=True)),
    )
    placed = np.zeros(image.image.shape, dtype=labels.dtype)
    if (inside[0] < inside[1]).all():
        placed[there] = turned[steps][here]
    lost = np.count_nonzero(labels) - np.count_nonzero(placed)
    if lost:
        raise InputError(
            f"{path}: {lost:,} labelled voxels lie outside {image.name} by its affine; "
            "name the mask that was drawn on this image"
        )
    return placed


def _other_frames(labels: NDArray[Any], image: Stack, path: Path) -> InputError:
    t_image, *grid = image.image.shape
    advice = "name the mask that was drawn on this image"
    if list(labels.shape[1:]) == grid:
        advice = (
            f"give a mask with all {t_image} frames, or the image of the frame that it was drawn on"
        )
    return InputError(
        f"{path}: the mask has shape {labels.shape} (t, z, y, x), {image.name} has "
        f"{image.image.shape}; {advice}"
    )


def _unplaced(labels: NDArray[Any], mask: NiftiFile, image: Stack, path: Path) -> InputError:
    which = "the mask does" if says_nothing(mask) else "the image does"
    grids = []
    for shape, affine in ((labels.shape, mask.affine), (image.image.shape, image.affine)):
        steps = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
        grids.append(f"{shape} (t, z, y, x) of {' x '.join(f'{step:.4g}' for step in steps)} mm")
    return InputError(
        f"{path}: the mask has shape {grids[0]}, {image.name} has {grids[1]}, and "
        f"{which} not say where it lies; {_ADVICE}"
    )


def _off_grid(
    labels: NDArray[Any], mask: NiftiFile, image: Stack, path: Path, off_mm: tuple[float, float]
) -> InputError:
    """Return why a mask cannot be placed: other spacing, turned axes, or between the voxels."""
    apart = apart_on_same_grid(mask, image)
    if np.isfinite(apart):
        return InputError(
            f"{path}: the mask lies up to {apart:.3g} mm from {image.name}, which has "
            f"the same shape (limit {SAME_GRID_MM} mm); {_ADVICE}"
        )
    said = f"{path}: the mask has shape {labels.shape} (t, z, y, x), {image.name} has "
    said += f"{image.image.shape}, and by their affines "
    if np.isfinite(off_mm[0]):
        said += f"it lies {off_mm[0]:.3g} mm off the image's voxels (limit {off_mm[1]:.2g} mm)"
    else:
        said += "they are not of one grid"
    return InputError(f"{said}; {_ADVICE}")
