"""Contours are edited by keys alone: choose a border and a point, and move it, or the whole line.

Arrow keys move the chosen point on the screen, the same way wherever on the border it is: as in
every drawing program, and as keys move points on the other views. Across and along the border, the
key that moves a point to the left would be another one on each side of the heart. Plus and minus
move the whole line outwards and inwards: that of the chosen point, or else of the structure that is
drawn.

Presses that follow each other are one drag, and so one step to undo.
"""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.tools.choice import Choice, Chosen, place_words, way_words
from napari_cardiac_ssl.gui.tools.editing import HOW_TO_END, NOTHING_HERE, Drag, Editing, How
from napari_cardiac_ssl.gui.tools.grips import Grip
from napari_cardiac_ssl.gui.workspace import Workspace

#: How far a key moves a point, and how far with Alt; how far one moves a whole line.
STEP_MM, FINE_MM, WHOLE_MM = 1.0, 0.2, 0.5
#: A drag by keys ends when none was pressed for so many ms: long enough for those who type slowly,
#: and nothing is lost if nobody comes back.
_REST_MS = 10_000
_NONE, _ALT, _SHIFT, _KEYPAD = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.KeypadModifier,
)
#: To the right and down.
_WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
#: Plus is = without Shift where it is not a key of its own.
_OUTWARDS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}
_NEXT = {Qt.Key.Key_Period: 1, Qt.Key.Key_Comma: -1}
_BORDERS = {UKBB.code(made[0]): border for border, made in WITHIN.items()}
_MODIFIERS = {
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Meta,
}
HOW_TO_MOVE = (
    "arrows move it, with Alt finely; . and , choose another, 1 to 5 the border; Escape lets go"
)


class PointKeys:
    """Keys that choose and move points.

    Parameters
    ----------
    workspace
        The window's.
    overlay
        Of its picture.
    editing
        What moves a line.
    """

    def __init__(self, workspace: Workspace, overlay: PictureOverlay, editing: Editing) -> None:
        self._workspace, self._overlay, self._editing = workspace, overlay, editing
        self._choice = Choice(editing.grips, overlay)
        self._moving: Chosen | None = None  # what the keys of a drag move
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._end_run)
        workspace.changed.connect(self._describe)

    @property
    def chosen(self) -> Grip | None:
        """The point that keys move, if there is one on the slice in view."""
        drag = self._editing.drag
        if drag is not None:
            return drag.grip if drag.by_keys and not drag.is_whole else None
        now = self._choice.now
        return None if now is None else now.grip

    def let_go(self) -> None:
        """Choose no point any more."""
        self._choice.let_go()
        self._overlay.describe("")
        self._overlay.refresh()

    def take(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Take a key, if it is one of these; it ends what others had moved."""
        if key in _MODIFIERS:
            return False
        held = modifiers & ~_KEYPAD
        if key in _WAYS and held in (_NONE, _ALT):
            return self._step(_WAYS[Qt.Key(key)], FINE_MM if held == _ALT else STEP_MM)
        if key in _OUTWARDS and held in (_NONE, _SHIFT):
            self._step_whole(_OUTWARDS[Qt.Key(key)] * WHOLE_MM)
            return True
        if key == Qt.Key.Key_Escape:
            return self._leave()
        is_end = self._end_run() and key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        return is_end or self._choose(key, held)

    # -- choosing ----------------------------------------------------------------------------

    def _choose(self, key: int, held: Qt.KeyboardModifier) -> bool:
        if key in _NEXT and held in (_NONE, _SHIFT):  # on some keyboards the point takes Shift
            self._go(_NEXT[Qt.Key(key)])
            return True
        border = _BORDERS.get(key - Qt.Key.Key_0)
        if border is None or held != _NONE or not self._choice.is_made:
            return False
        return not self._go_to(border)  # which is drawn then, too

    def _go(self, step: int) -> None:
        """Choose the next point, or the one before."""
        self._workspace.view.take_strokes()
        is_first = not self._choice.is_made
        if self._choice.go(step, self._drawn):
            self._tell(f"; {HOW_TO_MOVE}" if is_first else "")
        else:
            self._workspace.say(NOTHING_HERE)

    def _go_to(self, border: Border) -> bool:
        """Choose a point of another border, if it is there."""
        is_there = self._choice.take(border)
        if is_there:
            self._tell()
        else:
            self._say_missing(border)
        return is_there

    @property
    def _drawn(self) -> Border | None:
        """The border of the structure that is drawn."""
        layer = self._workspace.view.layer
        return None if layer is None else _BORDERS.get(int(layer.selected_label))

    def _leave(self) -> bool:
        """Have what was moved be as it was; else choose no point any more."""
        drag = self._editing.drag
        if drag is not None:
            if not drag.is_whole:
                self._choice.keep(drag.grip, drag.pressed)
            self._editing.leave()
            self._describe()
            return True
        if not self._choice.is_made:
            return False
        self.let_go()
        self._workspace.say("no point is chosen: arrows go through frames and slices again")
        return True

    # -- moving ------------------------------------------------------------------------------

    def _step(self, way: tuple[int, int], step_mm: float) -> bool:
        """Move the chosen point on the screen."""
        drag = self._run(whole=False)
        if drag is None:
            self._workspace.view.take_strokes()
            self._moving = self._choice.now
            if self._moving is None:
                return False
            grip = self._moving.grip
            drag = self._editing.begin(grip, self._editing.grips.place(grip), by_keys=True)
        right, down = way
        by = self._overlay.voxels_mm(right * step_mm, down * step_mm)
        self._editing.follow(drag.now + by)
        self._choice.keep(drag.grip, drag.now)
        moved = way_words(*self._overlay.mm_between(drag.pressed, drag.now))
        self._tell(f": {moved}{HOW_TO_END}")
        self._rest.start()
        return True

    def _step_whole(self, by_mm: float) -> None:
        """Move the whole line of the chosen point, or else of the structure that is drawn."""
        drag = self._run(whole=True)
        if drag is None:
            self._workspace.view.take_strokes()
            grip = self._whole_line()
            if grip is None:
                return
            at = self._editing.grips.place(grip)
            drag = self._editing.begin(grip, at, how=How.WHOLE, by_keys=True)
        self._editing.move_whole(drag.by_mm + by_mm)
        self._describe()
        self._rest.start()

    def _whole_line(self) -> Grip | None:
        """Return what takes the line that keys move as a whole; say so if there is none."""
        chosen, lines = self._choice.now, self._editing.grips.lines
        if chosen is not None:
            return chosen.grip
        border = self._drawn
        if border is None or not lines:
            self._workspace.say(NOTHING_HERE)
        elif border not in lines:
            self._say_missing(border)
        else:
            piece = max(range(len(lines[border])), key=lambda one: len(lines[border][one]))
            return Grip(border, piece, 0, False, True, 0.0)
        return None

    def _run(self, *, whole: bool) -> Drag | None:
        """Return what keys are moving, if it is the whole line or a point; else that ends."""
        drag = self._editing.drag
        if drag is not None and (drag.is_whole != whole or (whole and self._means_other(drag))):
            self._end_run()
        return self._editing.drag

    def _means_other(self, drag: Drag) -> bool:
        """Tell whether another structure is drawn by now, as after a click in the panel."""
        return not self._choice.is_made and drag.grip.border is not self._drawn

    def _end_run(self) -> bool:
        """Hand what keys have moved to the session; tell whether they had."""
        drag = self._editing.drag
        is_ours = drag is not None and drag.by_keys
        if is_ours:
            self._editing.finish()
            self._describe()
        return is_ours

    # -- telling -----------------------------------------------------------------------------

    def _say_missing(self, border: Border) -> None:
        self._workspace.say(f"there is no {border} on this slice")

    def _tell(self, more: str = "") -> None:
        """Say which point is chosen; its ring is seen."""
        self._describe()
        if self._editing.drag is None:  # which is painted anew where it moves
            self._overlay.refresh()
        self._workspace.say(f"{self._words}{more}")

    def _describe(self) -> None:
        """Have screen readers say which point is chosen, or how far a whole line was moved."""
        drag = self._editing.drag
        if drag is None or drag.by_keys:
            self._overlay.describe(self._words)

    @property
    def _words(self) -> str:
        """Which point is chosen, and where it is; nothing if none is."""
        drag = self._editing.drag
        if drag is not None and drag.is_whole:
            return drag.words
        if drag is not None and self._moving is not None:
            return self._words_of(self._moving, drag.now, drag.line)
        chosen = self._choice.now if self._overlay.is_shown else None
        if chosen is None:
            return ""
        grips = self._editing.grips
        return self._words_of(chosen, grips.place(chosen.grip), grips.line(chosen.grip))

    def _words_of(self, chosen: Chosen, at: NDArray[np.float64], line: NDArray[np.float64]) -> str:
        return f"{chosen.name} {place_words(at, line, self._overlay.to_canvas())}"
