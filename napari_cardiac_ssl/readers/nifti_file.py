"""One NIfTI file: what its header says, checked against what the file holds.

nibabel interprets the header; the voxels are read here, plane by plane, so that a file is checked
against what its header promises before memory is taken, and no more than one array is held.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti_axes import axes_of
from napari_cardiac_ssl.readers.nifti_geometry import apart_mm, geometry
from napari_cardiac_ssl.readers.pictures import PICTURE, kind_of
from napari_cardiac_ssl.study import reordered

__all__ = ["NiftiFile", "apart_mm", "load"]

#: Deflate cannot shrink data by more (zlib's documentation).
MOST_DEFLATED = 1032

#: The extension that holds plain text; and no extension is read beyond so many bytes.
COMMENT, MOST_EXTENSION = 6, 1 << 20

_NUMBERS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
    1280: "u8",
}  # fmt: skip
_NOT_NUMBERS = {
    1: "bits", 32: "complex numbers", 128: "RGB colours", 1536: "128-bit floats",
    1792: "complex numbers", 2048: "complex numbers", 2304: "RGBA colours",
}  # fmt: skip
_SECONDS_PER_UNIT = {8: 1.0, 16: 1e-3, 24: 1e-6}
_PARTNER = {".hdr": ".img", ".img": ".hdr", ".HDR": ".IMG", ".IMG": ".HDR"}
_Stream = io.BufferedReader | gzip.GzipFile


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """What a NIfTI file holds.

    Parameters
    ----------
    voxels
        Shape ``(t, z, y, x)``, scaled as the header says; z is across the slices, wherever the
        file stores them.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    frame_interval_s
        Time between frames in seconds; None if the file does not say.
    is_4d
        Whether it has a time axis.
    header
        The header as it stands on disk, without extensions.
    warning
        A line to be said to the user if sform, qform and pixdim disagree.
    orientation_known
        Whether there is an sform or a qform: one that has a code, and says something.
    axes
        Which axis of the file became x, y and z.
    comment
        What the header's extensions say in plain text; empty where there is none.
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    frame_interval_s: float | None
    is_4d: bool
    header: bytes
    warning: str | None
    orientation_known: bool
    axes: tuple[int, int, int] = (0, 1, 2)
    comment: str = ""


def load(path: Path) -> NiftiFile:
    """Read a NIfTI file: ``.nii``, ``.nii.gz``, or either file of a pair.

    Raises
    ------
    InputError
        If it cannot be read, or is not what its header promises.
    """
    with _blaming(path):
        header_path = _partner(path) if path.name.lower().endswith((".img", ".img.gz")) else path
        raw = _header_bytes(header_path)
        header = _parsed(raw, path)
        data_path = header_path
        if bytes(header["magic"])[:2] == b"ni":
            data_path = _partner(header_path)
        shape = _shape(header, path)
        with np.errstate(all="ignore"):  # absurd numbers are refused, not warned of
            affine, known, warning = geometry(header, shape, path)
        axes = axes_of(shape[:0:-1], np.linalg.norm(affine[:3, :3], axis=0))
        with _blaming(data_path):
            voxels = _voxels(header, shape, axes, data_path, single=data_path == header_path)
        is_4d = int(header["dim"][0]) >= 4
        interval = _frame_interval_s(header) if is_4d else None
        affine = affine[:, [*axes, 3]]
        comment = _comment(header, data_path) if data_path == header_path else ""
        return NiftiFile(voxels, affine, interval, is_4d, raw, warning, known, axes, comment)


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Turn what can go wrong with reading into one line about the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; name a NIfTI file") from error
    except EOFError as error:
        raise InputError(
            f"{path}: the compressed data end too early; the file is truncated, copy it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: the compressed data are damaged ({error}); copy the file again"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _partner(path: Path) -> Path:
    """Return the other file of a header/image pair."""
    stem, compressed = (path.with_suffix(""), True) if path.suffix == ".gz" else (path, False)
    if stem.suffix not in _PARTNER:
        raise InputError(
            f"{path}: its header says that the voxels are in an .img file beside it, but it is "
            "not named .hdr; name the .hdr of the pair"
        )
    partner = stem.with_suffix(_PARTNER[stem.suffix])
    zipped = partner.with_name(partner.name + ".gz")
    if zipped.exists() and (compressed or not partner.exists()):
        return zipped
    if not partner.exists():
        raise InputError(f"{path}: the other file of the pair, {partner.name}, is not beside it")
    return partner


def _open(path: Path) -> _Stream:
    """Open a file for reading, through gzip if its content says so (names may lie)."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if compressed else open(path, "rb")


def _header_bytes(path: Path) -> bytes:
    """Return the first 348 (NIfTI-1) or 540 (NIfTI-2) bytes."""
    with _open(path) as file:
        raw = file.read(540)
    if not raw:
        raise InputError(f"{path}: the file is empty; copy or export it again")
    said = {int.from_bytes(raw[:4], "little"), int.from_bytes(raw[:4], "big")} & {348, 540}
    if not said and (kind := kind_of(raw)):
        raise InputError(f"{path}: a picture ({kind}), no NIfTI file: {PICTURE}")
    if not said:
        raise InputError(f"{path}: not a NIfTI file: it does not start with a NIfTI header")
    size = said.pop()
    if len(raw) < size:
        raise InputError(
            f"{path}: only {len(raw)} bytes, a NIfTI header has {size}; the file is truncated, "
            "copy it again"
        )
    return raw[:size]


def _comment(header: Any, path: Path) -> str:
    """Return the first comment among the extensions that stand before the voxels."""
    begin, end = header.single_vox_offset, int(header["vox_offset"])
    if not begin + 8 <= end <= MOST_EXTENSION:
        return ""
    with _open(path) as file:
        raw = file.read(end)
    order: Literal["little", "big"] = "little" if header.endianness == "<" else "big"
    while raw[header.single_vox_offset - 4] and begin + 8 <= len(raw):
        size, code = (int.from_bytes(raw[at : at + 4], order) for at in (begin, begin + 4))
        if size < 8:
            break
        if code == COMMENT:
            return raw[begin + 8 : begin + size].rstrip(b"\0").decode("utf-8", "replace")
        begin += size
    return ""


def _parsed(raw: bytes, path: Path) -> Any:
    """Return nibabel's header, unchecked: nibabel's checks log, and mend in silence."""
    endianness = "<" if int.from_bytes(raw[:4], "little") == len(raw) else ">"
    kind = nib.Nifti1Header if len(raw) == 348 else nib.Nifti2Header
    header = kind(raw, endianness=endianness, check=False)
    version = b"1" if len(raw) == 348 else b"2"
    magic = bytes(header["magic"])
    if magic[:3] not in {b"n+" + version, b"ni" + version}:
        raise InputError(
            f"{path}: not a NIfTI file: the magic is {magic!r}, not 'n+{version.decode()}' or "
            f"'ni{version.decode()}'; convert Analyze files to NIfTI first"
        )
    return header


def _shape(header: Any, path: Path) -> tuple[int, int, int, int]:
    """Return ``(t, z, y, x)``."""
    dimensions = int(header["dim"][0])
    while 4 < dimensions <= 7 and header["dim"][dimensions] == 1:  # they say nothing
        dimensions -= 1
    if dimensions not in {3, 4}:
        raise InputError(
            f"{path}: {dimensions}-D; an image is 3-D (x, y, z) or 4-D (x, y, z, time), a single "
            "slice is 3-D with one slice"
        )
    sizes = [int(size) for size in header["dim"][1 : dimensions + 1]]
    if min(sizes) < 1:
        raise InputError(
            f"{path}: the header gives the size {' x '.join(map(str, sizes))}; every size must be "
            "at least 1"
        )
    x, y, z, *t = sizes
    return (t[0] if t else 1), z, y, x


def _frame_interval_s(header: Any) -> float | None:
    interval = float(header["pixdim"][4])
    unit = int(header["xyzt_units"]) & 56
    if not np.isfinite(interval) or interval <= 0:
        return None
    if unit == 0:
        return interval * (1e-3 if interval >= 5 else 1.0)
    seconds = _SECONDS_PER_UNIT.get(unit)
    return None if seconds is None else interval * seconds


def _voxels(
    header: Any,
    shape: tuple[int, int, int, int],
    axes: tuple[int, int, int],
    path: Path,
    *,
    single: bool,
) -> NDArray[Any]:
    """Read the voxels plane by plane to where they belong: memory for one array and one plane."""
    code = int(header["datatype"])
    if code not in _NUMBERS:
        what = _NOT_NUMBERS.get(code, f"of the unknown type {code}")
        raise InputError(f"{path}: the voxels are {what}; export the image as integers or floats")
    stored = np.dtype(header.endianness + _NUMBERS[code])
    slope, inter = _scaling(header, path)
    scaled = (slope, inter) != (1.0, 0.0)
    kind = stored.newbyteorder("=") if stored.kind in "iu" and not scaled else np.dtype(np.float32)
    offset = float(header["vox_offset"])
    if not 0 <= offset < 2**62:
        raise InputError(f"{path}: the header puts the voxels at byte {offset:g}; export it again")
    first = max(int(offset), header.single_vox_offset if single else 0)
    promised = shape[0] * shape[1] * shape[2] * shape[3] * stored.itemsize
    with _open(path) as file:
        at_hand = path.stat().st_size * (MOST_DEFLATED if isinstance(file, gzip.GzipFile) else 1)
        if first + promised > at_hand:
            raise _truncated(path, promised, max(0, at_hand - first))
        try:
            ordered = reordered(np.broadcast_to(np.False_, shape), axes).shape
            voxels, buffer = np.empty(ordered, dtype=kind), np.empty(shape[2:], dtype=stored)
        except MemoryError as error:
            raise InputError(
                f"{path}: {promised / 1e9:.1f} GB of voxels do not fit into memory"
            ) from error
        file.seek(first)
        as_stored = reordered(voxels, [int(axis) for axis in np.argsort(axes)])
        for number, plane in enumerate(plane for frame in as_stored for plane in frame):
            filled = _fill(file, buffer)
            if filled < buffer.nbytes:
                raise _truncated(path, promised, number * buffer.nbytes + filled)
            with np.errstate(over="ignore", invalid="ignore"):  # said with the other infinities
                plane[...] = buffer * np.float64(slope) + inter if scaled else buffer
        if isinstance(file, gzip.GzipFile):
            while file.read(1 << 20):  # the checksum stands at the end
                pass
    return voxels


def _scaling(header: Any, path: Path) -> tuple[float, float]:
    """Return slope and intercept; a slope of 0 or none means no scaling, by the standard."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return 1.0, 0.0
    if not np.isfinite(inter):
        raise InputError(f"{path}: scl_slope is {slope:g} but scl_inter is {inter}; correct it")
    return slope, inter


def _fill(file: _Stream, array: NDArray[Any]) -> int:
    """Read until the array is full or the file ends; return the number of bytes."""
    room = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(room):
        read = file.readinto(room[filled:])
        if not read:
            break
        filled += read
    return filled


def _truncated(path: Path, promised: int, held: int) -> InputError:
    return InputError(
        f"{path}: the header promises {promised:,} bytes of voxels, the file holds at most "
        f"{held:,}; it is truncated or damaged, copy or export it again"
    )
