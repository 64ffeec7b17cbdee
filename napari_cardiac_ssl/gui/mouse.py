"""A mouse for rehearsals: real events on the picture, where the image says and not the screen."""

from collections.abc import Callable

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

#: How often to look for the picture before giving up.
_TRIES = 10


class Mouse:
    """Moves over a viewer's picture and draws.

    Parameters
    ----------
    viewer
        Shown, with a label layer selected.
    dock
        Any widget docked in its window.
    live
        Lets the window live for a moment: 15 ms at least, or moves are lost.
    """

    def __init__(self, viewer: napari.Viewer, dock: QWidget, live: Callable[[], None]) -> None:
        self._viewer = viewer
        self._live = live
        window = dock.window()
        canvases = [one for one in window.findChildren(QWidget) if "Canvas" in type(one).__name__]
        self._canvas = max(canvases, key=lambda one: one.width() * one.height())

    def drag(self, points: NDArray[np.floating]) -> None:
        """Draw a stroke.

        Parameters
        ----------
        points
            ``(n, 2)``: row and column in mm, as the layers lie.
        """
        places = [QPointF(*place) for place in self._to_canvas(points)]
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseMove, places[0], none, none)
        self._live()
        self._send(QEvent.Type.MouseButtonPress, places[0], left, left)
        for place in places[1:]:
            self._send(QEvent.Type.MouseMove, place, none, left)
            self._live()
        self._send(QEvent.Type.MouseButtonRelease, places[-1], left, none)
        self._live()

    def _to_canvas(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Find out where the picture is: napari tells where in the world its cursor is."""
        w, h = self._canvas.width(), self._canvas.height()
        probes = np.array([[w / 3, h / 3], [2 * w / 3, h / 3], [w / 3, 2 * h / 3]])
        known = np.ones((3, 3))
        for _ in range(_TRIES):
            for row, place in zip(known, probes, strict=True):
                row[:2] = self._cursor_at(QPointF(*place))
            if abs(np.linalg.det(known)) > 1:  # mm²; else a move was lost
                break
        return np.column_stack([points, np.ones(len(points))]) @ np.linalg.solve(known, probes)

    def _cursor_at(self, place: QPointF) -> tuple[float, ...]:
        none = Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseMove, place, none, none)
        for _ in range(3):  # napari takes moves in when it has time
            self._live()
        position: tuple[float, ...] = self._viewer.cursor.position[-2:]
        return position

    def _send(
        self, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton
    ) -> None:
        everywhere = QPointF(self._canvas.mapToGlobal(place.toPoint()))
        modifiers = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, place, everywhere, button, buttons, modifiers)
        QApplication.sendEvent(self._canvas, event)
