"""A study from DICOM files: pictures grouped into stacks, each with its view.

Pictures of one grid, orientation and contrast are placed along their normal (`dicom_grouping`);
those of one place are put in order (`dicom_runs`); `dicom_views` tells which view they show.
Identifiers, which anonymisers collapse, strip, scatter or repeat, are asked last.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.readers.dicom_files import Damage, Frame, read_frames, read_pixels
from napari_cardiac_ssl.readers.dicom_finding import is_directory
from napari_cardiac_ssl.readers.dicom_grouping import (
    Layer,
    families,
    joined,
    layers_of,
    plane_set,
    slabs_of,
)
from napari_cardiac_ssl.readers.dicom_notes import (
    frame_notes,
    geometry_notes,
    identifier_notes,
    number_notes,
    order_notes,
    stack_notes,
)
from napari_cardiac_ssl.readers.dicom_person import person_of
from napari_cardiac_ssl.readers.dicom_runs import TRIGGER_TIME
from napari_cardiac_ssl.readers.dicom_views import tell_views
from napari_cardiac_ssl.study import DicomSource, Stack, Study
from napari_cardiac_ssl.wording import count

#: What pictures are called that are no cine, as nothing tells their order.
_NO_ORDER = "in no order"


def read_dicom(files: list[Path], path: Path, notes: list[str] | None = None) -> Study:
    """Read DICOM files as one study.

    Parameters
    ----------
    files
        The files. What is no MR image, or damaged, is left aside.
    path
        The file or folder that they are from; the study is named after it.
    notes
        What is to be said of how the files were found.

    Returns
    -------
    Study
        SAX first, cines before other kinds of pictures; its notes say what is doubtful or missing.

    Raises
    ------
    InputError
        If there is no usable image, or if the images are of several persons.
    """
    frames, said = _headers(files, path)
    said = [*(notes or []), *said]
    _check_one_person(frames, path)
    person, doubts = person_of(frame.person_said for frame in frames)
    stacks: list[Stack] = []
    found: list[str] = []
    while frames:
        stacks, found, damaged = _stacks(frames, path)
        if not damaged:
            break
        # What cannot be decoded may have stood in the place of what can.
        frames = [frame for frame in frames if frame.path not in damaged]
        said += [
            f"left aside: {count(number, 'DICOM file')}, whose pixels cannot be read: {why}"
            for why, number in Counter(damaged.values()).items()
        ]
    if not frames:
        raise InputError(f"{path}: no DICOM image in it can be used: {'; '.join(said[:3])}")
    said += [*found, *doubts]
    stacks = [_of_person(stack, person) for stack in stacks]
    stacks.sort(key=lambda s: (s.view.order, s.contrast != "", s.frames == 1, -s.slices, -s.frames))
    return Study(path.resolve().name, tuple(_named(stacks)), tuple(dict.fromkeys(said)))


@dataclass(frozen=True, eq=False)
class _Layout:
    """Which pictures make which stacks, before their pixels are read."""

    layers: list[Layer]
    copies: list[Frame]
    notes: list[str]


def _laid_out(frames: list[Frame]) -> _Layout:
    grouped = [slabs_of(family) for family in families(frames)]
    copies = [copy for _, found in grouped for copy in found]
    verdicts = tell_views([plane_set(slab) for slabs, _ in grouped for slab in slabs])
    notes = [verdict.doubt for verdict in verdicts if verdict.doubt]
    layers: list[Layer] = []
    for slabs, _ in grouped:
        told, verdicts = verdicts[: len(slabs)], verdicts[len(slabs) :]
        viewed, said = joined(slabs, told)
        notes += said
        for view, slab in viewed:
            layers += layers_of(view, slab)
    return _Layout(layers, copies, notes)


def _stacks(frames: list[Frame], path: Path) -> tuple[list[Stack], list[str], dict[Path, str]]:
    """Return the stacks, notes on them, and which files' pixels cannot be read, and why."""
    layout = _laid_out(frames)
    stacks: list[Stack] = []
    damaged: dict[Path, str] = {}
    copied = {frame.path for frame in layout.copies}
    notes = (
        [f"left aside: {count(len(copied), 'DICOM file')} that are copies of others"]
        if copied
        else []
    )
    lost = {id(frame) for frame in layout.copies}
    unique = [frame for frame in frames if id(frame) not in lost]
    scattered, said = identifier_notes(unique, layout.layers)
    notes += [*said, *order_notes(layout.layers), *layout.notes]
    notes += stack_notes(layout.layers)
    for layer in layout.layers:
        order = _order(layer)
        made = _stack(layer, order, path, scattered=scattered)
        if isinstance(made, Stack):
            stacks.append(made)
            notes += [*layer.notes, *geometry_notes(layer, made.affine), *frame_notes(layer)]
        else:
            damaged |= made
    return stacks, notes + number_notes(unique), damaged


def _headers(files: list[Path], path: Path) -> tuple[list[Frame], list[str]]:
    """Return all pictures, and a line for each reason why files were left aside."""
    frames: list[Frame] = []
    damaged: dict[str, list[str]] = defaultdict(list)
    others = 0
    for file in files:
        if is_directory(file):
            continue  # it lists files that are found without it
        try:
            found = read_frames(file)
        except Damage as damage:
            damaged[str(damage)].append(file.name)
            continue
        others += not found
        frames += found
    notes = [
        f"left aside: {count(len(names), 'DICOM file')} "
        f"({names[0]}{', …' if len(names) > 1 else ''}): {why}"
        for why, names in list(damaged.items())[:10]
    ]
    if len(damaged) > 10:
        more = sum(len(names) for names in list(damaged.values())[10:])
        notes.append(f"left aside: {count(more, 'DICOM file')} more, damaged")
    if others:
        notes.append(f"left aside: {count(others, 'DICOM file')} without MR images")
    if not frames:
        raise InputError(
            f"{path}: no DICOM image that can be used: {'; '.join(notes[:2]) or 'no file'}"
        )
    return frames, notes


def _check_one_person(frames: list[Frame], path: Path) -> None:
    persons = {frame.person for frame in frames if frame.person}
    if len(persons) > 1:
        raise InputError(
            f"{path}: images of {len(persons)} persons (by patient ID); name a folder that holds "
            "one person's examination"
        )


def _of_person(stack: Stack, person: Person) -> Stack:
    if not isinstance(stack.source, DicomSource):
        return stack
    return replace(stack, source=replace(stack.source, person=person))


def _order(layer: Layer) -> list[list[int]]:
    """Return, per slice and frame of the stack, which picture of the slice is nearest in time."""
    count = layer.frames
    chosen = []
    for frames in layer.slices:
        if len(frames) == count:
            chosen.append(list(range(count)))
            continue
        times = np.array([frame.time_ms or 0.0 for frame in frames])
        if len(frames) > 1 and (np.diff(times) > 0).all():
            beat = times[-1] - times[0] + float(np.median(np.diff(times)))
            phases = (times - min(times[0], beat / count)) / beat
        else:
            phases = np.arange(len(frames)) / len(frames)
        chosen.append([int(np.abs(phases - t / count).argmin()) for t in range(count)])
    return chosen


def _affine(layer: Layer) -> NDArray[np.float64]:
    first, last = layer.first, layer.runs[-1].first
    affine = np.eye(4)
    affine[:3, 0] = first.right * first.spacing_mm[1]
    affine[:3, 1] = first.down * first.spacing_mm[0]
    if len(layer.runs) > 1:
        affine[:3, 2] = (last.position_mm - first.position_mm) / (len(layer.runs) - 1)
    else:
        affine[:3, 2] = first.normal * first.thickness_mm
    affine[:3, 3] = first.position_mm
    return affine


def _stack(
    layer: Layer, order: list[list[int]], path: Path, *, scattered: bool
) -> Stack | dict[Path, str]:
    """Read the pixels of a layer, or return which files' pixels cannot be read, and why."""
    image, damaged = _image(layer, order, path)
    if damaged:
        return damaged
    view, kind = layer.view, layer.first.contrast.kind
    if not all(run.is_ordered for run in layer.runs):
        kind = f"{kind}, {_NO_ORDER}" if kind else _NO_ORDER
    name = str(view) if view is not View.OTHER else _slug(layer.first.description)
    return Stack(
        image,
        _affine(layer),
        view=view,
        name=f"{name}_{_slug(kind)}" if kind and view is not View.OTHER else name,
        frame_interval_s=_interval_s(layer),
        source=_source(layer, order, path, scattered=scattered),
        contrast=kind,
    )


def _image(
    layer: Layer, order: list[list[int]], path: Path
) -> tuple[NDArray[np.generic], dict[Path, str]]:
    places: dict[Path, list[tuple[Frame, list[tuple[int, int]]]]] = defaultdict(list)
    for z, (frames, chosen) in enumerate(zip(layer.slices, order, strict=True)):
        for number in sorted(set(chosen)):
            slots = [(t, z) for t, taken in enumerate(chosen) if taken == number]
            places[frames[number].path].append((frames[number], slots))
    used = [frame for parts in places.values() for frame, _ in parts]
    same = {frame.dtype for frame in used}
    plain = len(same) == 1 and all((f.slope, f.intercept) == (1.0, 0.0) for f in used)
    kind = layer.first.dtype if plain else np.dtype(np.float32)
    shape = (layer.frames, len(layer.runs), *layer.first.shape)
    try:
        image = np.zeros(shape, dtype=kind)
    except MemoryError as error:
        size = np.prod(shape, dtype=float) * kind.itemsize / 1e9
        raise InputError(f"{path}: {layer.name} needs {size:.1f} GB, more than there is") from error
    damaged: dict[Path, str] = {}
    for file, parts in places.items():
        try:
            pictures = read_pixels(file, [frame.index for frame, _ in parts])
            for (frame, slots), picture in zip(parts, pictures, strict=True):
                if picture.shape != frame.shape:
                    raise Damage(f"pixels of shape {picture.shape}, not {frame.shape}")
                values = picture if plain else picture * frame.slope + frame.intercept
                for t, z in slots:
                    image[t, z] = values
        except Damage as damage:
            damaged[file] = str(damage)
    return image, damaged


def _source(layer: Layer, order: list[list[int]], path: Path, *, scattered: bool) -> DicomSource:
    shown = [
        [frames[number].instance for number in chosen]
        for frames, chosen in zip(layer.slices, order, strict=True)
    ]
    series = [frame.series_uid for frames in layer.slices for frame in frames]
    return DicomSource(
        path,
        instances=tuple(zip(*shown, strict=True)),
        study_uid=layer.first.study_uid,
        series_uids=tuple(dict.fromkeys(filter(None, series))),
        reference_uid=None if scattered else layer.first.reference_uid or None,
    )


def _interval_s(layer: Layer) -> float | None:
    """Return the time between frames: the mean over slices, whose heart rates differ."""
    steps = [
        float(np.median(np.diff([frame.time_ms or 0.0 for frame in run.frames])))
        for run in layer.runs
        if len(run.frames) > 1 and run.told_by == TRIGGER_TIME
    ]
    mean = float(np.mean(steps)) / 1000 if steps else 0.0
    return round(mean, 6) if mean > 0 else None


def _named(stacks: list[Stack]) -> list[Stack]:
    """Add numbers to the names that occur again."""
    seen: Counter[str] = Counter()
    named = []
    for stack in stacks:
        seen[stack.name] += 1
        number = seen[stack.name]
        named.append(replace(stack, name=f"{stack.name}_{number}") if number > 1 else stack)
    return named


def _slug(text: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return "_".join(words) or str(View.OTHER)
