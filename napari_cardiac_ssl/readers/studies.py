"""A study from a path: one NIfTI file, or a folder of them."""

from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import name_of, read_stack
from napari_cardiac_ssl.study import Study

_IMAGES = (".nii", ".nii.gz", ".hdr")
_MASKS = ("_gt", "_seg", "_mask", "_label", "_labels", "_confidence")


def read_study(path: str | Path) -> Study:
    """Read a study.

    Parameters
    ----------
    path
        A NIfTI file, or a folder whose NIfTI images are the views of one study. Masks in the
        folder (``…_gt``, ``…_seg`` and the like) are left aside.

    Returns
    -------
    Study
        Named after the file or the folder.

    Raises
    ------
    InputError
        If there is nothing to read, or a file cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        stack = read_stack(path)
        return Study(stack.name, (stack,))
    files = sorted(
        file
        for file in path.iterdir()
        if file.name.lower().endswith(_IMAGES)
        and not file.name.startswith(".")
        and not name_of(file).lower().endswith(_MASKS)
    )
    if not files:
        raise InputError(
            f"{path}: no NIfTI image in this folder (DICOM is not read yet); name a .nii.gz file "
            "or a folder that holds some"
        )
    return Study(path.resolve().name, tuple(read_stack(file) for file in files))


def missing_views(study: Study) -> tuple[View, ...]:
    """Return which of the three views that anatomical positions need are not there."""
    found = {stack.view for stack in study.stacks}
    return tuple(view for view in (View.SAX, View.LAX_2CH, View.LAX_4CH) if view not in found)
