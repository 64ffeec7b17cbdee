"""A study from a path: a NIfTI or DICOM file, or a folder of them."""

from dataclasses import replace
from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.archives import read_archive
from napari_cardiac_ssl.readers.dicom import read_dicom
from napari_cardiac_ssl.readers.dicom_finding import find_dicom, is_dicom, is_directory, listed
from napari_cardiac_ssl.readers.file_names import is_mask_name
from napari_cardiac_ssl.readers.nifti_folder import read_views
from napari_cardiac_ssl.readers.pictures import PICTURE, picture_of
from napari_cardiac_ssl.readers.recognising import NIFTI_ENDINGS, is_archive
from napari_cardiac_ssl.study import Study
from napari_cardiac_ssl.wording import count

_IMAGES = (".nii", ".nii.gz", ".hdr")


def read_study(path: str | Path) -> Study:
    """Read a study.

    Parameters
    ----------
    path
        A file, a DICOMDIR or a zip archive of DICOM files; or a folder whose NIfTI images are the
        views of one study, or one with DICOM files in it or below it. Masks in the folder
        (``…_gt``, ``seg_…`` and the like) are left aside, and NIfTI images where there is DICOM
        beside them.

    Returns
    -------
    Study
        Named after the file or the folder; its notes say what is doubtful.

    Raises
    ------
    InputError
        If there is nothing to read, or a file cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        if is_dicom(path):
            return _read_directory(path) if is_directory(path) else read_dicom([path], path)
        if is_archive(path):
            return read_archive(path)
        [stack], notes = read_views([path], path.parent)
        return Study(stack.name, (stack,), notes)
    files = images_in(path)
    # NIfTI views with folders of other things below them are no reason to search those.
    dicom = find_dicom(path, nested=not files)
    if dicom.files:
        study = read_dicom(dicom.files, path, dicom.notes)
        if files:
            note = f"{len(files)} NIfTI images beside the DICOM files left aside"
            return replace(study, notes=(*study.notes, note))
        return study
    if not files:
        raise InputError(
            f"{path}: no DICOM file and no NIfTI image in this folder"
            + "".join(f"; {note}" for note in dicom.notes)
            + _what_there_is(path)
        )
    return Study(path.resolve().name, *read_views(files, path))


def _what_there_is(folder: Path) -> str:
    """Return what to do about a folder without images of its own, by what there is in it."""
    pictures = [file for file in folder.iterdir() if picture_of(file)]
    if pictures:
        return f"; it holds {count(len(pictures), 'picture')} such as {pictures[0].name}: {PICTURE}"
    below = sorted(one for one in folder.iterdir() if one.is_dir() and images_in(one))
    if not below:
        return "; name a .nii.gz file or a folder that holds some"
    what = f"{count(len(below), 'folder')} with images: {below[0].name}"
    more = ", …" if len(below) > 1 else ""
    return f"; it holds {what}{more}: name one of them, or all of them to cohort"


def _read_directory(path: Path) -> Study:
    """Read what a DICOMDIR lists; the study is named after its folder."""
    found = listed(path)
    if not found.files:
        raise InputError(
            f"{path}: none of the files that this DICOMDIR lists is there; copy the whole medium"
        )
    return read_dicom(found.files, path.resolve().parent, found.notes)


def is_nifti(path: Path) -> bool:
    """Tell by its name and first bytes whether a path is to be read as a NIfTI file.

    What is not there, and no folder, is taken for one: its error says so.
    """
    return not path.is_dir() and (path.name.lower().endswith(NIFTI_ENDINGS) or not _is_other(path))


def _is_other(path: Path) -> bool:
    return is_dicom(path) or is_archive(path)


def images_in(folder: Path) -> list[Path]:
    """Return the NIfTI images in a folder, sorted; masks and the like are none."""
    return [file for file in _nifti_in(folder) if not is_mask_name(file)]


def masks_in(folder: Path) -> list[Path]:
    """Return the NIfTI files in a folder whose names say that they are masks and the like."""
    return [file for file in _nifti_in(folder) if is_mask_name(file)]


def _nifti_in(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.name.lower().endswith(_IMAGES) and not file.name.startswith(".")
    )


def missing_views(study: Study) -> tuple[View, ...]:
    """Return which of the three views that anatomical positions need are not there."""
    found = {stack.view for stack in study.stacks}
    return tuple(view for view in (View.SAX, View.LAX_2CH, View.LAX_4CH) if view not in found)
