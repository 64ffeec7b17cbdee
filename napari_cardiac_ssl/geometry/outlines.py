"""Smooth closed lines round the voxels of a slice: traced, bent by hand, and filled again.

A line is an array ``(n, 2)`` of row and column in voxels; the centre of the first voxel is (0, 0)
and the last point is followed by the first. What lies within an odd number of lines belongs to a
region, so that pieces and holes need no names.

A traced line passes between the centres of neighbouring voxels, one within the region and one
without, and may pass anywhere between them: that is the freedom in which it is made smooth, and why
it is filled to exactly the voxels that it was traced from (the constraint of Gibson's surface nets,
MERL TR99-24, in the plane).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline
from skimage.draw import polygon2mask
from skimage.measure import find_contours

Line = NDArray[np.float64]

#: How often a line is smoothed, and by how much: forwards and, so that it does not shrink, a little
#: further back (Taubin, ICCV 1995). Steps of voxels, some ten voxels long, are gone then. A line of
#: few points has fewer rounds, or little pieces would shrink to nothing.
_ROUNDS, _FORWARDS, _BACK = 40, 0.5, -0.52
#: How often a disc pushes: the points that are put in where a line gets longer lie within it again.
_PUSHES = 3
#: With fewer points to take it by, a line has no form.
LEAST_POINTS = 3
#: How near to a voxel's centre a line may come, in voxels.
_NEAREST = 0.05


def traced(region: NDArray[np.bool_]) -> list[Line]:
    """Return smooth lines round a region, the outer ones and those of holes.

    Parameters
    ----------
    region
        Shape ``(y, x)``.

    Returns
    -------
    list of NDArray
        The lines; `filled` gives back the very same region.

    Examples
    --------
    >>> y, x = np.mgrid[:20, :20]
    >>> disc = (y - 9.5) ** 2 + (x - 9.5) ** 2 < 36
    >>> [line] = traced(disc)
    >>> np.array_equal(filled([line], disc.shape), disc)
    True
    >>> radius = np.hypot(*(line - 9.5).T)
    >>> bool(abs(radius - 6).max() < 0.5)
    True
    """
    box = box_of(region)
    if box is None:
        return []
    lines = find_contours(np.pad(region[box], 1).astype(np.float64), 0.5)
    corner = [side.start - 1 for side in box]
    return [_smoothed(line[:-1] + corner) for line in lines]


def box_of(marked: NDArray[np.generic]) -> tuple[slice, slice] | None:
    """Return the rows and columns between which all lies that is not 0; None where nothing is.

    Examples
    --------
    >>> box_of(np.array([[0, 0, 0, 0], [0, 2, 0, 1]]))
    (slice(1, 2, None), slice(1, 4, None))
    """
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _smoothed(line: Line) -> Line:
    """Move each point between the two centres that it lies amid, so that the line is smooth."""
    between = np.floor(line), np.ceil(line)  # they differ in one of the two coordinates
    low, high = between[0] + _NEAREST, between[1] - _NEAREST
    free = between[0] != between[1]
    low, high = np.where(free, low, line), np.where(free, high, line)
    for _ in range(min(len(line) // 3, _ROUNDS)):
        for share in (_FORWARDS, _BACK):
            around = np.concatenate([line[-1:], line, line[:1]])
            middle = (around[:-2] + around[2:]) / 2
            line = np.minimum(np.maximum(line + share * (middle - line), low), high)
    return line


def filled(lines: Iterable[Line], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the voxels whose centres lie within an odd number of lines.

    Parameters
    ----------
    lines
        Any number of them.
    shape
        ``(y, x)`` of the slice.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]])
    >>> filled([square], (4, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    region = np.zeros(shape, dtype=bool)
    for line in lines:
        region ^= polygon2mask(shape, line)
    return region


# -- along a line ----------------------------------------------------------------------------


def lengths_mm(line: Line, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Return how far each point is along a line, and at the end how long the whole of it is.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    spacing_mm
        Of rows and of columns.

    Returns
    -------
    NDArray
        Shape ``(n + 1,)``, from 0.

    Examples
    --------
    >>> lengths_mm(np.array([[0, 0], [0, 3], [2, 3], [2.0, 0]]), (1.5, 2.0))
    array([ 0.,  6.,  9., 15., 18.])
    """
    steps = (np.roll(line, -1, axis=0) - line) * spacing_mm
    return np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])


def control_points(
    line: Line, spacing_mm: tuple[float, float], every_mm: float = 15.0, least: int = 4
) -> NDArray[np.intp]:
    """Return which points of a line to take it by, evenly spaced along it.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    spacing_mm
        Of rows and of columns.
    every_mm
        How far from one to the next, about.
    least
        How many at least, if the line has so many; a line that is no longer than from one to the
        next is too little to be taken by points, and has none.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    >>> circle = 10 * np.c_[np.sin(angle), np.cos(angle)]
    >>> len(control_points(circle, (1.0, 1.0))), len(control_points(circle, (2.0, 2.0)))
    (4, 8)
    """
    lengths = lengths_mm(line, spacing_mm)
    if lengths[-1] <= every_mm:
        return np.empty(0, dtype=np.intp)
    number = max(round(lengths[-1] / every_mm), least)
    places = np.linspace(0, lengths[-1], number, endpoint=False)
    return np.unique(np.abs(lengths[:-1, None] - places).argmin(axis=0))


def nearest_point(
    line: Line, place: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> tuple[int, float]:
    """Return which point of a line is nearest to a place, and how far the line is in mm.

    Examples
    --------
    >>> square = np.array([[0, 0], [0, 4], [4, 4], [4.0, 0]])
    >>> nearest_point(square, np.array([1.0, 1.5]), (1.0, 1.0))
    (0, 1.0)
    """
    from_place = (line - place) * spacing_mm
    step = np.roll(from_place, -1, axis=0) - from_place
    squares = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(-(from_place * step).sum(axis=1) / squares, 0, 1)
    distance = np.hypot(*(from_place + share[:, None] * step).T)
    return int(np.hypot(*from_place.T).argmin()), float(distance.min())


def points_at(
    lines: Sequence[Line],
    places: NDArray[np.float64],
    spacing_mm: tuple[float, float],
    within_mm: float = 3.0,
) -> list[NDArray[np.intp]]:
    """Return which points to take each of a border's lines by, where earlier ones were.

    Parameters
    ----------
    lines
        The lines.
    places
        Where the points were, ``(k, 2)``: row and column, voxels.
    spacing_mm
        Of rows and of columns.
    within_mm
        A line that has gone further from a place has new points, evenly spaced.

    Returns
    -------
    list of NDArray
        Of each line, indices of its points.

    Examples
    --------
    >>> square = np.array([[0, 0], [0, 4], [4, 4], [4.0, 0]])
    >>> [found] = points_at([square], np.array([[0.2, 0], [0, 4.1], [4, 4]]), (1.5, 1.5))
    >>> found.tolist()
    [0, 1, 2]
    """
    found: list[set[int]] = [set() for _ in lines]
    lost: set[int] = set()
    for place in places if lines else ():
        near = [nearest_point(line, place, spacing_mm) for line in lines]
        which = min(range(len(lines)), key=lambda one: near[one][1])
        index, distance = near[which]
        found[which].add(index)
        if distance > within_mm:
            lost.add(which)
    return [
        control_points(line, spacing_mm)
        if which in lost or len(indices) < LEAST_POINTS
        else np.array(sorted(indices))
        for which, (line, indices) in enumerate(zip(lines, found, strict=True))
    ]


# -- by hand ---------------------------------------------------------------------------------


def pulled(
    line: Line,
    index: int,
    by: NDArray[np.float64],
    spacing_mm: tuple[float, float],
    reach_mm: tuple[float, float],
) -> Line:
    """Take a line by one of its points and pull: what is near goes along, softly.

    How far a point goes along is a cubic of its way along the line, 1 where the line is taken and 0
    where the reach ends, flat at both: the line stays smooth, and beyond the reach as it was.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    index
        Of the point that is taken.
    by
        How far it is pulled: rows and columns, voxels.
    spacing_mm
        Of rows and of columns.
    reach_mm
        How far along the line it is felt: against the order of its points, and with it. Never more
        than half of the line.

    Examples
    --------
    >>> line = np.array([[0, x] for x in range(9)] + [[4, x] for x in range(8, -1, -1)], float)
    >>> pulled(line, 4, np.array([-2.0, 0.0]), (1.0, 1.0), (2.0, 4.0))[:9, 0].round(2)
    array([ 0.  ,  0.  ,  0.  , -1.  , -2.  , -1.69, -1.  , -0.31,  0.  ])
    """
    lengths = lengths_mm(line, spacing_mm)
    whole = lengths[-1]
    ahead = (lengths[:-1] - lengths[index]) % whole
    reach_back, reach_on = np.clip(reach_mm, 1e-9, whole / 2)
    way = np.clip(np.minimum(ahead / reach_on, (whole - ahead) / reach_back), 0, 1)
    way[index] = 0
    share = 1 - way**2 * (3 - 2 * way)
    return np.asarray(line + share[:, None] * by)


def bridged(line: Line, start: int, end: int) -> Line:
    """Have a line go from one of its points straight on to another, whatever was between.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    start, end
        The points that stay, in the order of the line, with the directions that it has there.

    Returns
    -------
    NDArray
        The line from `end` to `start` as it was, then a cubic back to `end`.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    >>> circle = 10 * np.c_[np.sin(angle), np.cos(angle)]
    >>> dented = circle.copy()
    >>> dented[10] *= 0.8
    >>> mended = bridged(dented, 5, 15)
    >>> bool(abs(np.hypot(*mended.T) - 10).max() < 0.2)
    True
    """
    number = len(line)
    kept = line[np.arange(end, end + (start - end) % number + 1) % number]
    first, last = line[start], line[end]
    steps = [
        first - line[(start - 2) % number],
        line[(end + 2) % number] - last,
    ]
    chord = float(np.hypot(*(last - first)))
    if chord == 0:
        return kept
    directions = [step / max(float(np.hypot(*step)), 1e-9) for step in steps]
    curve = CubicHermiteSpline([0.0, chord], [first, last], directions)
    return np.concatenate([kept, curve(np.linspace(0, chord, max(3, round(2 * chord)) + 1)[1:-1])])


def pushed(
    line: Line, centre: NDArray[np.float64], radius_mm: float, spacing_mm: tuple[float, float]
) -> Line:
    """Push a line out of a disc: what lies within comes to lie on its rim.

    Parameters
    ----------
    line
        Shape ``(n, 2)``, voxels.
    centre
        Of the disc: row and column, voxels.
    radius_mm
        Of the disc.
    spacing_mm
        Of rows and of columns.

    Returns
    -------
    NDArray
        With more points where it became longer.

    Examples
    --------
    >>> line = np.array([[0, x] for x in range(9)] + [[4, x] for x in range(8, -1, -1)], float)
    >>> pushed(line, np.array([-0.5, 4.0]), 1.5, (1.0, 1.0))[3:6].round(2)
    array([[0.17, 2.66],
           [0.78, 3.21],
           [1.  , 4.  ]])
    """
    for _ in range(_PUSHES):
        line = _outside(_dense(line), centre, radius_mm, spacing_mm)
    return line


def _outside(
    line: Line, centre: NDArray[np.float64], radius_mm: float, spacing_mm: tuple[float, float]
) -> Line:
    """Put the points that lie within a disc on its rim."""
    away = (line - centre) * spacing_mm
    distance = np.maximum(np.hypot(*away.T), 1e-9)
    outwards = centre + away * (radius_mm / distance)[:, None] / spacing_mm
    return np.where((distance < radius_mm)[:, None], outwards, line)


def _dense(line: Line, longest: float = 1.5) -> Line:
    """Put points into the middle of long steps; the line goes where it went."""
    following = np.roll(line, -1, axis=0)
    long = np.hypot(*(following - line).T) > longest
    middles = (line[long] + following[long]) / 2
    return np.insert(line, np.flatnonzero(long) + 1, middles, axis=0)
