"""The keys of the window, in one table: bound to the picture and to the dock alike.

Letters that napari gives a meaning of its own on label layers (paint, fill, pick, erase, zoom, …)
keep it; `1` to `5`, `0`, `B`, `M` and the arrows are ours there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
    """

    keys: tuple[str, ...]
    words: str
    press: Callable[[], object]
    release: Callable[[], object] | None = None
    everywhere: bool = False


def bind(layer: Labels, keys: list[Key]) -> None:
    """Bind keys to a label layer: they work while it is selected and the picture has the focus."""
    for key in keys:
        for name in key.keys:
            layer.bind_key(name, _callback(key), overwrite=True)


def bind_dock(dock: QWidget, keys: list[Key]) -> None:
    """Bind the keys that work everywhere to the dock and all in it."""
    for key in keys:
        for name in key.keys if key.everywhere else ():
            sequence = QKeySequence(name.replace("Control", "Ctrl").replace("-", "+"))
            shortcut = QShortcut(sequence, dock)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(key.press)


def _callback(key: Key) -> Callable[[Labels], Any]:
    release = key.release
    if release is None:
        return lambda layer: key.press() and None

    def hold(layer: Labels) -> Iterator[None]:
        key.press()
        yield
        release()

    return hold
