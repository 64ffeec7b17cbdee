"""A line that is on its way, by mouse or by keys, and what comes of it.

Until the drag ends only the line on the screen moves. Then the voxels that the line has passed over
change hands, as one step of the session. The lines that are seen then are traced from those voxels:
there is no other truth.
"""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.geometry.borders import redrawn
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.offsets import Offsets
from napari_cardiac_ssl.geometry.outlines import (
    LEAST_POINTS,
    Line,
    bridged,
    lengths_mm,
    nearest_point,
    pulled,
    pushed,
)
from napari_cardiac_ssl.geometry.stretches import overdrawn, untangled
from napari_cardiac_ssl.gui.overlays.contour_lines import ContourLines, Lines
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.tools.grips import Grip, Grips, Points
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import count

#: How far along the line a pull between points is felt, to each side.
_REACH_MM = 15.0

#: What ends a move by keys.
HOW_TO_END = ". Enter keeps it, Escape takes it back"
NOTHING_HERE = (
    "no contour is here to be edited: draw one (G), copy the nearest drawn slice (U), or press "
    "Predict"
)


class How(Enum):
    """What a drag does to a line."""

    PULLED = auto()  #: taken at a point or between points
    PUSHED = auto()  #: by a disc beside it
    WHOLE = auto()  #: moved as a whole
    ANEW = auto()  #: drawn anew where the mouse goes


@dataclass(eq=False)
class Drag:
    """All as it was when the line was taken hold of, and the line as it is now."""

    slice: SliceIndex
    labels: NDArray[np.uint8]
    lines: Lines
    grip: Grip
    how: How
    all_points: dict[Border, list[Points]]
    reach_mm: tuple[float, float]
    pressed: NDArray[np.float64]
    now: NDArray[np.float64]
    line: Line
    offsets: Offsets  # where the line would be if it was moved as a whole
    stroke: list[NDArray[np.float64]]  # where the mouse was, if it is drawn anew
    by_mm: float = 0.0  # how far outwards it was moved as a whole
    moved: bool = False
    by_keys: bool = False

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
        return self.how is How.PUSHED

    @property
    def is_whole(self) -> bool:
        """Whether the line is moved as a whole."""
        return self.how is How.WHOLE

    @property
    def words(self) -> str:
        """How far the line is moved as a whole."""
        return f"{self.grip.border} {size_words(self.by_mm)}"

    @property
    def shown(self) -> Lines:
        """All lines, with this one as it is now."""
        pieces = list(self.lines[self.grip.border])
        pieces[self.grip.piece] = self.line
        return {**self.lines, self.grip.border: pieces}

    @property
    def seen_points(self) -> dict[Border, list[Points]]:
        """The points that are seen meanwhile: of a line that is pulled alone do they go along."""
        pieces = list(self.all_points[self.grip.border])
        if self.how is not How.PULLED:
            pieces[self.grip.piece] = np.empty(0, np.intp)
        return {**self.all_points, self.grip.border: pieces}

    def places(self, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
        """Return where the points to take the line by are now, ``(k, 2)``, voxels."""
        if self.is_whole:  # it has other points now, beside the old ones
            near = [nearest_point(self.line, at, spacing_mm)[0] for at in self.before[self.points]]
            return np.asarray(self.line[near])
        # Where a line was pushed or drawn anew they are found anew, if they are near.
        return np.asarray((self.line if self.how is How.PULLED else self.before)[self.points])

    def extent(self, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
        """Return places between which all lies that moves, ``(n, 2)``, voxels."""
        if not self.pushes:
            return self.line
        radius = self.grip.distance_mm / np.array(spacing_mm)
        return np.concatenate([self.line, [self.now - radius, self.now + radius]])

    def follow(self, at: NDArray[np.float64], spacing_mm: tuple[float, float]) -> None:
        """Have the line be where it is moved, pulled, pushed or drawn to."""
        if self.how is How.ANEW:
            self.stroke.append(at)
            self.line = overdrawn(self.before, np.array(self.stroke), spacing_mm)
        elif self.is_whole:
            self.move_whole(self.offsets.distance_mm(at) - self.offsets.distance_mm(self.pressed))
        elif self.how is How.PULLED:
            by = at - self.pressed
            self.line = pulled(self.before, self.grip.index, by, spacing_mm, self.reach_mm)
        else:
            radius, way = self.grip.distance_mm, at - self.now
            steps = max(1, int(np.ceil(2 * np.hypot(*(way * spacing_mm)) / radius)))
            for step in range(1, steps + 1):  # or a quick mouse would leap over the line
                centre = self.now + way * step / steps
                self.line = pushed(self.line, centre, radius, spacing_mm)
        self.now = at

    def move_whole(self, by_mm: float) -> None:
        """Move the whole line outwards from where it was by a distance, or as far as it can go."""
        # In the steps in which it is said: back where it was, nothing changes.
        self.by_mm = round(self.offsets.within_limits(by_mm), 1)
        self.line = self.offsets.line_at(self.by_mm)


class Editing:
    """What is dragged at the moment.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.
    contours
        The lines that are seen on it.
    grips
        The points to take them by.

    Attributes
    ----------
    drag
        The line that is on its way; None if none is.
    """

    def __init__(
        self,
        workspace: Workspace,
        overlay: PictureOverlay,
        contours: ContourLines,
        grips: Grips,
    ) -> None:
        self._workspace, self._overlay, self._contours = workspace, overlay, contours
        self.grips = grips
        self.drag: Drag | None = None
        workspace.view.taking.connect(self.finish)

    def begin(
        self,
        grip: Grip,
        at: NDArray[np.float64],
        *,
        how: How | None = None,
        by_keys: bool = False,
    ) -> Drag:
        """Take hold of a line at a place, to pull it or push it from there if `how` is not said."""
        self.drag = self._begun(grip, at, how)
        self.drag.by_keys = self.drag.moved = by_keys
        self._workspace.view.held = True
        self._contours.hold(self.drag.shown)
        return self.drag

    def follow(self, at: NDArray[np.float64]) -> None:
        """Have the line be moved, pulled or pushed to a place."""
        if self.drag is not None:
            self.drag.follow(at, self.grips.spacing_mm)
            self._show(self.drag)

    def move_whole(self, by_mm: float) -> None:
        """Move the whole line outwards from where it was by a distance."""
        if self.drag is not None:
            self.drag.move_whole(by_mm)
            self._show(self.drag)

    def _show(self, drag: Drag) -> None:
        """Have the line be seen where it is."""
        self._contours.hold(drag.shown, drag.extent(self.grips.spacing_mm))
        if drag.is_whole:
            self._workspace.say(f"{drag.words}{HOW_TO_END if drag.by_keys else ''}")

    def finish(self) -> None:
        """Hand what is dragged to the session."""
        drag = self._end()
        if drag is None or not drag.moved:
            return
        if drag.is_whole and drag.by_mm == 0:
            self._workspace.say(f"{drag.words}: labels not changed")
            return
        if drag.how is How.ANEW:
            drag.line = untangled(drag.line, drag.labels.shape)
        done = {How.WHOLE: f"moved {size_words(drag.by_mm)}", How.ANEW: "drawn anew in part"}
        places = drag.places(self.grips.spacing_mm)
        self._commit(drag, places, f"{drag.grip.border} {done.get(drag.how, 'moved')}")

    def leave(self) -> None:
        """Have all be as it was."""
        self._end()
        self._workspace.say("left as it was")

    def remove(self, grip: Grip) -> None:
        """Remove a point: the line goes straight on between those beside it."""
        drag = self._begun(grip, self.grips.line(grip)[grip.index])
        if len(drag.points) <= LEAST_POINTS:
            self._workspace.say(f"a contour needs {LEAST_POINTS} points; erase it by brush")
            return
        drag.line = bridged(drag.before, *self.grips.neighbours(grip))
        self._commit(drag, drag.before[drag.points[drag.points != grip.index]], "point removed")

    def _begun(self, grip: Grip, at: NDArray[np.float64], how: How | None = None) -> Drag:
        """Return what a drag starts from."""
        index, line = self._workspace.view.in_view, self.grips.line(grip)
        labels = self._workspace.session.annotations.labels[index].copy()
        points, reach_mm = self.grips.points, (_REACH_MM, _REACH_MM)
        if grip.is_point:  # the points beside it stay
            lengths = lengths_mm(line, self.grips.spacing_mm)
            here, (back, on) = lengths[grip.index], lengths[[*self.grips.neighbours(grip)]]
            reach_mm = float((here - back) % lengths[-1]), float((on - here) % lengths[-1])
        how = how or (How.PULLED if grip.is_near else How.PUSHED)
        offsets = Offsets(line, self.grips.spacing_mm, labels.shape)
        lines = self._contours.lines
        return Drag(index, labels, lines, grip, how, points, reach_mm, at, at, line, offsets, [at])

    def _commit(self, drag: Drag, places: NDArray[np.float64], done: str) -> None:
        """Have the labels be what a line says, its points be where they are wanted; say it."""
        if drag.slice == self._workspace.view.in_view and self._contours.lines is drag.lines:
            self.grips.replace(drag.grip, places)
        after = redrawn(drag.labels, drag.grip.border, drag.before, drag.line)
        changed = int(np.count_nonzero(after != drag.labels))
        if changed:  # as against what was on the screen, whatever has come in meanwhile
            done = f"{done}: {count(changed, 'voxel')} changed (Ctrl-Z takes it back)"
            self._workspace.actions.redraw(drag.slice, after, done)
        else:
            self._workspace.say(f"{done} by less than one voxel: labels not changed")
        self._overlay.refresh()

    def _end(self) -> Drag | None:
        drag, self.drag = self.drag, None
        if drag is not None:
            self._workspace.view.held = False
            self._contours.hold(None)
        return drag


def size_words(by_mm: float) -> str:
    """Return in words how far a line was moved as a whole.

    Examples
    --------
    >>> size_words(1.5), size_words(-0.5), size_words(0.0)
    ('1.5 mm outwards', '0.5 mm inwards', 'back where it was')
    """
    if round(by_mm, 1) == 0:
        return "back where it was"
    return f"{abs(by_mm):.1f} mm {'outwards' if by_mm > 0 else 'inwards'}"
