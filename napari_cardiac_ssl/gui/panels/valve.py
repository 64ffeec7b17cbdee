"""The mitral valve plane: looked for on request, shown, offered as a bound of the short axis."""

from collections.abc import Callable

import numpy as np
from qtpy.QtWidgets import QLabel, QMenu, QWidget

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.panels.controls import button, menu_of_its_own, row, wrapped
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
    """What valve and apex say of the frame in view, with one button; there once they are known.

    Attributes
    ----------
    menu
        The button of all that can be done with them, for whoever lays the panel out.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._valve = workspace, workspace.session.valve
        self.line = ValveLine(workspace)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAccessibleName("What is known of the mitral valve plane")
        self.bound = button(
            "Leave out others, all frames",
            "Mark slices that are entirely above the valve plane or below the apex as no heart, "
            "in all frames. Slices with your labels are not changed. Ctrl-Z undoes it.",
        )
        self.bound.clicked.connect(self._on_bound)
        self.menu = menu_of_its_own(
            "Valve", "Valve", "The mitral valve plane and the apex: which slices show the LV."
        )
        self.menu.setMenu(self._menu())
        layout = row(self.words, self.bound)
        layout.setStretch(0, 1)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self._workspace.changed.connect(self._show)
        self._workspace.session.signals.valve_changed.connect(self._show)
        self._show()

    def _menu(self) -> QMenu:
        menu, actions = QMenu(self), self._workspace.actions
        menu.setToolTipsVisible(True)
        self.find = menu.addAction("Find", lambda: self._do(self._valve.find))
        self.find.setToolTip(
            wrapped(
                "Look for the mitral valve and the apex on the 4CH and 2CH, in all frames. Takes "
                "some seconds, changes no label. What you have moved by hand stays."
            )
        )
        self.in_frame = menu.addAction(
            "Leave out others, this frame", lambda: actions.bound_by_valve(all_frames=False)
        )
        menu.addSeparator()
        self.remove = menu.addAction("Remove", lambda: self._do(self._valve.remove))
        menu.aboutToShow.connect(self._enable)
        return menu

    def _enable(self) -> None:
        self.find.setEnabled(bool(self._valve.views) and not self._valve.searching)
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
        self.menu.setEnabled(bool(self._valve.views))
        if not self._workspace.is_open:
            self.setVisible(False)
            return
        bounds = self._bounds()
        self.setVisible(self._valve.searching or self._valve.is_known)
        self.bound.setVisible(bool(bounds))
        self.words.setText(self._words(bounds))

    def _words(self, bounds: dict[int, tuple[int, int]]) -> str:
        if self._valve.searching:
            return "Looking for the mitral valve and the apex…"
        if not bounds:
            return "Valve and apex: drag their rings where they are wrong."
        t = self._workspace.view.in_view.t
        (first, last), plane = bounds[t], self._valve.plane(t)
        assumes = plane.assumes if plane is not None else ""
        words = f"According to valve and apex, slices {first} to {last} show the LV in this frame"
        return f"{words} (plane {assumes})." if assumes else f"{words}."
