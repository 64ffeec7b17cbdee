"""The traces of the long-axis planes, and the nine positions, drawn on the slices.

Both are layers of vectors with a place in z and none in time, made once for a stack: scrolling
costs nothing but napari's own slicing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from napari.layers import Vectors
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.geometry.planes import Plane, traces
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES, boxes_on
from napari_cardiac_ssl.gui.display import METADATA
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import Stack

#: None of the structures' colours; told apart by colour-blind people too.
COLOURS = {View.LAX_4CH: "#FF6FDB", View.LAX_2CH: "#B6FF6B", View.SAX: "#FFE45C"}
TRACES, POSITIONS = "View planes", "Nine positions"
#: Which box lies on which plane's trace, 1 (the centre) to 9.
_ON = (View.SAX, *(View.LAX_4CH,) * 4, *(View.LAX_2CH,) * 4)


class PlaneLines:
    """Two layers that can be shown and hidden: traces of planes, and the boxes of the positions.

    Parameters
    ----------
    workspace
        The window's.

    Attributes
    ----------
    changed
        Something was shown or hidden, perhaps because the user removed a layer.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._viewer = workspace.viewer
        self._wanted: set[str] = set()
        self._layers: dict[str, Vectors] = {}
        self._own = False  # a layer goes because we take it away
        workspace.session.signals.study_changed.connect(self._renew)
        self._viewer.layers.events.removed.connect(self._on_removed)

    def is_shown(self, what: str) -> bool:
        """Tell whether `TRACES` or `POSITIONS` are wanted."""
        return what in self._wanted

    def show(self, what: str, shown: bool) -> None:
        """Show or hide `TRACES` or `POSITIONS`."""
        if shown == self.is_shown(what):
            return
        (self._wanted.add if shown else self._wanted.discard)(what)
        self._renew()

    def hide(self, hidden: bool) -> None:
        """Take what is shown out of sight for a moment, or bring it back."""
        for layer in self._viewer.layers:  # the valve plane's, too
            if "lines" in layer.metadata.get(METADATA, {}):
                layer.visible = not hidden

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self.changed.disconnect()

    def _renew(self) -> None:
        workspace = self._workspace
        frame = workspace.session.anatomy.frame
        for layer in self._layers.values():
            if layer in self._viewer.layers:
                with self._owning():
                    self._viewer.layers.remove(layer)
        self._layers = {}
        if frame is not None and workspace.is_open:
            for what in (TRACES, POSITIONS):
                if what in self._wanted:
                    self._add(what, workspace.session.stack, frame)
        self.changed.emit()

    def _add(self, what: str, stack: Stack, frame: AnatomicalFrame) -> None:
        lines = list(_traces(stack, frame) if what == TRACES else _boxes(stack, frame))
        if not lines:
            return
        active = self._viewer.layers.selection.active
        layer = Vectors(
            np.array([line for line, _ in lines]),
            edge_color=[colour for _, colour in lines],
            edge_width=0.8 if what == TRACES else 0.6,
            vector_style="line",
            opacity=0.9 if what == TRACES else 0.8,
            name=what,
            scale=stack.spacing_mm,
            axis_labels=("z", "y", "x"),
            units=("mm", "mm", "mm"),
            metadata={METADATA: {"lines": what}},
        )
        self._viewer.add_layer(layer)
        self._layers[what] = layer
        if active is not None:  # drawing goes on where it was
            self._viewer.layers.selection.active = active

    def _on_removed(self, event: Any) -> None:
        if self._own:
            return
        for what, layer in list(self._layers.items()):
            if event.value is layer:  # by the user: not wanted any more
                del self._layers[what]
                self._wanted.discard(what)
                self.changed.emit()

    @contextmanager
    def _owning(self) -> Iterator[None]:
        self._own = True
        try:
            yield
        finally:
            self._own = False


def _traces(stack: Stack, frame: AnatomicalFrame) -> Iterator[tuple[NDArray[np.float64], str]]:
    """Yield the lines in which planes cut the slices: start and direction ``(2, 3)``, colour."""
    planes = {View.LAX_4CH: frame.four_chamber, View.LAX_2CH: frame.two_chamber}
    planes[View.SAX] = frame.short_axis
    for view, plane in planes.items():
        if view is stack.view:
            continue
        with suppress(InputError):  # parallel to the slices: no line
            for found in traces(plane, stack):
                if found is not None:
                    yield _vector(found.ends_xy, found.z), COLOURS[view]


def _boxes(stack: Stack, frame: AnatomicalFrame) -> Iterator[tuple[NDArray[np.float64], str]]:
    """Yield the sides of the nine boxes on every slice, as `_traces` its lines."""
    if stack.view not in POSITION_NAMES:
        return
    for z in range(stack.slices):
        with suppress(InputError):
            outlines = boxes_on(frame, Plane.of_slice(stack, z), stack.view).outlines_mm()
            for corners_mm, on in zip(outlines, _ON, strict=True):
                corners = stack.voxel_xyz(corners_mm)[:, :2]
                for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                    yield _vector(np.stack([start, end]), z), COLOURS[on]


def _vector(ends_xy: NDArray[np.float64], z: int) -> NDArray[np.float64]:
    start, end = (np.array([z, y, x], dtype=np.float64) for x, y in ends_xy)
    return np.stack([start, end - start])
