"""What leaves as files."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget

from napari_cardiac_ssl.anatomy import SCHEMES, LabelScheme, Structure
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.panels.controls import button, column, row


class ExportPanel(QWidget):
    """What leaves as files."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._scheme = QComboBox()
        self._scheme.setToolTip("Which integer means which structure in the exported masks.")
        self._scheme.setAccessibleName("Label scheme of exported masks")
        for name, scheme in SCHEMES.items():
            codes = {structure: scheme.code(structure) for structure in scheme.structures}
            self._scheme.addItem(
                f"{name}: LV {codes[Structure.LV_CAVITY]}, myo {codes[Structure.MYOCARDIUM]}, "
                f"RV {codes[Structure.RV_CAVITY]}",
                name,
            )
        self.masks = button("Export masks…", "Write the labels as seen, on the image's own grid.")
        self.model = button("Export model…", "Write the present model as a safetensors file.")
        self.masks.clicked.connect(self._on_masks)
        self.model.clicked.connect(self._on_model)
        layout = column(self)
        layout.addWidget(self._scheme)
        layout.addLayout(row(self.masks, self.model))
        desk.changed.connect(self._show)
        self._show()

    @property
    def scheme(self) -> LabelScheme:
        """The scheme that is chosen."""
        return SCHEMES[self._scheme.currentData()]

    def _show(self) -> None:
        self.setEnabled(self._desk.is_open)
        self.model.setEnabled(self._desk.session.model is not None)

    def _on_masks(self) -> None:
        self._ask_for_path(
            "masks",
            "_seg.nii.gz",
            "NIfTI (*.nii.gz *.nii)",
            lambda path: self._desk.export_masks(path, self.scheme),
        )

    def _on_model(self) -> None:
        self._ask_for_path(
            "model", "_model.safetensors", "Model (*.safetensors)", self._desk.export_model
        )

    def _ask_for_path(
        self, what: str, ending: str, kinds: str, write: Callable[[Path], None]
    ) -> None:
        name = self._desk.session.stack.name + ending
        chosen, _ = QFileDialog.getSaveFileName(self, f"Export {what}", name, kinds)
        if chosen:
            path = Path(chosen)
            write(path if path.suffix else path.with_name(path.name + ending[ending.index(".") :]))
