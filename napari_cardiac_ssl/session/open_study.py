"""The part of a session that knows what is worked on: the open stack, and how the heart lies."""

from collections.abc import Callable
from dataclasses import replace

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import Stack


class OpenStudy:
    """The open stack, the view that it shows, and its landmarks."""

    def __init__(self, project: Callable[[], Project], signals: Signals) -> None:
        self._project = project
        self._signals = signals
        self._stack: Stack | None = None

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
    def landmarks(self) -> Landmarks | None:
        """Where the heart of the open stack lies, if somebody has said so by three points."""
        points = self._project().state("landmarks", self.stack.digest)
        return Landmarks.of(points) if points else None

    def open(self, stack: Stack) -> None:
        """Work on a stack, which shows the view that it was corrected to (`correct_view`)."""
        project = self._project()
        view = project.views.get(stack.digest, stack.view)
        self._stack = stack if view is stack.view else replace(stack, view=view)
        project.keep_stack(self._stack)
        self._signals.send(self._signals.stack_opened, self._stack)

    def close(self) -> None:
        """Work on nothing."""
        self._stack = None

    def set_landmarks(self, landmarks: Landmarks | None) -> None:
        """Keep three points that say where the heart lies, or that they hold no more.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        points = landmarks.points() if landmarks else None
        self._project().set_state("landmarks", self.stack.digest, points)

    def correct_view(self, stack: Stack, view: View) -> None:
        """Keep which view a stack shows, where its reading was wrong.

        The open stack stays as it is until it is opened again.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._project().correct_view(stack.digest, view)
