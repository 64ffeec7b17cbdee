"""The part of a session that knows the studies that were opened, and which stack is worked on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.readers.landmarks import study_ids
from napari_cardiac_ssl.readers.nifti_geometry import stacks_apart_mm
from napari_cardiac_ssl.readers.placing import SAME_GRID_MM
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import Stack, Study


class OpenStudy:
    """The studies that were opened, and the stack of one of them that is worked on.

    Stacks show the views that they were corrected to, as the project knows, whatever was read.

    Parameters
    ----------
    project
        What keeps which views stacks show.
    signals
        Where changes are told.
    """

    def __init__(self, project: Callable[[], Project], signals: Signals) -> None:
        self._project = project
        self._signals = signals
        self._stack: Stack | None = None
        self._read: list[Study] = []  # as they were read,
        self._known: list[Study] = []  # and with their views corrected
        self._alone: Study | None = None  # the open stack's, if it is of none of them
        self._corrected: WeakKeyDictionary[Stack, Stack] = WeakKeyDictionary()

    @property
    def is_open(self) -> bool:
        """Whether a stack is open."""
        return self._stack is not None

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
    def current(self) -> Study | None:
        """The study of the open stack; None if none is open."""
        return self.of(self._stack) if self._stack is not None else None

    @property
    def known(self) -> tuple[Study, ...]:
        """All studies that were added, in order."""
        return tuple(self._known)

    def knows(self, stack: Stack) -> bool:
        """Tell whether a stack is of a study that was added."""
        return any(stack in study.stacks for study in (*self._known, *self._read))

    def of(self, stack: Stack) -> Study:
        """Return the study of a stack: the newest that has it, or else itself alone."""
        for read, known in zip(reversed(self._read), reversed(self._known), strict=True):
            if stack in known.stacks or stack in read.stacks:
                return known
        if self._alone is None or stack not in self._alone.stacks:
            return Study(stack.name, (stack,))
        return self._alone

    def name_of(self, stack: Stack) -> str:
        """Return what a user calls a stack: its view, and its name where views are alike."""
        alike = [other for other in self.of(stack).stacks if other.view is stack.view]
        name = stack.view.short
        return f"{name}: {stack.name}" if len(alike) > 1 or stack.view is View.OTHER else name

    @property
    def other_phase(self) -> Stack | None:
        """The other phase of the open stack, where ED and ES are two stacks of one frame.

        They are two short axes of one grid: of one study, or of files beside each other whose
        names begin alike (``patient001_ED.nii.gz``, ``patient001_ES.nii.gz``).
        """
        if self._stack is None or not _may_be_phase(self._stack):
            return None
        here = self._stack
        found = {  # by content: a file may have been opened twice
            one.digest: one
            for study in self._known
            for one in study.stacks
            if _may_be_phase(one)
            and (study is self.current or _is_beside(one, here))
            and stacks_apart_mm(one, here) <= SAME_GRID_MM
            and one.digest != here.digest
        }
        return next(iter(found.values())) if len(found) == 1 else None

    # -- coming and going ------------------------------------------------------------------

    def add(self, study: Study) -> Study:
        """Take a study in, beside those that are there; return it with its views corrected."""
        self._read.append(study)
        self.correct_views()
        self._signals.send(self._signals.study_changed)
        return self._known[-1]

    def forget(self) -> None:
        """Know of no study any more."""
        self._read, self._known = [], []
        self._signals.send(self._signals.study_changed)

    def open(self, stack: Stack) -> None:
        """Work on a stack, which shows the view that it was corrected to."""
        self._stack = self._as_corrected(self._as_read(stack), self._project().views)
        self._alone = Study(stack.name, (self._stack,))
        self.correct_views()
        self._project().keep_stack(self._stack)
        self._signals.send(self._signals.stack_opened, self._stack)
        self._signals.send(self._signals.study_changed)

    def close(self) -> None:
        """Work on nothing."""
        self._stack = self._alone = None

    # -- views -----------------------------------------------------------------------------

    def correct_views(self) -> Stack | None:
        """Have all studies show the views that hold now.

        Returns
        -------
        Stack or None
            The open stack as it is to be opened anew, if it shows another view by now.
        """
        views = self._project().views
        self._known = [
            replace(study, stacks=tuple(self._as_corrected(one, views) for one in study.stacks))
            for study in self._read
        ]
        if self._stack is None:
            return None
        now = self._as_corrected(self._as_read(self._stack), views)
        return None if now is self._stack else now

    def _as_corrected(self, read: Stack, views: Mapping[str, View]) -> Stack:
        """Return a stack in the view that holds; the same one again as long as that one holds."""
        view = views.get(read.digest, read.view) if views else read.view
        if view is read.view:
            return read
        found = self._corrected.get(read)
        if found is None or found.view is not view:
            found = self._corrected[read] = read.as_view(view)
        return found

    def _as_read(self, stack: Stack) -> Stack:
        return next((read for read, one in self._corrected.items() if one is stack), stack)


def _may_be_phase(stack: Stack) -> bool:
    return stack.view is View.SAX and stack.frames == 1


def _is_beside(one: Stack, other: Stack) -> bool:
    """Tell whether two files lie in one folder and are called after one study."""
    if one.path is None or other.path is None or one.path.is_dir() or other.path.is_dir():
        return False
    alike = study_ids(one.path)[-1] == study_ids(other.path)[-1]
    return alike and one.path.parent == other.path.parent
