"""A folder of NIfTI files as one study: slices put together, views told by where planes lie."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import along_patient_axes
from napari_cardiac_ssl.readers.dicom_views import PlaneSet, tell_views
from napari_cardiac_ssl.readers.file_names import view_named
from napari_cardiac_ssl.readers.nifti import load_stack
from napari_cardiac_ssl.readers.nifti_doubts import doubts_of, looks_like_labels
from napari_cardiac_ssl.readers.nifti_geometry import apart_mm
from napari_cardiac_ssl.study import NiftiSource, Stack

#: Slices of files of their own are one stack if none is further from its even place.
EVEN_MM = 0.5
#: Planes that meet at less are parallel.
_PARALLEL_DEG = 5.0
#: Views whose planes tell them well enough to stand above a file's name.
_PLAIN = {View.SAX, View.LAX_2CH, View.LAX_3CH, View.LAX_4CH}


@dataclass(eq=False)
class _Part:
    """A stack that is being told apart: from one file, or from one for each slice."""

    stack: Stack
    said: View | None
    told: bool = False


def read_views(files: Sequence[Path], folder: Path) -> tuple[tuple[Stack, ...], tuple[str, ...]]:
    """Read the NIfTI images of one study; return its stacks, and what is doubtful, a line each.

    Files of one slice each that lie side by side, evenly spaced and named alike, become one stack.
    The view is told by where the planes lie, seen together, and by the files' names where they do
    not say how they lie; what the two say differently is a note.

    Parameters
    ----------
    files
        Its images.
    folder
        Where they lie; a stack of several files has it as its source.
    """
    parts, masks = [], []
    for file in files:
        stack = load_stack(file)
        if len(files) > 1 and looks_like_labels(stack):
            masks.append(f"{stack.name}: only whole numbers up to 5, like a mask: left aside")
            continue
        said = view_named(stack.name)
        parts.append(_Part(replace(stack, view=said or View.SAX), said))
    parts, notes = _assembled(parts, folder)
    notes += masks
    notes += _tell_by_planes(parts)
    doubted: dict[str, list[str]] = {}
    for part in parts:
        told = part.told or part.said is not None
        for doubt in doubts_of(part.stack, view_said=told):
            doubted.setdefault(doubt, []).append(part.stack.name)
    notes += [f"{_span(names)}: {doubt}" for doubt, names in doubted.items()]
    return tuple(part.stack for part in parts), tuple(notes)


def _assembled(parts: list[_Part], folder: Path) -> tuple[list[_Part], list[str]]:
    """Put files of one slice each together; return all parts, and what was done or left."""
    groups: list[list[_Part]] = []
    for part in parts:
        fitting = next((group for group in groups if _is_beside(part, group[0])), None)
        if fitting:
            fitting.append(part)
        else:
            groups.append([part])
    found: list[_Part] = []
    notes: list[str] = []
    for group in map(_in_order, groups):
        if len(group) == 1:
            found += group
            continue
        names = _span([part.stack.name for part in group])
        if (uneven := _uneven_mm(group)) is None:
            found += group
            notes.append(
                f"{names}: one slice each, and by their headers at one place: not put together"
            )
        elif uneven <= EVEN_MM:
            stack = _joined([part.stack for part in group], folder)
            notes.append(
                f"{names}: one slice each, read as one stack of {stack.slices}, slices "
                f"{stack.spacing_mm[0]:.2f} mm apart"
            )
            found.append(_Part(stack, group[0].said, told=True))
        else:
            notes.append(
                f"{names}: one slice each, not evenly spaced (up to {uneven:.1f} mm off, limit "
                f"{EVEN_MM} mm): not put together; is one missing?"
            )
            found += group
    return found, notes


def _is_beside(one: _Part, other: _Part) -> bool:
    """Tell whether two files of one slice each may belong to one stack."""
    first, second = one.stack, other.stack
    alike = [re.sub(r"[0-9]+", "#", stack.name) for stack in (first, second)]
    if (
        alike[0] != alike[1]
        or {one.said, other.said} - {None, View.SAX}
        or not (first.slices == second.slices == 1)
        or first.orientation_known != second.orientation_known
        or first.image.shape != second.image.shape
        or first.is_4d != second.is_4d
    ):
        return False
    affine = second.affine.copy()
    affine[:3, 2:] = first.affine[:3, 2:]
    return apart_mm(first.affine, affine, first.image.shape) <= EVEN_MM


def _span(names: list[str]) -> str:
    """Return one name, or the first and the last of several."""
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} files)"


def _in_order(group: list[_Part]) -> list[_Part]:
    normal = _normal(group[0].stack)
    return sorted(group, key=lambda part: float(normal @ part.stack.affine[:3, 3]))


def _normal(stack: Stack) -> NDArray[np.float64]:
    normal = np.cross(stack.affine[:3, 0], stack.affine[:3, 1])
    # Towards +z of the slice as it is stored, so that order and handedness are kept.
    normal *= np.sign(normal @ stack.affine[:3, 2]) or 1.0
    return np.asarray(normal / np.linalg.norm(normal))


def _uneven_mm(group: list[_Part]) -> float | None:
    """Return how far slices, in order, lie from an even row; None if two are at one place."""
    origins = np.array([part.stack.affine[:3, 3] for part in group])
    depths = origins @ _normal(group[0].stack)
    if np.diff(depths).min() < EVEN_MM:
        return None
    even = np.linspace(origins[0], origins[-1], len(group))
    return float(np.linalg.norm(origins - even, axis=1).max())


def _joined(stacks: list[Stack], folder: Path) -> Stack:
    """Return slices, in order, as one stack."""
    first, last = stacks[0], stacks[-1]
    affine = first.affine.copy()
    affine[:3, 2] = (last.affine[:3, 3] - first.affine[:3, 3]) / (len(stacks) - 1)
    name = re.sub(r"[\W_]*[0-9]+$", "", first.name) or folder.resolve().name
    return Stack(
        np.concatenate([stack.image for stack in stacks], axis=1),
        affine,
        view=View.SAX,
        name=name,
        frame_interval_s=first.frame_interval_s,
        source=NiftiSource(folder),
        is_4d=first.is_4d,
    )


def _tell_by_planes(parts: list[_Part]) -> list[str]:
    """Tell views by how the planes lie to each other, where the files say that they do."""
    planes = [
        part
        for part in parts
        if part.stack.orientation_known and not along_patient_axes(part.stack.affine)
    ]
    normals = np.array([_normal(part.stack) for part in planes])
    if len(planes) < 2 or np.abs(normals @ normals[0]).min() > np.cos(np.radians(_PARALLEL_DEG)):
        return []
    verdicts = tell_views([_plane_set(part) for part in planes])
    notes = []
    for part, verdict in zip(planes, verdicts, strict=True):
        view, doubt = verdict.view, verdict.doubt
        if view not in _PLAIN and part.said not in {None, View.OTHER}:
            view = part.stack.view  # a plane that fits no heart is no reason to doubt a name
            doubt = f"{part.stack.name} says {view}, though its plane is none of that view"
        part.stack, part.told = replace(part.stack, view=view), True
        notes += [doubt] if doubt else []
    return notes


def _plane_set(part: _Part) -> PlaneSet:
    stack = part.stack
    middle = (np.array(stack.image.shape[:0:-1]) - 1) / 2
    # A long axis of no said kind is told by its plane.
    said = part.said if part.said is not View.OTHER else None
    return PlaneSet(
        stack.name, said, _normal(stack), stack.world_mm(middle), stack.slices, stack.frames
    )
