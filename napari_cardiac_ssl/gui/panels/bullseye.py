"""The wall of the LV by segment, as it is labelled now: a bullseye, and how the septum lies."""

from math import cos, hypot, isnan, radians, sin
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QToolTip, QWidget

from napari_cardiac_ssl.gui.panels.controls import wrapped
from napari_cardiac_ssl.measures import SEGMENT_NAMES
from napari_cardiac_ssl.writers.report.charts import RINGS, colour_of

#: Half of the picture's side, in the units of `RINGS`: the outermost is 100, around it stand words.
_HALF = 116.0
#: Numbers and words are never smaller than this, pixels of the screen.
_LEGIBLE = 9.0
_SIDES = (("anterior", 0, -107), ("inferior", 0, 107), ("septal", -107, 0), ("lateral", 107, 0))


class Bullseye(QWidget):
    """Values of the 16 segments; the apex in the middle, anterior up, the septum on the left.

    A click or the arrow keys choose a segment; each says what it is when pointed at.

    Attributes
    ----------
    chosen
        ``(segment)``: somebody chose it.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Bullseye of the LV's wall")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(140, 140)
        self.segment = 1
        self._values: dict[int, float] = {}
        self._words: dict[int, str] = {}
        self._range, self._decimals = (0.0, 1.0), 0

    def show_values(
        self,
        values: dict[int, float],
        words: dict[int, str],
        *,
        low: float,
        high: float,
        decimals: int,
    ) -> None:
        """Show a value in each segment (NaN, or none, where there is no value).

        Parameters
        ----------
        values
            By segment, 1 to 16.
        words
            What is said of each.
        low, high
            Values of the lightest and the darkest colour.
        decimals
            Of the numbers.
        """
        self._values, self._words = values, words
        self._range, self._decimals = (low, high), decimals
        self.setAccessibleDescription("; ".join(words[s] for s in sorted(words)))
        self.update()

    def words_of(self, segment: int) -> str:
        """Return what is said of a segment."""
        return self._words.get(segment, f"{SEGMENT_NAMES[segment - 1]} ({segment})")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would be."""
        return QSize(250, 250)

    # -- drawing ---------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for the picture."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(self.width() / 2, self.height() / 2)
        painter.scale(self._scale, self._scale)
        ink = self.palette().windowText().color()
        font = painter.font()
        font.setPixelSize(round(max(11.0, _LEGIBLE / self._scale)))
        painter.setFont(font)
        for words, right, down in _SIDES:
            painter.save()
            painter.setPen(ink)
            painter.translate(right, down)
            if right:
                painter.rotate(-90 if right < 0 else 90)
            painter.drawText(QRectF(-50, -9, 100, 18), Qt.AlignmentFlag.AlignCenter, words)
            painter.restore()
        outline = QPen(QColor("#777777"), 0.8)
        font.setPixelSize(round(max(12.0, _LEGIBLE / self._scale)))
        painter.setFont(font)
        for segment, (inner, outer, middle, half) in _SECTORS.items():
            value = self._values.get(segment, float("nan"))
            fill, text = colour_of(value, *self._range)
            painter.setPen(outline)
            path = _path(inner, outer, middle, half)
            if isnan(value):
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawPath(path)
                continue
            painter.setBrush(_colour(fill))
            painter.drawPath(path)
            painter.setPen(QColor(text))
            x, y = _at((inner + outer) / 2, middle)
            number = f"{value:.{self._decimals}f}".replace("-", "−")
            painter.drawText(QRectF(x - 25, y - 10, 50, 20), Qt.AlignmentFlag.AlignCenter, number)
        self._draw_chosen(painter)

    def _draw_chosen(self, painter: QPainter) -> None:
        """Frame the chosen segment: dark in light, so that it is seen on any colour."""
        path = _path(*_SECTORS[self.segment])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        width = 4.5 if self.hasFocus() else 3.0
        for colour, pen in (("white", width), ("#D55E00", width - 2)):
            painter.setPen(QPen(QColor(colour), pen))
            painter.drawPath(path)

    @property
    def _scale(self) -> float:
        return float(min(self.width(), self.height()) / (2 * _HALF))

    # -- choosing --------------------------------------------------------------------------

    def segment_at(self, x: float, y: float) -> int | None:
        """Return the segment at a place of the widget; None where there is none."""
        x, y = (x - self.width() / 2) / self._scale, (y - self.height() / 2) / self._scale
        turned = float(np.rad2deg(np.arctan2(-y, x)))
        for segment, (inner, outer, middle, half) in _SECTORS.items():
            away = (turned - middle + 180) % 360 - 180
            if inner <= hypot(x, y) < outer and -half <= away < half:
                return segment
        return None

    def place_of(self, segment: int) -> tuple[float, float]:
        """Return the middle of a segment in the widget."""
        inner, outer, middle, _ = _SECTORS[segment]
        x, y = _at((inner + outer) / 2, middle)
        return x * self._scale + self.width() / 2, y * self._scale + self.height() / 2

    def choose(self, segment: int) -> None:
        """Choose a segment."""
        self.segment = segment
        self.update()
        self.chosen.emit(segment)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a click."""
        segment = self.segment_at(event.position().x(), event.position().y())
        if segment is not None:
            self.choose(segment)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells what the mouse points at."""
        segment = self.segment_at(event.position().x(), event.position().y())
        words = "" if segment is None else wrapped(self.words_of(segment))
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a key: the arrows go through the segments in the order of numbers."""
        steps = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Up: -1,
        }
        step = steps.get(event.key())
        if step is None:
            super().keyPressEvent(event)
        else:
            self.choose((self.segment - 1 + step) % len(_SECTORS) + 1)

    def focusInEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that keys go here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that keys go elsewhere."""
        super().focusOutEvent(event)
        self.update()


class ColourBar(QWidget):
    """What the bullseye's colours mean."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(18)
        self._low, self._high, self._unit = 0.0, 1.0, ""

    def show_range(self, low: float, high: float, unit: str) -> None:
        """Show the colours from one value to another."""
        self._low, self._high, self._unit = low, high, unit
        self.setAccessibleName(f"Colours: from {low:g} (light) to {high:g} {unit} (dark)")
        self.update()

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for the picture."""
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        bar = QRectF(self.rect()).adjusted(34, 3, -64, -3)
        for step in range(40):
            value = self._low + (self._high - self._low) * step / 39
            left = bar.left() + bar.width() * step / 40
            part = QRectF(left, bar.top(), bar.width() / 40 + 0.5, bar.height())
            painter.fillRect(part, _colour(colour_of(value, self._low, self._high)[0]))
        painter.drawRect(bar)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRectF(0, 0, 30, self.height()), Qt.AlignmentFlag.AlignRight | middle, f"{self._low:g}"
        )
        painter.drawText(
            QRectF(bar.right() + 4, 0, 60, self.height()), middle, f"{self._high:g} {self._unit}"
        )


#: Segment to inner and outer radius, direction of its middle and half its angle, degrees.
_SECTORS = {
    first + i: (float(inner), float(outer), 90 + 360 / number * i, 180 / number)
    for inner, outer, first, number in RINGS
    for i in range(number)
}


def _at(radius: float, angle_deg: float) -> tuple[float, float]:
    return radius * cos(radians(angle_deg)), -radius * sin(radians(angle_deg))


def _path(inner: float, outer: float, middle: float, half: float) -> QPainterPath:
    path = QPainterPath()
    path.arcMoveTo(QRectF(-outer, -outer, 2 * outer, 2 * outer), middle - half)
    path.arcTo(QRectF(-outer, -outer, 2 * outer, 2 * outer), middle - half, 2 * half)
    path.lineTo(QPointF(*_at(inner, middle + half)))
    path.arcTo(QRectF(-inner, -inner, 2 * inner, 2 * inner), middle + half, -2 * half)
    path.closeSubpath()
    return path


def _colour(said: str) -> QColor:
    """Return a colour that is said as ``rgb(r,g,b)`` or by name."""
    if said.startswith("rgb("):
        return QColor(*(int(part) for part in said[4:-1].split(",")))
    return QColor(said)
