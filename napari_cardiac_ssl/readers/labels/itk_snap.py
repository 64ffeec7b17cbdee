"""Masks with ITK-SNAP's label description beside them: a text that names the integers."""

import re
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.file_names import name_of
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.readers.labels.names import structure_named
from napari_cardiac_ssl.readers.nifti_file import load
from napari_cardiac_ssl.readers.placing import place
from napari_cardiac_ssl.study import Stack

_LINE = re.compile(r'\s*(\d+)\s+\d+\s+\d+\s+\d+\s+[\d.]+\s+\d\s+\d\s+"(.*)"\s*')
_ENDINGS = ("_labels.txt", ".label", ".labels", ".txt")


def description_beside(path: Path) -> Path | None:
    """Return the label description beside a mask: ``NAME_labels.txt``, ``.label`` or ``.txt``."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return None
    for ending in _ENDINGS:
        beside = path.with_name(name_of(path) + ending)
        if beside.is_file() and _described(beside):
            return beside
    return None


def _described(file: Path) -> dict[int, str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = (_LINE.fullmatch(line) for line in lines if not line.startswith("#"))
    return {int(line[1]): line[2] for line in found if line}


def _recognises(path: Path) -> bool:
    return path.is_file() and description_beside(path) is not None


def read_itk_snap(path: Path, like: Stack | None) -> Found:
    """Read a NIfTI mask by the names that the label description beside it gives the integers.

    Raises
    ------
    InputError
        If it cannot be read, does not lie on the images' grid, or an integer has no name.
    """
    description = description_beside(path)
    if description is None:
        raise InputError(f"{path}: no label description beside it")
    said = _described(description)
    volume = load(path)
    voxels = volume.voxels
    if not np.array_equal(voxels, np.rint(voxels)):
        raise InputError(f"{path}: not a mask: some voxels are not whole numbers")
    voxels, remark = place(voxels, volume, like, path) if like else (voxels, None)
    labels = np.zeros(voxels.shape, dtype=np.uint8)
    notes = [remark] if remark else []
    for code in (int(value) for value in np.unique(voxels) if value != 0):
        if code not in said:
            raise InputError(f"{path}: the integer {code} has no name in {description.name}")
        structure = structure_named(said[code])
        if structure is None:
            notes.append(f"'{said[code]}' is none of our structures: left aside")
        else:
            labels[voxels == code] = UKBB.code(structure)
    return Found(labels, notes=tuple(notes), affine=None if like else volume.affine)


READER = Reader("itk-snap", "mask with ITK-SNAP's labels", _recognises, read_itk_snap)
