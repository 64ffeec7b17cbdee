"""Slices with their contours: a picture inside an SVG, so that contours stay sharp on paper."""

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import find_contours

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.orientation import Orientation, usual_orientation
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.templating import filled

#: What is shown around all that is labelled.
MARGIN_MM = 14.0
#: The myocardium first: the LV cavity's contour is drawn over its inner one.
_ORDER = (Structure.MYOCARDIUM, Structure.LV_CAVITY, Structure.RV_CAVITY)


class Gallery:
    """Makes pictures of a stack's slices, all cut to the same square about the heart.

    Parameters
    ----------
    stack
        The image.
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`.
    frames
        The frames that will be shown: they decide the cut and the contrast.
    """

    def __init__(self, stack: Stack, labels: NDArray[np.integer], frames: Iterable[int]) -> None:
        self._stack, self._labels = stack, labels
        self._turn: Orientation = usual_orientation(stack)
        _, *sides = stack.spacing_mm
        self._pixel_mm = tuple(sides[::-1] if self._turn.transposed else sides)
        chosen = sorted(set(frames))
        marked = np.any([labels[t] > 0 for t in chosen], axis=(0, 1))
        self._box = _square(self._turn.picture(marked), self._pixel_mm)
        seen = np.stack([self._cut(stack.image[t, z]) for t in chosen for z in range(stack.slices)])
        low, high = (float(value) for value in np.percentile(seen, (1, 99.5)))
        self._low, self._high = low, max(high, low + 1e-9)

    def _cut(self, slice_yx: NDArray[np.generic]) -> NDArray[np.generic]:
        return self._turn.picture(slice_yx)[self._box]

    def picture(self, t: int, z: int, *, named: str = "", sides: bool = False) -> Markup:
        """Return a slice as SVG, in mm.

        Parameters
        ----------
        t, z
            Frame and slice.
        named
            What users call the frame; default: by its number.
        sides
            Whether to write the patient's sides on it, where the file knows them.
        """
        image = self._cut(self._stack.image[t, z]).astype(np.float64)
        grey = np.clip((image - self._low) / (self._high - self._low), 0, 1) * 255
        height, width = (n * mm for n, mm in zip(image.shape, self._pixel_mm, strict=True))
        labels = self._cut(self._labels[t, z])
        outlines = ((s, _path(labels == UKBB.code(s), self._pixel_mm)) for s in _ORDER)
        return filled(
            "slice.svg",
            frame=named or f"frame {t}",
            z=z,
            width=width,
            height=height,
            picture=b64encode(png(grey.astype(np.uint8))).decode(),
            contours=[(structure.colour, path) for structure, path in outlines if path],
            letters=self._letters(width, height) if sides else (),
        )

    def _letters(self, width: float, height: float) -> list[tuple[str, tuple[float, float]]]:
        if not self._turn.sides:
            return []
        places = (
            (5, height / 2), (width - 5, height / 2), (width / 2, 8), (width / 2, height - 4),
        )  # fmt: skip
        return list(zip(self._turn.sides, places, strict=True))


def _square(marked: NDArray[np.generic], pixel_mm: tuple[float, ...]) -> tuple[slice, slice]:
    """Return rows and columns of a square, in mm, around what is marked, or what there is of it."""
    spans = []
    for axis in (1, 0):
        at = np.flatnonzero(marked.any(axis=axis))
        first, last = (at[0], at[-1]) if at.size else (0, marked.shape[1 - axis] - 1)
        spans.append((float(first), float(last) + 1))
    side_mm = max((b - a) * mm for (a, b), mm in zip(spans, pixel_mm, strict=True)) + 2 * MARGIN_MM
    box = []
    for (a, b), mm, size in zip(spans, pixel_mm, marked.shape, strict=True):
        pixels = min(round(side_mm / mm), size)
        start = min(max(round((a + b - pixels) / 2), 0), size - pixels)
        box.append(slice(start, start + pixels))
    return box[0], box[1]


def _path(mask: NDArray[np.bool_], pixel_mm: tuple[float, ...]) -> str:
    """Return a mask's outlines as an SVG path in mm."""
    outlines = find_contours(np.pad(mask, 1).astype(np.float64), 0.5)
    scale = np.array(pixel_mm)
    return "".join(
        "M" + "L".join(f"{x:.2f} {y:.2f}" for y, x in (points - 0.5) * scale) + "Z"
        for points in outlines
    )


def png(grey: NDArray[np.uint8]) -> bytes:
    """Return a picture ``(y, x)`` as a PNG file."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(file, "PNG", optimize=True)
    return file.getvalue()
