"""The heart's numbers in a table, and beside them what is published of healthy people."""

from math import isnan

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.gui.panels.controls import describe
from napari_cardiac_ssl.measures import MEASURES, Measure, Measures, Reference

#: A line each, with the measure of either side, where it has one.
_ROWS = {
    name: {m.short.partition(" ")[0]: m for m in MEASURES if m.short.endswith(f" {name}")}
    for name in dict.fromkeys(m.short.partition(" ")[2] for m in MEASURES if m.short)
}
#: Those that are told per square metre of body surface too.
_INDEXED = {
    name: {side: m for side, m in sides.items() if m.indexed}
    for name, sides in _ROWS.items()
    if any(m.indexed for m in sides.values())
}
_MARKS = {"below": "↓ ", "above": "↑ "}


class NumbersTable(QWidget):
    """The numbers of both ventricles, then those per square metre, with reference ranges.

    Attributes
    ----------
    cells
        The label of each number, by its column.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cells: dict[str, QLabel] = {}
        self._ranges: dict[str, QLabel] = {}
        self._indexed_parts: list[QLabel] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setHorizontalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        for place, side in ((1, "LV"), (3, "RV")):
            head = QLabel(side)
            structure = Structure.LV_CAVITY if side == "LV" else Structure.RV_CAVITY
            head.setStyleSheet(f"font-weight: bold; color: {structure.colour};")
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(head, 0, place)
        for name, sides in _ROWS.items():
            self._add_line(name, sides)
        before = self._grid.rowCount()
        for name, sides in _INDEXED.items():
            self._add_line(name, sides, indexed=True)
        for line in range(before, self._grid.rowCount()):
            for place in range(5):
                item = self._grid.itemAtPosition(line, place)
                if item is not None and isinstance(item.widget(), QLabel):
                    self._indexed_parts.append(item.widget())
        self.sources = QLabel()
        self.sources.setWordWrap(True)
        self.sources.setAccessibleName("Whose the reference ranges are")
        self.sources.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._grid.addWidget(self.sources, self._grid.rowCount(), 0, 1, 5)
        self.show_nothing()

    def _add_line(self, name: str, sides: dict[str, Measure], *, indexed: bool = False) -> None:
        line, shown = self._grid.rowCount(), next(iter(sides.values()))
        unit = f"{shown.unit}/m²" if indexed else shown.unit
        title = f"{name[0].upper()}{name[1:]}"
        if indexed:
            title += "i" if name.isupper() else " index"
        label = QLabel(f"{title} ({unit})")
        describe(label, f"{shown.about}{', per square metre of body surface' if indexed else ''}")
        self._grid.addWidget(label, line, 0)
        for place, side in ((1, "LV"), (3, "RV")):
            if side not in sides:
                continue
            column = sides[side].index_column if indexed else sides[side].column
            cell, range_ = self.cells[column], self._ranges[column] = QLabel("–"), QLabel()
            cell.setAlignment(Qt.AlignmentFlag.AlignRight)
            cell.setAccessibleName(f"{side} {name} in {unit}")
            cell.setStyleSheet("font-weight: bold;" if name == "EF" else "")
            self._grid.addWidget(cell, line, place)
            self._grid.addWidget(range_, line, place + 1)

    def show_nothing(self) -> None:
        """Show that there are no numbers."""
        self.show_measures(Measures())

    def show_measures(self, heart: Measures) -> None:
        """Show a heart's numbers, each beside its reference range where there is one."""
        for part in self._indexed_parts:
            part.setVisible(heart.body_surface_m2 > 0)
        values: dict[str, float | None] = {}
        for measure in (m for sides in _ROWS.values() for m in sides.values()):
            values[measure.column] = measure.of(heart)
            if measure.indexed:
                values[measure.index_column] = heart.indexed(measure.column)
        sources = set[str]()
        for column, value in values.items():
            found = heart.reference(column)
            self._show(column, value, found)
            if found and value is not None and not isnan(value):
                sources.add(found.source)
        people = heart.sex.people if heart.sex else ""
        self.sources.setText(
            f"In brackets: ranges of healthy adult {people}, {heart.papillary.words}; for "
            f"reference, not a diagnosis. {'; '.join(sorted(sources))}."
            if sources
            else ""
        )
        self.sources.setVisible(bool(sources))

    def _show(self, column: str, value: float | None, reference: Reference | None) -> None:
        cell, range_ = self.cells[column], self._ranges[column]
        if value is None or isnan(value):
            cell.setText("–")
            range_.setText("")
            cell.setAccessibleDescription("")
            return
        place = range_said = where = ""
        if reference is not None:
            place, range_said = reference.place(value), f"({reference.low:g}–{reference.high:g})"
            where = f"{place} the reference range {reference} of {reference.source}"
        cell.setText(_MARKS.get(place, "") + number(value))
        range_.setText(range_said)
        cell.setAccessibleDescription(where)
        cell.setToolTip(where)


def number(value: float) -> str:
    """Return a number as it is shown.

    Examples
    --------
    >>> number(-3.4), number(float("nan"))
    ('−3', '–')
    """
    return "–" if isnan(value) else f"{value:.0f}".replace("-", "−")
