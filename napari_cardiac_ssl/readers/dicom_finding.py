"""Which files are DICOM: by their first bytes, in folders, behind links, in a DICOMDIR."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.dicom_contrast import words_of
from napari_cardiac_ssl.readers.dicom_files import Damage, SizedFile, quietly

#: No folder of one examination holds more; a whole disk is not searched by mistake.
MOST_FILES = 100_000
#: The preamble, what follows it, and the first element after that or instead of it.
_START = 144
#: Value representations that a first element has.
_FIRST_VRS = {b"UL", b"UI", b"OB", b"CS", b"SH", b"LO", b"DA", b"TM"}


@dataclass
class Found:
    """The DICOM files in a folder.

    Parameters
    ----------
    files
        Sorted by folder and name; what links lead to, once.
    notes
        Links that lead nowhere, or back, a line each.
    """

    files: list[Path]
    notes: list[str] = field(default_factory=list)


def find_dicom(folder: Path, *, nested: bool = True) -> Found:
    """Find the DICOM files in a folder, by content; `nested`: and in those below it.

    Links to files and folders are followed, each place once.

    Raises
    ------
    InputError
        If there are far more files than one examination has.
    """
    found = Found([])
    again: list[str] = []
    broken: list[str] = []
    files: set[str] = set()
    for path in files_below(folder, again, nested=nested):
        if path.is_symlink() and not path.exists():
            broken.append(str(path.relative_to(folder)))
            continue
        real = os.path.realpath(path) if path.is_symlink() else str(path)
        if real not in files and is_dicom(path):
            files.add(real)
            found.files.append(path)
    if broken:
        found.notes.append(f"left aside: {_links(broken)} to what is not there")
    if again:
        found.notes.append(f"left aside: {_links(again)} to a folder that is read already")
    return found


def files_below(folder: Path, again: list[str], *, nested: bool) -> Iterator[Path]:
    """Yield all files of a folder, sorted, and of those below it, each folder once.

    Links to folders that were visited already are added to `again`.
    """
    places = {os.path.realpath(folder)}
    seen = 0
    for root, folders, names in os.walk(folder, followlinks=True):
        below = sorted(folders) if nested else []
        folders.clear()
        for name in below:
            real = os.path.realpath(Path(root, name))
            if real in places:
                again.append(str(Path(root, name).relative_to(folder)))
            else:
                places.add(real)
                folders.append(name)
        seen += len(names)
        if seen > MOST_FILES:
            raise InputError(
                f"{folder}: more than {MOST_FILES:,} files; name the folder of one examination"
            )
        yield from (Path(root, name) for name in sorted(names))


def is_dicom(path: Path) -> bool:
    """Tell by its first bytes whether a file is DICOM: the preamble, or none and a first element.

    Files without a preamble start with group 0002 or 0008, the lowest that images have, and with
    an element that has a value representation or a length that it can have.
    """
    try:
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            start = file.read(_START)
    except OSError:
        return False
    return starts_like_dicom(start)


def starts_like_dicom(start: bytes) -> bool:
    r"""Tell by a file's first 144 bytes whether it is DICOM.

    Examples
    --------
    >>> starts_like_dicom(bytes(128) + b"DICM"), starts_like_dicom(b"II*" + bytes(141))
    (True, False)
    >>> starts_like_dicom(b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + bytes(100))
    True
    >>> starts_like_dicom(b"\2\0\0\0xxxxxxxx")  # a chunk of numbers
    False
    """
    if start[128:132] == b"DICM":
        return True
    for order in ("little", "big"):
        group, element = (int.from_bytes(start[i : i + 2], order) for i in (0, 2))
        if group not in {0x0002, 0x0008} or element > 0x0100 or len(start) < 12:
            continue
        if start[4:6] in _FIRST_VRS:
            return True
        length = int.from_bytes(start[4:8], order)
        # Implicit: a group length has four bytes, others are short texts of an even length.
        if length == 4 if element == 0 else (0 < length <= 64 and length % 2 == 0):
            return element == 0 or all(byte == 0 or 32 <= byte < 127 for byte in start[8:16])
    return False


def is_directory(path: Path) -> bool:
    """Tell whether a DICOM file is a DICOMDIR: a list of other files."""
    try:
        with open(path, "rb") as file:
            start = file.read(1024)
    except OSError:
        return False
    at = start.find(b"\2\0\2\0UI", 128) + 6
    length = int.from_bytes(start[at : at + 2], "little")
    uid = start[at + 2 : at + 2 + length].rstrip(b"\0 ")
    return start[128:132] == b"DICM" and uid == b"1.2.840.10008.1.3.10"


def listed(directory: Path) -> Found:
    """Find the files that a DICOMDIR lists.

    Only below its own folder; names may differ in upper and lower case, as media are copied.
    """
    found = Found([])
    gone = 0
    for parts in _entries(directory):
        path = _below(directory.parent, parts)
        if path is None:
            gone += 1
        elif is_dicom(path):
            found.files.append(path)
    found.files = list(dict.fromkeys(found.files))
    if gone:
        found.notes.append(
            f"{gone} of the files that {directory.name} lists are not there: what is shown is "
            "incomplete"
        )
    return found


def _entries(directory: Path) -> Iterator[list[str]]:
    try:
        with quietly(), SizedFile(directory) as file:
            records = pydicom.dcmread(file).get("DirectoryRecordSequence") or []
            named = [record.get("ReferencedFileID") for record in records]
    except Damage as damage:
        raise InputError(f"{directory}: this DICOMDIR cannot be read: {damage}") from damage
    return (words_of(name) for name in named if name)


def _below(folder: Path, parts: list[str]) -> Path | None:
    """Return the file that a directory's entry names, if it is there."""
    path = folder
    for part in parts:
        if not part or part in {".", ".."} or "/" in part or "\\" in part:
            return None
        exact = path / part
        if exact.exists():
            path = exact
            continue
        try:
            alike = [one for one in path.iterdir() if one.name.lower() == part.lower()]
        except OSError:
            return None
        if len(alike) != 1:
            return None
        path = alike[0]
    return path if path.is_file() else None


def _links(names: list[str]) -> str:
    more = ", …" if len(names) > 1 else ""
    return f"{len(names)} link{'' if len(names) == 1 else 's'} ({names[0]}{more})"
