"""A hand on mouse and keyboard: real events on a shown window's picture."""

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
_NONE = Qt.MouseButton.NoButton
_FREE = Qt.KeyboardModifier.NoModifier


class Hand:
    """Places are shares of the picture's width and height."""

    def __init__(self, widget, qtbot):
        self._qtbot = qtbot
        canvases = [
            one
            for one in widget.window().findChildren(QWidget)
            if "Canvas" in type(one).__name__ and one.isVisible()
        ]
        self.canvas = max(canvases, key=lambda one: one.width() * one.height())
        self._held = _NONE

    def rest(self, ms=30):
        """Let the window live: napari takes moves in when it has time."""
        self._qtbot.wait(ms)

    def send(self, kind, place, button=_NONE, modifiers=_FREE):
        size = self.canvas.size()
        at = QPointF(place[0] * size.width(), place[1] * size.height())
        everywhere = QPointF(self.canvas.mapToGlobal(at.toPoint()))
        event = QMouseEvent(kind, at, everywhere, button, self._held, modifiers)
        QApplication.sendEvent(self.canvas, event)
        self.rest()

    def press(self, place, button=LEFT, modifiers=_FREE):
        self.send(QEvent.Type.MouseMove, place)
        self._held = button
        self.send(QEvent.Type.MouseButtonPress, place, button, modifiers)

    def move(self, *places):
        for place in places:
            self.send(QEvent.Type.MouseMove, place)

    def release(self, place, button=LEFT):
        self._held = _NONE
        self.send(QEvent.Type.MouseButtonRelease, place, button)

    def drag(self, *places, button=LEFT):
        self.press(places[0], button)
        self.move(*places[1:])
        self.release(places[-1], button)

    def click(self, place, button=LEFT):
        self.drag(place, button=button)

    def send_click(self, place, modifiers, button=LEFT):
        """Click with keys held."""
        self.send(QEvent.Type.MouseMove, place)
        self._held = button
        self.send(QEvent.Type.MouseButtonPress, place, button, modifiers)
        self._held = _NONE
        self.send(QEvent.Type.MouseButtonRelease, place, button, modifiers)

    def double_click(self, place, button=LEFT):
        """As Qt tells of one: press, release, double click, release."""
        self.click(place, button)
        self._held = button
        self.send(QEvent.Type.MouseButtonDblClick, place, button)
        self.release(place, button)

    def wheel(self, place, notches, modifiers=_FREE):
        """Turn the wheel towards oneself by so many notches; away from oneself if negative."""
        size = self.canvas.size()
        at = QPointF(place[0] * size.width(), place[1] * size.height())
        for _ in range(abs(notches)):
            event = QWheelEvent(
                at,
                QPointF(self.canvas.mapToGlobal(at.toPoint())),
                QPoint(),
                QPoint(0, -120 * int(np.sign(notches))),
                _NONE,
                modifiers,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(self.canvas, event)
            self.rest()

    def key(self, key, modifiers=_FREE):
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"), modifiers)
        self.rest()
