"""All keys work, whichever layer is selected."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_cardiac_ssl.annotations import SliceState

from .conftest import A
from .hand import Hand
from .test_hand import ROUND, shown  # noqa: F401 - a fixture

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def hand(shown, qtbot):  # noqa: F811
    return Hand(shown, qtbot)


def select(widget, what):
    """Select something else than the labels that are drawn on."""
    viewer = widget.viewer
    if what == "nothing":
        viewer.layers.selection.clear()
    elif what == "image":
        viewer.layers.selection.active = widget.workspace.image
    else:  # it comes after the keys were bound
        added = {
            "points": lambda: viewer.add_points(np.zeros((0, 4))),
            "shapes": lambda: viewer.add_shapes(ndim=4),
            "other labels": lambda: viewer.add_labels(np.zeros((3, 4, 32, 40), np.uint8)),
        }[what]()
        viewer.layers.selection.active = added


@pytest.mark.parametrize("what", ["image", "nothing", "points", "shapes", "other labels"])
def test_keys_work_while_something_else_is_selected(shown, hand, what):  # noqa: F811
    hand.drag(*ROUND)
    states = shown.session.annotations
    assert states.state(A) is SliceState.EDITING
    select(shown, what)
    hand.key("C")
    assert states.state(A) is SliceState.EXPERT
    hand.key("Z", CONTROL)
    assert states.state(A) is SliceState.EDITING
    hand.key("Z", CONTROL)
    assert not states.labels.any()
    hand.key("Z", CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert states.labels.any()
    hand.key("S")
    assert shown.view.in_view == (0, 2)
    hand.key("Right")
    assert shown.view.in_view == (1, 2)
    hand.key("Up")
    assert shown.view.in_view == (1, 1)
    hand.key("2")
    layer = shown.view.layer
    assert shown.viewer.layers.selection.active is layer
    assert (layer.selected_label, layer.mode) == (2, "paint")
    select(shown, what)
    hand.key("E")
    assert layer.mode == "erase"
    select(shown, what)
    size = layer.brush_size
    hand.key("BracketRight")
    assert layer.brush_size == size + 1


def test_keys_work_while_the_list_of_layers_has_the_focus(shown, hand, qtbot):  # noqa: F811
    hand.drag(*ROUND)
    shown.viewer.layers.selection.active = shown.workspace.image
    layers = shown.viewer.window._qt_viewer.layers
    layers.setFocus()
    for key, modifiers in ((Qt.Key.Key_C, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Z, CONTROL)):
        before = shown.session.annotations.state(A)
        QTest.keyClick(layers, key, modifiers)
        qtbot.wait(30)
        assert shown.session.annotations.state(A) is not before


def test_keys_are_let_go_of_with_the_panel(shown):  # noqa: F811
    viewer = shown.viewer
    shown.close_session()
    assert not viewer.keymap
    for layer in viewer.layers:
        assert not [name for name in map(str, layer.keymap) if name in {"C", "1", "N"}]
    assert not viewer.add_layer(Labels(np.zeros((4, 4), np.uint8))).keymap
