"""A closed line moved outwards or inwards as a whole: by the same distance everywhere.

What lies at the same distance from a line is found in the field of signed distances round it, and
not by moving its points: so it never crosses itself. Where a line that shrinks would fall into
pieces the largest is kept, and where one that grows meets itself it closes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.draw import polygon2mask
from skimage.measure import find_contours, points_in_poly

from napari_cardiac_ssl.geometry.outlines import Line, nearest_point

#: How fine the field of distances is; between its places the distance is all but linear.
_STEP_MM = 0.75
#: How near to each other the places on the line are from which distances are taken.
_SAMPLE_MM = 0.2
#: How far a line moves outwards at most.
MOST_MM = 20.0


@dataclass(frozen=True, eq=False)
class Offsets:
    """All the lines that lie about one at the same distance.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    spacing_mm
        Of rows and of columns.
    shape
        ``(y, x)`` of the slice, which no line leaves.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    >>> circle = 30 + 10 * np.c_[np.sin(angle), np.cos(angle)]
    >>> offsets = Offsets(circle, (1.5, 1.5), (60, 60))
    >>> np.hypot(*(offsets.line_at(3.0) - 30).T).mean().round(1)  # 2 voxels of 1.5 mm
    np.float64(12.0)
    >>> np.hypot(*(offsets.line_at(-6.0) - 30).T).mean().round(1)
    np.float64(6.0)
    """

    line: Line
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    def distance_mm(self, place: NDArray[np.float64]) -> float:
        """Return how far from the line a place lies, less than 0 within it.

        Parameters
        ----------
        place
            Row and column, voxels.
        """
        _, distance = nearest_point(self.line, place, self.spacing_mm)
        return -distance if points_in_poly(place[None], self.line)[0] else distance

    def within_limits(self, by_mm: float) -> float:
        """Return the nearest distance to a wanted one by which the line can be moved.

        Inwards it keeps a voxel of what is deepest within it, outwards it goes `MOST_MM`.
        """
        least = min(0.0, float(self._field.min()) + max(self.spacing_mm))
        return float(np.clip(by_mm, least, MOST_MM))

    def line_at(self, by_mm: float) -> Line:
        """Return the line, moved outwards by a distance, or inwards if that is less than 0.

        Parameters
        ----------
        by_mm
            How far; no further than `within_limits`.
        """
        if by_mm == 0:
            return self.line
        found = find_contours(self._field, self.within_limits(by_mm))
        if not found:  # too little to be found on the grid
            return self.line
        largest = max((one[:-1] for one in found), key=_area)
        moved = self._corner + largest * _STEP_MM / self.spacing_mm
        return np.asarray(np.clip(moved, -0.5, np.array(self.shape) - 0.5))

    @cached_property
    def _corner(self) -> NDArray[np.float64]:
        """Where the first place of the field is: row and column, voxels."""
        margin = (MOST_MM + 2 * _STEP_MM) / np.array(self.spacing_mm)
        return np.asarray(self.line.min(axis=0) - margin)

    @cached_property
    def _field(self) -> NDArray[np.float64]:
        """How far from the line each place of a fine grid round it lies, in mm."""
        line_mm = (self.line - self._corner) * self.spacing_mm
        rows, columns = np.ceil(line_mm.max(axis=0) + MOST_MM + 2 * _STEP_MM) / _STEP_MM
        grid = np.indices((int(rows) + 1, int(columns) + 1)).transpose(1, 2, 0)
        distance, _ = cKDTree(_dense(line_mm)).query(grid * _STEP_MM)
        within = polygon2mask(grid.shape[:2], line_mm / _STEP_MM)
        return np.asarray(np.where(within, -distance, distance))


def _dense(line_mm: Line) -> Line:
    """Return places along a closed line, evenly and near to each other."""
    steps = np.roll(line_mm, -1, axis=0) - line_mm
    parts = max(1, int(np.ceil(np.hypot(*steps.T).max() / _SAMPLE_MM)))
    shares = np.arange(parts) / parts
    return np.asarray((line_mm[:, None] + shares[:, None] * steps[:, None]).reshape(-1, 2))


def _area(line: Line) -> float:
    row, column = line.T
    return abs(float(np.sum(column * np.roll(row, -1) - row * np.roll(column, -1)))) / 2
