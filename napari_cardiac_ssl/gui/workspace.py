"""What the panels of one window share: the viewer, the session, the labels, what is said.

Panels show, and ask; what can be asked for stands in `actions`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui import garbage
from napari_cardiac_ssl.gui.actions import Actions
from napari_cardiac_ssl.gui.display import METADATA, hide_brush_box, is_derived, stack_of
from napari_cardiac_ssl.gui.label_layer import LabelLayerController
from napari_cardiac_ssl.gui.schemes import scheme_told
from napari_cardiac_ssl.session import JobStatus, Session
from napari_cardiac_ssl.study import SliceIndex, Stack, Study

#: How long predictions may be taken over at a time: short enough that nobody feels it.
ADOPT_S = 0.01


class Workspace:
    """One window's work: what its panels look at. What they ask for stands in `actions`.

    Parameters
    ----------
    viewer
        The viewer that the window belongs to.
    session
        Whose state it shows.

    Attributes
    ----------
    changed
        Something that panels show is not as it was: the slice in view, states, the job, layers.
    layer_shown
        ``(Labels)``: the labels of another stack are ready to be drawn on.
    layers_changed
        ``(Layer, bool)``: a layer came into the viewer (True) or went.
    said
        ``(str)``: what happened last, for the user.
    unsaid
        ``(str)``: what was said, and does not hold any more.
    """

    changed = Signal()
    layer_shown = Signal(Labels)
    layers_changed = Signal(Layer, bool)
    said = Signal(str)
    unsaid = Signal(str)

    def __init__(self, viewer: napari.Viewer, session: Session) -> None:
        hide_brush_box(viewer)
        self.viewer = viewer
        self.session = session
        self.view = LabelLayerController(viewer, session, self.fail)
        #: What its panels ask for.
        self.actions = Actions(self)
        #: Whether a slice that was drawn on is confirmed when it is left.
        self.confirm_on_leaving = False
        self._in_view: SliceIndex | None = None
        self._stale = False
        self._closed = False
        session.signals.stack_opened.connect(self._on_stack_opened)
        session.signals.slices_changed.connect(self._on_slices_changed)
        session.signals.labels_refreshed.connect(self._on_slices_changed)
        session.signals.job_changed.connect(self._on_job_changed)
        session.signals.job_ended.connect(self.say)
        session.signals.model_adopted.connect(self._on_model)
        session.signals.said.connect(self.say)
        session.signals.trouble.connect(self.say)
        viewer.dims.events.current_step.connect(self._on_moved)
        viewer.dims.events.ndisplay.connect(self._on_turned)
        viewer.dims.events.order.connect(self._on_turned)
        viewer.layers.events.inserted.connect(self._on_layers)
        viewer.layers.events.removed.connect(self._on_layers)

    # -- what is there ---------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is a stack to work on, and the window is not closed."""
        return self.session.study.is_open and not self._closed

    @property
    def is_closed(self) -> bool:
        """Whether the window is closed: timers may still come late."""
        return self._closed

    @property
    def can_save(self) -> bool:
        """Whether there is something that a project could keep."""
        return self.is_open or bool(self.session.persistence.stacks)

    @property
    def image(self) -> Image | None:
        """The image layer of the session's stack, if it is in the viewer."""
        stack = self.session.stack if self.is_open else None
        for layer in self.viewer.layers if stack else ():
            if isinstance(layer, Image) and layer.metadata.get(METADATA, {}).get("stack") is stack:
                return layer
        return None

    @property
    def shown_image(self) -> Image | None:
        """The image that the mouse sets the window of: the session's, else the uppermost."""
        images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        return self.image or next((one for one in reversed(images) if not is_derived(one)), None)

    @property
    def hint(self) -> str:
        """What to do first on the open stack; nothing once something is labelled."""
        session = self.session
        if session.annotations.labels.any():
            return ""
        where = "slices" if session.stack.slices > 1 else "frames"
        draw = f"raw the heart on two or three {where}; then press Train."
        guess = session.model is not None or session.models.has_shipped_weights
        return f"Press Predict for a first guess, or d{draw}" if guess else f"D{draw}"

    # -- opening ---------------------------------------------------------------------------

    def open_layer(self, layer: Image) -> None:
        """Work on an image layer."""
        if self._closed:
            return
        with self.reporting():
            if self.session.training.busy:
                raise InputError("training is running; finish or cancel it first")
            stack = stack_of(layer)
            self.view.take_strokes()
            if not self.session.study.knows(stack):
                beside = layer.metadata[METADATA].get("study")
                self.session.study.add(beside or Study(stack.name, (stack,)))
            self.session.open(stack)
        self.changed.emit()

    def show_labels(self) -> None:
        """Show the label layer again after somebody removed it."""
        with self.reporting():
            self._on_stack_opened(self.session.stack)

    def labels_of(
        self, layer: Labels, scheme: LabelScheme | None = None
    ) -> tuple[NDArray[np.uint8], str]:
        """Return a layer's labels in our integers, and how they were understood.

        Parameters
        ----------
        layer
            Made by us or not.
        scheme
            In which its integers are; by default as it was read, or as the anatomy tells.

        Raises
        ------
        InputError
            If they do not fit the open image, or their scheme cannot be told.
        """
        shape = self.session.stack.image.shape
        labels = np.asarray(layer.data)
        labels = labels.reshape((1,) * (4 - labels.ndim) + labels.shape)
        if labels.shape != shape:
            raise InputError(
                f"layer {layer.name}: labels of shape {labels.shape} do not fit the image "
                f"{shape} (t, z, y, x); choose labels made on this image"
            )
        ours = layer.metadata.get(METADATA)
        if ours is not None:  # ours are in our integers, whatever their file's
            if scheme is None:
                return labels.astype(np.uint8), "as it was read"
            labels = UKBB.convert(labels, ours.get("scheme", UKBB))
        if scheme is not None:
            return scheme.convert(labels, UKBB), f"scheme {scheme.name}, as you chose"
        scheme = scheme_told(labels, layer.name)
        return scheme.convert(labels, UKBB), f"scheme {scheme.name}, told from the anatomy"

    # -- telling ---------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Say what happened last."""
        self.said.emit(_sentence(text))

    def unsay(self, text: str) -> None:
        """Take back what was said, if nothing was said since."""
        self.unsaid.emit(_sentence(text))

    def fail(self, error: InputError) -> None:
        """Say what could not be done."""
        self.say(str(error))
        show_warning(str(error))

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Tell the user of what cannot be done; nothing is lost by it."""
        try:
            yield
        except InputError as error:
            self.fail(error)

    # -- living ----------------------------------------------------------------------------

    def tick(self) -> None:
        """Take strokes and messages in. Called many times a second."""
        if self._closed:
            return
        self.view.take_ended_strokes()
        self.session.process_messages(adopt_s=0.0 if self.view.drawing else ADOPT_S)
        if self._stale:
            self._show()

    def close(self) -> None:
        """End the trainer process and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        self.view.close()
        self.viewer.dims.events.current_step.disconnect(self._on_moved)
        self.viewer.dims.events.ndisplay.disconnect(self._on_turned)
        self.viewer.dims.events.order.disconnect(self._on_turned)
        self.viewer.layers.events.inserted.disconnect(self._on_layers)
        self.viewer.layers.events.removed.disconnect(self._on_layers)
        self.session.signals.disconnect()
        for signal in (
            self.changed,
            self.layer_shown,
            self.layers_changed,
            self.said,
            self.unsaid,
        ):
            signal.disconnect()
        self.session.close()
        garbage.take_back()

    def _on_stack_opened(self, stack: Stack) -> None:
        self._in_view = None
        for layer in self.viewer.layers:  # whose view was corrected: the project knows better
            ours = layer.metadata.get(METADATA, {})
            is_mine = isinstance(layer, Image) or ours.get("session") is self.session
            shown = ours.get("stack") if is_mine else None
            if shown is not None and shown is not stack and shown.digest == stack.digest:
                layer.metadata[METADATA] = {**ours, "stack": stack}
        self.layer_shown.emit(self.view.show())
        if not self.session.annotations.slices(*SliceState):  # ED as a rule, and a heart
            self.view.go_to(SliceIndex(0, stack.slices // 2))
        self.changed.emit()
        self.say(
            self.session.persistence.not_kept
            or self.hint
            or f"{stack.name} is open, as it was left"
        )
        self.session.training.warm_up()
        QTimer.singleShot(0, self._set_aside)  # once layers of the study before are gone

    def _set_aside(self) -> None:
        if not self._closed:
            garbage.set_aside()

    def _on_slices_changed(self, slices: tuple[SliceIndex, ...]) -> None:
        # A refresh comes in many portions: what is not in view is shown once.
        self._stale = True
        if self.view.in_view in slices:
            self._show()

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.progress is None or status.phase != "training":
            self._show()

    def _on_model(self, model: object) -> None:
        self._show()

    def _on_moved(self, event: Any) -> None:
        if not self.is_open:
            return
        self.view.take_strokes()  # on the slice that is left
        left, self._in_view = self._in_view, self.view.in_view
        if left is not None and left != self._in_view and self.confirm_on_leaving:
            self._confirm_if_drawn(left)
        self._show()

    def _on_turned(self, event: Any) -> None:
        self._show()

    def _confirm_if_drawn(self, index: SliceIndex) -> None:
        if self.view.shows_slice and self.session.annotations.state(index) is SliceState.EDITING:
            self.actions.confirm(index)

    def _on_layers(self, event: Any) -> None:
        self.layers_changed.emit(event.value, event.type == "inserted")
        self._show()

    def _show(self) -> None:
        self._stale = False
        self.changed.emit()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
