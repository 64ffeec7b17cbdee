"""Landmark files out."""

import json
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.writers.work import Choice, Work, Writer


def write_landmarks(path: Path, study_id: str, landmarks: Landmarks) -> Path:
    """Write a study's landmarks into a landmark file; those of other studies in it stay.

    Parameters
    ----------
    path
        A landmark file that is there, or a new one.
    study_id
        What the file is to call the study.
    landmarks
        Its landmarks.

    Raises
    ------
    InputError
        If there is something else at the path, or it cannot be written.
    """
    said: dict[str, object] = {}
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not a landmark file ({error}); choose another") from error
        if not isinstance(found, dict):
            raise InputError(f"{path}: not a landmark file; choose another name")
        said = found
    said[study_id] = landmarks.points()
    with replacing(path) as beside:
        beside.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return path


def _write_of(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    if work.landmarks is None:
        raise InputError(f"{work.stack.name}: no landmarks yet; set the heart's three points")
    return (write_landmarks(path, work.study or work.stack.name, work.landmarks),)


WRITER = Writer(
    "landmarks",
    "Landmarks",
    "The heart's three points in mm, for other programs and for pre-training (JSON).",
    "_landmarks.json",
    _write_of,
    offered=lambda work: work.landmarks is not None,
)
