"""What was opened last, to be opened again by a click, while nothing is open."""

from pathlib import Path

from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from napari_cardiac_ssl.gui.last_opened import LastOpened, shown
from napari_cardiac_ssl.gui.panels.controls import button, column, describe, row
from napari_cardiac_ssl.gui.workspace import Workspace


class LastOpenedPanel(QWidget):
    """What was opened last; out of sight as soon as something is open, or nothing is remembered.

    Parameters
    ----------
    workspace
        The window's.
    last
        The list.
    """

    def __init__(self, workspace: Workspace, last: LastOpened) -> None:
        super().__init__()
        self._workspace, self._last = workspace, last
        self.buttons: list[_Entry] = []
        self.forget = button("Forget these", "Delete this list. Studies and projects stay.")
        self.forget.setFlat(True)
        self.forget.clicked.connect(last.forget)
        head = row(QLabel("Opened last"), self.forget)
        head.setStretch(0, 1)
        self._column = column(self)
        self._column.setSpacing(1)
        self._column.addLayout(head)
        last.changed.connect(self._fill)
        workspace.changed.connect(self._show)
        self._fill()

    def _fill(self) -> None:
        paths = self._last.paths
        if [one.path for one in self.buttons] != list(paths):
            for one in self.buttons:
                one.hide()
                one.deleteLater()
            self.buttons = [_Entry(path, self._last) for path in paths]
            for one in self.buttons:
                self._column.addWidget(one)
        for one in self.buttons:
            one.show_there(not self._last.is_gone(one.path))
        self._show()

    def _show(self) -> None:
        self.setVisible(bool(self.buttons) and not self._workspace.is_open)


class _Entry(QPushButton):
    """A path that is opened by a click."""

    def __init__(self, path: Path, last: LastOpened) -> None:
        super().__init__(shown(path).replace("&", "&&"))
        self.path = path
        self.setAccessibleName(f"Open {path}")
        self.setFlat(True)
        self.setStyleSheet("text-align: left; padding: 2px 6px;")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: last.open(path))

    def show_there(self, there: bool) -> None:
        """Say whether it can be opened."""
        self.setEnabled(there)
        describe(self, str(self.path) if there else f"Not there any more: {self.path}")
