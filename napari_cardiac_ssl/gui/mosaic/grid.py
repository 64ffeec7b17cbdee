"""Which slice stands where in the mosaic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from napari_cardiac_ssl.study import SliceIndex


@dataclass(frozen=True)
class Grid:
    """Slices in rows and columns; the last row may be shorter.

    Parameters
    ----------
    rows
        The slices.
    row_names, column_names
        What stands beside and above them; no names for columns that mean nothing.
    """

    rows: tuple[tuple[SliceIndex, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""
        return len(self.rows), max(map(len, self.rows), default=0)

    @property
    def slices(self) -> tuple[SliceIndex, ...]:
        """All slices, row by row."""
        return tuple(index for row in self.rows for index in row)

    def at(self, row: int, column: int) -> SliceIndex | None:
        """Return the slice at a place; None where there is none."""
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]):
            return self.rows[row][column]
        return None

    def place_of(self, index: SliceIndex) -> tuple[int, int] | None:
        """Return row and column of a slice; None if it is not in the grid."""
        return self._places.get(index)

    @cached_property
    def _places(self) -> dict[SliceIndex, tuple[int, int]]:
        return {
            index: (number, column)
            for number, row in enumerate(self.rows)
            for column, index in enumerate(row)
        }

    def between(self, one: SliceIndex, other: SliceIndex) -> tuple[SliceIndex, ...]:
        """Return the slices of the rectangle that has two slices in its corners."""
        places = self.place_of(one), self.place_of(other)
        if None in places:
            return (other,)
        (top, bottom), (left, right) = (
            sorted(ends) for ends in zip(*(place for place in places if place), strict=True)
        )
        return tuple(
            index for row in self.rows[top : bottom + 1] for index in row[left : right + 1]
        )

    def transposed(self) -> "Grid":
        """Return it with rows and columns exchanged; they have to be of one length."""
        return Grid(tuple(zip(*self.rows, strict=True)), self.column_names, self.row_names)

    def wrapped(self, columns: int) -> "Grid":
        """Return a single row in lines of so many columns.

        Examples
        --------
        >>> line = grid_of(["frame 0"], [0], slices=5)
        >>> line.wrapped(2).rows[2], line.wrapped(2).row_names
        ((SliceIndex(t=0, z=4),), ('0 …', '2 …', '4'))
        """
        (row,), names = self.rows, self.column_names
        starts = range(0, len(row), columns)
        return Grid(
            tuple(row[start : start + columns] for start in starts),
            tuple(names[start] + (" …" if start + 1 < len(row) else "") for start in starts),
        )


def grid_of(names: Sequence[str], frames: Sequence[int], slices: int) -> Grid:
    """Return frames in rows, under each other the same slice.

    Parameters
    ----------
    names
        Of the frames.
    frames
        Which.
    slices
        How many a frame has.
    """
    rows = tuple(tuple(SliceIndex(t, z) for z in range(slices)) for t in frames)
    return Grid(rows, tuple(names), tuple(str(z) for z in range(slices)))


def phases_grid(marks: Mapping[int, str], slices: int) -> Grid:
    r"""Return ED and ES, or the first frame where neither is known.

    Examples
    --------
    >>> phases_grid({9: "ES", 0: "ED"}, 2).row_names
    ('ED\nframe 0', 'ES\nframe 9')
    >>> phases_grid({}, 2).row_names
    ('frame 0',)
    """
    known = sorted(marks, key=lambda t: marks[t])
    names = [f"{marks[t]}\nframe {t}" for t in known]
    return grid_of(names or ["frame 0"], known or [0], slices)


def frames_grid(marks: Mapping[int, str], frames: int, slices: int, *, every: int = 1) -> Grid:
    """Return frames in columns, every n-th with ED and ES, and slices in rows, as the slice map.

    Examples
    --------
    >>> grid = frames_grid({0: "ED", 3: "ES"}, 6, 2, every=2)
    >>> grid.column_names, grid.shape
    (('0 ED', '2', '3 ES', '4'), (2, 4))
    """
    shown = sorted({*range(0, frames, every), *marks})
    names = [f"{t} {marks[t]}" if t in marks else str(t) for t in shown]
    return grid_of(names, shown, slices).transposed()


def side_in(grid: Grid, room: tuple[float, float], aspect: float) -> float:
    """Return how wide a tile may be for all of a grid to be seen at once.

    Parameters
    ----------
    grid
        What is to be seen.
    room
        Width and height that it has.
    aspect
        Height of a tile over its width.

    Examples
    --------
    >>> side_in(phases_grid({0: "ED", 9: "ES"}, 10), (1000, 100), 0.5)
    100.0
    """
    rows, columns = grid.shape
    return min(room[0] / max(1, columns), room[1] / max(1, rows) / aspect)


def arranged(grid: Grid, room: tuple[float, float], aspect: float, side: float | None) -> Grid:
    """Return a grid as it fits best: a single line wrapped, two lines upright in narrow rooms.

    Parameters
    ----------
    grid
        What is to be seen.
    room, aspect
        As in `side_in`.
    side
        How wide tiles are; None for as wide as may be.

    Examples
    --------
    >>> arranged(phases_grid({0: "ED", 9: "ES"}, 10), (200, 1000), 1.0, None).shape
    (10, 2)
    >>> arranged(frames_grid({}, 30, 1), (600, 500), 1.0, None).shape
    (5, 6)
    """
    rows, columns = grid.shape
    if rows == 1:
        if side is not None:
            return grid.wrapped(max(1, int(room[0] // side)))
        every = [grid.wrapped(number) for number in range(1, columns + 1)]
        return max(every, key=lambda one: side_in(one, room, aspect))
    if rows == 2:
        return max((grid, grid.transposed()), key=lambda one: side_in(one, room, aspect))
    return grid
