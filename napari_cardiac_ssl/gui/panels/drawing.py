"""What to draw, with which tool, and how thick."""

from napari.layers import Labels
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, STRUCTURES_OF_VIEW, UKBB, Structure
from napari_cardiac_ssl.gui.overlays.contour_lines import ContourLines
from napari_cardiac_ssl.gui.panels.controls import (
    button,
    column,
    describe,
    menu_button,
    row,
    swatch,
)
from napari_cardiac_ssl.gui.tools import Tool, Tools
from napari_cardiac_ssl.gui.workspace import Workspace

ERASER = 0
#: Modes of napari's that take labels away with label 0; its brush has a mode of its own for that.
_OF_ANY_LABEL = ("fill", "polygon")
#: Widths of the brush in mm; a contour is drawn with the thinnest.
_LEAST_MM, _USUAL_MM, _MOST_MM = 1.0, 8.0, 40.0

#: Least width of a tool's button: the longest word fits. Qt's own, before it knows napari's style,
#: is larger and would make the panel too wide for small screens, for good.
_LEAST_PX = 62

_TOOLS = {
    "paint": ("Brush", "Paint with a round brush. [ and ] change its size."),
    "contour": (
        "Contour",
        "Draw round a structure in one stroke; it is closed and filled when you let go. The "
        "contour of the myocardium is the epicardium: what lies between it and the LV cavity is "
        "myocardium. Key G.",
    ),
    "polygon": ("Polygon", "Click round a structure; a double click closes and fills it."),
    "edit": (
        "Edit",
        "Edit contours: drag a point or the line between, or press beside it and push. With Shift, "
        "draw a stretch of it anew; with Ctrl, move the whole line outwards or inwards. A double "
        "click makes another point, Delete or Alt-click removes one. Keys . and , choose a point, "
        "arrows move it, + and - move the whole line. Only what the line passes over changes. "
        "Key Q.",
    ),
    "fill": ("Fill", "Fill the connected region that you click on. Key F."),
}


class DrawingPanel(QWidget):
    """What to draw, with which tool, and how thick.

    Parameters
    ----------
    workspace
        The window's.
    contours
        The labels' lines on its picture.
    tools
        Which tool of ours is chosen.
    edit
        The one that edits contours.
    """

    def __init__(
        self, workspace: Workspace, contours: ContourLines, tools: Tools, edit: Tool
    ) -> None:
        super().__init__()
        self._workspace, self._contours = workspace, contours
        self._chosen, self._edit = tools, edit
        self._drawn = min(map(UKBB.code, SAX_STRUCTURES))  # last; the eraser aside
        self._brush_px = 8.0  # of the brush, while a contour is drawn with a thinner one
        self._structures, self._tools = QButtonGroup(self), QButtonGroup(self)
        self.buttons: dict[int, QPushButton] = {}
        self._row = QHBoxLayout()
        self._row.setSpacing(4)
        self.brush = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(_LEAST_MM, _MOST_MM)
        self.brush.setValue(_USUAL_MM)
        self.brush.setDecimals(0)
        describe(self.brush, "Diameter of the brush in mm. Keys [ and ] change it too.")
        self.brush.setAccessibleName("Brush size in mm")
        layout = column(self)
        layout.addLayout(self._row)
        layout.addLayout(self._tool_row())
        thickness = row(QLabel("Brush"), self.brush, QLabel("mm"))
        thickness.setStretch(1, 1)
        layout.addLayout(thickness)
        self._offer(SAX_STRUCTURES)
        self.setEnabled(workspace.is_open)
        self._structures.idClicked.connect(self.choose)
        self.brush.valueChanged.connect(self._on_brush_chosen)
        workspace.layer_shown.connect(self._on_layer_shown)
        tools.changed.connect(self._on_tool)

    # -- verbs -----------------------------------------------------------------------------

    def choose(self, code: int) -> None:
        """Draw a structure (its UKBB integer) from now on, or erase (0)."""
        layer = self._workspace.view.layer
        if layer is None or code not in self.buttons:
            return
        self._workspace.viewer.layers.selection.active = layer
        if code == ERASER and layer.mode in _OF_ANY_LABEL:
            layer.selected_label = ERASER
        elif code == ERASER:
            layer.mode = "erase"
        else:
            layer.selected_label = code
            if layer.mode not in {"paint", "fill", "polygon"} and not self._edits:
                layer.mode = "paint"
        self._on_tool()

    def use(self, tool: str) -> None:
        """Draw with a tool: ``contour``, ``edit``, or a mode of napari's label layers.

        Who erases goes on erasing with it.
        """
        view, layer = self._workspace.view, self._workspace.view.layer
        if layer is None:
            return
        self._workspace.viewer.layers.selection.active = layer
        erases = self._code == ERASER
        was, view.fills_contours = view.fills_contours, tool == "contour"
        if view.fills_contours and not was:
            self._brush_px, layer.brush_size = layer.brush_size, 1
        elif was and not view.fills_contours:
            layer.brush_size = self._brush_px
        brush = "erase" if erases else "paint"
        # First the mode: an open polygon is closed by it, with the label that it was drawn with.
        layer.mode = {"contour": brush, "paint": brush, "edit": "pan_zoom"}.get(tool, tool)
        if tool in _OF_ANY_LABEL and erases:
            layer.selected_label = ERASER
        elif layer.selected_label == ERASER:
            layer.selected_label = self._drawn
        self._chosen.choose(self._edit if tool == "edit" else None)
        self._on_tool()

    def paint(self) -> None:
        """Paint the structure that was drawn last, also if something was erased since."""
        layer = self._workspace.view.layer
        if layer is not None:
            self.choose(self._drawn)
            self.use("paint")

    @property
    def _code(self) -> int:
        """The structure that is drawn; 0 while labels are taken away."""
        layer = self._workspace.view.layer
        return ERASER if layer is None or layer.mode == "erase" else layer.selected_label

    @property
    def _edits(self) -> bool:
        return self._chosen.chosen is self._edit

    def toggle_edit(self) -> None:
        """Edit contours, or draw with the brush again."""
        self.use("paint" if self._edits else "edit")

    def toggle_contour(self) -> None:
        """Draw with contours, or with the brush again."""
        self.use("paint" if self._workspace.view.fills_contours else "contour")

    def change_brush(self, pixels: int) -> None:
        """Make the brush larger, or smaller."""
        layer = self._workspace.view.layer
        if layer is not None:
            layer.brush_size = max(1, layer.brush_size + pixels)

    def toggle_fill(self) -> None:
        """Fill the labels, or show their contours alone."""
        self._contours.fill(not self._contours.is_filled)
        self.fill.setChecked(self._contours.is_filled)

    # -- making ----------------------------------------------------------------------------

    def _tool_row(self) -> QHBoxLayout:
        made = row()
        for place, (tool, (name, tip)) in enumerate(_TOOLS.items()):
            one = button(name, tip)
            one.setCheckable(True)
            one.clicked.connect(lambda _, tool=tool: self.use(tool))
            one.setMinimumWidth(_LEAST_PX)
            self._tools.addButton(one, place)
            made.addWidget(one, 1)
        made.addWidget(self._more())
        return made

    def _more(self) -> QPushButton:
        """Return the menu of what one sets once."""
        view, menu = self._workspace.view, QMenu(self)
        self.fill = menu.addAction("Fill labels  (O)")
        self.fill.triggered.connect(self.toggle_fill)
        keep = menu.addAction("Myocardium never covers the LV cavity  (M)")
        keep.toggled.connect(lambda on: setattr(view, "keeps_cavity", on))
        smooth = menu.addAction("Smooth what is drawn")
        smooth.toggled.connect(lambda on: setattr(view, "smooths", on))
        leave = menu.addAction("Confirm a slice by leaving it")
        leave.toggled.connect(lambda on: setattr(self._workspace, "confirm_on_leaving", on))
        for action in (self.fill, keep, smooth, leave):
            action.setCheckable(True)
        keep.setChecked(view.keeps_cavity)
        self.keep, self.smooth, self.leave = keep, smooth, leave
        menu.addSeparator()
        self.reset = menu.addAction("Reset window and level  (Shift-L)")
        self.reset.triggered.connect(self._workspace.actions.reset_window)
        made = menu_button("⋯", "How the picture and labels are shown, and labels drawn.", menu)
        made.setAccessibleName("More about drawing")
        made.setMaximumWidth(36)
        return made

    def _offer(self, structures: tuple[Structure, ...]) -> None:
        """Show one button for each structure, and the eraser."""
        for old in self.buttons.values():
            self._structures.removeButton(old)
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = {}
        for structure in structures:
            code = UKBB.code(structure)
            made = button(
                f"{structure.short} {code}", f"Draw the {structure}. Key {code} on the picture."
            )
            made.setAccessibleName(str(structure))
            made.setIcon(swatch(structure.colour))
            self._add(code, made)
        self._add(
            ERASER,
            button("Erase 0", "Take labels away with the tool below. Keys 0 and E on the picture."),
        )

    def _add(self, code: int, made: QPushButton) -> None:
        made.setCheckable(True)
        made.setMinimumHeight(32)
        made.setIconSize(QSize(14, 14))
        self._row.addWidget(made, 1)
        self._structures.addButton(made, code)
        self.buttons[code] = made

    # -- what happens ----------------------------------------------------------------------

    def _on_layer_shown(self, layer: Labels) -> None:
        self.setEnabled(True)
        for event in (layer.events.selected_label, layer.events.mode, layer.events.brush_size):
            event.connect(self._on_tool)
        layer.events.mode.connect(self._on_mode)
        self._offer(STRUCTURES_OF_VIEW.get(self._workspace.session.stack.view, SAX_STRUCTURES))
        self._workspace.view.fills_contours = False
        self._chosen.choose(None)
        self._on_brush_chosen(self.brush.value())
        self.choose(min(code for code in self.buttons if code != ERASER))

    def _on_mode(self, event: object) -> None:
        """Have napari's key of the brush paint, though a tool has erased with label 0 before."""
        layer = self._workspace.view.layer
        if layer is not None and layer.mode == "paint" and layer.selected_label == ERASER:
            layer.selected_label = self._drawn

    def _on_tool(self, event: object = None) -> None:
        view, layer = self._workspace.view, self._workspace.view.layer
        if layer is None:
            return
        mode = str(layer.mode)
        if mode != "pan_zoom":  # napari's keys choose another tool, too
            self._chosen.choose(None)
        if self._code in self.buttons:
            self.buttons[self._code].setChecked(True)
        if layer.selected_label != ERASER:
            self._drawn = layer.selected_label
        tool = "contour" if view.fills_contours and mode in {"paint", "erase"} else mode
        tool = "paint" if tool == "erase" else "edit" if self._edits else tool
        self._tools.setExclusive(False)  # or none could be off while napari pans or picks
        for name, one in zip(_TOOLS, self._tools.buttons(), strict=True):
            one.setChecked(name == tool)
        self._tools.setExclusive(True)
        if not view.fills_contours:
            self.brush.blockSignals(True)
            self.brush.setValue(layer.brush_size * self._mm_per_px)
            self.brush.blockSignals(False)

    def _on_brush_chosen(self, size_mm: float) -> None:
        layer = self._workspace.view.layer
        if layer is not None:
            if self._workspace.view.fills_contours:
                self.use("paint")
            layer.brush_size = max(1, size_mm / self._mm_per_px)

    @property
    def _mm_per_px(self) -> float:
        return self._workspace.session.stack.spacing_mm[-1]
