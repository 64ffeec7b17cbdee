"""The labels of the slice in view as thin smooth lines, each in its structure's colour.

The lines are traced from the very voxels that the label layer has at the moment, so they follow
whatever happens: strokes, undo, training, another slice. The endocardium lies on top. A contour
that is being drawn is a line too, and no voxels yet.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.geometry.outlines import Line
from napari_cardiac_ssl.gui.display import FILLED
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.workspace import Workspace

Lines = dict[Border, list[Line]]

COLOURS = {border: QColor(within[0].colour) for border, within in WITHIN.items()}
#: Of the contour that is being drawn: by the integer of its structure; white erases.
_PENS = {UKBB.code(within[0]): QColor(within[0].colour) for within in WITHIN.values()}
#: Widths of a line and of the dark that sets it off from bright tissue; pixels of the screen.
_WIDTH, _DARK = 1.6, 3.2
_SHADE = QColor(0, 0, 0, 110)
#: Slices whose lines are kept, so that a cine is traced once.
_KEPT = 400


class ContourLines:
    """Shows lines instead of filled labels, or both.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.
    """

    def __init__(self, workspace: Workspace, overlay: PictureOverlay) -> None:
        self._workspace, self._overlay = workspace, overlay
        self._filled = False
        self._held: Lines | None = None
        self._instead: NDArray[np.uint8] | None = None
        self._traced: dict[bytes, tuple[Lines, _Paths]] = {}
        self._last: tuple[NDArray[np.uint8], tuple[Lines, _Paths]] | None = None
        overlay.painters.append(self._paint)
        workspace.layer_shown.connect(self._on_shown)
        workspace.viewer.dims.events.ndisplay.connect(self._on_shown)

    @property
    def is_filled(self) -> bool:
        """Whether labels are filled, beside their lines."""
        return self._filled

    def fill(self, filled: bool) -> None:
        """Fill labels, or show their lines alone."""
        self._filled = filled
        self._on_shown()

    def close(self) -> None:
        """Let go of the viewer."""
        self._workspace.viewer.dims.events.ndisplay.disconnect(self._on_shown)

    @property
    def lines(self) -> Lines:
        """The lines of the slice in view; what `hold` was given as long as it holds."""
        return self._held if self._held is not None else self._now[0]

    def hold(self, lines: Lines | None, moving: NDArray[np.float64] | None = None) -> None:
        """Show other lines for the moment, or those of the labels again.

        Parameters
        ----------
        lines
            All that are to be seen; None for those of the labels.
        moving
            Where they differ from those that were held before, ``(n, 2)``: rows and columns between
            which that is. Anywhere if it is not said.
        """
        self._held = lines
        if moving is None:
            self._overlay.refresh()
        else:
            self._overlay.refresh_around(moving)

    def show_instead(self, labels: NDArray[np.uint8] | None) -> None:
        """Show the lines of other labels of the slice, ``(y, x)``, alone; or today's again."""
        self._instead = labels
        self._on_shown()

    @property
    def shows_other(self) -> bool:
        """Whether lines of other labels are shown: today's are out of sight."""
        return self._instead is not None

    @property
    def shown(self) -> Lines:
        """What is to be seen."""
        return self.lines if self._instead is None else self._of(self._instead)[0]

    @property
    def _now(self) -> "tuple[Lines, _Paths]":
        """The lines of the labels as they are in the layer now."""
        view = self._workspace.view
        if view.layer is None:
            return {}, []
        labels = view.layer.data
        if view.contour_drawn is not None:  # the layer has the pen's voxels
            labels = self._workspace.session.annotations.labels
        return self._of(np.asarray(labels[view.in_view]))

    def _of(self, plane: NDArray[np.uint8]) -> "tuple[Lines, _Paths]":
        if self._last is not None and np.array_equal(self._last[0], plane):  # many times a stroke
            return self._last[1]
        key = blake2b(plane.tobytes(), salt=str(plane.shape).encode()).digest()
        found = self._traced.pop(key, None)
        if found is None:
            lines = lines_of(plane)
            found = lines, _paths(lines)
        self._traced[key] = found  # the last is the newest
        if len(self._traced) > _KEPT:
            del self._traced[next(iter(self._traced))]
        self._last = plane.copy(), found  # the layer's own array goes on changing
        return found

    def _on_shown(self, *_: object) -> None:
        layer, view = self._workspace.view.layer, self._workspace.view
        if layer is not None:
            fills = self._filled and self._instead is None
            layer.opacity = FILLED if fills or not view.shows_slice else 0.0
        self._overlay.refresh()

    def _paint(self, painter: QPainter, transform: QTransform) -> None:
        if self._instead is not None:
            paths = self._of(self._instead)[1]
        else:
            paths = self._now[1] if self._held is None else _paths(self._held)
        fine = painter.device().devicePixelRatioF()  # cosmetic pens know nothing of it
        painter.save()
        painter.setTransform(transform, combine=True)
        seen = [(COLOURS[border], path) for border, path in paths]
        drawn = self._workspace.view.contour_drawn
        if drawn is not None and self._instead is None:
            way = QPolygonF([QPointF(column, row) for row, column in drawn[1].tolist()])
            path = QPainterPath()
            path.addPolygon(way)
            seen.append((_PENS.get(drawn[0], QColor("white")), path))
        for own, path in seen:
            for colour, width in ((_SHADE, _DARK), (own, _WIDTH)):
                pen = QPen(colour, width * fine)
                pen.setCosmetic(True)
                pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
                painter.strokePath(path, pen)
        painter.restore()


_Paths = list[tuple[Border, QPainterPath]]


def _paths(lines: Lines) -> _Paths:
    return [(border, path_of(found)) for border, found in lines.items()]


def path_of(lines: Iterable[Line]) -> QPainterPath:
    """Return lines as Qt draws them, x the column: smooth between their points (Catmull-Rom)."""
    path = QPainterPath()
    for line in lines:
        xy: NDArray[np.float64] = line[:, ::-1]
        after = np.roll(xy, -1, axis=0)
        tangent = (after - np.roll(xy, 1, axis=0)) / 6
        leaving, coming = xy + tangent, after - np.roll(tangent, -1, axis=0)
        path.moveTo(*xy[0])
        for corners in np.stack([leaving, coming, after], axis=1).reshape(-1, 6).tolist():
            path.cubicTo(*corners)
        path.closeSubpath()
    return path
