"""The mitral valve's hinge points and the apex in the labels of a long-axis view.

Leaflets are attached where myocardium and left atrium meet beside the LV cavity. Labels need not
touch there: readers leave the leaflets out, and predictions have gaps.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.pieces import largest_piece
from napari_cardiac_ssl.geometry.planes import Plane, as_direction
from napari_cardiac_ssl.geometry.valve import LEAST_RING_MM, LongAxisPoints
from napari_cardiac_ssl.study import Stack

#: Myocardium and atrium farther than this from any place do not meet there.
REACH_MM = 12.0
#: A piece of myocardium smaller than this is a speck.
SPECK_MM2 = 100.0
#: So much of the LV's end is the apex: of pixels one alone may lie anywhere.
APEX_MM = 1.5
#: How much less the distance to the cavity counts than those to myocardium and atrium: only where
#: the atrium lies along the wall does it decide, for the inner end.
_INNER = 0.25
#: Pixels around the heart in which hinge points may lie.
_MARGIN = 12

_LV, _MYO, _LA = (
    UKBB.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.LEFT_ATRIUM)
)
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


def long_axis_points(labels: NDArray[np.integer], stack: Stack) -> LongAxisPoints:
    """Return the hinge points and the apex that labels of a long-axis view show.

    Of LV cavity and left atrium the largest piece counts, of myocardium no speck does. On either
    side of the axis through both, the hinge point is the place nearest to atrium, myocardium and
    cavity; where no myocardium comes near the atrium (`REACH_MM`) it is the end of the atrium's
    border on the cavity. The apex is where cavity and myocardium reach farthest along the long
    axis, from the hinge points' middle through the cavity's: the middle of the last `APEX_MM`.

    Parameters
    ----------
    labels
        One frame, shape ``(y, x)``, in the scheme `UKBB`.
    stack
        The view that they lie on: its middle slice.

    Raises
    ------
    InputError
        If there is no LV cavity or no left atrium, they do not meet, or the points make no valve
        (`LongAxisPoints`).

    Examples
    --------
    >>> labels = np.zeros((30, 20), np.uint8)
    >>> labels[2:8, 5:15], labels[8:26, 3:17], labels[8:24, 5:15] = 4, 2, 1
    >>> view = Stack(np.zeros((1, 1, 30, 20)), np.diag([2.0, 2.0, 6.0, 1.0]))
    >>> points = long_axis_points(labels, view)
    >>> points.hinges_mm.round().tolist(), points.apex_mm.tolist()
    ([[10.0, 16.0, 0.0], [28.0, 16.0, 0.0]], [19.0, 51.0, 0.0])
    """
    cavity, atrium = largest_piece(labels == _LV), largest_piece(labels == _LA)
    for mask, name in ((cavity, "LV cavity"), (atrium, "left atrium")):
        if not mask.any():
            raise InputError(f"no {name} is labelled on this view, so its valve cannot be found")
    spacing = np.array(stack.spacing_mm[1:])
    wall = _without_specks(labels == _MYO, SPECK_MM2 / float(np.prod(spacing)))
    sides = _Sides(cavity, atrium, spacing)
    beside, border = _meeting(cavity, atrium, wall, spacing), _border_yx(cavity, atrium)
    hinges = _world_mm(np.stack([sides.hinge(sign, *beside, border) for sign in (-1, 1)]), stack)
    whole, middle = _corners_mm(largest_piece(cavity | wall), stack), hinges.mean(axis=0)
    axis = as_direction(_corners_mm(cavity, stack).mean(axis=0) - middle, "the LV's long axis")
    depths = (whole - middle) @ axis
    apex = whole[depths >= depths.max() - APEX_MM].mean(axis=0)
    return LongAxisPoints(hinges, apex, Plane.of_slice(stack).normal)


class _Sides:
    """The two sides of the axis through atrium and cavity."""

    def __init__(self, cavity: Mask, atrium: Mask, spacing: Points) -> None:
        self._spacing = spacing
        self._middle, other = (
            np.argwhere(mask).mean(axis=0) * spacing for mask in (atrium, cavity)
        )
        axis = (other - self._middle) / max(float(np.linalg.norm(other - self._middle)), 1e-6)
        self._across = np.array([-axis[1], axis[0]])

    def hinge(self, sign: int, places: Points, costs: Points, border: Points) -> Points:
        """Return the hinge point of a side: the best place of it, or the border's end.

        Raises
        ------
        InputError
            If neither is there.
        """
        aside = sign * self._aside_mm(places) >= LEAST_RING_MM / 2
        costs = np.where(aside, costs, np.inf)
        if costs.min(initial=np.inf) <= REACH_MM:
            return np.asarray(places[costs.argmin()])
        if not len(border):
            raise InputError(
                "the left atrium borders neither on the LV cavity nor on myocardium on this view; "
                "label them as far as the valve"
            )
        return np.asarray(border[(sign * self._aside_mm(border)).argmax()])

    def _aside_mm(self, places_yx: Points) -> Points:
        return np.asarray((places_yx * self._spacing - self._middle) @ self._across)


def _meeting(cavity: Mask, atrium: Mask, wall: Mask, spacing: Points) -> tuple[Points, Points]:
    """Return places around the heart, ``(n, 2)``, and how far they are from where all three meet.

    Places are the middles of pixels of half the size, so that corners of pixels count.
    """
    found = np.argwhere(cavity | atrium)
    first = np.maximum(found.min(axis=0) - _MARGIN, 0)
    last = found.max(axis=0) + _MARGIN
    part = tuple(slice(low, high) for low, high in zip(first, last, strict=True))
    near, along, beside = (_away_mm(mask[part], spacing) for mask in (cavity, atrium, wall))
    costs = np.maximum(along, beside) + _INNER * near
    places = np.moveaxis(np.indices(costs.shape), 0, -1) / 2 - 0.25 + first
    return places.reshape(-1, 2), costs.ravel()


def _away_mm(mask: Mask, spacing: Points) -> Points:
    """Return how far half pixels are from a mask; infinitely far from an empty one."""
    if not mask.any():
        return np.full((2 * mask.shape[0], 2 * mask.shape[1]), np.inf)
    halved = mask.repeat(2, axis=0).repeat(2, axis=1)
    return np.asarray(ndimage.distance_transform_edt(~halved, sampling=spacing / 2))


def _corners_mm(mask: Mask, stack: Stack) -> Points:
    """Return the corners of a mask's pixels, RAS+ mm, shape ``(n, 3)``."""
    middles = np.argwhere(mask)
    corners = np.array([[dy, dx] for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)])
    return _world_mm((middles[:, None] + corners).reshape(-1, 2), stack)


def _world_mm(points_yx: Points, stack: Stack) -> Points:
    """Return points of a view's middle slice, RAS+ mm."""
    z = np.full(len(points_yx), stack.slices // 2)
    return stack.world_mm(np.column_stack([points_yx[:, ::-1], z]))


def _without_specks(mask: Mask, pixels: float) -> Mask:
    """Return a mask without its pieces of fewer pixels."""
    pieces, _ = ndimage.label(mask)
    return np.asarray(mask & (np.bincount(pieces.ravel())[pieces] >= pixels))


def _border_yx(one: Mask, other: Mask) -> Points:
    """Return the ends of the pixels' sides at which two masks touch, shape ``(n, 2)``."""
    found = []
    for across in (np.array([1, 0]), np.array([0, 1])):
        here = tuple(slice(None, -1 if step else None) for step in across)
        there = tuple(slice(step, None) for step in across)
        touch = (one[here] & other[there]) | (other[here] & one[there])
        middles = np.argwhere(touch) + across / 2
        found += [middles - across[::-1] / 2, middles + across[::-1] / 2]
    return np.concatenate(found)
