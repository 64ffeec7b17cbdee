"""The part of a session that keeps: projects opened, saved, and what cannot be written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.project import KeptStack, LockedError, Project, StandIn
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.session.guiding import Guiding
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How often it is written how a stack is looked at.
LOOK_S = 2.0
#: How often it is tried to keep what could not be kept.
KEEP_S = 2.0


class MissingStackError(InputError):
    """A project's stack is not where it was.

    Attributes
    ----------
    kept
        The stack: a front end may ask where it is now, and hand that to `Keeping.open_kept`.
    """

    def __init__(self, kept: KeptStack) -> None:
        where = f"at {kept.places[0]}" if kept.places else "in a file"
        super().__init__(f"{kept.name} is not {where} any more; show where it is now")
        self.kept = kept


@dataclass(frozen=True)
class Look:
    """How a stack was looked at.

    Parameters
    ----------
    index
        The slice in view.
    contrast
        Least and greatest intensity; None for what the front end takes by itself.
    """

    index: SliceIndex
    contrast: tuple[float, float] | None = None


class Keeping(Guiding):
    """A session whose work outlives it."""

    project_opened = Signal(Project)
    trouble = Signal(str)

    #: Whether a stack that is opened without a project gets one by itself, found again with it.
    keeps_by_itself = False
    #: Why what is done now goes with the session, although it should be kept; None if it is kept.
    not_kept: str | None = None
    #: Where a damaged project was put aside, in whose place the present one was made; else None.
    put_aside: str | None = None
    _kept_tried = 0.0
    _look: Look | None = None
    _look_kept = 0.0
    _told: str | None = None

    @property
    def stacks(self) -> tuple[KeptStack, ...]:
        """The stacks of the project, the last opened first."""
        return self._project.stacks

    @property
    def alert(self) -> str | None:
        """What is to be shown as long as it holds: what is not kept and why, or was damaged."""
        unsaved = self._project.trouble
        if unsaved:
            unsaved = f"what was done last is not kept yet: {unsaved}"
        return self.not_kept or unsaved or self.put_aside or self.model_trouble

    @property
    def look(self) -> Look | None:
        """How the open stack was looked at last; None if it was not, or not so that it fits."""
        found = self._project.look(self.stack.digest)
        try:
            index = SliceIndex(int(found["t"]), int(found["z"]))
            low, high = map(float, found["contrast"]) if found["contrast"] else (0.0, 0.0)
        except (KeyError, TypeError, ValueError):
            return None
        if not (0 <= index.t < self.stack.frames and 0 <= index.z < self.stack.slices):
            return None
        return Look(index, (low, high) if low < high else None)

    @property
    def landmarks(self) -> Landmarks | None:
        """Where the heart of the open stack lies, if somebody has said so by three points."""
        points = self._project.state("landmarks", self.stack.digest)
        return Landmarks.of(points) if points else None

    # -- verbs -----------------------------------------------------------------------------

    def open_project(self, path: Path, *, read_only: bool = False) -> None:
        """Go over to a project: the file that is there, or a new one. No stack is open then.

        Raises
        ------
        InputError
            If it cannot be opened; nothing is changed then.
        NotWritableError
            If it cannot be written now, as where somebody else has it open (LockedError), but it
            may be opened to read.
        """
        path = Path(path)
        new = not is_there(path) and not read_only
        project = Project.create(path) if new else Project.open(path, read_only=read_only)
        self._switch(project)
        number = len(project.stacks)
        self.said.emit(
            f"{'made' if new else 'opened'} {path.name}"
            + (f": {number} image{'s' * (number > 1)}" if number else "")
            + (", to read only" if read_only else "")
        )

    def open_kept(self, kept: KeptStack, at: Path | None = None) -> None:
        """Open a stack of the project from its file.

        Parameters
        ----------
        kept
            One of `stacks`.
        at
            Where it is now, if not where it was.

        Raises
        ------
        MissingStackError
            If it is not where it was, nor beside the project.
        InputError
            If there is another image at `at`.
        """
        if at is not None:
            stack = _find(at, kept)
            if stack is None:
                raise InputError(f"{at} is not the image that was labelled as {kept.name}")
        else:
            found = (_find_if_there(place, kept) for place in kept.places)
            stack = next((stack for stack in found if stack), None)
            if stack is None:
                raise MissingStackError(kept)
        self.open(stack)

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over.

        A stack that the project knows has its labels, states and history as they were, and shows
        the view that it was corrected to (`correct_view`). Without a project that somebody named,
        and if the session `keeps_by_itself`, the stack's own project is looked for, or made. A
        running job is cancelled.

        Parameters
        ----------
        stack
            The images.
        labels
            Shape ``(t, z, y, x)``, UKBB: earlier work to go on from. Slices with a label on them
            count as being edited until they are confirmed. Slices that an expert has touched
            before stay as they are.
        """
        self._keep_look()
        if self.keeps_by_itself and (self._project.path is None or self._project.is_automatic):
            self._keep_by_itself(stack)
        view = self._project.views.get(stack.digest, stack.view)
        super().open(stack if view is stack.view else replace(stack, view=view), labels)

    def save_as(self, path: Path) -> None:
        """Write the project to a file, and keep it there from now on.

        Raises
        ------
        InputError
            If it cannot be written; all stays as it is then.
        """
        before, self._project = self._project, self._project.save_as(Path(path))
        self.not_kept = self.put_aside = None
        if before is not self._project:
            before.close()
            self.project_opened.emit(self._project)
        self.said.emit(f"saved as {path}; every change is kept there from now on")

    def set_landmarks(self, landmarks: Landmarks | None) -> None:
        """Keep three points that say where the heart lies, or that they hold no more.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        points = landmarks.points() if landmarks else None
        self._project.set_state("landmarks", self.stack.digest, points)

    def correct_view(self, stack: Stack, view: View) -> None:
        """Keep which view a stack shows, where its reading was wrong.

        The open stack stays as it is until it is opened again.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._project.correct_view(stack.digest, view)

    def look_at(self, index: SliceIndex, contrast: tuple[float, float] | None = None) -> None:
        """Remember how the open stack is looked at. May be called as often as it changes."""
        self._look = Look(SliceIndex(*index), contrast)

    def process_messages(self, timeout_s: float = 0.0, adopt_s: float | None = None) -> None:
        """Take in what the trainer has said. Front ends call this many times a second.

        Parameters
        ----------
        timeout_s
            How long to wait for a first message.
        adopt_s
            How long to take over predictions before giving way, for front ends that must not
            stall; the rest is for the next calls. 0 takes none over; by default all are at once.
        """
        super().process_messages(timeout_s, adopt_s)
        self._project.retry()
        if self.not_kept and time.monotonic() > self._kept_tried + KEEP_S:
            self._keep_at_last()
        if self._look and time.monotonic() > self._look_kept + LOOK_S:
            self._keep_look()
        if self._project.trouble != self._told:
            self._told = self._project.trouble
            self.trouble.emit(
                "everything is saved again"
                if self._told is None
                else f"what you do cannot be saved now ({self._told}); all is kept in memory "
                "meanwhile, and saved by itself as soon as that can be"
            )

    def close(self) -> None:
        """End the trainer process and let go of the project: all is kept."""
        super().close()
        if not self._project.is_closed:  # at the interpreter's end it may have gone before
            self._keep_look()
            if isinstance(self._project, StandIn) and not self._project.is_untouched:
                self._keep_at_last()
            self._project.close()

    # -- how -------------------------------------------------------------------------------

    def _switch(self, project: Project) -> None:
        self.cancel()
        self._keep_look()
        before, self._project = self._project, project
        self.not_kept = self.put_aside = None
        self._stack = self._annotations = None
        learned = {one.digest: before.learned(one.digest) for one in self._present.values()}
        before.close()
        self._load_models()
        for model in self._present.values():  # what carries over is no better known than it was
            if learned.get(model.digest) and not (
                project.read_only or project.learned(model.digest)
            ):
                project.note_learned(model.digest, None, learned[model.digest])
        self.project_opened.emit(project)
        if self.model_trouble:
            self.trouble.emit(self.model_trouble)

    def _keep_by_itself(self, stack: Stack) -> None:
        present = self._project
        is_stuck = isinstance(present, StandIn) and present.is_untouched
        if any(kept.digest == stack.digest for kept in present.stacks) and not is_stuck:
            return
        project: Project
        why, corrected = None, present.views.get(stack.digest)
        try:
            project = Project.automatic(stack.digest)
        except InputError as error:  # no room, no rights, another program or window
            project = stand_in = StandIn(stack.digest)
            why = str(error).partition("; ")[0]  # what to do is another thing here
            if isinstance(error, LockedError):
                why = "it is open in another window; close it there"
            if not stand_in.shows_all:
                why += "; what was done before is safe, but cannot be shown"
        try:
            project.contents(stack.digest)
        except InputError:  # not as it was written: all stays as it is, the file too
            project.close()
            raise
        self._switch(project)
        if corrected:
            project.correct_view(stack.digest, corrected)
        if why:
            self.not_kept = (
                f"what you do on {stack.name} is not kept: {why}; it is tried again, or save it "
                "as a project"
            )
            self.said.emit(self.not_kept)
        if project.put_aside:
            self.put_aside = (
                f"the project of {stack.name} was damaged, and lies now at {project.put_aside}; "
                "what you do is kept in a new one, that file is yours to mend"
            )
            self.trouble.emit(self.put_aside)

    def _keep_at_last(self) -> None:
        self._kept_tried = time.monotonic()
        before = self._project
        if not isinstance(before, StandIn) or self.busy:
            return
        had_parted = before.has_parted
        project = None if had_parted else before.keep_at_last()
        if project is None:
            if before.has_parted and not had_parted:
                self.not_kept = (
                    f"what you do on {self.stack.name} is not kept: its file holds other work by "
                    "now; save it as a project"
                )
                self.said.emit(self.not_kept)
            return
        if not before.is_untouched:
            self._project, self.not_kept = project, None
            before.close()
            self.project_opened.emit(project)
        else:  # it may hold more than could be shown
            stack = self.stack
            self._switch(project)
            self.open(stack)
        self.said.emit("everything is kept again")

    def _keep_look(self) -> None:
        look, self._look, self._look_kept = self._look, None, time.monotonic()
        if look and self._stack:
            found = {"t": look.index[0], "z": look.index[1], "contrast": look.contrast}
            self._project.remember_look(self._stack.digest, found)


def _find(place: Path, kept: KeptStack) -> Stack | None:
    """Return the stack that a file or folder holds; None if it does not."""
    stacks: Sequence[Stack] = read_study(place).stacks
    for stack in stacks:
        if stack.image.shape == kept.shape and stack.digest == kept.digest:
            return stack if stack.view is kept.view else replace(stack, view=kept.view)
    return None


def _find_if_there(place: Path, kept: KeptStack) -> Stack | None:
    try:
        return _find(place, kept) if is_there(place) else None
    except InputError:  # something else has its name now
        return None
