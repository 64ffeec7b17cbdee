"""Landmark files: three points for want of long-axis views, and where the RV meets the LV."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.measures import InsertionPoints
from napari_cardiac_ssl.readers.nifti import name_of
from napari_cardiac_ssl.readers.studies import images_in


def read_landmarks(path: str | Path) -> Mapping[str, Any]:
    """Read a landmark file: ``{"<study id>": {"lv_base": [x, y, z], "lv_apex": …, …}}``, RAS mm.

    The points of a study are looked at when they are asked for (`landmarks_of`).

    Raises
    ------
    InputError
        If it cannot be read, or is not such a file.
    """
    path = Path(path)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); write it as the guide says") from error
    if not isinstance(said, dict) or not all(isinstance(part, dict) for part in said.values()):
        raise InputError(
            f'{path}: not a landmark file; write {{"<study id>": {{"lv_base": [x, y, z], '
            '"lv_apex": […], "rv_lateral": […]}, …} in RAS mm'
        )
    return said


def landmarks_of(said: Mapping[str, Any], study: Path) -> Landmarks | None:
    """Return the landmarks of a study; None where the file has none for it.

    Parameters
    ----------
    said
        A landmark file's content.
    study
        The path of a file, which belongs to the study that its folder's name, or its own name up
        to the first underscore, names; or of a study's folder.

    Raises
    ------
    InputError
        If its points cannot be those of a heart.

    Examples
    --------
    >>> points = {"lv_base": [0, 0, 0], "lv_apex": [0, 0, -80], "rv_lateral": [60, 0, 0]}
    >>> landmarks_of({"p7": points}, Path("images/p7_ED.nii.gz")).lv_apex
    array([  0.,   0., -80.])
    """
    for name in study_ids(study):
        if name in said:
            try:
                return Landmarks.of(said[name])
            except InputError as error:
                raise InputError(f"study '{name}': {error}") from error
    return None


def insertion_of(said: Mapping[str, Any], study: Path) -> InsertionPoints | None:
    """Return the RV's insertion points of a study; None where the file has none for it.

    Parameters
    ----------
    said, study
        As of `landmarks_of`.

    Raises
    ------
    InputError
        If there is one of the two alone, or they are no two points.

    Examples
    --------
    >>> points = {"rv_anterior": [0, 20, 0], "rv_inferior": [0, -20, 0]}
    >>> insertion_of({"p7": points}, Path("images/p7_ED.nii.gz")).rv_anterior
    array([ 0., 20.,  0.])
    """
    for name in study_ids(study):
        if said.get(name, {}).keys() & {"rv_anterior", "rv_inferior"}:
            try:
                return InsertionPoints.of(said[name])
            except InputError as error:
                raise InputError(f"study '{name}': {error}") from error
    return None


def study_ids(path: Path) -> list[str]:
    """Return the ids by which a landmark file may know a study, the surest first.

    Examples
    --------
    >>> study_ids(Path("patient061/patient061_ED.nii.gz"))
    ['patient061']
    """
    path = path.absolute()
    if path.is_dir():
        return list(dict.fromkeys([path.name, *(_own_id(file) for file in images_in(path))]))
    return list(dict.fromkeys([path.parent.name, _own_id(path)]))


def _own_id(file: Path) -> str:
    return name_of(file).partition("_")[0]
