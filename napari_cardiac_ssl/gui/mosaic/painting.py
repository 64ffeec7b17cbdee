"""How a tile of the mosaic is painted: its picture, its state, and which slice it is."""

from dataclasses import dataclass

from qtpy.QtCore import QRect, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPalette, QPen

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.mosaic.pictures import Picture
from napari_cardiac_ssl.gui.mosaic.places import Places
from napari_cardiac_ssl.gui.slice_legend import SIGN_WORDS, SUGGESTED, paint_cell

_BLACK, _LETTERS, _SHADE = QColor("#000000"), QColor("#F0F0F0"), QColor(0, 0, 0, 150)
#: Over selected slices, and round them.
_SELECTED = QColor("#5B8CFF")
#: How much of an excluded slice is to be seen, and of the colour over selected ones.
_EXCLUDED_OPACITY, _SELECTED_OPACITY = 0.35, 0.25
#: Sides of a sign, pixels: at least and at most, and a tile's width over it.
_LEAST_SIGN, _MOST_SIGN, _SIGNS = 8, 18, 6


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

    @property
    def words(self) -> str:
        """The same for those who do not see it."""
        said = [SIGN_WORDS[self.sign]]
        said += ["suggested"] if self.suggested else []
        said += ["in view"] if self.current else []
        said += ["selected"] if self.selected else []
        return ", ".join(said)


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
    side = min(_MOST_SIGN, max(_LEAST_SIGN, place.width() // _SIGNS))
    plate = QRectF(place.left() + 3, place.top() + 3, side + 4, side + 4)
    painter.fillRect(plate, palette.window())
    paint_cell(painter, plate.adjusted(2, 2, -2, -2), tile.sign, tile.doubt, dark=dark)


def _paint_words(
    painter: QPainter, place: QRect, words: str, ground: QColor, letters: QColor
) -> None:
    """Write something at the bottom of a tile, if there is room."""
    metrics = painter.fontMetrics()
    wide, high = metrics.horizontalAdvance(words) + 6, metrics.height()
    if wide <= place.width() and 3 * high <= place.height():
        line = QRect(place.right() - wide, place.bottom() - high + 1, wide, high)
        painter.fillRect(line, ground)
        painter.setPen(letters)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), words)


def paint_names(
    painter: QPainter,
    places: Places,
    axis: int,
    here: tuple[int, int] | None,
    *,
    palette: QPalette,
    font: QFont,
) -> None:
    """Paint the names of rows (axis 0) or columns (1): that of the slice in view is bold.

    Parameters
    ----------
    painter
        Its pen and font are changed.
    places
        Where the tiles are.
    axis
        Which names.
    here
        Row and column of the slice in view.
    palette, font
        The window's.
    """
    (left, top), (wide, high) = places.heads, places.size
    names = places.grid.column_names if axis else places.grid.row_names
    painter.fillRect(QRect(0, 0, wide, top) if axis else QRect(0, 0, left, high), palette.window())
    painter.setClipRect(QRect(left, 0, wide, top) if axis else QRect(0, top, left, high))
    text = palette.windowText().color()
    dim = QColor(text)
    dim.setAlphaF(0.75)
    for number, name in enumerate(names):
        tile = QRect(*(places.box(0, number) if axis else places.box(number, 0)))
        place = (
            QRect(tile.left(), 0, tile.width(), top)
            if axis
            else QRect(0, tile.top(), left - 4, tile.height())
        )
        is_here = here is not None and here[axis] == number
        painter.setFont(bold(font) if is_here else font)
        painter.setPen(text if is_here else dim)
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), name)
    painter.setFont(font)
    painter.setClipping(False)


def bold(font: QFont) -> QFont:
    """Return a font in bold."""
    made = QFont(font)
    made.setBold(True)
    return made


def _pen(colour: QColor, width: int) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen
