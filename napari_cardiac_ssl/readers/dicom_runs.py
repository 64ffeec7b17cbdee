"""Pictures of one place: which of them are copies, which are one cine, and in which order.

At one place there may be one cine, or several: acquired again, or reconstructed in two ways. A
header says times, numbers and identifiers; any of them may be missing, repeated or wrong. What is
one cine has times (or numbers) that are all different and evenly apart, and as many pictures as
its header promises. Identifiers are asked only where that leaves more than one cine.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.readers.dicom_files import Damage, Frame, read_pixels

#: Corners nearer than this are the same: within it, a scanner's rounding.
SAME_MM = 0.5
#: Times nearer than this are the same moment.
_SAME_MS = 0.01
#: Pictures that are nearer in time than this share of the usual step are of two cines.
_CROWDED = 0.3

#: What tells the order of a cine as a rule.
TRIGGER_TIME = "trigger time"
#: What may tell the order of pictures, from the best to the last resort.
_ORDERS: tuple[tuple[str, Callable[[Frame], float | None]], ...] = (
    (TRIGGER_TIME, lambda frame: frame.time_ms),
    ("inversion time", lambda frame: frame.inversion_ms),
    ("temporal position", lambda frame: frame.temporal),
    ("instance number", lambda frame: frame.number),
    ("acquisition number", lambda frame: frame.acquisition),
    ("content time", lambda frame: frame.content_s),
)

_KEYS: tuple[Callable[[Frame], Hashable], ...] = (
    lambda frame: frame.image_type,
    lambda frame: frame.series,
    lambda frame: frame.series_number,
    lambda frame: frame.series_uid,
    lambda frame: (frame.image_type, *frame.series),
    lambda frame: frame.acquisition,
)


@dataclass(eq=False)
class Run:
    """The pictures of one cine at one place, in order; or one picture.

    Parameters
    ----------
    frames
        In the order of time, as far as that is told.
    told_by
        What tells their order; "" if nothing does.
    notes
        What is doubtful, in a few words each.
    """

    frames: list[Frame]
    told_by: str
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Frame:
        """The first picture."""
        return self.frames[0]

    @property
    def is_ordered(self) -> bool:
        """Whether there is an order, or none is needed."""
        return bool(self.told_by) or len(self.frames) == 1

    @property
    def series(self) -> tuple[int, str]:
        """Number and UID of its series, where most of its pictures agree on one."""
        number, uid = (
            Counter(values).most_common(1)[0]
            for values in zip(*(frame.series for frame in self.frames), strict=True)
        )
        return int(number[0]), str(uid[0]) if 2 * uid[1] > len(self.frames) else ""

    @property
    def promised(self) -> frozenset[int]:
        """How many pictures the headers say there are: by one element, or by another."""
        return frozenset(count for frame in self.frames for count in frame.promised_frames)


def without_copies(frames: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Return the pictures of one place without those that are copies of others, and the copies.

    A copy has the same pixels, and nothing in its header that makes it another moment.
    """
    if len({frame.time_ms for frame in frames} - {None}) == len(frames):
        return frames, []
    ordered = sorted(frames, key=lambda f: (str(f.path), f.index))
    rivals = [
        [other for other in ordered[:i] if _may_be_same(frame, other)]
        for i, frame in enumerate(ordered)
    ]
    rivalling = {id(other) for others in rivals for other in others}
    digests = _digests(
        [one for one, others in zip(ordered, rivals, strict=True) if others or id(one) in rivalling]
    )
    kept: list[Frame] = []
    copies: list[Frame] = []
    for frame, others in zip(ordered, rivals, strict=True):
        own = digests.get(id(frame))
        copied = own is not None and any(digests.get(id(other)) == own for other in others)
        (copies if copied else kept).append(frame)
    return kept, copies


def _may_be_same(one: Frame, other: Frame) -> bool:
    """Tell whether nothing in their headers makes two pictures of one place two moments."""
    if one.time_ms is not None and other.time_ms is not None:
        alike = abs(one.time_ms - other.time_ms) <= _SAME_MS
    else:
        alike = None in {one.number, other.number} or one.number == other.number
    return alike and (one.inversion_ms, one.temporal) == (other.inversion_ms, other.temporal)


def _digests(frames: list[Frame]) -> dict[int, bytes]:
    """Return, by their `id`, what pictures of the same pixels share; damaged ones have none."""
    files: dict[Path, list[Frame]] = defaultdict(list)
    for frame in frames:
        files[frame.path].append(frame)
    digests = {}
    for path, parts in files.items():
        try:
            pictures = read_pixels(path, [frame.index for frame in parts])
            for frame, pixels in zip(parts, pictures, strict=True):
                said = repr((pixels.shape, frame.slope, frame.intercept, frame.contrast.kind))
                sha = hashlib.sha256(said.encode() + np.ascontiguousarray(pixels).tobytes())
                digests[id(frame)] = sha.digest()
        except Damage:
            continue
    return digests


def runs_of(frames: list[Frame]) -> list[Run]:
    """Split the pictures of one place into cines (or single pictures), each in order."""
    if len(frames) == 1 or _is_one(frames):
        return [_in_order(frames)]
    for key in _KEYS:
        parts: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            parts[key(frame)].append(frame)
        if _is_split(list(parts.values())):
            return [_in_order(part) for part in parts.values()]
    return [_in_order(frames)]


def _is_split(parts: list[list[Frame]]) -> bool:
    """Tell whether parts are cines of their own: not single pictures that anonymisers scattered."""
    if len(parts) < 2 or not all(map(_is_one, parts)):
        return False
    stills = [part[0] for part in parts if len(part) == 1]
    if not stills:
        return True
    # Single pictures are pictures of their own only where that is what a header says.
    numbers = {frame.series_number for frame in stills}
    return len(numbers) == len(stills) and (
        len(stills) <= 4 or all(max(frame.promised_frames, default=1) == 1 for frame in stills)
    )


def _is_one(frames: list[Frame]) -> bool:
    """Tell whether pictures can be one cine: moments all different, evenly apart, as promised."""
    if len(frames) == 1:
        return True
    promised = max((count for frame in frames for count in frame.promised_frames), default=0)
    kinds = {(frame.image_type, *frame.series) for frame in frames}
    if 0 < promised < len(frames) and len(kinds) > 1:
        return False
    for name, value in _ORDERS:
        moments = [value(frame) for frame in frames]
        told = sorted(moment for moment in moments if moment is not None)
        if len(told) < len(frames):
            continue
        steps = np.diff(told)
        if steps.min() <= _SAME_MS:
            if name == TRIGGER_TIME and steps.max() > _SAME_MS:
                return False
            continue
        if name == TRIGGER_TIME:
            return bool(steps.min() > _CROWDED * np.median(steps))
        return not _are_blocks(sorted(frames, key=lambda frame: value(frame) or 0.0))
    return len({frame.series for frame in frames}) == 1


def _are_blocks(ordered: list[Frame]) -> bool:
    """Tell whether numbered pictures come in blocks, each of a series of several pictures.

    Only where numbers and UIDs of series both say so: one of them alone may be scattered.
    """
    blocks = [list(block) for _, block in groupby(ordered, key=lambda frame: frame.series)]
    numbers = {frame.series_number for frame in ordered}
    uids = {frame.series_uid for frame in ordered}
    return (
        len(blocks) == len(numbers) == len(uids) > 1
        and 0 not in numbers
        and min(map(len, blocks)) > 1
    )


def _in_order(frames: list[Frame]) -> Run:
    """Put pictures in order by the best that tells all of them apart."""
    if len(frames) == 1:
        return Run(frames, "")
    for name, value in _ORDERS:
        told = [moment for frame in frames if (moment := value(frame)) is not None]
        if len(told) == len(frames) and np.diff(sorted(told)).min() > _SAME_MS:
            ordered = sorted(frames, key=lambda frame: value(frame) or 0.0)
            return Run(ordered, name, _doubts(ordered, name))
    return Run(sorted(frames, key=lambda f: (str(f.path), f.index)), "")


def _doubts(ordered: list[Frame], name: str) -> list[str]:
    """Return where what else tells the order of pictures says otherwise."""
    notes = []
    times = [frame.time_ms for frame in ordered]
    kind = ordered[0].contrast.kind
    if name != TRIGGER_TIME and None not in times and len(set(times)) > 1 and not kind:
        count = len(times) - len(set(times))
        notes.append(f"{count} pictures have the trigger times of others; the {name} is followed")
    numbers = [frame.number for frame in ordered if frame.number is not None]
    if name == TRIGGER_TIME and len(set(numbers)) == len(ordered):
        falls = sum(b < a for a, b in zip(numbers, numbers[1:] + numbers[:1], strict=True))
        if falls > 1:  # from the last to the first it may fall: cines start where they like
            notes.append("trigger times and instance numbers tell different orders; times followed")
    return notes
