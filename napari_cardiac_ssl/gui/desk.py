"""What the panels of one window share: the viewer, the session, the labels, and what can be asked.

Panels show, and ask. Whatever is asked goes through here, so that a button, a key and a menu do the
same: hand the strokes to the session, call its verb, say what happened. No rules here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import napari
import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme, detect_scheme
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, stack_of
from napari_cardiac_ssl.gui.layers import LabelView
from napari_cardiac_ssl.session import JobStatus, Session, Start
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How long predictions may be taken over at a time: short enough that nobody feels it.
ADOPT_S = 0.01

_HINT_DRAW = (
    "Press Predict for a first guess to correct, or draw the LV cavity, myocardium and RV cavity "
    "on two or three slices (base, middle, apex); then press Train."
)


class Desk:
    """One window's work: what its panels look at and what they ask for.

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
    """

    changed = Signal()
    layer_shown = Signal(Labels)
    layers_changed = Signal(Layer, bool)
    said = Signal(str)

    def __init__(self, viewer: napari.Viewer, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self.view = LabelView(viewer, session, self.fail)
        #: Whether a slice that was drawn on is confirmed when it is left.
        self.confirm_on_leaving = False
        self._in_view: SliceIndex | None = None
        self._last_changed: list[SliceIndex] = []
        self._stale = False
        self._closed = False
        session.stack_opened.connect(self._on_stack_opened)
        session.slices_changed.connect(self._on_slices_changed)
        session.labels_refreshed.connect(self._on_slices_changed)
        session.job_changed.connect(self._on_job_changed)
        session.job_ended.connect(self.say)
        session.said.connect(self.say)
        session.trouble.connect(self.say)
        viewer.dims.events.current_step.connect(self._on_moved)
        viewer.layers.events.inserted.connect(self._on_layers)
        viewer.layers.events.removed.connect(self._on_layers)

    # -- what is there ---------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is a stack to work on."""
        try:
            return bool(self.session.stack)
        except InputError:
            return False

    @property
    def image(self) -> Image | None:
        """The image layer of the session's stack, if it is in the viewer."""
        stack = self.session.stack if self.is_open else None
        for layer in self.viewer.layers if stack else ():
            if isinstance(layer, Image) and layer.metadata.get(METADATA, {}).get("stack") is stack:
                return layer
        return None

    # -- opening ---------------------------------------------------------------------------

    def open_layer(self, layer: Image) -> None:
        """Work on an image layer."""
        if self._closed:
            return
        with self.reporting():
            if self.session.busy:
                raise InputError("training is running; finish or cancel it first")
            stack = stack_of(layer)
            self.view.take_strokes()
            self.session.open(stack)
        self.changed.emit()

    def show_labels(self) -> None:
        """Show the label layer again after somebody removed it."""
        with self.reporting():
            self._on_stack_opened(self.session.stack)

    def use(self, layer: Labels) -> None:
        """Go on from the labels of another layer, on slices that no expert has touched."""
        with self._changing(()):
            labels, scheme = self._labels_of(layer)
            slices = self.session.take_over(labels)
            self.say(
                f"took {len(slices)} labelled slices over from {layer.name} (scheme {scheme}); "
                "confirm those that are right"
            )

    # -- slices: that in view, where none is named -----------------------------------------

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from."""
        with self._changing(slices) as chosen:
            self.session.confirm(*chosen)
            self.say("confirmed: the model learns from it and never changes it")

    def accept(self, *slices: SliceIndex) -> None:
        """Confirm predictions as they are; slices that are none stay."""
        with self._changing(slices) as chosen:
            before = len(self.session.annotations.slices(SliceState.EXPERT))
            self.session.accept(*chosen)
            number = len(self.session.annotations.slices(SliceState.EXPERT)) - before
            self.say(f"{number} prediction{'' if number == 1 else 's'} accepted as right")

    def retract(self, *slices: SliceIndex) -> None:
        """Take confirmations back."""
        with self._changing(slices) as chosen:
            self.session.retract(*chosen)
            self.say("confirmation taken back: no example any more, still protected")

    def revert(self, *slices: SliceIndex) -> None:
        """Give slices back to the model."""
        with self._changing(slices) as chosen:
            self.session.revert(*chosen)
            self.say("given back: the next prediction fills it (Ctrl-Z brings it back)")

    def exclude(self, *slices: SliceIndex) -> None:
        """Keep slices out of everything."""
        with self._changing(slices) as chosen:
            self.session.exclude(*chosen)
            self.say("excluded: neither learned from nor predicted")

    def include(self, *slices: SliceIndex) -> None:
        """Take exclusions back."""
        with self._changing(slices) as chosen:
            self.session.include(*chosen)
            self.say("included again")

    @contextmanager
    def _changing(self, slices: tuple[SliceIndex, ...]) -> Iterator[tuple[SliceIndex, ...]]:
        with self.reporting():
            self.view.take_strokes()
            yield slices or (self.view.in_view,)

    # -- undo ------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last step back: a stroke, a refresh, a confirmation."""
        self._step_back(self.session.undo, self.session.undoable, "undone")

    def redo(self) -> None:
        """Do again what was undone last."""
        self._step_back(self.session.redo, self.session.redoable, "done again")

    def _step_back(self, verb: Callable[[], None], what: str | None, how: str) -> None:
        if self.view.drawing:
            return
        with self.reporting():
            self._last_changed.clear()
            verb()
            if what is None:
                self.say(f"nothing to be {how}")
                return
            self.say(f"{how}: {what}")
            if len(self._last_changed) == 1:  # nobody should have to look for it
                self.view.go_to(self._last_changed[0])

    # -- going through the stack -----------------------------------------------------------

    def go(self, *, frames: int = 0, slices: int = 0) -> None:
        """Show another slice; after the last frame comes the first."""
        if self.is_open:
            stack, (t, z) = self.session.stack, self.view.in_view
            z = min(max(z + slices, 0), stack.slices - 1)
            self.view.go_to(SliceIndex((t + frames) % stack.frames, z))

    def hide_labels(self, hidden: bool) -> None:
        """Show the image alone, or with its labels again."""
        if self.view.layer is not None:
            self.view.layer.visible = not hidden

    # -- learning --------------------------------------------------------------------------

    def train(self, seconds: float, start: Start, mode: Literal["all", "decoder"]) -> None:
        """Learn from what is drawn."""
        with self.reporting():
            self.view.take_strokes()
            self.session.train(seconds=seconds, start=start, mode=mode, first=self.view.in_view)
            self.say(
                f"learning from {self.session.status.slices} slices in the background; you can go "
                "on drawing meanwhile"
            )

    def predict(self) -> None:
        """Refresh the predictions without training."""
        with self.reporting():
            self.view.take_strokes()
            self.session.predict(first=self.view.in_view)
            self.say("predicting in the background; you can go on drawing meanwhile")

    def roll_back(self) -> None:
        """Go back to the model before, and to what it predicted."""
        with self._changing(()):
            self.session.roll_back()
            self.say("back to the model before and what it predicted (Ctrl-Z brings this one back)")

    # -- results ---------------------------------------------------------------------------

    def export_masks(self, path: Path, scheme: LabelScheme) -> None:
        """Write the labels as seen."""
        with self.reporting():
            self.view.take_strokes()
            written = self.session.export_mask(path, scheme)
            self.say(f"masks written to {written} (scheme {scheme.name})")

    def export_model(self, path: Path) -> None:
        """Write the present model."""
        with self.reporting():
            self.say(f"model written to {self.session.export_model(path)}")

    # -- telling ---------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Say what happened last."""
        self.said.emit(text[:1].upper() + text[1:])

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
        self.view.take_strokes()
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
        self.viewer.layers.events.inserted.disconnect(self._on_layers)
        self.viewer.layers.events.removed.disconnect(self._on_layers)
        session = self.session
        for signal in (
            session.stack_opened,
            session.said,
            session.trouble,
            session.slices_changed,
            session.labels_refreshed,
            session.job_changed,
            session.job_ended,
            self.changed,
            self.layer_shown,
            self.layers_changed,
            self.said,
        ):
            signal.disconnect()
        session.close()

    def _on_stack_opened(self, stack: Stack) -> None:
        self._in_view = None
        self.layer_shown.emit(self.view.show())
        if not self.session.annotations.slices(*SliceState):  # ED as a rule, and a heart
            self.view.go_to(SliceIndex(0, stack.slices // 2))
        self.changed.emit()
        self.say(_HINT_DRAW)
        self.session.warm_up()

    def _on_slices_changed(self, slices: tuple[SliceIndex, ...]) -> None:
        # A refresh comes in many portions: what is not in view is shown once.
        self._stale = True
        self._last_changed[:] = slices
        if self.view.in_view in slices:
            self._show()

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.progress is None or status.phase != "training":
            self._show()

    def _on_moved(self, event: Any) -> None:
        if not self.is_open:
            return
        left, self._in_view = self._in_view, self.view.in_view
        if left is not None and left != self._in_view and self.confirm_on_leaving:
            self._confirm_if_drawn(left)
        self._show()

    def _confirm_if_drawn(self, index: SliceIndex) -> None:
        if self.session.annotations.state(index) is SliceState.EDITING:
            self.confirm(index)

    def _on_layers(self, event: Any) -> None:
        self.layers_changed.emit(event.value, event.type == "inserted")
        self._show()

    def _show(self) -> None:
        self._stale = False
        self.changed.emit()

    def _labels_of(self, layer: Labels) -> tuple[NDArray[np.uint8], str]:
        """Return a layer's labels in our integers, and the name of its own scheme."""
        shape = self.session.stack.image.shape
        labels = np.asarray(layer.data)
        labels = labels.reshape((1,) * (4 - labels.ndim) + labels.shape)
        if labels.shape != shape:
            raise InputError(
                f"layer {layer.name}: labels of shape {labels.shape} do not fit the image "
                f"{shape} (t, z, y, x); choose labels made on this image"
            )
        if METADATA in layer.metadata:  # ours are in our integers, whatever their file's
            return labels.astype(np.uint8), UKBB.name
        scheme = detect_scheme(labels)
        return scheme.convert(labels, UKBB), f"{scheme.name}, told from the anatomy"
