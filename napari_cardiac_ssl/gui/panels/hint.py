"""The first steps in few lines, until somebody has read or done them."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from napari_cardiac_ssl.gui.panels.controls import describe
from napari_cardiac_ssl.gui.preferences import prefer, preferences

_STEPS = (
    "<b>1</b> <i>Predict</i>, or draw a basal, a middle and an apical slice. "
    "<b>2</b> Correct, confirm (<b>C</b>), train (<b>T</b>). "
    "<b>3</b> Go to the <i>Next</i> (<b>N</b>). Your slices are never changed."
)


class HintPanel(QFrame):
    """What to do first. Goes for good when it is closed, and for now when it has been done."""

    def __init__(self) -> None:
        super().__init__()
        words = QLabel(_STEPS)
        words.setWordWrap(True)
        words.setAccessibleName("First steps")
        close = QToolButton()
        close.setText("✕")
        close.setAccessibleName("Dismiss the first steps")
        describe(close, "Dismiss; restore in Preferences.")
        close.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 3, 3, 3)
        layout.addWidget(words, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setVisible(preferences().show_hint)

    def dismiss(self) -> None:
        """Go, and do not come back on the next start."""
        self.hide()
        prefer(show_hint=False)
