"""The mitral valve plane: looked for on request, shown, offered as a bound of the short axis."""

from collections.abc import Callable

import numpy as np
from qtpy.QtWidgets import QLabel, QMenu, QWidget

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.panels.controls import button, column, menu_button, row
from napari_cardiac_ssl.gui.panels.pane import PaneHandles
from napari_cardiac_ssl.gui.valve_line import VALVE_COLOUR, ValveLine
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.session.valve import POINTS, Valve
from napari_cardiac_ssl.study import Stack


def valve_handles(valve: Valve, stack: Stack, frame: int) -> PaneHandles | None:
    """Return the points of valve and apex on a view's frame; None where they are not known."""
    if valve.views.get(stack.view) is not stack:
        return None
    points = valve.motion(stack.view)[frame]
    if points is None:
        return None
    at_mm = np.array([*points.hinges_mm, points.apex_mm])
    return PaneHandles(POINTS, stack.voxel_xyz(at_mm)[:, :2], ((0, 1),), VALVE_COLOUR)


class ValvePanel(QWidget):
    """A line of words and two buttons: look for the valve, leave out what lies beyond it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._valve = workspace, workspace.session.valve
        self.line = ValveLine(workspace)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAccessibleName("What is known of the mitral valve plane")
        self.find = button(
            "Find valve",
            "Look for the mitral valve and the apex on the 4CH and 2CH, in all frames. Takes some "
            "seconds, changes no label. What you have moved by hand stays.",
        )
        self.bound = button(
            "Leave out beyond",
            "Slices wholly above the valve plane or below the apex show no heart, in any frame: "
            "they become empty and are learned as such. Slices with your labels stay. Ctrl-Z "
            "takes it back.",
        )
        self.more = menu_button("Valve", "What else can be done with valve and apex.", self._menu())
        self.find.clicked.connect(lambda: self._do(self._valve.find))
        self.bound.clicked.connect(self._on_bound)
        layout = column(self)
        layout.addWidget(self.words)
        layout.addLayout(row(self.find, self.bound, self.more))
        self._workspace.changed.connect(self._show)
        self._workspace.session.signals.valve_changed.connect(self._show)
        self._show()

    def _menu(self) -> QMenu:
        menu, actions = QMenu(self), self._workspace.actions
        self.in_frame = menu.addAction(
            "Leave out beyond, in this frame", lambda: actions.bound_by_valve(all_frames=False)
        )
        menu.addSeparator()
        self.remove = menu.addAction("Remove", lambda: self._do(self._valve.remove))
        menu.aboutToShow.connect(self._enable)
        return menu

    def _enable(self) -> None:
        self.in_frame.setEnabled(bool(self._bounds()))
        self.remove.setEnabled(self._valve.is_known)

    def _do(self, verb: Callable[[], None]) -> None:
        with self._workspace.reporting():
            verb()

    def _on_bound(self) -> None:
        self._workspace.actions.bound_by_valve()

    def _bounds(self) -> dict[int, tuple[int, int]]:
        """Return the slices with LV in the frame in view; nothing where that is not known."""
        workspace = self._workspace
        if not workspace.is_open or workspace.session.stack.view is not View.SAX:
            return {}
        return self._valve.extents(workspace.view.in_view.t)

    def _show(self) -> None:
        self.setVisible(bool(self._valve.views))
        if not self._valve.views or not self._workspace.is_open:
            return
        bounds = self._bounds()
        self.find.setEnabled(not self._valve.searching)
        self.bound.setEnabled(bool(bounds))
        self.words.setText(self._words(bounds))

    def _words(self, bounds: dict[int, tuple[int, int]]) -> str:
        if self._valve.searching:
            return "Looking for the mitral valve and the apex…"
        if not self._valve.is_known:
            return "The mitral valve plane tells which slices show the LV."
        if not bounds:
            return "Valve and apex: drag their rings where they are wrong."
        t = self._workspace.view.in_view.t
        (first, last), plane = bounds[t], self._valve.plane(t)
        assumes = plane.assumes if plane is not None else ""
        words = f"By valve and apex, slices {first} to {last} show the LV in this frame"
        return f"{words} (plane {assumes})." if assumes else f"{words}."
