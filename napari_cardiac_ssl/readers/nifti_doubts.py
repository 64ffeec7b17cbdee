"""What a NIfTI file's geometry says that no cine of a heart has: said before anything is computed.

A header is believed where it can be. What it claims beyond a scanner's or a body's limits is used,
for there is nothing better, and said; where two readings are equally likely and one of them would
cut across the slices, the file is refused.
"""

from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti_file import NiftiFile
from napari_cardiac_ssl.study import Stack

#: From the collarbones to the diaphragm; short-axis stacks are 60 to 200 mm high.
CHEST_MM = 300.0
#: Long-axis views are one slice, three at most.
MANY_LONG_AXIS = 6
#: By this factor frames must differ more than slices do. In cines it is 0.1 to 0.7, in files with
#: frames and slices exchanged its inverse.
FRAMES_DIFFER = 1.15
#: Our schemes' integers go so far.
MOST_LABEL = 5
#: Short-axis stacks have 6 to 20.
MOST_SLICES = 40
#: From a mouse-sized field of view to a scout's.
PIXEL_MM = (0.25, 8.0)
#: Nobody scans more frames of a heartbeat.
MOST_FRAMES = 150
#: Steps that differ by less are alike: a spacing that tells no axis from another.
_ALIKE = 1.05
_FEWEST_ROWS = 48


def check_axes(file: NiftiFile, path: Path) -> None:
    """Refuse an image whose slices seem to be stored along another axis than its spacing can tell.

    numpy's own order, saved with an affine that says nothing, is the usual case.
    """
    x, y, z = file.voxels.shape[:0:-1]
    steps = np.linalg.norm(file.affine[:3, :3], axis=0)
    if z < _FEWEST_ROWS or 3 * min(x, y) >= z or min(x, y) == 1:
        return
    if steps.max() < _ALIKE * steps.min():
        said = " x ".join(f"{step:.4g}" for step in steps)
        raise InputError(
            f"{path}: {x} x {y} x {z} voxels of {said} mm: the slices seem to lie along the "
            f"{'first' if x < y else 'second'} axis, and the spacing does not tell; save it with "
            "the spacing that it was scanned with (10 x 1.4 x 1.4 mm, say)"
        )


def looks_like_labels(stack: Stack) -> bool:
    """Tell whether an image's voxels are labels: whole numbers from 0 to 5, most of them 0."""
    image = stack.image
    if image.min() < 0 or image.max() > MOST_LABEL or np.count_nonzero(image) > image.size / 2:
        return False
    return all(bool((frame == np.round(frame)).all()) for frame in image)


def doubts_of(stack: Stack, *, view_said: bool, is_mask: bool = False) -> list[str]:
    """Return what is doubtful about a stack as it was read, a line each.

    Parameters
    ----------
    stack
        The stack.
    view_said
        Whether a person, a name or its plane among others says the view.
    is_mask
        Whether its voxels are labels.
    """
    doubts = _spacing_doubts(stack)
    if stack.slices >= MANY_LONG_AXIS and stack.view is not View.SAX:
        doubts.append(
            f"called a long-axis view, but it has {stack.slices} slices (one to three are usual): "
            "is it a short-axis stack, or the whole chest?"
        )
    if stack.frames > MOST_FRAMES:
        doubts.append(f"{stack.frames} frames: more than a heartbeat has; are they slices?")
    differ = _labels_differ(stack) if is_mask else _frames_differ(stack)
    if differ > FRAMES_DIFFER:
        doubts.append(
            f"neighbouring frames differ {differ:.1f} times as much as neighbouring slices: frames "
            "and slices seem to be exchanged, or the frames are in no order"
        )
    if is_mask:
        return doubts
    if stack.slices == 1 and stack.view is View.SAX and not view_said:
        doubts.append(
            "one slice, and nothing says which view it shows: taken for SAX; name it with --view, "
            "or call the file 2ch, 4ch or sax"
        )
    if looks_like_labels(stack):
        doubts.append("only whole numbers up to 5: it looks like a mask, and is read as an image")
    return doubts


def _spacing_doubts(stack: Stack) -> list[str]:
    """Return what is doubtful about distances between slices, and between pixels."""
    z_mm, y_mm, x_mm = stack.spacing_mm
    doubts = []
    if stack.slices > 1:
        if stack.slices * z_mm > CHEST_MM:
            doubts.append(
                f"{stack.slices} slices {z_mm:.3g} mm apart are {stack.slices * z_mm:.0f} mm, more "
                f"than a chest (limit {CHEST_MM:.0f} mm): check the spacing, and whether frames "
                "are stored as slices"
            )
        elif np.array_equal(np.abs(stack.affine[:3, :3]), np.eye(3)):
            doubts.append(
                "its affine is the identity, which says nothing: voxels are taken to be 1 x 1 x 1 "
                "mm, and distances, volumes and the network's scale rest on that"
            )
        elif z_mm < min(x_mm, y_mm) / _ALIKE:
            doubts.append(
                f"slices {z_mm:.3g} mm apart are finer than its pixels of {min(x_mm, y_mm):.3g} "
                "mm: check the spacing, and along which axis the slices are stored"
            )
        elif stack.slices > MOST_SLICES:
            doubts.append(
                f"{stack.slices} slices {z_mm:.3g} mm apart: short-axis stacks have 6 to 20; check "
                "along which axis the slices are stored, and whether it was resampled"
            )
    least, most = PIXEL_MM
    if not least <= min(x_mm, y_mm) <= max(x_mm, y_mm) <= most:
        doubts.append(
            f"pixels of {y_mm:.3g} x {x_mm:.3g} mm, which no cine of a heart has (limits {least:g} "
            f"to {most:g} mm): check the spacing and its unit"
        )
    return doubts


def _frames_differ(stack: Stack) -> float:
    """Return how much neighbouring frames differ, over how much neighbouring slices do."""
    if stack.frames < 3 or stack.slices < 3:
        return 0.0
    # The middle suffices, and some of it.
    frames = np.unique(np.linspace(0, stack.frames - 2, 6).astype(int))
    rows, columns = (slice(size // 4, size - size // 4, 2) for size in stack.image.shape[2:])
    there = stack.image[..., rows, columns]
    now, after = (there[frames + step].astype(np.float32) for step in (0, 1))
    over_time = float(np.abs(after - now).mean())
    over_slices = float(np.abs(np.diff(now, axis=1)).mean())
    return over_time / over_slices if over_slices else 0.0


def _labels_differ(stack: Stack) -> float:
    """Return the same of labels, where slices and frames beside each other both have some."""
    if stack.frames < 3 or stack.slices < 3:
        return 0.0
    labels = stack.image
    on = np.asarray(labels.any(axis=(2, 3)))
    in_time, in_space = on[1:] & on[:-1], on[:, 1:] & on[:, :-1]
    if in_time.any(axis=1).sum() < 2 or not in_space.any():  # sparse: ED and ES
        return 0.0
    over_time = np.count_nonzero(labels[1:] != labels[:-1], axis=(2, 3))[in_time].mean()
    over_slices = np.count_nonzero(labels[:, 1:] != labels[:, :-1], axis=(2, 3))[in_space].mean()
    return float(over_time / over_slices) if over_slices else 0.0
