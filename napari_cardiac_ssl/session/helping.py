"""The verbs that draft slices for the expert: interpolation, copy, propagation, tidying.

A help is asked for, never silent. What it makes is a draft to be looked at (state *editing*), one
step that undo takes back; it writes no slice that an expert has drawn on, unless that is the slice
it was asked for, and never a confirmed one.
"""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import OPEN_TO_MODEL, OUTSIDE, SliceState
from napari_cardiac_ssl.drafts import interpolated, propagated, tidied
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session.validating import Validating
from napari_cardiac_ssl.study import SliceIndex, Stack

INTERPOLATED, COPIED, PROPAGATED = "interpolated", "copied", "propagated"
_DRAFTS = frozenset({INTERPOLATED, COPIED, PROPAGATED})
Drafts = dict[SliceIndex, NDArray[np.uint8]]


@dataclass
class _Propagation:
    """Labels on their way through a cine: worked out in a thread of its own, for it takes seconds.

    It shares nothing with the session but what it was given: `found` is looked at when it is done.
    """

    stack: Stack
    index: SliceIndex
    labels: NDArray[np.uint8]
    found: Drafts = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._work, daemon=True, name="propagation")
        self.thread.start()

    def _work(self) -> None:
        images = self.stack.image[:, self.index.z]
        for t, labels in propagated(images, self.labels, self.index.t):
            self.found[SliceIndex(t, self.index.z)] = labels


class Helping(Validating):
    """A session whose expert need not draw everything by hand."""

    _propagation: _Propagation | None = None

    @property
    def propagating(self) -> bool:
        """Whether labels are on their way through the cine."""
        return self._propagation is not None

    def interpolate(self, t: int) -> tuple[SliceIndex, ...]:
        """Draft the slices of a frame that lie between slices which an expert drew.

        Returns
        -------
        tuple of SliceIndex
            What was drafted: slices that no expert has touched, and earlier drafts of this help.

        Raises
        ------
        InputError
            If there are not two such slices with something between them.
        """
        if not 0 <= t < self.stack.frames:
            raise InputError(f"no frame {t}: there are 0 to {self.stack.frames - 1}")
        annotations = self.annotations
        known = {
            z: annotations.labels[t, z]
            for z in range(self.stack.slices)
            if self._is_drawn(SliceIndex(t, z))
        }
        wanted = [
            z for z in range(self.stack.slices) if self._may_draft(SliceIndex(t, z), INTERPOLATED)
        ]
        drafts = interpolated(known, wanted)
        if not drafts:
            raise InputError(
                f"frame {t}: nothing to interpolate; draw two slices with others between them "
                f"(drawn so far: {', '.join(map(str, known)) or 'none'})"
            )
        return self._draft({SliceIndex(t, z): labels for z, labels in drafts.items()}, INTERPOLATED)

    def copy(self, source: SliceIndex, target: SliceIndex) -> None:
        """Draft a slice as another is, the neighbouring slice or frame say.

        Raises
        ------
        InputError
            If the target is confirmed or excluded.
        """
        state = self.annotations.state(target)
        if state in {SliceState.EXPERT, SliceState.EXCLUDED}:
            raise InputError(
                f"slice t={target[0]} z={target[1]} is {state}; "
                + ("retract it first" if state is SliceState.EXPERT else "include it first")
            )
        self._draft({SliceIndex(*target): self.annotations.labels[source].copy()}, COPIED)

    def propagate(self, index: SliceIndex) -> None:
        """Draft a slice in all other frames, carried along by the motion between frames.

        It is worked out beside the session and taken over by `process_messages`.

        Raises
        ------
        InputError
            If nothing is drawn on the slice, there is no other frame, or it is already under way.
        """
        if self._propagation:
            raise InputError("a propagation is under way; wait for it")
        index = SliceIndex(*index)
        labels = self.annotations.labels[index].copy()
        if not labels.any():
            raise InputError(f"nothing is drawn on slice t={index.t} z={index.z} to propagate")
        if self.stack.frames < 2:
            raise InputError("a single frame has nothing to propagate to; open a cine")
        self._propagation = _Propagation(self.stack, index, labels)

    def tidy(self, index: SliceIndex) -> bool:
        """Keep each structure's largest piece on a slice and fill the holes in the heart.

        Returns
        -------
        bool
            Whether there was anything to tidy.

        Raises
        ------
        InputError
            If the slice is confirmed or excluded.
        """
        labels = self.annotations.labels[index]
        tidy = tidied(labels)
        if np.array_equal(tidy, labels):
            return False
        state = self.annotations.state(index)
        if state in {SliceState.EXPERT, SliceState.EXCLUDED}:
            raise InputError(f"slice t={index[0]} z={index[1]} is {state}; retract it first")
        self._draft({SliceIndex(*index): tidy}, "tidied")
        return True

    def process_messages(self, timeout_s: float = 0.0, adopt_s: float | None = None) -> None:
        """Take in what the trainer has said, and a propagation that is worked out."""
        super().process_messages(timeout_s, adopt_s)
        done = self._propagation
        if done is None or done.thread.is_alive():
            return
        self._propagation = None
        if done.stack is self._stack:
            drafts = {i: m for i, m in done.found.items() if self._may_draft(i, PROPAGATED)}
            self._draft(drafts, PROPAGATED)

    def wait(self) -> None:
        """Process messages until neither job nor propagation runs."""
        while self.busy or self.propagating:
            if self._propagation:
                self._propagation.thread.join(0.05)
            self.process_messages(timeout_s=0.2 if self.busy else 0.0)

    def _is_drawn(self, index: SliceIndex) -> bool:
        """Whether an expert stands for a slice: confirmed it, or drew on it by hand.

        One marked as outside the heart says where the heart ends, not what its end looks like.
        """
        record = self.annotations.record(index)
        if record.state is SliceState.EXPERT:
            return record.how != OUTSIDE
        return record.state is SliceState.EDITING and record.how not in _DRAFTS

    def _may_draft(self, index: SliceIndex, how: str) -> bool:
        record = self.annotations.record(index)
        return record.state in OPEN_TO_MODEL or (
            record.state is SliceState.EDITING and record.how == how
        )

    def _draft(self, drafts: Drafts, how: str) -> tuple[SliceIndex, ...]:
        slices = tuple(drafts)
        with self._step(how, *slices):
            for index, labels in drafts.items():
                self.annotations.annotate(index, labels, how)
        self.slices_changed.emit(slices)
        return slices
