"""Slice states and provenance: what experts drew, and from what.

The rules stand here and nowhere else: the model writes unlabelled and predicted slices only; the
first stroke on a slice makes it *editing* and protects it; confirming makes it *expert* and an
example to learn from.
"""

import getpass
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import now


class SliceState(StrEnum):
    """What a slice's labels are worth."""

    UNLABELLED = "unlabelled"
    PREDICTED = "predicted"
    EDITING = "editing"
    EXPERT = "expert"
    EXCLUDED = "excluded"


#: How a slice came to be empty that lies outside the heart's extent (`Annotations.mark_outside`).
OUTSIDE = "outside the heart"

#: The states in which the model may write.
OPEN_TO_MODEL = frozenset({SliceState.UNLABELLED, SliceState.PREDICTED})


@dataclass(frozen=True)
class SliceRecord:
    """One slice's state and where it comes from.

    Parameters
    ----------
    state
        What its labels are worth.
    who
        The person who last drew or confirmed; empty for the model's work.
    when
        UTC time of the last change, ISO 8601; empty where nothing happened yet.
    model
        Digest of the model whose prediction the labels are, or started from; None without one.
    how
        How the labels came about: "predicted", "drawn", "corrected" (a prediction drawn on),
        "accepted" (a prediction confirmed as it was), "confirmed" (nothing was drawn: no heart
        here), `OUTSIDE` (beyond the first or last slice with heart), or the name of a help; empty
        where nothing happened yet.
    """

    state: SliceState = SliceState.UNLABELLED
    who: str = ""
    when: str = ""
    model: str | None = None
    how: str = ""


@dataclass(frozen=True)
class SliceContent:
    """One slice at one moment: what is put back by undo and kept in a project.

    Parameters
    ----------
    record
        Its state and provenance.
    mask
        Its labels, compressed (`pack`).
    """

    record: SliceRecord
    mask: bytes


#: What is said of something: plain values, as JSON can hold them; None where nothing is.
State = Mapping[str, Any] | None


@dataclass(frozen=True)
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
    state
        What was said of stacks and their study, as the project keeps it: by kind (``landmarks``,
        ``view``, ``phases``) and digest, before and after; None where nothing was.
    """

    what: str
    changes: Mapping[SliceIndex, tuple[SliceContent, SliceContent]]
    models: tuple[str | None, str | None] | None = None
    state: Mapping[tuple[str, str], tuple[State, State]] = field(default_factory=dict)


#: What steps are called in which a model wrote its predictions.
REFRESH = "refresh"


@dataclass
class _Slice:
    record: SliceRecord = field(default_factory=SliceRecord)
    mask: bytes | None = None  # the labels compressed; None until it is asked for


class Annotations:
    """The labels of one stack and the state of each of its slices.

    Parameters
    ----------
    shape
        ``(t, z, y, x)`` of the stack.
    who
        Name of the person who draws; the computer's user by default.
    """

    def __init__(self, shape: tuple[int, int, int, int], who: str | None = None) -> None:
        self._labels = np.zeros(shape, dtype=np.uint8)
        self._slices: dict[SliceIndex, _Slice] = {}
        self._versions = np.zeros(shape[:2], dtype=np.int64)
        self._changes = 0
        self.who = who if who is not None else _user()

    @property
    def labels(self) -> NDArray[np.uint8]:
        """A read-only view of all labels, ``(t, z, y, x)``, UKBB integers."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

    @property
    def versions(self) -> NDArray[np.int64]:
        """How often the labels of each slice were written, ``(t, z)``, read-only.

        Whoever keeps something that was worked out of them sees here which slices are new.
        """
        view = self._versions.view()
        view.flags.writeable = False
        return view

    @property
    def changes(self) -> int:
        """How often labels or the state of any slice were written: what rests on both is as new."""
        return self._changes

    def record(self, index: SliceIndex) -> SliceRecord:
        """Return one slice's state and provenance."""
        known = self._slices.get(index)
        return known.record if known else SliceRecord()

    def state(self, index: SliceIndex) -> SliceState:
        """Return one slice's state."""
        return self.record(index).state

    def slices(self, *states: SliceState) -> tuple[SliceIndex, ...]:
        """Return the slices that are in one of some states, in order."""
        return tuple(sorted(i for i, known in self._slices.items() if known.record.state in states))

    def is_outside(self, index: SliceIndex) -> bool:
        """Tell whether an expert has marked a slice as outside the heart."""
        record = self.record(index)
        return record.state is SliceState.EXPERT and record.how == OUTSIDE

    def extent(self, t: int) -> tuple[int, int]:
        """Return the first and last slice of a frame that may show heart.

        Parameters
        ----------
        t
            The frame.

        Returns
        -------
        tuple of int
            What lies between the slices at either end of the stack that an expert has marked as
            outside the heart, or has confirmed as empty. Excluded ones among them do not count.
            All slices where nothing was said, or where nothing would be left.

        Raises
        ------
        InputError
            If there is no such frame.
        """
        self._slice(SliceIndex(t, 0))
        indices = [SliceIndex(t, z) for z in range(self._labels.shape[1])]
        last = len(indices) - 1
        before, after = self._without_heart(indices), self._without_heart(indices[::-1])
        return (0, last) if before + after > last else (before, last - after)

    def content(self, index: SliceIndex) -> SliceContent:
        """Return one slice as it is now, compressed."""
        known = self._slice(index)
        if known.mask is None:
            known.mask = pack(self._labels[index])
        return SliceContent(known.record, known.mask)

    def put(self, index: SliceIndex, content: SliceContent) -> None:
        """Make a slice what it was at another moment.

        Raises
        ------
        InputError
            If the mask is damaged or of another size.
        """
        self._write(index, unpack(content.mask, self._labels.shape[2:]), content.record)
        self._slice(index).mask = content.mask

    def annotate(
        self, index: SliceIndex, labels: NDArray[np.integer], how: str | None = None
    ) -> None:
        """Take over what an expert has drawn on a slice, which protects it.

        Parameters
        ----------
        index
            The slice.
        labels
            Shape ``(y, x)``.
        how
            By which help, if not by hand.

        Raises
        ------
        InputError
            If the slice or its shape is not the stack's.
        """
        before = self.record(index)
        how = how or ("corrected" if before.model else "drawn")
        self._write(index, labels, self._by_expert(before, SliceState.EDITING, how))

    def confirm(self, index: SliceIndex) -> None:
        """Make a slice an example to learn from, as it is. An empty one says: no heart here."""
        before = self.record(index)
        how = "accepted" if before.state is SliceState.PREDICTED else before.how or "confirmed"
        self._mark(index, self._by_expert(before, SliceState.EXPERT, how))

    def mark_outside(self, index: SliceIndex) -> None:
        """Make a slice an example of no heart: empty, because it lies outside the heart."""
        record = SliceRecord(SliceState.EXPERT, self.who, now(), how=OUTSIDE)
        self._write(index, np.zeros(self._labels.shape[2:], np.uint8), record)

    def accept(self, index: SliceIndex) -> None:
        """Confirm a prediction as it is; a slice that is none stays as it is."""
        if self.state(index) is SliceState.PREDICTED:
            self.confirm(index)

    def unconfirm(self, index: SliceIndex) -> None:
        """Unconfirm a slice: the slice stays protected, but is no example any more."""
        if self.state(index) is SliceState.EXPERT:
            self._mark(index, replace(self.record(index), state=SliceState.EDITING))

    def exclude(self, index: SliceIndex) -> None:
        """Keep a slice out of everything: not learned, not predicted, not suggested."""
        before = self.record(index)
        self._mark(index, self._by_expert(before, SliceState.EXCLUDED, before.how))

    def include(self, index: SliceIndex) -> None:
        """Take an exclusion back: open to the model, or still protected where an expert drew."""
        before = self.record(index)
        if before.state is not SliceState.EXCLUDED:
            return
        state = {"": SliceState.UNLABELLED, "predicted": SliceState.PREDICTED}.get(before.how)
        if state is None:
            self._mark(index, self._by_expert(before, SliceState.EDITING, before.how))
        else:
            self._mark(index, replace(before, state=state, who=""))

    def release(self, index: SliceIndex) -> None:
        """Revert a slice to the model: empty until the next prediction. An expert's verb."""
        self._write(index, np.zeros(self._labels.shape[2:], np.uint8), SliceRecord())

    def refresh(
        self, slices: Sequence[SliceIndex], labels: NDArray[np.uint8], model: str
    ) -> tuple[SliceIndex, ...]:
        """Take over a model's prediction wherever it may write.

        Parameters
        ----------
        slices
            Which slices were predicted; ``n``.
        labels
            Shape ``(n, y, x)``.
        model
            Digest of the model.

        Returns
        -------
        tuple of SliceIndex
            The slices that were written: those that no expert has touched.
        """
        record = SliceRecord(SliceState.PREDICTED, when=now(), model=model, how="predicted")
        written = []
        for index, predicted in zip(slices, labels, strict=True):
            if self.state(index) in OPEN_TO_MODEL:
                self._write(index, predicted, record)
                written.append(index)
        return tuple(written)

    def _without_heart(self, indices: Sequence[SliceIndex]) -> int:
        """Return how many slices from an end of the stack on hold no heart, as an expert says."""
        number = 0
        for place, index in enumerate(indices):
            state = self.state(index)
            if state is SliceState.EXPERT and not self._labels[index].any():
                number = place + 1
            elif state is not SliceState.EXCLUDED:
                break
        return number

    def _by_expert(self, before: SliceRecord, state: SliceState, how: str) -> SliceRecord:
        return SliceRecord(state, self.who, now(), before.model, how)

    def _slice(self, index: SliceIndex) -> _Slice:
        frames, slices = self._labels.shape[:2]
        if not (0 <= index[0] < frames and 0 <= index[1] < slices):
            raise InputError(
                f"no slice {index[1]} of frame {index[0]}: the stack has {frames} frames and "
                f"{slices} slices, counted from 0"
            )
        index = SliceIndex(*index)
        if index not in self._slices:
            self._slices[index] = _Slice()
        return self._slices[index]

    def _write(self, index: SliceIndex, labels: NDArray[np.integer], record: SliceRecord) -> None:
        known = self._slice(index)
        if labels.shape != self._labels.shape[2:]:
            raise InputError(
                f"slice {index[1]} of frame {index[0]}: labels of shape {labels.shape}, the "
                f"stack's slices have {self._labels.shape[2:]} (y, x)"
            )
        self._labels[index] = labels
        self._versions[index] += 1
        self._changes += 1
        known.record, known.mask = record, None

    def _mark(self, index: SliceIndex, record: SliceRecord) -> None:
        self._changes += 1
        self._slice(index).record = record


def pack(labels: NDArray[np.uint8]) -> bytes:
    """Compress one slice's labels.

    Examples
    --------
    >>> labels = np.zeros((256, 256), np.uint8)
    >>> labels[100:120, 90:130] = 3
    >>> len(pack(labels)) < 500, bool((unpack(pack(labels), (256, 256)) == labels).all())
    (True, True)
    """
    return zlib.compress(np.ascontiguousarray(labels, dtype=np.uint8).data, level=1)


def unpack(mask: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return one slice's labels, ``(y, x)``.

    Raises
    ------
    InputError
        If the bytes are damaged, or not of this size: never more than that is unpacked.
    """
    size = int(np.prod(shape))
    try:
        content = zlib.decompressobj().decompress(mask, max_length=size + 1)
    except zlib.error as error:
        raise InputError(f"a stored mask is damaged ({error})") from error
    if len(content) != size:
        raise InputError(f"a stored mask does not fit a slice of {shape} (y, x)")
    return np.frombuffer(content, np.uint8).reshape(shape)


def middle_of(labels: NDArray[np.uint8]) -> tuple[float, float] | None:
    """Return the middle of the box around everything labelled.

    Parameters
    ----------
    labels
        Shape ``(n, y, x)``: labelled slices of one stack.

    Returns
    -------
    tuple of float, or None
        Row and column, voxels; None where nothing is labelled.

    Examples
    --------
    >>> labels = np.zeros((1, 10, 10), np.uint8)
    >>> labels[0, 2:5, 6:8] = 1
    >>> middle_of(labels)
    (3.0, 6.5)
    """
    marked = np.any(labels > 0, axis=0)
    if not marked.any():
        return None
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return float(rows[0] + rows[-1]) / 2, float(columns[0] + columns[-1]) / 2


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user in the system's list
        return "unknown"
