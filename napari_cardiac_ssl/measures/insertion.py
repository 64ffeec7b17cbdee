"""Where the RV's wall meets the LV: the two points between which the septum lies.

The segments of the wall turn with them (`wall`). As long as nobody has set them they are taken from
the labels: the septum's middle is the middle of where the RV lies on the myocardium, on each slice
every direction once, and the points lie half as far to either side as that arc is wide on the mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import is_mirrored
from napari_cardiac_ssl.geometry.planes import as_point, freeze
from napari_cardiac_ssl.measures.ring import Ring, plane_basis, plane_mm
from napari_cardiac_ssl.study import Stack

#: How far to either side of its middle the septum may reach, degrees.
_HALF_DEG = (25.0, 85.0)
#: Points nearer to each other than this say no direction.
_LEAST_MM = 5.0


@dataclass(frozen=True, eq=False)
class InsertionPoints:
    """The RV's insertion points, as somebody has set them.

    Parameters
    ----------
    rv_anterior, rv_inferior
        RAS+ mm, shape ``(3,)``.

    Raises
    ------
    InputError
        If a point is not three finite numbers, or both are the same place.

    Examples
    --------
    >>> points = InsertionPoints.of({"rv_anterior": [0, 20, 0], "rv_inferior": [0, -20, 0]})
    >>> points.points()
    {'rv_anterior': [0.0, 20.0, 0.0], 'rv_inferior': [0.0, -20.0, 0.0]}
    """

    rv_anterior: NDArray[np.float64]
    rv_inferior: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the points, and look whether they can be two."""
        for name in ("rv_anterior", "rv_inferior"):
            freeze(self, name, as_point(getattr(self, name), f"the insertion point {name}"))
        apart = float(np.linalg.norm(self.rv_anterior - self.rv_inferior))
        if apart < _LEAST_MM:
            raise InputError(
                f"the insertion points rv_anterior and rv_inferior are {apart:.1f} mm apart (at "
                f"least {_LEAST_MM:.0f} are needed); set one at either end of the septum"
            )

    @classmethod
    def of(cls, points: Mapping[str, ArrayLike]) -> "InsertionPoints":
        """Make them from named points, as they are kept.

        Raises
        ------
        InputError
            If one is missing, or as above.
        """
        names = ("rv_anterior", "rv_inferior")
        missing = [name for name in names if name not in points]
        if missing:
            raise InputError(f"insertion points lack {' and '.join(missing)}; set both")
        return cls(*(np.asarray(points[name], dtype=np.float64) for name in names))

    def points(self) -> dict[str, list[float]]:
        """Return them by name, as plain numbers."""
        return {
            name: [float(value) for value in getattr(self, name)]
            for name in ("rv_anterior", "rv_inferior")
        }


@dataclass(frozen=True, eq=False)
class Septum:
    """Which way the septum lies from the LV's middle, in the plane of the slices.

    Parameters
    ----------
    middle, anterior
        Unit directions at right angles to each other, shape ``(2,)``: towards the septum's middle,
        and towards the heart's anterior side.
    half_deg
        How far the insertion points lie to either side of the middle.
    """

    middle: NDArray[np.float64]
    anterior: NDArray[np.float64]
    half_deg: float

    def turned(self, by_deg: float) -> "Septum":
        """Return it turned about the LV's middle, towards anterior.

        Examples
        --------
        >>> septum = Septum(np.array([1.0, 0]), np.array([0, 1.0]), 60).turned(90)
        >>> septum.middle.round(6).tolist(), septum.anterior.round(6).tolist()
        ([0.0, 1.0], [-1.0, 0.0])
        """
        angle = np.deg2rad(by_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        return Septum(
            np.asarray(cos * self.middle + sin * self.anterior),
            np.asarray(cos * self.anterior - sin * self.middle),
            self.half_deg,
        )

    def angle_to(self, other: "Septum") -> float:
        """Return by how many degrees another one is turned against this, towards anterior."""
        away = np.arctan2(other.middle @ self.anterior, other.middle @ self.middle)
        return float(np.rad2deg(away))

    def towards(self, *, anterior: bool) -> NDArray[np.float64]:
        """Return the direction of an insertion point, shape ``(2,)``."""
        angle = np.deg2rad(self.half_deg if anterior else -self.half_deg)
        return np.asarray(np.cos(angle) * self.middle + np.sin(angle) * self.anterior)


def septum_of(
    rings: Mapping[int, Ring],
    affine: NDArray[np.float64],
    from_base: bool | None,
    orientation_known: bool = True,
    insertion: InsertionPoints | None = None,
) -> Septum | None:
    """Return which way the septum lies.

    Parameters
    ----------
    rings
        Of the slices of one frame whose myocardium closes one.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    from_base
        Whether slice 0 is on the base's side; None if nothing tells.
    orientation_known
        Whether the affine is true of the patient.
    insertion
        The insertion points, where somebody has set them.

    Returns
    -------
    Septum or None
        None without an RV beside the LV, or where nothing tells anterior from inferior.
    """
    if insertion is not None and (set_by_hand := _between(rings, affine, insertion)):
        return set_by_hand
    beside = [np.deg2rad(ring.rv_deg) for ring in rings.values() if ring.rv_deg.size]
    if not beside or from_base is None:
        return None
    every = np.concatenate(beside)
    total = np.array([np.cos(every).sum(), np.sin(every).sum()])
    length = float(np.linalg.norm(total))
    if not length > 0:
        return None
    middle = total / length
    half = np.clip(np.mean([5 * arc.size / 2 for arc in beside]), *_HALF_DEG)
    return Septum(middle, _anterior(middle, affine, from_base, orientation_known), float(half))


def _between(
    rings: Mapping[int, Ring], affine: NDArray[np.float64], insertion: InsertionPoints
) -> Septum | None:
    """Return the septum between two points; None if they lie opposite each other."""
    to_mm, back = plane_mm(affine), np.linalg.inv(affine)
    towards = []
    for point in (insertion.rv_anterior, insertion.rv_inferior):
        x, y, z = (back @ [*point, 1.0])[:3]
        ring = rings[min(rings, key=lambda slice_: abs(slice_ - z))]
        away = to_mm @ np.array([x, y]) - ring.centre_mm
        towards.append(away / max(float(np.linalg.norm(away)), 1e-9))
    both, across = towards[0] + towards[1], towards[0] - towards[1]
    if min(np.linalg.norm(both), np.linalg.norm(across)) < 0.05:
        return None
    middle = both / np.linalg.norm(both)
    half = float(np.rad2deg(np.arctan2(np.linalg.norm(across), np.linalg.norm(both))))
    return Septum(middle, across / np.linalg.norm(across), half)


def _anterior(
    septal: NDArray[np.float64],
    affine: NDArray[np.float64],
    from_base: bool,
    orientation_known: bool,
) -> NDArray[np.float64]:
    """Return the direction towards anterior, from the apex's side and the RV's."""
    basis = plane_basis(affine)
    apex = np.cross(basis[0], basis[1])
    if bool(apex @ affine[:3, 2] > 0) != from_base:
        apex = -apex
    stack = Stack(np.zeros((1, 1, 2, 2), np.uint8), affine, orientation_known=orientation_known)
    # As `AnatomicalFrame.from_landmarks`: towards the RV × towards anterior points to the base.
    anterior = np.asarray(basis @ np.cross(septal @ basis, apex))
    return -anterior if is_mirrored(stack, apex) else anterior


def points_on(
    septum: Septum, ring: Ring, affine: NDArray[np.float64], z: int
) -> dict[str, NDArray[np.float64]]:
    """Return where the insertion points lie on a slice: on the epicardium, RAS+ mm.

    Parameters
    ----------
    septum
        Of the frame.
    ring
        Of the slice, or of the one nearest to it.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    z
        The slice.

    Returns
    -------
    dict
        ``rv_anterior`` and ``rv_inferior``, shape ``(3,)`` each.
    """
    back = np.linalg.inv(plane_mm(affine))
    found = {}
    for name, anterior in (("rv_anterior", True), ("rv_inferior", False)):
        x, y = back @ ring.outermost(septum.towards(anterior=anterior))
        found[name] = np.asarray((affine @ [x, y, z, 1.0])[:3])
    return found
