"""Pictures out: slices with the traces of other views and the boxes of the anatomical positions."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import line, polygon_perimeter
from skimage.io import imsave

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.geometry.planes import Plane, outside_mm, traces
from napari_cardiac_ssl.geometry.positions import boxes_on
from napari_cardiac_ssl.study import Stack

#: What is shown about the heart, and pixels a mm.
WINDOW_MM = 170.0
PIXELS_PER_MM = 2.0
Colour = tuple[int, int, int]
#: Of the traces: the first holds boxes 2 to 5, the second 6 to 9.
_TRACES: tuple[Colour, Colour] = (86, 180, 233), (230, 159, 0)
_WHITE: Colour = (255, 255, 255)
#: Centre; RV's side; lateral; anterior or basal; inferior or apical.
_BOXES: list[Colour] = [
    _WHITE, *2 * [(0, 200, 255)], *2 * [(255, 110, 180)], *2 * [(240, 228, 66)],
    *2 * [(0, 220, 120)],
]  # fmt: skip
#: Digits, five rows of three dots each.
_FONT = {
    "0": "111101101101111", "1": "010110010010111", "2": "111001111100111", "3": "111001111001111",
    "4": "101101111001001", "5": "111100111001111", "6": "111100111101111", "7": "111001001010010",
    "8": "111101111101111", "9": "111101111001111",
}  # fmt: skip


def write_positions_picture(path: Path, stack: Stack, frame: AnatomicalFrame) -> list[Path]:
    """Draw the traces and boxes of the positions on every slice of a stack's first frame.

    Parameters
    ----------
    path
        A file that ends in ``.png`` gets all slices side by side; any other name is a folder and
        gets a file a slice.
    stack
        Its view says which positions (SAX or 4CH). Slices are shown as they are stored, rows
        downwards.
    frame
        How the heart lies.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    tiles = position_tiles(stack, frame)
    if path.suffix.lower() != ".png":
        return [
            _write(path / f"{stack.name}_slice_{z:02}.png", tile) for z, tile in enumerate(tiles)
        ]
    columns = int(np.ceil(np.sqrt(len(tiles))))
    rows = -(-len(tiles) // columns)
    side = tiles[0].shape[0]
    whole = np.zeros((rows * side, columns * side, 3), dtype=np.uint8)
    for z, tile in enumerate(tiles):
        row, column = divmod(z, columns)
        whole[row * side : (row + 1) * side, column * side : (column + 1) * side] = tile
    return [_write(path, whole)]


def position_tiles(stack: Stack, frame: AnatomicalFrame) -> list[NDArray[np.uint8]]:
    """Return a picture of each slice, shape ``(side, side, 3)``, about the centre of the heart."""
    image = stack.image[0]
    low, high = np.percentile(image, (1, 99.5))
    first = frame.short_axis if stack.view is View.LAX_4CH else frame.four_chamber
    cuts = [traces(plane, stack) for plane in (first, frame.two_chamber)]
    tiles = []
    for z in range(stack.slices):
        plane = Plane.of_slice(stack, z)
        boxes = boxes_on(frame, plane, stack.view)
        shown = outside_mm(stack, boxes.centre_mm) == 0
        canvas = _Canvas(stack, z, boxes.centre_mm if shown else plane.point_mm)
        tile = canvas.picture(image[z], float(low), float(high))
        for colour, cut in zip(_TRACES, cuts, strict=True):
            found = cut[z]
            if found is not None:
                _line(tile, canvas.pixels(found.ends_mm), colour)
        if shown:
            for code, corners in enumerate(boxes.outlines_mm(), start=1):
                at = canvas.pixels(corners)
                _outline(tile, at, _BOXES[code - 1])
                _number(tile, code, at.mean(axis=0), _BOXES[code - 1], dot=2)
        _number(tile, z, np.array([16.0, 16.0]), _WHITE, dot=3)
        tiles.append(tile)
    return tiles


class _Canvas:
    """A square of a slice, its pixels square in mm, rows and columns those of the slice."""

    def __init__(self, stack: Stack, z: int, middle_mm: NDArray[np.float64]) -> None:
        self._stack, self._z = stack, z
        self.side = round(WINDOW_MM * PIXELS_PER_MM)
        self._middle = stack.voxel_xyz(middle_mm)[:2]
        self._pixels_per_voxel = np.array(stack.spacing_mm[:0:-1]) * PIXELS_PER_MM

    def picture(self, image: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
        """Return the slice in grey, shape ``(side, side, 3)``."""
        at = (np.arange(self.side) - self.side / 2)[:, None] / self._pixels_per_voxel + self._middle
        where = np.meshgrid(at[:, 1], at[:, 0], indexing="ij")
        values = ndimage.map_coordinates(image.astype(np.float32), where, order=1)
        grey = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)

    def pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points are, row and column, shape ``(n, 2)``."""
        xy = self._stack.voxel_xyz(points_mm)[:, :2]
        return np.asarray((xy - self._middle) * self._pixels_per_voxel + self.side / 2)[:, ::-1]


def _line(tile: NDArray[np.uint8], ends: NDArray[np.float64], colour: Colour) -> None:
    rows, columns = line(*np.rint(ends).astype(int).ravel().tolist())
    inside = (rows >= 0) & (columns >= 0) & (rows < tile.shape[0]) & (columns < tile.shape[1])
    tile[rows[inside], columns[inside]] = colour


def _outline(tile: NDArray[np.uint8], corners: NDArray[np.float64], colour: Colour) -> None:
    rows, columns = polygon_perimeter(corners[:, 0], corners[:, 1], shape=tile.shape, clip=False)
    tile[rows, columns] = colour


def _number(
    tile: NDArray[np.uint8], number: int, at: NDArray[np.float64], colour: Colour, *, dot: int
) -> None:
    """Write a number, its middle at a place; left out where it does not fit."""
    digits = [
        np.array([*map(int, _FONT[digit])], dtype=np.uint8).reshape(5, 3) for digit in str(number)
    ]
    text = np.concatenate([np.pad(digit, ((0, 0), (0, 1))) for digit in digits], axis=1)[:, :-1]
    text = np.kron(text, np.ones((dot, dot), dtype=np.uint8)) > 0
    row, column = (round(float(m) - n / 2) for m, n in zip(at, text.shape, strict=True))
    if min(row, column) < 0:
        return
    place = tile[row : row + text.shape[0], column : column + text.shape[1]]
    if place.shape[:2] == text.shape:
        place[text] = colour


def _write(path: Path, picture: NDArray[np.uint8]) -> Path:
    with replacing(path) as beside:
        imsave(beside, picture, check_contrast=False)
    return path
