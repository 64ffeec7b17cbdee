"""Studies dropped on the window go straight to the widget, without a question which reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class Drops(QObject):
    """Takes what is ours out of what is dropped on a window.

    napari asks which reader to use when it knows several, and of folders it always knows its own.

    Parameters
    ----------
    is_ours
        Tells whether a path is to be taken.
    open_paths
        Called with the paths, if all are.
    parent
        Whose window it is.
    """

    def __init__(
        self,
        is_ours: Callable[[Path], bool],
        open_paths: Callable[..., None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._is_ours, self._open = is_ours, open_paths
        self._parent = parent

    def watch(self) -> None:
        """Watch the parent and what takes drops in its window. May be called again."""
        window = self._parent.window()
        for one in [self._parent, *window.findChildren(QWidget)]:
            if one.acceptDrops():
                one.installEventFilter(self)  # a second time it changes nothing

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt asks first whether this is ours."""
        if event.type() not in {QEvent.Type.Drop, QEvent.Type.DragEnter}:
            return False
        urls = event.mimeData().urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if not paths or len(paths) < len(urls) or not all(map(self._is_ours, paths)):
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self._open(*paths)
        return True
