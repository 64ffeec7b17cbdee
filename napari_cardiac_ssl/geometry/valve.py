"""The mitral valve plane and the apex from long-axis views, and which slices lie beyond them.

A long-axis view shows the valve's two **hinge points**, where its leaflets are attached, and the
apex (`valve_labels` finds them in labels). The hinge points of two views span the valve plane.

For what a slice shows of the LV only the neighbourhood of the heart counts: planes that are not
parallel meet somewhere. So the LV is taken for the cone between the valve's ring, a disc in the
valve plane as wide as the hinge points lie apart, and the apex. All points are RAS+ mm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import Plane, as_direction, as_point, freeze
from napari_cardiac_ssl.study import Stack

#: The views whose LV ends at the mitral valve alone; in the 3CH view it ends at the aortic one too.
VIEWS = (View.LAX_4CH, View.LAX_2CH)
#: Hinge points that lie closer together are those of no valve.
LEAST_RING_MM = 8.0


class Place(StrEnum):
    """Where a slice lies: its value is what is said of it."""

    ABOVE = "above the valve plane"
    CUT = "cut by the valve plane"
    WITHIN = "between valve plane and apex"
    BELOW = "below the apex"


@dataclass(frozen=True, eq=False)
class LongAxisPoints:
    """Where the LV begins and ends in one frame of a long-axis view.

    Parameters
    ----------
    hinges_mm
        The valve's two hinge points, RAS+ mm, shape ``(2, 3)``; their order means nothing.
    apex_mm
        The apex, RAS+ mm, shape ``(3,)``.
    normal
        The view's own normal, RAS+, of any length, shape ``(3,)``; its sign means nothing.

    Raises
    ------
    InputError
        If a number is not finite, the hinge points are not two or lie closer than
        `LEAST_RING_MM`, or the apex is no farther from their middle than they are.
    """

    hinges_mm: NDArray[np.float64]
    apex_mm: NDArray[np.float64]
    normal: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays, so that nobody else can change them."""
        if np.shape(self.hinges_mm) != (2, 3):
            raise InputError(f"a valve has two hinge points, got shape {np.shape(self.hinges_mm)}")
        ends = [as_point(end, "a hinge point of the valve") for end in self.hinges_mm]
        freeze(self, "hinges_mm", np.stack(ends))
        freeze(self, "apex_mm", as_point(self.apex_mm, "the apex"))
        freeze(self, "normal", as_direction(self.normal, "a view's normal"))
        if self.ring_mm < LEAST_RING_MM:
            raise InputError(
                f"the valve's hinge points are {self.ring_mm:.1f} mm apart (at least "
                f"{LEAST_RING_MM:.0f} are needed); put them where the leaflets are attached"
            )
        length = float(np.linalg.norm(self.apex_mm - self.middle_mm))
        if length <= self.ring_mm / 2:
            raise InputError(
                f"the apex is {length:.1f} mm from the middle of the valve, nearer than the hinge "
                f"points ({self.ring_mm / 2:.1f} mm); put it at the other end of the LV"
            )

    @property
    def middle_mm(self) -> NDArray[np.float64]:
        """The middle between the hinge points, RAS+ mm."""
        return np.asarray(self.hinges_mm.mean(axis=0))

    @property
    def ring_mm(self) -> float:
        """How far the hinge points lie apart."""
        return float(np.linalg.norm(self.hinges_mm[1] - self.hinges_mm[0]))


@dataclass(frozen=True, eq=False)
class ValvePlane:
    """The mitral valve plane in one frame, and the apex.

    Parameters
    ----------
    plane
        Through the middle of the valve; its normal points to the apex.
    apex_mm
        RAS+ mm, shape ``(3,)``.
    ring_mm
        The valve's diameter.
    views
        What it was told from: one view alone leaves its tilt open, and the plane is then taken to
        be at right angles to that view.
    """

    plane: Plane
    apex_mm: NDArray[np.float64]
    ring_mm: float
    views: tuple[View, ...]

    def __post_init__(self) -> None:
        """Copy the apex, so that nobody else can change it."""
        freeze(self, "apex_mm", as_point(self.apex_mm, "the apex"))

    @property
    def assumes(self) -> str:
        """What is taken for granted, in words; nothing where two views tell."""
        if len(self.views) > 1:
            return ""
        return f"taken to be at right angles to the {self.views[0].short}, the only view that tells"

    @property
    def length_mm(self) -> float:
        """The distance of the apex from the plane."""
        return float(self.plane.distance_mm(self.apex_mm))

    def place(self, stack: Stack, z: int) -> Place:
        """Return where a slice lies: above, within or below the LV, or cut by its valve plane.

        Parameters
        ----------
        stack
            Of the short axis.
        z
            Which slice. The plane through its middle counts, not its thickness.

        Raises
        ------
        InputError
            If there is no such slice.

        Examples
        --------
        A valve plane at z = 2 mm, 30 mm wide, tilted by 5 degrees; the apex 80 mm below it.

        >>> tilt = np.deg2rad(5)
        >>> plane = Plane([0, 0, 2], [np.sin(tilt), 0, np.cos(tilt)])
        >>> valve = ValvePlane(plane, [0, 0, 82], 30.0, VIEWS)
        >>> stack = Stack(np.zeros((1, 12, 5, 5)), np.diag([1.0, 1.0, 8.0, 1.0]))
        >>> [str(valve.place(stack, z)) for z in (0, 1, 11)]
        ['above the valve plane', 'between valve plane and apex', 'below the apex']
        >>> thinner = Stack(np.zeros((1, 48, 5, 5)), np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> str(valve.place(thinner, 1))
        'cut by the valve plane'
        """
        Plane.of_slice(stack, z)  # or there is no such slice
        return self.places(stack)[z]

    def places(self, stack: Stack) -> list[Place]:
        """Return where each slice of a stack lies (`place`)."""
        of_slice = Plane.of_slice(stack, 0)
        towards_apex = np.sign(of_slice.normal @ self.plane.normal) or 1.0
        ways = towards_apex * _from_slices(stack, np.stack([self.plane.point_mm, self.apex_mm]))
        # By how much the ring's rim lies on either side of its middle, seen from the slice.
        rim = self.ring_mm / 2 * np.sin(np.deg2rad(self.plane.angle_deg(of_slice)))
        found = []
        for valve, apex in ways.tolist():
            if apex < 0:
                found.append(Place.BELOW)
            elif valve > rim:
                found.append(Place.ABOVE)
            else:
                found.append(Place.CUT if valve >= -rim else Place.WITHIN)
        return found

    def rings_on(self, stack: Stack) -> dict[int, NDArray[np.float64]]:
        """Return the lines in which the valve's ring, as a disc, cuts slices of a stack.

        Returns
        -------
        dict
            By slice, where it does, the line's two ends, RAS+ mm, shape ``(2, 3)``.

        Examples
        --------
        >>> valve = ValvePlane(Plane([0, 0, 8], [0, 3, 4]), [0, 48, 72], 30.0, VIEWS)
        >>> rings = valve.rings_on(Stack(np.zeros((1, 12, 5, 5)), np.diag([1.0, 1.0, 8.0, 1.0])))
        >>> list(rings), rings[1].tolist()
        ([0, 1, 2], [[15.0, 0.0, 8.0], [-15.0, 0.0, 8.0]])
        """
        normal, middle = Plane.of_slice(stack, 0).normal, self.plane.point_mm
        along = np.cross(normal, self.plane.normal)
        sine = float(np.linalg.norm(along))
        if sine < 1e-6:  # parallel: all of the ring or nothing
            return {}
        # The way in the valve plane that leads to the slice fastest.
        towards = np.cross(self.plane.normal, along / sine)
        away = -_from_slices(stack, middle[None])[:, 0] / (towards @ normal)
        half = (self.ring_mm / 2) ** 2 - away**2
        found = {}
        for z in np.flatnonzero(half >= 0).tolist():
            nearest, reach = middle + away[z] * towards, np.sqrt(half[z]) * along / sine
            found[z] = np.stack([nearest - reach, nearest + reach]) + 0.0
        return found

    def extent(self, stack: Stack) -> tuple[int, int] | None:
        """Return the first and the last slice of a stack that may show LV; None if none does.

        Slices that the plane cuts may: whether they are drawn is a convention.

        Examples
        --------
        >>> valve = ValvePlane(Plane([0, 0, 12], [0, 0, 1]), [0, 0, 70], 30.0, VIEWS)
        >>> valve.extent(Stack(np.zeros((1, 12, 5, 5)), np.diag([1.0, 1.0, 8.0, 1.0])))
        (2, 8)
        """
        may = {Place.CUT, Place.WITHIN}
        shown = [z for z, place in enumerate(self.places(stack)) if place in may]
        return (shown[0], shown[-1]) if shown else None

    def beyond(self, stack: Stack) -> NDArray[np.bool_]:
        """Return which voxels lie beyond the LV: above the valve plane, or below the apex.

        Parameters
        ----------
        stack
            Of the short axis.

        Returns
        -------
        NDArray
            Shape ``(z, y, x)``. Of a slice that the plane cuts, the part above it; of one below
            the apex, all; voxels count by their middle.

        Examples
        --------
        >>> valve = ValvePlane(Plane([0, 0, 12], [0, 0, 1]), [0, 0, 30], 30.0, VIEWS)
        >>> stack = Stack(np.zeros((1, 6, 1, 2)), np.diag([1.0, 1.0, 8.0, 1.0]))
        >>> valve.beyond(stack).all(axis=(1, 2)).tolist()
        [True, True, False, False, True, True]
        """
        z, y, x = np.indices(stack.image.shape[1:])
        voxels = np.stack([x, y, z], axis=-1).astype(np.float64)
        found = np.asarray(self.plane.distance_mm(stack.world_mm(voxels)) < 0)
        for each, place in enumerate(self.places(stack)):
            if place is not Place.CUT:
                found[each] = place is not Place.WITHIN
        return found


def valve_plane(found: Mapping[View, LongAxisPoints]) -> ValvePlane:
    """Return the valve plane that the hinge points of long-axis views span.

    From two views and more: the plane nearest to all hinge points (least squares), through their
    middle. From one: the plane through its hinge points, at right angles to the view. The apex is
    that of the view which shows it farthest from there: one that misses it shows the LV too
    short, none shows it too long.

    Raises
    ------
    InputError
        If there is no view, or the hinge points of all views lie on one line.

    Examples
    --------
    >>> one = LongAxisPoints([[-15, 0, 0], [15, 0, 0]], [0, 0, 80], [0, 1, 0])
    >>> other = LongAxisPoints([[0, -20, 0], [0, 20, 0]], [0, 2, 82], [1, 0, 0])
    >>> both = valve_plane({View.LAX_4CH: one, View.LAX_2CH: other})
    >>> both.plane.normal, both.apex_mm, both.length_mm
    (array([0., 0., 1.]), array([ 0.,  2., 82.]), 82.0)
    >>> valve_plane({View.LAX_2CH: other}).assumes
    'taken to be at right angles to the 2CH, the only view that tells'
    """
    if not found:
        raise InputError(
            "no long-axis view tells where the valve is; label the LV and the left atrium"
        )
    points = np.concatenate([points.hinges_mm for points in found.values()])
    middle, apices = points.mean(axis=0), np.stack([p.apex_mm for p in found.values()])
    if len(found) == 1:
        (only,) = found.values()
        normal = np.cross(only.hinges_mm[1] - only.hinges_mm[0], only.normal)
    else:
        _, sizes, directions = np.linalg.svd(points - middle)
        if sizes[1] < LEAST_RING_MM / 2:
            raise InputError(
                "the hinge points of the long-axis views lie on one line; check that they are "
                "different views of one study"
            )
        normal = directions[2]
    normal = normal if (apices.mean(axis=0) - middle) @ normal > 0 else -normal
    apex = apices[np.linalg.norm(apices - middle, axis=1).argmax()]
    ring = float(np.mean([points.ring_mm for points in found.values()]))
    return ValvePlane(Plane(middle, normal), apex, ring, tuple(found))


def _from_slices(stack: Stack, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points lie from the planes of a stack's slices, shape ``(z, n)``."""
    first = Plane.of_slice(stack, 0)
    step = float(stack.affine[:3, 2] @ first.normal)
    return first.distance_mm(points_mm) - step * np.arange(stack.slices)[:, None]
