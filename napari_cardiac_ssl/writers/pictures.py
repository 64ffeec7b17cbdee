"""Pictures out: slices with the traces of other views and the boxes of the anatomical positions."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

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
#: Height of digits, pixels: of boxes, and of the slice.
_SMALL, _LARGE = 14, 20


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
        canvas = _Canvas(stack, boxes.centre_mm if shown else plane.point_mm)
        tile = canvas.picture(image[z], float(low), float(high))
        draw = ImageDraw.Draw(tile)
        for colour, cut in zip(_TRACES, cuts, strict=True):
            found = cut[z]
            if found is not None:
                draw.line(canvas.pixels(found.ends_mm), fill=colour)
        if shown:
            for code, corners in enumerate(boxes.outlines_mm(), start=1):
                at, colour = canvas.pixels(corners), _BOXES[code - 1]
                draw.polygon(at, outline=colour)
                _write_number(draw, code, np.mean(at, axis=0), colour, _SMALL)
        _write_number(draw, z, np.array([16.0, 16.0]), _WHITE, _LARGE)
        tiles.append(np.asarray(tile))
    return tiles


class _Canvas:
    """A square of a slice, its pixels square in mm, rows and columns those of the slice."""

    def __init__(self, stack: Stack, middle_mm: NDArray[np.float64]) -> None:
        self._stack = stack
        self.side = round(WINDOW_MM * PIXELS_PER_MM)
        self._middle = stack.voxel_xyz(middle_mm)[:2]
        self._pixels_per_voxel = np.array(stack.spacing_mm[:0:-1]) * PIXELS_PER_MM

    def picture(self, image: NDArray[np.generic], low: float, high: float) -> Image.Image:
        """Return the slice in grey, to be drawn on in colours."""
        at = (np.arange(self.side) - self.side / 2)[:, None] / self._pixels_per_voxel + self._middle
        where = np.meshgrid(at[:, 1], at[:, 0], indexing="ij")
        values = ndimage.map_coordinates(image.astype(np.float32), where, order=1)
        grey = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")

    def pixels(self, points_mm: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Return where points are, column and row."""
        xy = self._stack.voxel_xyz(points_mm)[:, :2]
        at = (xy - self._middle) * self._pixels_per_voxel + self.side / 2
        return [(float(column), float(row)) for column, row in at]


def _write_number(
    draw: ImageDraw.ImageDraw, number: int, at: NDArray[np.float64], colour: Colour, size: int
) -> None:
    """Write a number, its middle at a place, rimmed with black: seen on any picture."""
    x, y = map(float, at)
    draw.text((x, y), str(number), colour, _font(size), "mm", stroke_width=2, stroke_fill=0)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which is the same on every machine."""
    return ImageFont.load_default(size)


def _write(path: Path, picture: NDArray[np.uint8]) -> Path:
    with replacing(path) as beside:
        Image.fromarray(picture).save(beside, "PNG")
    return path
