"""Frames grouped into slabs of parallel slices; short-axis slabs joined into stacks."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.dicom_files import Frame
from napari_cardiac_ssl.readers.dicom_views import PlaneSet, Verdict, view_said

#: Slices whose normals differ by less are parallel; positions nearer than this are the same.
_PARALLEL_DEG, _SAME_MM = 2.0, 0.5
#: A gap in a stack that is larger than anyone plans starts another stack.
_WIDEST_GAP_MM = 50.0


@dataclass(eq=False)
class Slab:
    """Parallel slices of the same grid, along their normal.

    Parameters
    ----------
    slices
        Per slice its frames, in the order of time.
    notes
        What the user should know of it, a line each.
    """

    slices: list[list[Frame]]
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Frame:
        """The first frame of the first slice."""
        return self.slices[0][0]

    @property
    def name(self) -> str:
        """How messages call it."""
        return series_name(self.first)

    @property
    def frames(self) -> int:
        """The number of frames that most slices have."""
        counts = Counter(len(frames) for frames in self.slices)
        return max(counts, key=lambda count: (counts[count], count))

    @property
    def centre_mm(self) -> NDArray[np.float64]:
        """The middle of all slices, RAS mm, shape ``(3,)``."""
        middles = [
            frames[0].position_mm
            + frames[0].right * frames[0].spacing_mm[1] * (frames[0].shape[1] - 1) / 2
            + frames[0].down * frames[0].spacing_mm[0] * (frames[0].shape[0] - 1) / 2
            for frames in self.slices
        ]
        return np.asarray(np.mean(middles, axis=0))


def grouped(frames: list[Frame]) -> list[Slab]:
    """Group frames by series, then by grid and orientation, then by position."""
    groups: dict[tuple[object, ...], list[list[Frame]]] = defaultdict(list)
    for frame in sorted(frames, key=lambda f: (f.series_number, f.series_uid, f.order)):
        key = (frame.series_uid, frame.reference_uid, *_grid(frame), frame.kind, frame.echo_ms)
        for group in groups[key]:
            if _parallel(group[0], frame):
                group.append(frame)
                break
        else:
            groups[key].append([frame])
    return [_slab(group) for alike in groups.values() for group in alike]


def _grid(frame: Frame) -> tuple[object, ...]:
    return (frame.shape, round(frame.spacing_mm[0], 3), round(frame.spacing_mm[1], 3))


def _parallel(one: Frame, other: Frame) -> bool:
    limit = np.cos(np.radians(_PARALLEL_DEG))
    return bool(one.right @ other.right > limit and one.down @ other.down > limit)


def _slab(frames: list[Frame]) -> Slab:
    normal = frames[0].normal
    depths = np.array([frame.position_mm @ normal for frame in frames])
    slices: list[list[Frame]] = []
    last = -np.inf
    for i in np.argsort(depths, kind="stable"):
        if depths[i] - last > _SAME_MM:
            slices.append([])
        slices[-1].append(frames[i])
        last = depths[i]
    slab = Slab([])
    for group in slices:
        ordered, note = _in_time(group)
        slab.slices.append(ordered)
        if note:
            slab.notes.append(f"{slab.name}: {note}")
    return slab


def _in_time(frames: list[Frame]) -> tuple[list[Frame], str | None]:
    """Order the frames of one slice in time, each once."""
    times = {frame.time_ms for frame in frames}
    told = None not in times and 2 * len(times) >= len(frames) and (len(times) > 1)
    if not told:
        # Frames of one position that nothing tells apart keep the order of acquisition.
        return sorted(frames, key=lambda f: f.order), None
    ordered, at = [], set()
    for frame in sorted(frames, key=lambda f: (f.time_ms or 0.0, f.order)):
        if frame.time_ms not in at:
            ordered.append(frame)
            at.add(frame.time_ms)
    twice = len(frames) - len(ordered)
    note = f"{twice} frames at the same time as others, left aside" if twice else None
    return ordered, note


def plane_set(slab: Slab) -> PlaneSet:
    """Return what tells the view of a slab."""
    said = view_said(slab.first.description) or view_said(slab.first.protocol)
    return PlaneSet(
        slab.name, said, slab.first.normal, slab.centre_mm, len(slab.slices), slab.frames
    )


def assembled(slabs: list[Slab], verdicts: list[Verdict]) -> list[tuple[View, Slab]]:
    """Put the SAX slabs that fit together into stacks; leave the others as they are."""
    done: list[tuple[View, Slab]] = [
        (verdict.view, slab)
        for slab, verdict in zip(slabs, verdicts, strict=True)
        if verdict.view is not View.SAX
    ]
    groups: list[list[Slab]] = []
    for slab, verdict in zip(slabs, verdicts, strict=True):
        if verdict.view is View.SAX:
            fitting = (group for group in groups if _fit_together(group[0], slab))
            group = next(fitting, None)
            if group is None:
                groups.append([slab])
            else:
                group.append(slab)
    done += [(View.SAX, stack) for group in groups for stack in _joined(group)]
    return done


def _fit_together(one: Slab, other: Slab) -> bool:
    a, b = one.first, other.first
    alike = (one.frames == 1) == (other.frames == 1) and (
        0.5 < one.frames / other.frames < 2 and a.kind == b.kind
    )
    same_place = a.reference_uid == b.reference_uid and _grid(a) == _grid(b) and _parallel(a, b)
    return alike and same_place


def _joined(slabs: list[Slab]) -> list[Slab]:
    """Join slabs into stacks; a position acquired again replaces the earlier one."""
    normal = slabs[0].first.normal
    depths = np.sort([part[0].position_mm @ normal for slab in slabs for part in slab.slices])
    gaps = np.diff(depths)
    whole = [slab for slab in slabs if len(slab.slices) >= 3]
    if whole and len(slabs) > 1 and gaps.min() < 0.6 * np.median(gaps[gaps > _SAME_MM]):
        # They lie between each other's slices: acquired again, or with another contrast.
        rest = [slab for slab in slabs if slab not in whole]
        return whole + (_joined(rest) if rest else [])
    joined = Slab([], [note for slab in slabs for note in slab.notes])
    parts = sorted(
        (part for slab in slabs for part in slab.slices),
        key=lambda part: (part[0].position_mm @ normal, part[0].series_number),
    )
    stacks, last = [joined], -np.inf
    for part in parts:
        depth = float(part[0].position_mm @ normal)
        current = stacks[-1]
        if current.slices and depth - last <= _SAME_MM:
            current.slices[-1] = part
            current.notes.append(
                f"a SAX slice was acquired again in series {part[0].series_number}; "
                "the later one is used"
            )
        elif current.slices and depth - last > _WIDEST_GAP_MM:
            stacks.append(Slab([part]))
        else:
            current.slices.append(part)
        last = depth
    return stacks


def series_name(frame: Frame) -> str:
    """Return how messages call a frame's series: by its number and description."""
    said = frame.description or frame.protocol
    return f"series {frame.series_number}" + (f" '{said}'" if said else "")
