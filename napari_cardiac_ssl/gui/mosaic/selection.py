"""Which slices of the mosaic are acted on: a cursor, and what is selected beside it."""

from napari_cardiac_ssl.gui.mosaic.grid import Grid
from napari_cardiac_ssl.study import SliceIndex


class Selection:
    """A cursor among slices, and those that are selected.

    Attributes
    ----------
    cursor
        The slice that keys are about; None while there is none.
    slices
        Those that are selected.
    """

    def __init__(self) -> None:
        self.cursor: SliceIndex | None = None
        self.slices: frozenset[SliceIndex] = frozenset()
        self._anchor: SliceIndex | None = None  # where a range begins

    @property
    def meant(self) -> tuple[SliceIndex, ...]:
        """The slices that are acted on, in order: that under the cursor where none is selected."""
        if self.slices:
            return tuple(sorted(self.slices))
        return () if self.cursor is None else (self.cursor,)

    def clear(self) -> None:
        """Select nothing; the cursor stays."""
        self.slices = frozenset()

    def put(self, index: SliceIndex) -> None:
        """Put the cursor on a slice, and select nothing."""
        self.cursor = self._anchor = index
        self.clear()

    def toggle(self, index: SliceIndex) -> None:
        """Select a slice, too, or no longer: the one under the cursor is the first."""
        first = {self.cursor} if self.cursor is not None and not self.slices else set()
        self.slices = (self.slices | first) ^ {index} if index not in first else frozenset({index})
        self.cursor = self._anchor = index

    def extend(self, index: SliceIndex, grid: Grid) -> None:
        """Select all from where the range began to a slice."""
        self._anchor = self._anchor or self.cursor or index
        self.slices = frozenset(grid.between(self._anchor, index))
        self.cursor = index

    def select(self, slices: tuple[SliceIndex, ...]) -> None:
        """Select some slices, and no others."""
        self.slices = frozenset(slices)

    def keep_to(self, grid: Grid) -> None:
        """Forget what a grid does not show: nobody acts on what he does not see."""
        self.slices = frozenset(one for one in self.slices if grid.place_of(one) is not None)
        for name in ("cursor", "_anchor"):
            index = getattr(self, name)
            if index is not None and grid.place_of(index) is None:
                setattr(self, name, None)
