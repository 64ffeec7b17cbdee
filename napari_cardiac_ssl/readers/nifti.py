"""NIfTI files in: stacks and masks, whatever their orientation, number type and scaling."""

import re
import warnings
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import SCHEMES, UKBB, LabelScheme, View, detect_scheme
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.readers.nifti_file import NiftiFile, apart_mm, load
from napari_cardiac_ssl.study import NiftiSource, Stack

#: A mask lies on its image if none of its corners is further off.
SAME_GRID_MM = 0.5
#: No scanner sees more of a body along any axis.
MOST_EXTENT_MM = 5000.0


class GeometryWarning(InputWarning):
    """A file's two statements of where it lies (sform and qform) disagree."""


class SchemeWarning(InputWarning):
    """A mask's label scheme was named, and its anatomy clearly says another."""


class ToldBy(StrEnum):
    """What told a mask's label scheme."""

    HEADER = "noted in its header"
    NAME = "named"
    ANATOMY = "told from the anatomy"


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

    @property
    def detected(self) -> bool:
        """Whether the scheme was told from the file rather than named."""
        return self.told_by is not ToldBy.NAME


def read_stack(path: str | Path, *, view: View | None = None) -> Stack:
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
        Which plane it shows; if not given, told from the file's name (`view_of_name`).

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
    """
    path = Path(path)
    volume = load(path)
    _check_picture(volume.voxels, path)
    _check_extent(volume, path)
    if volume.warning:
        warnings.warn(volume.warning, GeometryWarning, stacklevel=2)
    name = name_of(path)
    return Stack(
        volume.voxels,
        volume.affine,
        view=view or view_of_name(name),
        name=name,
        frame_interval_s=volume.frame_interval_s,
        source=NiftiSource(path),
        header=volume.header,
        is_4d=volume.is_4d,
        orientation_known=volume.orientation_known,
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
        The image that it was drawn on; the mask must lie on its grid.
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
        If a scheme is given and the anatomy clearly says another: LV and RV may be swapped.
    """
    path = Path(path)
    volume = load(path)
    if like is not None:
        _check_grid(volume, like, path)
    labels = _integers(volume.voxels, path)
    if volume.warning:
        warnings.warn(volume.warning, GeometryWarning, stacklevel=2)
    empty = not labels.any()
    if empty and not allow_empty:
        raise InputError(f"{path}: a mask without any label; name one with labelled slices")
    try:
        scheme, told_by = _scheme_of(labels, _noted_scheme(volume.header), scheme)
        if told_by is ToldBy.NAME:
            _warn_of_another_scheme(labels, scheme, path)
        labels = scheme.convert(labels, UKBB)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    spacing_mm = np.linalg.norm(volume.affine[:3, :3], axis=0)[::-1]
    return Mask(
        labels,
        scheme=scheme,
        told_by=told_by,
        name=name_of(path),
        affine=volume.affine,
        spacing_mm=(float(spacing_mm[0]), float(spacing_mm[1]), float(spacing_mm[2])),
        header=volume.header,
        source=path,
        orientation_known=volume.orientation_known,
        frame_interval_s=volume.frame_interval_s,
    )


def name_of(path: Path) -> str:
    """Return a NIfTI file's name without its ending.

    Examples
    --------
    >>> name_of(Path("study/patient001_ED.nii.gz"))
    'patient001_ED'
    """
    return re.sub(r"(\.nii|\.hdr|\.img)?(\.gz)?$", "", path.name, count=1, flags=re.IGNORECASE)


def view_of_name(name: str, otherwise: View = View.SAX) -> View:
    """Tell the view from the words of a file's name; `otherwise` where they say nothing.

    Examples
    --------
    >>> [view_of_name(name).value for name in ("sa_ED", "la_2ch", "p1-LAX4CH", "patient001_ED")]
    ['SAX', 'LAX_2CH', 'LAX_4CH', 'SAX']
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    for word in words:
        chambers = re.search(r"(?<![0-9])([234])ch(?:amber)?(?![a-z])", word)
        if chambers:
            view = View(f"LAX_{chambers[1]}CH")
            return View.RV_2CH if view is View.LAX_2CH and "rv" in words else view
        if word in {"sa", "shortaxis"} or "sax" in word:
            return View.SAX
        if word == "rvot":
            return View.RVOT
    return View.OTHER if "lax" in words else otherwise


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


def _check_grid(mask: NiftiFile, image: Stack, path: Path) -> None:
    """Refuse a mask that does not lie on the image's grid."""
    t, z, y, x = mask.voxels.shape
    if (t, z, y, x) != image.image.shape:
        t_image, *grid = image.image.shape
        advice = "name the mask that was drawn on this image"
        if [z, y, x] == grid:
            advice = (
                f"give a mask with all {t_image} frames, or the image of the frame that it was "
                "drawn on"
            )
        raise InputError(
            f"{path}: the mask has shape {(t, z, y, x)} (t, z, y, x), the image {image.name} has "
            f"{image.image.shape}; {advice}"
        )
    apart = apart_mm(mask.affine, image.affine, (t, z, y, x))
    if not apart <= SAME_GRID_MM:
        raise InputError(
            f"{path}: the mask lies up to {apart:.3g} mm from the image {image.name}, which "
            f"has the same shape (limit {SAME_GRID_MM} mm); save it with the image's own header"
        )


def _integers(voxels: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Return the voxels as labels, if that is what they are."""
    if voxels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            wrong = sum(int((frame % 1 != 0).sum()) for frame in voxels)
        if wrong:
            raise InputError(
                f"{path}: not a mask: {wrong:,} voxels are not whole numbers; name a label file "
                "(is it the image, or probabilities?)"
            )
    low, high = voxels.min(), voxels.max()
    if low < 0 or high > 255:
        raise InputError(
            f"{path}: not a mask: the values go from {low:g} to {high:g}, integers of labels from "
            "0 to 255"
        )
    return voxels.astype(np.uint8)


def _noted_scheme(header: bytes) -> LabelScheme | None:
    """Return the scheme that `write_mask` noted in the header; None in files of others."""
    kind = nib.Nifti1Header if len(header) == 348 else nib.Nifti2Header
    noted = bytes(kind(header, check=False)["intent_name"]).decode("latin-1").strip("\0 ")
    return SCHEMES.get(noted)


def _scheme_of(
    labels: NDArray[np.uint8], noted: LabelScheme | None, named: LabelScheme | None
) -> tuple[LabelScheme, ToldBy]:
    """Return a mask's scheme, and what told it."""
    if noted:
        return noted, ToldBy.HEADER
    if named:
        return named, ToldBy.NAME
    # Without any label every scheme says the same.
    return (detect_scheme(labels) if labels.any() else UKBB), ToldBy.ANATOMY


def _warn_of_another_scheme(labels: NDArray[np.uint8], named: LabelScheme, path: Path) -> None:
    """Warn if the anatomy clearly says another scheme than the one that was named."""
    named.check(labels)
    try:
        seen = detect_scheme(labels)
    except InputError:  # it says nothing
        return
    if seen is not named:
        warnings.warn(
            f"{path}: read as scheme {named.name}, as named, but its anatomy says {seen.name} (the "
            "cavity that the myocardium encloses is the LV): LV and RV may be swapped; if so, name "
            f"{seen.name}",
            SchemeWarning,
            stacklevel=3,
        )
