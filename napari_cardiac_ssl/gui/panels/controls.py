"""What all panels are made of: buttons that say what they do, swatches."""

from textwrap import fill
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_cardiac_ssl.anatomy import SCHEMES, LabelScheme, scheme_named
from napari_cardiac_ssl.gui.schemes import words_of

#: Letters in a line of a tooltip: Qt wraps none by itself.
TIP_WIDTH = 64


def button(text: str, tip: str) -> QPushButton:
    """Return a push button that says what it does."""
    made = QPushButton(text)
    made.setAccessibleName(text)
    describe(made, tip)
    return made


def menu_button(text: str, tip: str, menu: QMenu) -> QPushButton:
    """Return a push button that opens a menu."""
    made = button(text, tip)
    made.setMenu(menu)
    return made


def menu_of_its_own(text: str, name: str, tip: str) -> QToolButton:
    """Return a small button that opens a menu; who makes it gives it that.

    Parameters
    ----------
    text, name
        What it shows, and what a screen reader calls it.
    tip
        What the menu is for.
    """
    made = QToolButton()
    made.setText(text)
    made.setAccessibleName(name)
    describe(made, tip)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    made.setStyleSheet("QToolButton { padding-right: 12px; }")  # else the arrow lies on the text
    return made


def describe(widget: QWidget, tip: str) -> None:
    """Say what a widget does, to the eye and to a screen reader."""
    widget.setToolTip(wrapped(tip))
    widget.setAccessibleDescription(tip)


def wrapped(text: str) -> str:
    """Return a text in lines that are not too long for a tooltip.

    Examples
    --------
    >>> max(map(len, wrapped("word " * 60).splitlines())) <= TIP_WIDTH
    True
    """
    return "\n".join(fill(line, TIP_WIDTH) for line in text.splitlines())


def column(panel: QWidget) -> QVBoxLayout:
    """Give a panel its layout: one thing below the other."""
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    return layout


def row(*widgets: QWidget) -> QHBoxLayout:
    """Return widgets side by side."""
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def swatch(colour: str) -> QIcon:
    """Return a disc of a colour."""
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(2, 2, 28, 28)
    painter.end()
    return QIcon(pixmap)


class _WheelPasses(QObject):
    """Hands the wheel on to what is scrolled: it chooses nothing by the way."""

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt tells of anything that happens to a watched widget."""
        if event.type() != QEvent.Type.Wheel:
            return False
        event.ignore()
        return True


class Scrolled(QScrollArea):
    """A widget that is scrolled up and down where there is too little room, and never sideways.

    Lists and numbers in it do not take the wheel: whoever scrolls past them would choose another
    image, sex or convention without noticing.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(widget)
        passes = _WheelPasses(self)
        for kind in (QComboBox, QAbstractSpinBox):
            for one in widget.findChildren(kind):
                one.installEventFilter(passes)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how small it may become."""
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self.widget().minimumSizeHint().width() + bar, 0)

    # It asks for no height: it takes what is left.
    sizeHint = minimumSizeHint  # noqa: N815 - Qt's name


def offer_schemes(box: QComboBox, unsaid: str = "") -> None:
    """Fill a list with the schemes that have a name; any other one can be typed into it.

    Parameters
    ----------
    box
        The list.
    unsaid
        What stands first, for none.
    """
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(18)
    if unsaid:
        box.addItem(unsaid, None)
    for scheme in SCHEMES.values():
        box.addItem(words_of(scheme), scheme)
    describe(
        box,
        "Which integer means which structure. Choose one, or type your own: "
        "1=myocardium,2=lv_cavity",
    )


def chosen_scheme(box: QComboBox) -> LabelScheme | None:
    """Return the scheme that is chosen or typed; None where none is said.

    Raises
    ------
    InputError
        If what was typed is none.
    """
    text = box.currentText().strip()
    place = box.findText(text)
    found: LabelScheme | None = box.itemData(place) if place >= 0 else scheme_named(text)
    return found
