"""Which stack of the studies the viewer shows, how it is turned, and where the reader looks.

Of a study, the viewer holds the stack that is worked on and no other: views differ in their planes
and in how many slices they have, and napari's sliders can mean one stack only. The others are shown
beside it (`views`), and going from one to another loses nothing.
"""

import numpy as np
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.orientation import Orientation
from napari_cardiac_ssl.gui.display import METADATA, camera_of, image_layer, turn_picture
from napari_cardiac_ssl.gui.preferences import orientation_of
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import Stack, Study

#: The field that shows a heart and what surrounds it.
_HEART_MM = 190.0


class Studies:
    """The session's studies in a viewer.

    Parameters
    ----------
    workspace
        The window's.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        workspace.session.signals.stack_opened.connect(self._on_opened)
        workspace.changed.connect(self._keep_look)

    def add(self, study: Study, *, work_on: bool = True, stack: Stack | None = None) -> None:
        """Take a study in, and work on one of its stacks: the first by default."""
        added = self.workspace.session.study.add(study)
        if work_on:
            place = study.stacks.index(stack) if stack else None
            self.work_on(first_stack(added) if place is None else added.stacks[place])

    def work_on(self, stack: Stack) -> None:
        """Show a stack in the viewer, to be labelled, in place of the one that is there."""
        workspace, viewer = self.workspace, self.workspace.viewer
        with workspace.reporting():
            if workspace.session.training.busy:
                raise InputError("training is running; finish or cancel it first")
            workspace.view.take_strokes()
            layer = next((one for one in viewer.layers if stack_in(one) is stack), None)
            others = [one for one in viewer.layers if self._is_other(one, stack)]
            if not isinstance(layer, Image):
                study = workspace.session.study.of(stack)
                layer = viewer.add_layer(Layer.create(*image_layer(stack, study)))
            workspace.open_layer(layer)
            for other in others:  # last: Mesa 22 without a graphics card may crash on what is left
                viewer.layers.remove(other)

    def fit(self) -> None:
        """Fill the canvas with the heart, or with all of the picture."""
        if self.workspace.is_open:
            self._look_at_heart(self.workspace.session.stack)

    def clear(self) -> None:
        """Forget all studies and take their layers out of the viewer: a project is gone over to."""
        layers = self.workspace.viewer.layers
        for layer in [one for one in layers if one.metadata.get(METADATA, {}).get("stack")]:
            layers.remove(layer)
        self.workspace.session.study.forget()

    def close(self) -> None:
        """Let go of the session."""
        self.workspace.session.signals.stack_opened.disconnect(self._on_opened)
        self.workspace.changed.disconnect(self._keep_look)

    # -- following the session -------------------------------------------------------------

    def _on_opened(self, stack: Stack) -> None:
        self._turn(orientation_of(stack))
        self._look_at_heart(stack)
        look, image = self.workspace.session.persistence.look(stack), self.workspace.image
        if look is not None:
            self.workspace.view.go_to(look.index)
            if look.contrast is not None and image is not None:
                image.contrast_limits = look.contrast

    def _keep_look(self) -> None:
        """Have the session remember where the reader is, to come back to."""
        image = self.workspace.image
        if image is not None:
            low, high = image.contrast_limits
            session = self.workspace.session
            session.persistence.look_at(
                session.stack, self.workspace.view.in_view, (float(low), float(high))
            )

    def _turn(self, orientation: Orientation) -> None:
        """Have the viewer show the stack as it is usually looked at."""
        viewer = self.workspace.viewer
        *sliders, y, x = range(viewer.dims.ndim)
        order = (*sliders, x, y) if orientation.transposed else (*sliders, y, x)
        rows, columns = orientation.flipped
        if viewer.dims.order != order:
            viewer.dims.order = order
        if not turn_picture(viewer, down=not rows, right=not columns):
            self.workspace.fail(
                InputError(
                    "This version of napari misplaces the mouse in flipped pictures: this one is "
                    "shown as it is stored, not the way round that radiologists look at it"
                )
            )

    def _look_at_heart(self, stack: Stack) -> None:
        """Fill the canvas with the heart and what surrounds it, if we know where it is."""
        viewer, at = self.workspace.viewer, self._heart_of(stack)
        viewer.reset_view()
        if at is not None:
            size = np.array(stack.image.shape[2:]) * stack.spacing_mm[1:]
            turned = at[::-1] if viewer.dims.order[-1] < viewer.dims.order[-2] else at
            camera = camera_of(viewer)
            camera.center = tuple(turned)
            camera.zoom *= max(1.0, float(size.min() / _HEART_MM))

    def _heart_of(self, stack: Stack) -> NDArray[np.float64] | None:
        """Return the heart's middle, down and right in mm: as the views tell, or the labels."""
        frame, spacing_mm = self.workspace.session.anatomy.frame, np.array(stack.spacing_mm[1:])
        if frame is not None:
            at = stack.voxel_xyz(frame.centre_mm)[1::-1] * spacing_mm
            if (at > 0).all() and (at < np.array(stack.image.shape[2:]) * spacing_mm).all():
                return np.asarray(at)
        marked = np.argwhere(self.workspace.session.annotations.labels.any(axis=(0, 1)))
        # The median: what is labelled far away by mistake does not move it.
        return np.median(marked, axis=0) * spacing_mm if len(marked) else None

    def _is_other(self, layer: Layer, stack: Stack) -> bool:
        """Tell whether a layer shows, or labels, another stack of ours."""
        ours = layer.metadata.get(METADATA, {})
        if not isinstance(layer, Image | Labels) or ours.get("stack") in {None, stack}:
            return False
        return isinstance(layer, Image) or ours.get("session") is self.workspace.session


def first_stack(study: Study) -> Stack:
    """Return the stack of a study that is worked on first: the short axis, if there is one."""
    sax = [stack for stack in study.stacks if stack.view is View.SAX]
    return (sax or list(study.stacks))[0]


def stack_in(layer: Layer) -> Stack | None:
    """Return the stack that an image layer of ours shows."""
    if not isinstance(layer, Image):
        return None
    found: Stack | None = layer.metadata.get(METADATA, {}).get("stack")
    return found
