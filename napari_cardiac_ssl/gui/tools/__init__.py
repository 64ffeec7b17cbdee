"""Tools that work with the mouse on the picture: one at a time, each a `Tool`."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QEvent, Qt

from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.workspace import Workspace

_PRESS, _RELEASE, _MOVE, _AGAIN = (
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonDblClick,
)
_LEFT = Qt.MouseButton.LeftButton


@dataclass(frozen=True, eq=False)
class Pointer:
    """Where the mouse is on the slice in view.

    Parameters
    ----------
    at
        Row and column, voxels.
    px_per_mm
        How large the picture is, in pixels of the canvas.
    alt, control, shift
        Whether Alt is held, Ctrl (on a Mac the command key), and Shift.
    """

    at: NDArray[np.float64]
    px_per_mm: float
    alt: bool = False
    control: bool = False
    shift: bool = False


class Tool(Protocol):
    """What the left button and some keys do on the picture, while it is chosen.

    What is answered with True is the tool's; anything else goes on to the picture as ever, but for
    Escape: with nothing under way it leaves the tool.
    """

    def start(self) -> None:
        """Be chosen."""

    def stop(self) -> None:
        """Be put away: what is under way is brought to its end."""

    def on_press(self, pointer: Pointer) -> bool:
        """Take a press of the left button; if so, the moves and the release are the tool's, too."""

    def on_move(self, pointer: Pointer) -> bool:
        """Take a move, with the button held or not."""

    def on_release(self, pointer: Pointer) -> bool:
        """Take the release."""

    def on_double_click(self, pointer: Pointer) -> bool:
        """Take a double click; its first click came as press and release."""

    def on_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Take a key, a `Qt.Key`, and what is held with it."""


class Tools:
    """Which tool is chosen, and what it takes of what happens on the picture.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.

    Attributes
    ----------
    changed
        Another is chosen, or none.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, overlay: PictureOverlay) -> None:
        self._workspace, self._overlay = workspace, overlay
        self._pressed = False
        self.chosen: Tool | None = None

    def choose(self, tool: Tool | None) -> None:
        """Choose a tool, or none."""
        before, self.chosen = self.chosen, tool
        if before is tool:
            return
        self._pressed = False
        if before is not None:
            before.stop()
        if tool is not None:
            tool.start()
        self.changed.emit()

    def close(self) -> None:
        """Put away what is chosen."""
        self.choose(None)
        self.changed.disconnect()

    def take(self, event: Any) -> bool:
        """Give an event of the canvas to the tool that is chosen; tell whether it took it."""
        if self.chosen is not None and self._overlay.is_shown:
            return self._given(self.chosen, event)
        if self._pressed:  # turned to 3-D, say, while the mouse was held
            self.choose(None)
        return False

    def _given(self, tool: Tool, event: Any) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            return tool.on_key(event.key(), event.modifiers()) or self._is_left(event.key())
        if kind == _MOVE and event.buttons() in {Qt.MouseButton.NoButton, _LEFT}:
            return tool.on_move(self._pointer(event)) or self._pressed
        if kind == _RELEASE and event.button() == _LEFT and self._pressed:
            self._pressed = False
            return tool.on_release(self._pointer(event)) or True
        if kind in {_PRESS, _AGAIN} and event.buttons() == event.button() == _LEFT:
            act = tool.on_press if kind == _PRESS else tool.on_double_click
            self._pressed = act(self._pointer(event))
            return self._pressed
        return False

    def _is_left(self, key: int) -> bool:
        """Put the tool away if a key says so; tell whether it did."""
        if key != Qt.Key.Key_Escape:
            return False
        self.choose(None)
        return True

    def _pointer(self, event: Any) -> Pointer:
        held = event.modifiers()
        return Pointer(
            self._overlay.voxel_at(event.position()),
            camera_of(self._workspace.viewer).zoom,
            alt=bool(held & Qt.KeyboardModifier.AltModifier),
            control=bool(held & Qt.KeyboardModifier.ControlModifier),
            shift=bool(held & Qt.KeyboardModifier.ShiftModifier),
        )
