"""Which part of a slice a tile shows. NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The least side of what is shown about a heart, and what is shown beside it, mm.
_LEAST_MM, _BESIDE_MM = 100.0, 14.0
#: The share of labelled pixels that may lie beyond each side: a stray piece does not decide.
_STRAY = 0.005
#: A crop stays until it shows so many times the area that it should.
_TOO_LARGE = 1.8


@dataclass(frozen=True)
class Crop:
    """A rectangle of a stored slice: rows from `top` to before `bottom`, columns likewise.

    Examples
    --------
    >>> Crop(1, 3, 0, 2).of(np.arange(12).reshape(4, 3))
    array([[3, 4],
           [6, 7]])
    """

    top: int
    bottom: int
    left: int
    right: int

    def of(self, slice_yx: NDArray[Any]) -> NDArray[Any]:
        """Return this part of a slice ``(y, x)``: a view of it."""
        return slice_yx[self.top : self.bottom, self.left : self.right]

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def holds(self, other: "Crop") -> bool:
        """Tell whether another lies within it."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )


def whole(shape_yx: tuple[int, int]) -> Crop:
    """Return the crop that is all of a slice."""
    return Crop(0, shape_yx[0], 0, shape_yx[1])


def about(
    middle_yx: tuple[float, float],
    side_mm: float,
    spacing_yx_mm: tuple[float, float],
    shape_yx: tuple[int, int],
) -> Crop:
    """Return a square about a place, as far as it lies in the slice.

    Parameters
    ----------
    middle_yx
        Row and column of its middle, pixels.
    side_mm
        Its side.
    spacing_yx_mm
        Of rows and columns.
    shape_yx
        Of the slice.

    Examples
    --------
    >>> about((50.0, 60.0), 40.0, (2.0, 1.0), (100, 100))
    Crop(top=40, bottom=60, left=40, right=80)
    >>> about((0.0, 60.0), 40.0, (2.0, 1.0), (100, 100))  # what lies outside is not shown
    Crop(top=0, bottom=10, left=40, right=80)
    """
    edges = []
    for middle, spacing, length in zip(middle_yx, spacing_yx_mm, shape_yx, strict=True):
        half = side_mm / spacing / 2
        low = int(np.clip(round(middle - half), 0, length - 1))
        edges += [low, int(np.clip(round(middle + half), low + 1, length))]
    return Crop(*edges)


def about_labels(labels: NDArray[np.uint8], spacing_yx_mm: tuple[float, float]) -> Crop | None:
    """Return a square about all that is labelled, with what lies beside it.

    Parameters
    ----------
    labels
        Shape ``(n, y, x)``: some slices; anything but 0 is heart.
    spacing_yx_mm
        Of rows and columns.

    Returns
    -------
    Crop or None
        None where nothing is labelled. A small piece far from the rest does not count.

    Examples
    --------
    >>> labels = np.zeros((1, 200, 200), np.uint8)
    >>> labels[0, 90:110, 80:120] = 2
    >>> about_labels(labels, (1.0, 1.0))
    Crop(top=50, bottom=150, left=50, right=150)
    """
    marked = labels > 0
    ends = []
    for counts in (marked.sum(axis=(0, 2)), marked.sum(axis=(0, 1))):
        share = np.cumsum(counts) / max(1, counts.sum())
        if not share[-1]:
            return None
        low, high = np.searchsorted(share, (_STRAY, 1 - _STRAY))
        ends.append((int(low), int(high) + 1))
    sides = [(high - low) * mm for (low, high), mm in zip(ends, spacing_yx_mm, strict=True)]
    side_mm = max(_LEAST_MM, max(sides) + 2 * _BESIDE_MM)
    (top, bottom), (left, right) = ends
    middle = ((top + bottom) / 2, (left + right) / 2)
    return about(middle, side_mm, spacing_yx_mm, (labels.shape[1], labels.shape[2]))


def steady(present: Crop, wanted: Crop) -> Crop:
    """Return the present crop as long as it will do: pictures do not jump with every stroke.

    It will do while what is wanted lies in it, and is not much smaller.

    Examples
    --------
    >>> steady(Crop(0, 100, 0, 100), Crop(10, 95, 10, 95)).bottom
    100
    >>> steady(Crop(0, 100, 0, 100), Crop(10, 60, 10, 60)).bottom
    60
    """
    too_large = np.prod(present.shape) > _TOO_LARGE * np.prod(wanted.shape)
    return wanted if too_large or not present.holds(wanted) else present
