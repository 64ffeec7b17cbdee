"""The RV's insertion points as marks on the picture, which can be dragged."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Points
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, camera_of
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.measures import InsertionPoints

NAME = "RV insertion points"
#: So near to a mark the mouse takes it, pixels of the screen.
_NEAR = 14.0
#: How long after a change marks are placed anew, and how long may be counted for it at a time.
_SOON_MS, _STEP_S = 30, 0.008


class InsertionMarks(QObject):
    """Two marks on the slice in view, A and I: where the RV's wall meets the LV.

    While the mouse drags one, nothing is drawn and the picture stays.

    Parameters
    ----------
    workspace
        The window's.
    parent
        With which it goes.

    Attributes
    ----------
    dragged
        One is on its way: the wall's segments have turned, and nothing is kept yet.
    """

    dragged = Signal()

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._viewer = workspace.viewer
        self._wanted = False
        self._layer: Points | None = None
        self._places: dict[str, NDArray[np.float64]] = {}  # RAS mm
        self._held: str | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._place)
        self._viewer.mouse_drag_callbacks.append(self._on_press)
        workspace.changed.connect(self._on_changed)
        workspace.session.signals.phases_changed.connect(self._on_changed)
        workspace.session.signals.measuring_changed.connect(self._on_changed)

    @property
    def places(self) -> dict[str, NDArray[np.float64]]:
        """Where the marks are that are to be seen, RAS+ mm, shape ``(3,)`` each."""
        return dict(self._places)

    def show(self, shown: bool) -> None:
        """Show the marks on the picture, or no more."""
        if self._workspace.is_closed:
            return
        self._wanted = shown
        self._place()

    def hide(self, hidden: bool) -> None:
        """Take the marks out of sight for a moment, or bring them back."""
        if self._layer is not None:
            self._layer.visible = not hidden and bool(self._places)

    def close(self) -> None:
        """Let go of the viewer."""
        self._soon.stop()
        self.dragged.disconnect()
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_changed(self, *_: object) -> None:
        if self._wanted and self._held is None and not self._soon.isActive():
            self._soon.start(_SOON_MS)

    def _place(self) -> None:
        """Put the marks where they lie on the slice in view."""
        workspace, found = self._workspace, None
        if self._wanted and workspace.is_open and workspace.session.stack.view is View.SAX:
            measured, index = workspace.session.measurement.measured, workspace.view.in_view
            if not measured.count_ahead([index.t], seconds=_STEP_S):
                self._soon.start(0)
                return
            found = measured.walls.insertion_on(index) if workspace.view.shows_slice else None
        self._places = {name: np.array(at) for name, at in found.points().items()} if found else {}
        self._draw()

    def _draw(self) -> None:
        """Draw the marks; without any the layer is hidden: to remove one may crash Mesa."""
        layers = self._viewer.layers
        if self._layer is not None and self._layer not in layers:
            self._layer = None
        if not self._places:
            if self._layer is not None:
                self._layer.visible = False
            return
        stack = self._workspace.session.stack
        at = np.array([stack.voxel_xyz(place)[1::-1] for place in self._places.values()])
        scale = stack.spacing_mm[1:]
        if self._layer is None or not np.allclose(self._layer.scale, scale):
            active = layers.selection.active
            if self._layer is not None:
                layers.remove(self._layer)
            self._layer = _layer(at, scale)
            layers.append(self._layer)
            if active in layers:  # drawing goes on where it was
                layers.selection.active = active
        else:
            self._layer.data = at
            self._layer.visible = True

    # -- dragging --------------------------------------------------------------------------

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        """Napari runs this while the mouse is held down on the canvas."""
        name = self._near(event.position) if event.button == 1 else None
        if name is None:
            return
        active = viewer.layers.selection.active
        viewer.layers.selection.active = self._layer  # what is drawn on does not see the mouse
        self._held = name
        event.handled = True
        try:
            yield
            while event.type == "mouse_move":
                self._drag(event.position)
                event.handled = True
                yield
            self._drag(event.position)
        finally:
            self._held = None
            if active in viewer.layers:
                viewer.layers.selection.active = active
        self._keep()

    def _near(self, position: Any) -> str | None:
        """Return the mark that the mouse is on."""
        if not self._places or self._layer is None or not self._layer.visible:
            return None
        stack = self._workspace.session.stack
        here = np.asarray(position)[-2:]
        away = {
            name: float(np.linalg.norm(stack.voxel_xyz(at)[1::-1] * stack.spacing_mm[1:] - here))
            for name, at in self._places.items()
        }
        nearest = min(away, key=lambda name: away[name])
        return nearest if away[nearest] * camera_of(self._viewer).zoom <= _NEAR else None

    def _keep(self) -> None:
        """Keep the marks where they were put; what cannot be kept is said, and they go back."""
        measurement = self._workspace.session.measurement
        with self._workspace.reporting():
            try:
                measurement.set_insertion(InsertionPoints(**self._places))
            except InputError:
                measurement.measured.walls.set_insertion(measurement.insertion)
                self.dragged.emit()
                self._on_changed()
                raise
            self._workspace.say("RV insertion points are where you put them: the segments turn")

    def _drag(self, position: Any) -> None:
        stack, name = self._workspace.session.stack, self._held
        if name is None:
            return
        y, x = np.asarray(position)[-2:] / stack.spacing_mm[1:]
        self._places[name] = stack.world_mm(np.array([x, y, self._workspace.view.in_view.z]))
        self._draw()
        with suppress(InputError):  # on its way one may lie on the other
            points = InsertionPoints(**self._places)
            self._workspace.session.measurement.measured.walls.set_insertion(points)
            self.dragged.emit()


def _layer(at: NDArray[np.float64], scale: tuple[float, ...]) -> Points:
    layer = Points(
        at,
        name=NAME,
        scale=scale,
        axis_labels=("y", "x"),
        units=("mm", "mm"),
        symbol="disc",
        size=6,
        face_color="white",
        border_color="black",
        border_width=0.15,
        metadata={METADATA: {"insertion": True, "derived": True}},
    )
    layer.text = {"string": ["A", "I"], "color": "black", "size": 11, "anchor": "center"}
    layer.editable = False
    layer.mouse_pan = False
    return layer
