"""Masks and maps out: on the input's own grid, with the input's own header."""

import gzip
import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.mask_note import note_of
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.work import Choice, Work, Writer

INTENT_LABEL = 1002
#: What the header calls a scheme that is no preset; the note among its extensions says which.
CUSTOM = "own scheme"
#: Code of the extension that holds plain text.
COMMENT = 6
SCANNER = 1
#: Of gzip: half the size of level 1 in the same time; level 9 saves a quarter more in three times
#: the time.
COMPRESSION = 4
#: What is written as it is, and NIfTI's codes of data types.
_STORED_AS_IS = (np.dtype(np.uint8), np.dtype(np.int16))
_NIFTI_CODES = {np.dtype(np.uint8): 2, np.dtype(np.int16): 4, np.dtype(np.float32): 16}


def write_mask(
    path: str | Path,
    labels: NDArray[np.uint8],
    *,
    like: Stack,
    scheme: LabelScheme = UKBB,
    review: Review | None = None,
    apart: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Path:
    """Write a mask as NIfTI, with the geometry of the image that it belongs to.

    The header is the image's own: both transforms bit for bit with their codes, the units, the
    frame time, the version and the byte order. Only what says that the voxels are labels differs
    (datatype, scaling, display range, intent, description) and where they stand in the file. The
    intent's name notes the scheme; the description, and a comment among the header's extensions,
    what of it a person has confirmed. The same mask gives the same bytes.

    Parameters
    ----------
    path
        The file to be, ``.nii`` or ``.nii.gz``.
    labels
        Shape ``(t, z, y, x)``, that of the image; in the scheme `UKBB`.
    like
        The image.
    scheme
        The scheme to write.
    review
        What of the labels a person has confirmed, where that is known.
    apart
        Where else a thing is that is none of our structures, by its name in the scheme.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the shape is another, a label cannot be said in the scheme, or the file cannot be
        written; no half-written file is left.
    """
    _check_shape(labels, like)
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels must be integers, got {labels.dtype}")
    converted = UKBB.convert(labels, scheme)
    for other in scheme.apart:
        if apart and other.name in apart:
            converted[apart[other.name]] = other.integer
    meanings = ", ".join(f"{code} {scheme.meanings[code]}" for code in scheme.check(converted))
    called = scheme.name if scheme.is_preset else CUSTOM
    told = f"{called}: {meanings or 'no label'}"
    noted = review or not scheme.is_preset
    return _write(
        Path(path),
        converted,
        like,
        description=f"{review.word}; {told}" if review else told,
        comment=note_of(converted, scheme, review) if noted else "",
        intent=INTENT_LABEL,
        intent_name=called,
    )


def write_map(
    path: str | Path, values: NDArray[np.generic], *, like: Stack, description: str
) -> Path:
    """Write a map of numbers (a confidence, say) with the geometry of an image.

    Parameters
    ----------
    path
        The file to be, ``.nii`` or ``.nii.gz``.
    values
        Shape ``(t, z, y, x)``, that of the image; uint8 and int16 as they are, all else is
        written as float32.
    like
        The image.
    description
        What the numbers are, up to 79 characters.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the shape is another, or the file cannot be written.
    """
    _check_shape(values, like)
    return _write(Path(path), values, like, description=description)


def _check_shape(values: NDArray[Any], like: Stack) -> None:
    if values.shape != like.image.shape:
        raise InputError(
            f"an array of shape {values.shape} does not fit the image {like.name}, which has "
            f"shape {like.image.shape} (t, z, y, x)"
        )


def _write(
    path: Path,
    values: NDArray[Any],
    like: Stack,
    *,
    description: str,
    comment: str = "",
    intent: int = 0,
    intent_name: str = "",
) -> Path:
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"cannot write {path}: name a file that ends in .nii.gz or .nii")
    header = _header(like)
    kind = next((k for k in _STORED_AS_IS if values.dtype == k), np.dtype(np.float32))
    header["datatype"], header["bitpix"] = _NIFTI_CODES[kind], 8 * kind.itemsize
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["cal_min"] = header["cal_max"] = 0
    header["intent_code"], header["intent_name"] = intent, intent_name.encode()
    header["intent_p1"] = header["intent_p2"] = header["intent_p3"] = 0
    header["descrip"] = description.encode("ascii", "replace")[:79]
    header["magic"] = header.single_magic
    extensions = _extensions(comment, header.endianness)
    header["vox_offset"] = header.single_vox_offset - 4 + len(extensions)
    stored = kind.newbyteorder(header.endianness)
    with replacing(path) as beside, ExitStack() as open_files:
        file: io.BufferedIOBase = open_files.enter_context(open(beside, "wb"))
        if path.name.lower().endswith(".gz"):
            # Neither name nor time: the same mask gives the same bytes.
            file = open_files.enter_context(
                gzip.GzipFile("", "wb", COMPRESSION, fileobj=file, mtime=0)
            )
        file.write(header.binaryblock + extensions)
        for plane in (plane for frame in like.as_stored(values) for plane in frame):
            file.write(np.ascontiguousarray(plane, dtype=stored).tobytes())
    return path


def _extensions(comment: str, endianness: str) -> bytes:
    """Return what stands between header and voxels: a comment, or that there is none."""
    if not comment:
        return b"\0\0\0\0"
    text = comment.encode()
    size = -(-(len(text) + 8) // 16) * 16  # by the standard
    order: Literal["little", "big"] = "little" if endianness == "<" else "big"
    said = b"".join(number.to_bytes(4, order) for number in (size, COMMENT))
    return b"\1\0\0\0" + (said + text).ljust(size, b"\0")


def _header(like: Stack) -> Any:
    """Return the stack's own header, or one made from its geometry if it has none."""
    t, z, y, x = like.image.shape
    if like.header is None:
        header = nib.Nifti1Header()
        header.set_data_shape((x, y, z, t) if like.is_4d else (x, y, z))
        header.set_sform(like.affine, SCANNER)
        header.set_qform(like.affine, SCANNER)
        if not np.allclose(header.get_qform(), like.affine, rtol=0, atol=1e-3):
            header["qform_code"] = 0  # a sheared grid: a quaternion cannot say it
        header.set_xyzt_units("mm", "sec")
        header["pixdim"][4] = like.frame_interval_s or 0
        return header
    kind = nib.Nifti1Header if len(like.header) == 348 else nib.Nifti2Header
    header = kind(like.header, check=False)
    # A stack may hold fewer frames than its file did; what a file has beyond time is of size one.
    t, *zyx = like.as_stored(np.broadcast_to(np.False_, like.image.shape)).shape
    sizes = [*zyx[::-1], t] if like.is_4d else zyx[::-1]
    if not like.is_4d or header["dim"][0] < len(sizes):
        header["dim"][0] = len(sizes)
        header["dim"][len(sizes) + 1 :] = 1
    header["dim"][1 : len(sizes) + 1] = sizes
    return header


def _write_of(path: Path, work: Work, choice: Choice) -> tuple[Path, ...]:
    review = choice.review(work)
    labels = choice.labels(work)
    return (write_mask(path, labels, like=work.stack, scheme=choice.scheme, review=review),)


WRITER = Writer(
    "masks",
    "Masks",
    "The labels as seen, on the image's own grid, NIfTI.",
    "_seg.nii.gz",
    _write_of,
    usual=True,
)
