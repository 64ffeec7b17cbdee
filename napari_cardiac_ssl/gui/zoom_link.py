"""The pictures beside the main one at its scale, about the same point in space."""

from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtWidgets import QCheckBox

from napari_cardiac_ssl.geometry.frame import in_one_reference
from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.panels.controls import describe
from napari_cardiac_ssl.gui.panels.slice_picture import SlicePicture
from napari_cardiac_ssl.gui.preferences import prefer, preferences
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import Stack


class ZoomLink:
    """Has pictures zoom with the main picture, and it with them, while it is on.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.

    Attributes
    ----------
    changed
        It was turned on or off.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, overlay: PictureOverlay) -> None:
        self._workspace, self._overlay = workspace, overlay
        self._pictures: list[SlicePicture] = []
        self.is_on = preferences().linked_zoom
        self._events = camera_of(workspace.viewer).events
        self._events.connect(self.follow)
        workspace.changed.connect(self.follow)

    def add(self, picture: SlicePicture) -> None:
        """Link a picture, too."""
        self._pictures.append(picture)
        picture.zoomed.connect(self._on_zoomed)
        picture.stack_shown.connect(self.follow)

    def box(self) -> QCheckBox:
        """Return a box that turns it on and off: one for each panel that has pictures."""
        made = QCheckBox("Same scale")
        made.setAccessibleName("Pictures at the same scale")
        describe(
            made,
            "All pictures have the scale of the main one, mm for mm, and show the same point of "
            "the heart in their middle. The wheel zooms them all.",
        )
        made.setChecked(self.is_on)
        made.toggled.connect(self.turn)
        self.changed.connect(lambda: made.setChecked(self.is_on))
        return made

    def turn(self, on: bool) -> None:
        """Link the pictures, or let each have its own zoom again; it is kept as a preference."""
        if on != self.is_on:
            self.is_on = on
            prefer(linked_zoom=on)
            self.follow()
            self.changed.emit()

    def close(self) -> None:
        """Let go of the viewer."""
        self._events.disconnect(self.follow)
        self.changed.disconnect()

    def follow(self, *_: Any) -> None:
        """Have all pictures look as the main one does; while that shows no slice they stay."""
        workspace = self._workspace
        if not self.is_on:
            for picture in self._pictures:
                picture.link(None)
        elif workspace.is_open and workspace.view.shows_slice:
            main, scale = workspace.session.stack, float(camera_of(workspace.viewer).zoom)
            row, column = self._overlay.middle
            point_mm = main.world_mm(np.array([column, row, workspace.view.in_view.z]))
            for picture in self._pictures:
                there = picture.stack
                is_same = there is not None and _are_of_one_space(main, there)
                picture.link(scale, point_mm if is_same else None)

    def _on_zoomed(self, factor: float) -> None:
        camera_of(self._workspace.viewer).zoom *= factor


def _are_of_one_space(main: Stack, other: Stack) -> bool:
    """Tell whether a point of one stack is the same point in another."""
    known = main.orientation_known and other.orientation_known
    return other is main or (known and in_one_reference(main, other))
