"""Where panels of our own stand in napari's window, and how large that is at first."""

from collections.abc import Callable
from typing import Any
from weakref import ref

import napari
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

#: Windows at least so wide have room for the views between the picture and the panel,
_WIDE = 1500
#: and for napari's own panels besides.
_WIDEST = 2400
#: Least width of a column of pictures.
_COLUMN = 300
#: A window that fills less of the screen, or is smaller than this, was not made large by its user.
_LITTLE, _SMALL = 0.7, QSize(1200, 760)
#: A panel that asks for less height has no picture in it.
_NO_PICTURE = 150
#: napari's own panels.
_NAPARI_S = ("layer list", "layer controls")

_RIGHT, _BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


def make_room(panel: QWidget) -> None:
    """Give the picture most of the window that a panel is docked in.

    The window fills the screen if it is small, and where that is not wide napari's own panels are
    tabs behind ours.
    """
    window, dock = panel.window(), panel.parent()
    screen = window.screen()
    if screen is None or not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget):
        return
    room = screen.availableGeometry()
    enough = (room.size() * _LITTLE).expandedTo(_SMALL).boundedTo(room.size())
    fits = window.size().expandedTo(enough).boundedTo(room.size()) == window.size()
    if not fits:
        window.setGeometry(room)
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)
    if room.width() < _WIDEST:
        _tabify(window, dock)


def dock_beside(
    viewer: napari.Viewer,
    panel: QWidget,
    beside: QWidget,
    name: str,
    under: QWidget | None = None,
    *,
    wide_from: int = _WIDE,
) -> None:
    """Dock a panel: left of another where the window is wide, else below the picture.

    It changes its place with the window's width, unless its user has moved it. Does nothing if it
    is docked. A user who closed it gets it back where it belongs.

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
    under
        Another panel that may stand left of it: where the window is wide, then below that one.
    wide_from
        How wide the window has to be, in pixels: for one picture there is room in any.
    """
    if panel.parent() is not None:
        panel.parent().show()
        return
    window = beside.window()
    if not isinstance(window, QMainWindow):  # the other one floats, or is in no window yet
        return
    wide = window.width() >= wide_from
    viewer.window.add_dock_widget(panel, name=name, area="right" if wide else "bottom")
    dock, holder = panel.parent(), beside.parent()
    _keep_to_the_middle(window)
    if isinstance(holder, QDockWidget):
        _Placed(dock, beside, under, wide_from).place(wide=wide)


def dock_below(
    viewer: napari.Viewer, panel: QWidget, name: str, height_at: Callable[[int], int]
) -> None:
    """Dock a panel below the picture, or bring it to the front where its user has it.

    Parameters
    ----------
    viewer, panel, name
        As in `dock_beside`.
    height_at
        How high the dock should be at a width; the picture keeps half of the window.
    """
    if isinstance(panel.parent(), QDockWidget):
        panel.parent().show()
        panel.parent().raise_()
        return
    viewer.window.add_dock_widget(panel, name=name, area="bottom")
    dock, window = panel.parent(), panel.window()
    _keep_to_the_middle(window)
    _tabify_below(window, dock)

    def place() -> None:  # once Qt has laid it out
        if panel.parent() is dock:
            dock.raise_()
            height = min(height_at(dock.width()), window.height() // 2)
            window.resizeDocks([dock], [height], Qt.Orientation.Vertical)

    QTimer.singleShot(0, place)


def _keep_to_the_middle(window: QMainWindow) -> None:
    """Have docks at the bottom lie below the picture alone: columns beside it need the height."""
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)


def _tabify_below(window: QMainWindow, dock: QDockWidget) -> None:
    """Put a dock before what is below the picture already: beside it there would be no room."""
    for other in window.findChildren(QDockWidget):
        is_there = other.isVisible() and window.dockWidgetArea(other) == _BOTTOM
        if is_there and other is not dock and not other.isFloating():
            window.tabifyDockWidget(other, dock)
            break


def _tabify(window: QMainWindow, dock: QDockWidget, only: Qt.DockWidgetArea | None = None) -> None:
    """Put napari's own panels behind a dock; only those in one area, if it is given."""
    for other in window.findChildren(QDockWidget):
        if other.objectName() in _NAPARI_S and only in {None, window.dockWidgetArea(other)}:
            window.tabifyDockWidget(dock, other)
    QTimer.singleShot(0, dock.raise_)  # Qt has to lay the tabs out first


class _Placed(QObject):
    """Keeps a dock where it belongs while its window changes its width.

    It holds nothing of napari's: its viewers are only gone when nobody does.
    """

    def __init__(
        self, dock: QDockWidget, beside: QWidget, under: QWidget | None, wide_from: int
    ) -> None:
        super().__init__(dock)
        self._wide_from = wide_from
        self._beside = ref(beside)
        self._under = None if under is None else ref(under)
        self._area = _BOTTOM
        beside.window().installEventFilter(self)

    def place(self, *, wide: bool) -> None:
        """Put it beside the other where that is wide, else below the picture."""
        dock, beside = self.parent(), self._beside()
        holder = beside.parent() if beside is not None else None
        if not isinstance(holder, QDockWidget):
            return
        window = holder.parent()
        self._area = _RIGHT if wide else _BOTTOM
        if window.dockWidgetArea(dock) != self._area:
            window.addDockWidget(self._area, dock)
        other = self._other(window)
        if wide and other is not None:
            window.splitDockWidget(other, dock, Qt.Orientation.Vertical)
            thirds = [2 * window.height() // 3, window.height() // 3]
            window.resizeDocks([other, dock], thirds, Qt.Orientation.Vertical)
        elif wide:
            window.splitDockWidget(dock, holder, Qt.Orientation.Horizontal)
            _tabify(window, holder, only=_RIGHT)  # what was behind it stayed
            self._make_narrow()
            if window.width() < _WIDE:  # where Qt gives a new column the least that it can do with
                QTimer.singleShot(0, self._make_narrow)
        else:
            if other is None:
                _tabify_below(window, dock)
                QTimer.singleShot(0, dock.raise_)
            QTimer.singleShot(0, self._make_low)  # once its views lie side by side

    def _other(self, window: QMainWindow) -> QDockWidget | None:
        """Return the dock that shares this one's place, if it is there."""
        under = self._under() if self._under else None
        dock = under.parent() if under is not None else None
        if not isinstance(dock, QDockWidget) or not dock.isVisibleTo(window):
            return None
        return dock if window.dockWidgetArea(dock) == self._area and not dock.isFloating() else None

    def _make_narrow(self) -> None:
        dock = self.parent()
        window = dock.parent()
        if self._area == _RIGHT and isinstance(window, QMainWindow):
            width = max(_COLUMN, window.width() // 5)
            window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)

    def _make_low(self) -> None:
        dock = self.parent()
        window = dock.parent()
        if self._area == _BOTTOM and isinstance(window, QMainWindow):
            height, needed = window.height() * 3 // 10, dock.sizeHint().height()
            height = needed if needed < _NO_PICTURE else height
            window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
            if other := self._other(window):
                window.resizeDocks([other, dock], [1, 1], Qt.Orientation.Horizontal)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt tells of anything that happens to the window."""
        if event.type() == QEvent.Type.Close:
            watched.removeEventFilter(self)
        elif event.type() == QEvent.Type.Resize:
            wide = event.size().width() >= self._wide_from
            is_ours = watched.dockWidgetArea(self.parent()) == self._area
            if is_ours and not self.parent().isFloating() and wide != (self._area == _RIGHT):
                self.place(wide=wide)
        return False
