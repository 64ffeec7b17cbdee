"""The cine beside the still: the slice in view plays while one of its frames is edited."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QElapsedTimer, QPointF, QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QLabel, QWidget

from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.outlines import Line
from napari_cardiac_ssl.gui.mosaic.heart import crop_of_heart
from napari_cardiac_ssl.gui.pace import Pace
from napari_cardiac_ssl.gui.panels.controls import button, column, describe, row
from napari_cardiac_ssl.gui.panels.slice_picture import SlicePicture
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.gui.zoom_link import ZoomLink
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How often it is looked whether another frame is due, in ms: no more pictures a second are shown.
_TICK_MS = 50
#: How long a beat takes that nothing is known of, and how long one may take, in s.
_USUAL_S, _LEAST_S, _MOST_S = 1.0, 0.25, 2.5
#: Frames whose lines are kept.
_KEPT = 200

_NO_STACK = "Open a study to see the slice in view play here."
_ONE_FRAME = "This stack has a single frame: there is no cine to play."


def beat_s(stack: Stack) -> float | None:
    """Return how long a beat of a stack's cine takes; None where that is not known.

    Intervals that make no heart's beat of the frames are no intervals: some files have 1 there.

    Examples
    --------
    >>> image, affine = np.zeros((20, 1, 4, 4)), np.eye(4)
    >>> beat_s(Stack(image, affine, frame_interval_s=0.04))
    0.8
    >>> print(beat_s(Stack(image, affine, frame_interval_s=1.0)), beat_s(Stack(image, affine)))
    None None
    """
    beat = stack.frames * (stack.frame_interval_s or 0.0)
    return beat if _LEAST_S <= beat <= _MOST_S else None


class CinePicture(SlicePicture):
    """A frame of the slice in view, with its contours.

    Attributes
    ----------
    paused
        The user wants it to stop, or to go on.
    stepped
        ``(int)``: by how many frames the user wants to go on.
    """

    paused = Signal()
    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Cine of the slice in view")
        describe(self, "Click or space bar: stop, go on. Wheel: zoom. Arrow keys: next frame.")

    def show_slice(
        self,
        index: SliceIndex,
        limits: tuple[float, float],
        contours: dict[Border, list[Line]],
    ) -> None:
        """Show a slice in a window, with its contours as it is looked at."""
        self._index, self._limits, self._contours = index, limits, contours
        self.update()

    def turned(self, slice_yx: NDArray[Any]) -> NDArray[Any]:
        """Return a slice as it is looked at."""
        return self._orientation.picture(slice_yx)

    def paint_over(self, painter: QPainter) -> None:
        """Write which frame it is."""
        painter.setFont(self.font())
        words, metrics = f"frame {self._index.t}", painter.fontMetrics()
        size = QPointF(metrics.horizontalAdvance(words) + 8, metrics.height() + 2)
        corner = QPointF(4, self.height() - 4 - size.y())
        self.paint_words(painter, QRectF(corner, corner + size), words)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Stop, or go on."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.paused.emit()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Stop, or go on; or show the next frame."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() == Qt.Key.Key_Space:
            self.paused.emit()
        elif event.key() in steps:
            self.stepped.emit(steps[event.key()])
        else:
            super().keyPressEvent(event)


class CinePanel(QWidget):
    """Plays the slice in view, at the heart's own rate where the file says it.

    It looks by itself what the main picture shows, many times a second while it is seen: which
    slice, in which window, with which labels.

    Parameters
    ----------
    workspace, link
        The window's.
    """

    def __init__(self, workspace: Workspace, link: ZoomLink) -> None:
        super().__init__()
        self._workspace = workspace
        self._stack: Stack | None = None
        self._plays = True
        self._beats = 0.0  # that were played when the clock was started
        self._clock = QElapsedTimer()
        self._clock.start()
        self._shown: tuple[object, ...] | None = None
        self._shown_slice: SliceIndex | None = None
        self._pace = Pace()
        self._drawn = QTimer(self)  # Qt comes to it when what was asked for is drawn
        self._drawn.setSingleShot(True)
        self._drawn.timeout.connect(lambda: self._pace.end(time.monotonic()))
        self._traced: dict[tuple[SliceIndex, int], dict[Border, list[Line]]] = {}
        self._traced_of: object = None
        self.picture = CinePicture()
        self.play = button("Pause", "Stop the cine beside the picture, or have it go on.")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAccessibleName("How fast the cine plays")
        self.linked = link.box()
        link.add(self.picture)
        head = row(self.play, self.words, self.linked)
        head.setStretch(1, 1)
        layout = column(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(self.picture, 1)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.follow)
        self.play.clicked.connect(self.toggle)
        self.picture.paused.connect(self.toggle)
        self.picture.stepped.connect(self.step)

    @property
    def plays(self) -> bool:
        """Whether it plays, as far as there are frames."""
        return self._plays

    @property
    def frame(self) -> int:
        """The frame that is due."""
        beats = self._beats
        if self._plays:
            beats += self._clock.elapsed() / 1000 / self._beat_s
        frames = 1 if self._stack is None else self._stack.frames
        return int(beats * frames + 1e-6) % frames

    @property
    def _beat_s(self) -> float:
        return (None if self._stack is None else beat_s(self._stack)) or _USUAL_S

    def toggle(self) -> None:
        """Stop, or go on."""
        self._rest_at(self.frame)
        self._plays = not self._plays
        self.play.setText("Pause" if self._plays else "Play")
        self.play.setAccessibleName(self.play.text())
        self.follow()

    def step(self, frames: int) -> None:
        """Stop, so many frames further on."""
        if self._plays:
            self.toggle()
        self._rest_at(self.frame + frames)
        self.follow()

    def _rest_at(self, frame: int) -> None:
        """Have a frame be due now."""
        frames = 1 if self._stack is None else self._stack.frames
        self._beats = frame % frames / frames
        self._clock.restart()

    def follow(self) -> None:
        """Show what is due; nothing is done if that is on the screen."""
        workspace = self._workspace
        stack = workspace.session.stack if workspace.is_open else None
        if stack is not self._stack:
            self._open(stack)
        if stack is None or stack.frames == 1:
            return
        annotations, image = workspace.session.annotations, workspace.image
        index = SliceIndex(self.frame, workspace.view.in_view.z)
        low, high = image.contrast_limits if image is not None else self.picture.limits
        version = int(annotations.versions[index])
        seen = (annotations, index, low, high, version)
        if seen != self._shown and not self._waits(index):
            self._shown, self._shown_slice = seen, index
            self._pace.begin(time.monotonic())
            self._drawn.start()
            self.picture.show_slice(index, (float(low), float(high)), self._lines_of(index))

    def _waits(self, index: SliceIndex) -> bool:
        """Tell whether a picture may come later: the cine plays on, and nothing else is new."""
        shown = self._shown_slice
        plays_on = shown is not None and shown.z == index.z and shown.t != index.t and self._plays
        return plays_on and not self._pace.is_due(time.monotonic())

    def _open(self, stack: Stack | None) -> None:
        """Begin with another stack."""
        self._stack, self._shown, self._shown_slice = stack, None, None
        self._rest_at(0)
        is_cine = stack is not None and stack.frames > 1
        self.picture.setVisible(is_cine)
        self.play.setVisible(is_cine)
        self.linked.setVisible(is_cine)
        if stack is None or not is_cine:
            self.words.setText(_NO_STACK if stack is None else _ONE_FRAME)
            return
        beat = beat_s(stack)
        self.picture.show_stack(stack)
        self.look_at_heart()
        self.words.setText(
            "One beat a second: the file does not say the heart's rate"
            if beat is None
            else f"The heart's own rate, {60 / beat:.0f}/min"
        )

    def look_at_heart(self) -> None:
        """Fill the picture with the heart, as far as it is known where that is."""
        session = self._workspace.session
        if self._stack is session.stack:
            crop, (_, *spacing) = crop_of_heart(session), self._stack.spacing_mm
            middle = np.array([crop.left + crop.right - 1, crop.top + crop.bottom - 1]) / 2
            self.picture.look_at(middle, float(max(np.multiply(crop.shape, spacing))))

    def _lines_of(self, index: SliceIndex) -> dict[Border, list[Line]]:
        """Return the contours of a slice as it is looked at, traced once."""
        annotations = self._workspace.session.annotations
        if self._traced_of is not annotations:
            self._traced, self._traced_of = {}, annotations
        key = index, int(annotations.versions[index])
        found = self._traced.pop(key, None)
        if found is None:
            found = lines_of(np.asarray(self.picture.turned(annotations.labels[index])))
        self._traced[key] = found  # the last is the newest
        if len(self._traced) > _KEPT:
            del self._traced[next(iter(self._traced))]
        return found

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Play while it is seen."""
        super().showEvent(event)
        self.follow()
        self._timer.start()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Rest while nobody sees it."""
        super().hideEvent(event)
        self._timer.stop()
