"""How learning goes, as two small curves: the loss, and Dice on what was not learned from yet."""

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

#: The eye follows no more, and painting costs.
_MOST_A_SECOND = 5
_HEIGHT = 56
_LEAST_SLICES = 8
_BLUE, _ORANGE = "#56B4E9", "#E69F00"


class StillPlot(pg.PlotWidget):
    """A plot that is neither zoomed nor moved: the wheel scrolls the page that it stands on."""

    def __init__(self) -> None:
        super().__init__(background=None)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()

    def wheelEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of the wheel."""
        event.ignore()


class Curves(QWidget):
    """The loss of the running training and the validation of all models so far.

    Out of sight before there is any: axes alone say nothing, and small windows need the room.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loss, self.dice = _plot("loss", top=True), _plot("Dice on new slices", top=False)
        self.dice.setYRange(0, 1, padding=0.05)
        self.dice.setXRange(0.5, _LEAST_SLICES + 0.5, padding=0)
        self._losses: list[float] = []
        self._line = self.loss.plot(pen=pg.mkPen(_BLUE, width=1.5), antialias=True)
        self._points = self.dice.plot(
            pen=pg.mkPen(_ORANGE, width=1),
            symbol="o",
            symbolSize=5,
            symbolBrush=_ORANGE,
            symbolPen=None,
            antialias=True,
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.loss)
        layout.addWidget(self.dice)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Curves of learning")
        self.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(1000 // _MOST_A_SECOND)
        self._timer.timeout.connect(self._draw)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would like to be."""
        return QSize(280, _HEIGHT)

    def start(self) -> None:
        """Begin anew: another training."""
        self._losses.clear()
        self._wake()

    def add_loss(self, loss: float) -> None:
        """Take in what a step said."""
        self.show()
        self._losses.append(loss)
        self._wake()

    def show_dice(self, values: Sequence[float]) -> None:
        """Show the mean Dice of each slice that was confirmed, the oldest first."""
        if values:
            self.show()
        self.dice.setXRange(0.5, max(_LEAST_SLICES, len(values)) + 0.5, padding=0)
        self._points.setData(list(range(1, len(values) + 1)), list(values))

    def _wake(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _draw(self) -> None:
        # What one step says is noise: the mean of some tells how it goes.
        window = max(1, len(self._losses) // 40)
        ends = range(window, len(self._losses) + 1, window)
        self._line.setData(list(ends), [sum(self._losses[i - window : i]) / window for i in ends])


def _plot(title: str, *, top: bool) -> pg.PlotWidget:
    """Return a small plot with its title inside, where there is room."""
    plot = StillPlot()
    plot.setStyleSheet("background: transparent; border: none;")  # the theme may change
    plot.setAccessibleName(title)
    plot.setMinimumWidth(80)
    plot.getPlotItem().setContentsMargins(0, 0, 2, 0)
    words = pg.LabelItem(title, size="7pt")
    words.setParentItem(plot.getPlotItem().getViewBox())
    words.anchor((1, 1 - top), (1, 1 - top), offset=(-2, 0))
    font = plot.font()
    font.setPointSizeF(7)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setStyle(tickLength=-3, tickTextOffset=2, tickFont=font)
    plot.getAxis("left").setWidth(24)
    plot.getAxis("bottom").setHeight(13)
    return plot
