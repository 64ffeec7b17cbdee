"""What is painted over the picture by Qt: crisp at any zoom, and no layer of the viewer.

Layers of shapes and points are heavy, may take the selection from the label layer, and to remove
one may end the process in Mesa's renderer. This is a widget over the canvas that the mouse does not
see; what it shows is painted anew whenever the picture moves.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QPainter, QTransform
from qtpy.QtWidgets import QWidget

from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.workspace import Workspace

#: How far from its places anything is painted at most, in pixels.
_AROUND = 12
#: Paints something, with this painter, where voxels (column, row) are mapped to.
Paint = Callable[[QPainter, QTransform], None]


class PictureOverlay(QObject):
    """The picture of a window: where voxels are on it, and what is painted over them.

    Parameters
    ----------
    workspace
        The window's.
    parent
        A widget that is docked in it.

    Attributes
    ----------
    painters
        What is painted over the slice in view, one after the other.
    """

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self.painters: list[Paint] = []
        self._workspace, self._parent = workspace, parent
        self._sheet: _Sheet | None = None
        self._moving = QRect()  # where something moved the last time
        viewer, session = workspace.viewer, workspace.session
        self._events = [
            camera_of(viewer).events,
            viewer.dims.events.current_step,
            viewer.dims.events.ndisplay,
            viewer.dims.events.order,
        ]
        for event in self._events:
            event.connect(self.refresh)
        for signal in (session.signals.slices_changed, session.signals.labels_refreshed):
            signal.connect(self.refresh, check_nargs=False)
        workspace.layer_shown.connect(self._on_layer_shown)

    def watch(self) -> None:
        """Lie over the picture of the parent's window. May be called again."""
        if self._sheet is None:
            canvases = [
                one
                for one in self._parent.window().findChildren(QWidget)
                if "Canvas" in type(one).__name__
            ]
            if canvases:
                canvas = max(canvases, key=lambda one: one.width() * one.height())
                self._sheet = _Sheet(canvas, self._paint)
                # With its window it may go before the session is closed.
                self._sheet.destroyed.connect(lambda *_: self._forget_sheet())
                canvas.installEventFilter(self)
        self.refresh()

    def close(self) -> None:
        """Let go of the viewer."""
        self.painters.clear()
        for event in self._events:
            event.disconnect(self.refresh)
        self._events.clear()
        if self._sheet is not None:
            self._sheet.hide()

    @property
    def is_shown(self) -> bool:
        """Whether there is a slice to paint over, with its labels."""
        layer, viewer = self._workspace.view.layer, self._workspace.viewer
        grid = getattr(getattr(viewer, "canvas", viewer), "grid", None)
        return bool(
            self._workspace.is_open
            and layer is not None
            and layer.visible
            and self._workspace.view.shows_slice
            and not getattr(grid, "enabled", False)
        )

    def refresh(self, *_: Any) -> None:
        """Paint anew, as soon as Qt has time."""
        self._moving = QRect()
        if self._sheet is not None:
            self._sheet.setVisible(self.is_shown)
            self._sheet.update()

    def refresh_around(self, places: NDArray[np.float64]) -> None:
        """Paint anew what moves, and where it was the last time: on large screens that is quicker.

        Parameters
        ----------
        places
            Shape ``(n, 2)``: rows and columns between which all that moves lies.
        """
        if self._sheet is None:
            return
        (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0)
        corners = QRectF(QPointF(left, top), QPointF(right, bottom))
        area = self.to_canvas().mapRect(corners).toAlignedRect()
        area = area.adjusted(-_AROUND, -_AROUND, _AROUND, _AROUND)
        self._sheet.update(area.united(self._moving))
        self._moving = area

    def to_canvas(self) -> QTransform:
        """Return where voxels of the slice, column and row, are on the canvas, in its pixels."""
        viewer = self._workspace.viewer
        camera, canvas = camera_of(viewer), self._sheet.parentWidget() if self._sheet else None
        size = (canvas.height(), canvas.width()) if canvas is not None else (1, 1)
        _, *spacing = self._workspace.session.stack.spacing_mm
        # What is down and what is right in the picture: rows and columns, or the other way round.
        turned = viewer.dims.displayed[-1] != viewer.dims.ndim - 1
        steps = np.zeros((2, 2))  # of the canvas's x and y, for a column and for a row
        for axis, way in enumerate(reversed(camera.orientation2d)):
            forwards = str(way) in {"right", "down"}
            voxel = axis if not turned else 1 - axis  # 0: columns
            steps[voxel, axis] = camera.zoom * spacing[1 - voxel] * (1 if forwards else -1)
        dx, dy = np.array(size[::-1]) / 2 - self.middle[::-1] @ steps
        return QTransform(steps[0, 0], steps[0, 1], steps[1, 0], steps[1, 1], dx, dy)

    @property
    def middle(self) -> NDArray[np.float64]:
        """The row and column in the middle of the canvas."""
        viewer = self._workspace.viewer
        down_right = np.array(camera_of(viewer).center[-2:])  # mm
        turned = viewer.dims.displayed[-1] != viewer.dims.ndim - 1
        _, *spacing = self._workspace.session.stack.spacing_mm
        return np.asarray((down_right[::-1] if turned else down_right) / spacing)

    def voxel_at(self, place: QPointF) -> NDArray[np.float64]:
        """Return the row and column that a place on the canvas shows."""
        inverse, _ = self.to_canvas().inverted()
        found = inverse.map(place)
        return np.array([found.y(), found.x()])

    def voxels_mm(self, right_mm: float, down_mm: float) -> NDArray[np.float64]:
        """Return how many rows and columns lie a way of the screen apart, in mm."""
        zoom = camera_of(self._workspace.viewer).zoom
        ends = (QPointF(right_mm * zoom, down_mm * zoom), QPointF(0, 0))
        end, start = (self.voxel_at(one) for one in ends)
        return np.asarray(end - start)

    def mm_between(
        self, start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Return how far to the right and down the screen lies from one voxel to another, in mm."""
        transform, zoom = self.to_canvas(), camera_of(self._workspace.viewer).zoom
        way = transform.map(QPointF(end[1], end[0])) - transform.map(QPointF(start[1], start[0]))
        return way.x() / zoom, way.y() / zoom

    def describe(self, words: str) -> None:
        """Have screen readers say of the picture what only eyes see; nothing with no words."""
        canvas = self._sheet.parentWidget() if self._sheet is not None else None
        name = f"Picture: {words}" if words else "Picture"
        if canvas is not None and canvas.accessibleName() != name:
            canvas.setAccessibleName(name)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt asks first whether this is ours: nothing is, but it tells of other sizes."""
        if event.type() == QEvent.Type.Resize and self._sheet is not None:
            self._sheet.resize(event.size())
        return False

    def _forget_sheet(self) -> None:
        self._sheet = None

    def _on_layer_shown(self, layer: Labels) -> None:
        events = layer.events
        for event in (events.labels_update, events.set_data, events.visible):
            event.connect(self.refresh)
        self.refresh()

    def _paint(self, painter: QPainter) -> None:
        if self.is_shown:
            transform = self.to_canvas()
            for paint in self.painters:
                paint(painter, transform)


class _Sheet(QWidget):
    """A clear sheet over a canvas."""

    def __init__(self, canvas: QWidget, paint: Callable[[QPainter], None]) -> None:
        super().__init__(canvas)
        self._paint = paint
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(canvas.size())

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for the picture."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter)
        painter.end()
