"""A slice of a stack as a picture by Qt alone: cheap enough to follow the cine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.orientation import Orientation
from napari_cardiac_ssl.geometry.outlines import Line
from napari_cardiac_ssl.gui.display import contrast_limits
from napari_cardiac_ssl.gui.preferences import orientation_of
from napari_cardiac_ssl.gui.slice_painting import grey, paint_slice
from napari_cardiac_ssl.study import SliceIndex, Stack

_BACKGROUND, _LETTERS, _SHADE = QColor("#000000"), QColor("#D0D0D0"), QColor(0, 0, 0, 140)
#: How far the wheel zooms, and the field that it ends at, mm.
_ZOOM, _LEAST_MM = 1.2, 60.0
#: Width of contours.
_LINE_PX = 1.2


class SlicePicture(QWidget):
    """A slice as it is looked at, which sides of the patient are where, and a zoom.

    What is painted over it is `paint_over`.

    Attributes
    ----------
    zoomed
        ``(float)``: how much larger the user wants all linked pictures to be.
    stack_shown
        Another stack is shown.
    """

    zoomed = Signal(float)
    stack_shown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._stack: Stack | None = None
        self._orientation = Orientation()
        self._limits = (0.0, 1.0)
        self._index = SliceIndex(0, 0)
        self._contours: dict[Border, list[Line]] = {}
        self._centre = np.zeros(2)  # of what is shown, in the picture's mm
        self._field_mm = 200.0
        self._linked: float | None = None  # the scale of all pictures, if they are linked
        self._linked_centre: tuple[float, ...] | None = None
        self.setMinimumSize(120, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size that shows a heart."""
        return QSize(240, 170)

    def show_stack(self, stack: Stack | None, centre_mm: NDArray[np.float64] | None = None) -> None:
        """Show another stack: its middle slice at first.

        Parameters
        ----------
        stack
            Whose; None for none.
        centre_mm
            What to have in the middle, RAS+ mm; the picture's own middle by default.
        """
        self._stack, self._contours = stack, {}
        if stack is not None:
            self._index = SliceIndex(0, stack.slices // 2)
            self._orientation = orientation_of(stack)
            self._limits = contrast_limits(stack.image)
            height, width = stack.image.shape[2:]
            middle = np.array([(width - 1) / 2, (height - 1) / 2])
            self._field_mm = 1.05 * float(max(self._size_mm()))
            if centre_mm is not None:
                middle = stack.voxel_xyz(centre_mm)[:2]
                self._field_mm = min(self._field_mm, 190.0)
            self._centre = self._to_mm(middle)
        self.update()
        self.stack_shown.emit()

    def look_at(self, middle_xy: NDArray[np.float64], field_mm: float) -> None:
        """Have a place in the middle, stored column and row, and so much about it in view."""
        self._centre, self._field_mm = self._to_mm(middle_xy), field_mm
        self.update()

    def link(self, scale: float | None, point_mm: NDArray[np.float64] | None = None) -> None:
        """Look as other pictures do, until it is taken back.

        Parameters
        ----------
        scale
            Pixels of the screen for a millimetre; None to have a zoom of its own again.
        point_mm
            What is in the middle, or the nearest to it in this plane, RAS+ mm; None for the middle
            that the picture has of its own.
        """
        centre = None
        if self._stack is not None and scale is not None and point_mm is not None:
            centre = tuple(self._to_mm(self._stack.voxel_xyz(point_mm)[:2]).tolist())
        if (scale, centre) != (self._linked, self._linked_centre):
            self._linked, self._linked_centre = scale, centre
            self.update()

    @property
    def stack(self) -> Stack | None:
        """What is shown."""
        return self._stack

    @property
    def limits(self) -> tuple[float, float]:
        """What is black, and what is white."""
        return self._limits

    # -- Qt --------------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Draw the slice, what lies over it, and which side is which."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _BACKGROUND)
        stack = self._stack
        if stack is not None:
            shades = np.asarray(
                self._orientation.picture(grey(stack.image[self._index], self._limits)), np.uint8
            )
            rows, columns = shades.shape
            first, last = self._to_screen(np.array([[-0.5, -0.5], [columns - 0.5, rows - 0.5]]))
            place = QRectF(QPointF(*first), QPointF(*last))
            paint_slice(painter, place, shades, self._contours, _LINE_PX)
            self.paint_over(painter)
            self._paint_sides(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def paint_over(self, painter: QPainter) -> None:
        """Paint what lies over the slice: nothing, unless it is said."""

    def wheelEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Zoom about the middle."""
        factor = _ZOOM ** (event.angleDelta().y() / 120)
        if self._linked is not None:
            self.zoomed.emit(factor)
        elif self._stack is not None:
            most = 1.5 * float(max(self._size_mm()))
            self._field_mm = float(np.clip(self._field_mm / factor, _LEAST_MM, most))
            self.update()
        event.accept()

    def _paint_sides(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(_LETTERS)
        inside = QRectF(self.rect()).adjusted(4, 2, -4, -2)
        for letter, side in zip(
            self._orientation.sides,
            (
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
                Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
            ),
            strict=False,
        ):
            around = painter.boundingRect(inside, int(side), letter).adjusted(-2, 0, 2, 0)
            painter.fillRect(around, _SHADE)
            painter.drawText(inside, int(side), letter)

    def paint_words(self, painter: QPainter, place: QRectF, words: str) -> None:
        """Write words over the picture."""
        painter.fillRect(place, _SHADE)
        painter.setPen(_LETTERS)
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)

    # -- where things are ------------------------------------------------------------------

    def _pixel_mm(self) -> NDArray[np.float64]:
        """Return the picture's pixel size along x and y."""
        if self._stack is None:
            return np.ones(2)
        _, y, x = self._stack.spacing_mm
        return np.array([y, x] if self._orientation.transposed else [x, y])

    def _size_mm(self) -> NDArray[np.float64]:
        if self._stack is None:
            return np.ones(2)
        height, width = self._stack.image.shape[2:]
        size = (height, width) if self._orientation.transposed else (width, height)
        return np.array(size) * self._pixel_mm()

    def _picture_xy(self, points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self._stack.image.shape[2:] if self._stack is not None else (1, 1)
        return self._orientation.to_picture(points_xy, shape)

    def _to_mm(self, points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._picture_xy(points_xy) * self._pixel_mm())

    def _scale(self) -> float:
        """Return how many pixels of the screen a millimetre has."""
        own = float(min(self.width(), self.height())) / self._field_mm
        return own if self._linked is None else self._linked

    def _middle_mm(self) -> NDArray[np.float64]:
        """Return what is in the middle, in the picture's mm."""
        return self._centre if self._linked_centre is None else np.array(self._linked_centre)

    def _to_screen(self, picture_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        middle = np.array([self.width() / 2, self.height() / 2])
        return np.asarray(
            middle + (picture_xy * self._pixel_mm() - self._middle_mm()) * self._scale()
        )

    def _from_screen(self, at_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        middle = np.array([self.width() / 2, self.height() / 2])
        return np.asarray(((at_xy - middle) / self._scale() + self._middle_mm()) / self._pixel_mm())
