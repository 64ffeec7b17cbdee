"""The part of a session that an expert's hands work on: what is said of slices."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import OPEN_TO_MODEL, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import SliceIndex

End = Literal["first", "last"]
Slices = tuple[SliceIndex, ...]

#: How labels of earlier work come in (`Labelling.take_over`).
TAKEN_OVER = "taken over"
#: How drafts come about (`Drafting`).
INTERPOLATED, COPIED, PROPAGATED = "interpolated", "copied", "propagated"

#: How a slice came to be empty that is not said to show no heart (`Actions.clear` in the window).
CLEARED = "cleared"

#: How slices came about that are nobody's word before they are confirmed.
UNSEEN = frozenset({INTERPOLATED, COPIED, PROPAGATED, TAKEN_OVER, CLEARED})

_DRAWN = (SliceState.EDITING, SliceState.EXPERT)
#: What becomes outside the heart; an expert's word that there is none (or an exclusion) stays.
_MAY_BE_OUTSIDE = OPEN_TO_MODEL | {SliceState.EDITING}


class Labelling:
    """What an expert says of the open stack's slices. Each verb is one step.

    Actions return the slices that they changed.
    """

    def __init__(self, study: OpenStudy, history: History) -> None:
        self._study, self._history = study, history

    @property
    def drawn(self) -> Slices:
        """The slices that are being edited by hand: not drafts, nor labels that were taken over."""
        annotations = self._history.annotations
        return tuple(
            index
            for index in annotations.slices(SliceState.EDITING)
            if annotations.record(index).how not in UNSEEN
        )

    def check(self, labels: NDArray[np.uint8], shape: tuple[int, ...], name: str) -> None:
        """Refuse labels that do not fit a stack.

        Raises
        ------
        InputError
            If their shape is another.
        """
        if labels.shape != shape:
            raise InputError(
                f"labels of shape {labels.shape} do not fit {name} {shape} (t, z, y, x); choose "
                "labels made on this image"
            )

    def annotate(
        self, index: SliceIndex, labels: NDArray[np.integer], how: str | None = None
    ) -> Slices:
        """Take over what the expert drew on a slice, by hand or by a help that `how` names."""
        with self._history.step(how or "stroke", index) as changed:
            self._history.annotations.annotate(index, labels, how)
        return tuple(changed)

    def take_over(self, labels: NDArray[np.uint8]) -> Slices:
        """Go on from earlier labels, on slices that no expert has touched.

        They count as being edited until they are confirmed.

        Parameters
        ----------
        labels
            Shape ``(t, z, y, x)``, UKBB.

        Returns
        -------
        tuple of SliceIndex
            The slices that were taken over: those with a label on them.
        """
        annotations = self._history.annotations
        slices = tuple(
            index
            for index in self._study.stack.slice_indices()
            if labels[index].any() and annotations.state(index) in OPEN_TO_MODEL
        )
        with self._history.step("labels taken over", *slices):
            for index in slices:
                annotations.annotate(index, labels[index], TAKEN_OVER)
        return slices

    def confirm(self, *slices: SliceIndex) -> Slices:
        """Make slices examples to learn from, as they are."""
        return self._each("confirmation", slices, self._history.annotations.confirm)

    def no_heart(self, *slices: SliceIndex) -> Slices:
        """Make slices examples of no heart: what is labelled on them goes."""
        annotations = self._history.annotations

        def clear(index: SliceIndex) -> None:
            labels = annotations.labels[index]
            if labels.any():
                annotations.annotate(index, np.zeros_like(labels))
            annotations.confirm(index)

        return self._each("no heart here", slices, clear)

    def accept(self, *slices: SliceIndex) -> Slices:
        """Confirm predictions that are right as they are; slices that are none stay."""
        return self._each("acceptance", slices, self._history.annotations.accept)

    def unconfirm(self, *slices: SliceIndex) -> Slices:
        """Unconfirm slices; the slices stay protected."""
        return self._each("unconfirming", slices, self._history.annotations.unconfirm)

    def exclude(self, *slices: SliceIndex) -> Slices:
        """Keep slices out of everything: not learned, not predicted, not suggested."""
        return self._each("exclusion", slices, self._history.annotations.exclude)

    def include(self, *slices: SliceIndex) -> Slices:
        """Take exclusions back."""
        return self._each("inclusion", slices, self._history.annotations.include)

    def revert(self, *slices: SliceIndex) -> Slices:
        """Revert slices to the model: what was drawn on them goes."""
        return self._each("reverting", slices, self._history.annotations.release)

    def set_end(self, end: End, index: SliceIndex, *, all_frames: bool = False) -> Slices:
        """Say that a slice is the first, or the last, with heart: beyond it there is none.

        The slices beyond become empty, and no prediction writes them. Slices that were marked so
        before and are not outside any more are reverted to the model.

        Parameters
        ----------
        end
            Which end of the stack; the first slice is that of the lowest number.
        index
            The slice.
        all_frames
            Whether it is the first or last in every frame, or in its own alone.

        Returns
        -------
        tuple of SliceIndex
            The slices that were changed. Excluded slices, and those confirmed as empty, stay.

        Raises
        ------
        InputError
            If a slice beyond it has an expert's labels, or it lies beyond the other end (as
            marked). Nothing is changed then.
        """
        t, z = index
        annotations = self._history.annotations
        annotations.content(index)  # refuses what is no slice of the stack
        frames = range(self._study.stack.frames) if all_frames else (t,)
        found = [self._around_end(end, SliceIndex(frame, z)) for frame in frames]
        outside = [one for beyond, _ in found for one in beyond]
        inside = [one for _, within in found for one in within]
        with self._history.step(f"{end} slice with heart", *outside, *inside) as changed:
            for one in outside:
                annotations.mark_outside(one)
            for one in inside:
                annotations.release(one)
        return tuple(changed)

    def bound(self, extents: Mapping[int, tuple[int, int]]) -> tuple[Slices, Slices]:
        """Say of several frames at once between which slices the heart lies; one step.

        Unlike `set_end` it only ever leaves slices out: what an expert has drawn, or said of a
        slice, stays.

        Parameters
        ----------
        extents
            The first and the last slice with heart, by frame.

        Returns
        -------
        tuple of tuple of SliceIndex
            The slices that were changed; and those beyond the extents that stay, because an expert
            has labelled heart on them.
        """
        annotations, depth = self._history.annotations, self._study.stack.slices
        beyond = [
            SliceIndex(t, z)
            for t, (first, last) in extents.items()
            for z in range(depth)
            if not first <= z <= last
        ]
        staying = tuple(
            one
            for one in beyond
            if annotations.state(one) in _DRAWN and annotations.labels[one].any()
        )
        outside = [
            one
            for one in beyond
            if one not in staying and annotations.state(one) in _MAY_BE_OUTSIDE
        ]
        with self._history.step("bounded by the long axis", *outside) as changed:
            for one in outside:
                annotations.mark_outside(one)
        return tuple(changed), staying

    def _around_end(self, end: End, index: SliceIndex) -> tuple[list[SliceIndex], list[SliceIndex]]:
        """Return which slices of a frame lie outside from now on, and which do not any more."""
        annotations, (t, z) = self._history.annotations, index
        first, last = annotations.extent(t)
        if end == "first":
            fits, other = z <= last, f"slice {last} is the last"
            beyond, within = range(z), range(z, last + 1)
        else:
            fits, other = z >= first, f"slice {first} is the first"
            beyond, within = range(z + 1, self._study.stack.slices), range(first, z + 1)
        refused = f"slice {z} cannot be the {end} with heart"
        if not fits:
            raise InputError(f"frame {t}: {refused}, {other}; choose another, or move that first")
        outside = [SliceIndex(t, each) for each in beyond]
        for one in outside:
            if annotations.state(one) in _DRAWN and annotations.labels[one].any():
                raise InputError(
                    f"frame {t}: {refused}, slice {one.z} has an expert's labels; revert it to the "
                    "model or erase it, or choose another"
                )
        inside = [SliceIndex(t, each) for each in within]
        return (
            [one for one in outside if annotations.state(one) in _MAY_BE_OUTSIDE],
            [one for one in inside if annotations.is_outside(one)],
        )

    def _each(self, what: str, slices: Slices, verb: Callable[[SliceIndex], None]) -> Slices:
        with self._history.step(what, *slices) as changed:
            for index in slices:
                verb(index)
        return tuple(changed)
