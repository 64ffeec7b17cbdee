"""A viewer with the widget docked."""

from collections.abc import Sequence
from functools import partial

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.docks import make_room
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack, Study

#: Of a window of ours.
TITLE = "Cardiac SSL"


def open_viewer(
    studies: Sequence[Study | Stack], *, show: bool = True, session: Session | None = None
) -> tuple[napari.Viewer, CardiacWidget]:
    """Open a viewer with the widget docked on the right, working on the first study.

    Without a session, the window has its own, which keeps what is done on each image.
    """
    viewer = napari.Viewer(title=TITLE, show=show)
    widget = docked_widget(viewer, session)
    widget.workspace.changed.connect(partial(_name_study, viewer, widget.session))
    if show:
        make_room(widget)
    for number, study in enumerate(studies):
        one = study if isinstance(study, Study) else Study(study.name, (study,))
        widget.studies.add(one, work_on=number == 0)
    if not studies:
        widget.opening.open_last()
    return viewer, widget


def _name_study(viewer: napari.Viewer, session: Session) -> None:
    """Have the window say whose heart it shows."""
    study = session.study.current if session.study.is_open else None
    title = TITLE if study is None else f"{study.name} · {TITLE}"
    if viewer.title != title:
        viewer.title = title


def find_widget(viewer: napari.Viewer) -> CardiacWidget | None:
    """Return the widget of a viewer, docked or closed by its user, if there is one."""
    docked = [one for one in viewer.window.dock_widgets.values() if isinstance(one, CardiacWidget)]
    mine = (one for one in QApplication.allWidgets() if _belongs_to(one, viewer))
    return docked[0] if docked else next(mine, None)


def docked_widget(viewer: napari.Viewer, session: Session | None = None) -> CardiacWidget:
    """Return the widget of a viewer; docked now, if it was not."""
    widget = find_widget(viewer) or CardiacWidget(viewer, session)
    dock = widget.parent()
    if isinstance(dock, QDockWidget):
        dock.show()
    else:
        viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    return widget


def widget_to_dock(napari_viewer: napari.Viewer | None = None) -> CardiacWidget:
    """Return the widget for napari to dock: of a viewer that has one already, the very same.

    Parameters
    ----------
    napari_viewer
        The current one by default.

    Raises
    ------
    InputError
        If there is no viewer.
    """
    viewer = napari_viewer or napari.current_viewer()
    if viewer is None:
        raise InputError("no viewer is open; start napari first")
    widget = find_widget(viewer)
    if widget is None:
        return CardiacWidget(viewer)
    if isinstance(widget.parent(), QDockWidget):
        viewer.window.remove_dock_widget(widget)
    return widget


def _belongs_to(widget: QWidget, viewer: napari.Viewer) -> bool:
    if not isinstance(widget, CardiacWidget) or widget.workspace.is_closed:
        return False
    itself, its = (getattr(one, "__wrapped__", one) for one in (viewer, widget.viewer))
    return itself is its


def zoom_to(viewer: napari.Viewer, heart: NDArray[np.uint8], stack: Stack) -> None:
    """Fill the canvas with the heart and what surrounds it.

    Parameters
    ----------
    viewer
        Showing the stack.
    heart
        Labels ``(t, z, y, x)``; anything but 0 is heart.
    stack
        The stack.
    """
    marked = np.argwhere(heart.any(axis=(0, 1)))
    if not len(marked):
        return
    spacing = np.array(stack.spacing_mm[1:])
    low, high = marked.min(axis=0) * spacing, (marked.max(axis=0) + 1) * spacing
    whole = np.array(stack.image.shape[2:]) * spacing
    viewer.reset_view()
    camera = camera_of(viewer)
    turned = viewer.dims.order[-1] < viewer.dims.order[-2]
    camera.center = tuple((low + high) / 2)[:: -1 if turned else 1]
    camera.zoom *= max(1.0, float((whole / (1.7 * (high - low))).min()))
