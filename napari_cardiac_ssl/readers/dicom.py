"""A study from DICOM files: frames grouped into stacks, each with its view.

A series is split by orientation into *slabs* of parallel slices. `dicom_views` tells each slab's
view; slabs that are SAX and fit together (same grid, parallel) become one stack, however many
series they came from. Slices are ordered along the normal, frames by the time after the R wave.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.dicom_files import (
    Damage,
    Frame,
    read_frames,
    read_pixels,
)
from napari_cardiac_ssl.readers.dicom_slabs import Slab, assembled, grouped, plane_set, series_name
from napari_cardiac_ssl.readers.dicom_views import tell_views
from napari_cardiac_ssl.study import DicomSource, Stack, Study
from napari_cardiac_ssl.wording import count

#: By how much a slice may lie from where the stack's affine puts it before it is said.
_OFF_MM = 1.0


def read_dicom(files: list[Path], path: Path) -> Study:
    """Read DICOM files as one study.

    Parameters
    ----------
    files
        The files. What is no MR image, or damaged, is left aside.
    path
        The file or folder that they are from; the study is named after it.

    Returns
    -------
    Study
        SAX first; its notes say what is doubtful or missing.

    Raises
    ------
    InputError
        If there is no usable image, or if the images are of several persons.
    """
    frames, notes = _headers(files, path)
    notes += _check_one_person(frames, path)
    stacks: list[Stack] = []
    found: list[str] = []
    while frames:
        stacks, found, damaged = _stacks(frames, path)
        if not damaged:
            break
        # What cannot be decoded may have stood in the place of what can.
        frames = [frame for frame in frames if frame.path not in damaged]
        notes += [
            f"left aside: {count(number, 'DICOM file')}, whose pixels cannot be read: {why}"
            for why, number in Counter(damaged.values()).items()
        ]
    if not frames:
        raise InputError(f"{path}: no DICOM image in it can be used: {'; '.join(notes[:3])}")
    notes += found
    stacks.sort(key=lambda s: (s.view.order, s.frames == 1, -s.slices))
    return Study(path.resolve().name, tuple(_named(stacks)), tuple(dict.fromkeys(notes)))


def _stacks(frames: list[Frame], path: Path) -> tuple[list[Stack], list[str], dict[Path, str]]:
    """Return the stacks, notes on them, and which files' pixels cannot be read, and why."""
    series = grouped(frames)
    verdicts = tell_views([plane_set(slab) for slab in series])
    notes = [verdict.doubt for verdict in verdicts if verdict.doubt]
    stacks: list[Stack] = []
    damaged: dict[Path, str] = {}
    for view, slab in assembled(series, verdicts):
        order = _order(slab)
        made = _stack(slab, order, view, path)
        if isinstance(made, Stack):
            stacks.append(made)
            notes += [*slab.notes, *_geometry_notes(slab), *_frame_notes(slab, order)]
        else:
            damaged |= made
    return stacks, notes, damaged


def _headers(files: list[Path], path: Path) -> tuple[list[Frame], list[str]]:
    """Return all frames, and a line for each reason why files were left aside."""
    frames: list[Frame] = []
    damaged: dict[str, list[str]] = defaultdict(list)
    instances: set[tuple[str, int]] = set()
    others = twice = 0
    for file in files:
        try:
            found = read_frames(file)
        except Damage as damage:
            damaged[str(damage)].append(file.name)
            continue
        others += not found
        fresh = [frame for frame in found if (frame.sop_uid, frame.index) not in instances]
        twice += len(fresh) < len(found)
        instances |= {(frame.sop_uid, frame.index) for frame in fresh}
        frames += fresh
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
    if twice:
        notes.append(f"left aside: {count(twice, 'DICOM file')} that are copies of others")
    if not frames:
        raise InputError(
            f"{path}: no DICOM image that can be used: {'; '.join(notes[:2]) or 'no file'}"
        )
    return frames, notes


def _check_one_person(frames: list[Frame], path: Path) -> list[str]:
    persons = {frame.person for frame in frames if frame.person}
    if len(persons) > 1:
        raise InputError(
            f"{path}: images of {len(persons)} persons (by patient ID); name a folder that holds "
            "one person's examination"
        )
    notes = []
    examinations = {frame.study_uid for frame in frames}
    if len(examinations) > 1:
        notes.append(f"the images are of {len(examinations)} examinations; they are read as one")
    references = {frame.reference_uid for frame in frames}
    if len(references) > 1:
        notes.append(
            f"{len(references)} frames of reference: where views meet may be off, if the person "
            "was moved in between"
        )
    return notes


def _order(slab: Slab) -> list[list[int]]:
    """Return, per slice and frame of the stack, which frame of the slice is nearest in time."""
    count = slab.frames
    chosen = []
    for frames in slab.slices:
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


def _affine(slab: Slab) -> NDArray[np.float64]:
    first, last = slab.first, slab.slices[-1][0]
    affine = np.eye(4)
    affine[:3, 0] = first.right * first.spacing_mm[1]
    affine[:3, 1] = first.down * first.spacing_mm[0]
    if len(slab.slices) > 1:
        affine[:3, 2] = (last.position_mm - first.position_mm) / (len(slab.slices) - 1)
    else:
        affine[:3, 2] = first.normal * first.thickness_mm
    affine[:3, 3] = first.position_mm
    return affine


def _stack(slab: Slab, order: list[list[int]], view: View, path: Path) -> Stack | dict[Path, str]:
    """Read the pixels of a slab, or return which files' pixels cannot be read, and why."""
    places: dict[Path, list[tuple[Frame, list[tuple[int, int]]]]] = defaultdict(list)
    for z, (frames, chosen) in enumerate(zip(slab.slices, order, strict=True)):
        for number in sorted(set(chosen)):
            slots = [(t, z) for t, taken in enumerate(chosen) if taken == number]
            places[frames[number].path].append((frames[number], slots))
    used = [frame for parts in places.values() for frame, _ in parts]
    same = {frame.dtype for frame in used}
    plain = len(same) == 1 and all((f.slope, f.intercept) == (1.0, 0.0) for f in used)
    kind = slab.first.dtype if plain else np.dtype(np.float32)
    shape = (slab.frames, len(slab.slices), *slab.first.shape)
    try:
        image = np.zeros(shape, dtype=kind)
    except MemoryError as error:
        size = np.prod(shape, dtype=float) * kind.itemsize / 1e9
        raise InputError(f"{path}: {slab.name} needs {size:.1f} GB, more than there is") from error
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
    if damaged:
        return damaged
    return Stack(
        image,
        _affine(slab),
        view=view,
        name=str(view) if view is not View.OTHER else _slug(slab.first.description),
        frame_interval_s=_interval_s(slab),
        source=_source(slab, order, path),
    )


def _source(slab: Slab, order: list[list[int]], path: Path) -> DicomSource:
    shown = [
        [frames[number].instance for number in chosen]
        for frames, chosen in zip(slab.slices, order, strict=True)
    ]
    return DicomSource(
        path,
        instances=tuple(zip(*shown, strict=True)),
        study_uid=slab.first.study_uid,
        series_uids=tuple(dict.fromkeys(frames[0].series_uid for frames in slab.slices)),
        reference_uid=slab.first.reference_uid or None,
    )


def _interval_s(slab: Slab) -> float | None:
    """Return the time between frames: the mean over slices, whose heart rates differ."""
    steps = [
        float(np.median(np.diff([frame.time_ms or 0.0 for frame in frames])))
        for frames in slab.slices
        if len(frames) > 1
    ]
    mean = float(np.mean(steps)) / 1000 if steps else 0.0
    return round(mean, 6) if mean > 0 else None


def _frame_notes(slab: Slab, order: list[list[int]]) -> list[str]:
    """Return what is said about frames that are missing."""
    notes = []
    count = slab.frames
    for z, frames in enumerate(slab.slices):
        which = f"{series_name(frames[0])}, slice {z}"
        promised = frames[0].promised_frames
        times = np.array([frame.time_ms or 0.0 for frame in frames])
        steps = np.diff(times)
        if len(frames) != count:
            notes.append(
                f"{which}: {len(frames)} frames where most slices have {count}; the nearest in "
                "time are shown in their places"
            )
        elif len(frames) > 1 and promised > len(frames):
            notes.append(f"{which}: {len(frames)} of {promised} frames; the others are missing")
        elif len(steps) > 3 and steps.max() > 1.7 * np.median(steps) > 0:
            notes.append(
                f"{which}: a gap of {steps.max():.0f} ms after frame {int(steps.argmax())}, where "
                f"others are {np.median(steps):.0f} ms apart; a frame is missing"
            )
    return notes


def _geometry_notes(slab: Slab) -> list[str]:
    """Return what is said about slices that do not lie evenly on a straight line."""
    if len(slab.slices) < 3:
        return []
    notes = []
    affine, normal = _affine(slab), slab.first.normal
    positions = np.array([frames[0].position_mm for frames in slab.slices])
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    off = positions - (affine[:3, 3] + np.arange(len(positions))[:, None] * affine[:3, 2])
    along = off @ normal
    across = np.linalg.norm(off - along[:, None] * normal, axis=1)
    shear = np.linalg.norm(affine[:3, 2] - (affine[:3, 2] @ normal) * normal)
    placed = f"the slices are placed evenly, {np.abs(along).max():.1f} mm off at most"
    wide = [z for z, gap in enumerate(gaps) if gap > 1.5 * usual]
    notes += [
        f"{slab.name}: {gaps[z]:.1f} mm between slices {z} and {z + 1}, where others are "
        f"{usual:.1f} mm apart: a slice is missing; {placed}"
        for z in wide
    ]
    if not wide and np.abs(along).max() > _OFF_MM:
        notes.append(
            f"{slab.name}: slices are {gaps.min():.1f} to {gaps.max():.1f} mm apart; {placed}"
        )
    if across.max() > _OFF_MM or shear > _OFF_MM:
        notes.append(
            f"{slab.name}: not a straight stack: slices are shifted in their plane, by up to "
            f"{across.max():.1f} mm from the line from the first to the last"
            + (f", which leans by {shear:.1f} mm per slice" if shear > _OFF_MM else "")
        )
    return notes


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
