"""What the user should know of DICOM pictures that were put together: a line each."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.dicom_files import MOST_FRAMES, Frame
from napari_cardiac_ssl.readers.dicom_grouping import Layer, series_name
from napari_cardiac_ssl.readers.dicom_runs import TRIGGER_TIME, Run
from napari_cardiac_ssl.wording import count

#: By how much a slice may lie from where the stack's affine puts it before it is said.
_OFF_MM = 1.0
#: By how much slices may be turned against each other before it is said.
_TURNED_DEG = 0.5


def identifier_notes(frames: list[Frame], layers: list[Layer]) -> tuple[bool, list[str]]:
    """Return whether frames of reference say nothing, and what is said of identifiers.

    Where pictures of one stack have several frames of reference, an anonymiser made them.
    """
    notes = []
    instances = {(frame.instance.sop_uid, frame.index) for frame in frames}
    if not all(frame.instance.sop_uid for frame in frames):
        without = sum(not frame.instance.sop_uid for frame in frames)
        notes.append(f"{without} images without an identifier of their own (SOPInstanceUID)")
    elif len(instances) < len(frames):
        notes.append(
            f"identifiers repeat: {len(frames)} different images have {len(instances)} "
            "SOPInstanceUIDs; all are used"
        )
    examinations = {frame.study_uid for frame in frames}
    if len(examinations) > 1:
        notes.append(f"the images are of {len(examinations)} examinations; they are read as one")
    if any(
        len({frame.series_uid for frame in run.frames}) > 1 for one in layers for run in one.runs
    ):
        series = len({frame.series_uid for frame in frames})
        notes.append(
            f"identifiers are scattered: {series} SeriesInstanceUIDs within cines; images are put "
            "together by where they lie"
        )
    references = {frame.reference_uid for frame in frames if frame.reference_uid}
    scattered = any(
        len({f.reference_uid for run in layer.runs for f in run.frames}) > 1 for layer in layers
    )
    if scattered:
        notes.append(
            f"{len(references)} frames of reference, several within a stack: taken for one, as "
            "the slices' places fit; where views meet may be off, if the person was moved"
        )
    elif len(references) > 1:
        notes.append(
            f"{len(references)} frames of reference: where views meet may be off, if the person "
            "was moved in between"
        )
    return scattered, notes


def stack_notes(layers: list[Layer]) -> list[str]:
    """Return what is said of several plain stacks of the short axis, which one is expected of."""
    sax = [
        layer
        for layer in layers
        if layer.view is View.SAX and not layer.first.contrast.kind and layer.runs[0].is_ordered
    ]
    if len(sax) < 2:
        return []
    sizes = Counter(
        f"{count(len(layer.runs), 'slice')} × {count(layer.frames, 'frame')} of "
        f"{layer.first.shape[0]} x {layer.first.shape[1]}"
        for layer in sax
    )
    listed = ", ".join(f"{n} of {size}" if n > 1 else size for size, n in list(sizes.items())[:4])
    return [
        f"{len(sax)} SAX stacks ({listed}{', …' if len(sizes) > 4 else ''}), kept apart: they "
        "differ in grid, orientation, contrast or frames, or lie at the same places"
    ]


def number_notes(frames: list[Frame]) -> list[str]:
    """Return which instance numbers are missing between those of a series, or before them.

    Before them only where they are expected: most of the other series, if there are any, start at
    the first. (An examination may be numbered through.)
    """
    series: dict[tuple[int, str], set[int]] = defaultdict(set)
    for frame in frames:
        if frame.number is not None and frame.number < MOST_FRAMES:
            series[frame.series].add(int(frame.number))
    notes = []
    starts_at_first = sum(min(found) <= 1 for found in series.values())
    for (number, _), found in series.items():
        missing = sorted(set(range(min(found), max(found) + 1)) - found)
        if missing and len(missing) < len(found):
            shown = ", ".join(map(str, missing[:8])) + (", …" if len(missing) > 8 else "")
            notes.append(
                f"series {number}: instance numbers {shown} are missing ({len(missing)} of "
                f"{len(missing) + len(found)})"
            )
        if min(found) > 1 and starts_at_first >= (len(series) - 1) / 2:
            notes.append(
                f"series {number}: instance numbers begin at {min(found)}; images before it may be "
                "missing"
            )
    return notes


def order_notes(layers: list[Layer]) -> list[str]:
    """Return what is said of cines whose order rests on one thing alone, or on nothing."""
    runs = [run for layer in layers for run in layer.runs if len(run.frames) > 1]
    return _unordered([run for run in runs if not run.is_ordered]) + _unconfirmed(
        [run for run in runs if run.is_ordered and not run.first.contrast.kind]
    )


def _unordered(runs: list[Run]) -> list[str]:
    if not runs:
        return []
    counts = sorted({len(run.frames) for run in runs})
    named = list(dict.fromkeys(series_name(run.first) for run in runs))
    return [
        f"nothing tells the order of the pictures at {len(runs)} places ({counts[0]}"
        + (f" to {counts[-1]}" if len(counts) > 1 else "")
        + f" each; {', '.join(named[:3])}{', …' if len(named) > 3 else ''}): no trigger time, "
        "temporal position, instance number, acquisition number or content time that differs; "
        "they are no cine, and each place is shown apart from the others"
    ]


def _unconfirmed(runs: list[Run]) -> list[str]:
    """Return what is said of cines that trigger times tell and numbers do not confirm, or others.

    Were times mixed up, or numbers, nothing would show it.
    """
    notes = []
    alone = [
        run
        for run in runs
        if run.told_by == TRIGGER_TIME and any(frame.number is None for frame in run.frames)
    ]
    if alone:
        notes.append(
            f"trigger times alone tell the order of frames on {len(alone)} slices: instance "
            "numbers that would confirm it are missing"
        )
    others = Counter(run.told_by for run in runs if run.told_by != TRIGGER_TIME)
    notes += [
        f"the {told_by} tells the order of frames on {slices} slices: trigger times are missing, "
        "or repeat"
        for told_by, slices in others.items()
    ]
    return notes


def frame_notes(layer: Layer) -> list[str]:
    """Return what is said about frames that are missing or too many."""
    said: dict[str, list[int]] = defaultdict(list)
    for z, run in enumerate(layer.runs):
        for line in [*run.notes, *_of_run(run, layer.frames)]:
            said[line].append(z)
    return [
        f"{layer.name}, {'slice' if len(slices) == 1 else 'slices'} {_listed(slices)}: {line}"
        for line, slices in said.items()
    ]


def _of_run(run: Run, usual: int) -> list[str]:
    """Return what is said about the number and times of one slice's pictures."""
    frames, promised = run.frames, run.promised
    found = len(frames)
    if found != usual:
        return [
            f"{found} frames where most slices have {usual}; the nearest in time are shown in "
            "their places"
        ]
    if found > 1 or not promised <= {1}:
        if promised and found < max(promised) and found not in promised:
            return [f"{found} of {max(promised)} frames; the others are missing"]
        if promised and found > max(promised) > 1:
            return [f"{found} frames, more than the {max(promised)} that the header promises"]
    if run.told_by != TRIGGER_TIME:  # times that do not tell the order tell no gap either
        return []
    times = [frame.time_ms for frame in frames if frame.time_ms is not None]
    steps = np.diff(times) if len(times) == found else np.zeros(0)
    if len(steps) > 3 and steps.max() > 1.7 * np.median(steps) > 0:
        return [
            f"a gap of {steps.max():.0f} ms after frame {int(steps.argmax())}, where others are "
            f"{np.median(steps):.0f} ms apart; a frame is missing"
        ]
    return []


def geometry_notes(layer: Layer, affine: NDArray[np.float64]) -> list[str]:
    """Return what is said about slices that do not lie evenly on a straight line."""
    notes = _turned(layer)
    if len(layer.runs) < 3:
        return notes
    normal = layer.first.normal
    positions = np.array([run.first.position_mm for run in layer.runs])
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    off = positions - (affine[:3, 3] + np.arange(len(positions))[:, None] * affine[:3, 2])
    along = off @ normal
    across = np.linalg.norm(off - along[:, None] * normal, axis=1)
    shear = np.linalg.norm(affine[:3, 2] - (affine[:3, 2] @ normal) * normal)
    placed = f"the slices are placed evenly, {np.abs(along).max():.1f} mm off at most"
    wide = [z for z, gap in enumerate(gaps) if gap > 1.5 * usual]
    notes += [
        f"{layer.name}: {gaps[z]:.1f} mm between slices {z} and {z + 1}, where others are "
        f"{usual:.1f} mm apart: a slice is missing; {placed}"
        for z in wide
    ]
    if not wide and np.abs(along).max() > _OFF_MM:
        notes.append(
            f"{layer.name}: slices are {gaps.min():.1f} to {gaps.max():.1f} mm apart; {placed}"
        )
    if across.max() > _OFF_MM or shear > _OFF_MM:
        notes.append(
            f"{layer.name}: not a straight stack: slices are shifted in their plane, by up to "
            f"{across.max():.1f} mm from the line from the first to the last"
            + (f", which leans by {shear:.1f} mm per slice" if shear > _OFF_MM else "")
        )
    return notes


def _turned(layer: Layer) -> list[str]:
    first = layer.first
    directions: tuple[Callable[[Frame], NDArray[np.float64]], ...] = (
        lambda frame: frame.right,
        lambda frame: frame.down,
    )
    cosines = [
        float(direction(run.first) @ direction(first))
        for run in layer.runs
        for direction in directions
    ]
    most = float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))
    if most <= _TURNED_DEG:
        return []
    return [
        f"{layer.name}: slices are turned against each other by up to {most:.1f}°; all are placed "
        "as the first"
    ]


def _listed(slices: list[int]) -> str:
    if len(slices) > 3 and slices == list(range(slices[0], slices[-1] + 1)):
        return f"{slices[0]} to {slices[-1]}"
    return ", ".join(map(str, slices))
