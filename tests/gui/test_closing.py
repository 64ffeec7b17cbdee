"""Closed, quit or killed with strokes just made: reopened as it was."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from napari.layers import Layer

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex

from .conftest import BOX, SHAPE, A, B, ScriptedTrainer, paint

# Another process opens the image, draws and confirms; its end comes at once.
WORK = """
import os, signal, sys
import numpy as np
import napari
from napari.layers import Layer
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
rng = np.random.default_rng(0)
stack = Stack(rng.integers(0, 900, {shape}).astype(np.int16), np.diag([1.5, 1.5, 8, 1]), name="s")
viewer = napari.Viewer(show=False)
session = Session(who="reader")
session.persistence.keeps_by_itself = True
widget = CardiacWidget(viewer, session)
viewer.window.add_dock_widget(widget)
layer = viewer.add_layer(Layer.create(*image_layer(stack)))
widget.workspace.open_layer(layer)
def draw(index, code):
    widget.view.go_to(SliceIndex(*index))
    where = [part.ravel() for part in np.mgrid[5:15, 8:20]]
    with widget.view.layer.block_history():
        ends = [np.full(where[0].size, i) for i in index]
        widget.view.layer.data_setitem((*ends, *where), code)
draw((0, 1), 1)
widget.workspace.actions.confirm()
draw((1, 2), 3)
{end}
"""


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("CARDIAC_SSL_HOME", str(tmp_path / "home"))


def reopened(viewer, stack):
    session = Session(trainer=ScriptedTrainer(), who="reader")
    session.persistence.keeps_by_itself = True
    widget = CardiacWidget(viewer, session)
    widget.workspace.open_layer(viewer.add_layer(Layer.create(*image_layer(stack))))
    return widget


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("viewer.close(); sys.stdout.flush(); os._exit(0)", 0),
    ],
    ids=["killed", "closed"],
)
def test_window_that_ended_is_reopened_as_it_was(viewer, stack, end, code):
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(shape=SHAPE, end=end)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == code, done.stderr
    widget = reopened(viewer, stack)
    states = widget.session.annotations
    assert (states.state(A), states.state(B)) == (SliceState.EXPERT, SliceState.EDITING)
    assert widget.view.layer.data[A].sum() == 120
    assert widget.view.layer.data[B].sum() == 3 * 120
    assert np.array_equal(widget.view.layer.data, states.labels)
    widget.workspace.actions.undo()
    assert not widget.view.layer.data[B].any()
    widget.workspace.actions.undo()
    assert states.state(A) is SliceState.EDITING
    widget.close_session()


@pytest.mark.usefixtures("home")
def test_second_window_says_all_the_time_that_it_keeps_nothing(viewer, stack, tmp_path):
    first = reopened(viewer, stack)
    second = reopened(viewer, stack)
    assert not first.unkept.text()
    assert "not kept: it is open in another window" in second.unkept.text()
    assert not second.unkept.isHidden()
    assert "not kept" in second.status.text()
    second.session.persistence.save_as(tmp_path / "kept.cardiac")
    second.workspace.changed.emit()
    assert second.unkept.isHidden()
    for widget in (first, second):
        widget.close_session()


@pytest.mark.usefixtures("home")
def test_stroke_in_the_last_moment_is_kept(viewer, stack):
    widget = reopened(viewer, stack)
    y, x = np.mgrid[3:6, 3:6].reshape(2, -1)
    # napari tells before it writes: nothing has been taken over yet.
    widget.view.layer.data_setitem((np.zeros_like(y), np.ones_like(y), y, x), 2)
    widget.close_session()
    viewer.layers.clear()
    again = reopened(viewer, stack)
    assert again.view.layer.data[A].sum() == 18
    assert again.session.annotations.state(A) is SliceState.EDITING
    again.close_session()


def test_two_docks_keep_to_their_own_layers(viewer, stack, widget):
    other = CardiacWidget(viewer, Session(trainer=ScriptedTrainer(), who="other"))
    other.workspace.open_layer(widget.workspace.image)
    mine, theirs = widget.view.layer, other.view.layer
    assert mine is not theirs
    widget.view.go_to(A)
    paint(mine, A, 1, BOX)
    paint(theirs, B, 2, BOX)
    assert not widget.session.annotations.labels[B].any()
    assert not other.session.annotations.labels[A].any()
    other.close_session()
    paint(mine, B, 3, BOX)
    assert widget.session.annotations.labels[B].any()


def test_layers_may_be_renamed_moved_hidden_and_deleted(viewer, widget):
    layer = widget.view.layer
    layer.name = "another name"
    viewer.layers.move(1, 0)
    layer.visible = False
    layer.visible = True
    paint(layer, A, 1, BOX)
    assert widget.session.annotations.labels[A].any()
    viewer.layers.remove(widget.workspace.image)
    paint(layer, B, 1, BOX)
    assert widget.session.annotations.labels[B].any()
    viewer.layers.clear()
    widget.workspace.actions.undo()
    assert not widget.session.annotations.labels[B].any()
    widget.workspace.show_labels()
    assert widget.view.layer.data[A].any()


def test_napari_s_own_operations_on_labels_stay_within_what_is_known(viewer, widget):
    layer = widget.view.layer
    widget.view.go_to(SliceIndex(0, 1))
    layer.fill((0, 1, 3, 3), 1)
    widget.workspace.tick()
    assert (widget.session.annotations.labels[A] == 1).all()
    layer.paint_polygon(np.array([[0, 1, 2, 2], [0, 1, 2, 12], [0, 1, 12, 12]]), 3)
    widget.workspace.tick()
    assert (widget.session.annotations.labels[A] == 3).any()
    layer.data = np.zeros_like(layer.data)
    assert not widget.session.annotations.labels.any()
    widget.workspace.actions.undo()
    assert (widget.view.layer.data[A] == 3).any()
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    viewer.dims.transpose()
    viewer.dims.transpose()
    assert np.array_equal(widget.view.layer.data, widget.session.annotations.labels)
