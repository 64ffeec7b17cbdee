"""What of the lines on a slice the mouse can take: points, the line between, a disc beside."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.geometry.outlines import Line, nearest_point, points_at
from napari_cardiac_ssl.gui.overlays.contour_lines import ContourLines, Lines
from napari_cardiac_ssl.gui.tools import Pointer
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import SliceIndex

#: How near the mouse has to be to a point and to a line, in pixels.
_POINT_PX, _LINE_PX = 8.0, 6.0
#: From how far away at most a disc pushes: beyond, the mouse drags the picture.
_PUSH_MM = 15.0
#: Lines that are no further from each other lie on each other.
_APART_MM = 1.0

Points = NDArray[np.intp]


@dataclass(frozen=True)
class Grip:
    """What the mouse is at.

    Parameters
    ----------
    border, piece
        Which line.
    index
        The point of the line that is nearest.
    is_point
        Whether it is one of those to take the line by.
    is_near
        Whether the mouse is on it, and not beside.
    distance_mm
        How far it is.
    """

    border: Border
    piece: int
    index: int
    is_point: bool
    is_near: bool
    distance_mm: float


class Grips:
    """The points to take the lines of the slice in view by, and which is meant.

    They stay where they are as long as the lines do, whatever else changes on the slice.

    Parameters
    ----------
    workspace
        The window's.
    contours
        The lines on its picture.
    """

    def __init__(self, workspace: Workspace, contours: ContourLines) -> None:
        self._workspace, self._contours = workspace, contours
        self._slice: SliceIndex | None = None
        self._of: Lines | None = None  # which lines the points are of
        self._points: dict[Border, list[Points]] = {}
        self._places: dict[Border, NDArray[np.float64]] = {}  # of the points, voxels

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Of rows and of columns."""
        _, row, column = self._workspace.session.stack.spacing_mm
        return row, column

    @property
    def points(self) -> dict[Border, list[Points]]:
        """Indices of the points, of each line of each border."""
        lines, index = self._contours.lines, self._workspace.view.in_view
        if index != self._slice:
            self._slice, self._of, self._places = index, None, {}
        if lines is not self._of:
            self._of, none = lines, np.empty((0, 2))
            self._points = {
                border: points_at(pieces, self._places.get(border, none), self.spacing_mm)
                for border, pieces in lines.items()
            }
            for border, pieces in lines.items():
                self._places[border] = _places(pieces, self._points[border])
        return self._points

    @property
    def lines(self) -> Lines:
        """The lines themselves."""
        return self._contours.lines

    def line(self, grip: Grip) -> Line:
        """Return the line of a grip."""
        return self._contours.lines[grip.border][grip.piece]

    def place(self, grip: Grip) -> NDArray[np.float64]:
        """Return where the point of a grip is, row and column."""
        return np.asarray(self.line(grip)[grip.index])

    def points_of(self, grip: Grip) -> Points:
        """Return the points of a grip's line."""
        return self.points[grip.border][grip.piece]

    def neighbours(self, grip: Grip) -> tuple[int, int]:
        """Return the points before and after the one that a grip is."""
        points = self.points_of(grip)
        place = int(np.flatnonzero(points == grip.index)[0])
        return int(points[place - 1]), int(points[(place + 1) % len(points)])

    def add(self, grip: Grip) -> None:
        """Have one more point."""
        self._places[grip.border] = np.vstack(
            [self._places[grip.border], self.line(grip)[grip.index]]
        )
        self._of = None

    def replace(self, grip: Grip, places: NDArray[np.float64]) -> None:
        """Have the points of a grip's line be elsewhere, ``(k, 2)``, once it has moved there."""
        lines, points = self._contours.lines[grip.border], self.points[grip.border]
        others = [
            line[at]
            for piece, (line, at) in enumerate(zip(lines, points, strict=True))
            if piece != grip.piece
        ]
        self._places[grip.border] = np.concatenate([*others, places])
        self._of = None

    def at(self, pointer: Pointer) -> Grip | None:
        """Return what the mouse takes: a point, else a line, else the one that a disc pushes."""
        layer = self._workspace.view.layer
        drawn = 0 if layer is None else layer.selected_label

        def rank(grip: Grip) -> tuple[bool, bool, bool, float]:
            # Where lines lie on each other, that of the structure which is drawn is meant, and no
            # point of the other line; of those beside the mouse, too.
            is_other = UKBB.code(WITHIN[grip.border][0]) != drawn
            if grip.is_near:
                return False, is_other, not grip.is_point, grip.distance_mm
            return True, False, False, grip.distance_mm + _APART_MM * is_other

        return min(self._all_at(pointer), key=rank, default=None)

    def _all_at(self, pointer: Pointer) -> Iterator[Grip]:
        for border, pieces in self.points.items():
            for piece, points in enumerate(pieces):
                line = self._contours.lines[border][piece]
                for index in points.tolist():
                    way = float(np.hypot(*((line[index] - pointer.at) * self.spacing_mm)))
                    if way * pointer.px_per_mm <= _POINT_PX:
                        yield Grip(border, piece, index, True, True, way)
                index, way = nearest_point(line, pointer.at, self.spacing_mm)
                if way <= _PUSH_MM or way * pointer.px_per_mm <= _LINE_PX:
                    is_near = way * pointer.px_per_mm <= _LINE_PX
                    yield Grip(border, piece, index, False, is_near, way)


def _places(pieces: list[Line], points: list[Points]) -> NDArray[np.float64]:
    return np.concatenate([line[at] for line, at in zip(pieces, points, strict=True)])
