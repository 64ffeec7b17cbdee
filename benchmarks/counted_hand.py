"""A hand on mouse and keyboard whose every move is counted, and what it would cost a person.

Events go to the window as the window system would bring them: Qt itself finds what lies under the
pointer and what has the keyboard. A real hand is slower and less exact; how much slower is told by
the keystroke-level model (Card, Moran & Newell, CACM 23:396, 1980), which is a model and no
measurement.
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from skimage.measure import approximate_polygon

#: Seconds of the model: a key (average typist), pointing, pressing or letting go of a button,
#: deciding; drawing takes so many seconds for each straight piece and for each cm.
KEY_S, POINT_S, BUTTON_S, MIND_S, PIECE_S, CM_S = 0.28, 1.10, 0.10, 1.35, 0.9, 0.16
#: Of a screen of 96 pixels an inch.
PX_PER_CM = 96 / 2.54
#: How far the pointer goes from one event to the next, and how long that takes: 60 in a second.
STEP_PX, STEP_S = 6.0, 1 / 60

#: What of a path passes for straight, in pixels; when to wait for a painting no longer.
_STRAIGHT_PX, _NOTHING_S = 8.0, 0.1

LEFT = Qt.MouseButton.LeftButton


@dataclass
class Tally:
    """What a hand has done.

    Parameters
    ----------
    clicks, drags, keys
        How often; a double click is two clicks, a stroke of the brush is a drag.
    travel_px
        How far the pointer went.
    model_s
        Seconds of the keystroke-level model.
    """

    clicks: int = 0
    drags: int = 0
    keys: int = 0
    travel_px: float = 0.0
    model_s: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class Hand:
    """Works a window; places are pixels of a widget in it.

    Parameters
    ----------
    window
        Shown.
    picture
        The canvas in it that is drawn on.
    """

    def __init__(self, window: QWidget, picture: QWidget) -> None:
        self._window, self.picture = window, picture
        self._at = np.zeros(2)
        self._paintings = _Paintings(picture)
        self.tally = Tally()
        #: Milliseconds from a move with the button held until the window had drawn what followed.
        self.delays_ms: list[float] = []

    def take_tally(self) -> Tally:
        """Return what was done since the last time."""
        done, self.tally = self.tally, Tally()
        return done

    def key(self, key: str, *, thinks: bool = True) -> None:
        """Press a key and let it go; `thinks` if it is decided on, and not one in a row."""
        code, shift = getattr(Qt.Key, f"Key_{key}"), Qt.KeyboardModifier.NoModifier
        QTest.keyClick(self._window.windowHandle(), code, shift)
        self.tally += Tally(keys=1, model_s=KEY_S + MIND_S * thinks)
        live(0.05)

    def click(self, widget: QWidget, place: QPoint | None = None, *, button=LEFT, times=1) -> None:
        """Click on a widget, in its middle if no place is named."""
        at = self._in_window(widget, place or widget.rect().center())
        self._travel(at)
        press = QTest.mouseClick if times == 1 else QTest.mouseDClick
        press(self._window.windowHandle(), button, pos=QPoint(*at.astype(int).tolist()))
        seconds = MIND_S + POINT_S + 2 * times * BUTTON_S
        self.tally += Tally(clicks=times, model_s=seconds)
        live(0.05)

    def drag(
        self,
        path: NDArray[np.float64],
        *,
        draws: bool = False,
        held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        midway: Callable[[], object] = lambda: None,
    ) -> None:
        """Press on the picture, go along a path, and let go.

        Parameters
        ----------
        path
            Shape ``(n, 2)``: x and y in pixels of the picture.
        draws
            Whether the whole path matters, as that of a brush does, or its end alone.
        held
            A key that is held meanwhile.
        midway
            Called on the way, the button held.
        """
        path = path + self._in_window(self.picture, QPoint(0, 0))
        self._travel(path[0])
        window = self._window.windowHandle()
        QTest.mousePress(window, LEFT, held, _point(path[0]))
        live(STEP_S)
        for number, place in enumerate(path[1:], start=1):
            self._travel(place, held=True)
            if number == max(1, len(path) // 2):
                midway()
        QTest.mouseRelease(window, LEFT, held, _point(path[-1]))
        live(2 * STEP_S)
        moved = POINT_S if len(path) > 1 else 0.0
        if draws and len(path) > 1:
            pieces = len(approximate_polygon(path, _STRAIGHT_PX)) - 1
            length = float(np.hypot(*np.diff(path, axis=0).T).sum())
            moved = PIECE_S * pieces + CM_S * length / PX_PER_CM
        done = Tally(clicks=1) if len(path) == 1 else Tally(drags=1)
        if held:
            done += Tally(keys=1, model_s=KEY_S)
        self.tally += done + Tally(model_s=MIND_S + POINT_S + 2 * BUTTON_S + moved)

    def _in_window(self, widget: QWidget, place: QPoint) -> NDArray[np.float64]:
        at = widget.mapTo(self._window, place)
        return np.array([at.x(), at.y()], float)

    def _travel(self, to: NDArray[np.float64], *, held: bool = False) -> None:
        """Move the pointer, in steps as a mouse reports them; without a button held, in two."""
        way = to - self._at
        length = float(np.hypot(*way))
        steps = max(1, round(length / STEP_PX)) if held else 2
        for step in range(1, steps + 1):
            begun, before = time.perf_counter(), self._paintings.number
            QTest.mouseMove(self._window.windowHandle(), _point(self._at + way * step / steps))
            while time.perf_counter() < begun + STEP_S or (held and step == steps):
                QApplication.processEvents()
                if held and self._paintings.number > before:
                    self.delays_ms.append(1000 * (time.perf_counter() - begun))
                    break
                if time.perf_counter() > begun + _NOTHING_S:
                    break
            live(STEP_S - (time.perf_counter() - begun))
        self._at = to.copy()
        self.tally += Tally(travel_px=length)


class _Paintings(QObject):
    """Counts how often what lies over the picture was painted."""

    def __init__(self, picture: QWidget) -> None:
        super().__init__(picture)
        self.number = 0
        for one in picture.findChildren(QWidget):
            one.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Qt asks first whether this is ours."""
        self.number += event.type() == QEvent.Type.Paint
        return False


def live(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        if time.monotonic() >= end:
            return
        time.sleep(0.001)


def _point(place: NDArray[np.float64]) -> QPoint:
    x, y = np.rint(place).astype(int).tolist()
    return QPoint(x, y)
