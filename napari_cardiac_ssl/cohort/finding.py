"""Which studies a cohort is of. A list is pulled, study by study, and never held."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.dicom_finding import is_dicom
from napari_cardiac_ssl.readers.file_names import is_mask_name, name_of, view_named
from napari_cardiac_ssl.readers.studies import images_in

#: The columns of a list: where a study is, and what it is to be called.
STUDY, NAME = "study", "name"


@dataclass(frozen=True)
class Listed:
    """A study to be done.

    Parameters
    ----------
    path
        A file or folder, as `read_study` takes it.
    name
        What it is called in the table.
    """

    path: Path
    name: str


def listed(sources: Sequence[Path]) -> Iterator[Listed]:
    """Yield the studies that are named.

    Parameters
    ----------
    sources
        Each a study (a file, or a folder with images in it), a folder of studies (each folder and
        each image in it is one), or a list: a CSV file with a column ``study``, paths from the
        list's folder, and if wanted a column ``name``.

    Raises
    ------
    InputError
        If a source is not there, or a list has no such column.
    """
    for source in sources:
        if source.suffix.lower() == ".csv":
            yield from _of_list(source)
        elif not source.exists():
            raise InputError(f"{source}: no such file or folder; name studies or a list of them")
        elif source.is_dir() and not _is_study(source):
            yield from _of_folder(source)
        else:
            yield _called(source)


def _of_list(path: Path) -> Iterator[Listed]:
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if STUDY not in (rows.fieldnames or ()):
                said = ", ".join(rows.fieldnames or ()) or "none"
                raise InputError(
                    f"{path}: a list of studies has a column '{STUDY}'; its columns are {said}"
                )
            for row in rows:
                if where := (row[STUDY] or "").strip():
                    study = path.parent / where
                    yield Listed(study, (row.get(NAME) or "").strip() or _called(study).name)
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {reason}; name a list of studies, a CSV file") from error


def _of_folder(folder: Path) -> Iterator[Listed]:
    # Names only: a folder of a hundred thousand studies is a few megabytes.
    for name in sorted(entry.name for entry in os.scandir(folder) if entry.name[0] != "."):
        path = folder / name
        if path.is_dir() or _is_image(path):
            yield _called(path)


def _is_study(folder: Path) -> bool:
    """Tell whether a folder is one study, and not a folder of studies.

    It is if images lie in it, unless their names say that each is somebody else's short axis.
    """
    images = images_in(folder)
    if not images:
        return any(entry.is_file() and is_dicom(Path(entry.path)) for entry in os.scandir(folder))
    short = [file for file in images if view_named(name_of(file)) in {None, View.SAX}]
    return len({name_of(file).split("_")[0] for file in short}) < 2


def _is_image(path: Path) -> bool:
    # By its name, damaged or not: a file that cannot be read is a row with the reason.
    name = path.name.lower()
    return (
        name.endswith((".nii", ".nii.gz", ".hdr", ".zip")) and not is_mask_name(path)
    ) or is_dicom(path)


def _called(path: Path) -> Listed:
    name = path.resolve().name if path.is_dir() else name_of(path)
    return Listed(path, name or "study")
