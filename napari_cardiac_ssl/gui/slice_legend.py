"""The signs of slice states, and the legend that says what they mean.

States differ by shape as well as by colour, for eyes that do not tell the colours apart.
"""

import math
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.panels.controls import wrapped

#: Colours of the states, none of them a structure's on the picture.
EXPERT, EDITING = QColor("#2F7FD1"), QColor("#E8A33D")
#: Predictions are shaded from those that one may trust to those that one should look at first,
#: which stand out: they are bright on a dark window, and dark on a light one.
SURE, DOUBTFUL = QColor("#66758A"), QColor("#F4E7BE")
SURE_ON_LIGHT, DOUBTFUL_ON_LIGHT = QColor("#A7B3C2"), QColor("#4A2500")
SUGGESTED = QColor("#FF5FA2")

#: What there is a sign of: the states of slices, and `OUTSIDE`, an expert's word without a drawing.
SIGN_WORDS: dict[str, str] = {
    SliceState.EXPERT: "confirmed",
    OUTSIDE: OUTSIDE,
    SliceState.EDITING: "editing",
    SliceState.PREDICTED: "predicted",
    SliceState.UNLABELLED: "empty",
    SliceState.EXCLUDED: "excluded",
}
_MEANING = {
    "confirmed": "yours, right as it is; the model learns from it and never changes it",
    OUTSIDE: "yours: before the first or after the last slice with heart; learned from as empty",
    "editing": "yours, not confirmed yet; the model never changes it",
    "predicted": "the model's; the fifth it is least sure of stands out, most of all the first",
    "empty": "nothing there yet",
    "excluded": "neither learned from nor predicted; labels still count in volumes",
}

#: What is said of the predictions that stand out.
_LOOK_FIRST = "look first"

#: Side of a cell in the legend.
_SIDE = 11.0


class Legend(QWidget):
    """What the cells mean, and how many there are of each."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._doubted = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Slices by state")
        self.setToolTip(wrapped("\n".join(f"{word}: {_MEANING[word]}" for word in _MEANING)))

    def show_counts(self, counts: dict[str, int], *, doubted: bool = False) -> None:
        """Show how many slices there are of each sign; signs without any need no words.

        Parameters
        ----------
        counts
            How many there are of each sign.
        doubted
            Whether predictions stand out as worth a look: then it is said how.
        """
        counts = {sign: number for sign, number in counts.items() if number}
        if (counts, doubted) != (self._counts, self._doubted):
            self._counts, self._doubted = counts, doubted
            self.setAccessibleDescription(", ".join(self.words))
            self.updateGeometry()
            self.update()

    @property
    def words(self) -> list[str]:
        """The counts in words."""
        words = [f"{number} {SIGN_WORDS[sign]}" for sign, number in self._counts.items()]
        return [*words, _LOOK_FIRST] if self._doubted else words

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would like to be: as many lines as the words need."""
        lines = 1 + max((line for _, line in self._places()), default=0)
        return QSize(280, lines * self.fontMetrics().height() + 2)

    minimumSizeHint = sizeHint  # noqa: N815 - Qt's name

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of another width."""
        super().resizeEvent(event)
        self.updateGeometry()

    def _places(self) -> list[tuple[float, int]]:
        """Return where each word begins: how far from the left, and in which line."""
        places, x, line = [], 1.0, 0
        for words in self.words:
            wide = _SIDE + 5 + self.fontMetrics().horizontalAdvance(words)
            if x > 1 and x + wide > self.width():
                x, line = 1.0, line + 1
            places.append((x, line))
            x += wide + 12
        return places

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for the picture."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        high = metrics.height()
        signs = [(sign, 0.35) for sign in self._counts]
        signs += [(SliceState.PREDICTED, 1.0)] if self._doubted else []
        for (sign, doubt), words, (x, line) in zip(signs, self.words, self._places(), strict=True):
            cell = QRectF(x, line * high + (high - _SIDE) / 2, _SIDE, _SIDE)
            paint_cell(painter, cell, sign, doubt, dark=is_dark(self))
            painter.setPen(self.palette().windowText().color())
            painter.drawText(QPointF(x + _SIDE + 5, line * high + metrics.ascent()), words)
        painter.end()


def paint_cell(
    painter: QPainter, cell: QRectF, sign: str, doubt: float, *, dark: bool = True
) -> None:
    """Paint the sign of a slice.

    Parameters
    ----------
    painter
        Its pen and brush are changed.
    cell
        Where.
    sign
        Its state, or `OUTSIDE`.
    doubt
        How much a look at its prediction is worth, 0 to 1; NaN where unknown.
    dark
        Whether the window is dark.
    """
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, sign != SliceState.PREDICTED)
    if sign == SliceState.PREDICTED:
        painter.fillRect(cell, shade(doubt, dark=dark))
    elif sign == SliceState.EXPERT:
        painter.fillRect(cell, EXPERT)
        _paint_tick(painter, cell)
    elif sign == OUTSIDE:  # a dash in the expert's colour: nothing there
        third = cell.height() / 3
        painter.fillRect(cell.adjusted(0, third, 0, -third), EXPERT)
    elif sign == SliceState.EDITING:
        painter.fillRect(cell, SURE)
        painter.setBrush(EDITING)
        painter.drawPolygon(QPolygonF([cell.bottomLeft(), cell.topRight(), cell.bottomRight()]))
    else:
        inner = cell.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(SURE, 1))
        painter.drawRect(inner)
        if sign == SliceState.EXCLUDED:
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.bottomLeft(), inner.topRight())


def _paint_tick(painter: QPainter, cell: QRectF) -> None:
    """Paint the sign of what an expert confirmed: a tick, or a dot where there is no room."""
    side = min(cell.width(), cell.height())
    middle, unit = cell.center(), side / 10
    if side < 7:
        painter.setBrush(QColor("white"))
        painter.drawEllipse(middle, 2 * unit, 2 * unit)
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor("white"), 1.6))
    corners = ((-3, 0), (-1, 2.3), (3, -2.3))
    painter.drawPolyline(QPolygonF([middle + QPointF(x * unit, y * unit) for x, y in corners]))


def shade(doubt: float, *, dark: bool = True) -> QColor:
    """Return the colour of a prediction: it stands out the more, the more one should look at it."""
    share = 0.0 if math.isnan(doubt) else min(max(doubt, 0.0), 1.0)
    ends = (SURE, DOUBTFUL) if dark else (SURE_ON_LIGHT, DOUBTFUL_ON_LIGHT)
    parts = zip(*(end.getRgbF()[:3] for end in ends), strict=True)
    return QColor.fromRgbF(*(sure + share * (doubtful - sure) for sure, doubtful in parts))


def is_dark(widget: QWidget) -> bool:
    """Tell whether a widget's window is dark."""
    palette = widget.palette()
    return bool(palette.window().color().lightness() < palette.windowText().color().lightness())
