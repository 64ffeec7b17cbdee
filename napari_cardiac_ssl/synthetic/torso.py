"""What lies around the heart: chest wall, lungs, diaphragm, liver, spine, great vessels.

Body coordinates are RAS mm with the origin in the middle of the chest. Signals are those of
steady-state cine MR relative to blood. Fat's is negative: fat and water are in opposed phase, so
that where they share a voxel they cancel, which draws the well-known dark outline.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.synthetic.heart import Heart
from napari_cardiac_ssl.synthetic.shapes import (
    Array,
    Points,
    Waves,
    coverage,
    ellipsoid,
    over,
    smooth_union,
    tube,
)

BLOOD = 1.0
FAT = -1.05
MUSCLE = 0.24
LUNG = 0.035
LIVER = 0.36


@dataclass(frozen=True, eq=False)
class Torso:
    """One person's torso.

    Parameters
    ----------
    half_width_mm, half_depth_mm
        Of the chest.
    fat_mm, muscle_mm
        Thickness under the skin, and of the chest wall's muscle and ribs.
    breast_mm
        Radius of the breasts; 0 for none.
    diaphragm_mm
        Height `z` of the diaphragm under the heart.
    liver
        Its signal.
    vessels
        Corners in RAS mm and radius of each great vessel.
    lung_tubes, liver_tubes
        Where two fields are both zero a vessel runs.
    texture
        Fine structure of the tissues.
    """

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float
    breast_mm: float
    diaphragm_mm: float
    liver: float
    vessels: tuple[tuple[NDArray[np.float64], float], ...]
    lung_tubes: tuple[Waves, Waves]
    liver_tubes: tuple[Waves, Waves]
    texture: Waves

    @classmethod
    def draw(cls, rng: np.random.Generator, heart: Heart) -> tuple["Torso", Heart]:
        """Draw a torso, and place the heart in it: its apex just behind the chest wall."""
        width, depth = float(rng.uniform(152, 180)), float(rng.uniform(102, 122))
        fat, muscle = float(rng.uniform(8, 24)), float(rng.uniform(14, 20))
        inner_width, inner_depth = width - fat - muscle, depth - fat - muscle
        apex_x = -0.42 * inner_width + float(rng.normal(0, 4))
        wall_y = inner_depth * (1 - abs(apex_x / inner_width) ** 2.4) ** (1 / 2.4)
        apex = np.array([apex_x, wall_y - float(rng.uniform(4, 10)), -48.0])
        reach = heart.length_mm + heart.wall_mm
        heart = replace(heart, base_mm=apex - reach * heart.axes[2])
        outer = heart.radius_mm + heart.wall_mm
        lowest = heart.to_ras(0.3 * outer, -1.05 * outer, 0.5 * heart.length_mm)[2]
        torso = cls(
            half_width_mm=width,
            half_depth_mm=depth,
            fat_mm=fat,
            muscle_mm=muscle,
            breast_mm=float(rng.choice([0.0, rng.uniform(45, 65)])),
            diaphragm_mm=float(lowest) + float(rng.uniform(-6, 4)),
            liver=LIVER * float(rng.uniform(0.8, 1.25)),
            vessels=_great_vessels(heart, inner_depth, float(lowest)),
            lung_tubes=(Waves.draw(rng, 30, 4), Waves.draw(rng, 30, 4)),
            liver_tubes=(Waves.draw(rng, 45, 5), Waves.draw(rng, 45, 5)),
            texture=Waves.draw(rng, 11, 5),
        )
        return torso, heart

    def depth_mm(self, points: Points) -> Array:
        """Return the signed distance to the skin."""
        skin = _oval(points[0], points[1], self.half_width_mm, self.half_depth_mm)
        if self.breast_mm:
            radius = self.breast_mm
            for side in (-1, 1):
                centre = (side * 0.5 * self.half_width_mm, 0.78 * self.half_depth_mm, -8.0)
                breast = ellipsoid(points, centre, (radius * 1.15, 0.9 * radius, radius))
                skin = smooth_union(skin, breast, 30)
        return skin

    def signal(self, points: Points, width_mm: float) -> Array:
        """Return the signal of the body without the heart.

        Parameters
        ----------
        points
            RAS mm, broadcastable.
        width_mm
            Over what distance borders are soft: the pixel's size.
        """
        skin = self.depth_mm(points)
        signal = np.zeros(np.broadcast_shapes(*(c.shape for c in points)), dtype=np.float32)
        grain = self.texture(points)
        slow = (self.liver_tubes[0](points), self.liver_tubes[1](points))
        over(signal, coverage(skin, width_mm), np.float32(FAT) * (1 + 0.04 * grain))
        x, y, _ = points
        fat, wall = self.fat_mm, self.muscle_mm
        chest = _oval(x, y, self.half_width_mm - fat, self.half_depth_mm - fat)
        over(signal, coverage(chest + 1.5 * slow[0], width_mm), MUSCLE * (1 + 0.15 * grain))
        self._ribs(signal, points, chest, slow[1], width_mm)
        inside = chest + np.float32(wall)
        over(signal, coverage(inside, width_mm), LUNG * (1 + 0.2 * grain))
        self._lungs(signal, points, inside, width_mm)
        self._abdomen(signal, points, inside, grain, slow=slow, width_mm=width_mm)
        self._spine(signal, points, grain, width_mm)
        for line, radius in self.vessels:
            vessel = tube(points, line, radius)
            over(signal, coverage(vessel - np.float32(1.5), width_mm), 0.3)
            over(signal, coverage(vessel, width_mm), BLOOD * (0.95 + 0.05 * grain))
        return signal

    def _ribs(
        self, signal: Array, points: Points, chest: Array, slow: Array, width_mm: float
    ) -> None:
        """Lay fat between the muscle layers, and ribs: marrow in a dark shell."""
        x, y, z = points
        layer = np.abs(chest + np.float32(0.55 * self.muscle_mm))
        # Ribs fall towards the front.
        height = z + 0.35 * y - 0.0006 * x * x
        across = np.abs((height / 27) % 1 - 0.5) * 27
        rib = np.sqrt((layer / 0.8) ** 2 + across**2) - np.float32(6.5)
        over(signal, coverage(layer - np.float32(1.0) - slow, width_mm) * np.float32(0.7), FAT)
        over(signal, coverage(rib, width_mm), 0.1)
        over(signal, coverage(rib + np.float32(2.2), width_mm), 0.32)

    def _lungs(self, signal: Array, points: Points, inside: Array, width_mm: float) -> None:
        """Lay vessels into the lungs, thicker towards the hilum, and the mediastinum's fat."""
        x, y, z = points
        one, other = (waves(points) for waves in self.lung_tubes)
        hilum = np.sqrt(x * x + (y + 10) ** 2 + 0.5 * (z - 20) ** 2)
        thick = np.clip(0.34 - 0.0016 * hilum, 0.10, 0.3)
        vessel = (np.sqrt(one * one + other * other) - thick) * np.float32(6)
        over(signal, coverage(np.maximum(vessel, inside + 8), width_mm) * np.float32(0.9), 0.8)
        middle = ellipsoid(points, (4, -0.2 * self.half_depth_mm, 60), (24, 52, 150))
        front = ellipsoid(points, (6, 0.6 * self.half_depth_mm, 30), (9, 34, 110))
        tissue = np.maximum(smooth_union(middle, front, 20), inside)
        over(
            signal,
            coverage(tissue + 4 * one, width_mm),
            np.float32(0.62 * FAT) * (1 + 0.12 * other),
        )

    def _abdomen(
        self,
        signal: Array,
        points: Points,
        inside: Array,
        grain: Array,
        *,
        slow: tuple[Array, Array],
        width_mm: float,
    ) -> None:
        """Lay the diaphragm and what is under it: fat, liver, stomach, spleen, kidneys, bowel."""
        x, y, z = points
        inner = self.half_width_mm - self.fat_mm - self.muscle_mm
        rim = np.clip(1 + inside / np.float32(inner * 0.62), 0, 1) ** 5
        domes = 16 * np.exp(-(((x - 62) / 46) ** 2) - ((y + 5) / 60) ** 2)
        domes = domes + 7 * np.exp(-(((x + 78) / 34) ** 2) - ((y + 15) / 55) ** 2)
        top = np.float32(self.diaphragm_mm) + domes - 60 * rim
        below = np.maximum((z - top) * np.float32(0.85), inside)
        over(signal, coverage(below - np.float32(1.2), width_mm), MUSCLE)
        one, other = slow
        over(signal, coverage(below + 2, width_mm), np.float32(0.85 * FAT) * (1 + 0.1 * one))
        d = self.diaphragm_mm
        bowel = np.maximum(smooth_union(one, other, 0.5) * 9 + 4, z - np.float32(d - 55))
        over(signal, coverage(np.maximum(bowel, below + 7), width_mm), 0.3 + 0.2 * other)
        for side in (-1, 1):
            kidney = ellipsoid(points, (side * 58, -52, d - 95), (25, 28, 48))
            over(signal, coverage(kidney, width_mm), 0.5 + 0.06 * grain)
            over(signal, coverage(kidney + 13, width_mm), -0.5)
        spleen = ellipsoid(points, (-0.82 * inner, -32, d - 40), (30, 40, 52))
        over(signal, coverage(np.maximum(spleen, below + 3), width_mm), 0.5 + 0.03 * grain)
        stomach = ellipsoid(points, (-62 + 4 * one, 8, d - 46), (38, 44, 40))
        stomach = np.maximum(stomach, below + 4)
        over(signal, coverage(stomach, width_mm), MUSCLE)
        over(signal, coverage(stomach + 4, width_mm), 0.28 + 0.16 * other + 0.05 * grain)
        liver = ellipsoid(points, (58, 6, d - 62), (112, 82, 92))
        liver = np.maximum(liver + 3 * other, below + 2)
        over(signal, coverage(liver, width_mm), self.liver * (1 + 0.05 * grain))
        vessel = (np.sqrt(one * one + other * other) - np.float32(0.14)) * np.float32(8)
        over(signal, coverage(np.maximum(vessel, liver + 8), width_mm) * np.float32(0.8), 0.85)

    def _spine(self, signal: Array, points: Points, grain: Array, width_mm: float) -> None:
        """Lay the vertebrae, the canal with its cord, and the muscles of the back."""
        x, y, z = points
        back = -self.half_depth_mm + self.fat_mm
        for side in (-1, 1):
            muscle = _ellipse(x - np.float32(side * 30), y - np.float32(back + 20), 27, 19)
            over(signal, coverage(muscle + grain, width_mm), MUSCLE * (1 + 0.25 * grain))
        arch = _ellipse(x, y - np.float32(back + 27), 17, 15)
        over(signal, coverage(arch, width_mm), 0.1)
        body = _ellipse(x, y - np.float32(back + 57), 20, 17)
        disc = np.abs((z / 29) % 1 - 0.5) * 29
        over(signal, coverage(body, width_mm), 0.08)
        over(signal, coverage(body + 2, width_mm), 0.30 + 0.04 * grain)
        over(signal, coverage(np.maximum(body + 1, disc - 3), width_mm), 0.16)
        canal = _ellipse(x, y - np.float32(back + 32), 9.5, 8)
        over(signal, coverage(canal, width_mm), 1.05)
        over(signal, coverage(canal + 4, width_mm), 0.5)


def _oval(x: Array, y: Array, half_width: float, half_depth: float) -> Array:
    """Return the signed distance to a chest's outline: a superellipse, blunter than an ellipse."""
    rho = ((np.abs(x) / half_width) ** 2.4 + (np.abs(y) / half_depth) ** 2.4) ** (1 / 2.4)
    radius = np.sqrt(x * x + y * y)
    return np.asarray(radius - radius / (rho + np.float32(1e-6)), dtype=np.float32)


def _ellipse(x: Array, y: Array, half_width: float, half_depth: float) -> Array:
    rho = np.sqrt((x / np.float32(half_width)) ** 2 + (y / np.float32(half_depth)) ** 2)
    return np.asarray((rho - 1) * np.float32(min(half_width, half_depth)), dtype=np.float32)


def _great_vessels(
    heart: Heart, inner_depth: float, floor: float
) -> tuple[tuple[NDArray[np.float64], float], ...]:
    """Return the vessels that leave the heart, as corners in RAS mm and a radius."""
    root = heart.to_ras(0.75 * heart.radius_mm, 0.75 * heart.radius_mm, -48)
    trunk = heart.to_ras(-0.1 * heart.radius_mm, 1.1 * heart.radius_mm, -60)
    left = heart.to_ras(-3, -8, -1.2 * heart.atrium_mm)
    right = heart.to_ras(heart.radius_mm + heart.wall_mm + 0.42 * heart.rv_width_mm, -9, -20)
    back = -inner_depth + 46
    top = max(root[2], trunk[2]) + 42
    arch = [
        root,
        [root[0] + 4, root[1], top - 14],
        [root[0] - 10, 0.4 * root[1], top],
        [-20.0, back + 22, top - 4],
        [-25.0, back, top - 26],
        [-23.0, back, floor],
        [-6.0, back - 2, floor - 120],
    ]
    fork = [trunk[0] + 2, trunk[1] - 24, trunk[2] + 8]
    return (
        (np.array(arch, dtype=float), 11.5),
        (np.array([trunk, fork, [70.0, fork[1] - 6, fork[2] - 8]], dtype=float), 9.5),
        (np.array([fork, [-62.0, fork[1] - 16, fork[2] - 4]], dtype=float), 9.0),
        (np.array([[right[0] + 4, right[1] - 6, top], right], dtype=float), 9.0),
        (np.array([right, [26.0, back + 34, floor - 12], [22.0, back + 22, floor - 120]]), 11.0),
        (np.array([left, left + np.array([48.0, -18.0, 4.0])]), 6.5),
        (np.array([left, left + np.array([-52.0, -16.0, 2.0])]), 6.5),
    )
