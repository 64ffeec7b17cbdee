"""The scanner: where the image planes lie, what they sample, and what the coils make of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.synthetic.heart import Heart
from napari_cardiac_ssl.synthetic.shapes import Array, Points, Waves
from napari_cardiac_ssl.synthetic.torso import Torso


@dataclass(frozen=True, eq=False)
class Planes:
    """The voxel grid of a stack, and what lies behind it.

    Parameters
    ----------
    affine
        Voxel ``(x, y, z, 1)`` to RAS mm, shape ``(4, 4)``.
    shape
        ``(z, y, x)``.
    thickness_mm
        Of a slice; the distance between slices may be larger.
    shifts_mm
        How far each slice's anatomy lies from where its header says, along x and y, shape
        ``(z, 2)``: breath-holds differ.
    samples
        Points through the thickness of a slice.
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    thickness_mm: float
    shifts_mm: NDArray[np.float64]
    samples: int

    @property
    def pixel_mm(self) -> float:
        """Distance between pixel centres."""
        return float(np.linalg.norm(self.affine[:3, 0]))

    def points(
        self,
        origin_mm: NDArray[np.float64],
        axes: NDArray[np.float64],
        window: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> Points:
        """Return the sampled points in a frame of reference.

        Parameters
        ----------
        origin_mm, axes
            Of the frame of reference, RAS mm; rows of `axes` are its unit directions.
        window
            Which rows and columns.

        Returns
        -------
        Points
            Three arrays that broadcast to ``(z, samples, y, x)``. A coordinate that does not
            change along an axis has length 1 there: short-axis depth costs nothing.
        """
        z, y, x = self.shape
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        middles = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        xs = (np.arange(x)[window[1]] * self.pixel_mm).reshape(1, 1, 1, -1)
        ys = (np.arange(y)[window[0]] * self.pixel_mm).reshape(1, 1, -1, 1)
        zs = np.arange(z).reshape(-1, 1, 1, 1) * np.linalg.norm(self.affine[:3, 2])
        depths = (middles * self.thickness_mm).reshape(1, -1, 1, 1)
        terms = [
            (xs, directions[:, 0]),
            (ys, directions[:, 1]),
            (zs, directions[:, 2]),
            (depths, directions[:, 2]),
            (self.shifts_mm[:, 0].reshape(-1, 1, 1, 1), directions[:, 0]),
            (self.shifts_mm[:, 1].reshape(-1, 1, 1, 1), directions[:, 1]),
        ]
        found = []
        for axis in axes:
            coordinate = np.full((1, 1, 1, 1), axis @ (self.affine[:3, 3] - origin_mm))
            for offsets, direction in terms:
                if abs(axis @ direction) > 1e-9 and offsets.any():
                    coordinate = coordinate + offsets * (axis @ direction)
            found.append(coordinate.astype(np.float32))
        return found[0], found[1], found[2]

    def window(self, heart: Heart) -> tuple[slice, slice]:
        """Return the rows and columns that the heart can touch."""
        low, high = heart.bounds()
        # The ellipsoid in the box, a little larger: hearts have no corners.
        inverse = np.linalg.inv(self.affine)
        middle = inverse[:3, :3] @ heart.to_ras(*((low + high) / 2).tolist()) + inverse[:3, 3]
        reach = 1.08 * np.linalg.norm((high - low) / 2 * (inverse[:3, :3] @ heart.axes.T), axis=1)
        slack = int(np.ceil(np.abs(self.shifts_mm).max() / self.pixel_mm)) + 1
        spans = []
        for axis, length in ((1, self.shape[1]), (0, self.shape[2])):
            first = int(np.clip(np.floor(middle[axis] - reach[axis]) - slack, 0, length))
            last = int(np.clip(np.ceil(middle[axis] + reach[axis]) + slack + 1, 0, length))
            spans.append(slice(first, last))
        return spans[0], spans[1]


def _grid(
    centre_mm: NDArray[np.float64],
    right: NDArray[np.float64],
    down: NDArray[np.float64],
    *,
    step_mm: float,
    spacing_mm: float,
    shape: tuple[int, int, int],
) -> NDArray[np.float64]:
    """Return the affine of a stack: right-handed, its centre given."""
    affine = np.eye(4)
    affine[:3, :3] = np.stack(
        [right * spacing_mm, down * spacing_mm, np.cross(right, down) * step_mm], axis=1
    )
    affine[:3, 3] = centre_mm - affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return affine


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


def plan(
    heart: Heart,
    rng: np.random.Generator,
    *,
    slices: int,
    size: int,
    breath_hold_mm: float,
    off_axis: np.random.Generator | None = None,
) -> dict[View, Planes]:
    """Place the short-axis stack and the two long-axis planes as a radiographer does.

    The SAX normal is the LV long axis and slice 0 is the apex; the stack reaches from below the
    apex to above the valve plane. The 4CH plane holds the long axis and the direction of the RV;
    the 2CH plane holds the long axis, at 110 to 130 degrees from the 4CH plane's RV side towards
    anterior. Images are shown as usual: the patient's left on the right side of SAX and 4CH,
    anterior on the left of 2CH, anterior or superior up. All affines are right-handed.

    With `off_axis` the long-axis planes miss the axis by chance, as those of patients do: by 3 mm,
    tilted and turned about it by 4 degrees each (standard deviations).
    """
    towards_rv, anterior, apex = heart.axes
    spacing = float(rng.uniform(310, 365)) / size
    reach = heart.length_mm + heart.wall_mm
    step = round((reach + 16) / max(slices, 2), 1)
    turn = np.deg2rad(rng.uniform(-12, 50))
    to_left = _unit(np.cross([0.0, 1.0, 0.0], apex))
    down = np.cross(-apex, to_left)
    right = np.cos(turn) * to_left + np.sin(turn) * down
    # Where the valve plane falls between two slices is chance.
    along = reach / 2 - 6 + step * float(rng.uniform(-0.35, 0.35))
    middle = heart.to_ras(0.25 * heart.rv_width_mm, 0, along)
    wander = rng.normal(0, 8, 2)
    centre = middle + wander[0] * to_left + wander[1] * down
    shape = (slices, size, size)
    planes = {
        View.SAX: Planes(
            affine=_grid(
                centre, right, np.cross(-apex, right), step_mm=step, spacing_mm=spacing, shape=shape
            ),
            shape=shape,
            thickness_mm=min(step, 8.0),
            shifts_mm=np.clip(rng.normal(0, 1, (slices, 2)), -2, 2) * breath_hold_mm,
            samples=3,
        )
    }
    angle = np.deg2rad(rng.uniform(110, 130))
    across = np.cos(angle) * towards_rv + np.sin(angle) * anterior
    on_axis = heart.to_ras(0, 0, 0.35 * heart.length_mm)
    for view, in_plane, wanted in (
        (View.LAX_4CH, towards_rv, np.array([0.0, -1.0, 0.0])),
        (View.LAX_2CH, across, np.array([0.0, 0.0, -1.0])),
    ):
        normal = np.cross(in_plane, apex)
        centre = on_axis
        if off_axis is not None:
            turn_deg = off_axis.normal(0, [4, 4])
            turned = Rotation.from_rotvec(np.deg2rad(turn_deg) @ np.stack([apex, in_plane]))
            normal, centre = turned.apply(normal), on_axis + off_axis.normal(0, 3) * normal
        down = _unit(wanted - (wanted @ normal) * normal)
        right = np.cross(down, normal)
        # Left of the patient (4CH) or posterior (2CH) on the right.
        if right @ (np.array([-1.0, 0, 0]) if view is View.LAX_4CH else np.array([0, -1.0, 0])) < 0:
            right = -right
        planes[view] = Planes(
            affine=_grid(
                centre, right, down, step_mm=6.0, spacing_mm=spacing, shape=(1, size, size)
            ),
            shape=(1, size, size),
            thickness_mm=6.0,
            shifts_mm=np.zeros((1, 2)),
            samples=3,
        )
    return planes


@dataclass(frozen=True, eq=False)
class Receiver:
    """What the scanner makes of the body's signal.

    Parameters
    ----------
    blood
        The grey value of blood.
    noise
        Standard deviation of the noise in either channel, relative to blood.
    bias
        A slow variation of the excitation.
    field
        Off-resonance; far from the isocentre it brings dark bands.
    rng
        Of the noise.
    """

    blood: float
    noise: float
    bias: Waves
    field: Waves
    rng: np.random.Generator

    def shading(self, planes: Planes, torso: Torso, isocentre_mm: NDArray[np.float64]) -> Array:
        """Return what the signal is multiplied with, shape ``(z, y, x)``."""
        points = planes.points(np.zeros(3), np.eye(3))
        points = (points[0][:, :1], points[1][:, :1], points[2][:, :1])
        near_coil = np.exp(np.minimum(torso.depth_mm(points), 0) / np.float32(38))
        bias = 1 + 0.10 * self.bias(points)
        away = sum(
            (c - np.float32(m)) ** 2 for c, m in zip(points, isocentre_mm, strict=True)
        ) / np.float32(165**2)
        precession = 2.1 * away * (1 + 0.25 * self.field(points))
        bands = np.abs(np.cos(np.clip(precession, 0, 9))) ** np.float32(0.35)
        shade = (0.8 + 0.6 * near_coil) * bias * bands
        return np.asarray(np.broadcast_to(shade, (planes.shape[0], 1, *planes.shape[1:])))[:, 0]

    def acquire(self, signal: Array, shade: Array) -> NDArray[np.int16]:
        """Return the magnitude image of a signed signal, shape ``(t, z, y, x)``."""
        level = np.float32(self.noise * 1.6)  # the filter below takes it down again
        image = np.empty(signal.shape, dtype=np.int16)
        for t, frame in enumerate(signal):
            channels = self.rng.standard_normal((2, *frame.shape), dtype=np.float32)
            channels *= level
            channels[0] += frame * shade
            # Scanners acquire fewer lines than they show.
            channels = ndimage.gaussian_filter(channels, 0.55, axes=(2, 3), truncate=2)
            channels *= channels
            magnitude = np.sqrt(channels[0] + channels[1])
            image[t] = np.minimum(np.rint(np.float32(self.blood) * magnitude), 4095)
        return image
