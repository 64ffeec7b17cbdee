"""The walls of a stack, ring by ring, remembered until a slice changes."""

from collections.abc import Callable, Iterator
from functools import partial
from math import nan

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.measures.insertion import (
    InsertionPoints,
    Septum,
    points_on,
    septum_of,
)
from napari_cardiac_ssl.measures.ring import Ring, ring_of
from napari_cardiac_ssl.measures.wall import Wall, base_first, wall_of
from napari_cardiac_ssl.study import SliceIndex

_LV = UKBB.code(Structure.LV_CAVITY)


class Walls:
    """Thickness of the wall in the frames of a stack, for `Measured`.

    Parameters
    ----------
    labels, affine, orientation_known
        As of `Measured`.
    insertion
        The RV's insertion points, where somebody has set them.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        affine: NDArray[np.float64],
        orientation_known: bool,
        insertion: InsertionPoints | None,
    ) -> None:
        self._labels, self._affine = labels, affine
        self._orientation_known, self._insertion = orientation_known, insertion
        self._rings: dict[SliceIndex, Ring | None] = {}
        self._walls: dict[int, Wall | None] = {}

    def forget(self, index: SliceIndex) -> None:
        """Measure a slice again when it is asked for: its labels have changed."""
        self._rings.pop(index, None)
        self._walls.pop(index.t, None)

    def set_insertion(self, insertion: InsertionPoints | None) -> None:
        """Turn the segments by the RV's insertion points; with None the labels tell them."""
        self._insertion = insertion
        self._walls.clear()

    def known(self, t: int) -> Wall | None:
        """Return the wall of a frame if it was measured."""
        return self._walls.get(t)

    def of(self, t: int) -> Wall | None:
        """Return the wall of a frame (`wall_thickness`); some 3 ms a slice that has changed."""
        if t not in self._walls:
            areas, rings = self._rings_of(t)
            self._walls[t] = wall_of(
                rings,
                areas,
                self._affine,
                frame=t,
                orientation_known=self._orientation_known,
                insertion=self._insertion,
            )
        return self._walls[t]

    def to_do(self, t: int) -> Iterator[Callable[[], object]]:
        """Yield what is left to be measured before `of` takes no time."""
        for z in range(len(self._labels[t])):
            index = SliceIndex(t, z)
            if index not in self._rings:
                yield partial(self._ring, index)

    def turned_by(self, t: int) -> float:
        """Return by how much the septum is turned against where the labels tell it; NaN if unknown.

        Degrees, towards anterior.
        """
        found, wall = self._found(t), self.of(t)
        if found is None or wall is None or wall.septum is None:
            return nan
        return found.angle_to(wall.septum)

    def insertion_on(
        self, index: SliceIndex, *, turned_by: float | None = None
    ) -> InsertionPoints | None:
        """Return the RV's insertion points as they lie on a slice; None where nothing tells them.

        On a slice whose myocardium closes no ring they lie as on the nearest one that does.

        Parameters
        ----------
        index
            The slice.
        turned_by
            Instead, as the labels tell them, turned by so many degrees towards anterior.
        """
        wall = self.of(index.t)
        septum = wall.septum if wall else None
        if turned_by is not None:
            found = self._found(index.t)
            septum = found.turned(turned_by) if found else None
        if wall is None or septum is None:
            return None
        nearest = min(wall.slices_mm, key=lambda z: abs(z - index.z))
        ring = self._ring(SliceIndex(index.t, nearest))
        if ring is None:  # never: it has a thickness
            return None
        return InsertionPoints(**points_on(septum, ring, self._affine, index.z))

    def _found(self, t: int) -> Septum | None:
        """Return which way the septum lies by the labels alone."""
        areas, rings = self._rings_of(t)
        whole = {z: ring for z, ring in rings.items() if ring is not None}
        from_base = base_first(areas, self._affine, self._orientation_known)
        return septum_of(whole, self._affine, from_base, self._orientation_known)

    def _rings_of(self, t: int) -> tuple[NDArray[np.intp], dict[int, Ring | None]]:
        areas = np.count_nonzero(self._labels[t] == _LV, axis=(1, 2))
        return areas, {int(z): self._ring(SliceIndex(t, int(z))) for z in np.flatnonzero(areas)}

    def _ring(self, index: SliceIndex) -> Ring | None:
        if index not in self._rings:
            self._rings[index] = ring_of(self._labels[index], self._affine)
        return self._rings[index]
