"""A small stack, a trainer that says what the test wants, and the widget in a viewer."""

from functools import partial

import numpy as np
import pytest
from napari.layers import Layer
from scripted import ScriptedTrainer

from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

SHAPE = (3, 4, 32, 40)


@pytest.fixture
def qtbot(qtbot):
    """pytest-qt's, which waits until something is so as long as a busy machine may take."""
    qtbot.waitUntil = partial(qtbot.waitUntil, timeout=300_000)
    return qtbot


@pytest.fixture
def stack():
    rng = np.random.default_rng(0)
    return Stack(rng.integers(0, 900, SHAPE).astype(np.int16), np.diag([1.5, 1.5, 8, 1]), name="s")


@pytest.fixture
def trainer():
    return ScriptedTrainer()


@pytest.fixture
def session(trainer):
    return Session(trainer=trainer, who="reader")


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def widget(viewer, session, stack, qtbot):
    """The widget, docked, with the stack open."""
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    yield widget
    widget.close_session()


def paint(layer, index, code, box):
    """Draw a box on a slice, as a finished stroke of the mouse does."""
    rows, columns = (part.ravel() for part in np.mgrid[box])
    where = [np.full(rows.size, i) for i in index]
    with layer.block_history():
        layer.data_setitem((*where, rows, columns), code)


A, B, C = SliceIndex(0, 1), SliceIndex(1, 2), SliceIndex(2, 3)
BOX = np.s_[5:15, 8:20]
