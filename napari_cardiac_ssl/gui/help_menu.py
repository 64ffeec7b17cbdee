"""What napari's Help menu says of this program: its keys and mouse, its guide, what it is."""

import platform
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref

import napari
from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QAction, QKeySequence, QTextCursor
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QMessageBox, QTextEdit, QWidget

import napari_cardiac_ssl
from napari_cardiac_ssl.guide import guide_text, headings, section
from napari_cardiac_ssl.project import home
from napari_cardiac_ssl.wording import NOT_A_DEVICE

KEYS, GUIDE, ABOUT = (f"Cardiac SSL: {what}" for what in ("keys and mouse", "guide", "about"))
#: The guide's sections that tell of keys and mouse.
_SECTIONS = ("Mouse", "Keys")


class HelpMenu(QObject):
    """Entries of ours in napari's Help menu, for as long as the panel is there.

    It holds nothing of napari's: its viewers are only gone when nobody does.

    Parameters
    ----------
    viewer
        Whose menu.
    parent
        The panel.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget) -> None:
        super().__init__(parent)
        menu = viewer.window.help_menu
        self._menu, self._window = ref(menu), ref(menu.parentWidget())
        self.actions = [
            self._make(KEYS, show_keys, "F1"),
            self._make(GUIDE, show_guide),
            self._make(ABOUT, show_about),
        ]
        self._line = QAction(self)
        self._line.setSeparator(True)
        # napari makes the menu anew when something else comes into it.
        menu.aboutToShow.connect(self._put_in)
        self._put_in()

    def close(self) -> None:
        """Take them out again."""
        menu, window = self._menu(), self._window()
        if menu is None or window is None:
            return
        with suppress(RuntimeError):  # the window has gone already
            menu.aboutToShow.disconnect(self._put_in)
            for action in (*self.actions, self._line):
                menu.removeAction(action)
                window.removeAction(action)

    def _make(self, text: str, show: Callable[[QWidget], object], key: str = "") -> QAction:
        action = QAction(text, self)
        action.setMenuRole(QAction.MenuRole.NoRole)  # macOS would put "about" elsewhere
        action.triggered.connect(lambda: show(self._window()))
        window = self._window()
        if key and window is not None:
            action.setShortcut(QKeySequence(key))
            window.addAction(action)  # the menu is made anew now and then, and the key stays
        return action

    def _put_in(self) -> None:
        menu = self._menu()
        if menu is not None and self._line not in menu.actions():
            first = menu.actions()[0] if menu.actions() else None
            menu.insertActions(first, [*self.actions, self._line])


def show_keys(window: QWidget | None) -> "Pages":
    """Show what keys and mouse do."""
    text = "\n\n".join(section(title) for title in _SECTIONS)
    return _shown(Pages(KEYS, text, window, contents=False))


def show_guide(window: QWidget | None) -> "Pages":
    """Show the guide, with a list of its sections."""
    return _shown(Pages(GUIDE, guide_text(), window, contents=True))


def show_about(window: QWidget | None) -> QMessageBox:
    """Show which version this is, and what it is not."""
    box = QMessageBox(window)
    box.setWindowTitle(ABOUT)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(f"napari-cardiac-ssl {napari_cardiac_ssl.__version__}\n\n{NOT_A_DEVICE}")
    box.setInformativeText(
        f"napari {napari.__version__}, Python {platform.python_version()}\n"
        f"What is done is kept in {home()}, or in projects that you name. Nothing leaves this "
        "computer.\nLicence: BSD-3-Clause."
    )
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.open()
    return box


class Pages(QWidget):
    """A window to read in, which stays beside the work.

    Parameters
    ----------
    title
        Of the window.
    text
        Markdown.
    parent
        The window that it goes with.
    contents
        Whether a list of the guide's sections stands beside it.
    """

    def __init__(self, title: str, text: str, parent: QWidget | None, *, contents: bool) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(title)
        self.text.setMarkdown(text)
        self.contents = QListWidget()
        self.contents.setAccessibleName("Sections of the guide")
        self.contents.setVisible(contents)
        for level, words in headings() if contents else ():
            self.contents.addItem("   " * (level - 2) + words)
        bar = self.contents.verticalScrollBar().sizeHint().width()
        self.contents.setFixedWidth(self.contents.sizeHintForColumn(0) + bar + 12)
        self.contents.currentTextChanged.connect(lambda words: self.go_to(words.strip()))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.contents)
        layout.addWidget(self.text, 1)
        self.resize(1000 if contents else 820, 680)

    def go_to(self, title: str) -> None:
        """Show a section."""
        block = self.text.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and block.text() == title:
                at = QTextCursor(block)
                self.text.moveCursor(QTextCursor.MoveOperation.End)  # then it comes to the top
                self.text.setTextCursor(at)
                return
            block = block.next()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of a key: Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def _shown(pages: Pages) -> Pages:
    """Show a window in place of one of the same title that may be open."""
    parent = pages.parentWidget()
    for other in parent.findChildren(Pages) if parent is not None else ():
        if other is not pages and other.windowTitle() == pages.windowTitle():
            other.close()
    pages.show()
    pages.raise_()
    pages.text.setFocus()
    return pages
