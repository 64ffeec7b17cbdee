"""The part of a session that keeps: the project, and what cannot be written to it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.project import (
    KeptStack,
    LockedError,
    Project,
    StandIn,
    automatic_path,
    named_path,
    note_named,
)
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How often it is written how a stack is looked at.
LOOK_S = 2.0
#: How often it is tried to keep what could not be kept.
KEEP_S = 2.0
#: What is said when all is well again.
KEPT_AGAIN = "everything is kept again"


class MissingStackError(InputError):
    """A project's stack is not where it was.

    Attributes
    ----------
    kept
        The stack: a front end may ask where it is now, and hand that to `Session.open_kept`.
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


@dataclass(frozen=True)
class Found:
    """The project of a stack's own, which is gone over to when the stack is opened.

    Parameters
    ----------
    project
        That, or what stands in for it.
    why
        Why it cannot be kept; None if it can.
    """

    project: Project
    why: str | None = None


class Persistence:
    """What keeps all that is done, so that the work outlives the session.

    Parameters
    ----------
    project
        What keeps at first; one in memory by default.
    signals
        Where it is told what is not kept.

    Attributes
    ----------
    project
        What keeps all that is done.
    keeps_by_itself
        Whether a stack that is opened without a project gets one by itself, found again with it.
    not_kept
        Why what is done now goes with the session, although it should be kept; None if it is kept.
    put_aside
        Where a damaged project was put aside, in whose place the present one was made; else None.
    elsewhere
        Which project that somebody named holds later work on the stack; None if none does.
    """

    def __init__(self, project: Project | None, signals: Signals) -> None:
        self.project = project or Project.in_memory()
        self._signals = signals
        self.keeps_by_itself = False
        self.not_kept: str | None = None
        self.put_aside: str | None = None
        self.elsewhere: str | None = None
        self._kept_tried = 0.0
        self._look: tuple[str, Look] | None = None  # of the stack of this digest
        self._look_kept = 0.0
        self._told: str | None = None
        self._name = ""  # of the stack that the project is of

    @property
    def stacks(self) -> tuple[KeptStack, ...]:
        """The stacks of the project, the last opened first."""
        return self.project.stacks

    @property
    def alert(self) -> str | None:
        """What is to be shown as long as it holds: what is not kept and why, or was damaged."""
        unsaved = self.project.trouble
        if unsaved:
            unsaved = f"what was done last is not kept yet: {unsaved}"
        return self.not_kept or unsaved or self.put_aside or self.elsewhere

    # -- how a stack is looked at ----------------------------------------------------------

    def look(self, stack: Stack) -> Look | None:
        """Return how a stack was looked at last; None if it was not, or not so that it fits."""
        found = self.project.look(stack.digest)
        try:
            index = SliceIndex(int(found["t"]), int(found["z"]))
            low, high = map(float, found["contrast"]) if found["contrast"] else (0.0, 0.0)
        except (KeyError, TypeError, ValueError):
            return None
        if not (0 <= index.t < stack.frames and 0 <= index.z < stack.slices):
            return None
        return Look(index, (low, high) if low < high else None)

    def look_at(
        self, stack: Stack, index: SliceIndex, contrast: tuple[float, float] | None = None
    ) -> None:
        """Remember how a stack is looked at. May be called as often as it changes."""
        self._look = (stack.digest, Look(SliceIndex(*index), contrast))

    def keep_look(self) -> None:
        """Write how the stack is looked at that is left now."""
        look, self._look, self._look_kept = self._look, None, time.monotonic()
        if look:
            digest, (index, contrast) = look[0], (look[1].index, look[1].contrast)
            self.project.remember_look(digest, {"t": index[0], "z": index[1], "contrast": contrast})

    # -- going over to another project -----------------------------------------------------

    def own_project(self, stack: Stack) -> Found | None:
        """Return the project that a stack has of its own; None where the present one keeps it.

        It is looked for, or made, if the session keeps by itself and nobody named a project.

        Raises
        ------
        InputError
            If it is not as it was written: it stays as it is then.
        """
        present = self.project
        if not (self.keeps_by_itself and (present.path is None or present.is_automatic)):
            return None
        is_stuck = isinstance(present, StandIn) and present.is_untouched
        if any(kept.digest == stack.digest for kept in present.stacks) and not is_stuck:
            return None
        project: Project
        why = None
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
        except InputError:
            project.close()
            raise
        return Found(project, why)

    def go_over_to(self, project: Project) -> Project:
        """Keep in another project from now on; return the one before, which is still open."""
        before, self.project = self.project, project
        self.not_kept = self.put_aside = self.elsewhere = None
        return before

    def tell(self, found: Found, stack: Stack) -> None:
        """Tell what is not kept of what is done on a stack, or that its project was damaged."""
        self._name = stack.name
        if found.why:
            self.not_kept = (
                f"what you do on {stack.name} is not kept: {found.why}; it is tried again, or save "
                "it as a project"
            )
            self._signals.send(self._signals.said, self.not_kept)
        if found.project.put_aside:
            self.put_aside = (
                f"the project of {stack.name} was damaged, and lies now at "
                f"{found.project.put_aside}; what you do is kept in a new one, that file is yours "
                "to mend"
            )
            self._signals.send(self._signals.trouble, self.put_aside)

    def note_place(self, stack: Stack) -> None:
        """Note where a stack is kept that was opened, and find whether later work is elsewhere.

        Whoever named a project for it may open the image by itself the next day.
        """
        self.elsewhere = None
        path = self.project.path
        if not self.keeps_by_itself or path is None:
            return
        if not self.project.is_automatic:
            if not self.project.read_only:
                note_named(stack.digest, path)
            return
        named = named_path(stack.digest)
        if named is not None and self._is_later(named, stack):
            self.elsewhere = (
                f"your later work on {stack.name} is in {named}: open that project to go on with it"
            )

    def _is_later(self, named: Path, stack: Stack) -> bool:
        """Tell whether a project holds work on a stack that is later than what is shown."""
        try:
            if not is_there(named):
                return False
            with closing(Project.open(named, read_only=True)) as other:
                return other.last_done(stack.digest) > self.project.last_done(stack.digest)
        except InputError:  # it says so when it is opened
            return False

    def save_as(self, path: Path) -> None:
        """Write the project to a file, and keep it there from now on.

        Raises
        ------
        InputError
            If it cannot be written; all stays as it is then.
        """
        project = self.project.save_as(Path(path))
        before = self.go_over_to(project)
        if before is not project:
            before.close()
            self._signals.send(self._signals.project_opened, project)
        for kept in project.stacks if self.keeps_by_itself else ():
            note_named(kept.digest, project.path or path)
        self._signals.send(
            self._signals.said, f"saved as {path}; every change is kept there from now on"
        )

    @contextmanager
    def project_of(self, stack: Stack) -> Iterator[Project | None]:
        """Have at hand the project that keeps what was done on a stack; None if none does.

        Raises
        ------
        InputError
            If that is one that cannot be read.
        """
        if any(kept.digest == stack.digest for kept in self.project.stacks):
            yield self.project
            return
        path = automatic_path(stack.digest)
        if not (self.keeps_by_itself and self.project.is_automatic and is_there(path)):
            yield None
            return
        project = Project.open(path, read_only=True)
        try:
            yield project
        finally:
            project.close()

    def find(self, kept: KeptStack, at: Path | None = None) -> Stack:
        """Read a stack of the project from its file.

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
            return stack
        for place in kept.places:
            if stack := _find_if_there(place, kept):
                return stack
        raise MissingStackError(kept)

    # -- what could not be written ---------------------------------------------------------

    def keep_up(self) -> None:
        """Write what could not be written, and how the stack is looked at; tell of trouble."""
        self.project.retry()
        if self._look and time.monotonic() > self._look_kept + LOOK_S:
            self.keep_look()
        if self.project.trouble != self._told:
            self._told = self.project.trouble
            self._signals.send(
                self._signals.trouble,
                "everything is saved again"
                if self._told is None
                else f"what you do cannot be saved now ({self._told}); all is kept in memory "
                "meanwhile, and saved by itself as soon as that can be",
            )

    def keep_at_last(self) -> Project | None:
        """Try again to keep what is done on a stack, where its project could not be opened.

        Returns
        -------
        Project, or None
            That of the stack, if it can be opened by now and nothing was done meanwhile: it is to
            be gone over to, for it may hold earlier work.
        """
        before = self.project
        if time.monotonic() <= self._kept_tried + KEEP_S:
            return None
        self._kept_tried = time.monotonic()
        if not isinstance(before, StandIn):
            return None
        had_parted = before.has_parted
        project = None if had_parted else before.keep_at_last()
        if project is None:
            if before.has_parted and not had_parted:
                self.not_kept = (
                    f"what you do on {self._name} is not kept: its file holds other work by now; "
                    "save it as a project"
                )
                self._signals.send(self._signals.said, self.not_kept)
            return None
        if before.is_untouched:
            return project
        self.go_over_to(project)
        before.close()
        self._signals.send(self._signals.project_opened, project)
        self._signals.send(self._signals.said, KEPT_AGAIN)
        return None

    def close(self) -> None:
        """Let go of the project: all is kept."""
        if self.project.is_closed:  # at the interpreter's end it may have gone before
            return
        self.keep_look()
        if isinstance(self.project, StandIn) and not self.project.is_untouched:
            self._kept_tried = 0.0
            self.keep_at_last()
        self.project.close()


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
