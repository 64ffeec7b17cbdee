"""The Help menu shows keys, mouse, guide and version, and what it shows is true."""

import re

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.gui import commands, help_menu
from napari_cardiac_ssl.gui.help_menu import ABOUT, GUIDE, KEYS, Pages
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.guide import guide_text, headings, section
from napari_cardiac_ssl.wording import NOT_A_DEVICE

ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


@pytest.fixture
def shown(make_napari_viewer, session, qtbot):
    """The widget in a shown, active window with nothing open."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    widget.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is widget.window())
    yield widget
    widget.close_session()


def pages(widget):
    return [one for one in widget.window().findChildren(Pages) if one.isVisible()]


def entries(viewer):
    return [action.text() for action in viewer.window.help_menu.actions()]


def as_written(name):
    """A key as the guide writes it."""
    *held, last = name.replace("Control", "Ctrl").split("-")
    return "-".join([*held, ARROWS.get(last, last)])


def test_the_list_of_keys_is_that_of_the_window(widget):
    listed = re.findall(r"`([^`]+)`", section("Keys"))
    for key in widget.keys:
        for name in key.keys:
            assert as_written(name) in listed, key.words


def test_f1_shows_keys_and_mouse_with_nothing_open(shown, qtbot):
    assert not shown.workspace.is_open
    QTest.keyClick(shown.window(), Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: bool(pages(shown)))
    [page] = pages(shown)
    text = page.text.toPlainText()
    assert "confirm the slice" in text
    assert "frame before, after" in text
    assert "Ctrl-wheel" in text
    assert "|" not in text  # tables are tables
    QTest.keyClick(page.text, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not pages(shown))


def test_asked_for_again_there_is_one(shown, qtbot):
    help_menu.show_keys(shown.window())
    help_menu.show_keys(shown.window())
    qtbot.waitUntil(lambda: len(pages(shown)) == 1)


def test_the_guide_is_read_without_a_browser(shown):
    menu = shown.viewer.window.help_menu
    next(action for action in menu.actions() if action.text() == GUIDE).trigger()
    [page] = pages(shown)
    titles = [page.contents.item(i).text().strip() for i in range(page.contents.count())]
    assert titles == [title for _, title in headings()]
    page.contents.setCurrentRow(titles.index("The mosaic"))
    assert page.text.textCursor().block().text() == "The mosaic"


def test_about_says_version_and_what_it_is_not(shown):
    menu = shown.viewer.window.help_menu
    next(action for action in menu.actions() if action.text() == ABOUT).trigger()
    [box] = shown.window().findChildren(QMessageBox)
    assert __version__ in box.text()
    assert NOT_A_DEVICE in box.text()
    box.close()


def test_the_entries_come_back_when_napari_makes_its_menu_anew_and_go_with_the_panel(shown):
    viewer = shown.viewer
    ours = [KEYS, GUIDE, ABOUT]
    assert entries(viewer)[:3] == ours
    viewer.window.help_menu.rebuild()
    viewer.window.help_menu.aboutToShow.emit()
    assert entries(viewer)[:3] == ours
    assert len([text for text in entries(viewer) if text in ours]) == 3
    shown.close_session()
    assert not set(ours) & set(entries(viewer))


@pytest.mark.parametrize("command", [commands.show_keys, commands.show_guide])
def test_the_command_palette_shows_them_too(shown, command, qtbot):
    command()
    qtbot.waitUntil(lambda: len(pages(shown)) == 1)


def test_the_guide_leads_nowhere():
    text = guide_text()
    assert "](" not in text
    with pytest.raises(KeyError):
        section("No such section")
