"""The heart's signal and truth in one frame: tissues laid over each other."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.synthetic.heart import Beat, Heart
from napari_cardiac_ssl.synthetic.shapes import Array, Points, Waves, coverage, over
from napari_cardiac_ssl.synthetic.torso import BLOOD, FAT


@dataclass(frozen=True, eq=False)
class Inflow:
    """Blood that flows from the left atrium into the LV while it fills: as bright as it was there.

    Parameters
    ----------
    signal
        Its brightness.
    strength
        How much of the LV's blood it replaces at most.
    slant
        Where it goes, towards `p` and `q` for each mm of depth.
    width, reach
        Of the jet, as shares of the LV's radius and length.
    """

    signal: float
    strength: float
    slant: tuple[float, float]
    width: float
    reach: float

    @classmethod
    def draw(cls, rng: np.random.Generator, left_blood: float) -> "Inflow":
        """Draw a jet of blood that is so bright in the atrium."""
        return cls(
            signal=left_blood * float(rng.uniform(0.75, 1.15)),
            strength=float(rng.uniform(0.2, 1)),
            slant=(float(rng.normal(0, 0.25)), float(rng.normal(-0.1, 0.25))),
            width=float(rng.uniform(0.4, 0.8)),
            reach=float(rng.uniform(0.3, 1)),
        )

    def share(self, points: Points, beat: Beat) -> Array:
        """Return how much of the blood at some points is of the jet."""
        filling = max((beat.phase - 0.42) / 0.08, 1 - beat.phase / 0.12)
        if filling <= 0:
            return np.zeros((), dtype=np.float32)
        p, q, s = points
        depth = s - np.float32(beat.base)
        aside = (p - np.float32(self.slant[0]) * depth) ** 2
        aside = aside + (q - np.float32(self.slant[1]) * depth) ** 2
        across = np.exp(-aside / np.float32((self.width * beat.lv_radius) ** 2))
        along = np.clip(1 - depth / np.float32(self.reach * beat.lv_length), 0, 1)
        most = np.float32(self.strength * min(filling, 1))
        return np.asarray(most * across * np.sqrt(along), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Tissue:
    """How one person's heart looks.

    Parameters
    ----------
    myocardium, right_blood
        Signals relative to the LV's blood: blood of the right heart is slower and less oxygenated.
    unrest
        How much flow varies the blood's signal.
    trabeculae_mm
        How far strands reach into the LV near its apex.
    fat_mm
        Mean thickness of the epicardial fat.
    grain, trabeculae, flow, fat
        Fine structure of the myocardium, of the cavities' walls, of the blood, and of the fat.
    papillary
        Angles (radians, from RV towards anterior) of the papillary muscles.
    left_blood
        The left atrium's signal: where blood flows into the slice it may be brighter.
    fat_signal
        That of the fat around the heart.
    inflow
        The jet through the mitral valve; None without one.
    """

    myocardium: float
    right_blood: float
    unrest: float
    trabeculae_mm: float
    fat_mm: float
    grain: Waves
    trabeculae: Waves
    flow: Waves
    fat: Waves
    papillary: tuple[float, float]
    left_blood: float = 0.95 * BLOOD
    fat_signal: float = 0.75 * FAT
    inflow: Inflow | None = None

    def detailed(self, rng: np.random.Generator, *, alike: bool) -> "Tissue":
        """Return the same with what a detailed base shows: blood that flows in, bright fat.

        With `alike` the left atrium is about as bright as the LV: then only walls tell them apart.
        """
        left_blood = float(rng.uniform(0.75, 1.35))
        if alike:
            left_blood = 0.95 + (left_blood - 0.75) / 7.5
        return replace(
            self,
            left_blood=left_blood,
            unrest=float(rng.uniform(0.03, 0.16)),
            fat_signal=float(FAT * rng.uniform(0.6, 1.1)),
            inflow=Inflow.draw(rng, left_blood),
        )

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Tissue":
        """Draw an appearance."""
        return cls(
            myocardium=float(rng.uniform(0.23, 0.46)),
            right_blood=float(rng.uniform(0.7, 1)),
            unrest=float(rng.uniform(0.03, 0.09)),
            trabeculae_mm=float(rng.uniform(4, 10)),
            fat_mm=float(rng.uniform(0, 3.5)),
            grain=Waves.draw(rng, 9, 4),
            trabeculae=Waves.draw(rng, 9, 5),
            flow=Waves.draw(rng, 24, 6),
            fat=Waves.draw(rng, 70, 4),
            papillary=(
                np.deg2rad(140) + float(rng.normal(0, 0.15)),
                np.deg2rad(232) + float(rng.normal(0, 0.15)),
            ),
        )


def paint(
    signal: Array, points: Points, heart: Heart, beat: Beat, tissue: Tissue, *, width_mm: float
) -> dict[Structure, Array]:
    """Lay the heart over the body's signal, in place.

    Parameters
    ----------
    signal
        The body's, shape ``(z, samples, y, x)``.
    points
        Where: heart coordinates, mm, broadcastable to the signal's shape.
    heart, beat, tissue
        Whose, when, and how it looks.
    width_mm
        Over what distance borders are soft.

    Returns
    -------
    dict
        How much of every sample each structure takes, 0 to 1, shape ``(z, samples, y, x)``.
    """
    points = heart.upright(points, beat)
    regions = heart.regions(points, beat)
    p, q, s = points = heart.straight(points, beat)
    squeeze = np.float32(heart.radius_mm / beat.lv_radius)
    grain = tissue.grain(points)
    rough = tissue.trabeculae((p * np.sqrt(squeeze), q * np.sqrt(squeeze), s * np.float32(0.45)))
    flow = 1 + np.float32(tissue.unrest) * tissue.flow(points, drift=2 * np.pi * beat.phase)
    venous = np.float32(BLOOD * tissue.right_blood) * flow
    # Fat lies in the grooves and on the RV; the apex and the lateral wall have little.
    deep = np.clip((s - beat.base) / np.float32(beat.lv_length), 0, 1)
    fat = (tissue.fat_mm + 2.5 * tissue.fat(points)) * (1 - deep**2)
    if heart.base.pad_mm:
        fat = fat + np.float32(heart.base.pad_mm) * deep**6
    shares = {
        name: coverage(distance, width_mm)
        for name, distance in (
            (Structure.LV_CAVITY, regions.endocardium),
            (Structure.MYOCARDIUM, regions.epicardium),
            (Structure.RV_CAVITY, regions.rv_cavity),
            (Structure.LEFT_ATRIUM, regions.left_atrium),
            (Structure.RIGHT_ATRIUM, regions.right_atrium),
        )
    }
    wall = tissue.myocardium * (1 + 0.07 * grain)
    sac = regions.pericardium - fat
    over(signal, coverage(sac - np.float32(1.8), width_mm), 0.12)  # the pericardium
    over(signal, coverage(sac, width_mm), np.float32(tissue.fat_signal) * (1 + 0.08 * grain))
    thin = [regions.left_atrium, regions.right_atrium]
    thin += [regions.aortic_root, regions.pulmonary_trunk]
    filling = np.float32(tissue.left_blood) * flow
    over(signal, coverage(np.minimum.reduce(thin) - np.float32(1.6), width_mm), wall)
    if regions.veins is not None:
        over(signal, coverage(regions.veins - np.float32(1.2), width_mm), wall)
        rough_veins = regions.veins + np.float32(0.8) * rough
        over(signal, coverage(rough_veins, width_mm), filling)
    over(signal, coverage(regions.rv_wall, width_mm), wall * np.float32(1.1))
    over(signal, coverage(np.minimum(*thin[2:]), width_mm), np.float32(0.95 * BLOOD) * flow)
    over(signal, shares[Structure.LEFT_ATRIUM], filling)
    over(signal, shares[Structure.RIGHT_ATRIUM], venous)
    over(signal, shares[Structure.RV_CAVITY], venous)
    _trabeculae(signal, regions.rv_cavity, rough, wall, width_mm, depth_mm=6.5)
    over(signal, shares[Structure.MYOCARDIUM], wall)
    blood = BLOOD * flow
    if tissue.inflow is not None:
        blood = blood + (tissue.inflow.signal * flow - blood) * tissue.inflow.share(points, beat)
    over(signal, shares[Structure.LV_CAVITY], blood)
    # The LV's trabeculae grow towards the apex.
    _trabeculae(
        signal,
        regions.endocardium,
        rough,
        wall,
        width_mm,
        depth_mm=1.5 + tissue.trabeculae_mm * deep,
    )
    muscles = np.maximum(_papillary(points, beat, tissue, rough), regions.endocardium)
    over(signal, coverage(muscles, width_mm), wall)
    leaflets = np.minimum(
        _leaflets(points, beat, 0, beat.lv_radius, beat.base),
        _leaflets(
            points,
            beat,
            beat.epi_radius + 0.42 * beat.rv_width,
            0.5 * heart.rv_width_mm + 4,
            beat.rv_base,
        ),
    )
    over(signal, coverage(leaflets, width_mm) * np.float32(0.7), wall)
    shares[Structure.MYOCARDIUM] = shares[Structure.MYOCARDIUM] - shares[Structure.LV_CAVITY]
    return shares


def _trabeculae(
    signal: Array,
    cavity: Array,
    rough: Array,
    wall: Array,
    width_mm: float,
    *,
    depth_mm: float | Array,
) -> None:
    """Lay dark strands into a cavity, from its wall inwards as deep as the field says."""
    inner = -depth_mm * np.clip(rough - np.float32(0.45), 0, 1) - cavity
    share = coverage(np.asarray(inner, np.float32), 2 * width_mm) * coverage(cavity, width_mm)
    over(signal, share * np.clip(rough * np.float32(1.2), 0, 1), wall)


def _papillary(points: Points, beat: Beat, tissue: Tissue, rough: Array) -> Array:
    """Return the distance to the papillary muscles: free at mid-level, in the wall below."""
    p, q, s = points
    depth = (s - np.float32(beat.base)) / np.float32(beat.lv_length)
    cavity = beat.lv_radius * np.sqrt(np.clip(1 - ((depth - 0.2) / 0.8) ** 2, 0.01, None))
    away = np.clip(0.62 + 0.5 * (depth - 0.4), 0.5, 1)
    # They thicken as they shorten, yet leave room in a small cavity.
    full = np.clip(3.2 + 1.0 * beat.ejected, 0, 0.24 * cavity)
    ends = np.clip(np.minimum((depth - 0.28) / 0.14, (0.9 - depth) / 0.2), -1, 1)
    radius = full * ends + 0.7 * rough
    nearest: Array | None = None
    for angle in tissue.papillary:
        to_p, to_q = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        centre = away * cavity
        distance = np.sqrt((p - centre * to_p) ** 2 + (q - centre * to_q) ** 2) - radius
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    return np.asarray(nearest, dtype=np.float32)


def _leaflets(points: Points, beat: Beat, centre: float, radius: float, base: float) -> Array:
    """Return the distance to a valve's leaflets: a funnel from the ring, closed in systole."""
    p, q, s = points
    opening = np.deg2rad(8 + 57 * beat.mitral_opening)
    length = 0.98 * radius * (1 - 0.35 * beat.mitral_opening)
    outward = np.sqrt((p - np.float32(centre)) ** 2 + q * q)
    inward_r, inward_s = -np.cos(opening) * length, np.sin(opening) * length
    from_r, from_s = outward - np.float32(radius), s - np.float32(base)
    share = np.clip((from_r * inward_r + from_s * inward_s) / length**2, 0, 1)
    away = np.sqrt((from_r - share * inward_r) ** 2 + (from_s - share * inward_s) ** 2)
    return np.asarray(away - 0.7, dtype=np.float32)


def label(shares: dict[Structure, Array], structures: tuple[Structure, ...]) -> NDArray[np.uint8]:
    """Return the mask (scheme `ukbb`) that a reader would draw, shape ``(z, y, x)``.

    A pixel is labelled where at least half of it, through the whole thickness of the slice, is
    heart; its label is the structure that it has most of.
    """
    parts = np.stack([shares[structure].mean(axis=1) for structure in structures])
    codes = np.array([UKBB.code(structure) for structure in structures], dtype=np.uint8)
    mask: NDArray[np.uint8] = codes[parts.argmax(axis=0)] * (parts.sum(axis=0) >= 0.5)
    return mask
