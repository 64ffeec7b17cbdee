"""Unlabelled studies as sources of positions: found once, loaded whenever they are drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of
from napari_cardiac_ssl.geometry.planes import Plane, outside_mm
from napari_cardiac_ssl.geometry.positioned import PositionedStack
from napari_cardiac_ssl.geometry.positions import boxes_on
from napari_cardiac_ssl.readers.landmarks import landmarks_of
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How far beyond the landmarks at base and (near the) apex short-axis slices still show the LV.
_BEYOND_BASE_MM, _BEYOND_APEX_MM = 10.0, 15.0


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """A stack of a study on disk, and where its positions are: a source, loaded when called.

    Parameters
    ----------
    path
        The study's.
    study
        The digest of the study's first stack: its identity, whatever its path.
    digest
        Of the stack.
    frame
        How the heart lies.
    slices
        Those to learn from.
    file
        The stack's own NIfTI file; None where it was put together from several.
    """

    path: Path
    study: str
    digest: str
    view: View
    frame: AnatomicalFrame
    slices: tuple[SliceIndex, ...]
    file: Path | None

    def __call__(self) -> PositionedStack:
        """Load the stack."""
        if self.file is not None:
            return PositionedStack(read_stack(self.file, view=self.view), self.frame, self.slices)
        for stack in read_study(self.path).stacks:
            if stack.digest == self.digest:
                return PositionedStack(stack, self.frame, self.slices)
        raise InputError(f"{self.path}: the files were changed; start anew")


def stacks_of(path: Path, landmarks: Mapping[str, Any], view: View) -> list[Unlabelled]:
    """Find the stacks of a view in a study from which positions can be learned.

    Stills beside cines are left aside: other contrasts, scouts. Of a study of stills (ED, ES) all
    are taken.

    Raises
    ------
    InputError
        If it cannot be read, its planes cannot be told, or they miss its slices.
    """
    study = read_study(path)
    points = landmarks_of(landmarks, path)
    frame = frame_of(study, points)
    found = [
        Unlabelled(
            path,
            study.stacks[0].digest,
            stack.digest,
            view,
            frame,
            slices,
            stack.path if stack.header is not None else None,
        )
        for stack in study.pictures_of(view)
        if (slices := _slices(stack, frame, points))
    ]
    if not found:
        study.stack(view)  # says which views there are instead
        raise InputError(
            f"{path}: where its view planes meet is outside every {view} slice; check that planes "
            "or landmarks belong to the images"
        )
    return found


def _slices(
    stack: Stack, frame: AnatomicalFrame, landmarks: Landmarks | None
) -> tuple[SliceIndex, ...]:
    """Return the slices whose centre is in view and, where landmarks tell, that show the LV."""
    kept = []
    for z in range(stack.slices):
        centre = boxes_on(frame, Plane.of_slice(stack, z), stack.view).centre_mm
        shown = outside_mm(stack, centre) == 0
        if shown and landmarks is not None and stack.view is View.SAX:
            depth = float((centre - landmarks.lv_base) @ landmarks.towards_apex)
            length = float(np.linalg.norm(landmarks.lv_apex - landmarks.lv_base))
            shown = -_BEYOND_BASE_MM <= depth <= length + _BEYOND_APEX_MM
        if shown:
            kept.append(z)
    return tuple(SliceIndex(t, z) for t in range(stack.frames) for z in kept)


def find_all(
    paths: Sequence[Path],
    landmarks: Mapping[str, Any],
    view: View,
    left_out: Callable[[Path, str], None],
    report: Callable[[float, str], None],
) -> list[Unlabelled]:
    """Find what can be learned from in many studies; what cannot be used is said and left out.

    Memory does not grow with their number: one study is read at a time, and forgotten.
    """
    found: list[Unlabelled] = []
    known: dict[str, Path] = {}
    for number, path in enumerate(paths, start=1):
        try:
            stacks = stacks_of(path, landmarks, view)
        except (InputError, MemoryError) as error:
            left_out(path, str(error) or "does not fit into memory")
            continue
        new = [stack for stack in stacks if stack.digest not in known]
        if not new:
            left_out(path, f"the same images as {known[stacks[0].digest]}")
        known |= {stack.digest: path for stack in new}
        found += new
        report(number / len(paths), path.name)
    return found
