"""What was done to one stack's labels, step by step, so that it can be undone and done again."""

from collections.abc import Iterator
from dataclasses import dataclass

from napari_cardiac_ssl.annotations import Annotations, SliceContent
from napari_cardiac_ssl.study import SliceIndex

#: How far back undo goes: so many steps, or so many bytes of compressed masks.
MOST_STEPS = 500
MOST_BYTES = 64 * 2**20
#: What the steps are called in which a model wrote its predictions.
REFRESH = "refresh"


@dataclass
class Step:
    """One step of work: what one undo takes back.

    Parameters
    ----------
    what
        In words: "stroke", "refresh".
    changes
        The content of each slice before and after.
    models
        Digest of the present model before and after; None where the step brought none.
    """

    what: str
    changes: dict[SliceIndex, tuple[SliceContent, SliceContent]]
    models: tuple[str | None, str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes of masks that it holds."""
        return sum(len(content.mask) for both in self.changes.values() for content in both)


class History:
    """The steps of one stack, the newest last; those past the present can be done again.

    It is bounded (`MOST_STEPS`, `MOST_BYTES`): the oldest steps are forgotten first.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._done = 0  # how many of them are done, not undone
        self._size = 0

    def __iter__(self) -> Iterator[Step]:
        """Go over the steps that can be undone, the newest first."""
        return reversed(self._steps[: self._done])

    @property
    def undoable(self) -> str | None:
        """What undo would take back; None if nothing."""
        return self._steps[self._done - 1].what if self._done else None

    @property
    def redoable(self) -> str | None:
        """What redo would do again; None if nothing."""
        return self._steps[self._done].what if self._done < len(self._steps) else None

    def add(self, step: Step) -> None:
        """Take in a step that was done; what had been undone cannot be done again any more."""
        for gone in self._steps[self._done :]:
            self._size -= gone.size
        del self._steps[self._done :]
        self._steps.append(step)
        self._done += 1
        self._size += step.size
        self._forget()

    def extend(
        self, step: Step, changes: dict[SliceIndex, tuple[SliceContent, SliceContent]]
    ) -> None:
        """Add changes to a step that is done bit by bit."""
        before = step.size
        step.changes.update(changes)
        self._size += step.size - before

    def undo(self, annotations: Annotations) -> tuple[Step, tuple[SliceIndex, ...]]:
        """Take the newest step back; return it and the slices that changed.

        A slice that is not as the step left it is somebody's later work, and stays.
        """
        step = self._steps[self._done - 1]
        self._done -= 1
        return step, _put(annotations, step, 1, 0)

    def redo(self, annotations: Annotations) -> tuple[Step, tuple[SliceIndex, ...]]:
        """Do the step that was undone last again; return it and the slices that changed."""
        step = self._steps[self._done]
        self._done += 1
        return step, _put(annotations, step, 0, 1)

    def _forget(self) -> None:
        while len(self._steps) > MOST_STEPS or (self._size > MOST_BYTES and len(self._steps) > 1):
            self._size -= self._steps.pop(0).size
            self._done -= 1


def _put(
    annotations: Annotations, step: Step, expected: int, wanted: int
) -> tuple[SliceIndex, ...]:
    written = []
    for index, both in step.changes.items():
        if annotations.content(index) == both[expected]:
            annotations.put(index, both[wanted])
            written.append(index)
    return tuple(written)
