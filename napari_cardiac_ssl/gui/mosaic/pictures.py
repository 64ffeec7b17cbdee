"""Pictures of slices, made a few at a time and kept until their slice changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QRectF, QTimer, Signal
from qtpy.QtGui import QPainter, QPixmap

from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.orientation import Orientation
from napari_cardiac_ssl.gui.mosaic.tiles import Crop
from napari_cardiac_ssl.gui.slice_painting import grey, paint_slice
from napari_cardiac_ssl.study import SliceIndex, Stack

#: So many pictures are made at a time, and so long others may do their work in between, ms: what
#: the window is kept from is a few milliseconds.
PORTION, PAUSE_MS = 4, 8
#: Portions are shown together, twice as many each time, up to so many: to show something takes much
#: longer than to make it where a large screen is drawn by software.
_MOST_SHOWN = 8
#: Pixels of the pictures that are kept: 128 MiB.
_MOST_PIXELS = 32 * 2**20
#: Width of lines, in Qt's pixels: at least and at most, and a picture's width over it.
_LEAST_LINE, _MOST_LINE, _LINES = 1.0, 2.0, 110


@dataclass(frozen=True, eq=False)
class Look:
    """How the slices of a stack are looked at.

    Parameters
    ----------
    stack
        Whose slices.
    labels, versions
        ``(t, z, y, x)``, and how often those of each slice were written, ``(t, z)``. Both are the
        session's own, and go on changing.
    orientation
        Which way up.
    crop
        Which part of a slice is seen.
    limits
        What is black, and what is white.
    """

    stack: Stack
    labels: NDArray[np.uint8]
    versions: NDArray[np.int64]
    orientation: Orientation
    crop: Crop
    limits: tuple[float, float]

    @property
    def aspect(self) -> float:
        """Height of a picture over its width."""
        rows, columns = self.crop.shape
        _, row_mm, column_mm = self.stack.spacing_mm
        aspect = rows * row_mm / (columns * column_mm)
        return 1 / aspect if self.orientation.transposed else aspect


@dataclass(frozen=True)
class Picture:
    """A picture of a slice.

    Parameters
    ----------
    pixmap
        Grey, with contours.
    empty
        Whether nothing is labelled on the slice.
    made_of
        Which look and which version of the labels it shows.
    """

    pixmap: QPixmap
    empty: bool
    made_of: tuple[int, int]


class Pictures(QObject):
    """Pictures of slices, made when they are first asked for, and anew when they are out of date.

    Nothing is made within `of`: a few pictures are, whenever the window has time.

    Parameters
    ----------
    parent
        What they are for.

    Attributes
    ----------
    made
        ``(tuple of SliceIndex)``: pictures that are new.
    ratio
        How many pixels of the screen each of Qt's has.
    """

    made = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._look: Look | None = None
        self._size, self.ratio = (1, 1), 1.0
        self._number = 0  # of the present look
        self._kept: dict[SliceIndex, Picture] = {}  # in the order in which they were made
        self._untold: list[SliceIndex] = []
        self._together = 1  # portions that are shown at a time
        self._wanted: Callable[[], Iterable[SliceIndex]] = tuple
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.work)

    def want(self, wanted: Callable[[], Iterable[SliceIndex]]) -> None:
        """Say which pictures are to be seen, whenever that is asked."""
        self._wanted = wanted

    def look(self, look: Look | None, size: tuple[int, int], ratio: float) -> None:
        """Look at slices in another way; pictures that are there are shown until others are made.

        Parameters
        ----------
        look
            How; None for no stack.
        size
            Width and height of a picture, in pixels of Qt's.
        ratio
            How many pixels of the screen each has.
        """
        if look is None or self._look is None or look.stack is not self._look.stack:
            self._kept, self._untold = {}, []
        self._look, self._size, self.ratio = look, size, ratio
        self._number += 1
        self.wake()

    def of(self, index: SliceIndex) -> Picture | None:
        """Return the picture of a slice as far as there is one: it may be out of date."""
        return self._kept.get(index)

    def is_due(self, index: SliceIndex) -> bool:
        """Tell whether the picture of a slice is out of date, or not there yet."""
        kept = self._kept.get(index)
        return kept is None or kept.made_of != self._now(index)

    def wake(self) -> None:
        """Make what is due, in a moment."""
        if self._look is not None and not self._timer.isActive():
            self._timer.start()

    def work(self) -> None:
        """Make a portion of the pictures that are due: those first that were made longest ago."""
        if self._look is None:
            return
        due = [index for index in self._wanted() if self.is_due(index)]
        due.sort(key=lambda index: self._kept[index].made_of if index in self._kept else (-1, 0))
        done = tuple(due[:PORTION])
        for index in done:
            self._kept.pop(index, None)
            self._kept[index] = self._make(self._look, index)
        self._untold += done
        is_all = len(due) == len(done)
        if self._untold and (is_all or len(self._untold) >= self._together * PORTION):
            told, self._untold = tuple(self._untold), []
            self._together = 1 if is_all else min(_MOST_SHOWN, 2 * self._together)
            self._forget_old()
            self.made.emit(told)
        if not is_all:
            self._timer.start()

    def _now(self, index: SliceIndex) -> tuple[int, int]:
        return self._number, int(self._look.versions[index]) if self._look is not None else 0

    def _make(self, look: Look, index: SliceIndex) -> Picture:
        """Paint a slice with its contours."""
        turn = look.orientation.picture
        shades = turn(grey(look.crop.of(look.stack.image[index]), look.limits))
        labels = np.asarray(turn(look.crop.of(look.labels[index])))
        wide, high = self._size
        pixmap = QPixmap(round(wide * self.ratio), round(high * self.ratio))
        pixmap.setDevicePixelRatio(self.ratio)
        painter = QPainter(pixmap)
        width = min(_MOST_LINE, max(_LEAST_LINE, wide / _LINES))
        paint_slice(
            painter, QRectF(0, 0, wide, high), np.asarray(shades, np.uint8), lines_of(labels), width
        )
        painter.end()
        return Picture(pixmap, not look.labels[index].any(), self._now(index))

    def _forget_old(self) -> None:
        """Keep no more than there is room for, and all that are to be seen."""
        pixels = round(self._size[0] * self._size[1] * self.ratio**2)
        spare = len(self._kept) - max(1, _MOST_PIXELS // max(1, pixels))
        if spare > 0:
            seen = set(self._wanted())
            for index in [one for one in self._kept if one not in seen][:spare]:
                del self._kept[index]
