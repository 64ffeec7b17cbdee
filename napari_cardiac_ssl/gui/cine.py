"""Playing the cine: one heartbeat a second."""

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cardiac_ssl.gui.workspace import Workspace

#: The eye does not need more pictures a second, and the machine may not have them.
_MOST_A_SECOND = 25


class Cine(QObject):
    """Goes through the frames of the slice in view, round and round, while it plays."""

    played = Signal(bool)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)

    @property
    def plays(self) -> bool:
        """Whether it plays."""
        return bool(self._timer.isActive())

    def toggle(self) -> None:
        """Play, or stop."""
        if self.plays:
            self._timer.stop()
        elif self._workspace.is_open and self._workspace.session.stack.frames > 1:
            self._timer.start(1000 // min(self._workspace.session.stack.frames, _MOST_A_SECOND))
        self.played.emit(self.plays)

    def _step(self) -> None:
        if not self._workspace.is_open:
            self.toggle()
        elif not self._workspace.view.drawing:  # nobody draws on a moving picture
            self._workspace.actions.go(frames=1)
