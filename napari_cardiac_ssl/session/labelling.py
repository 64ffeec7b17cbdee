"""The part of a session that an expert's hands work on: stacks, labels, undo and redo."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.annotations import (
    OPEN_TO_MODEL,
    Annotations,
    SliceContent,
    SliceState,
    Step,
    unpack,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.study import SliceIndex, Stack

Changes = Mapping[SliceIndex, tuple[SliceContent, SliceContent]]
End = Literal["first", "last"]

_DRAWN = (SliceState.EDITING, SliceState.EXPERT)
#: What becomes outside the heart; an expert's word that there is none (or an exclusion) stays.
_MAY_BE_OUTSIDE = OPEN_TO_MODEL | {SliceState.EDITING}


class Labelling:
    """One person's labels on stacks. Every change is one step that undo takes back.

    Parameters
    ----------
    project
        What keeps all that is done; one in memory by default.
    who
        Who draws; the computer's user by default.
    """

    stack_opened = Signal(Stack)
    slices_changed = Signal(tuple)
    history_changed = Signal()
    said = Signal(str)

    def __init__(self, project: Project | None = None, who: str | None = None) -> None:
        self._project = project or Project.in_memory()
        self._who = who
        self._stack: Stack | None = None
        self._annotations: Annotations | None = None

    # -- what is there ---------------------------------------------------------------------

    @property
    def stack(self) -> Stack:
        """The stack that is open.

        Raises
        ------
        InputError
            If none is.
        """
        if self._stack is None:
            raise InputError("no stack is open; open a cine or a single frame first")
        return self._stack

    @property
    def annotations(self) -> Annotations:
        """Its labels and slice states. To be changed by the session's verbs only."""
        if self._annotations is None:
            raise InputError("no stack is open; open a cine or a single frame first")
        return self._annotations

    @property
    def project(self) -> Project:
        """What keeps all that is done."""
        return self._project

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back, in words; None if nothing."""
        found = self._stack and self._project.undoable(self._stack.digest)
        return found[1] if found else None

    @property
    def redoable(self) -> str | None:
        """What `redo` would do again, in words; None if nothing."""
        found = self._stack and self._project.redoable(self._stack.digest)
        return found[1] if found else None

    def before(self, index: SliceIndex) -> SliceContent | None:
        """Return what a slice held while it was the model's, before what it holds now.

        On an expert's slice that is the prediction that was corrected, or nothing drawn; on a
        predicted one the prediction before the last refresh that changed its labels. None where
        the steps do not go back that far.
        """
        now = self.annotations.labels[index]
        return next(
            (
                content
                for content in self._project.earlier(self.stack.digest, index)
                if content.record.state in OPEN_TO_MODEL
                and not np.array_equal(unpack(content.mask, now.shape), now)
            ),
            None,
        )

    # -- verbs -----------------------------------------------------------------------------

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over.

        A stack that the project knows has its labels, states and history as they were.

        Parameters
        ----------
        stack
            The images.
        labels
            Shape ``(t, z, y, x)``, UKBB: earlier work to go on from. Slices with a label on them
            count as being edited until they are confirmed. Slices that an expert has touched
            before stay as they are.
        """
        if labels is not None and labels.shape != stack.image.shape:
            raise InputError(
                f"labels of shape {labels.shape} do not fit {stack.name} "
                f"{stack.image.shape} (t, z, y, x); choose labels made on this image"
            )
        annotations = Annotations(stack.image.shape, self._who)
        for index, content in self._project.contents(stack.digest).items():
            annotations.put(index, content)
        self._project.keep_stack(stack)
        self._stack, self._annotations = stack, annotations
        if labels is not None:
            self._take_over(labels)
        self.stack_opened.emit(stack)
        self.history_changed.emit()
        if expert := len(annotations.slices(SliceState.EXPERT, SliceState.EDITING)):
            self.said.emit(f"went on from {expert} slice{'s' * (expert > 1)} of {stack.name}")

    def annotate(
        self, index: SliceIndex, labels: NDArray[np.integer], how: str | None = None
    ) -> None:
        """Take over what the expert drew on a slice, by hand or by a help that `how` names."""
        with self._step(how or "stroke", index):
            self.annotations.annotate(index, labels, how)
        self.slices_changed.emit((index,))

    def take_over(self, labels: NDArray[np.uint8]) -> tuple[SliceIndex, ...]:
        """Go on from earlier labels, on slices that no expert has touched.

        Parameters
        ----------
        labels
            Shape ``(t, z, y, x)``, UKBB.

        Returns
        -------
        tuple of SliceIndex
            The slices that were taken over: those with a label on them.
        """
        slices = self._take_over(labels)
        self.slices_changed.emit(slices)
        return slices

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from, as they are."""
        self._each("confirmation", slices, self.annotations.confirm)

    def accept(self, *slices: SliceIndex) -> None:
        """Confirm predictions that are right as they are; slices that are none stay."""
        self._each("acceptance", slices, self.annotations.accept)

    def retract(self, *slices: SliceIndex) -> None:
        """Take confirmations back; the slices stay protected."""
        self._each("retraction", slices, self.annotations.retract)

    def exclude(self, *slices: SliceIndex) -> None:
        """Keep slices out of everything: not learned, not predicted, not suggested."""
        self._each("exclusion", slices, self.annotations.exclude)

    def include(self, *slices: SliceIndex) -> None:
        """Take exclusions back."""
        self._each("inclusion", slices, self.annotations.include)

    def revert(self, *slices: SliceIndex) -> None:
        """Give slices back to the model: what was drawn on them goes."""
        self._each("reverting", slices, self.annotations.release)

    def set_first_slice(
        self, index: SliceIndex, *, all_frames: bool = False
    ) -> tuple[SliceIndex, ...]:
        """Say that a slice is the first with heart: those before it are examples of no heart.

        They become empty, and no prediction writes them. Slices that were marked so before and
        are not outside any more are given back to the model.

        Parameters
        ----------
        index
            The slice, the first being that of the lowest number.
        all_frames
            Whether it is the first in every frame, or in its own alone.

        Returns
        -------
        tuple of SliceIndex
            The slices that were changed. Excluded slices, and those confirmed as empty, stay.

        Raises
        ------
        InputError
            If a slice before it has an expert's labels, or the last slice with heart (as marked)
            comes before it. Nothing is changed then.
        """
        return self._set_end("first", index, all_frames)

    def set_last_slice(
        self, index: SliceIndex, *, all_frames: bool = False
    ) -> tuple[SliceIndex, ...]:
        """Say that a slice is the last with heart, as `set_first_slice` does for the first."""
        return self._set_end("last", index, all_frames)

    def undo(self) -> None:
        """Take the last step back: a stroke, a refresh, a help; its slices' states with it."""
        if found := self._project.undoable(self.stack.digest):
            self._move(found[0], undone=True)

    def redo(self) -> None:
        """Do again what was undone last."""
        if found := self._project.redoable(self.stack.digest):
            self._move(found[0], undone=False)

    # -- how changes are made --------------------------------------------------------------

    def _take_over(self, labels: NDArray[np.uint8]) -> tuple[SliceIndex, ...]:
        annotations = self.annotations
        slices = tuple(
            index
            for index in self.stack.slice_indices()
            if labels[index].any() and annotations.state(index) in OPEN_TO_MODEL
        )
        with self._step("labels taken over", *slices):
            for index in slices:
                annotations.annotate(index, labels[index], "taken over")
        return slices

    def _set_end(self, end: End, index: SliceIndex, all_frames: bool) -> tuple[SliceIndex, ...]:
        t, z = index
        self.annotations.content(index)  # refuses what is no slice of the stack
        frames = range(self.stack.frames) if all_frames else (t,)
        found = [self._around_end(end, SliceIndex(frame, z)) for frame in frames]
        outside = [one for beyond, _ in found for one in beyond]
        inside = [one for _, within in found for one in within]
        changed = (*outside, *inside)
        with self._step(f"{end} slice with heart", *changed):
            for one in outside:
                self.annotations.mark_outside(one)
            for one in inside:
                self.annotations.release(one)
        if changed:
            self.slices_changed.emit(changed)
        return changed

    def _around_end(self, end: End, index: SliceIndex) -> tuple[list[SliceIndex], list[SliceIndex]]:
        """Return which slices of a frame lie outside from now on, and which do not any more."""
        annotations, (t, z) = self.annotations, index
        first, last = annotations.extent(t)
        if end == "first":
            fits, other = z <= last, f"slice {last} is the last"
            beyond, within = range(z), range(z, last + 1)
        else:
            fits, other = z >= first, f"slice {first} is the first"
            beyond, within = range(z + 1, self.stack.slices), range(first, z + 1)
        refused = f"slice {z} cannot be the {end} with heart"
        if not fits:
            raise InputError(f"frame {t}: {refused}, {other}; choose another, or move that first")
        outside = [SliceIndex(t, each) for each in beyond]
        for one in outside:
            if annotations.state(one) in _DRAWN and annotations.labels[one].any():
                raise InputError(
                    f"frame {t}: {refused}, slice {one.z} has an expert's labels; give that back "
                    "to the model or erase it, or choose another"
                )
        inside = [SliceIndex(t, each) for each in within]
        return (
            [one for one in outside if annotations.state(one) in _MAY_BE_OUTSIDE],
            [one for one in inside if annotations.is_outside(one)],
        )

    def _each(
        self, what: str, slices: tuple[SliceIndex, ...], verb: Callable[[SliceIndex], None]
    ) -> None:
        with self._step(what, *slices):
            for index in slices:
                verb(index)
        self.slices_changed.emit(slices)

    @contextmanager
    def _step(self, what: str, *slices: SliceIndex) -> Iterator[None]:
        """Make whatever the body changes on some slices one step; nothing of it if it fails."""
        self._project.refuse_if_read_only()
        annotations = self.annotations
        before = {index: annotations.content(index) for index in slices}
        try:
            yield
        except BaseException:
            for index, content in before.items():
                annotations.put(index, content)
            raise
        if changes := self._changes(before):
            self._add(Step(what, changes))

    def _changes(self, before: Mapping[SliceIndex, SliceContent]) -> Changes:
        after = {index: self.annotations.content(index) for index in before}
        return {i: (before[i], after[i]) for i in before if before[i] != after[i]}

    def _add(self, step: Step) -> int:
        number = self._project.add_step(self.stack.digest, step)
        self.history_changed.emit()
        return number

    def _move(self, number: int, *, undone: bool) -> None:
        """Undo or redo a step. A slice that is not as it left it is later work, and stays."""
        self._project.refuse_if_read_only()
        step, annotations = self._project.step(number), self.annotations
        contents = {}
        for index, (before, after) in step.changes.items():
            expected, wanted = (after, before) if undone else (before, after)
            if annotations.content(index) == expected:
                annotations.put(index, wanted)
                contents[index] = wanted
        self._note_move(number, step, contents, undone=undone)
        self.history_changed.emit()
        self.slices_changed.emit(tuple(contents))

    def _note_move(
        self, number: int, step: Step, contents: Mapping[SliceIndex, SliceContent], *, undone: bool
    ) -> None:
        self._project.move(self.stack.digest, number, undone=undone, contents=contents)
