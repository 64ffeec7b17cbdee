"""The network's grid: one spacing, a crop around the heart, and exactly back.

Short-axis slices are 8 to 10 mm apart and are never mixed: everything here is in-plane. A grid is
square, axis-parallel to the slice, and its sampling is separable, so each way is two small matrix
products, made by torch's threads on the pixels that the square covers. Linear interpolation is
widened to the coarser of the two spacings, so that shrinking does not alias.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.orientation import Orientation, usual_orientation
from napari_cardiac_ssl.study import Stack

_AS_STORED = Orientation()
_Number = TypeVar("_Number", bound=np.generic)

SPACING_MM = 1.75
SIZE = round(View.SAX.field_mm / SPACING_MM)


@dataclass(frozen=True)
class Grid:
    """Where the network's square lies on the slices of a stack.

    Parameters
    ----------
    shape_yx
        Rows and columns of the native slices.
    pixel_mm
        Native pixel spacing ``(y, x)``, mm.
    centre_yx
        The square's centre in native voxel coordinates. Snapped to the middle between pixel
        centres (even sizes) so that a grid of the native spacing hits the native pixels.
    spacing_mm
        Spacing of the grid, mm.
    size
        Pixels along each side; even.
    stored
        How stored slices become the pictures that the network sees: the usual way up, however a
        file stores them.
    """

    shape_yx: tuple[int, int]
    pixel_mm: tuple[float, float]
    centre_yx: tuple[float, float]
    spacing_mm: float = SPACING_MM
    size: int = SIZE
    stored: Orientation = _AS_STORED
    _there: tuple[NDArray[np.float32], NDArray[np.float32]] = field(init=False, repr=False)
    _back: tuple[NDArray[np.float32], NDArray[np.float32]] = field(init=False, repr=False)
    _seen: tuple[slice, slice] = field(init=False, repr=False)  # native pixels that are sampled
    _window: tuple[slice, slice] = field(init=False, repr=False)  # … and that are covered

    def __post_init__(self) -> None:
        """Build the sampling matrices."""
        if self.size % 2 or self.size < 2:
            raise InputError(f"the grid's size must be even and positive, got {self.size}")
        centre = tuple(float(np.floor(c)) + 0.5 for c in self.centre_yx)
        there, seen, back, window = [], [], [], []
        for length, pixel, middle in zip(self.shape_yx, self.pixel_mm, centre, strict=True):
            step = self.spacing_mm / pixel
            on_slice = middle + (np.arange(self.size) - (self.size - 1) / 2) * step
            on_grid = (np.arange(length) - middle) / step + (self.size - 1) / 2
            sampling = _linear(on_slice, length, width=max(1.0, step))
            used = np.flatnonzero(sampling.any(axis=0))
            seen.append(slice(used[0], used[-1] + 1))
            there.append(np.ascontiguousarray(sampling[:, seen[-1]]))
            covered = np.flatnonzero((on_grid > -0.5) & (on_grid < self.size - 0.5))
            window.append(slice(covered[0], covered[-1] + 1) if len(covered) else slice(0, 0))
            back.append(_linear(on_grid[covered], self.size, width=max(1.0, 1 / step)))
        object.__setattr__(self, "centre_yx", centre)
        object.__setattr__(self, "_there", tuple(there))
        object.__setattr__(self, "_seen", tuple(seen))
        object.__setattr__(self, "_back", tuple(back))
        object.__setattr__(self, "_window", tuple(window))

    def points_yx(self) -> NDArray[np.float64]:
        """Return where the grid's pixels are, native voxel coordinates, ``(size, size, 2)``.

        Examples
        --------
        >>> Grid((9, 9), (1.0, 1.0), (4, 4), spacing_mm=2.0, size=2).points_yx()[0]
        array([[3.5, 3.5],
               [3.5, 5.5]])
        """
        steps = self.spacing_mm / np.array(self.pixel_mm)
        at = np.arange(self.size) - (self.size - 1) / 2
        rows, columns = (c + at * s for c, s in zip(self.centre_yx, steps, strict=True))
        points = np.stack(np.meshgrid(rows, columns, indexing="ij"))
        return np.moveaxis(self._upright(points), 0, -1)

    def to_network(
        self,
        slices: NDArray[np.generic],
        prepare: Callable[[NDArray[np.generic]], NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        """Sample slices on the grid.

        Parameters
        ----------
        slices
            Shape ``(..., y, x)``. Outside the slice its border is continued.
        prepare
            What is done to the pixels before they are mixed (`Intensities.apply`): only those that
            are sampled are given to it.

        Returns
        -------
        NDArray
            Shape ``(..., size, size)``.
        """
        seen = slices[(..., *self._seen)]
        return self._upright(_sampled(prepare(seen) if prepare else seen, *self._there))

    def labels_to_network(self, labels: NDArray[np.integer], classes: int) -> NDArray[np.float32]:
        """Sample labels on the grid as the share of each class in each grid pixel.

        Shares, not integers: the border's place between two pixels is kept, and the network
        learns it.

        Parameters
        ----------
        labels
            Shape ``(..., y, x)``, integers below ``classes``.
        classes
            Number of classes, background among them.

        Returns
        -------
        NDArray
            Shape ``(..., classes, size, size)``; sums to 1 over the classes.
        """
        one_hot = np.moveaxis(np.eye(classes, dtype=np.float32)[labels], -1, -3)
        return self.to_network(one_hot)

    def to_slices(self, values: NDArray[np.floating], outside: float) -> NDArray[np.float32]:
        """Bring grid values back to the native pixels.

        Parameters
        ----------
        values
            Shape ``(..., size, size)``.
        outside
            The value of native pixels that the grid does not cover.

        Returns
        -------
        NDArray
            Shape ``(..., y, x)``.
        """
        native = np.full((*values.shape[:-2], *self.shape_yx), outside, dtype=np.float32)
        native[(..., *self._window)] = self._to_window(values)
        return native

    def labels_to_slices(
        self, shares: NDArray[np.floating], codes: Sequence[int] | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Bring class probabilities back and decide each native pixel there.

        Deciding at the native resolution, from interpolated probabilities, gives smoother and
        truer borders than enlarging decided grid pixels.

        Parameters
        ----------
        shares
            Shape ``(..., classes, size, size)``; class 0 is background.
        codes
            The label of each class, its number by default; that of class 0 is 0.

        Returns
        -------
        labels
            Shape ``(..., y, x)``.
        confidence
            Shape ``(..., y, x)``: the probability of the label chosen. 1 outside the grid.
        """
        best, chosen = torch.from_numpy(self._to_window(shares)).max(dim=-3)
        labels = np.zeros((*shares.shape[:-3], *self.shape_yx), dtype=np.uint8)
        confidence = np.ones(labels.shape, dtype=np.float32)
        written = np.array(range(shares.shape[-3]) if codes is None else codes, dtype=np.uint8)
        labels[(..., *self._window)] = written[chosen.numpy()]
        confidence[(..., *self._window)] = best.numpy()
        return labels, confidence

    def _to_window(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return grid values on the native pixels that the grid covers."""
        rows, columns = (slice(None, None, -1 if flip else 1) for flip in self.stored.flipped)
        values = values[..., rows, columns]
        if self.stored.transposed:
            values = values.swapaxes(-1, -2)
        return _sampled(values, *self._back)

    def _upright(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Turn squares ``(..., size, size)`` of stored rows and columns the usual way up."""
        if self.stored.transposed:
            values = values.swapaxes(-1, -2)
        rows, columns = (slice(None, None, -1 if flip else 1) for flip in self.stored.flipped)
        return np.ascontiguousarray(values[..., rows, columns])


def turn(images: Tensor, angle_deg: float) -> Tensor:
    """Turn images about their middle; beyond the border it is continued.

    Parameters
    ----------
    images
        Shape ``(n, channels, size, size)``.
    angle_deg
        Towards what comes later along x from what comes later along y; back with its negative.
    """
    angle = torch.deg2rad(torch.tensor(angle_deg))
    cos, sin, none = torch.cos(angle), torch.sin(angle), torch.tensor(0.0)
    theta = torch.stack([torch.stack([cos, -sin, none]), torch.stack([sin, cos, none])])
    where = functional.affine_grid(
        theta[None], [1, 1, *images.shape[2:]], align_corners=False
    ).expand(len(images), -1, -1, -1)
    return functional.grid_sample(images, where, padding_mode="border", align_corners=False)


def _sampled(
    values: NDArray[np.generic], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return ``rows @ values @ columns.T`` over the last two axes."""
    given = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    sampled: NDArray[np.float32] = (
        torch.from_numpy(rows) @ (given @ torch.from_numpy(columns).T)
    ).numpy()
    return sampled


def _linear(at: NDArray[np.floating], length: int, width: float) -> NDArray[np.float32]:
    """Return the matrix ``(len(at), length)`` that samples a signal at given coordinates.

    A triangle of half-width `width` samples; coordinates beyond the ends are moved to the end.
    """
    at = np.clip(at, 0, length - 1)
    weights = np.clip(1 - np.abs(at[:, None] - np.arange(length)) / width, 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def grid_of(
    stack: Stack,
    centre_yx: tuple[float, float] | None = None,
    *,
    spacing_mm: float = SPACING_MM,
    size: int = SIZE,
) -> Grid:
    """Return the grid on a stack's slices around a centre (the slices' middle where None)."""
    rows, columns = stack.image.shape[2:]
    return Grid(
        shape_yx=(rows, columns),
        pixel_mm=stack.spacing_mm[1:],
        centre_yx=centre_yx or ((rows - 1) / 2, (columns - 1) / 2),
        spacing_mm=spacing_mm,
        size=size,
        stored=usual_orientation(stack),
    )


def size_of(view: View) -> int:
    """Return the side of the grid that holds the heart in a view, pixels."""
    return round(view.field_mm / SPACING_MM)


def covering_size(stack: Stack, spacing_mm: float, multiple: int) -> int:
    """Return the size of a grid that covers the whole slices, a multiple of the network's."""
    extent_mm = max(n * s for n, s in zip(stack.image.shape[2:], stack.spacing_mm[1:], strict=True))
    return int(np.ceil(extent_mm / spacing_mm / multiple)) * multiple


@dataclass(frozen=True)
class Intensities:
    """How the values of one stack become the network's: clipped, zero mean, unit deviation.

    Parameters
    ----------
    low, high
        The 1st and 99th percentile of the stack.
    mean, deviation
        Of the values clipped to them.
    """

    low: float
    high: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, stack: Stack) -> "Intensities":
        """Measure a stack, once; a large one thinned: percentiles need no more than a million."""
        if stack not in _measured:
            _measured[stack] = cls._measure(stack)
        return _measured[stack]

    @classmethod
    def _measure(cls, stack: Stack) -> "Intensities":
        values = stack.image
        stride = max(1, int(np.sqrt(values.size / 1_000_000)))
        thinned = np.asarray(values[:, :, ::stride, ::stride], dtype=np.float32)
        low, high = np.percentile(thinned, (1, 99))
        if high <= low:
            low, high = float(thinned.min()), float(thinned.max())
        clipped = np.clip(thinned, low, high)
        return cls(float(low), float(high), float(clipped.mean()), float(clipped.std()) or 1.0)

    def apply(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the values as the network sees them; any shape."""
        clipped = np.clip(values.astype(np.float32), self.low, self.high)
        return np.asarray((clipped - self.mean) / self.deviation)


_measured: WeakKeyDictionary[Stack, Intensities] = WeakKeyDictionary()


@dataclass(frozen=True)
class Augmentation:
    """Random changes that leave anatomy true; standard deviations unless said otherwise.

    The geometric part is one interpolation, from a margin wider than the crop, so that turning a
    slice brings in what was really beside it.
    """

    rotation_deg: float = 20.0
    log_scale: float = 0.15
    shift: float = 0.08
    log_gamma: float = 0.3
    gain: float = 0.1
    offset: float = 0.1
    noise: float = 0.1
    bias: float = 0.1

    def __call__(
        self, images: Tensor, shares: Tensor, size: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw one changed crop of each slice.

        Parameters
        ----------
        images
            Shape ``(n, 1, margin, margin)``, standardised, `margin` at least `size`.
        shares
            Shape ``(n, classes, margin, margin)``; moved with the images.
        size
            Side of the crops.
        generator
            Where chance comes from.

        Returns
        -------
        images, shares
            Shapes ``(n, 1, size, size)`` and ``(n, classes, size, size)``.
        """
        n, _, margin, _ = images.shape

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        angle = torch.deg2rad(self.rotation_deg * normal(n))
        scale = torch.exp(self.log_scale * normal(n)) * size / margin
        shift = 2 * self.shift * normal(n, 2) * size / margin
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
        where = functional.affine_grid(theta, [n, 1, size, size], align_corners=False)
        both = torch.cat([images, shares], dim=1)
        moved = functional.grid_sample(
            both, where, mode="bilinear", padding_mode="border", align_corners=False
        )
        images, shares = moved[:, :1], moved[:, 1:]

        def each(values: Tensor) -> Tensor:
            return values.view(n, 1, 1, 1)

        # Gamma acts on the range between the percentiles, as windowing at the scanner would.
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        unit = (images - low) / (high - low).clamp(min=1e-6)
        images = unit ** each(torch.exp(self.log_gamma * normal(n))) * (high - low) + low
        smooth = functional.interpolate(
            normal(n, 1, 4, 4), size=size, mode="bicubic", align_corners=True
        )
        images = images * (1 + self.bias * smooth)
        images = images * each(1 + self.gain * normal(n)) + each(self.offset * normal(n))
        level = self.noise * torch.rand(n, generator=generator)
        return images + each(level) * normal(*images.shape), shares
