"""Where panels of our own stand in napari's window."""

import napari
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

#: Windows at least so wide have room for the views between the picture and the panel.
_WIDE = 1500


def dock_beside(viewer: napari.Viewer, panel: QWidget, beside: QWidget, name: str) -> None:
    """Dock a panel: left of another where the window is wide, else below the picture.

    Does nothing if it is docked. A user who closed it gets it back where it belongs.

    Parameters
    ----------
    viewer
        Whose window.
    panel
        What is docked.
    beside
        A panel that is docked on the right.
    name
        The dock's title.
    """
    if panel.parent() is not None:
        panel.parent().show()
        return
    window = beside.window()
    if not isinstance(window, QMainWindow):  # the other one floats, or is in no window yet
        return
    wide = window.width() >= _WIDE
    viewer.window.add_dock_widget(panel, name=name, area="right" if wide else "bottom")
    dock, holder = panel.parent(), beside.parent()
    if wide:
        if isinstance(holder, QDockWidget):
            window.splitDockWidget(dock, holder, Qt.Orientation.Horizontal)
        window.resizeDocks([dock], [window.width() // 5], Qt.Orientation.Horizontal)
    else:  # below the picture alone: the columns beside it need the height
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        window.resizeDocks([dock], [window.height() * 3 // 10], Qt.Orientation.Vertical)
