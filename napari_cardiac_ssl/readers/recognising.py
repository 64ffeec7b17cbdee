"""What a path is, by content: a study, an image, or something for other programs."""

import gzip
import os
import zipfile
import zlib
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

from napari_cardiac_ssl.readers.dicom_finding import is_dicom

#: Endings of NIfTI files.
NIFTI_ENDINGS = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
#: How many files are looked into before a folder is left to other readers; and how many of those
#: in one folder that have the same ending, evenly spaced: they are alike.
_LOOKED_AT, _OF_A_KIND = 4000, 20


def can_read(path: Path) -> bool:
    """Tell by content whether a path is a study, an image or a mask: something to be read here.

    What only NIfTI files are called is taken by its name: if it is damaged, that is to be said.
    """
    if path.is_dir():
        return _holds_study(path)
    named = path.name.lower().endswith((".nii", ".nii.gz"))
    return named or is_dicom(path) or is_nifti_file(path) or is_archive(path)


def is_nifti_file(path: Path) -> bool:
    """Tell whether a file is NIfTI: by its name, and by its header or that of its pair."""
    name = path.name.lower()
    if not name.endswith(NIFTI_ENDINGS):
        return False
    if name.endswith((".img", ".img.gz")):
        cut = path.name[: name.rindex(".img")]
        return any(
            _starts_like_nifti(path.with_name(cut + ending))
            for ending in (".hdr", ".hdr.gz", ".HDR", ".HDR.GZ")
        )
    return _starts_like_nifti(path)


def _starts_like_nifti(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else open(path, "rb") as file:
            start = file.read(348)
    except (OSError, EOFError, zlib.error):
        return False
    return start[344:347] in {b"n+1", b"ni1"} or start[4:7] in {b"n+2", b"ni2"}


def is_archive(path: Path) -> bool:
    """Tell whether a file is a zip archive, and called one: .docx and .npz files are some too."""
    return path.name.lower().endswith(".zip") and path.is_file() and zipfile.is_zipfile(path)


def _holds_study(folder: Path) -> bool:
    """Tell whether there is a NIfTI image in a folder, or DICOM in it or below."""
    for number, file in enumerate(_breadth_first(folder)):
        if number >= _LOOKED_AT:
            return False
        if is_dicom(file) or (file.parent == folder and is_nifti_file(file)):
            return True
    return False


def _breadth_first(folder: Path) -> Iterator[Path]:
    """Yield files of a folder and of those below it, the nearest first, some of each kind."""
    waiting, seen = deque([folder]), {os.path.realpath(folder)}
    while waiting:
        here = waiting.popleft()
        kinds: dict[str, list[Path]] = defaultdict(list)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = Path(entry.path)
            if not entry.is_dir():
                kinds[path.suffix.lower()].append(path)
            elif (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                waiting.append(path)
        for alike in kinds.values():
            yield from alike[:: max(1, len(alike) // _OF_A_KIND)]
