"""Which image is worked on, and which labels to go on from."""

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.panels.controls import button, column, row


class ChoicePanel(QWidget):
    """Which image is worked on, and which labels to go on from."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
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
        labels = row(self.starts, self.use_labels)
        labels.setStretch(0, 1)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Image", self.images)
        form.addRow("Labels", labels)
        layout = column(self)
        layout.addLayout(form)
        layout.addWidget(self.show_labels)
        self.images.activated.connect(self._on_image_chosen)
        self.use_labels.clicked.connect(self._on_use_labels)
        self.show_labels.clicked.connect(desk.show_labels)
        desk.changed.connect(self._on_changed)
        desk.layer_shown.connect(self._fill)
        desk.layers_changed.connect(self._on_layers)
        self._fill()

    def _on_changed(self) -> None:
        desk = self._desk
        self.show_labels.setVisible(desk.is_open and desk.view.layer is None)
        self.images.setEnabled(not desk.session.busy)
        self.use_labels.setEnabled(self.starts.count() > 0 and desk.is_open)

    def _on_layers(self, layer: Layer, came: bool) -> None:
        self._fill()
        if came and isinstance(layer, Image) and not self._desk.is_open:
            # napari is still busy with the one that it has just taken in.
            QTimer.singleShot(0, self._open_first)

    def _open_first(self) -> None:
        if not self._desk.is_open and self.images.count():
            self._desk.open_layer(self.images.itemData(0))

    def _fill(self, *_: object) -> None:
        view, start = self._desk.view, self.starts.currentData()
        for combo, kind, current in (
            (self.images, Image, self._desk.image),
            (self.starts, Labels, start),
        ):
            combo.clear()
            for layer in self._desk.viewer.layers:
                if isinstance(layer, kind) and layer is not view.layer:
                    combo.addItem(layer.name, layer)
                    if layer is current:
                        combo.setCurrentIndex(combo.count() - 1)
        self._on_changed()

    def _on_image_chosen(self, place: int) -> None:
        layer = self.images.itemData(place)
        if layer is not None:
            self._desk.open_layer(layer)

    def _on_use_labels(self) -> None:
        layer = self.starts.currentData()
        if layer is not None:
            self._desk.use(layer)
