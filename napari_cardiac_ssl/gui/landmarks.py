"""Three clicks that tell how a heart lies, where there are no long-axis views."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Points
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import TYPICAL_AXIS, Landmarks
from napari_cardiac_ssl.geometry.orientation import usual_orientation
from napari_cardiac_ssl.gui.display import METADATA, write_over
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import Stack

#: The landmarks in the order of the clicks: how the points are marked, and what is asked.
STEPS = {
    "lv_base": ("base", "Go to the most basal slice that shows the LV, click its middle"),
    "lv_apex": ("apex", "Go to the slice nearest to the apex, click the middle of the LV"),
    "rv_lateral": ("RV", "Go to a middle slice, click the outer wall of the RV"),
}
#: A mouse that moves further than this while held drags the picture and sets no point; pixels.
_STILL = 5.0
#: No heart's long axis is so far from the typical one; confused ends are 180 degrees off.
_FARTHEST_DEG = 110.0


class LandmarkClicks:
    """Asks for three points in the viewer, one after the other.

    While it asks, clicks set points and draw nothing; dragging, scrolling and zooming go on as
    ever. Backspace takes the last point back, Escape gives up and leaves all as it was.

    Parameters
    ----------
    workspace
        Where the landmarks go to.

    Attributes
    ----------
    changed
        It began, went on or ended.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._viewer = workspace.viewer
        self._clicked: dict[str, NDArray[np.float64]] = {}
        self._active: Any = None  # what was drawn on before
        self._layer: Points | None = None
        self.asking = False
        workspace.session.signals.study_changed.connect(self._on_study)

    @property
    def prompt(self) -> str:
        """What to do next."""
        waiting = [name for name in STEPS if name not in self._clicked]
        if not self.asking or not waiting:
            return ""
        number = len(STEPS) - len(waiting) + 1
        return f"{number} of 3: {STEPS[waiting[0]][1]}"

    def start(self) -> None:
        """Ask for the three points."""
        workspace = self._workspace
        if self.asking or not workspace.is_open:
            return
        self._clicked, self.asking = {}, True
        self._active = self._viewer.layers.selection.active
        self._show_points()
        self._viewer.mouse_drag_callbacks.append(self._on_press)
        for key, act in (("Escape", self.cancel), ("Backspace", self.take_back)):
            self._viewer.bind_key(key, lambda _, act=act: act(), overwrite=True)
        self._ask()

    def take_back(self) -> None:
        """Forget the last point, or give up if there is none."""
        if not self._clicked:
            self.cancel()
            return
        self._clicked.popitem()
        self._show_points()
        self._ask()

    def cancel(self) -> None:
        """Give up; landmarks that were there before stay."""
        if self.asking:
            self._stop()
            self._workspace.say("landmarks given up; all is as it was")
            self._on_study()

    def click(self, point_mm: NDArray[np.float64]) -> None:
        """Take a point, RAS+ mm, for the landmark that is asked for."""
        name = next(name for name in STEPS if name not in self._clicked)
        self._clicked[name] = point_mm
        self._show_points()
        if len(self._clicked) < len(STEPS):
            self._ask()
            return
        try:
            landmarks = Landmarks.of(self._clicked)
            _check_apex(self._workspace.session.stack, landmarks)
            self._workspace.session.anatomy.set_landmarks(landmarks)
        except InputError as error:  # ask again for what it names
            wrong = [name for name in STEPS if name in str(error)] or ["rv_lateral"]
            for name in list(STEPS)[list(STEPS).index(wrong[0]) :]:
                self._clicked.pop(name, None)
            self._show_points()
            self._workspace.fail(error)
            self._ask()
            return
        self._stop()
        self._workspace.say("landmarks set: the lines show where the long-axis planes lie")

    def close(self) -> None:
        """Let go of the viewer."""
        if self.asking:
            self._stop()
        self.changed.disconnect()

    def _ask(self) -> None:
        self._workspace.say(f"{self.prompt} (Backspace: the last again, Escape: give up)")
        write_over(self._viewer, self.prompt)
        self.changed.emit()

    def _stop(self) -> None:
        self.asking, self._clicked = False, {}
        write_over(self._viewer, "")
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        for key in ("Escape", "Backspace"):
            self._viewer.bind_key(key, None)
        if self._active in self._viewer.layers:
            self._viewer.layers.selection.active = self._active
        self._active = None
        self.changed.emit()

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        """Napari runs this while the mouse is held down on the canvas."""
        pressed = np.array(event.pos, dtype=float)
        position = event.position
        moved = 0.0
        yield
        while event.type == "mouse_move":
            moved = max(moved, float(np.abs(np.array(event.pos) - pressed).max()))
            yield
        stack = self._workspace.session.stack
        if moved > _STILL or not self.asking:
            return
        zyx = np.array(position[-3:]) / stack.spacing_mm
        zyx[0] = self._workspace.view.in_view.z
        if (zyx[1:] < -0.5).any() or (zyx[1:] > np.array(stack.image.shape[2:]) - 0.5).any():
            return
        self.click(stack.world_mm(zyx[::-1]))

    def _on_study(self) -> None:
        """Show the landmarks of the study that is worked on; another ends the asking."""
        if self.asking and not self._workspace.is_open:
            self.cancel()
        if not self.asking:
            self._show_points()

    def _show_points(self) -> None:
        layers, workspace = self._viewer.layers, self._workspace
        known = self._clicked
        landmarks = workspace.session.anatomy.landmarks
        if not self.asking and landmarks is not None:
            known = {name: getattr(landmarks, name) for name in STEPS}
        active = layers.selection.active
        if self._layer is not None and self._layer in layers:
            layers.remove(self._layer)
        self._layer = None
        if not workspace.is_open or not (known or self.asking):
            return
        self._layer = self._points(workspace.session.stack, known)
        layers.append(self._layer)
        if not self.asking and active in layers:
            layers.selection.active = active

    @staticmethod
    def _points(stack: Stack, known: dict[str, NDArray[np.float64]]) -> Points:
        """Return a layer of the landmarks, each on the slice nearest to it, in all frames."""
        voxels = [stack.voxel_xyz(point)[::-1] for point in known.values()]
        at = np.array(voxels).reshape(-1, 3)
        at[:, 0] = np.clip(np.round(at[:, 0]), 0, stack.slices - 1)
        layer = Points(
            at,
            ndim=3,
            name="Landmarks",
            scale=stack.spacing_mm,
            axis_labels=("z", "y", "x"),
            units=("mm", "mm", "mm"),
            size=4,
            face_color="yellow",
            border_color="black",
            metadata={METADATA: {"landmarks": True}},
        )
        if known:
            layer.text = {
                "string": [STEPS[name][0] for name in known],
                "color": "yellow",
                "size": 12,
                "translation": [0, -3, 3],
            }
        layer.mode = "pan_zoom"
        layer.editable = False
        return layer


def _check_apex(stack: Stack, landmarks: Landmarks) -> None:
    """Refuse a base and an apex that were confused, where the file says how the stack lies.

    Raises
    ------
    InputError
        If the apex would be to the right of, behind and above the base.
    """
    if not usual_orientation(stack).sides:
        return
    angle = np.rad2deg(np.arccos(np.clip(landmarks.towards_apex @ TYPICAL_AXIS, -1, 1)))
    if angle > _FARTHEST_DEG:
        raise InputError(
            f"from lv_base to lv_apex it goes {angle:.0f} degrees off the usual direction (at most "
            f"{_FARTHEST_DEG:.0f}): are base and apex confused? Click the base again, then the apex"
        )
