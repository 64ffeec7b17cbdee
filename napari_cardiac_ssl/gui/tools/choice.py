"""Which of the points to take a contour by is chosen by keys, and how it is told in words."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF
from qtpy.QtGui import QTransform

from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.tools.grips import Grip, Grips


@dataclass(frozen=True)
class Chosen:
    """A point that is chosen.

    Parameters
    ----------
    grip
        Which it is.
    number, of
        The how manieth of its border it is, from 1 and clockwise on the screen, and of how many.
    """

    grip: Grip
    number: int
    of: int

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.grip.border}, point {self.number} of {self.of}"


class Choice:
    """The point that keys move. It stays chosen on other slices, where its border is there.

    Parameters
    ----------
    grips
        The points of the slice in view.
    overlay
        Of the picture.
    """

    def __init__(self, grips: Grips, overlay: PictureOverlay) -> None:
        self._grips, self._overlay = grips, overlay
        self._border: Border | None = None
        self._place = np.zeros(2)

    @property
    def is_made(self) -> bool:
        """Whether a point is chosen, be its border on this slice or not."""
        return self._border is not None

    @property
    def now(self) -> Chosen | None:
        """The point: the nearest of its border to where it was chosen; None where there is none."""
        found = [] if self._border is None else self._points_of(self._border)
        if not found:
            return None
        ways = [self._mm_from_place(one) for one in found]
        number = int(np.argmin(ways))
        return Chosen(found[number], number + 1, len(found))

    def go(self, step: int, drawn: Border | None) -> bool:
        """Choose the next point of the border, clockwise, or (-1) the one before.

        Parameters
        ----------
        step
            Which way.
        drawn
            Whose point is chosen if none is: that of the structure which is drawn.

        Returns
        -------
        bool
            Whether there is one.
        """
        now = self.now
        if now is None:
            there = [border for border in self._grips.points if self._points_of(border)]
            return bool(there) and self.take(drawn if drawn in there else there[-1])
        points = self._points_of(now.grip.border)
        self.keep(points[(now.number - 1 + step) % now.of])
        return True

    def take(self, border: Border) -> bool:
        """Choose the point of a border that is nearest to the chosen one, or its first.

        Returns
        -------
        bool
            Whether there is one; if not, all is as it was.
        """
        points = self._points_of(border)
        if points:
            self.keep(min(points, key=self._mm_from_place) if self.is_made else points[0])
        return bool(points)

    def keep(self, grip: Grip, at: NDArray[np.float64] | None = None) -> None:
        """Have a point be the chosen one; `at` is where it lies, if it was moved."""
        self._border = grip.border
        self._place = self._grips.place(grip) if at is None else at

    def let_go(self) -> None:
        """Choose none."""
        self._border = None

    def _mm_from_place(self, grip: Grip) -> float:
        way = (self._grips.place(grip) - self._place) * self._grips.spacing_mm
        return float(np.hypot(*way))

    def _points_of(self, border: Border) -> list[Grip]:
        """Return the points of a border, clockwise on the screen, piece after piece."""
        found: list[Grip] = []
        for piece, points in enumerate(self._grips.points.get(border, [])):
            grips = [Grip(border, piece, index, True, True, 0.0) for index in points.tolist()]
            if grips and not _runs_clockwise(self._grips.line(grips[0]), self._overlay.to_canvas()):
                grips.reverse()
            found += grips
        return found


def place_words(at: NDArray[np.float64], line: NDArray[np.float64], to_canvas: QTransform) -> str:
    """Return in words where a point of a line is.

    Parameters
    ----------
    at
        Row and column, voxels.
    line
        Whose middle is the middle of the clock, ``(n, 2)``.
    to_canvas
        Where columns and rows are on the screen.

    Examples
    --------
    >>> square = np.array([[0, 0], [0, 4], [4, 4], [4.0, 0]])
    >>> place_words(np.array([2.0, 4.0]), square, QTransform())
    "at 3 o'clock (column 4.0, row 2.0)"
    """
    (middle_y, middle_x), (row, column) = line.mean(axis=0), at
    way = to_canvas.map(QPointF(column, row)) - to_canvas.map(QPointF(middle_x, middle_y))
    hour = round(math.degrees(math.atan2(way.x(), -way.y())) / 30) % 12 or 12
    return f"at {hour} o'clock (column {column:.1f}, row {row:.1f})"


def way_words(right_mm: float, down_mm: float) -> str:
    """Return in words how far something was moved on the screen.

    Examples
    --------
    >>> way_words(-1.2, 0.0), way_words(2.0, -1.0), way_words(0.0, 0.0)
    ('1.2 mm left', '2.0 mm right and 1.0 mm up', 'back where it was')
    """
    words = [
        f"{abs(way):.1f} mm {forwards if way > 0 else backwards}"
        for way, forwards, backwards in ((right_mm, "right", "left"), (down_mm, "down", "up"))
        if round(abs(way), 1)
    ]
    return " and ".join(words) or "back where it was"


def _runs_clockwise(line: NDArray[np.float64], to_canvas: QTransform) -> bool:
    row, column = line.T
    area = np.sum(column * np.roll(row, -1) - row * np.roll(column, -1))
    return bool(area * to_canvas.determinant() > 0)  # y runs down
