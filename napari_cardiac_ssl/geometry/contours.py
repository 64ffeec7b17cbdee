"""Contours as they were drawn, finer than pixels: filled to labels, and traced from them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.measure import find_contours

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex


class Border(StrEnum):
    """What a contour goes round."""

    ENDOCARDIUM = "LV endocardium"
    EPICARDIUM = "LV epicardium"
    RV = "RV endocardium"
    LEFT_ATRIUM = "left atrium"
    RIGHT_ATRIUM = "right atrium"


#: What lies within each border, its own structure first, in the order in which they are painted:
#: the later ones win.
WITHIN = {
    Border.LEFT_ATRIUM: (Structure.LEFT_ATRIUM,),
    Border.RIGHT_ATRIUM: (Structure.RIGHT_ATRIUM,),
    Border.RV: (Structure.RV_CAVITY,),
    Border.EPICARDIUM: (Structure.MYOCARDIUM, Structure.LV_CAVITY),
    Border.ENDOCARDIUM: (Structure.LV_CAVITY,),
}


class Drawn(StrEnum):
    """What the points of a contour are."""

    #: Pixels of a grid twice as fine, those furthest out that belong to what is drawn: pixel k is
    #: those at k and k + 1/2. A pixel belongs if half of it does.
    TRACED = "traced"
    #: A curve; the centre of the first pixel is (0, 0). A pixel belongs if its centre does.
    CURVE = "curve"


#: Steps per pixel in which a contour is filled.
_FINENESS = {Drawn.TRACED: 2, Drawn.CURVE: 16}
#: No image of a heart has a side of more pixels.
_LARGEST = 4096


@dataclass(frozen=True, eq=False)
class Contour:
    """One closed line on one slice.

    Parameters
    ----------
    index
        The slice.
    border
        What it goes round. Several of the same slice: parts, and holes in them.
    points
        Shape ``(n, 2)``: x and y, pixels.
    drawn
        What the points are.
    name
        What the file that it came from called it; empty if it was traced here.
    """

    index: SliceIndex
    border: Border
    points: NDArray[np.float64]
    drawn: Drawn = Drawn.TRACED
    name: str = ""

    def record(self) -> dict[str, object]:
        """Return it as JSON can say it."""
        return {
            "t": self.index.t,
            "z": self.index.z,
            "border": str(self.border),
            "drawn": str(self.drawn),
            "name": self.name,
            "points": self.points.tolist(),
        }

    @classmethod
    def of_record(cls, said: Mapping[str, Any]) -> "Contour":
        """Return the contour of a `record`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is none.
        """
        points = np.array(said["points"], dtype=np.float64)
        pairs = points.ndim == 2 and points.shape[1] == 2
        if not pairs or not (np.abs(points) < _LARGEST).all():  # nor is NaN
            raise ValueError("points are not pairs of numbers of pixels")
        index = SliceIndex(int(said["t"]), int(said["z"]))
        return cls(index, Border(said["border"]), points, Drawn(said["drawn"]), str(said["name"]))


def filled(pieces: Sequence[Contour], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels within the contours of one border on one slice.

    What lies within another is a hole in it, what lies within that a part again. Lines belong to
    what they go round.

    Parameters
    ----------
    pieces
        The contours.
    shape
        ``(y, x)`` of the slice.

    Examples
    --------
    >>> square = np.array([[1, 1], [3.5, 1], [3.5, 2.5], [1, 2.5]])
    >>> filled([Contour(SliceIndex(0, 0), Border.RV, square)], (4, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    inside = np.zeros(shape, dtype=bool)
    for drawn in Drawn:
        alike = [piece.points for piece in pieces if piece.drawn is drawn]
        if alike:
            _set_in(inside, *_filled_alike(alike, drawn))
    return inside


def _filled_alike(
    pieces: Sequence[NDArray[np.float64]], drawn: Drawn
) -> tuple[NDArray[np.bool_], NDArray[np.int_]]:
    """Return the pixels within contours, of a part of the slice, and where it starts (x, y)."""
    fine = _FINENESS[drawn]
    points = np.concatenate(pieces)
    first = np.floor(points.min(axis=0)).astype(int) - 1
    width, height = (np.ceil(points.max(axis=0)).astype(int) + 2 - first).tolist()
    if max(width, height) > _LARGEST:
        raise InputError(f"a contour is {max(width, height)} pixels large (limit {_LARGEST})")
    local = [(piece - first) * fine for piece in pieces]
    whole = [_raster(piece, (height * fine, width * fine), fill=True) for piece in local]
    lines = [_raster(piece, (height * fine, width * fine), fill=False) for piece in local]
    depth = [
        sum(
            j != i and other.sum() > whole[i].sum() and not (line & ~other).any()
            for j, other in enumerate(whole)
        )
        for i, line in enumerate(lines)
    ]
    inside = np.zeros_like(whole[0])
    for i in sorted(range(len(pieces)), key=lambda i: depth[i]):
        if depth[i] % 2:
            inside &= ~whole[i] | lines[i]
        else:
            inside |= whole[i]
    if drawn is Drawn.CURVE:
        return inside[::fine, ::fine], first
    parts = inside.reshape(height, fine, width, fine).sum(axis=(1, 3))
    return np.asarray(2 * parts >= fine * fine), first


def _set_in(inside: NDArray[np.bool_], part: NDArray[np.bool_], first: NDArray[np.int_]) -> None:
    """Add the pixels of a part to a slice; what lies outside it is lost."""
    x, y = first.tolist()
    low_y, low_x = max(0, y), max(0, x)
    there = inside[low_y : max(0, y + part.shape[0]), low_x : max(0, x + part.shape[1])]
    here = part[low_y - y :, low_x - x :]
    there |= here[: there.shape[0], : there.shape[1]]


def _raster(
    corners: NDArray[np.float64], shape: tuple[int, int], *, fill: bool
) -> NDArray[np.bool_]:
    image = Image.new("1", shape[::-1])
    steps = [(int(x), int(y)) for x, y in np.rint(corners)]
    draw = ImageDraw.Draw(image)
    if len(set(steps)) < 3:
        draw.line([*steps, steps[0]], fill=1)
    else:
        draw.polygon(steps, fill=1 if fill else None, outline=1)
    return np.array(image)


def labels_of(contours: Iterable[Contour], shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return the labels that contours mean.

    Between epi- and endocardium lies myocardium; within an epicardium alone, everything is.

    Parameters
    ----------
    contours
        Of any slices.
    shape
        ``(t, z, y, x)``.

    Returns
    -------
    NDArray
        In the scheme `UKBB`.

    Raises
    ------
    InputError
        If a contour is on a slice that is not there.
    """
    labels = np.zeros(shape, dtype=np.uint8)
    for index, borders in _by_slice(contours).items():
        if not (0 <= index.t < shape[0] and 0 <= index.z < shape[1]):
            raise InputError(
                f"a contour is on slice {index.z} of frame {index.t}; there are {shape[0]} frames "
                f"and {shape[1]} slices, counted from 0"
            )
        for border, within in WITHIN.items():
            if border in borders:
                inside = filled(borders[border], (shape[2], shape[3]))
                labels[index][inside] = UKBB.code(within[0])
    return labels


def contours_of(
    labels: NDArray[np.uint8], kept: Iterable[Contour] = ()
) -> tuple[list[Contour], int]:
    """Return the contours of labels: as they were drawn where they still are, else traced.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`.
    kept
        Contours as they were drawn. Those of a border are used if they still mean its pixels.

    Returns
    -------
    tuple
        The contours, slice by slice, and how many of them were traced.
    """
    drawn = _by_slice(kept)
    found: list[Contour] = []
    traced = 0
    for t, z in np.argwhere(labels.any(axis=(2, 3))).tolist():
        index, plane = SliceIndex(t, z), labels[t, z]
        known = drawn.get(index, {})
        everything = [piece for pieces in known.values() for piece in pieces]
        as_drawn = bool(known) and np.array_equal(
            labels_of(everything, (t + 1, z + 1, *plane.shape))[index], plane
        )
        if as_drawn:
            found += everything
            continue
        for border, within in reversed(WITHIN.items()):
            if not (plane == UKBB.code(within[0])).any():
                continue
            region = np.isin(plane, [UKBB.code(structure) for structure in within])
            pieces = known.get(border, [])
            if not pieces or not np.array_equal(filled(pieces, plane.shape), region):
                pieces = traced_round(region, index, border)
                traced += len(pieces)
            found += pieces
    return found, traced


def traced_round(region: NDArray[np.bool_], index: SliceIndex, border: Border) -> list[Contour]:
    """Trace the contours of a region, the outer ones and those of holes; `filled` gives it back."""
    fine = np.pad(np.kron(region, np.ones((2, 2))), 1)
    # Just below 1: the line is then a thousandth of a step from the outermost pixels that belong.
    lines = find_contours(fine, 0.999, fully_connected="low")
    pieces = []
    for line in lines:
        steps = np.rint(line[:-1]) - 1
        steps = steps[np.any(steps != np.roll(steps, 1, axis=0), axis=1)]
        pieces.append(Contour(index, border, steps[:, ::-1] / 2))
    return pieces


def _by_slice(contours: Iterable[Contour]) -> dict[SliceIndex, dict[Border, list[Contour]]]:
    slices: dict[SliceIndex, dict[Border, list[Contour]]] = defaultdict(lambda: defaultdict(list))
    for contour in contours:
        slices[contour.index][contour.border].append(contour)
    return slices


def kept_beside(path: Path) -> Path:
    """Return where contours are kept as they were drawn, beside a mask that was made of them.

    Examples
    --------
    >>> kept_beside(Path("p1/p1_seg.nii.gz")).name, kept_beside(Path("p1.dcm")).name
    ('p1_seg_contours.json', 'p1_contours.json')
    """
    name = re.sub(r"(_t\d+)?(\.nii\.gz|\.seg\.nrrd|\.\w+)$", "", path.name, flags=re.IGNORECASE)
    return path.with_name(f"{name}_contours.json")
