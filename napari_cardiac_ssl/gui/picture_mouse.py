"""The mouse on the picture, where a radiologist is used to something else than napari does."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.preferences import preferences
from napari_cardiac_ssl.gui.tools import Tools
from napari_cardiac_ssl.gui.workspace import Workspace

_LEFT, _MIDDLE, _RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
_MOVE, _RELEASE = QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease
_PRESSES = {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick}
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
#: So many pixels to the right make the window e times as wide; as many down move it by its width.
_PIXELS = 300.0
#: Less is a click, in pixels.
_STILL = 3.0
#: How far a notch of the wheel turns it, in Qt's eighths of a degree, and how much it zooms.
_NOTCH, _ZOOM = 120, 1.15


@dataclass
class _Held:
    """A button that is held down, and how the picture was when it was pressed."""

    button: Qt.MouseButton
    at: QPointF
    contrast: tuple[float, float] | None
    centre: tuple[float, ...]
    moved: bool = False


class PictureMouse(QObject):
    """Sees what the mouse does on the picture before napari does.

    Dragging with the right button sets the window: to the right it gets wider, downwards its level
    rises and the picture darker. napari would paint with that button.

    The rest is a radiologist's habit, and napari's own where that is preferred: the wheel goes
    through slices, with Ctrl through frames, with Shift it zooms; the middle button drags the
    picture; a double click fits it, with any button that does not draw.

    Parameters
    ----------
    workspace
        The window's.
    tools
        Those that are asked first.
    fit
        Fills the canvas with the heart.
    parent
        A widget that is docked in it.
    """

    def __init__(
        self, workspace: Workspace, tools: Tools, fit: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._workspace, self._fit, self._parent = workspace, fit, parent
        self._tools = tools
        self._held: _Held | None = None
        self._passes = False
        self._turned = 0  # of the wheel, what is no whole notch yet

    def watch(self) -> None:
        """Watch the picture of the parent's window. May be called again."""
        for one in self._canvases():
            one.installEventFilter(self)  # a second time it changes nothing

    def give_keyboard(self) -> None:
        """Have the picture get the keys."""
        for one in self._canvases():
            if one.isVisible():
                one.setFocus()

    def _canvases(self) -> list[QWidget]:
        window = self._parent.window()
        return [one for one in window.findChildren(QWidget) if "Canvas" in type(one).__name__]

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt asks first whether this is ours."""
        if self._passes or self._workspace.is_closed:
            return False
        return (self._held is None and self._tools.take(event)) or self._take(watched, event)

    def _take(self, watched: Any, event: Any) -> bool:
        kind = event.type()
        if kind == QEvent.Type.Wheel:
            return self._turn(watched, event)
        if kind not in {_MOVE, _RELEASE, *_PRESSES}:
            return False
        if self._held is not None:  # until it is let go, other buttons do nothing
            if kind == _MOVE:
                self._move(self._held, event.position())
            elif kind == _RELEASE and event.button() == self._held.button:
                self._let_go(watched, event)
            return True
        if kind == _MOVE or not self._is_ours(event):
            return False
        if kind in _PRESSES and event.buttons() == event.button():
            if kind == QEvent.Type.MouseButtonDblClick and self._is_radiologist_s:
                self._fit()
            self._press(event)
        return True

    def _is_ours(self, event: Any) -> bool:
        """Tell whether a button that is pressed or let go is none of napari's."""
        if event.button() == _RIGHT:
            return True
        if not (self._is_radiologist_s and self._workspace.view.shows_slice):
            return False
        layer = self._workspace.viewer.layers.selection.active
        is_free = str(getattr(layer, "mode", "pan_zoom")) == "pan_zoom"
        again = event.type() == QEvent.Type.MouseButtonDblClick
        return bool(event.button() == _MIDDLE or (event.button() == _LEFT and again and is_free))

    @property
    def _is_radiologist_s(self) -> bool:
        return self._workspace.is_open and preferences().radiologist_mouse

    # -- buttons ---------------------------------------------------------------------------

    def _press(self, event: Any) -> None:
        image = self._workspace.shown_image
        contrast = None
        if image is not None:
            low, high = image.contrast_limits
            contrast = (float(low), float(high))
        centre = tuple(camera_of(self._workspace.viewer).center)
        self._held = _Held(event.button(), event.position(), contrast, centre)

    def _move(self, held: _Held, place: QPointF) -> None:
        by = place - held.at
        held.moved = held.moved or math.hypot(by.x(), by.y()) > _STILL
        if not held.moved:
            return
        if held.button == _MIDDLE:
            self._look_beside(held.centre, by)
        elif held.button == _RIGHT and held.contrast is not None:
            self._set_window(held.contrast, by)

    def _set_window(self, contrast: tuple[float, float], by: QPointF) -> None:
        image = self._workspace.shown_image
        if image is None:
            return
        low, high = contrast
        level = (low + high) / 2 + (high - low) * by.y() / _PIXELS
        width = (high - low) * math.exp(by.x() / _PIXELS)
        image.contrast_limits = (level - width / 2, level + width / 2)

    def _look_beside(self, centre: tuple[float, ...], by: QPointF, share: float = 1.0) -> None:
        """Have the camera look at what lies beside a centre, so that the picture moves."""
        camera = camera_of(self._workspace.viewer)
        down, right = (str(way) in {"down", "right"} for way in camera.orientation2d)
        step = share / camera.zoom
        y = centre[-2] - by.y() * step * (1 if down else -1)
        x = centre[-1] - by.x() * step * (1 if right else -1)
        camera.center = (*centre[:-2], y, x)

    def _let_go(self, watched: QWidget, event: Any) -> None:
        held, self._held = self._held, None
        if held is None or held.button != _RIGHT:
            return
        layer = self._workspace.viewer.layers.selection.active
        if held.moved:
            self._workspace.changed.emit()  # the window is kept
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

    # -- the wheel -------------------------------------------------------------------------

    def _turn(self, watched: QWidget, event: Any) -> bool:
        modifiers = event.modifiers()
        known = modifiers in (Qt.KeyboardModifier.NoModifier, _CONTROL, _SHIFT)
        if not (known and self._is_radiologist_s and self._workspace.view.shows_slice):
            return False
        turn = event.angleDelta()
        self._turned -= turn.y() or turn.x()  # some platforms turn it with Shift
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        if modifiers == _SHIFT:
            self._zoom(watched, event.position(), _ZOOM**-notches)
        elif modifiers == _CONTROL or self._workspace.session.stack.slices == 1:
            self._workspace.actions.go(frames=notches)
        else:
            self._workspace.actions.go(slices=notches)
        return True

    def _zoom(self, watched: QWidget, place: QPointF, factor: float) -> None:
        """Zoom, and keep in its place what is under the mouse."""
        camera = camera_of(self._workspace.viewer)
        camera.zoom *= factor
        from_middle = QPointF(watched.width(), watched.height()) / 2 - place
        self._look_beside(tuple(camera.center), from_middle, factor - 1)
