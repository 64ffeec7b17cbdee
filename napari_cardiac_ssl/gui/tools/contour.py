"""Borders are corrected by their lines: pulled, pushed, moved as a whole, or drawn anew in part.

What a drag is, and what it makes of the labels, stands in `editing`; the same by keys in
`point_keys`.
"""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QTransform

from napari_cardiac_ssl.gui.overlays.contour_lines import COLOURS, ContourLines
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.tools import Pointer
from napari_cardiac_ssl.gui.tools.editing import NOTHING_HERE, Drag, Editing, How
from napari_cardiac_ssl.gui.tools.grips import Grip, Grips
from napari_cardiac_ssl.gui.tools.point_keys import PointKeys
from napari_cardiac_ssl.gui.workspace import Workspace

#: How far the mouse moves at least, in pixels: less is a click.
_STILL_PX = 3.0
#: Radius of a point on the screen, and of the one under the mouse, in pixels.
_SMALL_PX, _LARGE_PX = 2.8, 5.0
#: Of the ring round the chosen point, and of the other points of its border. The ring is told by
#: its form and by white beside black, not by a colour.
_RING_PX, _MIDDLE_PX = 8.5, 4.0

WHAT_TO_DO = (
    "drag a point or the line, or push from beside it. Shift draws a stretch anew; Ctrl, + or - "
    "moves the whole line. Double click adds a point, Delete removes one"
)


class EditContour:
    """The tool: see `Tool` for what its methods are.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.
    contours
        The lines that are seen on it.
    """

    def __init__(
        self, workspace: Workspace, overlay: PictureOverlay, contours: ContourLines
    ) -> None:
        self._workspace, self._overlay, self._contours = workspace, overlay, contours
        self._grips = Grips(workspace, contours)
        self._editing = Editing(workspace, overlay, contours, self._grips)
        self._keys = PointKeys(workspace, overlay, self._editing)
        self._chosen = False
        self._mouse: Pointer | None = None  # where it is
        overlay.painters.append(self._paint)

    def start(self) -> None:
        """Show the points, and say what to do."""
        self._chosen = True
        self._overlay.describe("")
        self._workspace.say(WHAT_TO_DO if self._contours.lines else NOTHING_HERE)
        self._overlay.refresh()

    def stop(self) -> None:
        """Bring a drag to its end, and hide the points; what to do with them is said no more."""
        self._editing.finish()
        for hint in (WHAT_TO_DO, NOTHING_HERE):
            self._workspace.unsay(hint)
        self._chosen, self._mouse = False, None
        self._keys.let_go()
        self._overlay.refresh()

    def on_press(self, pointer: Pointer) -> bool:
        """Take hold of a point, of the line, or of a disc beside it.

        With Ctrl the whole line is taken, with Shift a stretch of it is drawn anew, both from
        beside it, too; Alt removes a point.
        """
        self._workspace.view.take_strokes()
        if self._contours.shows_other:
            return True
        if not self._contours.lines:
            self._workspace.say(NOTHING_HERE)
            return True
        self._mouse = pointer
        grip = self._grips.at(pointer)
        if grip is None:
            return False
        if pointer.alt:
            if grip.is_point:
                self._editing.remove(grip)
            return grip.is_point
        how = How.WHOLE if pointer.control else How.ANEW if pointer.shift else None
        self._editing.begin(grip, pointer.at, how=how)
        return True

    def on_move(self, pointer: Pointer) -> bool:
        """Have the line follow, or show which point could be taken."""
        drag = self._editing.drag
        if drag is not None and drag.by_keys:
            self._mouse = pointer
            return False
        if drag is None:
            before, self._mouse = self._point_under_mouse, pointer
            if before != self._point_under_mouse:
                self._overlay.refresh()
            return False
        spacing_mm = self._grips.spacing_mm
        way_px = np.hypot(*((pointer.at - drag.pressed) * spacing_mm)) * pointer.px_per_mm
        drag.moved = drag.moved or bool(way_px > _STILL_PX)
        if drag.moved:
            self._editing.follow(pointer.at)
        return True

    def on_release(self, pointer: Pointer) -> bool:
        """Have the labels be what the line says."""
        self.on_move(pointer)
        self._editing.finish()
        return True

    def on_double_click(self, pointer: Pointer) -> bool:
        """Have another point on the line."""
        grip = self._grips.at(pointer)
        if grip is None or not grip.is_near:
            return False
        if not grip.is_point:
            self._grips.add(grip)
            self._workspace.say("another point to take the contour by")
            self._overlay.refresh()
        return True

    def on_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Move lines and points that are chosen; Escape leaves a drag; Delete removes a point."""
        if self._contours.shows_other:
            return False
        drag = self._editing.drag
        if drag is None or drag.by_keys:
            if self._keys.take(key, modifiers):
                return True
            if key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
                self._remove_one()
                return True
        elif key == Qt.Key.Key_Escape:
            self._editing.leave()
            return True
        return False

    def _remove_one(self) -> None:
        """Remove the point that keys have chosen, or else the one under the mouse."""
        grip = self._keys.chosen or self._point_under_mouse
        if grip is not None:
            self._editing.remove(grip)
        else:
            self._workspace.say("Delete removes the point that is chosen, or under the mouse")

    @property
    def _point_under_mouse(self) -> Grip | None:
        grip = None if self._mouse is None else self._grips.at(self._mouse)
        return grip if grip is not None and grip.is_point else None

    # -- what is seen ------------------------------------------------------------------------

    def _paint(self, painter: QPainter, transform: QTransform) -> None:
        if not self._chosen or self._contours.shows_other:
            return
        drag, chosen = self._editing.drag, self._keys.chosen
        if drag is None:
            taken, lines, points = self._point_under_mouse, self._contours.lines, self._grips.points
        else:
            taken = drag.grip if drag.grip.is_point and drag.how is How.PULLED else None
            lines, points = drag.shown, drag.seen_points
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
        for border, pieces in points.items():
            painter.setBrush(COLOURS[border])
            radius = _MIDDLE_PX if chosen is not None and chosen.border is border else _SMALL_PX
            for line, indices in zip(lines[border], pieces, strict=True):
                for at in line[indices]:
                    painter.drawEllipse(_on_canvas(at, transform), radius, radius)
        if taken is not None:
            at = lines[taken.border][taken.piece][taken.index]
            painter.setBrush(QColor("white"))
            painter.drawEllipse(_on_canvas(at, transform), _LARGE_PX, _LARGE_PX)
        if chosen is not None:
            at = lines[chosen.border][chosen.piece][chosen.index]
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in (("black", 5.0), ("white", 2.2)):
                painter.setPen(QPen(QColor(colour), width))
                painter.drawEllipse(_on_canvas(at, transform), _RING_PX, _RING_PX)
        if drag is not None and drag.pushes:
            self._paint_disc(painter, transform, drag)

    def _paint_disc(self, painter: QPainter, transform: QTransform, drag: Drag) -> None:
        ends = drag.now + drag.grip.distance_mm / np.array(self._grips.spacing_mm)
        middle = _on_canvas(drag.now, transform)
        corner = _on_canvas(ends, transform) - middle
        painter.setPen(QPen(QColor(255, 255, 255, 200), 1))
        painter.setBrush(QColor(255, 255, 255, 30))
        painter.drawEllipse(middle, abs(corner.x()), abs(corner.y()))


def _on_canvas(at: NDArray[np.float64], transform: QTransform) -> QPointF:
    row, column = at
    return transform.map(QPointF(column, row))
