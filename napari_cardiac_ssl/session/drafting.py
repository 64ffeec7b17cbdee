"""The part of a session that drafts slices: interpolation, copy, propagation, tidying.

A draft is asked for, never silent. It is to be looked at (state *editing*) and is one step that
undo takes back; it writes no slice that an expert has drawn on, unless that is the slice it was
asked for, and never a confirmed one.
"""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import OPEN_TO_MODEL, OUTSIDE, SliceState
from napari_cardiac_ssl.drafts import interpolated, propagated, tidied
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.labelling import CLEARED, COPIED, INTERPOLATED, PROPAGATED
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How slices came about that say nothing of those between them and others.
_NOT_DRAWN = frozenset({INTERPOLATED, COPIED, PROPAGATED, CLEARED})
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


class Drafting:
    """Drafts of slices of the open stack, so that the expert need not draw everything by hand."""

    def __init__(self, study: OpenStudy, history: History) -> None:
        self._study, self._history = study, history
        self._propagation: _Propagation | None = None

    @property
    def propagating(self) -> bool:
        """Whether labels are on their way through the cine."""
        return self._propagation is not None

    def interpolate(self, t: int) -> tuple[SliceIndex, ...]:
        """Draft the slices of a frame that lie between slices which an expert drew.

        Returns
        -------
        tuple of SliceIndex
            What was drafted: slices that no expert has touched, and earlier drafts of this kind.

        Raises
        ------
        InputError
            If there are not two such slices with something between them.
        """
        if not 0 <= t < self._study.stack.frames:
            raise InputError(f"no frame {t}: there are 0 to {self._study.stack.frames - 1}")
        annotations = self._history.annotations
        slices = [SliceIndex(t, z) for z in range(self._study.stack.slices)]
        known = {one.z: annotations.labels[one] for one in slices if self._is_drawn(one)}
        wanted = [one.z for one in slices if self._may_draft(one, INTERPOLATED)]
        drafts = interpolated(known, wanted)
        if not drafts:
            raise InputError(
                f"frame {t}: nothing to interpolate; draw two slices with others between them "
                f"(drawn so far: {', '.join(map(str, known)) or 'none'})"
            )
        return self._draft({SliceIndex(t, z): labels for z, labels in drafts.items()}, INTERPOLATED)

    def copy(self, source: SliceIndex, target: SliceIndex) -> tuple[SliceIndex, ...]:
        """Draft a slice as another is, the neighbouring slice or frame say.

        Raises
        ------
        InputError
            If the target is confirmed or excluded.
        """
        state = self._history.annotations.state(target)
        if state in {SliceState.EXPERT, SliceState.EXCLUDED}:
            raise InputError(
                f"slice t={target[0]} z={target[1]} is {state}; "
                + ("unconfirm it first" if state is SliceState.EXPERT else "include it first")
            )
        labels = self._history.annotations.labels[source].copy()
        return self._draft({SliceIndex(*target): labels}, COPIED)

    def propagate(self, index: SliceIndex) -> None:
        """Draft a slice in all other frames, carried along by the motion between frames.

        It is worked out beside the session and taken over by `Session.process_messages`.

        Raises
        ------
        InputError
            If nothing is drawn on the slice, there is no other frame, or it is already under way.
        """
        if self._propagation:
            raise InputError("a propagation is under way; wait for it")
        index = SliceIndex(*index)
        labels = self._history.annotations.labels[index].copy()
        if not labels.any():
            raise InputError(f"nothing is drawn on slice t={index.t} z={index.z} to propagate")
        if self._study.stack.frames < 2:
            raise InputError("a single frame has nothing to propagate to; open a cine")
        self._propagation = _Propagation(self._study.stack, index, labels)

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
        labels = self._history.annotations.labels[index]
        tidy = tidied(labels)
        if np.array_equal(tidy, labels):
            return False
        state = self._history.annotations.state(index)
        if state in {SliceState.EXPERT, SliceState.EXCLUDED}:
            raise InputError(f"slice t={index[0]} z={index[1]} is {state}; unconfirm it first")
        self._draft({SliceIndex(*index): tidy}, "tidied")
        return True

    def take_propagated(self) -> tuple[SliceIndex, ...] | None:
        """Take over a propagation that is worked out, if its stack is still open.

        Returns
        -------
        tuple of SliceIndex, or None
            What was drafted; None where nothing was worked out.
        """
        done = self._propagation
        if done is None or done.thread.is_alive():
            return None
        self._propagation = None
        if not (self._study.is_open and done.stack is self._study.stack):
            return None
        drafts = {i: m for i, m in done.found.items() if self._may_draft(i, PROPAGATED)}
        return self._draft(drafts, PROPAGATED)

    def wait(self, timeout_s: float) -> None:
        """Wait so long at most until a propagation is worked out."""
        if self._propagation:
            self._propagation.thread.join(timeout_s)

    def _is_drawn(self, index: SliceIndex) -> bool:
        """Whether an expert stands for a slice: confirmed it, or drew on it by hand.

        One marked as outside the heart says where the heart ends, not what its end looks like.
        """
        record = self._history.annotations.record(index)
        if record.state is SliceState.EXPERT:
            return record.how != OUTSIDE
        return record.state is SliceState.EDITING and record.how not in _NOT_DRAWN

    def _may_draft(self, index: SliceIndex, how: str) -> bool:
        record = self._history.annotations.record(index)
        return record.state in OPEN_TO_MODEL or (
            record.state is SliceState.EDITING and record.how == how
        )

    def _draft(self, drafts: Drafts, how: str) -> tuple[SliceIndex, ...]:
        slices = tuple(drafts)
        with self._history.step(how, *slices) as changed:
            for index, labels in drafts.items():
                self._history.annotations.annotate(index, labels, how)
        return tuple(changed)
