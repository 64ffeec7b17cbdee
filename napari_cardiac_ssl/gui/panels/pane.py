"""A small picture of another view, with lines on it where the slices cut it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen

from napari_cardiac_ssl.gui.panels.slice_picture import SlicePicture
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How near to a handle the mouse takes it, pixels of the screen; how far a key moves it.
_GRASP, _STEP_MM = 9.0, 1.0


@dataclass(frozen=True, eq=False)
class PaneLine:
    """A line to be drawn on a pane.

    Parameters
    ----------
    points_xy
        Its corners in the stored pixels of the pane's slice, shape ``(n, 2)``.
    colour
        Of the line.
    width
        In pixels of the screen.
    """

    points_xy: NDArray[np.float64]
    colour: str
    width: float = 1.0


@dataclass(frozen=True, eq=False)
class PaneHandles:
    """Points on a pane that the user can drag.

    Parameters
    ----------
    names
        What each is called.
    points_xy
        Where they lie in the stored pixels of the pane's slice, shape ``(n, 2)``.
    lines
        Pairs of them with a line between.
    colour
        Of all of it.
    """

    names: tuple[str, ...]
    points_xy: NDArray[np.float64]
    lines: tuple[tuple[int, int], ...]
    colour: str

    def moved(self, number: int, to_xy: NDArray[np.float64]) -> "PaneHandles":
        """Return the same with one of them elsewhere."""
        points = self.points_xy.copy()
        points[number] = to_xy
        return replace(self, points_xy=points)


class ViewPane(SlicePicture):
    """One frame of a stack's middle slice.

    Attributes
    ----------
    pointed
        ``(point)``: where the user clicked or dragged to, RAS+ mm, shape ``(3,)``.
    stepped
        ``(int)``: by how many slices the user wants to go on.
    dragged
        ``(name, point)``: a handle was moved to a point, RAS+ mm, shape ``(3,)``.
    """

    pointed = Signal(object)
    stepped = Signal(int)
    dragged = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[PaneLine, ...] = ()
        self._handles: PaneHandles | None = None
        self._held: int | None = None  # the handle that the mouse drags
        self._at_press: NDArray[np.float64] | None = None  # where it was
        self._chosen: int | None = None  # the handle that keys move
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip(
            "Click: go to the slice nearest to here.\nWheel: zoom.\nArrow keys: next slice.\n"
            "Rings are points of the valve and the apex: drag them, or choose one with V and move "
            "it with the arrow keys."
        )

    def show_stack(self, stack: Stack | None, centre_mm: NDArray[np.float64] | None = None) -> None:
        """Show another stack, without lines and handles."""
        self._lines, self._handles, self._held = (), None, None
        self._choose(None)
        super().show_stack(stack, centre_mm)

    def show_frame(self, frame: int, lines: tuple[PaneLine, ...]) -> None:
        """Show a frame, with lines on it."""
        self._index, self._lines = SliceIndex(frame, self._index.z), lines
        self.update()

    def show_handles(self, handles: PaneHandles | None) -> None:
        """Show points that can be dragged, or none; while one is held they stay as they are."""
        if self._held is None:
            self._handles = handles
            if handles is None:
                self._choose(None)
            self.update()

    # -- Qt --------------------------------------------------------------------------------

    def paint_over(self, painter: QPainter) -> None:
        """Draw the lines, and the handles."""
        for line in self._lines:
            pen = QPen(QColor(line.colour), line.width)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            on_screen = self._to_screen(self._picture_xy(line.points_xy))
            painter.drawPolyline([QPointF(x, y) for x, y in on_screen])
        self._paint_handles(painter)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Take the handle that the user presses, or go to where he points."""
        self._held = self._handle_at(event)
        self._point(event)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Go along while a button is held."""
        self._point(event)

    def mouseReleaseEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let go of the handle that was dragged, if it was."""
        held, self._held = self._held, None
        if held is not None and self._at_press is not None and self._handles is not None:
            if (self._handles.points_xy[held] != self._at_press).any():
                self._tell_of(held)
            self.update()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Step through the slices; or choose a handle, and move it."""
        if self._handles is not None and self._key_for_handles(event.key(), self._handles):
            return
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1}
        step = steps.get(event.key())
        if step is None:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)

    def _point(self, event: Any) -> None:
        stack = self._stack
        if stack is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        at = event.position()
        picture = self._from_screen(np.array([at.x(), at.y()]))
        xy = self._orientation.from_picture(picture, stack.image.shape[2:])
        if self._held is None:
            self.pointed.emit(self._world_mm(stack, xy))
        elif self._handles is not None:
            self._handles = self._handles.moved(self._held, xy)
            self.update()

    # -- handles ---------------------------------------------------------------------------

    def _handle_at(self, event: Any) -> int | None:
        """Return the handle under the mouse, if it is pressed with the left button."""
        self._at_press = None
        if self._handles is None or event.button() != Qt.MouseButton.LeftButton:
            return None
        at = np.array([event.position().x(), event.position().y()])
        on_screen = self._to_screen(self._picture_xy(self._handles.points_xy))
        away = np.linalg.norm(on_screen - at, axis=1)
        nearest = int(away.argmin())
        if away[nearest] > _GRASP:
            return None
        self._at_press = self._handles.points_xy[nearest].copy()
        return nearest

    def _tell_of(self, number: int) -> None:
        if self._stack is not None and self._handles is not None:
            to_mm = self._world_mm(self._stack, self._handles.points_xy[number])
            self.dragged.emit(self._handles.names[number], to_mm)

    def _key_for_handles(self, key: int, handles: PaneHandles) -> bool:
        """Choose a handle with V, let go of it with Escape, move it with the arrows."""
        moves = {
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
        }
        if key == Qt.Key.Key_V:
            after = 0 if self._chosen is None else self._chosen + 1
            self._choose(after if after < len(handles.names) else None)
        elif self._chosen is not None and key == Qt.Key.Key_Escape:
            self._choose(None)
        elif self._chosen is not None and key in moves and self._stack is not None:
            shape = self._stack.image.shape[2:]
            picture = self._picture_xy(handles.points_xy[self._chosen])
            to_xy = self._orientation.from_picture(
                picture + np.array(moves[Qt.Key(key)]) * _STEP_MM / self._pixel_mm(), shape
            )
            self._handles = handles.moved(self._chosen, to_xy)
            self._tell_of(self._chosen)
        else:
            return False
        self.update()
        return True

    def _choose(self, number: int | None) -> None:
        self._chosen = number
        named = self._handles.names[number] if self._handles and number is not None else ""
        self.setAccessibleDescription(f"{named} is chosen: arrow keys move it" if named else "")

    def _paint_handles(self, painter: QPainter) -> None:
        handles = self._handles
        if handles is None:
            return
        on_screen = [QPointF(x, y) for x, y in self._to_screen(self._picture_xy(handles.points_xy))]
        for colour, width in (("#000000", 3.0), (handles.colour, 1.4)):  # on dark and on bright
            painter.setPen(QPen(QColor(colour), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for first, last in handles.lines:
                painter.drawLine(on_screen[first], on_screen[last])
            for number, at in enumerate(on_screen):
                marked = number in {self._held, self._chosen}
                painter.drawEllipse(at, 6.0 if marked else 4.0, 6.0 if marked else 4.0)
        if self._chosen is not None:
            painter.drawText(on_screen[self._chosen] + QPointF(9, -5), handles.names[self._chosen])

    @staticmethod
    def _world_mm(stack: Stack, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return stack.world_mm(np.array([*xy, stack.slices // 2]))
