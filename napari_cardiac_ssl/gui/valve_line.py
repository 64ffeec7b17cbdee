"""The line in which the mitral valve plane cuts a slice, drawn on it: another in each frame."""

from typing import Any

import numpy as np
from napari.layers import Vectors
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.display import METADATA, in_space
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.session.valve import Valve
from napari_cardiac_ssl.study import Stack

VALVE_LINE = "Valve plane"
#: None of the structures' colours nor of the view planes'; told apart by colour-blind people too.
VALVE_COLOUR = "#7FE9FF"


class ValveLine:
    """A layer of the valve plane's lines, there as long as they are known on the open short axis.

    Parameters
    ----------
    workspace
        The window's.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._viewer = workspace, workspace.viewer
        self._layer: Vectors | None = None
        # Not in the turn in which a search ends: to add a layer takes napari long.
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._renew)
        workspace.session.signals.valve_changed.connect(self._on_changed)

    def _on_changed(self) -> None:
        if self._layer is None:
            self._soon.start()
        else:  # what holds no more is not to be seen for a moment longer
            self._renew()

    def _renew(self) -> None:
        workspace, layers = self._workspace, self._viewer.layers
        if workspace.is_closed:
            return
        lines = np.empty((0, 2, 4))
        if workspace.is_open and workspace.session.stack.view is View.SAX:
            lines = _lines(workspace.session.valve, workspace.session.stack)
        if self._layer is not None and self._layer in layers:
            if len(lines):
                self._layer.data = lines
                return
            layers.remove(self._layer)
        self._layer = None
        if not len(lines):
            return
        active = layers.selection.active
        self._layer = self._made(lines, workspace.session.stack)
        self._viewer.add_layer(self._layer)
        if active is not None:  # drawing goes on where it was
            layers.selection.active = active

    @staticmethod
    def _made(lines: NDArray[np.float64], stack: Stack) -> Vectors:
        space: dict[str, Any] = in_space(stack)
        return Vectors(
            lines,
            edge_color=VALVE_COLOUR,
            edge_width=1.2,
            vector_style="line",
            name=VALVE_LINE,
            metadata={METADATA: {"lines": VALVE_LINE}},
            **space,
        )


def _lines(valve: Valve, stack: Stack) -> NDArray[np.float64]:
    """Return start and direction ``(t, z, y, x)`` of each line, shape ``(n, 2, 4)``."""
    found = []
    for t in range(stack.frames):
        plane = valve.plane(t)
        for z, ends_mm in plane.rings_on(stack).items() if plane is not None else ():
            ends = stack.voxel_xyz(ends_mm)[:, 1::-1]
            found.append([[t, z, *ends[0]], [0, 0, *(ends[1] - ends[0])]])
    return np.array(found) if found else np.empty((0, 2, 4))
