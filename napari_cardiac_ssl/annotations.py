"""Slice states and provenance: what experts drew, and from what.

The rules stand here and nowhere else: the model writes unlabelled and predicted slices only; the
first stroke on a slice makes it *editing* and protects it; confirming makes it *expert* and an
example to learn from.
"""

import getpass
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex


class SliceState(StrEnum):
    """What a slice's labels are worth."""

    UNLABELLED = "unlabelled"
    PREDICTED = "predicted"
    EDITING = "editing"
    EXPERT = "expert"
    EXCLUDED = "excluded"


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
    """

    state: SliceState = SliceState.UNLABELLED
    who: str = ""
    when: str = ""
    model: str | None = None


@dataclass
class _Slice:
    record: SliceRecord = field(default_factory=SliceRecord)
    # The record that each content had when it was last seen: undoing a stroke or a refresh brings
    # the content back, and with it the state.
    seen: dict[bytes, SliceRecord] = field(default_factory=dict)


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
        self._empty = _digest(np.zeros(shape[2:], np.uint8))
        self.who = who if who is not None else _user()

    @property
    def labels(self) -> NDArray[np.uint8]:
        """A read-only view of all labels, ``(t, z, y, x)``, UKBB integers."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

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

    def annotate(self, index: SliceIndex, labels: NDArray[np.integer]) -> None:
        """Take over what an expert has drawn on a slice, which protects it.

        Raises
        ------
        InputError
            If the slice or its shape is not the stack's.
        """
        before = self.record(index)
        self._write(index, labels, self._by_expert(before, SliceState.EDITING))

    def restore(self, index: SliceIndex, labels: NDArray[np.integer]) -> None:
        """Take over content that came back by undo or redo, and the state that it had.

        Content that was never seen on this slice is an expert's (`annotate`).
        """
        known = self._slices.get(index)
        record = known.seen.get(_digest(labels)) if known else None
        if record is None:
            self.annotate(index, labels)
        else:
            self._write(index, labels, record)

    def confirm(self, index: SliceIndex) -> None:
        """Make a slice an example to learn from, as it is. An empty one says: no heart here."""
        self._mark(index, self._by_expert(self.record(index), SliceState.EXPERT))

    def retract(self, index: SliceIndex) -> None:
        """Take back a confirmation: the slice stays protected, but is no example any more."""
        if self.state(index) is SliceState.EXPERT:
            self._mark(index, replace(self.record(index), state=SliceState.EDITING))

    def exclude(self, index: SliceIndex) -> None:
        """Keep a slice out of everything: not learned, not predicted, not suggested."""
        self._mark(index, self._by_expert(self.record(index), SliceState.EXCLUDED))

    def release(self, index: SliceIndex) -> None:
        """Give a slice back to the model: empty until the next prediction. An expert's verb."""
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
        record = SliceRecord(SliceState.PREDICTED, when=_now(), model=model)
        written = []
        for index, predicted in zip(slices, labels, strict=True):
            if self.state(index) in OPEN_TO_MODEL:
                self._write(index, predicted, record)
                written.append(index)
        return tuple(written)

    def _by_expert(self, before: SliceRecord, state: SliceState) -> SliceRecord:
        return SliceRecord(state, self.who, _now(), before.model)

    def _slice(self, index: SliceIndex) -> _Slice:
        frames, slices = self._labels.shape[:2]
        if not (0 <= index[0] < frames and 0 <= index[1] < slices):
            raise InputError(
                f"no slice t={index[0]} z={index[1]}: the stack has {frames} frames and "
                f"{slices} slices, counted from 0"
            )
        index = SliceIndex(*index)
        if index not in self._slices:
            self._slices[index] = _Slice(seen={self._empty: SliceRecord()})
        return self._slices[index]

    def _write(self, index: SliceIndex, labels: NDArray[np.integer], record: SliceRecord) -> None:
        known = self._slice(index)
        if labels.shape != self._labels.shape[2:]:
            raise InputError(
                f"slice t={index[0]} z={index[1]}: labels of shape {labels.shape}, the stack's "
                f"slices have {self._labels.shape[2:]} (y, x)"
            )
        self._labels[index] = labels
        known.record = record
        known.seen[_digest(labels)] = record

    def _mark(self, index: SliceIndex, record: SliceRecord) -> None:
        known = self._slice(index)
        known.record = record
        known.seen[_digest(self._labels[index])] = record


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


def _digest(labels: NDArray[np.integer]) -> bytes:
    content = np.ascontiguousarray(labels, dtype=np.uint8)
    return hashlib.blake2b(content.data, digest_size=16).digest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user in the system's list
        return "unknown"
