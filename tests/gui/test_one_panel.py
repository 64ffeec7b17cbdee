"""One window, one session, whatever opens the panel."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton

from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.gui.window import docked_widget

from .conftest import A
from .hand import Hand
from .test_hand import ROUND


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def opened(viewer, stack, session, qtbot):
    """The panel as `cardiac-ssl open` docks it, keeping what is done."""
    session.persistence.keeps_by_itself = True
    widget = docked_widget(viewer, session)
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    widget.view.go_to(A)
    qtbot.wait(100)
    yield widget
    widget.close_session()


def from_the_menu(viewer):
    """Choose Plugins > Cardiac SSL, as a user does."""
    bar = viewer.window._qt_window.menuBar()
    [menu] = [one.menu() for one in bar.actions() if one.text() == "&Plugins"]
    menu.aboutToShow.emit()
    [action] = [one for one in menu.actions() if one.text().startswith("Cardiac SSL (")]
    action.trigger()


def close_panel(widget):
    """Click the cross of the panel."""
    [cross] = widget.parent().findChildren(QPushButton, "QTitleBarCloseButton")
    QTest.mouseClick(cross, Qt.MouseButton.LeftButton)


def widgets():
    return [
        one
        for one in QApplication.allWidgets()
        if isinstance(one, CardiacWidget) and not one.workspace.is_closed
    ]


def test_menu_of_plugins_brings_the_panel_that_is_there(viewer, opened, qtbot):
    from_the_menu(viewer)
    qtbot.wait(50)
    assert widgets() == [opened]
    assert opened.isVisible()
    assert opened.session.persistence.not_kept is None


def test_panel_that_was_closed_comes_back_with_its_session(viewer, opened, qtbot):
    Hand(opened, qtbot).drag(*ROUND)
    drawn = opened.session.annotations.labels[A].copy()
    for again in (lambda: from_the_menu(viewer), lambda: docked_widget(viewer)):
        close_panel(opened)
        qtbot.wait(50)
        assert not opened.isVisible()
        again()
        qtbot.wait(50)
        assert widgets() == [opened]
        assert opened.isVisible()
        assert not opened.workspace.is_closed
        assert opened.session.persistence.not_kept is None
        assert not opened.unkept.isVisible()
    opened.workspace.actions.undo()
    assert drawn.any()
    assert not opened.session.annotations.labels[A].any()


def test_drawing_goes_on_while_the_panel_is_closed(viewer, opened, qtbot):
    hand = Hand(opened, qtbot)
    close_panel(opened)
    hand.drag(*ROUND)
    assert opened.session.annotations.labels[A].any()


def test_session_of_a_closed_panel_ends_with_its_window(viewer, opened, trainer, qtbot):
    close_panel(opened)
    qtbot.wait(50)
    assert not trainer.closed
    viewer.close()
    qtbot.waitUntil(lambda: trainer.closed)


def test_image_that_was_there_before_the_panel_can_be_used_at_once(viewer, stack, qtbot):
    viewer.add_image(np.random.default_rng(0).random((4, 16, 16)), name="other")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    from_the_menu(viewer)
    qtbot.waitUntil(lambda: len(widgets()) == 1 and widgets()[0].workspace.is_open)
    [widget] = widgets()
    assert widget.session.stack is stack
    assert widget.drawing.isEnabled()
    assert widget.slice.confirm.isEnabled()
    qtbot.wait(100)
    Hand(widget, qtbot).drag(*ROUND)
    assert widget.session.annotations.labels.any()
    widget.close_session()
