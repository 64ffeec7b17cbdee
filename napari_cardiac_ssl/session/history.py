"""The part of a session that holds the open stack's labels, and each step that changed them.

Undo is of what an expert did. What a model wrote is no step of theirs: a stroke is taken back
though a refresh came after it, and refreshes have a way back of their own (`History.take_back`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import (
    OPEN_TO_MODEL,
    Annotations,
    SliceContent,
    State,
    Step,
    unpack,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import Kind, Project
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Predicted

Changes = Mapping[SliceIndex, tuple[SliceContent, SliceContent]]


class Move(NamedTuple):
    """A step that is to be undone or redone.

    Parameters
    ----------
    number
        Of the step, in the project.
    step
        What it changed.
    undone
        Whether it is undone, or redone.
    """

    number: int
    step: Step
    undone: bool


class History:
    """The labels of the open stack. All that an expert does is a step that undo takes back.

    Parameters
    ----------
    project
        Where steps are kept.
    study
        Whose open stack's labels these are.
    signals
        Where changes are told.
    who
        Who draws; the computer's user by default.
    """

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        signals: Signals,
        who: str | None = None,
    ) -> None:
        self._project, self._study, self._signals, self._who = project, study, signals, who
        self._annotations: Annotations | None = None

    @property
    def annotations(self) -> Annotations:
        """The labels and slice states. To be changed within a `step` only."""
        if self._annotations is None:
            raise InputError("no stack is open; open a cine or a single frame first")
        return self._annotations

    @property
    def undoable(self) -> str | None:
        """What undo would take back, in words; None if nothing."""
        if not self._study.is_open:
            return None
        found = self._project().undoable(self._study.stack.digest)
        return found[1] if found else None

    @property
    def redoable(self) -> str | None:
        """What redo would bring back, in words; None if nothing."""
        if not self._study.is_open:
            return None
        found = self._project().redoable(self._study.stack.digest)
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
                for content in self._project().earlier(self._study.stack.digest, index)
                if content.record.state in OPEN_TO_MODEL
                and not np.array_equal(unpack(content.mask, now.shape), now)
            ),
            None,
        )

    # -- opening ---------------------------------------------------------------------------

    def open(self) -> None:
        """Take up the open stack's labels and states as the project has them."""
        self._annotations = kept_annotations(self._project(), self._study.stack, self._who)
        self._signals.send(self._signals.history_changed)

    def close(self) -> None:
        """Hold no labels."""
        self._annotations = None

    # -- steps -----------------------------------------------------------------------------

    @contextmanager
    def step(self, what: str, *slices: SliceIndex) -> Iterator[list[SliceIndex]]:
        """Make whatever the body changes on some slices one step; nothing of it if it fails.

        Yields a list, which holds the slices that were changed when the step is done.
        """
        self._project().refuse_if_read_only()
        annotations, changed = self.annotations, list[SliceIndex]()
        before = {index: annotations.content(index) for index in slices}
        try:
            yield changed
        except BaseException:
            for index, content in before.items():
                annotations.put(index, content)
            raise
        if changes := self.changes(before):
            self.add(Step(what, changes))
            changed += changes
            self._signals.send(self._signals.slices_changed, tuple(changed))

    def set_state(self, what: str, kind: Kind, digest: str, value: State) -> None:
        """Say what holds of a stack, as a step (`set_states`)."""
        self.set_states(what, kind, {digest: value})

    def set_states(self, what: str, kind: Kind, values: Mapping[str, State]) -> None:
        """Say what holds of some stacks, as one step; nothing if that is what holds already.

        Parameters
        ----------
        what
            The step's name, in words.
        kind
            As of `Project.set_state`.
        values
            By each stack's digest: plain values; None to take back what was said.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        project = self._project()
        project.refuse_if_read_only()
        said: dict[tuple[str, str], tuple[State, State]] = {
            (kind, digest): (before, value)
            for digest, value in values.items()
            if (before := project.state(kind, digest)) != value
        }
        if said:
            self.add(Step(what, {}, state=said))
            self._tell({kind})

    def _tell(self, kinds: Collection[str]) -> None:
        if "phases" in kinds:
            self._signals.send(self._signals.phases_changed)
        if not {"view", "landmarks"}.isdisjoint(kinds):
            self._signals.send(self._signals.study_changed)
        if not {"papillary", "insertion", "person"}.isdisjoint(kinds):
            self._signals.send(self._signals.measuring_changed)

    def changes(self, before: Mapping[SliceIndex, SliceContent]) -> Changes:
        """Return what slices held before and hold now, as far as they differ."""
        after = {index: self.annotations.content(index) for index in before}
        return {i: (before[i], after[i]) for i in before if before[i] != after[i]}

    def add(self, step: Step) -> int:
        """Keep a step that was made; return its number."""
        number = self._project().add_step(self._study.stack.digest, step)
        self._signals.send(self._signals.history_changed)
        return number

    def refresh(self, number: int, part: Predicted, model: str) -> tuple[SliceIndex, ...]:
        """Take over what a model predicted wherever it may write, as part of a step.

        Returns
        -------
        tuple of SliceIndex
            The slices that were written: those that no expert has touched.
        """
        before = {index: self.annotations.content(index) for index in part.slices}
        written = self.annotations.refresh(part.slices, part.labels, model)
        self._project().extend_step(number, self._study.stack.digest, self.changes(before))
        self._signals.send(self._signals.labels_refreshed, written)
        return written

    # -- back and forth --------------------------------------------------------------------

    def next(self, *, undone: bool) -> Move | None:
        """Return the step that undo takes back, or redo brings back; None if there is none."""
        project, digest = self._project(), self._study.stack.digest
        found = project.undoable(digest) if undone else project.redoable(digest)
        return Move(found[0], project.step(found[0]), undone) if found else None

    def move(self, move: Move, present: tuple[View, str | None] | None) -> tuple[SliceIndex, ...]:
        """Undo or redo a step. A slice that is not as it left it is later work, and stays.

        But where it is a model's as it was then, only a refresh came between: an expert's labels
        go over it, and come off it again.

        Parameters
        ----------
        move
            Which step, and which way.
        present
            The view whose present model changes with it, and to which; None if none does.

        Returns
        -------
        tuple of SliceIndex
            The slices that were changed.
        """
        annotations, contents, refreshed = self.annotations, dict[SliceIndex, SliceContent](), {}
        for index, (before, after) in move.step.changes.items():
            expected, wanted = (after, before) if move.undone else (before, after)
            now = annotations.content(index)
            both_the_model_s = _is_open(now) and _is_open(expected) and not _is_open(wanted)
            if now != expected and both_the_model_s:
                refreshed[index] = (before, now) if move.undone else (now, after)
            if now == expected or both_the_model_s:
                annotations.put(index, wanted)
                contents[index] = wanted
        said = {key: both[0 if move.undone else 1] for key, both in move.step.state.items()}
        self._project().move(
            self._study.stack.digest,
            move.number,
            undone=move.undone,
            contents=contents,
            known_better=refreshed,
            state=said,
            present=present,
        )
        self._signals.send(self._signals.history_changed)
        self._signals.send(self._signals.slices_changed, tuple(contents))
        self._tell({kind for kind, _ in said})
        return tuple(contents)

    def take_back(
        self, models: Iterable[str], present: tuple[str | None, str | None]
    ) -> tuple[SliceIndex, ...]:
        """Take back what some models predicted, the newest first, as a step of its own.

        Slices that an expert has touched since stay.

        Parameters
        ----------
        models
            Digests of those whose predictions go.
        present
            Digest of the present model before and after.

        Returns
        -------
        tuple of SliceIndex
            The slices that were changed.
        """
        annotations, before = self.annotations, dict[SliceIndex, SliceContent]()
        for model in models:
            for step in self._project().refreshes(self._study.stack.digest, model):
                for index, (old, new) in step.changes.items():
                    if annotations.content(index) == new:
                        before.setdefault(index, new)
                        annotations.put(index, old)
        changes = self.changes(before)
        self.add(Step("rolling back", changes, present))
        self._signals.send(self._signals.slices_changed, tuple(changes))
        return tuple(changes)


def kept_annotations(project: Project, stack: Stack, who: str | None = None) -> Annotations:
    """Return the labels and states of a stack as a project has them.

    Raises
    ------
    InputError
        If a slice is not as it was written.
    """
    annotations = Annotations(stack.image.shape, who)
    for index, content in project.contents(stack.digest).items():
        annotations.put(index, content)
    return annotations


def _is_open(content: SliceContent) -> bool:
    return content.record.state in OPEN_TO_MODEL
