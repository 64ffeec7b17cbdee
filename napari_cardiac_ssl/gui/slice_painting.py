"""A slice as a picture, grey with its contours: the one place where Qt paints it."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.geometry.outlines import Line


def grey(slice_yx: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return a slice as it looks in a window: black at its lower limit, white at the upper.

    Examples
    --------
    >>> grey(np.array([[0, 50, 100, 500]]), (0, 100))
    array([[  0, 127, 255, 255]], dtype=uint8)
    """
    low, high = limits
    scaled = (slice_yx.astype(np.float32) - low) * (255 / max(high - low, 1e-9))
    shades: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return shades


def paint_slice(
    painter: QPainter,
    place: QRectF,
    shades: NDArray[np.uint8],
    lines: dict[Border, list[Line]],
    width: float,
) -> None:
    """Paint a slice with its contours.

    Parameters
    ----------
    painter
        Its pen and brush are changed.
    place
        What the slice's pixels fill.
    shades
        Shape ``(rows, columns)``: the slice (`grey`), the way up that it is looked at.
    lines
        Of its labels, the same way up.
    width
        Of lines.
    """
    shades = np.ascontiguousarray(shades)
    rows, columns = shades.shape
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    image = QImage(shades.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    painter.drawImage(place, image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    corner = np.array([place.top(), place.left()])
    scale = np.array([place.height() / rows, place.width() / columns])
    for border, pieces in lines.items():
        pen = QPen(QColor(WITHIN[border][0].colour), width)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for line in pieces:
            points = (corner + (line + 0.5) * scale).tolist()
            painter.drawPolygon(QPolygonF([QPointF(x, y) for y, x in points]))
