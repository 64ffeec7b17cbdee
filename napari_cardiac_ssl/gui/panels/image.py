"""Which image is worked on, and which labels to go on from."""

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QMenu, QToolButton, QWidget

from napari_cardiac_ssl.gui.display import is_derived
from napari_cardiac_ssl.gui.last_opened import LastOpened, LastOpenedMenu
from napari_cardiac_ssl.gui.panels.controls import (
    button,
    chosen_scheme,
    column,
    describe,
    menu_of_its_own,
    offer_schemes,
    row,
)
from napari_cardiac_ssl.gui.studies import Studies, stack_in
from napari_cardiac_ssl.project import KeptStack
from napari_cardiac_ssl.study import Stack

#: Of *Save as project*.
SAVES = "Every change is kept in that file from then on."
NOTHING_TO_SAVE = "Nothing is open yet: there is nothing to save."


class ImagePanel(QWidget):
    """Which image is worked on, and which labels to go on from."""

    open_asked = Signal(str)  # "folder", "file", or "save": the project as a file
    views_asked = Signal()
    kept_asked = Signal(object)  # a stack that the project knows

    def __init__(self, studies: Studies, last: LastOpened) -> None:
        super().__init__()
        self._studies, self._last = studies, last
        workspace = self._workspace = studies.workspace
        self.images, self.starts, self.schemes = QComboBox(), QComboBox(), QComboBox()
        for combo, name in (
            (self.images, "Image"),
            (self.starts, "Existing labels"),
            (self.schemes, "Label scheme of existing labels"),
        ):
            combo.setAccessibleName(name)
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(12)
        describe(
            self.images,
            "The image to work on: the short axis or another view. Labels of the others are kept.",
        )
        self._make_open()
        self.views = QToolButton()
        self.views.setText("Views")
        self.views.setAccessibleName("Show the other views")
        describe(self.views, "Long-axis views beside the slices, their planes, and landmarks.")
        self.views.clicked.connect(self._on_views)
        describe(self.starts, "A label layer whose slices to go on from.")
        offer_schemes(self.schemes, "as read, or as the anatomy tells")
        self.use_labels = button("Use", "Take the chosen labels over on slices not yet drawn on.")
        self.show_labels = button("Show labels again", "The layer was removed; the labels remain.")
        self._labels = QWidget()
        labels = row(self.starts, self.use_labels)
        labels.setContentsMargins(0, 0, 0, 0)
        labels.setStretch(0, 1)
        self._labels.setLayout(labels)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        images = row(self.images, self.open, self.views)
        images.setStretch(0, 1)
        form.addRow("Image", images)
        form.addRow("Labels", self._labels)
        form.addRow("Scheme", self.schemes)
        self._form = form
        layout = column(self)
        layout.addLayout(form)
        layout.addWidget(self.show_labels)
        self.images.activated.connect(self._on_image_chosen)
        self.use_labels.clicked.connect(self._on_use_labels)
        self.show_labels.clicked.connect(workspace.show_labels)
        workspace.changed.connect(self._on_changed)
        workspace.layer_shown.connect(self._fill)
        workspace.layers_changed.connect(self._on_layers)
        workspace.session.signals.study_changed.connect(self._fill)
        self._fill()
        if self.images.count():  # the image was there before the panel
            QTimer.singleShot(0, self._open_first)

    def _make_open(self) -> None:
        """Make the menu of what can be opened, and saved."""
        self.open = menu_of_its_own(
            "Open…",
            "Open a study",
            "Open a DICOM folder, a folder of NIfTI views, a file or a project; or save what you "
            "do as a project file of your own.",
        )
        menu = QMenu(self.open)
        menu.setToolTipsVisible(True)
        _, _, self.save = (
            menu.addAction(text, lambda kind=kind: self.open_asked.emit(kind))
            for text, kind in (
                ("Open folder (DICOM or NIfTI views)…", "folder"),
                ("Open file or project…", "file"),
                ("Save as project…", "save"),
            )
        )
        menu.insertMenu(self.save, LastOpenedMenu(self._last, menu))
        self.open.setMenu(menu)

    def _on_changed(self) -> None:
        workspace = self._workspace
        self.show_labels.setVisible(workspace.is_open and workspace.view.layer is None)
        self.images.setEnabled(not workspace.session.training.busy)
        self.use_labels.setEnabled(workspace.is_open)
        self.save.setEnabled(workspace.can_save)
        self.save.setToolTip(SAVES if workspace.can_save else NOTHING_TO_SAVE)
        for part in (self._labels, self.schemes):
            self._form.setRowVisible(part, self.starts.count() > 0)

    def _on_layers(self, layer: Layer, came: bool) -> None:
        self._fill()
        if came and isinstance(layer, Image) and not self._workspace.is_open:
            # napari is still busy with the one that it has just taken in.
            QTimer.singleShot(0, self._open_first)

    def _open_first(self) -> None:
        if self._workspace.is_closed:
            return
        if not self._workspace.is_open and self.images.count():
            # What was selected before the panel came is what its user looks at.
            chosen = self.images.findData(self._workspace.viewer.layers.selection.active)
            self._on_image_chosen(max(chosen, 0))

    def _fill(self, *_: object) -> None:
        view, start = self._workspace.view, self.starts.currentData()
        self.images.clear()
        for name, what in self._images():
            self.images.addItem(name, what)
            if self._workspace.is_open and what is self._workspace.session.stack:
                self.images.setCurrentIndex(self.images.count() - 1)
        self.starts.clear()
        for layer in self._workspace.viewer.layers:
            if isinstance(layer, Labels) and layer is not view.layer and not is_derived(layer):
                self.starts.addItem(layer.name, layer)
                if layer is start:
                    self.starts.setCurrentIndex(self.starts.count() - 1)
        self._on_changed()

    def _images(self) -> list[tuple[str, Stack | Image | KeptStack]]:
        """Return what can be worked on: stacks of studies or of the project, and other layers."""
        known = self._workspace.session.study.known
        several = len(known) > 1
        found: list[tuple[str, Stack | Image | KeptStack]] = []
        for study in known:
            for stack in study.stacks:
                view = self._workspace.session.study.name_of(stack)
                name = f"{study.name}: {view}" if several else view
                found.append((name if len(study.stacks) > 1 else stack.name, stack))
        stacks = [what for _, what in found]
        layers = [layer for layer in self._workspace.viewer.layers if isinstance(layer, Image)]
        there = {(stack.name, stack.image.shape) for study in known for stack in study.stacks}
        found += [
            (f"{kept.name} (in the project)", kept)
            for kept in self._workspace.session.persistence.stacks
            if (kept.name, kept.shape) not in there
        ]
        others = [one for one in layers if stack_in(one) not in stacks and not is_derived(one)]
        return [*found, *((one.name, one) for one in others)]

    def _on_image_chosen(self, place: int) -> None:
        what = self.images.itemData(place)
        if isinstance(what, Stack):
            self._studies.work_on(what)
        elif isinstance(what, KeptStack):
            self.kept_asked.emit(what)
        elif what is not None:
            self._workspace.open_layer(what)
        self._fill()  # if it could not be opened, the choice is what it was

    def _on_views(self) -> None:
        self.views_asked.emit()

    def _on_use_labels(self) -> None:
        layer = self.starts.currentData()
        if layer is not None:
            with self._workspace.reporting():
                self._workspace.actions.use(layer, chosen_scheme(self.schemes))
