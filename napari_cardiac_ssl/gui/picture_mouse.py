"""The mouse on the picture, where a radiologist is used to something else than napari does."""

import math
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cardiac_ssl.gui.desk import Desk

_RIGHT = Qt.MouseButton.RightButton
_MOUSE = {
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonRelease,
}
#: So many pixels to the right make the window e times as wide; as many down move it by its width.
_PIXELS = 300.0
#: Less is a click, in pixels.
_STILL = 3.0


@dataclass
class _Held:
    """A button that is held down: which, where it was pressed, and how the picture was then."""

    button: Qt.MouseButton
    at: QPointF
    contrast: tuple[float, float] | None
    moved: bool = False


class PictureMouse(QObject):
    """Sees what the mouse does on the picture before napari does.

    Dragging with the right button sets the window: to the right it gets wider, downwards its level
    rises and the picture darker. napari would paint with that button.

    Parameters
    ----------
    desk
        The window's.
    parent
        A widget that is docked in it.
    """

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._parent = desk, parent
        self._held: _Held | None = None
        self._passes = False

    def watch(self) -> None:
        """Watch the picture of the parent's window. May be called again."""
        for one in self._parent.window().findChildren(QWidget):
            if "Canvas" in type(one).__name__:
                one.installEventFilter(self)  # a second time it changes nothing

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt asks first whether this is ours."""
        kind = event.type()
        if kind not in _MOUSE or self._passes or self._desk.is_closed:
            return False
        if self._held is not None:  # until it is let go, other buttons do nothing
            if kind == QEvent.Type.MouseMove:
                self._move(self._held, event.position())
            elif kind == QEvent.Type.MouseButtonRelease and event.button() == self._held.button:
                self._let_go(watched, event)
            return True
        if kind == QEvent.Type.MouseMove or event.button() != _RIGHT:
            return False
        if kind != QEvent.Type.MouseButtonRelease and event.buttons() == _RIGHT:
            self._press(event)
        return True

    def _press(self, event: Any) -> None:
        image = self._desk.shown_image
        contrast = None
        if image is not None:
            low, high = image.contrast_limits
            contrast = (float(low), float(high))
        self._held = _Held(event.button(), event.position(), contrast)

    def _move(self, held: _Held, place: QPointF) -> None:
        by = place - held.at
        held.moved = held.moved or math.hypot(by.x(), by.y()) > _STILL
        if held.moved and held.contrast is not None:
            self._set_window(held.contrast, by)

    def _set_window(self, contrast: tuple[float, float], by: QPointF) -> None:
        image = self._desk.shown_image
        if image is None:
            return
        low, high = contrast
        level = (low + high) / 2 + (high - low) * by.y() / _PIXELS
        width = (high - low) * math.exp(by.x() / _PIXELS)
        image.contrast_limits = (level - width / 2, level + width / 2)

    def _let_go(self, watched: QWidget, event: Any) -> None:
        held, self._held = self._held, None
        layer = self._desk.viewer.layers.selection.active
        if held is None or held.moved:
            self._desk.changed.emit()  # the window is kept
        elif str(getattr(layer, "mode", "")) == "polygon":  # napari takes its last point back
            self._pass_click(watched, event)

    def _pass_click(self, watched: QWidget, event: Any) -> None:
        self._passes = True
        place, none = event.position(), Qt.MouseButton.NoButton
        for kind, held in ((QEvent.Type.MouseButtonPress, _RIGHT), (event.type(), none)):
            QApplication.sendEvent(
                watched,
                QMouseEvent(kind, place, event.globalPosition(), _RIGHT, held, event.modifiers()),
            )
        self._passes = False
