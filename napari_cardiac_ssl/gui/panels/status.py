"""The line that says what happened last."""

import time
from collections.abc import Callable

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel

#: How long a message stands at most, in ms; what goes on (it ends with …) stands until it is over.
STANDS_MS = 20_000
#: An act takes a message away that is older than this, in s: the younger one is its own.
_OWN_S = 0.5


class StatusLine(QLabel):
    """Says what happened last, for a while or until something else is done.

    Parameters
    ----------
    standing
        Returns what there is to say when nothing has just happened.
    """

    def __init__(self, standing: Callable[[], str]) -> None:
        super().__init__()
        self._standing = standing
        self._said_at = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fall_back)
        self.setWordWrap(True)
        self.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 10)
        self.setAccessibleName("What happened last")
        self.setStyleSheet("padding: 3px; border: 1px solid palette(mid); border-radius: 4px;")

    def say(self, text: str) -> None:
        """Say what happened."""
        self.setText(text)
        self._said_at = time.monotonic()
        if text.endswith("…"):
            self._timer.stop()
        else:
            self._timer.start(STANDS_MS)

    def take_back(self, text: str) -> None:
        """Say no more what does not hold any more, if that is what stands here."""
        if self.text() == text:
            self._fall_back()

    def on_act(self) -> None:
        """Take away what was said of an earlier act: there is another."""
        is_past = time.monotonic() - self._said_at > _OWN_S
        if is_past and not self.text().endswith("…"):
            self._fall_back()

    def _fall_back(self) -> None:
        self._timer.stop()
        self.setText(self._standing())
