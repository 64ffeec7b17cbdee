"""The base of the heart in detail: what long-axis views show around the mitral valve.

The plain heart has a flat base and smooth atria. Weights that find the valve on real long-axis
views need more: a base that narrows towards a tilted valve, atria of all shapes, pulmonary veins
that enter the left one, its appendage, and the coronary sinus in the groove.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.synthetic.shapes import Array, Points, tube

#: Where pulmonary veins leave the left atrium: to the left and the right, upper and lower.
_VEINS = ((-0.85, -0.45, -0.45), (-0.8, -0.6, 0.05), (0.75, -0.55, -0.4), (0.7, -0.75, 0.0))


@dataclass(frozen=True, eq=False)
class Base:
    """One person's base of the heart, plain by default; lengths in mm, heart coordinates.

    Parameters
    ----------
    equator
        The LV's widest cross-section, as a share of its length from the base: the larger, the
        narrower is the valve.
    apical_share
        The thickness of the apex' wall, as a share of the mean wall.
    tilt
        By how much the valve plane rises per mm towards `p` and `q`. The tilt fades towards the
        apex: a shear, which changes no cross-section's area.
    stretch
        The left atrium's semi-axes, relative to a plain one's.
    offset_mm
        Its centre's offset towards `p` and `q`.
    mouth_mm
        How far its ellipsoid would reach beyond the valve plane: the farther, the wider its mouth.
    veins
        Directions, shape ``(n, 3)``, and radii of the pulmonary veins.
    appendage_mm
        The radius of the left atrial appendage.
    sinus_mm
        The radius of the coronary sinus.
    root
        Where the aortic root leaves the LV, towards `p` and `q`, as shares of the LV's radius: in
        front of the 4CH plane.
    pad_mm
        The thickness of the fat pad at the apex.
    """

    equator: float = 0.2
    apical_share: float = 0.6
    tilt: tuple[float, float] = (0.0, 0.0)
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset_mm: tuple[float, float] = (0.0, 0.0)
    mouth_mm: float = 4.0
    veins: tuple[tuple[NDArray[np.float64], float], ...] = ()
    appendage_mm: float = 0.0
    sinus_mm: float = 0.0
    root: tuple[float, float] = (0.45, 0.5)
    pad_mm: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Base":
        """Draw a base in detail."""
        veins = []
        for towards in _VEINS:
            direction = np.array(towards) + rng.normal(0, 0.2, 3)
            veins.append((direction / np.linalg.norm(direction), float(rng.uniform(4.5, 8.5))))
        return cls(
            equator=float(rng.uniform(0.22, 0.42)),
            apical_share=float(rng.uniform(0.25, 0.65)),
            tilt=(float(rng.normal(0, 0.12)), float(rng.normal(0, 0.12))),
            stretch=(
                float(rng.uniform(0.8, 1.25)),
                float(rng.uniform(0.8, 1.3)),
                float(rng.uniform(0.75, 1.2)),
            ),
            offset_mm=(float(rng.normal(0, 4)), float(rng.normal(0, 4))),
            mouth_mm=float(rng.uniform(8, 22)),
            veins=tuple(veins),
            appendage_mm=float(rng.uniform(6, 11)),
            sinus_mm=float(rng.uniform(2.5, 6)),
            root=(float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.85, 1.05))),
            pad_mm=float(rng.uniform(0, 14)),
        )

    def upright(self, points: Points, base: float, length: float) -> Points:
        """Undo the tilt: points as they lie to a valve at right angles to the long axis."""
        if not any(self.tilt):
            return points
        p, q, s = points
        share = np.clip(1 - (s - np.float32(base)) / np.float32(length), 0, 1)
        rise = np.float32(self.tilt[0]) * p + np.float32(self.tilt[1]) * q
        return p, q, np.asarray(s - rise * share, dtype=np.float32)

    def left_atrium(
        self, size_mm: float, valve: float
    ) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return the centre and the semi-axes of the left atrium's ellipsoid.

        Its roof stays; the valve plane at a depth `s` pulls it long.
        """
        (p, q), (wide, deep, high) = self.offset_mm, self.stretch
        roof = high * (-1.75 * size_mm)
        half = (valve + self.mouth_mm - roof) / 2
        return (-3 + p, -8 + q, roof + half), (1.05 * size_mm * wide, 0.9 * size_mm * deep, half)

    def vessels(
        self,
        points: Points,
        *,
        outer_mm: float,
        valve: float,
        size_mm: float,
    ) -> Array | None:
        """Return the distance to veins, appendage and coronary sinus; None of a plain base.

        Parameters
        ----------
        points
            Heart coordinates of the upright heart.
        outer_mm
            The radius of the LV's epicardium at its base.
        valve
            Depth `s` of the valve plane.
        size_mm
            About the atrium's semi-axes.
        """
        if not self.veins:
            return None
        centre = np.array(self.left_atrium(size_mm, valve)[0])
        found = [
            tube(
                points,
                np.stack([centre + 0.5 * size_mm * towards, centre + 3.2 * size_mm * towards]),
                (1.5 * radius, radius),
            )
            for towards, radius in self.veins
        ]
        appendage = np.array(
            [
                centre + size_mm * np.array([-0.6, 0.45, 0.2]),
                [-0.85 * outer_mm, 0.6 * outer_mm, valve - self.appendage_mm],
                [-0.55 * outer_mm, 1.05 * outer_mm, valve - 0.6 * self.appendage_mm],
            ]
        )
        radius = self.appendage_mm
        found.append(tube(points, appendage, (0.9 * radius, radius, 0.6 * radius)))
        groove = valve - self.sinus_mm
        sinus = np.array(
            [
                [-0.95 * outer_mm, -0.25 * outer_mm, groove],
                [-0.6 * outer_mm, -0.8 * outer_mm, groove],
                [0.2 * outer_mm, -1.02 * outer_mm, groove - 2],
                [0.9 * outer_mm, -0.7 * outer_mm, groove - 8],
            ]
        )
        radius = self.sinus_mm
        found.append(tube(points, sinus, (0.6 * radius, 0.8 * radius, radius, 1.3 * radius)))
        return np.asarray(np.minimum.reduce(found), dtype=np.float32)


#: A flat base and smooth atria.
PLAIN = Base()
