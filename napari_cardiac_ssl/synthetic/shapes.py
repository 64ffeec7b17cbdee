"""Signed distances, coverage and smooth random fields: what the synthetic body is made of.

Points come as broadcastable float32 arrays in mm, one per coordinate: ``(x, y, z)`` in the body,
``(p, q, s)`` in the heart. A signed distance is negative inside.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = tuple[Array, Array, Array]


def coverage(distance_mm: Array, width_mm: float) -> Array:
    """Return how much of a sample of a width lies inside, 0 to 1, from the signed distance.

    Examples
    --------
    >>> coverage(np.array([-2.0, 0.0, 0.5, 2.0], np.float32), 2.0).tolist()
    [1.0, 0.5, 0.25, 0.0]
    """
    share = np.float32(0.5) - distance_mm / np.float32(width_mm)
    return np.asarray(np.clip(share, 0, 1), dtype=np.float32)


def smooth_union(one: Array, other: Array, fillet_mm: float) -> Array:
    """Return the signed distance of the union of two shapes, the groove between them filled."""
    blend = np.maximum(fillet_mm - np.abs(one - other), 0, dtype=np.float32)
    return np.asarray(np.minimum(one, other) - blend * blend / (4 * fillet_mm), dtype=np.float32)


def ellipsoid(
    points: Points,
    centre: tuple[float | Array, float, float],
    semi_axes: tuple[float, float, float],
) -> Array:
    """Return the signed distance to an ellipsoid: exact on it, first order near it.

    Examples
    --------
    >>> x = np.array([0.0, 30.0, 31.0], np.float32)
    >>> ellipsoid((x, 0 * x, 0 * x), (0, 0, 0), (30, 20, 20))[1:].round(3).tolist()
    [0.0, 1.0]
    """
    squared: Array = np.full((), 1e-6, dtype=np.float32)
    slope: Array = np.full((), 1e-6 / min(semi_axes) ** 2, dtype=np.float32)
    for coordinate, middle, semi_axis in zip(points, centre, semi_axes, strict=True):
        scaled = (coordinate - np.asarray(middle, np.float32)) / np.float32(semi_axis)
        part = np.asarray(scaled * scaled, dtype=np.float32)
        squared = np.asarray(squared + part)
        slope = np.asarray(slope + part / np.float32(semi_axis) ** 2, dtype=np.float32)
    rho = np.sqrt(squared)
    return np.asarray(rho * (rho - 1) / np.sqrt(slope), dtype=np.float32)


def tube(
    points: Points, line_mm: NDArray[np.floating], radii_mm: tuple[float, ...] | float
) -> Array:
    """Return the signed distance to a tube around a polyline.

    Parameters
    ----------
    points
        Where.
    line_mm
        Corners, shape ``(n, 3)``.
    radii_mm
        One radius, or one for every corner.
    """
    radii = np.broadcast_to(np.asarray(radii_mm, dtype=np.float32), len(line_mm))
    nearest: Array | None = None
    for start, end, r0, r1 in zip(line_mm[:-1], line_mm[1:], radii[:-1], radii[1:], strict=True):
        along = (end - start).astype(np.float32)
        offsets = [c - np.float32(a) for c, a in zip(points, start, strict=True)]
        share = sum(o * d for o, d in zip(offsets, along, strict=True)) / np.dot(along, along)
        share = np.clip(share, 0, 1, dtype=np.float32)
        away = sum((o - share * d) ** 2 for o, d in zip(offsets, along, strict=True))
        distance = np.sqrt(away) - (r0 + share * (r1 - r0))
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    if nearest is None:
        nearest = np.full((), np.inf, dtype=np.float32)
    return np.asarray(nearest, dtype=np.float32)


@dataclass(frozen=True)
class Waves:
    """A smooth random field: a few plane waves, mean 0, standard deviation 1.

    Parameters
    ----------
    vectors
        Wave vectors in radians per mm, shape ``(n, 3)``.
    phases
        Shape ``(n,)``.
    """

    vectors: NDArray[np.float32]
    phases: NDArray[np.float32]

    @classmethod
    def draw(cls, rng: np.random.Generator, wavelength_mm: float, count: int = 6) -> "Waves":
        """Draw a field whose waves are about as long as said, in all directions."""
        directions = rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lengths = wavelength_mm * rng.uniform(0.7, 1.5, size=(count, 1))
        return cls(
            (2 * np.pi * directions / lengths).astype(np.float32),
            rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        )

    def __call__(self, points: Points, drift: float = 0.0) -> Array:
        """Return the field's values; `drift` (radians) lets it change with time."""
        total: Array | np.float32 = np.float32(0)
        for index, (vector, phase) in enumerate(zip(self.vectors, self.phases, strict=True)):
            angle = sum(
                (c * v for c, v in zip(points, vector, strict=True)),
                start=np.float32(phase + drift * (1 + index % 3)),
            )
            total = total + np.sin(angle)
        return np.asarray(total * np.float32(np.sqrt(2 / len(self.phases))), dtype=np.float32)


def over(signal: Array, share: Array, value: Array | float) -> None:
    """Lay a tissue over what is there, in place: `share` of each sample becomes `value`."""
    signal += share * (np.float32(value) if isinstance(value, float) else value) - share * signal
