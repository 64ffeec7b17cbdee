"""A study in a zip archive: its DICOM files are unpacked for as long as they are read.

Nothing of an archive decides where anything is written: files are numbered in a folder of our own.
"""

import shutil
import tempfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.dicom import read_dicom
from napari_cardiac_ssl.readers.dicom_finding import MOST_FILES, starts_like_dicom
from napari_cardiac_ssl.study import DicomSource, Stack, Study

#: No examination is larger, nor packed by more: an archive that says so is damaged or malicious.
MOST_BYTES, MOST_PACKED = 8 << 30, 200
_CHUNK = 1 << 20


def read_archive(path: Path) -> Study:
    """Read the DICOM study in a zip archive.

    Raises
    ------
    InputError
        If it cannot be unpacked, unfolds beyond reason, or holds no DICOM image.
    """
    with tempfile.TemporaryDirectory(prefix="cardiac-ssl-") as made:
        folder = Path(made)
        try:
            with zipfile.ZipFile(path) as archive:
                members = _unpack(archive, path, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise InputError(f"{path}: this archive cannot be unpacked: {error}") from error
        except RuntimeError as error:  # that is how a password is asked for
            raise InputError(
                f"{path}: this archive is encrypted; unpack it and name the folder"
            ) from error
        if not members:
            raise InputError(
                f"{path}: no DICOM file in this archive; unpack it and name what is in it"
            )
        study = read_dicom(list(members), path)
        named = {file: path / member for file, member in members.items()}
        stacks = tuple(_of_archive(stack, path, named) for stack in study.stacks)
        return replace(study, name=path.stem, stacks=stacks)


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> dict[Path, str]:
    """Unpack the DICOM files, numbered; return what each is called in the archive."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MOST_FILES:
        raise InputError(f"{path}: more than {MOST_FILES:,} files, more than one examination has")
    room = min(MOST_BYTES, shutil.disk_usage(folder).free // 2)
    room = min(room, MOST_PACKED * path.stat().st_size)
    unpacked: dict[Path, str] = {}
    for member in sorted(members, key=lambda one: one.filename):
        with archive.open(member) as packed:
            start = packed.read(144)
            if not starts_like_dicom(start):
                continue
            file = folder / f"{len(unpacked):06}"
            room -= _copy(start, packed, file, room)
        if room < 0:
            raise InputError(
                f"{path}: what is in this archive is far larger than an examination, or than the "
                "room on disk; unpack it and name the folder"
            )
        unpacked[file] = member.filename
    return unpacked


def _copy(start: bytes, packed: IO[bytes], file: Path, room: int) -> int:
    """Write a file as far as there is room for it; return its size, or more than the room."""
    size = len(start)
    with open(file, "wb") as out:
        out.write(start)
        while size <= room and (chunk := packed.read(_CHUNK)):
            out.write(chunk)
            size += len(chunk)
    return size


def _of_archive(stack: Stack, path: Path, named: dict[Path, Path]) -> Stack:
    """Return a stack whose instances are known by their names in the archive."""
    source = stack.source
    if not isinstance(source, DicomSource):
        return stack
    instances = tuple(
        tuple(one._replace(path=named[one.path]) for one in frame) for frame in source.instances
    )
    return replace(stack, source=replace(source, path=path, instances=instances))
