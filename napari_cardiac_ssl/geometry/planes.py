"""View planes in the patient, where they meet, and the traces that they leave on slices.

All points are RAS+ mm, all directions RAS+ unit vectors. Nothing here changes what it is given.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import Stack

#: Planes that meet at less than this are taken for parallel: 1 mm of breathing moves the line in
#: which they meet by 3 mm and more.
PARALLEL_DEG = 20.0


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in the patient.

    Parameters
    ----------
    point_mm
        A point of it, RAS+ mm, shape ``(3,)``. Copied, made read-only.
    normal
        Its normal, RAS+, of any length, shape ``(3,)``. Copied, made a unit vector, read-only.
        Which of the two sides it points to means nothing.

    Raises
    ------
    InputError
        If a number is not finite, or the normal has no direction.

    Examples
    --------
    >>> plane = Plane([0, 0, 5], [0, 0, 2])
    >>> plane.normal, plane.distance_mm([[1, 2, 8], [0, 0, 1]])
    (array([0., 0., 1.]), array([ 3., -4.]))
    """

    point_mm: NDArray[np.float64]
    normal: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays, so that nobody else can change them."""
        freeze(self, "point_mm", as_point(self.point_mm, "a plane's point"))
        freeze(self, "normal", as_direction(self.normal, "a plane's normal"))

    @classmethod
    def of_slice(cls, stack: Stack, z: int | None = None) -> "Plane":
        """Return the plane of a slice, through the middle of its field of view.

        Parameters
        ----------
        stack
            Any; slices need not be at right angles to the direction in which they are stacked.
        z
            Which slice; by default the middle one: the only one of a long-axis view.

        Raises
        ------
        InputError
            If there is no such slice.

        Examples
        --------
        >>> stack = Stack(np.zeros((1, 3, 5, 5)), np.diag([2.0, 2.0, 10.0, 1.0]))
        >>> Plane.of_slice(stack).point_mm, Plane.of_slice(stack, 0).normal
        (array([ 4.,  4., 10.]), array([0., 0., 1.]))
        """
        z = stack.slices // 2 if z is None else z
        if not 0 <= z < stack.slices:
            raise InputError(
                f"{stack.name}: there is no slice {z}; slices are 0 to {stack.slices - 1}"
            )
        height, width = stack.image.shape[2:]
        middle = stack.world_mm(np.array([(width - 1) / 2, (height - 1) / 2, z]))
        return cls(middle, np.cross(stack.affine[:3, 0], stack.affine[:3, 1]))

    def distance_mm(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the signed distance of points, positive on the normal's side.

        Parameters
        ----------
        points_mm
            Shape ``(..., 3)``.

        Returns
        -------
        NDArray
            Shape ``(...)``, mm.
        """
        return np.asarray((np.asarray(points_mm, dtype=np.float64) - self.point_mm) @ self.normal)

    def angle_deg(self, other: "Plane") -> float:
        """Return the angle at which two planes meet, 0 to 90 degrees.

        Examples
        --------
        >>> round(Plane([0, 0, 0], [1, 0, 0]).angle_deg(Plane([9, 9, 9], [-1, 1, 0])), 6)
        45.0
        """
        sine = np.linalg.norm(np.cross(self.normal, other.normal))
        return float(np.rad2deg(np.arctan2(sine, abs(self.normal @ other.normal))))


@dataclass(frozen=True, eq=False)
class Line:
    """A line in the patient.

    Parameters
    ----------
    point_mm
        A point of it, RAS+ mm, shape ``(3,)``. Copied, made read-only.
    direction
        RAS+, of any length, shape ``(3,)``. Copied, made a unit vector, read-only.
    """

    point_mm: NDArray[np.float64]
    direction: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays, so that nobody else can change them."""
        freeze(self, "point_mm", as_point(self.point_mm, "a line's point"))
        freeze(self, "direction", as_direction(self.direction, "a line's direction"))


@dataclass(frozen=True, eq=False)
class Trace:
    """The line in which a plane cuts a slice, as far as the slice's field of view reaches.

    Parameters
    ----------
    z
        Which slice.
    ends_xy
        The two ends in the slice's voxel coordinates ``(x, y)``, shape ``(2, 2)``: on the outer
        border of the outermost pixels.
    ends_mm
        The same in the patient, RAS+ mm, shape ``(2, 3)``.
    """

    z: int
    ends_xy: NDArray[np.float64]
    ends_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays, so that nobody else can change them."""
        freeze(self, "ends_xy", np.array(self.ends_xy, dtype=np.float64))
        freeze(self, "ends_mm", np.array(self.ends_mm, dtype=np.float64))

    @property
    def direction(self) -> NDArray[np.float64]:
        """Unit direction from the first to the second end, RAS+."""
        along = self.ends_mm[1] - self.ends_mm[0]
        return np.asarray(along / np.linalg.norm(along))


def meeting_line(first: Plane, second: Plane) -> Line:
    """Return the line in which two planes meet.

    Its point is the one nearest to the middle between the points of the planes: near the heart
    if those are the middles of two views of the heart. Its direction is
    ``first.normal × second.normal``.

    Raises
    ------
    InputError
        If the planes are nearly parallel (`PARALLEL_DEG`).

    Examples
    --------
    >>> line = meeting_line(Plane([3, 0, 0], [1, 0, 0]), Plane([0, 4, 8], [0, 1, 0]))
    >>> line.point_mm, line.direction
    (array([3., 4., 4.]), array([0., 0., 1.]))
    """
    angle = first.angle_deg(second)
    if angle < PARALLEL_DEG:
        raise InputError(
            f"two view planes meet at only {angle:.1f} degrees (at least {PARALLEL_DEG:.0f} are "
            "needed to tell where they meet); check that they are different views of one study"
        )
    direction = np.cross(first.normal, second.normal)
    # The point lies on both planes, and nowhere along the line from the middle.
    middle = (first.point_mm + second.point_mm) / 2
    equations = np.stack([first.normal, second.normal, direction])
    knowns = equations[[0, 1, 2], :] * np.stack([first.point_mm, second.point_mm, middle])
    return Line(np.linalg.solve(equations, knowns.sum(axis=1)), direction)


def meeting_point(first: Plane, second: Plane, third: Plane) -> NDArray[np.float64]:
    """Return the point in which three planes meet: ``c = 2CH ∩ 4CH ∩ S`` for a SAX slice S.

    Returns
    -------
    NDArray
        RAS+ mm, shape ``(3,)``.

    Raises
    ------
    InputError
        If the first two are nearly parallel, or the line in which they meet nearly lies in the
        third (`PARALLEL_DEG`).

    Examples
    --------
    >>> point = meeting_point(
    ...     Plane([3, 0, 0], [1, 0, 0]), Plane([0, 4, 0], [0, 1, 0]), Plane([0, 0, 5], [0, 0, 1])
    ... )
    >>> point
    array([3., 4., 5.])
    """
    line = meeting_line(first, second)
    cosine = float(line.direction @ third.normal)
    angle = float(np.rad2deg(np.arcsin(min(abs(cosine), 1.0))))
    if angle < PARALLEL_DEG:
        raise InputError(
            f"the line in which two view planes meet cuts the slice at only {angle:.1f} degrees "
            f"(at least {PARALLEL_DEG:.0f} are needed to tell where); check which view is which"
        )
    return np.asarray(line.point_mm - third.distance_mm(line.point_mm) / cosine * line.direction)


def trace(plane: Plane, stack: Stack, z: int | None = None) -> Trace:
    """Return the trace of a plane on a slice, clipped to the field of view.

    Parameters
    ----------
    plane
        Of another view.
    stack, z
        Which slice; by default the middle one.

    Raises
    ------
    InputError
        If there is no such slice, if the plane is nearly parallel to it (`PARALLEL_DEG`), or if it
        cuts the slice's plane outside the field of view.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 1, 5, 9)), np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> trace(Plane([6, 0, 0], [1, 0, 0]), stack).ends_xy
    array([[ 3. , -0.5],
           [ 3. ,  4.5]])
    """
    of_slice = Plane.of_slice(stack, z)
    z = stack.slices // 2 if z is None else z
    angle = plane.angle_deg(of_slice)
    if angle < PARALLEL_DEG:
        raise InputError(
            f"{stack.name}: a view plane meets slice {z} at only {angle:.1f} degrees (at least "
            f"{PARALLEL_DEG:.0f} are needed for a trace); check which view is which"
        )
    corners = _corners_xyz(stack, z)
    distances = plane.distance_mm(stack.world_mm(corners))
    ends = []
    for i, j in ((0, 1), (1, 2), (2, 3), (3, 0)):
        if (distances[i] < 0) != (distances[j] < 0):
            share = distances[i] / (distances[i] - distances[j])
            ends.append(corners[i] + share * (corners[j] - corners[i]))
    if not ends:
        missed_by = float(np.abs(distances).min() / np.sin(np.deg2rad(angle)))
        raise InputError(
            f"{stack.name}: a view plane passes slice {z} {missed_by:.1f} mm outside its field of "
            "view; check that both are of one study, scanned in one position"
        )
    ends_xyz = np.array(ends)
    return Trace(z, ends_xyz[:, :2], stack.world_mm(ends_xyz))


def traces(plane: Plane, stack: Stack) -> tuple[Trace | None, ...]:
    """Return the trace of a plane on every slice of a stack; None where it misses the slice.

    Raises
    ------
    InputError
        If the plane is nearly parallel to the slices, or misses them all.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 2, 5, 9)), np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> [found is not None for found in traces(Plane([0, 0, 0], [1, 0, -1]), stack)]
    [True, True]
    >>> [found is not None for found in traces(Plane([12, 0, 0], [1, 0, -1]), stack)]
    [True, False]
    """
    found: list[Trace | None] = []
    missed: InputError | None = None
    for z in range(stack.slices):
        try:
            found.append(trace(plane, stack, z))
        except InputError as error:
            missed = error
            found.append(None)
    if missed is not None and not any(found):
        # Slices are parallel: what was wrong with the last is wrong with all, but for the figure.
        raise missed
    return tuple(found)


def outside_mm(stack: Stack, point_mm: ArrayLike) -> float:
    """Return how far a point of a slice's plane lies outside the field of view.

    The field of view ends at the outer border of the outermost pixels. Where the point lies
    across the slices is not looked at.

    Parameters
    ----------
    stack
        Whose.
    point_mm
        RAS+ mm, shape ``(3,)``.

    Returns
    -------
    float
        mm; 0 inside.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 1, 5, 9)), np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> outside_mm(stack, [3, 3, 0]), outside_mm(stack, [-4, 3, 0])
    (0.0, 3.0)
    """
    x, y, _ = stack.voxel_xyz(np.asarray(point_mm, dtype=np.float64))
    height, width = stack.image.shape[2:]
    _, row_mm, column_mm = stack.spacing_mm
    beyond = (
        max(-0.5 - x, x - (width - 0.5), 0.0) * column_mm,
        max(-0.5 - y, y - (height - 0.5), 0.0) * row_mm,
    )
    return float(np.hypot(*beyond))


def as_point(value: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return a copy of a point.

    Raises
    ------
    InputError
        If it is not three finite numbers; `what` names it there.

    Examples
    --------
    >>> as_point([1, 2, 3], "the apex")
    array([1., 2., 3.])
    """
    try:
        point = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise InputError(f"{what} must be three finite numbers (RAS mm), got {value!r}")
    return point


def as_direction(value: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return the unit vector of a direction.

    Raises
    ------
    InputError
        If it is not three finite numbers, or has no length; `what` names it there.

    Examples
    --------
    >>> as_direction([0, 3, 4], "the long axis")
    array([0. , 0.6, 0.8])
    """
    vector = as_point(value, what)
    length = np.linalg.norm(vector)
    if not length > 0:
        raise InputError(f"{what} has no direction: its length is {length}")
    return np.asarray(vector / length)


def _corners_xyz(stack: Stack, z: int) -> NDArray[np.float64]:
    """Return the corners of a slice's field of view, in order round it, shape ``(4, 3)``."""
    right, bottom = stack.image.shape[3] - 0.5, stack.image.shape[2] - 0.5
    return np.array([[-0.5, -0.5, z], [right, -0.5, z], [right, bottom, z], [-0.5, bottom, z]])


def freeze(owner: object, name: str, array: NDArray[np.float64]) -> None:
    """Set an array of a frozen dataclass, read-only and without negative zeros.

    Examples
    --------
    >>> plane = Plane([0, 0, 0], [0, 0, 1])
    >>> freeze(plane, "point_mm", np.array([-0.0, 1.0, 2.0]))
    >>> plane.point_mm, plane.point_mm.flags.writeable
    (array([0., 1., 2.]), False)
    """
    array = array + 0.0
    array.flags.writeable = False
    object.__setattr__(owner, name, array)
