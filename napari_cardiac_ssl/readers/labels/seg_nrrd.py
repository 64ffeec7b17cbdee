"""Segmentations of 3D Slicer in: ``.seg.nrrd``, one frame a file."""

import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.extras import needed
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.readers.labels.kept import kept_contours
from napari_cardiac_ssl.readers.labels.names import SNOMED, structure_named
from napari_cardiac_ssl.readers.nifti_file import NiftiFile
from napari_cardiac_ssl.readers.placing import place
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.wording import count

# All that pynrrd raises on damaged files.
_RAISED = (
    OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError,
    AttributeError, zlib.error,
)  # fmt: skip
#: Where our own files note which frame of the study they are.
FRAME_KEY = "CardiacFrame"
_ENDING = ".seg.nrrd"
#: Signs that take a file's world to RAS.
_TO_RAS = {
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.name.lower().endswith(_ENDING) else []
    return sorted(file for file in path.iterdir() if file.name.lower().endswith(_ENDING))


def _recognises(path: Path) -> bool:
    return bool(_files(path))


def read_seg_nrrd(path: Path, like: Stack | None) -> Found:
    """Read a ``.seg.nrrd`` file, or a folder with one for each frame.

    Parameters
    ----------
    path
        The file or folder. Segments are told by their names, else by their SNOMED codes.
    like
        The images; the labels are placed on their grid. Without, a file has its own.

    Raises
    ------
    InputError
        If a file cannot be read or has no segment of ours, or does not lie on the images' grid.
    """
    files = _files(path)
    notes: list[str] = []
    if like is None:
        if len(files) > 1:
            raise InputError(f"{path}: several files; name their study with --study")
        frame, affine, others, _ = _read(files[0])
        return Found(frame, notes=tuple(_left_aside(others)), affine=affine)
    labels = np.zeros(like.image.shape, dtype=np.uint8)
    seen: set[int] = set()
    for file in files:
        voxels, affine, others, noted = _read(file)
        t = _frame_of(file, noted, like)
        if t in seen:
            raise InputError(f"{file}: frame {t} is in another file too; name one of them")
        seen.add(t)
        grid = NiftiFile(voxels, affine, None, False, b"", None, orientation_known=True)
        image = replace(like, image=like.image[t : t + 1])
        labels[t : t + 1], remark = place(voxels, grid, image, file)
        notes += [*_left_aside(others), *([remark] if remark else [])]
    return Found(labels, kept_contours(files[0]), tuple(dict.fromkeys(notes)))


def _read(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.float64], Counter[str], int | None]:
    """Return labels, affine, the segments that are none of ours, and the frame that is noted."""
    nrrd = needed("nrrd")
    try:
        voxels, header = nrrd.read(str(file), index_order="C")
    except (nrrd.NRRDError, *_RAISED) as error:
        said = " ".join(str(error).split())[:120]
        raise InputError(f"{file}: not a .seg.nrrd file that can be read ({said})") from error
    if voxels.ndim == 3:
        voxels = voxels[..., np.newaxis]  # layers: segments may overlap
    if voxels.ndim != 4 or voxels.dtype.kind not in "iu":
        raise InputError(
            f"{file}: {voxels.ndim - 1} dimensions of {voxels.dtype}; save the segmentation itself "
            "from 3D Slicer, as .seg.nrrd"
        )
    labels = np.zeros(voxels.shape[:3], dtype=np.uint8)
    others: Counter[str] = Counter()
    for number in _segments(header):
        name, tags, value = (
            str(header.get(f"{number}_{key}", "")) for key in ("Name", "Tags", "LabelValue")
        )
        said = str(header.get(f"{number}_Layer", 0))
        layer = int(said) if re.fullmatch(r"[0-9]{1,4}", said) else -1
        if not 0 <= layer < voxels.shape[3] or not re.fullmatch(r"[0-9]{1,9}", value):
            raise InputError(f"{file}: segment '{name}' says not where it is")
        structure = structure_named(name) or _coded(tags)
        inside = voxels[..., layer] == int(value)
        if structure is None:
            others[name] += 1
        elif (inside & (labels > 0)).any():
            raise InputError(
                f"{file}: segment '{name}' overlaps another; a pixel is to be one thing"
            )
        else:
            labels[inside] = UKBB.code(structure)
    noted = str(header.get(FRAME_KEY, ""))
    frame = int(noted) if re.fullmatch(r"\d{1,6}", noted) else None
    return labels[np.newaxis], _affine(header, file), others, frame


def _segments(header: Mapping[str, Any]) -> list[str]:
    found = (re.fullmatch(r"(Segment\d+)_LabelValue", str(key)) for key in header)
    return sorted({key[1] for key in found if key})


def _coded(tags: str) -> Any:
    """Return the structure of the codes in Slicer's tags: ``…~SCT^87878005^Left ventricle~…``."""
    codes = re.findall(r"(?:SCT|SRT)\^(\d+)\^", tags)
    return next((SNOMED[code] for code in codes if code in SNOMED), None)


def _affine(header: Mapping[str, Any], file: Path) -> NDArray[np.float64]:
    space = str(header.get("space", "")).lower()
    try:
        directions = np.array(header.get("space directions", []), dtype=float).reshape(-1, 3)
        origin = np.array(header.get("space origin", []), dtype=float)
    except (ValueError, TypeError):
        directions, origin = np.zeros((0, 3)), np.zeros(0)
    directions = directions[np.isfinite(directions).all(axis=-1)]
    turned = directions.shape == (3, 3) and abs(np.linalg.det(directions)) > 1e-9
    if space not in _TO_RAS or not turned or origin.shape != (3,) or not np.isfinite(origin).all():
        raise InputError(f"{file}: its header does not say where it lies (space '{space}')")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions.T, origin
    return np.asarray(np.diag([*_TO_RAS[space], 1]) @ affine)


def _frame_of(file: Path, noted: int | None, like: Stack) -> int:
    said = re.search(r"_t(\d{1,6})\.seg\.nrrd$", file.name, re.IGNORECASE)
    frame = noted if noted is not None else int(said[1]) if said else None
    if frame is None:
        if like.frames > 1:
            raise InputError(
                f"{file}: of which of the {like.frames} frames of {like.name}? Name the file "
                "NAME_t07.seg.nrrd for frame 7, counted from 0"
            )
        return 0
    if frame >= like.frames:
        raise InputError(
            f"{file}: of frame {frame}; {like.name} has {count(like.frames, 'frame')}, from 0"
        )
    return frame


def _left_aside(others: Counter[str]) -> list[str]:
    if not others:
        return []
    return [f"segments that are none of ours left aside: {', '.join(sorted(others))}"]


READER = Reader("seg-nrrd", "3D Slicer segmentation", _recognises, read_seg_nrrd)
