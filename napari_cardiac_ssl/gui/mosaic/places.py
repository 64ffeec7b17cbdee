"""Where each tile of a grid is, in pixels of what is seen of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from napari_cardiac_ssl.gui.mosaic.grid import Grid
from napari_cardiac_ssl.study import SliceIndex

#: Between tiles: there is room for the frame of the slice in view.
GAP = 6

#: Left, top, width, height.
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Places:
    """Tiles below the names of their columns and beside those of their rows.

    Parameters
    ----------
    grid
        Which slice stands where.
    tile
        Width and height of a picture.
    heads
        How wide the names of rows are, and how high those of columns; they are always seen.
    size
        Width and height of all that is seen.
    scrolled
        How far the tiles are scrolled to the left and up.

    Examples
    --------
    >>> from napari_cardiac_ssl.gui.mosaic.grid import grid_of
    >>> places = Places(grid_of(["ED", "ES"], [0, 9], 4), (50, 40), (20, 10), (120, 90), (56, 0))
    >>> places.box_of(SliceIndex(0, 1)), places.at(25, 15), places.at(5, 15)
    ((23, 13, 50, 40), SliceIndex(t=0, z=1), None)
    >>> places.scroll_ranges
    (124, 12)
    """

    grid: Grid = field(default_factory=Grid)
    tile: tuple[int, int] = (1, 1)
    heads: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    scrolled: tuple[int, int] = (0, 0)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a tile with what lies between it and the next."""
        return self.tile[0] + GAP, self.tile[1] + GAP

    @property
    def room(self) -> tuple[int, int]:
        """Width and height of what is seen of the tiles."""
        return max(1, self.size[0] - self.heads[0]), max(1, self.size[1] - self.heads[1])

    @property
    def scroll_ranges(self) -> tuple[int, int]:
        """How far the tiles can be scrolled."""
        rows, columns = self.grid.shape
        (wide, high), (seen_x, seen_y) = self.cell, self.room
        return max(0, columns * wide - seen_x), max(0, rows * high - seen_y)

    def box(self, row: int, column: int) -> Box:
        """Return where the picture of a row and column is."""
        (wide, high), (x, y) = self.cell, self.scrolled
        left = self.heads[0] + column * wide - x + GAP // 2
        top = self.heads[1] + row * high - y + GAP // 2
        return left, top, *self.tile

    def box_of(self, index: SliceIndex) -> Box | None:
        """Return where the picture of a slice is; None if it has none."""
        place = self.grid.place_of(index)
        return None if place is None else self.box(*place)

    def at(self, x: float, y: float) -> SliceIndex | None:
        """Return the slice that is shown somewhere; None beside all."""
        if x < self.heads[0] or y < self.heads[1]:
            return None
        (wide, high), scrolled = self.cell, self.scrolled
        column, row = (
            (x - self.heads[0] + scrolled[0]) // wide,
            (y - self.heads[1] + scrolled[1]) // high,
        )
        return self.grid.at(int(row), int(column))

    def within(self, area: Box) -> Iterator[tuple[Box, SliceIndex]]:
        """Yield the tiles that reach into an area, and their slices."""
        (wide, high), (rows, columns) = self.cell, self.grid.shape
        left, top = (
            area[0] + self.scrolled[0] - self.heads[0],
            area[1] + self.scrolled[1] - self.heads[1],
        )
        last_row, last_column = (top + area[3] - 1) // high, (left + area[2] - 1) // wide
        for row in range(max(0, top // high), min(rows, last_row + 1)):
            for column in range(max(0, left // wide), min(columns, last_column + 1)):
                index = self.grid.at(row, column)
                if index is not None:
                    yield self.box(row, column), index

    def seen(self) -> tuple[SliceIndex, ...]:
        """Return the slices of which something is seen."""
        return tuple(index for _, index in self.within((*self.heads, *self.room)))

    def scrolled_to(self, index: SliceIndex) -> tuple[int, int]:
        """Return how far to scroll for all of a slice's tile to be seen: no further than needed."""
        place = self.grid.place_of(index)
        if place is None:
            return self.scrolled
        ends = []
        for now, step, number, seen in zip(
            self.scrolled, self.cell, place[::-1], self.room, strict=True
        ):
            ends.append(min(max(now, (number + 1) * step - seen), number * step))
        return ends[0], ends[1]
