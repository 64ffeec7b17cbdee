"""NIfTI files in: stacks and masks, whatever their orientation, number type and scaling."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import (
    UKBB,
    LabelScheme,
    View,
)
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.geometry.contours import Contour
from napari_cardiac_ssl.mask_note import read_note
from napari_cardiac_ssl.readers.file_names import name_of, view_named, view_of_name
from napari_cardiac_ssl.readers.mask_fit import misfit
from napari_cardiac_ssl.readers.mask_scheme import (
    SchemeWarning,
    ToldBy,
    noted_scheme,
    scheme_of,
    warn_of_another_scheme,
)
from napari_cardiac_ssl.readers.nifti_doubts import check_axes, doubts_of
from napari_cardiac_ssl.readers.nifti_file import NiftiFile, load
from napari_cardiac_ssl.readers.placing import SAME_GRID_MM, place
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.scheme_detection import check_codes
from napari_cardiac_ssl.study import NiftiSource, Stack

__all__ = [
    "ROUNDED",
    "SAME_GRID_MM",
    "DoubtWarning",
    "GeometryWarning",
    "Mask",
    "SchemeWarning",
    "ToldBy",
    "doubted",
    "load_stack",
    "name_of",
    "read_mask",
    "read_stack",
    "view_named",
    "view_of_name",
]

#: Labels through a header's scaling come back so far from whole numbers, and no further.
ROUNDED = 0.01
#: Integers of labels go so far; some data sets use thousands.
MOST_LABEL, MOST_LABELS = 9999, 32
#: No scanner sees more of a body along any axis.
MOST_EXTENT_MM = 5000.0


class GeometryWarning(InputWarning):
    """A file's two statements of where it lies (sform and qform) disagree."""


class DoubtWarning(GeometryWarning):
    """A file's geometry, or its view, rests on nothing or cannot be a heart's."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A label file, in our own integers.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`, whatever the file's own is.
    scheme
        The file's own scheme.
    told_by
        What told the scheme; unless it was named, to be said to the user.
    name
        The file's name without its ending.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    spacing_mm
        Distance between voxel centres along ``(z, y, x)``, mm.
    header
        The file's own header, as it stood on disk.
    source
        The file that it was read from.
    orientation_known
        Whether the file says how it lies in the patient.
    frame_interval_s
        Time between frames in seconds; None where the file does not say.
    stored_axes
        Which axis of the file (or of the image that it was placed on) became x, y and z.
    is_4d
        Whether its file has an axis of time.
    contours
        As they were drawn, finer than pixels, where that is known.
    review
        What of it a person has confirmed, where the file says so.
    apart
        Where there is what is none of our structures (scar, fat), by the scheme's name for it.
    """

    labels: NDArray[np.uint8]
    scheme: LabelScheme
    told_by: ToldBy
    name: str
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    header: bytes = field(repr=False)
    source: Path
    orientation_known: bool = True
    frame_interval_s: float | None = None
    stored_axes: tuple[int, int, int] = (0, 1, 2)
    is_4d: bool = True
    contours: tuple[Contour, ...] = ()
    review: Review | None = None
    apart: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def grid(self) -> Stack:
        """Its own grid, as a stack that other masks can be read like."""
        return Stack(
            self.labels,
            self.affine,
            name=str(self.source),
            source=NiftiSource(self.source),
            header=self.header or None,
            is_4d=self.is_4d,
            view=view_of_name(self.name),
            orientation_known=self.orientation_known,
            stored_axes=self.stored_axes,
        )

    @property
    def detected(self) -> bool:
        """Whether the scheme was told from the file rather than named."""
        return self.told_by not in {ToldBy.NAME, ToldBy.FORMAT}


def read_stack(path: str | Path, *, view: View | None = None, otherwise: View = View.SAX) -> Stack:
    """Read a NIfTI image: 3-D or 4-D, ``.nii``, ``.nii.gz`` or either file of a pair.

    The affine is the sform where it has a code, else the qform where it has one, else that of the
    spacing alone; as nibabel's ``get_best_affine``, in mm whatever unit the file names. Integers
    stay as they are on disk unless the header scales them; everything else becomes float32.

    The time between frames is ``pixdim[4]`` in the unit that the header names. Where it names
    none, 5 and above is taken for milliseconds and less for seconds (no cine has frames 5 s apart,
    none has 200 frames a second); 0 is unknown.

    Parameters
    ----------
    path
        The file.
    view
        Which plane it shows; if not given, told from the file's name (`view_named`).
    otherwise
        What it is taken for where the name says nothing.

    Returns
    -------
    Stack
        Its `header` is the file's own, bit for bit.

    Raises
    ------
    InputError
        If the file cannot be read, is not what its header promises, or holds no picture.

    Warns
    -----
    GeometryWarning
        If sform and qform disagree; the sform is used, and writers keep both.
    DoubtWarning
        If the geometry is none that a cine of a heart has (`doubts_of`).
    """
    stack = load_stack(Path(path))
    said = view or view_named(stack.name)
    return doubted(replace(stack, view=said or otherwise), view_said=said is not None)


def doubted(stack: Stack, *, view_said: bool) -> Stack:
    """Warn of what is doubtful about a stack (`doubts_of`), and return it."""
    for doubt in doubts_of(stack, view_said=view_said):
        warnings.warn(f"{stack.path}: {doubt}", DoubtWarning, stacklevel=3)
    return stack


def load_stack(path: Path) -> Stack:
    """Read a NIfTI image as `read_stack` does, without doubting it."""
    volume = load(path)
    _check_picture(volume.voxels, path)
    _check_extent(volume, path)
    check_axes(volume, path)
    if volume.warning:
        warnings.warn(volume.warning, GeometryWarning, stacklevel=3)
    name = name_of(path)
    return Stack(
        volume.voxels,
        volume.affine,
        view=view_of_name(name),
        name=name,
        frame_interval_s=volume.frame_interval_s,
        source=NiftiSource(path),
        header=volume.header,
        is_4d=volume.is_4d,
        orientation_known=volume.orientation_known,
        stored_axes=volume.axes,
    )


def read_mask(
    path: str | Path,
    *,
    scheme: LabelScheme | None = None,
    like: Stack | None = None,
    allow_empty: bool = False,
) -> Mask:
    """Read a label file into our own integers.

    Parameters
    ----------
    path
        The file, any that `read_stack` reads.
    scheme
        Which integer means which structure, in a file that does not say. One that `write_mask`
        made says it in its header, and that stands: a mask of ours is never mistaken, not even a
        bad prediction. Where neither tells, the anatomy does (`detect_scheme`).
    like
        The image that it was drawn on. The mask is placed on its grid (`place`): reordered,
        turned round and set into it where the affines say how; refused where they do not.
    allow_empty
        Whether a mask without any label is one.

    Returns
    -------
    Mask

    Raises
    ------
    InputError
        If the file cannot be read, does not lie on the image's grid, holds other than the
        scheme's integers or no label at all, or if its scheme cannot be told.

    Warns
    -----
    GeometryWarning
        As `read_stack`.
    SchemeWarning
        If the anatomy clearly says another scheme than was named or told, or none that is known.
    DoubtWarning
        If the geometry is none that a heart's mask has, or the mask does not fit its image
        (`misfit`).
    """
    path = Path(path)
    volume = load(path)
    labels = _integers(volume.voxels, path)
    noted = read_note(volume.comment, labels)
    review = noted.review
    said = [volume.warning] if volume.warning else []
    if like is not None:
        as_read, (labels, remark) = labels, place(labels, volume, like, path)
        review = review if labels is as_read else None
        said += [remark] if remark else []
    for line in said:
        warnings.warn(line, GeometryWarning, stacklevel=2)
    empty = not labels.any()
    if empty and not allow_empty:
        raise InputError(f"{path}: a mask without any label; name one with labelled slices")
    try:
        scheme, told_by = scheme_of(labels, noted.scheme or noted_scheme(volume.header), scheme)
        check_codes(labels, scheme)
        other = told_by is not ToldBy.HEADER and warn_of_another_scheme(
            labels, scheme, told_by, path
        )
        apart = scheme.kept_apart(labels)
        labels = scheme.convert(labels, UKBB)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    affine = volume.affine if like is None else like.affine
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    mask = Mask(
        labels,
        scheme=scheme,
        told_by=told_by,
        name=name_of(path),
        affine=affine,
        spacing_mm=(float(spacing_mm[0]), float(spacing_mm[1]), float(spacing_mm[2])),
        header=volume.header,
        source=path,
        orientation_known=(volume if like is None else like).orientation_known,
        stored_axes=volume.axes if like is None else like.stored_axes,
        frame_interval_s=volume.frame_interval_s,
        is_4d=volume.is_4d if like is None else like.is_4d,
        review=review,
        apart=apart,
    )
    if like is None:
        doubts = doubts_of(mask.grid, view_said=False, is_mask=True)
    else:
        unlike = None if other else misfit(labels, like)
        doubts = [unlike] if unlike else []
    for doubt in doubts:
        warnings.warn(f"{path}: {doubt}", DoubtWarning, stacklevel=2)
    return mask


def _check_picture(voxels: NDArray[Any], path: Path) -> None:
    """Refuse what cannot be a picture."""
    if voxels.dtype.kind == "f":
        wrong = voxels.size - sum(int(np.isfinite(frame).sum()) for frame in voxels)
        if wrong:
            said = "all" if wrong == voxels.size else f"{wrong:,} of {voxels.size:,}"
            raise InputError(
                f"{path}: {said} voxels are not finite (NaN or infinite); mend or export the "
                "image again"
            )
    low, high = voxels.min(), voxels.max()
    if low == high:
        raise InputError(f"{path}: every voxel is {low:g}; there is nothing to see in the image")


def _check_extent(volume: NiftiFile, path: Path) -> None:
    """Refuse what is larger than a scanner: the unit is wrong, or the header is damaged."""
    sizes = volume.voxels.shape[:0:-1]
    extent_mm = float((np.linalg.norm(volume.affine[:3, :3], axis=0) * sizes).max())
    if extent_mm > MOST_EXTENT_MM:
        raise InputError(
            f"{path}: by its header the image is {extent_mm / 1000:,.1f} m wide (limit "
            f"{MOST_EXTENT_MM / 1000:g} m); correct its transforms, pixdim or unit of length"
        )


def _integers(voxels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return the voxels as labels, if that is what they are."""
    if voxels.dtype.kind == "f":
        _check_whole(voxels, path)
    low, high = round(float(voxels.min())), round(float(voxels.max()))
    if low < 0 or high > MOST_LABEL:
        raise InputError(
            f"{path}: not a mask: the values go from {low:g} to {high:g}, integers of labels from "
            f"0 to {MOST_LABEL}"
        )
    labels = np.empty(voxels.shape, np.uint8 if high <= 255 else np.uint16)
    for frame, stored in zip(labels, voxels, strict=True):
        frame[...] = np.round(stored) if stored.dtype.kind == "f" else stored
    if high > 255 and len(np.unique(labels)) > MOST_LABELS:
        raise InputError(
            f"{path}: not a mask: more than {MOST_LABELS} different values up to {high}; name a "
            "label file (is it the image?)"
        )
    return labels


def _check_whole(voxels: NDArray[Any], path: Path) -> None:
    """Refuse values that scaling and rounding cannot have made of whole numbers."""
    wrong, example = 0, 0.0
    for frame in voxels:
        with np.errstate(invalid="ignore"):
            off = ~(np.abs(frame - np.round(frame)) <= ROUNDED)  # so is NaN
        if off.any():
            wrong, example = wrong + int(off.sum()), float(frame[off][0])
    if wrong:
        raise InputError(
            f"{path}: not a mask: {wrong:,} voxels are not whole numbers, such as {example:g} "
            f"(up to {ROUNDED:g} off is rounded); name a label file (is it the image, or "
            "probabilities?)"
        )
