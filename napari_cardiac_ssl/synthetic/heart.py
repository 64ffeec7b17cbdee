"""The beating heart as formulas: where its walls are at any time, and so its exact volumes.

Heart coordinates ``(p, q, s)`` are mm from the centre of the mitral valve plane at end-diastole:
`p` towards the RV, `q` towards anterior, `s` along the LV long axis from base to apex. LV cavity
and epicardium are truncated ellipsoids, as in the textbooks of cardiac mechanics, slightly oval
in cross-section. The apex stays, the base moves towards it; myocardial volume is conserved.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.synthetic.base import PLAIN, Base
from napari_cardiac_ssl.synthetic.shapes import Array, Points, ellipsoid, smooth_union, tube

#: Ranges per pathology: LV radius, LV length, mean wall (mm, ED); EF; RV width beyond the septum
#: (mm, ED); its systolic narrowing; ovalness (negative flattens the septum); extra septum (mm).
_RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "normal": (
        (24.5, 28.0), (76, 86), (7.0, 9.0), (0.55, 0.66), (32, 40), (0.42, 0.52), (-0.02, 0.05),
        (0.0, 0.8),
    ),
    "dilated": (
        (32.0, 37.5), (88, 100), (6.5, 8.5), (0.16, 0.33), (30, 42), (0.2, 0.4), (-0.02, 0.05),
        (-0.5, 0.5),
    ),
    "hypertrophic": (
        (21.0, 24.5), (74, 82), (13.0, 17.0), (0.66, 0.76), (28, 36), (0.42, 0.52), (-0.02, 0.05),
        (1.0, 4.0),
    ),
    "rv_dilated": (
        (22.5, 26.0), (74, 84), (7.0, 9.0), (0.48, 0.6), (46, 58), (0.18, 0.32), (-0.1, -0.05),
        (0.0, 0.8),
    ),
}  # fmt: skip
PATHOLOGIES = tuple(_RANGES)

#: Rows: towards the RV, anterior, apex, in RAS: the open multi-view case's own axes, rounded.
_TYPICAL_AXES = np.array([[0.86, 0.24, -0.43], [0.12, 0.74, 0.65], [-0.49, 0.62, -0.61]])

#: How far ejection has gone (0 ED, 1 ES) over the cycle: ejection, filling, diastasis, atrial kick.
_EJECTED = PchipInterpolator(
    [0.0, 0.06, 0.22, 0.36, 0.44, 0.54, 0.64, 0.82, 0.94, 1.0],
    [0.0, 0.05, 0.72, 1.00, 0.93, 0.48, 0.26, 0.20, 0.03, 0.0],
)

_RV_LENGTH = 0.9  # of the LV's length
_RV_LEVER = 0.5  # where the RV's cross-section is centred, as a share of the LV's outer radius


def _truncated_ellipsoid_ml(radius: float, below: float, above: float) -> float:
    """Return the volume of an ellipsoid of revolution, cut `above` mm from its equator."""
    height = below + above - (below**3 + above**3) / (3 * below**2)
    return float(np.pi * radius**2 * height / 1000)


@dataclass(frozen=True)
class Beat:
    """Where the heart's walls are in one frame, mm in heart coordinates.

    Parameters
    ----------
    phase
        Share of the cycle, 0 at ED.
    ejected
        How far ejection has gone: 0 ED, 1 ES.
    base
        Depth `s` of the mitral valve plane.
    lv_radius, lv_length
        Of the LV cavity: largest radius, and from valve plane to apex.
    epi_radius
        Largest radius of the epicardium.
    rv_width, rv_base
        How far the RV reaches beyond the septum; depth `s` of the tricuspid valve plane.
    """

    phase: float
    ejected: float
    base: float
    lv_radius: float
    lv_length: float
    epi_radius: float
    rv_width: float
    rv_base: float

    @property
    def mitral_opening(self) -> float:
        """How far the mitral and tricuspid valves are open: shut in systole."""
        return float(
            np.clip((self.phase - 0.42) / 0.08, 0, 1) * np.clip((1 - self.phase) / 0.06, 0, 1)
        )


@dataclass(frozen=True)
class Regions:
    """Signed distances in mm at some points in one frame; negative inside."""

    endocardium: Array
    epicardium: Array
    rv_cavity: Array
    rv_wall: Array
    left_atrium: Array
    right_atrium: Array
    aortic_root: Array
    pulmonary_trunk: Array
    pericardium: Array
    veins: Array | None = None


@dataclass(frozen=True, eq=False)
class Heart:
    """One person's heart.

    Parameters
    ----------
    pathology
        One of `PATHOLOGIES`.
    radius_mm, length_mm, wall_mm
        Of the LV at ED: largest radius and length of the cavity, mean wall.
    ejection_fraction
        Of the LV, 0 to 1.
    rv_width_mm, rv_narrowing
        RV beyond the septum at ED; share of it lost at ES.
    oval, oval_angle
        The LV's cross-section: its radius at an angle (radians, from RV towards anterior) is
        ``1 + oval cos 2(angle - oval_angle) + lobed cos 3(angle - oval_angle - depth / 60 mm)``
        times the mean. Turning it with depth changes no volume.
    lobed
        See there.
    bend_mm
        By how much the heart's middle lies off the straight long axis, towards `p` and `q`: a
        shear, which changes no volume.
    septal_extra_mm
        How far the epicardium's centre lies towards the RV: thickens the septum.
    atrium_mm
        About the atria's semi-axes.
    base_mm
        The centre of the mitral valve plane at ED, RAS mm.
    axes
        Rows: unit directions towards RV, anterior and apex in RAS, shape ``(3, 3)``.
    base
        Its base; plain by default.
    """

    pathology: str
    radius_mm: float
    length_mm: float
    wall_mm: float
    ejection_fraction: float
    rv_width_mm: float
    rv_narrowing: float
    oval: float
    oval_angle: float
    lobed: float
    bend_mm: tuple[float, float]
    septal_extra_mm: float
    atrium_mm: float
    base_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    base: Base = PLAIN

    @classmethod
    def draw(cls, rng: np.random.Generator, pathology: str | None = None) -> "Heart":
        """Draw a heart. Its base lies in the origin: the torso places it.

        Raises
        ------
        InputError
            If there is no such pathology.
        """
        if pathology is None:
            pathology = PATHOLOGIES[rng.choice(len(PATHOLOGIES), p=[0.4, 0.2, 0.2, 0.2])]
        if pathology not in _RANGES:
            raise InputError(f"unknown pathology '{pathology}'; known are {', '.join(PATHOLOGIES)}")
        radius, length, wall, fraction, rv_width, narrowing, oval, extra = (
            float(rng.uniform(*limits)) for limits in _RANGES[pathology]
        )
        # The nearest right-handed frame (RV, anterior, towards the base) to the typical one.
        u, _, v = np.linalg.svd(_TYPICAL_AXES)
        turned = Rotation.from_rotvec(rng.normal(0, np.deg2rad(7), 3)).as_matrix()
        return cls(
            pathology=pathology,
            radius_mm=radius,
            length_mm=length,
            wall_mm=wall,
            ejection_fraction=fraction,
            rv_width_mm=rv_width,
            rv_narrowing=narrowing,
            oval=oval,
            oval_angle=float(rng.normal(0, 0.2)),
            lobed=float(rng.uniform(-0.035, 0.035)),
            bend_mm=(float(rng.normal(0, 1.2)), float(rng.normal(0, 1.2))),
            septal_extra_mm=extra,
            atrium_mm=float(rng.uniform(23, 28) * (1.15 if pathology == "dilated" else 1)),
            base_mm=np.zeros(3),
            axes=(u @ v) @ turned.T,
        )

    @property
    def _roundness(self) -> float:
        """Mean square of the oval cross-section's relative radius."""
        return 1 + (self.oval**2 + self.lobed**2) / 2

    def _epicardium_ml(self, epi_radius: float, lv_radius: float, lv_length: float) -> float:
        apical = self.base.apical_share * (epi_radius - lv_radius)
        below = (1 - self.base.equator) * lv_length + apical
        return self._roundness * _truncated_ellipsoid_ml(
            epi_radius, below, self.base.equator * lv_length
        )

    def _cavity_ml(self, lv_radius: float, lv_length: float) -> float:
        below, above = (1 - self.base.equator) * lv_length, self.base.equator * lv_length
        return self._roundness * _truncated_ellipsoid_ml(lv_radius, below, above)

    @property
    def myocardium_ml(self) -> float:
        """LV myocardial volume, always the same; the rounded rim at its base takes 1 % off."""
        outer = self._epicardium_ml(self.radius_mm + self.wall_mm, self.radius_mm, self.length_mm)
        return outer - self._cavity_ml(self.radius_mm, self.length_mm)

    def lv_volume_ml(self, phase: float) -> float:
        """Return the volume of the LV cavity, papillary muscles included."""
        ejected = float(_EJECTED(phase))
        end_diastolic = self._cavity_ml(self.radius_mm, self.length_mm)
        return end_diastolic * (1 - self.ejection_fraction * ejected)

    def beat(self, phase: float) -> Beat:
        """Return where the walls are at a phase (0 ED, 1 the next ED)."""
        ejected = float(_EJECTED(phase))
        # Mitral plane excursion 13 mm in a heart that ejects 60 %.
        descent = ejected * 13 * self.ejection_fraction / 0.6
        length = self.length_mm - descent
        volume_left = 1 - self.ejection_fraction * ejected
        radius = self.radius_mm * np.sqrt(volume_left * self.length_mm / length)
        target = self._cavity_ml(radius, length) + self.myocardium_ml
        epi_radius = float(
            brentq(lambda r: self._epicardium_ml(r, radius, length) - target, radius, radius + 40)
        )
        return Beat(
            phase=phase,
            ejected=ejected,
            base=descent,
            lv_radius=float(radius),
            lv_length=length,
            epi_radius=epi_radius,
            rv_width=self.rv_width_mm * (1 - self.rv_narrowing * ejected),
            rv_base=4 + ejected * 34 * self.rv_narrowing,
        )

    def to_ras(self, p: float, q: float, s: float) -> NDArray[np.float64]:
        """Map heart coordinates to RAS mm."""
        return self.base_mm + np.array([p, q, s]) @ self.axes

    def landmarks(self) -> dict[str, NDArray[np.float64]]:
        """Return the three landmarks of a reader at ED, RAS mm."""
        depth = 0.3 * self.length_mm
        beat = self.beat(0)
        wall = self._outer_radius(beat, depth) + self._rv_width(beat, depth)
        return {
            "lv_base": self.to_ras(0, 0, 0),
            "lv_apex": self.to_ras(0, 0, self.length_mm),
            "rv_lateral": self.to_ras(float(wall) + self.septal_extra_mm, 0, depth),
        }

    def bounds(self) -> NDArray[np.float64]:
        """Return a box that holds the heart at all times: lowest and highest ``(p, q, s)``."""
        outer = self.radius_mm + self.wall_mm
        return np.array(
            [
                [-outer - 16, -1.25 * outer - 16, -64.0],
                [
                    outer + self.rv_width_mm + 20,
                    1.25 * outer + 24,
                    self.length_mm + self.wall_mm + 14,
                ],
            ]
        )

    def _outer_radius(self, beat: Beat, s: Array | float) -> Array:
        """Return the epicardium's radius at a depth: 0 beyond the apex."""
        below = self._epi_below(beat)
        depth = (s - beat.base - self.base.equator * beat.lv_length) / below
        return np.asarray(
            beat.epi_radius * np.sqrt(np.clip(1 - depth * depth, 0, None)), dtype=np.float32
        )

    def _epi_below(self, beat: Beat) -> float:
        return (1 - self.base.equator) * beat.lv_length + self.base.apical_share * (
            beat.epi_radius - beat.lv_radius
        )

    def _rv_width(self, beat: Beat, s: Array | float) -> Array:
        depth = np.clip((s - beat.rv_base) / (_RV_LENGTH * self.length_mm - beat.rv_base), 0, 1)
        return np.asarray(
            beat.rv_width * np.sqrt(1 - depth**2) * (1 - 0.25 * depth), dtype=np.float32
        )

    def regions(self, points: Points, beat: Beat) -> Regions:
        """Return the signed distances to the heart's parts.

        Parameters
        ----------
        points
            Heart coordinates ``(p, q, s)`` of the straightened heart, mm, broadcastable.
        beat
            The frame.
        """
        p, q, s = points
        equator = beat.base + self.base.equator * beat.lv_length
        above_base = np.float32(beat.base) - s
        endocardium = ellipsoid(
            self._rounded(p, q, s),
            (0, 0, equator),
            (beat.lv_radius, beat.lv_radius, (1 - self.base.equator) * beat.lv_length),
        )
        epicardium = ellipsoid(
            self._rounded(p - np.float32(self.septal_extra_mm), q, s),
            (0, 0, equator),
            (beat.epi_radius, beat.epi_radius, self._epi_below(beat)),
        )
        root, trunk = self._great_vessels(points, beat)
        outside_lv = -smooth_union(-epicardium, -above_base, 8)
        rv_outer = self._rv(points, beat)
        rv_cavity = np.maximum(np.maximum(rv_outer, -outside_lv), 2 - root)
        left, right = self._atria(points, beat, root)
        # The tricuspid valve lies nearer the apex: the right atrium borders on the LV's wall.
        right = np.maximum(right, np.maximum(2 - outside_lv, -rv_cavity))
        left = np.maximum(left, -rv_cavity)
        veins = self._veins(points, beat, outside_lv, rv_outer, root)
        pericardium = smooth_union(outside_lv, rv_outer - 3, 14)
        pericardium = smooth_union(pericardium, np.minimum(left, right) - 2, 24)
        pericardium = smooth_union(pericardium, np.minimum(root, trunk), 10)
        if veins is not None:
            pericardium = smooth_union(pericardium, veins - 1, 6)
        return Regions(
            endocardium=np.maximum(endocardium, above_base),
            epicardium=outside_lv,
            rv_cavity=rv_cavity,
            rv_wall=rv_outer - np.float32(3.2),
            left_atrium=left,
            right_atrium=right,
            aortic_root=root,
            pulmonary_trunk=trunk,
            pericardium=pericardium,
            veins=veins,
        )

    def upright(self, points: Points, beat: Beat) -> Points:
        """Undo the valve plane's tilt, if there is one."""
        return self.base.upright(points, beat.base, beat.lv_length)

    def straight(self, points: Points, beat: Beat) -> Points:
        """Undo the heart's bend: points as they lie to a straight one."""
        p, q, s = points
        depth = np.clip((s - np.float32(beat.base)) / np.float32(beat.lv_length), 0, 1)
        bulge = 4 * depth * (1 - depth)
        return p - np.float32(self.bend_mm[0]) * bulge, q - np.float32(self.bend_mm[1]) * bulge, s

    def _rounded(self, p: Array, q: Array, s: Array) -> Points:
        """Undo the oval cross-section: points as they lie to a round one."""
        radius = np.sqrt(p * p + q * q) + np.float32(1e-3)
        cosine, sine = np.float32(np.cos(self.oval_angle)), np.float32(np.sin(self.oval_angle))
        c = (p * cosine + q * sine) / radius
        d = (q * cosine - p * sine) / radius
        turn = s * np.float32(3 / 60)
        triple = c * (4 * c * c - 3) * np.cos(turn) + d * (3 - 4 * d * d) * np.sin(turn)
        relative = 1 + np.float32(self.oval) * (2 * c * c - 1) + np.float32(self.lobed) * triple
        return p / relative, q / relative, s

    def _rv(self, points: Points, beat: Beat) -> Array:
        """Return the distance to the RV as if it reached through the septum."""
        p, q, s = points
        outer = self._outer_radius(beat, s)
        width = self._rv_width(beat, s)
        centre = _RV_LEVER * outer + np.float32(self.septal_extra_mm)
        # Two half ellipses: the inner one stays behind the septum however wide the outer one is.
        along_p = np.where(p > centre, outer * (1 - _RV_LEVER) + width, 0.75 * outer) + np.float32(
            0.01
        )
        along_q = outer * (0.68 + 0.52 * width / self.rv_width_mm) + np.float32(0.01)
        scaled_p, scaled_q = (p - centre) / along_p, q / along_q
        rho = np.sqrt(scaled_p**2 + scaled_q**2)
        slope = np.sqrt((scaled_p / along_p) ** 2 + (scaled_q / along_q) ** 2) + np.float32(1e-6)
        ends = np.maximum(beat.rv_base - s, s - _RV_LENGTH * self.length_mm)
        body = np.maximum(rho * (rho - 1) / slope, ends.astype(np.float32))
        # The outflow tract climbs in front of the aortic root to the pulmonary valve.
        line = self._outflow(beat)
        shrink = 1 - 0.7 * self.rv_narrowing * beat.ejected
        outflow = tube(points, line, (17 * shrink, 14 * shrink, 12 * shrink))
        outflow = np.maximum(outflow, np.float32(line[-1, 2]) - s)
        return smooth_union(np.asarray(body, np.float32), np.asarray(outflow, np.float32), 8)

    def _outflow(self, beat: Beat) -> NDArray[np.float64]:
        outer = beat.epi_radius
        return np.array(
            [
                [0.95 * outer, 0.45 * outer, beat.rv_base + 22],
                [0.8 * outer, 0.8 * outer, beat.rv_base + 2],
                [0.35 * outer, 1.08 * outer, beat.rv_base - 24],
            ]
        )

    def _great_vessels(self, points: Points, beat: Beat) -> tuple[Array, Array]:
        """Return the distances to the aortic root and the pulmonary trunk, above the valves."""
        s = points[2]
        reach = self.radius_mm
        p, q = self.base.root
        top_q = q + 0.25
        root = tube(
            points,
            np.array([[p * reach, q * reach, beat.base], [0.75 * reach, top_q * reach, -50.0]]),
            (12.5, 14.0),
        )
        valve = self._outflow(beat)[-1]
        trunk = tube(points, np.array([valve, [-0.1 * reach, 1.1 * reach, -62.0]]), (11.5, 12.5))
        return np.maximum(root, s - np.float32(beat.base)), np.maximum(trunk, s - valve[2])

    def _atria(self, points: Points, beat: Beat, root: Array) -> tuple[Array, Array]:
        """Return the distances to the atria: their roofs stay, the valve planes pull them long."""
        s = points[2]
        size = self.atrium_mm
        roof = -1.75 * size
        left = ellipsoid(points, *self.base.left_atrium(size, beat.base))
        left = np.maximum(np.maximum(left, s - np.float32(beat.base)), 2.5 - root)
        outer = beat.epi_radius
        half = (beat.rv_base + 4 - roof) / 2
        centre = outer + 0.42 * self.rv_width_mm
        right = ellipsoid(points, (centre, -9, roof + half), (0.95 * size, 1.05 * size, half))
        right = np.maximum(np.maximum(right, s - np.float32(beat.rv_base)), 3 - left)
        return left, np.maximum(right, 2.5 - root)

    def _veins(
        self, points: Points, beat: Beat, outside_lv: Array, rv: Array, root: Array
    ) -> Array | None:
        """Return the distance to what fills the left atrium and hangs on it; None if plain."""
        found = self.base.vessels(
            points,
            outer_mm=float(self._outer_radius(beat, beat.base + 4)),
            valve=beat.base,
            size_mm=self.atrium_mm,
        )
        if found is None:
            return None
        walls = np.maximum(2 - outside_lv, np.maximum(4 - rv, 2.5 - root))
        return np.asarray(np.maximum(found, walls), dtype=np.float32)
