"""Collections of garbage leave alone what lives as long as the study is open, and lose nothing."""

import gc
from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
from napari.layers import Layer

from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget


class Ring:
    """Refers to itself, as closed layers do to each other."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def nothing_set_aside():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_collections_do_not_go_through_what_is_there_once_a_study_is_open(widget, qtbot):
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0)
    gone_through = {id(one) for one in gc.get_objects()}
    for one in (widget, widget.viewer.layers[0], widget.mosaic, np.ndarray, gc.__dict__):
        assert id(one) not in gone_through
    assert gc.get_freeze_count() > 10 * len(gone_through)


def test_what_another_study_left_behind_goes_when_the_next_is_opened(viewer, session, stack, qtbot):
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    ring = Ring()
    rest = ref(ring)
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0)
    first = ref(viewer.layers[0])
    del ring
    gc.collect()
    assert rest() is not None
    other = replace(stack, image=stack.image[:, ::-1], name="other")
    viewer.add_layer(Layer.create(*image_layer(other)))
    widget.studies.work_on(other)
    assert widget.session.stack is other
    qtbot.waitUntil(lambda: rest() is None)
    assert first() is None  # the layer of the study before, with its image
    widget.close_session()
    assert gc.get_freeze_count() == 0
