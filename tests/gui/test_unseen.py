"""Nothing is confirmed that nobody sees, and no integer comes in that means nothing."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.study import Stack

from .conftest import BOX, A, B, paint
from .hand import Hand
from .test_hand import ROUND, shown  # noqa: F401 - a fixture

_FREE = Qt.KeyboardModifier.NoModifier
_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_TOUCHED = (SliceState.EDITING, SliceState.EXPERT)


@pytest.fixture
def hand(shown, qtbot):  # noqa: F811
    return Hand(shown, qtbot)


def in_3d(viewer):
    viewer.dims.ndisplay = 3


def across(viewer):
    viewer.dims.order = (0, 2, 1, 3)


@pytest.mark.parametrize("turn", [in_3d, across])
def test_slice_that_nobody_sees_is_not_changed(shown, hand, turn):  # noqa: F811
    hand.drag(*ROUND)
    states = shown.session.annotations
    drawn = states.labels.copy()
    assert shown.slice.help.isEnabled()
    turn(shown.viewer)
    hand.rest(100)
    part = shown.slice
    buttons = (part.confirm, part.no_heart, part.revert, part.help)
    assert not any(one.isEnabled() for one in buttons)
    assert "No single slice is in view" in shown.slice.state.text()
    every = states.slices(SliceState.EDITING)
    for key, modifiers in (
        ("C", _FREE),
        ("Y", _FREE),
        ("R", _FREE),
        ("U", _FREE),
        ("I", _FREE),
        ("Up", _SHIFT),
        ("Down", _SHIFT | _CONTROL),
    ):
        shown.workspace.say("-")
        hand.key(key, modifiers)
        assert "o slice is in view" in shown.status.text(), key
        assert "\n" not in shown.status.text()
        assert states.slices(SliceState.EDITING) == states.slices(*_TOUCHED) == every
        np.testing.assert_array_equal(states.labels, drawn)
    hand.key("Z", _CONTROL)  # what is taken back is shown
    assert not states.labels.any()
    shown.viewer.dims.ndisplay = 2
    shown.viewer.dims.order = (0, 1, 2, 3)
    shown.view.go_to(A)
    assert shown.slice.help.isEnabled()
    hand.key("C")
    assert states.state(A) is SliceState.EXPERT


def test_slice_left_in_3d_is_not_confirmed_by_leaving(shown, hand):  # noqa: F811
    hand.drag(*ROUND)
    shown.drawing.leave.trigger()
    in_3d(shown.viewer)
    shown.view.go_to(B)
    assert shown.session.annotations.state(A) is SliceState.EDITING


def test_integer_that_means_nothing_is_refused_where_it_comes_in(shown, hand):  # noqa: F811
    layer, states = shown.view.layer, shown.session.annotations
    hand.drag(*ROUND)
    before = layer.data.copy()
    layer.fill((0, 1, 0, 0), 7)  # as napari's own tools do
    shown.workspace.tick()
    assert "Frame 0, slice 1: label 7 means no structure" in shown.status.text()
    np.testing.assert_array_equal(layer.data, before)
    np.testing.assert_array_equal(states.labels, before)
    paint(layer, B, 5, BOX)  # the right atrium is not on the short axis
    assert "Frame 1, slice 2: label 5" in shown.status.text()
    np.testing.assert_array_equal(layer.data, before)
    layer.data = np.full(layer.data.shape, 9, np.uint16)
    assert "label 9" in shown.status.text()
    assert "so are 11 others" in shown.status.text()
    np.testing.assert_array_equal(layer.data, before)
    np.testing.assert_array_equal(states.labels, before)


def test_atrium_is_drawn_as_an_atrium_on_two_chambers(shown, qtbot):  # noqa: F811
    image = np.random.default_rng(2).integers(0, 99, (2, 1, 40, 40)).astype(np.int16)
    stack = Stack(image, np.diag([1.5, 1.5, 8, 1]), name="2CH", view=View.LAX_2CH)
    shown.viewer.add_layer(Layer.create(*image_layer(stack)))
    shown.choice.images.setCurrentText("2CH")
    shown.choice.images.activated.emit(shown.choice.images.currentIndex())
    qtbot.wait(100)
    hand = Hand(shown, qtbot)
    hand.key("4")
    hand.drag(*ROUND)
    assert set(np.unique(shown.session.annotations.labels)) == {0, 4}
    shown.view.layer.selected_label = 3
    assert shown.view.layer.selected_label == 2
