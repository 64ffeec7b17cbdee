"""How keys of the window (`key_table`) are bound: to the picture and to the dock alike.

Letters that napari gives a meaning of its own on label layers (paint, fill, pick, erase, pan, …)
keep it, and have it while another layer is selected, too; `1` to `5`, `0`, `B`, `M` and the arrows
are ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import napari
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget


@dataclass(frozen=True)
class Key:
    """What one or more keys do.

    Parameters
    ----------
    keys
        As napari writes them: ``Control-Z``.
    words
        What they do, for the list of keys.
    press
        Done when one is pressed.
    release
        Done when it is let go.
    everywhere
        Whether it works in the dock, too, not only on the picture.
    napari_s
        Whether napari does it by itself where a label layer is selected.
    """

    keys: tuple[str, ...]
    words: str
    press: Callable[[], object]
    release: Callable[[], object] | None = None
    everywhere: bool = False
    napari_s: bool = False


class PictureKeys:
    """Keys that work while the picture has the focus, whichever layer is selected, or none.

    Parameters
    ----------
    viewer
        Whose picture.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._ours: Labels | None = None
        self._keys: list[Key] = []
        viewer.layers.events.inserted.connect(self._on_inserted)

    def bind(self, ours: Labels, keys: list[Key]) -> None:
        """Bind keys to the viewer and all layers in it, now and later.

        Parameters
        ----------
        ours
            The label layer that is drawn on: napari's own keys for it are left to napari.
        keys
            What to bind.
        """
        self._unbind()
        self._ours, self._keys = ours, keys
        for one in (self._viewer, *self._viewer.layers):
            self._bind_to(one)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self._unbind()

    def _on_inserted(self, event: Any) -> None:
        self._bind_to(event.value)

    def _bind_to(self, provider: Any) -> None:
        for key in self._keys:
            for name in key.keys if not (key.napari_s and provider is self._ours) else ():
                provider.bind_key(name, _callback(key), overwrite=True)

    def _unbind(self) -> None:
        for one in (self._viewer, *self._viewer.layers):
            for key in self._keys:
                for name in key.keys:
                    one.bind_key(name, None)
        self._keys = []


def bind_dock(dock: QWidget, keys: list[Key]) -> None:
    """Bind the keys that work everywhere to the dock and all in it."""
    for key in keys:
        for name in key.keys if key.everywhere else ():
            sequence = QKeySequence(name.replace("Control", "Ctrl").replace("-", "+"))
            shortcut = QShortcut(sequence, dock)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(key.press)


def _callback(key: Key) -> Callable[[Any], Any]:
    release = key.release
    if release is None:
        return lambda provider: key.press() and None

    def hold(provider: Any) -> Iterator[None]:
        key.press()
        yield
        release()

    return hold
