"""A viewer with the widget docked."""

from collections.abc import Sequence

import napari
import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_cardiac_ssl.gui.display import camera_of, image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack


def open_viewer(
    stacks: Sequence[Stack], *, show: bool = True, session: Session | None = None
) -> tuple[napari.Viewer, CardiacWidget]:
    """Open a viewer with the widget docked on the right, working on the first stack.

    Without a session, the window has its own, which keeps what is done on each image.
    """
    viewer = napari.Viewer(title="Cardiac SSL", show=show)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    layers = [viewer.add_layer(Layer.create(*image_layer(stack))) for stack in stacks]
    for layer in layers[1:]:
        layer.visible = False
    if layers:
        widget.desk.open_layer(layers[0])
    return viewer, widget


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
    camera.center = tuple((low + high) / 2)
    camera.zoom *= max(1.0, float((whole / (1.7 * (high - low))).min()))
