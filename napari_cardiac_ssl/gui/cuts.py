"""Where slices cut other views: the lines for panes, and what is labelled along them. No Qt."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import Plane, trace
from napari_cardiac_ssl.study import Stack

#: Points along a cut at which labels are looked up: finer than the pixels of any screen's pane.
_POINTS = 256


@dataclass(frozen=True, eq=False)
class Cut:
    """The line in which a slice cuts another view.

    Parameters
    ----------
    z
        Which slice.
    points_xy
        Points along the line in the other view's stored pixels, shape ``(n, 2)``.
    pixels_yx
        The slice's pixels that they lie in, shape ``(n, 2)``.
    inside
        Which of them are in the slice's field of view, shape ``(n,)``.
    """

    z: int
    points_xy: NDArray[np.float64]
    pixels_yx: NDArray[np.intp]
    inside: NDArray[np.bool_]

    def runs(self, labels_yx: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        """Return the labelled parts of the line: label, and the two ends ``(2, 2)``.

        Parameters
        ----------
        labels_yx
            Of the slice.
        """
        found = labels_yx[tuple(self.pixels_yx.T)]
        found[~self.inside] = 0
        if not found.any():
            return []
        starts = np.flatnonzero(np.diff(found, prepend=0))
        ends = np.append(starts[1:], len(found) - 1)
        return [
            (int(found[start]), self.points_xy[[start, end]])
            for start, end in zip(starts, ends, strict=True)
            if found[start]
        ]


def cuts(stack: Stack, other: Stack) -> tuple[Cut, ...]:
    """Return where the slices of a stack cut the middle slice of another view.

    Slices that are nearly parallel to the view, or miss it, are left out.

    Examples
    --------
    >>> sax = Stack(np.zeros((1, 3, 8, 8)), np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> across = np.array([[2.0, 0, 0, 0], [0, 0, 5, 8], [0, 2, 0, 0], [0, 0, 0, 1]])
    >>> found = cuts(sax, Stack(np.zeros((1, 1, 12, 8)), across))
    >>> [cut.z for cut in found], found[1].points_xy[[0, -1]].tolist()
    ([0, 1, 2], [[7.5, 5.0], [-0.5, 5.0]])
    """
    found = []
    height, width = stack.image.shape[2:]
    for z in range(stack.slices):
        try:
            line = trace(Plane.of_slice(stack, z), other)
        except InputError:
            continue
        share = np.linspace(0, 1, _POINTS)[:, None]
        points_mm = line.ends_mm[0] + share * (line.ends_mm[1] - line.ends_mm[0])
        points_xy = line.ends_xy[0] + share * (line.ends_xy[1] - line.ends_xy[0])
        pixels = np.round(stack.voxel_xyz(points_mm)[:, [1, 0]]).astype(np.intp)
        inside = np.asarray(((pixels >= 0) & (pixels < (height, width))).all(axis=1))
        clipped = np.clip(pixels, 0, (height - 1, width - 1))
        found.append(Cut(z, points_xy, clipped, inside))
    return tuple(found)


def nearest_slice(stack: Stack, point_mm: NDArray[np.float64]) -> int:
    """Return the slice of a stack that lies nearest to a point.

    Examples
    --------
    >>> sax = Stack(np.zeros((1, 3, 8, 8)), np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> nearest_slice(sax, np.array([99.0, 0.0, 13.0]))
    1
    """
    apart = [
        abs(float(Plane.of_slice(stack, z).distance_mm(point_mm))) for z in range(stack.slices)
    ]
    return int(np.argmin(apart))
