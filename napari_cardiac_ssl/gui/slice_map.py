"""A map of all slices, frames × slices: what is done, what is doubtful, what is next.

One painted widget that knows neither session nor napari: it is told what to show and says what was
asked.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_cardiac_ssl.gui.slice_legend import SIGN_WORDS, SUGGESTED, is_dark, paint_cell
from napari_cardiac_ssl.study import SliceIndex

#: Sides of a cell in pixels: the least that can be hit, and the most that is of use.
LEAST, MOST_WIDE, MOST_HIGH = 5, 24, 17
#: Height that the rows share.
_ROWS_HEIGHT = 144


@dataclass(frozen=True)
class MapContent:
    """What a slice map shows.

    Parameters
    ----------
    signs
        One for each slice: its state or `OUTSIDE`, shape ``(t, z)``, objects (NumPy makes plain
        strings of some).
    doubt
        How much a look at each is worth, 0 to 1, shape ``(t, z)``; NaN where unknown.
    current
        The slice in view.
    suggested
        The slice to look at next.
    marks
        Words for frames, as ``{0: "ED"}``.
    """

    signs: NDArray[np.object_] = field(default_factory=lambda: np.empty((0, 0), object))
    doubt: NDArray[np.floating[Any]] | None = None
    current: SliceIndex | None = None
    suggested: SliceIndex | None = None
    marks: dict[int, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many slices there are of each sign."""
        every = self.signs.ravel().tolist()
        return {sign: every.count(sign) for sign in SIGN_WORDS}

    @property
    def is_doubted(self) -> bool:
        """Whether some predictions stand out as worth a look."""
        return self.doubt is not None and bool((self.doubt > 0).any())

    def differs(self, other: "MapContent", index: SliceIndex) -> bool:
        """Tell whether a slice looks otherwise than in another, of the same shape."""
        if self.signs[index] != other.signs[index]:
            return True
        ours, others = (
            math.nan if one.doubt is None else one.doubt[index] for one in (self, other)
        )
        return bool(ours != others and not (math.isnan(ours) and math.isnan(others)))

    def has_cells_of(self, other: "MapContent") -> bool:
        """Tell whether all cells look as in another."""
        if not np.array_equal(self.signs, other.signs):
            return False
        if self.doubt is None or other.doubt is None:
            return self.doubt is other.doubt
        return np.array_equal(self.doubt, other.doubt, equal_nan=True)


class SliceMap(QWidget):
    """Cells of slices; a row is a slice, a column a frame.

    Parameters
    ----------
    describe
        Tells of a slice in words, for tooltips.
    """

    chosen = Signal(object)  # SliceIndex: go there
    menu_asked = Signal(object, QPoint)  # SliceIndex, where on the screen
    confirm_asked = Signal()
    end_asked = Signal(str, bool)  # "first" or "last": with heart; whether in every frame

    def __init__(self, describe: Callable[[SliceIndex], str]) -> None:
        super().__init__()
        self._describe = describe
        self._content = MapContent()
        self._cells: QPixmap | None = None  # painted, until one changes
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Slice map")

    # -- what is shown ---------------------------------------------------------------------

    def show_content(self, content: MapContent) -> None:
        """Show something else; nothing is painted before Qt asks."""
        before, self._content = self._content, content
        resized = content.signs.shape != before.signs.shape
        if not content.has_cells_of(before):
            self._cells = None
        if content.current is not None:
            self.setAccessibleDescription(self._describe(content.current))
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would like to be."""
        rows = max(1, self._content.signs.shape[1])
        return QSize(280, self._top + rows * self._cell_height(rows) + 4)

    minimumSizeHint = sizeHint  # noqa: N815 - Qt's name

    @property
    def _is_column(self) -> bool:
        return len(self._content.signs) == 1

    @property
    def _top(self) -> int:
        return 4 if self._is_column else int(self.fontMetrics().height()) + 4

    @property
    def _left(self) -> int:
        return int(self.fontMetrics().horizontalAdvance("00")) + 8

    @staticmethod
    def _cell_height(rows: int) -> int:
        return max(LEAST + 3, min(MOST_HIGH, _ROWS_HEIGHT // max(1, rows)))

    @property
    def _cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        frames, rows = self._content.signs.shape
        wide = (self.width() - self._left - 6) / max(1, frames)
        return max(LEAST, min(MOST_WIDE, wide)), self._cell_height(rows)

    def cell_of(self, index: SliceIndex) -> QRectF:
        """Return where a slice is painted."""
        wide, high = self._cell
        return QRectF(self._left + index.t * wide, self._top + index.z * high, wide, high)

    def slice_at(self, place: QPointF) -> SliceIndex | None:
        """Return the slice that is painted somewhere; None beside the map."""
        wide, high = self._cell
        frames, rows = self._content.signs.shape
        t, z = int((place.x() - self._left) // wide), int((place.y() - self._top) // high)
        if self._is_column and place.x() >= 0:
            t = 0  # the words belong to the slice
        return SliceIndex(t, z) if 0 <= t < frames and 0 <= z < rows else None

    # -- painting --------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for the picture."""
        content = self._content
        ratio = self.devicePixelRatioF()
        if self._cells is None or self._cells.size() != self.size() * ratio:
            self._cells = self._paint_cells(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._cells)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_words(painter)
        if content.suggested is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(SUGGESTED, 2))
            painter.drawRoundedRect(
                self.cell_of(content.suggested).adjusted(-1.5, -1.5, 1, 1), 4, 4
            )
        if content.current is not None:
            cell = self.cell_of(content.current)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().window().color(), 1))
            painter.drawRect(cell.adjusted(1, 1, -1.5, -1.5))
            painter.setPen(QPen(self.palette().windowText().color(), 2))
            painter.drawRect(cell.adjusted(-0.5, -0.5, 0, 0))
        painter.end()

    def _paint_cells(self, ratio: float) -> QPixmap:
        """Paint all cells: a thousand of them take too long for every step through the frames."""
        content = self._content
        cells = QPixmap(self.size() * ratio)
        cells.setDevicePixelRatio(ratio)
        cells.fill(Qt.GlobalColor.transparent)
        dark = is_dark(self)
        painter = QPainter(cells)
        for t, z in np.ndindex(content.signs.shape):
            index = SliceIndex(t, z)
            doubt = math.nan if content.doubt is None else float(content.doubt[index])
            cell = self.cell_of(index).adjusted(0.5, 0.5, -0.5, -0.5)
            paint_cell(painter, cell, content.signs[index], doubt, dark=dark)
        painter.end()
        return cells

    def _paint_words(self, painter: QPainter) -> None:
        """Paint the numbers of slices and frames, ED and ES; in a column the states in words."""
        content, (wide, high) = self._content, self._cell
        frames, rows = content.signs.shape
        text = self.palette().windowText().color()
        dim = QColor(text)
        dim.setAlphaF(0.6)
        plain, bold = QFont(self.font()), QFont(self.font())
        bold.setBold(True)
        line = self.fontMetrics().height()
        step = 1 if high >= line - 2 else 2
        for z in range(rows):
            here = content.current is not None and content.current.z == z
            if z % step and not here:
                continue
            painter.setFont(bold if here else plain)
            painter.setPen(text if here else dim)
            middle = self._top + (z + 0.5) * high
            place = QRectF(0, middle - line / 2, self._left - 5, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, str(z))
            if self._is_column:
                place = QRectF(self._left + wide + 8, middle - line / 2, self.width(), line)
                words = self._describe(SliceIndex(0, z)).split("\n")[1]
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft, words)
        if self._is_column:
            return
        free = -1.0  # where the last word ended
        labels = dict(content.marks)
        if content.current is not None:
            labels.setdefault(content.current.t, str(content.current.t))
        often = 5 if wide >= 6 else 10
        for t in range(0, frames, often):
            if all(abs(t - other) * wide > 2.2 * line for other in labels):
                labels[t] = str(t)
        for t in sorted(labels):
            strong = t in content.marks or (content.current is not None and content.current.t == t)
            painter.setFont(bold if strong else plain)
            painter.setPen(text if strong else dim)
            width = painter.fontMetrics().horizontalAdvance(labels[t])
            left = max(free, min(self._left + (t + 0.5) * wide - width / 2, self.width() - width))
            painter.drawText(QPointF(left, self._top - 5), labels[t])
            free = left + width + 3

    def changeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the window is looked at in another theme."""
        self._cells = None
        super().changeEvent(event)

    # -- asking ----------------------------------------------------------------------------

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a click: go there, whatever the button."""
        index = self.slice_at(event.position())
        if index is not None:
            self.chosen.emit(index)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of the mouse: with the button down, the view follows it."""
        index = self.slice_at(event.position())
        held = event.buttons() & Qt.MouseButton.LeftButton
        if held and index is not None and index != self._content.current:
            self.chosen.emit(index)

    def contextMenuEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the menu of a slice is asked for, by mouse or by key."""
        current = self._content.current
        if event.reason() == event.Reason.Keyboard and current is not None:
            corner = self.cell_of(current).bottomRight().toPoint()
            self.menu_asked.emit(current, self.mapToGlobal(corner))
            return
        index = self.slice_at(QPointF(event.pos()))
        if index is not None:
            self.menu_asked.emit(index, event.globalPos())

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a key: arrows move the view, with Shift name an end, Return confirms."""
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        current, (frames, rows) = self._content.current, self._content.signs.shape
        ends = {Qt.Key.Key_Up: "first", Qt.Key.Key_Down: "last"}
        held = event.modifiers()
        if held & Qt.KeyboardModifier.ShiftModifier and event.key() in ends:
            every = bool(held & Qt.KeyboardModifier.ControlModifier)
            self.end_asked.emit(ends[event.key()], every)
        elif current is not None and event.key() in steps:
            t, z = steps[event.key()]
            index = SliceIndex((current.t + t) % frames, min(max(current.z + z, 0), rows - 1))
            self.chosen.emit(index)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.confirm_asked.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: Any) -> bool:
        """Qt tells of anything: here of the wish for a tooltip."""
        if event.type() == QEvent.Type.ToolTip:
            index = self.slice_at(QPointF(event.pos()))
            if index is None:
                QToolTip.hideText()
            else:
                where = self.cell_of(index).toRect()
                QToolTip.showText(event.globalPos(), self._describe(index), self, where)
            return True
        return bool(super().event(event))
