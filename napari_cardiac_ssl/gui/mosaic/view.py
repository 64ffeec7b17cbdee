"""Tiles of slices, in rows and columns that are scrolled: what is shown, and what is asked of it.

Like the slice map it knows neither session nor napari: it is told what to show and says what was
asked.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import QFontMetrics, QPainter
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.mosaic.grid import Grid, arranged, side_in
from napari_cardiac_ssl.gui.mosaic.painting import Tile, bold, paint_names, paint_tile
from napari_cardiac_ssl.gui.mosaic.pictures import Look, Pictures
from napari_cardiac_ssl.gui.mosaic.places import GAP, Places
from napari_cardiac_ssl.gui.mosaic.selection import Selection
from napari_cardiac_ssl.gui.slice_legend import is_dark
from napari_cardiac_ssl.gui.slice_map import MapContent
from napari_cardiac_ssl.study import SliceIndex

#: How wide a tile may be, in pixels.
LEAST, MOST = 40, 480
#: How far the frame of a tile reaches beyond it.
_AROUND = (-3, -3, 3, 3)
#: A notch of the wheel in Qt's eighths of a degree, and how much larger it makes tiles.
_NOTCH, _ZOOM = 120, 1.15

_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_RETURN, _SPACE = {Qt.Key.Key_Return, Qt.Key.Key_Enter}, Qt.Key.Key_Space
#: What keys ask for.
_VERBS = {
    Qt.Key.Key_C: "confirm",
    Qt.Key.Key_X: "exclude",
    Qt.Key.Key_N: "next",
    Qt.Key.Key_J: "close",
}

_KEYS = (
    "Arrows move, with Shift they select; Return goes there; C confirms, X excludes, Shift-C says "
    "that there is no heart, N goes to the suggested slice, J closes"
)


class MosaicView(QAbstractScrollArea):
    """Tiles of slices.

    Parameters
    ----------
    describe
        Tells of a slice in words, for tooltips.

    Attributes
    ----------
    chosen
        ``(SliceIndex)``: go there.
    menu_asked
        ``(tuple of SliceIndex, QPoint)``: what can be done with them, and where on the screen.
    asked
        ``(str, tuple of SliceIndex)``: ``confirm``, ``exclude``, ``no_heart``; ``next`` for the
        slice that is suggested, ``close`` for the mosaic itself.
    left
        The keyboard is for the picture from now on.
    arranged
        ``(int)``: how wide tiles are now.
    side_asked
        ``(int)``: how wide the user wants tiles to be.
    """

    chosen = Signal(object)
    menu_asked = Signal(object, QPoint)
    asked = Signal(str, object)
    left = Signal()
    arranged = Signal(int)
    side_asked = Signal(int)

    def __init__(self, describe: Callable[[SliceIndex], str]) -> None:
        super().__init__()
        self._describe = describe
        self._wanted, self.places = Grid(), Places()
        self._look: Look | None = None
        self._content = MapContent()
        self._side: int | None = None  # that the user wants; None to fit
        self.selection = Selection()
        self._turned = 0  # of the wheel, what is no whole notch yet
        self.pictures = Pictures(self)
        self.pictures.want(self.seen)
        self.pictures.made.connect(self._update_tiles)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 80)
        self.setAccessibleDescription(_KEYS)
        self._say_focus()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would like to be: two rows of some slices."""
        return QSize(800, self.height_at(800))

    def height_at(self, width: int) -> int:
        """Return how high it has to be at a width for two rows of its slices to fill that."""
        aspect = self._look.aspect if self._look is not None else 1.0
        columns = self._content.signs.shape[1] or 12
        left, top = self._heads()
        tile = min(MOST, max(LEAST, (width - left) // columns - GAP))
        return 2 * (round(tile * aspect) + GAP) + top + 2

    # -- what is shown ---------------------------------------------------------------------

    @property
    def grid(self) -> Grid:
        """Which slice stands where."""
        return self.places.grid

    def show_grid(self, grid: Grid) -> None:
        """Show other slices."""
        if grid != self._wanted:
            self._wanted = grid
            self._arrange()
            self._scroll_to(self._content.current)

    def show_look(self, look: Look | None) -> None:
        """Look at the slices in another way, or at those of another stack."""
        before, self._look = self._look, look
        if look is None or before is None or look.stack is not before.stack:
            self.selection = Selection()
            self._arrange(renewed=True)
        elif look.aspect != before.aspect:
            self._arrange(renewed=True)
        else:  # as with each step of the mouse that sets the window
            self.pictures.look(look, self.places.tile, self.devicePixelRatioF())

    def show_side(self, side: int | None) -> None:
        """Make tiles so wide; None for as wide as all of them fit."""
        if side != self._side:
            self._side = side
            self._arrange()

    def show_content(self, content: MapContent) -> None:
        """Show other signs, another slice in view or suggested; only such tiles are painted."""
        before, self._content = self._content, content
        changed = {before.current, content.current, before.suggested, content.suggested}
        if content.signs.shape == before.signs.shape:
            changed.update(index for index in self.seen() if content.differs(before, index))
        else:
            self.viewport().update()
        moved = content.current != before.current
        if moved or self.selection.cursor is None:
            self._put_cursor(content.current)
        if moved:
            self._scroll_to(content.current)
            self.viewport().update(self._head(0))
            self.viewport().update(self._head(1))
        self._update_tiles(changed)
        self._say_focus()
        self.pictures.wake()

    def _arrange(self, *, renewed: bool = False) -> None:
        """Lay tiles out anew: others are shown, or there is other room for them."""
        look, before = self._look, self.places.tile
        size = (self.viewport().width(), self.viewport().height())
        self.places = Places(Grid(), before, (0, 0), size)
        if look is not None and self._wanted.rows:
            aspect, gap = look.aspect, GAP / (self._side or LEAST)
            ratio = (aspect + gap) / (1 + gap)  # of a tile with what lies between
            wide = None if self._side is None else self._side + GAP
            self._place(grid=arranged(self._wanted, size, ratio, wide))
            self._place(heads=self._heads())
            side = self._side
            if side is None:
                fitted = side_in(self.grid, self.places.room, ratio) - GAP
                side = min(MOST, max(LEAST, math.floor(fitted)))
            self._place(tile=(side, max(1, round(side * aspect))))
        ratio = self.devicePixelRatioF()
        if renewed or self.places.tile != before or ratio != self.pictures.ratio:
            self.pictures.look(look, self.places.tile, ratio)
        self.selection.keep_to(self.grid)
        self._measure_bars()
        self.arranged.emit(self.places.tile[0])
        self.viewport().update()
        self.pictures.wake()

    def _measure_bars(self) -> None:
        bars = self.horizontalScrollBar(), self.verticalScrollBar()
        places = self.places
        for bar, most, step, seen in zip(
            bars, places.scroll_ranges, places.cell, places.room, strict=True
        ):
            bar.setPageStep(seen)
            bar.setSingleStep(step)
            bar.setRange(0, most)
        self._place(scrolled=tuple(bar.value() for bar in bars))

    def _put_cursor(self, index: SliceIndex | None) -> None:
        """Have the cursor follow the slice in view, unless slices are selected."""
        seen = index is not None and self.grid.place_of(index) is not None
        if index is not None and seen and not self.selection.slices:
            self.selection.put(index)

    def _scroll_to(self, index: SliceIndex | None) -> None:
        """Have all of a slice's tile in view."""
        if index is not None:
            x, y = self.places.scrolled_to(index)
            self.horizontalScrollBar().setValue(x)
            self.verticalScrollBar().setValue(y)

    # -- where things are ------------------------------------------------------------------

    def _heads(self) -> tuple[int, int]:
        """Return how wide the names of rows are, and how high those of columns."""
        metrics, grid = QFontMetrics(bold(self.font())), self.grid
        words = [line for name in grid.row_names for line in name.split("\n")]
        lines = max((name.count("\n") + 1 for name in grid.column_names), default=0)
        wide = max((int(metrics.horizontalAdvance(word)) for word in words), default=0)
        return wide + 10, lines * int(metrics.height()) + 2

    def _place(self, **changed: Any) -> None:
        self.places = replace(self.places, **changed)

    def _head(self, axis: int) -> QRect:
        """Return where the names of rows (0) or columns (1) are."""
        (wide, high), size = self.places.heads, self.places.size
        return QRect(0, 0, size[0], high) if axis else QRect(0, 0, wide, size[1])

    def tile_of(self, index: SliceIndex) -> QRect:
        """Return where the picture of a slice is, in the viewport; empty if it has none."""
        return QRect(*(self.places.box_of(index) or (0, 0, 0, 0)))

    def _at(self, place: Any) -> SliceIndex | None:
        return self.places.at(place.x(), place.y())

    def seen(self) -> tuple[SliceIndex, ...]:
        """Return the slices that are to be seen: none while the mosaic is hidden."""
        return self.places.seen() if self._look is not None and self.isVisible() else ()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the tiles were scrolled."""
        self._place(scrolled=(self.horizontalScrollBar().value(), self.verticalScrollBar().value()))
        self.viewport().update()
        self.pictures.wake()

    def _update_tiles(self, slices: Iterable[SliceIndex | None]) -> None:
        """Have the tiles of some slices painted again."""
        for index in slices:
            box = self.places.box_of(index) if index is not None else None
            if box is not None:
                self.viewport().update(QRect(*box).adjusted(*_AROUND))

    # -- painting --------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt asks for a part of the picture."""
        painter = QPainter(self.viewport())
        region, dark = event.region(), is_dark(self)
        painter.fillRect(event.rect(), self.palette().window())
        if self.devicePixelRatioF() != self.pictures.ratio:  # on another screen
            self.pictures.look(self._look, self.places.tile, self.devicePixelRatioF())
        for box, index in self.places.within(event.rect().getRect()):
            place = QRect(*box)
            if region.intersects(place.adjusted(*_AROUND)):
                picture = self.pictures.of(index)
                paint_tile(painter, place, self._said(index), picture, self.palette(), dark=dark)
        for axis in (0, 1):
            if region.intersects(self._head(axis)):
                current = self._content.current
                here = self.grid.place_of(current) if current is not None else None
                palette, font = self.palette(), self.font()
                paint_names(painter, self.places, axis, here, palette=palette, font=font)
        painter.end()

    def _said(self, index: SliceIndex) -> Tile:
        content, chosen = self._content, self.selection
        known = index.t < content.signs.shape[0] and index.z < content.signs.shape[1]
        doubt = math.nan if content.doubt is None or not known else float(content.doubt[index])
        return Tile(
            content.signs[index] if known else SliceState.UNLABELLED,
            doubt,
            index == content.current,
            index == content.suggested,
            index in chosen.slices,
            index == chosen.cursor and self.hasFocus(),
        )

    # -- asking ----------------------------------------------------------------------------

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a click: go there; with Ctrl or Shift, select."""
        index = self._at(event.position())
        if index is None:
            return
        chosen, held = self.selection, event.modifiers()
        if event.button() == Qt.MouseButton.RightButton:
            if index not in chosen.slices:
                chosen.put(index)
        elif held & _SHIFT:
            chosen.extend(index, self.grid)
        elif held & _CONTROL:
            chosen.toggle(index)
        else:
            chosen.put(index)
            self.chosen.emit(index)
        self._show_selection()

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a second click: to work there."""
        if event.button() == Qt.MouseButton.LeftButton and self._at(event.position()) is not None:
            self.left.emit()

    def contextMenuEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the menu of the selected slices is asked for, by mouse or by key."""
        meant = self.selection.meant
        if meant and event.reason() == event.Reason.Keyboard:
            corner = self.tile_of(self.selection.cursor or meant[0]).center()
            self.menu_asked.emit(meant, self.viewport().mapToGlobal(corner))
        elif meant and self._at(event.pos()) is not None:
            self.menu_asked.emit(meant, event.globalPos())

    def wheelEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of the wheel: with Ctrl tiles get larger or smaller, else they are scrolled."""
        if not event.modifiers() & _CONTROL:
            super().wheelEvent(event)
            return
        self._turned += event.angleDelta().y()
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        if notches:
            side = round(self.places.tile[0] * _ZOOM**notches)
            self.side_asked.emit(min(MOST, max(LEAST, side)))
        event.accept()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a key: arrows move the cursor, Return goes to work there, letters act."""
        chosen, key, held = self.selection, event.key(), event.modifiers()
        if key in _STEPS and not held & _CONTROL:
            self._step(*_STEPS[key], extend=bool(held & _SHIFT))
        elif key in {_SPACE, *_RETURN} and chosen.cursor is not None:
            chosen.put(chosen.cursor)
            self.chosen.emit(chosen.cursor)
            if key != _SPACE:
                self.left.emit()
        elif key == Qt.Key.Key_C and held & _SHIFT:
            self.asked.emit("no_heart", chosen.meant)
        elif key in _VERBS and not held & _CONTROL:
            self.asked.emit(_VERBS[key], chosen.meant)
        elif key == Qt.Key.Key_A and held & _CONTROL:
            chosen.select(self.grid.slices)
        elif key == Qt.Key.Key_Escape and chosen.slices:
            chosen.clear()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
            return
        self._show_selection()

    def _step(self, rows: int, columns: int, *, extend: bool) -> None:
        """Move the cursor; the first step puts it on the slice in view."""
        chosen = self.selection
        here = self.grid.place_of(chosen.cursor) if chosen.cursor is not None else None
        if here is None:
            index = self._content.current
            index = index if index in self.grid.slices else self.grid.at(0, 0)
        else:
            index = self.grid.at(here[0] + rows, here[1] + columns)
        if index is not None and extend:
            chosen.extend(index, self.grid)
        elif index is not None:
            chosen.put(index)

    def _show_selection(self) -> None:
        self._scroll_to(self.selection.cursor)
        self.viewport().update()
        self._say_focus()

    def _say_focus(self) -> None:
        """Tell those who do not see which slice the keys are about."""
        index, content = self.selection.cursor, self._content
        words = "Mosaic"
        if index is not None and index.t < len(content.signs):
            words = f"frame {index.t}, slice {index.z}: {self._said(index).words}"
        if self.accessibleName() != words:
            self.setAccessibleName(words)

    # -- Qt --------------------------------------------------------------------------------

    def focusInEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that keys come here: the cursor is seen."""
        super().focusInEvent(event)
        if self.selection.cursor is None:
            self._step(0, 0, extend=False)
        self._show_selection()

    def focusOutEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that keys go elsewhere."""
        super().focusOutEvent(event)
        self.viewport().update()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of other room."""
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that it is to be seen: pictures are made of what went on unseen."""
        super().showEvent(event)
        self._arrange()

    def changeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the window is looked at in another theme."""
        super().changeEvent(event)
        self.viewport().update()

    def viewportEvent(self, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt tells of anything in the viewport: here of the wish for a tooltip."""
        if event.type() == QEvent.Type.ToolTip:
            index = self._at(event.pos())
            if index is None:
                QToolTip.hideText()
            else:
                place = self.tile_of(index)
                QToolTip.showText(event.globalPos(), self._describe(index), self, place)
            return True
        return bool(super().viewportEvent(event))
