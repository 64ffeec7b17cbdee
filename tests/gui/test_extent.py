"""Two clicks, or two keys, say between which slices the heart lies."""

from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import BOX, A, ScriptedTrainer, paint

SHIFT = Qt.KeyboardModifier.ShiftModifier
EVERY = SHIFT | Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def press(widget, qtbot):
    """Press a key on the picture as a hand does."""
    parts = widget.window().findChildren(QWidget)
    canvases = [one for one in parts if "Canvas" in type(one).__name__]
    return partial(qtbot.keyClick, max(canvases, key=lambda one: one.width() * one.height()))


def outside(widget):
    annotations = widget.session.annotations
    return [i for i in widget.session.stack.slice_indices() if annotations.is_outside(i)]


def test_keys_mark_what_lies_outside_in_the_frame_or_in_all(widget, press):
    widget.view.go_to(A)
    press(Qt.Key.Key_Up, SHIFT)
    assert outside(widget) == [(0, 0)]
    assert widget.view.in_view == A
    assert widget.status.text() == (
        "Slice 1 is the first with heart in frame 0: 1 slice outside marked as "
        "no heart (Ctrl-Z takes it back)"
    )
    widget.view.go_to(SliceIndex(0, 2))
    press(Qt.Key.Key_Down, EVERY)
    assert outside(widget) == [(0, 0), (0, 3), (1, 3), (2, 3)]
    assert "in every frame: 3 slices outside marked as no heart" in widget.status.text()
    press(Qt.Key.Key_Down, SHIFT)
    assert widget.status.text().endswith("in frame 0: nothing to change")
    widget.view.go_to(SliceIndex(0, 0))
    press(Qt.Key.Key_Up, SHIFT)
    assert outside(widget) == [(0, 3), (1, 3), (2, 3)]
    assert "in frame 0: 1 slice reverted to the model" in widget.status.text()
    widget.workspace.actions.undo()
    assert widget.status.text() == "Undone: first slice with heart"
    widget.workspace.actions.undo()
    assert outside(widget) == [(0, 0)]


def test_predictions_outside_vanish_from_the_picture(widget, press, trainer, qtbot):
    labels = np.ones(widget.session.stack.image.shape, np.uint8)
    widget.workspace.actions.predict()
    trainer.deliver(labels)
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    widget.view.go_to(A)
    press(Qt.Key.Key_Up, EVERY)
    assert not widget.view.layer.data[:, 0].any()
    assert widget.view.layer.data[:, 1:].all()
    widget.workspace.actions.undo()
    assert widget.view.layer.data.all()


def test_what_is_drawn_is_refused_in_words(widget, press):
    widget.view.go_to(A)
    paint(widget.view.layer, A, 1, BOX)
    widget.view.go_to(SliceIndex(0, 2))
    press(Qt.Key.Key_Up, SHIFT)
    assert not outside(widget)
    assert widget.status.text().startswith("Frame 0: slice 2 cannot be the first with heart")
    assert widget.view.layer.data[A].any()


def test_menu_and_map_mark_and_tell(widget, qtbot):
    shown = widget.overview
    menu = {action.text(): action for action in shown.menu(SliceIndex(1, 2)).actions()}
    widget.view.go_to(A)
    menu["Last slice with heart in all frames"].trigger()
    assert outside(widget) == [(0, 3), (1, 3), (2, 3)]
    menu["First slice with heart"].trigger()
    assert outside(widget) == [(0, 3), (1, 0), (1, 1), (1, 3), (2, 3)]
    widget.view.go_to(SliceIndex(1, 0))
    assert shown.legend.words == ["5 outside the heart", "7 empty"]
    assert "outside the heart · marked by reader" in shown.map.accessibleDescription()
    assert "outside the heart, protected" in widget.slice.state.text()
    assert shown.map._content.signs[1, 0] == OUTSIDE
    qtbot.keyClick(shown.map, Qt.Key.Key_Up, SHIFT)
    assert outside(widget) == [(0, 3), (1, 3), (2, 3)]
    assert widget.session.annotations.state(SliceIndex(1, 0)) is SliceState.UNLABELLED


def test_a_mark_is_never_copied(widget):
    widget.view.go_to(A)
    widget.workspace.actions.set_first_slice()
    widget.workspace.actions.copy_neighbour()
    assert "Nothing to copy" in widget.status.text()


def test_a_view_of_one_slice_has_no_ends(viewer):
    session = Session(trainer=ScriptedTrainer(), who="reader")
    widget = CardiacWidget(viewer, session)
    session.open(Stack(np.zeros((3, 1, 32, 40)), np.eye(4)))
    words = [action.text() for action in widget.overview.menu(SliceIndex(0, 0)).actions()]
    assert not any("with heart" in one for one in words)
    widget.close_session()
