"""The polygon that is drawn with napari's tool: whether one is open, and how to close it.

napari keeps it to itself until it is closed. What it does with clicks is public: the callbacks of
the layer. So clicks are counted as they come in, and closing it is a double click.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.settings import get_settings

_LEFT, _RIGHT = 1, 2


class OpenPolygon:
    """Follows the clicks that napari's polygon is made of."""

    def __init__(self) -> None:
        self._first: SimpleNamespace | None = None
        self._corners = 0

    def __bool__(self) -> bool:
        """Whether there is one."""
        return self._first is not None

    def on_press(self, event: Any) -> None:
        """Take a press of the mouse on the layer in, while the tool is chosen."""
        if event.button == _LEFT:
            self._corners += 1
            if self._first is None:
                self._first = SimpleNamespace(
                    type="mouse_double_click",
                    pos=np.array(event.pos),
                    position=tuple(event.position),
                    view_direction=event.view_direction,
                    dims_displayed=list(event.dims_displayed),
                    button=_LEFT,
                    modifiers=(),
                    handled=False,
                )
        elif event.button == _RIGHT:
            self._corners -= 1
            if self._corners < 1:
                self.forget()

    def forget(self) -> None:
        """Know that there is none any more."""
        self._first, self._corners = None, 0

    def close(self, layer: Labels) -> None:
        """Have napari close and paint it, as far as it goes."""
        first = self._first
        self.forget()
        if first is None:
            return
        mode = str(layer.mode)
        if mode != "polygon":  # napari heeds no click otherwise
            layer.mode = "polygon"
        if get_settings().experimental.completion_radius > 0:
            # Then a double click takes the corner away that its own first press has made.
            for callback in layer.mouse_drag_callbacks:
                callback(layer, first)
        for callback in layer.mouse_double_click_callbacks:
            callback(layer, first)
        if mode != "polygon":
            layer.mode = mode
