"""The dock widget: choose, draw, train, export. It forwards to the session and shows answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, STRUCTURES_OF_VIEW, UKBB, detect_scheme
from napari_cardiac_ssl.annotations import OPEN_TO_MODEL, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, stack_of
from napari_cardiac_ssl.gui.layers import LabelView
from napari_cardiac_ssl.gui.panels import (
    ERASER,
    ExportPanel,
    SlicePanel,
    StructurePanel,
    TrainingPanel,
    button,
    heading,
)
from napari_cardiac_ssl.session import JobStatus, Session
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How often the trainer is listened to, and how long predictions may be taken over at a time:
#: together short enough that nobody feels it.
TICK_MS = 40
ADOPT_S = 0.01

_HINT_OPEN = "Open a cine or a stack (File > Open), or File > Open Sample > Cardiac SSL."
_HINT_DRAW = (
    "Press Predict for a first guess to correct, or draw the LV cavity, myocardium and RV cavity "
    "on two or three slices (base, middle, apex); then press Train."
)


class CardiacWidget(QWidget):
    """Label a few slices, train, correct, export.

    Parameters
    ----------
    viewer
        The viewer that it is docked in.
    session
        Whose state it shows; one of its own by default.
    """

    def __init__(self, viewer: napari.Viewer, session: Session | None = None) -> None:
        super().__init__()
        self.viewer = viewer
        self.session = session or Session()
        self.view = LabelView(viewer, self.session, self._fail)
        self._closed = False
        self._stale = False
        self._lay_out()
        self._connect()
        self._fill_choices()
        self._show_stack()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    # -- making ----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.images, self.starts = QComboBox(), QComboBox()
        for combo, name in ((self.images, "Image"), (self.starts, "Existing labels")):
            combo.setAccessibleName(name)
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(12)
        self.images.setToolTip("The image to work on.")
        self.starts.setToolTip("A label layer whose slices to go on from.")
        self.use_labels = button("Use", "Take the chosen labels over on slices not yet drawn on.")
        self.show_labels = button("Show labels again", "The layer was removed; the labels remain.")
        row = QHBoxLayout()
        row.addWidget(self.starts, 1)
        row.addWidget(self.use_labels)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Image", self.images)
        form.addRow("Labels", row)
        self.structures, self.slice = StructurePanel(), SlicePanel()
        self.training, self.export = TrainingPanel(), ExportPanel()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(3 * self.status.fontMetrics().lineSpacing() + 14)
        self.status.setAccessibleName("What happened last")
        self.status.setStyleSheet(
            "padding: 6px; border: 1px solid palette(mid); border-radius: 4px;"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(form)
        layout.addWidget(self.show_labels)
        for title, panel in (
            ("Draw", self.structures),
            ("This slice", self.slice),
            ("Learn", self.training),
            ("Export", self.export),
        ):
            layout.addWidget(heading(title))
            layout.addWidget(panel)
        layout.addStretch(1)
        layout.addWidget(self.status)
        self.setMinimumWidth(300)

    def _connect(self) -> None:
        self.images.activated.connect(self._on_image_chosen)
        self.use_labels.clicked.connect(self._on_use_labels)
        self.show_labels.clicked.connect(self._on_show_labels)
        self.structures.chosen.connect(self.choose)
        self.structures.brush_size_chosen.connect(self._on_brush_size_chosen)
        self.slice.confirm_asked.connect(self.confirm)
        self.slice.retract_asked.connect(self.retract)
        self.slice.revert_asked.connect(self.revert)
        self.training.train_asked.connect(self.train)
        self.training.predict_asked.connect(self.predict)
        self.training.pause_asked.connect(self.session.pause)
        self.training.resume_asked.connect(self.session.resume)
        self.training.finish_asked.connect(self.session.finish)
        self.training.cancel_asked.connect(self.session.cancel)
        self.export.masks_asked.connect(self._on_masks_asked)
        self.export.model_asked.connect(self._on_model_asked)
        self.session.stack_opened.connect(self._on_stack_opened)
        self.session.slices_changed.connect(self._on_slices_changed)
        self.session.labels_refreshed.connect(self._on_slices_changed)
        self.session.job_changed.connect(self._on_job_changed)
        self.session.job_ended.connect(self.say)
        self.viewer.dims.events.current_step.connect(self._on_dims)
        self.viewer.layers.events.inserted.connect(self._on_layers)
        self.viewer.layers.events.removed.connect(self._on_layers)
        # A plugin's widget is not always told of its window's end: it goes with its Qt object.
        # (Not a method of the dying object: Qt would take it off first.)
        self.destroyed.connect(lambda *_: self.close_session())

    # -- verbs -----------------------------------------------------------------------------

    def open_layer(self, layer: Image) -> None:
        """Work on an image layer."""
        with self._reporting():
            if self.session.busy:
                raise InputError("training is running; finish or cancel it first")
            stack = stack_of(layer)
            self.session.open(stack)
        self._fill_choices()

    def use(self, layer: Labels) -> None:
        """Go on from the labels of another layer, on slices that no expert has touched."""
        with self._reporting():
            labels, scheme = self._labels_of(layer)
            annotations = self.session.annotations
            slices = [
                index
                for index in self.session.stack.slice_indices()
                if labels[index].any() and annotations.state(index) in OPEN_TO_MODEL
            ]
            self.view.paint_in(labels, slices)
            self.say(
                f"took {len(slices)} labelled slices over from {layer.name} (scheme {scheme}); "
                "confirm those that are right"
            )

    def choose(self, code: int) -> None:
        """Draw a structure from now on, or erase."""
        layer = self.view.layer
        if layer is None:
            return
        self.viewer.layers.selection.active = layer
        if code == ERASER:
            layer.mode = "erase"
        else:
            layer.selected_label = code
            if layer.mode not in {"paint", "fill", "polygon"}:
                layer.mode = "paint"
        self._on_tool()

    def confirm(self) -> None:
        """Make the slice in view an example to learn from."""
        with self._reporting():
            self.view.take_strokes()
            self.session.confirm(self.view.in_view)
            self.say("slice confirmed: the model learns from it and never changes it")

    def retract(self) -> None:
        """Take the confirmation of the slice in view back."""
        with self._reporting():
            self.session.retract(self.view.in_view)
            self.say("confirmation taken back: no example any more, still protected")

    def revert(self) -> None:
        """Give the slice in view back to the model."""
        with self._reporting():
            self.view.take_strokes()
            self.session.revert(self.view.in_view)
            self.say("slice given back: the next prediction fills it (Ctrl-Z brings it back)")

    def train(self) -> None:
        """Learn from what is drawn."""
        with self._reporting():
            self.view.take_strokes()
            training = self.training
            self.session.train(
                seconds=float(training.seconds.value),
                start=training.start.value,
                mode=training.mode.value,
                first=self.view.in_view,
            )
            self.say(
                f"learning from {self.session.status.slices} slices in the background; you can go "
                "on drawing meanwhile"
            )

    def predict(self) -> None:
        """Refresh the predictions without training."""
        with self._reporting():
            self.view.take_strokes()
            self.session.predict(first=self.view.in_view)
            self.say("predicting in the background; you can go on drawing meanwhile")

    def export_masks(self, path: Path) -> None:
        """Write the labels as seen."""
        with self._reporting():
            self.view.take_strokes()
            scheme = self.export.scheme
            written = self.session.export_mask(path, scheme)
            self.say(f"masks written to {written} (scheme {scheme.name})")

    def export_model(self, path: Path) -> None:
        """Write the present model."""
        with self._reporting():
            self.say(f"model written to {self.session.export_model(path)}")

    def say(self, text: str) -> None:
        """Say what happened last."""
        self.status.setText(text[:1].upper() + text[1:])

    def close_session(self) -> None:
        """End the trainer process and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        self.view.close()
        self.viewer.dims.events.current_step.disconnect(self._on_dims)
        self.viewer.layers.events.inserted.disconnect(self._on_layers)
        self.viewer.layers.events.removed.disconnect(self._on_layers)
        for signal in (
            self.session.stack_opened,
            self.session.slices_changed,
            self.session.labels_refreshed,
            self.session.job_changed,
            self.session.job_ended,
        ):
            signal.disconnect()
        self.session.close()

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the widget is closed."""
        self._timer.stop()
        self.close_session()
        super().closeEvent(event)

    # -- what the session says -------------------------------------------------------------

    def _on_stack_opened(self, stack: Stack) -> None:
        layer = self.view.show()
        layer.events.selected_label.connect(self._on_tool)
        layer.events.mode.connect(self._on_tool)
        layer.events.brush_size.connect(self._on_tool)
        self.structures.offer(STRUCTURES_OF_VIEW.get(stack.view, SAX_STRUCTURES))
        for code in self.structures.buttons:
            layer.bind_key(str(code), lambda _, code=code: self.choose(code), overwrite=True)
        layer.brush_size = self.structures.brush.value()
        self.choose(min(code for code in self.structures.buttons if code != ERASER))
        if len(self.session.annotations.slices(*SliceState)) == 0:  # ED as a rule, and a heart
            self.view.go_to(SliceIndex(0, stack.slices // 2))
        self._show_stack()
        self.say(_HINT_DRAW)
        self.session.warm_up()

    def _on_slices_changed(self, slices: tuple[SliceIndex, ...]) -> None:
        # An undo may change hundreds of slices one by one: what is not in view is shown once.
        self._stale = True
        if self.view.in_view in slices:
            self._show_slice()

    def _on_job_changed(self, status: JobStatus) -> None:
        self.training.show_job(status)
        if status.progress is None or status.phase != "training":
            self._show_slice()

    # -- what the viewer says --------------------------------------------------------------

    def _tick(self) -> None:
        self.view.take_strokes()
        self.session.process_messages(adopt_s=0.0 if self.view.drawing else ADOPT_S)
        if self._stale:
            self._show_slice()

    def _on_dims(self, event: Any) -> None:
        self._show_slice()

    def _on_layers(self, event: Any) -> None:
        self._fill_choices()
        if isinstance(event.value, Image) and event.type == "inserted" and not self.is_open:
            # napari is still busy with the one that it has just taken in.
            QTimer.singleShot(0, self._open_first)

    def _open_first(self) -> None:
        if not self._closed and not self.is_open and self.images.count():
            self.open_layer(self.images.itemData(0))

    def _on_tool(self, event: Any = None) -> None:
        layer = self.view.layer
        if layer is not None:
            code = ERASER if layer.mode == "erase" else layer.selected_label
            self.structures.mark(code, round(layer.brush_size))

    # -- what the user asks ----------------------------------------------------------------

    def _on_image_chosen(self, row: int) -> None:
        layer = self.images.itemData(row)
        if layer is not None:
            self.open_layer(layer)

    def _on_use_labels(self) -> None:
        layer = self.starts.currentData()
        if layer is not None:
            self.use(layer)

    def _on_show_labels(self) -> None:
        with self._reporting():
            self._on_stack_opened(self.session.stack)

    def _on_brush_size_chosen(self, size: int) -> None:
        if self.view.layer is not None:
            self.view.layer.brush_size = size

    def _on_masks_asked(self) -> None:
        self._ask_for_path("masks", ".nii.gz", "NIfTI (*.nii.gz *.nii)", self.export_masks)

    def _on_model_asked(self) -> None:
        self._ask_for_path("model", ".safetensors", "Model (*.safetensors)", self.export_model)

    def _ask_for_path(self, what: str, ending: str, kinds: str, write: Any) -> None:
        name = self.session.stack.name + ("_seg" if what == "masks" else "_model") + ending
        chosen, _ = QFileDialog.getSaveFileName(self, f"Export {what}", name, kinds)
        if chosen:
            path = Path(chosen)
            write(path if path.suffix else path.with_name(path.name + ending))

    # -- showing ---------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is a stack to work on."""
        try:
            return bool(self.session.stack)
        except InputError:
            return False

    def _show_stack(self) -> None:
        for part in (self.structures, self.export):
            part.setEnabled(self.is_open)
        if not self.is_open:
            self.structures.offer(SAX_STRUCTURES)
            self.say(_HINT_OPEN)
        self._show_slice()

    def _show_slice(self) -> None:
        self._stale = False
        self.show_labels.setVisible(self.is_open and self.view.layer is None)
        if not self.is_open:
            self.slice.show_nothing()
            self.training.show_examples(0, idle=False, has_model=False)
            return
        stack, annotations, index = self.session.stack, self.session.annotations, self.view.in_view
        self.slice.show_slice(
            index,
            (stack.frames, stack.slices),
            annotations.state(index),
            empty=not annotations.labels[index].any(),
        )
        expert, editing, predicted = (
            len(annotations.slices(state))
            for state in (SliceState.EXPERT, SliceState.EDITING, SliceState.PREDICTED)
        )
        empty = stack.frames * stack.slices - expert - editing - predicted
        self.slice.show_counts(expert, editing, predicted, empty)
        self.training.show_examples(
            expert + editing,
            idle=not self.session.busy,
            has_model=self.session.model is not None,
        )
        self.images.setEnabled(not self.session.busy)
        self.export.model.setEnabled(self.session.model is not None)

    def _fill_choices(self) -> None:
        layers = list(self.viewer.layers)
        chosen, start = self.session_layer(), self.starts.currentData()
        for combo, kind, current in ((self.images, Image, chosen), (self.starts, Labels, start)):
            combo.clear()
            for layer in layers:
                if isinstance(layer, kind) and layer is not self.view.layer:
                    combo.addItem(layer.name, layer)
                    if layer is current:
                        combo.setCurrentIndex(combo.count() - 1)
        self.use_labels.setEnabled(self.starts.count() > 0 and self.is_open)
        self._show_slice()

    def session_layer(self) -> Image | None:
        """Return the image layer of the session's stack, if it is in the viewer."""
        if not self.is_open:
            return None
        stack = self.session.stack
        for layer in self.viewer.layers:
            if isinstance(layer, Image) and _stack_in(layer) is stack:
                return layer
        return None

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

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Tell the user of what cannot be done; nothing is lost by it."""
        try:
            yield
        except InputError as error:
            self._fail(error)

    def _fail(self, error: InputError) -> None:
        self.say(str(error))
        show_warning(str(error))


def _stack_in(layer: Image) -> Stack | None:
    found: Stack | None = layer.metadata.get(METADATA, {}).get("stack")
    return found
