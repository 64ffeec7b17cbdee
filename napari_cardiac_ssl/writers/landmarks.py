"""Landmark files out."""

import json
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.measures import InsertionPoints
from napari_cardiac_ssl.writers.work import Choice, Work, Writer


def write_landmarks(
    path: Path,
    study_id: str,
    landmarks: Landmarks | None,
    insertion: InsertionPoints | None = None,
) -> Path:
    """Write a study's landmarks into a landmark file; those of other studies in it stay.

    Parameters
    ----------
    path
        A landmark file that is there, or a new one.
    study_id
        What the file is to call the study.
    landmarks, insertion
        Its landmarks, and the RV's insertion points, where somebody has set them.

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
    points = {} if landmarks is None else landmarks.points()
    said[study_id] = {**points, **(insertion.points() if insertion else {})}
    with replacing(path) as beside:
        beside.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return path


def _write_of(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    if not _has_points(work):
        raise InputError(f"{work.stack.name}: no landmarks yet; set the heart's three points")
    name = work.study or work.stack.name
    return (write_landmarks(path, name, work.landmarks, work.insertion),)


def _has_points(work: Work) -> bool:
    return work.landmarks is not None or work.insertion is not None


WRITER = Writer(
    "landmarks",
    "Landmarks",
    "The heart's three points and the RV's insertion points in mm, for other programs, for "
    "pre-training and for measure, report and cohort (JSON).",
    "_landmarks.json",
    _write_of,
    offered=_has_points,
)
