"""How a tile of the mosaic is painted: its picture, its state, and which slice it is."""

from dataclasses import dataclass

from qtpy.QtCore import QRect, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.mosaic.pictures import Picture
from napari_cardiac_ssl.gui.slice_legend import SUGGESTED, paint_cell

_BLACK, _LETTERS, _SHADE = QColor("#000000"), QColor("#F0F0F0"), QColor(0, 0, 0, 150)
#: Over selected slices, and round them.
_SELECTED = QColor("#5B8CFF")
#: How much of an excluded slice is to be seen, and of the colour over selected ones.
_EXCLUDED_OPACITY, _SELECTED_OPACITY = 0.35, 0.25
#: On tiles from this width on, signs are larger, and words have room.
_ROOMY = 110


@dataclass(frozen=True)
class Tile:
    """What there is to be said of a slice beside its picture.

    Parameters
    ----------
    sign
        Its state, or `OUTSIDE`.
    doubt
        How much a look at it is worth, 0 to 1; NaN where unknown.
    current, suggested, selected, focused
        Whether it is the slice in view, the one to look at next, selected, and under the cursor of
        a mosaic that has the keyboard.
    """

    sign: str
    doubt: float
    current: bool
    suggested: bool
    selected: bool
    focused: bool


def paint_tile(
    painter: QPainter,
    place: QRect,
    tile: Tile,
    picture: Picture | None,
    palette: QPalette,
    *,
    dark: bool,
) -> None:
    """Paint a tile, and its frame just outside it.

    Parameters
    ----------
    painter
        Its pen and brush are changed.
    place
        Where the picture is.
    tile
        What is said of the slice.
    picture
        None while there is none yet.
    palette, dark
        The window's.
    """
    painter.fillRect(place, _BLACK)
    if picture is not None:
        painter.setOpacity(_EXCLUDED_OPACITY if tile.sign == SliceState.EXCLUDED else 1.0)
        painter.drawPixmap(place, picture.pixmap)
        painter.setOpacity(1.0)
        if picture.empty and tile.sign in {SliceState.EXPERT, OUTSIDE}:
            _paint_words(painter, place, "no heart", _SHADE, _LETTERS)
    if tile.selected:
        painter.setOpacity(_SELECTED_OPACITY)
        painter.fillRect(place, _SELECTED)
        painter.setOpacity(1.0)
    _paint_sign(painter, place, tile, palette, dark=dark)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if tile.selected:
        painter.setPen(_pen(_SELECTED, 2))
        painter.drawRect(place.adjusted(1, 1, -1, -1))
    if tile.suggested:
        _paint_words(painter, place, "next", SUGGESTED, _BLACK)
        painter.setPen(_pen(SUGGESTED, 2))
        painter.drawRect(place.adjusted(1, 1, -1, -1))
    if tile.current:
        for colour, width, away in (
            (palette.windowText().color(), 3, 2),
            (palette.window().color(), 1, 0),  # or a dark frame is lost beside a dark picture
        ):
            painter.setPen(_pen(colour, width))
            painter.drawRect(place.adjusted(-away, -away, away - 1, away - 1))
    if tile.focused:
        for colour, style in (
            (_BLACK, Qt.PenStyle.SolidLine),
            (_LETTERS, Qt.PenStyle.DashLine),
        ):
            pen = _pen(colour, 1)
            pen.setStyle(style)
            painter.setPen(pen)
            painter.drawRect(place.adjusted(3, 3, -4, -4))


def _paint_sign(
    painter: QPainter, place: QRect, tile: Tile, palette: QPalette, *, dark: bool
) -> None:
    """Paint the sign of the state, on a plate of the window's colour: as in the slice map."""
    side = 13 if place.width() >= _ROOMY else 10
    plate = QRectF(place.left() + 3, place.top() + 3, side + 4, side + 4)
    painter.fillRect(plate, palette.window())
    paint_cell(painter, plate.adjusted(2, 2, -2, -2), tile.sign, tile.doubt, dark=dark)


def _paint_words(
    painter: QPainter, place: QRect, words: str, ground: QColor, letters: QColor
) -> None:
    """Write something at the bottom of a tile, if there is room."""
    metrics = painter.fontMetrics()
    wide, high = metrics.horizontalAdvance(words) + 6, metrics.height()
    if wide <= place.width() and 2 * high <= place.height():
        line = QRect(place.right() - wide, place.bottom() - high + 1, wide, high)
        painter.fillRect(line, ground)
        painter.setPen(letters)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), words)


def _pen(colour: QColor, width: int) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen
