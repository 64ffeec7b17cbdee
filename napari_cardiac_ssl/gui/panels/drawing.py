"""What to draw, and how thick."""

from napari.layers import Labels
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QLabel, QPushButton, QWidget
from superqt import QLabeledSlider

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, STRUCTURES_OF_VIEW, UKBB, Structure
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.display import COLOURS
from napari_cardiac_ssl.gui.panels.controls import button, column, row, swatch

ERASER = 0


class DrawingPanel(QWidget):
    """What to draw, and how thick."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.buttons: dict[int, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.choose)
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        self.brush = QLabeledSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(1, 40)
        self.brush.setValue(8)
        self.brush.setToolTip("Diameter of the brush in pixels. Keys [ and ] change it too.")
        self.brush.setAccessibleName("Brush size in pixels")
        self.brush.valueChanged.connect(self._on_brush_size_chosen)
        layout = column(self)
        layout.addLayout(self._grid)
        layout.addLayout(row(QLabel("Brush"), self.brush))
        self._offer(SAX_STRUCTURES)
        self.setEnabled(desk.is_open)
        desk.layer_shown.connect(self._on_layer_shown)

    def choose(self, code: int) -> None:
        """Draw a structure (its UKBB integer) from now on, or erase (0)."""
        layer = self._desk.view.layer
        if layer is None:
            return
        self._desk.viewer.layers.selection.active = layer
        if code == ERASER:
            layer.mode = "erase"
        else:
            layer.selected_label = code
            if layer.mode not in {"paint", "fill", "polygon"}:
                layer.mode = "paint"
        self._on_tool()

    def _offer(self, structures: tuple[Structure, ...]) -> None:
        """Show one button for each structure, and the eraser."""
        for old in self.buttons.values():
            self._group.removeButton(old)
            old.deleteLater()
        self.buttons = {}
        for structure in structures:
            code = UKBB.code(structure)
            name = structure.value[0].upper() + structure.value[1:]
            made = button(f"{name}  ({code})", f"Draw the {structure}. Key {code} on the picture.")
            made.setIcon(swatch(COLOURS[structure]))
            self._add(code, made)
        self._add(ERASER, button("Erase  (0)", "Take labels away. Key 0 on the picture."))

    def _add(self, code: int, made: QPushButton) -> None:
        made.setCheckable(True)
        made.setMinimumHeight(34)
        made.setIconSize(QSize(16, 16))
        place = len(self.buttons)
        self._grid.addWidget(made, place // 2, place % 2)
        self._group.addButton(made, code)
        self.buttons[code] = made

    def _on_layer_shown(self, layer: Labels) -> None:
        self.setEnabled(True)
        for event in (layer.events.selected_label, layer.events.mode, layer.events.brush_size):
            event.connect(self._on_tool)
        self._offer(STRUCTURES_OF_VIEW.get(self._desk.session.stack.view, SAX_STRUCTURES))
        for code in self.buttons:
            layer.bind_key(str(code), lambda _, code=code: self.choose(code), overwrite=True)
        layer.brush_size = self.brush.value()
        self.choose(min(code for code in self.buttons if code != ERASER))

    def _on_tool(self, event: object = None) -> None:
        layer = self._desk.view.layer
        if layer is None:
            return
        code = ERASER if layer.mode == "erase" else layer.selected_label
        if code in self.buttons:
            self.buttons[code].setChecked(True)
        self.brush.blockSignals(True)
        self.brush.setValue(round(layer.brush_size))
        self.brush.blockSignals(False)

    def _on_brush_size_chosen(self, size: int) -> None:
        if self._desk.view.layer is not None:
            self._desk.view.layer.brush_size = size
