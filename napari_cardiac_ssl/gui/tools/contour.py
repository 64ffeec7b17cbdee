"""Borders are corrected by their lines: dragged by points, pulled, or pushed with a disc.

While the mouse is held only the line on the screen moves. When it is let go, the voxels that the
line has passed over change hands, as one step of the session. The lines that are seen then are
traced from those voxels: there is no other truth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QTransform

from napari_cardiac_ssl.geometry.borders import redrawn
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.outlines import (
    LEAST_POINTS,
    Line,
    bridged,
    lengths_mm,
    pulled,
    pushed,
)
from napari_cardiac_ssl.gui.overlays.contour_lines import COLOURS, ContourLines, Lines
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.tools import Pointer
from napari_cardiac_ssl.gui.tools.grips import Grip, Grips, Points
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import count

#: How far the mouse moves at least, in pixels: less is a click.
_STILL_PX = 3.0
#: How far along the line a pull between points is felt, to each side.
_REACH_MM = 15.0
#: Radius of a point on the screen, and of the one under the mouse, in pixels.
_SMALL_PX, _LARGE_PX = 2.8, 5.0

WHAT_TO_DO = (
    "drag a point or the line, or press beside it to push. Double click adds a point, Delete or "
    "Alt-click removes one"
)
NOTHING_HERE = (
    "no contour is here to be edited: draw one (G), copy the nearest drawn slice (U), or press "
    "Predict"
)


@dataclass(eq=False)
class _Drag:
    """A line on its way: all as it was when the mouse was pressed, and the line as it is now."""

    slice: SliceIndex
    labels: NDArray[np.uint8]
    lines: Lines
    grip: Grip
    all_points: dict[Border, list[Points]]
    reach_mm: tuple[float, float]
    pressed: NDArray[np.float64]
    now: NDArray[np.float64]
    line: Line
    moved: bool = False

    @property
    def before(self) -> Line:
        """The line as it was."""
        return self.lines[self.grip.border][self.grip.piece]

    @property
    def points(self) -> Points:
        """The points to take the line by."""
        return self.all_points[self.grip.border][self.grip.piece]

    @property
    def pushes(self) -> bool:
        """Whether a disc beside the line pushes it."""
        return not self.grip.is_near

    @property
    def shown(self) -> Lines:
        """All lines, with this one as it is now."""
        pieces = list(self.lines[self.grip.border])
        pieces[self.grip.piece] = self.line
        return {**self.lines, self.grip.border: pieces}

    @property
    def seen_points(self) -> dict[Border, list[Points]]:
        """The points that are seen meanwhile: of a line that is pushed, none."""
        pieces = list(self.all_points[self.grip.border])
        if self.pushes:
            pieces[self.grip.piece] = np.empty(0, np.intp)
        return {**self.all_points, self.grip.border: pieces}

    def extent(self, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
        """Return places between which all lies that moves, ``(n, 2)``, voxels."""
        if not self.pushes:
            return self.line
        radius = self.grip.distance_mm / np.array(spacing_mm)
        return np.concatenate([self.line, [self.now - radius, self.now + radius]])

    def follow(self, at: NDArray[np.float64], spacing_mm: tuple[float, float]) -> None:
        """Have the line be where the mouse pulls or pushes it."""
        if not self.pushes:
            by = at - self.pressed
            self.line = pulled(self.before, self.grip.index, by, spacing_mm, self.reach_mm)
        else:
            radius, way = self.grip.distance_mm, at - self.now
            steps = max(1, int(np.ceil(2 * np.hypot(*(way * spacing_mm)) / radius)))
            for step in range(1, steps + 1):  # or a quick mouse would leap over the line
                centre = self.now + way * step / steps
                self.line = pushed(self.line, centre, radius, spacing_mm)
        self.now = at


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
        self._chosen = False
        self._drag: _Drag | None = None
        self._mouse: Pointer | None = None  # where it is
        overlay.painters.append(self._paint)
        workspace.view.taking.connect(self.finish)

    def start(self) -> None:
        """Show the points, and say what to do."""
        self._chosen = True
        self._workspace.say(WHAT_TO_DO if self._contours.lines else NOTHING_HERE)
        self._overlay.refresh()

    def stop(self) -> None:
        """Bring a drag to its end, and hide the points."""
        self.finish()
        self._chosen, self._mouse = False, None
        self._overlay.refresh()

    def on_press(self, pointer: Pointer) -> bool:
        """Take hold of a point, of the line, or of a disc beside it; with Alt, remove a point."""
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
                self._remove(grip)
            return grip.is_point
        self._drag = self._begun(grip, pointer.at)
        self._workspace.view.held = True
        self._contours.hold(self._drag.shown)
        return True

    def on_move(self, pointer: Pointer) -> bool:
        """Have the line follow, or show which point could be taken."""
        drag = self._drag
        if drag is None:
            before, self._mouse = self._point_under_mouse, pointer
            if before != self._point_under_mouse:
                self._overlay.refresh()
            return False
        spacing_mm = self._grips.spacing_mm
        way_px = np.hypot(*((pointer.at - drag.pressed) * spacing_mm)) * pointer.px_per_mm
        drag.moved = drag.moved or bool(way_px > _STILL_PX)
        if drag.moved:
            drag.follow(pointer.at, spacing_mm)
            self._contours.hold(drag.shown, drag.extent(spacing_mm))
        return True

    def on_release(self, pointer: Pointer) -> bool:
        """Have the labels be what the line says."""
        self.on_move(pointer)
        self.finish()
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

    def on_key(self, key: int) -> bool:
        """Escape leaves a drag, and all is as it was; Delete removes the point under the mouse."""
        if key == Qt.Key.Key_Escape and self._drag is not None:
            self._end()
            self._workspace.say("left as it was")
            return True
        if key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace} and self._drag is None:
            grip = self._point_under_mouse
            if grip is not None:
                self._remove(grip)
            else:
                self._workspace.say("Delete removes the point under the mouse")
            return True
        return False

    def finish(self) -> None:
        """Hand what is dragged to the session."""
        drag = self._end()
        if drag is not None and drag.moved:
            # Those of a line that was pushed are found anew, where they are near.
            line = drag.before if drag.pushes else drag.line
            self._commit(drag, line[drag.points], f"{drag.grip.border} moved")

    def _begun(self, grip: Grip, at: NDArray[np.float64]) -> _Drag:
        """Return what a drag starts from."""
        index, line = self._workspace.view.in_view, self._grips.line(grip)
        labels = self._workspace.session.annotations.labels[index].copy()
        points, reach_mm = self._grips.points, (_REACH_MM, _REACH_MM)
        if grip.is_point:  # the points beside it stay
            lengths = lengths_mm(line, self._grips.spacing_mm)
            here, (back, on) = lengths[grip.index], lengths[[*self._grips.neighbours(grip)]]
            reach_mm = float((here - back) % lengths[-1]), float((on - here) % lengths[-1])
        return _Drag(index, labels, self._contours.lines, grip, points, reach_mm, at, at, line)

    def _remove(self, grip: Grip) -> None:
        """Remove a point: the line goes straight on between those beside it."""
        drag = self._begun(grip, self._grips.line(grip)[grip.index])
        if len(drag.points) <= LEAST_POINTS:
            self._workspace.say(f"a contour needs {LEAST_POINTS} points; erase it by brush")
            return
        drag.line = bridged(drag.before, *self._grips.neighbours(grip))
        self._commit(drag, drag.before[drag.points[drag.points != grip.index]], "point removed")

    def _commit(self, drag: _Drag, places: NDArray[np.float64], done: str) -> None:
        """Have the labels be what a line says, its points be where they are wanted; say it."""
        if drag.slice == self._workspace.view.in_view and self._contours.lines is drag.lines:
            self._grips.replace(drag.grip, places)
        after = redrawn(drag.labels, drag.grip.border, drag.before, drag.line)
        changed = int(np.count_nonzero(after != drag.labels))
        if changed:  # as against what was on the screen, whatever has come in meanwhile
            done = f"{done}: {count(changed, 'voxel')} changed (Ctrl-Z takes it back)"
            self._workspace.actions.redraw(drag.slice, after, done)
        else:
            self._workspace.say(f"{done} by less than one voxel: labels not changed")
        self._overlay.refresh()

    @property
    def _point_under_mouse(self) -> Grip | None:
        grip = None if self._mouse is None else self._grips.at(self._mouse)
        return grip if grip is not None and grip.is_point else None

    def _end(self) -> _Drag | None:
        drag, self._drag = self._drag, None
        if drag is not None:
            self._workspace.view.held = False
            self._contours.hold(None)
        return drag

    # -- what is seen ------------------------------------------------------------------------

    def _paint(self, painter: QPainter, transform: QTransform) -> None:
        if not self._chosen or self._contours.shows_other:
            return
        drag = self._drag
        if drag is None:
            taken, lines, points = self._point_under_mouse, self._contours.lines, self._grips.points
        else:
            taken = drag.grip if drag.grip.is_point else None
            lines, points = drag.shown, drag.seen_points
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
        for border, pieces in points.items():
            painter.setBrush(COLOURS[border])
            for line, indices in zip(lines[border], pieces, strict=True):
                for at in line[indices]:
                    painter.drawEllipse(_on_canvas(at, transform), _SMALL_PX, _SMALL_PX)
        if taken is not None:
            at = lines[taken.border][taken.piece][taken.index]
            painter.setBrush(QColor("white"))
            painter.drawEllipse(_on_canvas(at, transform), _LARGE_PX, _LARGE_PX)
        if drag is not None and drag.pushes:
            self._paint_disc(painter, transform, drag)

    def _paint_disc(self, painter: QPainter, transform: QTransform, drag: _Drag) -> None:
        ends = drag.now + drag.grip.distance_mm / np.array(self._grips.spacing_mm)
        middle = _on_canvas(drag.now, transform)
        corner = _on_canvas(ends, transform) - middle
        painter.setPen(QPen(QColor(255, 255, 255, 200), 1))
        painter.setBrush(QColor(255, 255, 255, 30))
        painter.drawEllipse(middle, abs(corner.x()), abs(corner.y()))


def _on_canvas(at: NDArray[np.float64], transform: QTransform) -> QPointF:
    row, column = at
    return transform.map(QPointF(column, row))
