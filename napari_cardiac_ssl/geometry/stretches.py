"""A stretch of a closed line drawn anew, and the rest as it was."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from scipy.spatial import cKDTree

from napari_cardiac_ssl.geometry.outlines import Line, filled, nearest_point, traced
from napari_cardiac_ssl.geometry.pieces import largest_piece


def overdrawn(line: Line, stroke: NDArray[np.float64], spacing_mm: tuple[float, float]) -> Line:
    """Have a line go where a stroke goes, between the places where that begins and ends.

    Of the two ways from one of these places to the other, round the line, the one that the stroke
    is like is given up: one may draw a little anew, or nearly all.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    stroke
        Shape ``(k, 2)``, voxels; from beside the line to beside the line, either way round.
    spacing_mm
        Of rows and of columns.

    Examples
    --------
    >>> line = np.array([[0, x] for x in range(9)] + [[4, x] for x in range(8, -1, -1)], float)
    >>> stroke = np.array([[0, 5], [-1, 4], [-1, 3], [0, 2.0]])
    >>> new = overdrawn(line, stroke, (1.0, 1.0))
    >>> len(new), new[:, 0].min(), (new == [0, 4]).all(axis=1).any()
    (18, np.float64(-1.0), np.False_)
    """
    start, end = (nearest_point(line, place, spacing_mm)[0] for place in (stroke[0], stroke[-1]))
    number, steps = len(line), (end - start) % len(line)
    on = np.arange(start, start + steps + 1) % number
    back = np.arange(end, end + number - steps + 1) % number
    if _unlike_mm(line[on], stroke, spacing_mm) <= _unlike_mm(line[back], stroke, spacing_mm):
        kept, drawn = line[back], stroke
    else:
        kept, drawn = line[on], stroke[::-1]
    return np.concatenate([kept[1:-1], drawn])


def untangled(line: Line, shape: tuple[int, int]) -> Line:
    """Return a line that does not cross itself, round the largest piece of what another encloses.

    A hand that trembles or goes back draws little loops: they would leave holes and islands.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    shape
        ``(y, x)`` of the slice.

    Returns
    -------
    NDArray
        The line itself if it encloses one piece without holes, or no voxel at all.

    Examples
    --------
    >>> line = np.array([[0.5, 0.5], [0.5, 7.5], [5.5, 7.5], [5.5, 3.5], [7.5, 3.5], [7.5, 5.5]])
    >>> line = np.concatenate([line, [[4.5, 5.5], [4.5, 0.5]]])  # a loop
    >>> filled([line], (9, 9)).sum(), filled([untangled(line, (9, 9))], (9, 9)).sum()
    (np.int64(34), np.int64(30))
    """
    enclosed = filled([line], shape)
    piece = np.asarray(largest_piece(binary_fill_holes(enclosed)))
    if not piece.any() or np.array_equal(piece, enclosed):
        return line
    return max(traced(piece), key=len)


def _unlike_mm(
    stretch: Line, stroke: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> float:
    """Return how far a stretch and a stroke are from each other, the mean both ways."""
    a, b = stretch * np.array(spacing_mm), stroke * np.array(spacing_mm)
    return float(np.mean(cKDTree(a).query(b)[0]) + np.mean(cKDTree(b).query(a)[0]))
