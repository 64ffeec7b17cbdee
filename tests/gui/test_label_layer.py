"""The label layer and the session hold the same, whoever writes, and undo brings all back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Layer

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.label_layer import LabelLayerController
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import BOX, SHAPE, A, B, C, ScriptedTrainer, paint


class Bench:
    """A session and its label layer in a viewer without a window."""

    def __init__(self, shape=SHAPE):
        self.trainer = ScriptedTrainer()
        self.session = Session(trainer=self.trainer, who="reader")
        self.viewer = ViewerModel()
        self.failures = []
        self.view = LabelLayerController(self.viewer, self.session, self.failures.append)
        self.stack = Stack(np.arange(np.prod(shape)).reshape(shape), np.diag([1.5, 1.5, 8, 1]))
        self.viewer.add_layer(Layer.create(*image_layer(self.stack)))
        self.session.open(self.stack)
        self.layer = self.view.show()

    def state(self, index):
        return self.session.annotations.state(index)

    def in_step(self):
        return np.array_equal(self.layer.data, self.session.annotations.labels)

    def tick(self, adopt_s=0.0):
        """What the widget's timer does; one portion of a prediction at most."""
        self.view.take_ended_strokes()
        self.session.process_messages(adopt_s=0.0 if self.view.drawing else adopt_s)

    def predict(self, labels, digest="m1"):
        """Train on what is drawn and take the prediction over, in portions."""
        self.session.training.train()
        self.trainer.deliver(labels, digest)
        while self.session.training.busy:
            self.tick(adopt_s=1e-9)


@pytest.fixture
def bench():
    return Bench()


def prediction(code=2):
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, 4:20, 6:24] = code
    return labels


def test_layers_share_index_space_and_spacing(bench):
    image, labels = bench.viewer.layers
    for layer in (image, labels):
        assert tuple(layer.scale) == (1, 8, 1.5, 1.5)
        assert layer.axis_labels == ("t", "z", "y", "x")
        assert [str(unit) for unit in layer.units] == ["dimensionless", *["millimeter"] * 3]
    assert labels.data.shape == SHAPE
    assert labels.data.dtype == np.uint8
    assert not np.shares_memory(labels.data, bench.session.annotations.labels)


def test_stroke_makes_its_slice_editing_and_no_other(bench):
    paint(bench.layer, A, 1, BOX)
    assert bench.in_step()
    assert bench.session.annotations.slices(*SliceState) == (A,)
    assert bench.state(A) is SliceState.EDITING


def test_stroke_that_napari_tells_before_it_writes_is_found(bench):
    y, x = np.mgrid[3:6, 3:6].reshape(2, -1)
    bench.layer.data_setitem((np.zeros_like(y), np.ones_like(y), y, x), 3)  # no block of history
    bench.tick()
    assert bench.in_step()
    assert bench.state(A) is SliceState.EDITING


def test_undo_and_redo_of_a_stroke_bring_content_and_state_back(bench):
    paint(bench.layer, A, 1, BOX)
    bench.session.confirm(A)
    drawn = bench.layer.data.copy()
    bench.session.undo()
    assert bench.state(A) is SliceState.EDITING
    bench.session.undo()
    assert bench.in_step()
    assert not bench.layer.data.any()
    assert bench.state(A) is SliceState.UNLABELLED
    bench.session.redo()
    bench.session.redo()
    assert np.array_equal(bench.layer.data, drawn)
    assert bench.in_step()
    assert bench.state(A) is SliceState.EXPERT


def test_undo_far_from_the_view_is_shown(bench):
    paint(bench.layer, C, 1, BOX)
    bench.view.go_to(A)
    bench.session.undo()
    assert bench.in_step()
    assert bench.state(C) is SliceState.UNLABELLED


def test_napari_s_own_undo_counts_as_drawing(bench):
    paint(bench.layer, A, 1, BOX)
    bench.layer.undo()
    bench.tick()
    assert bench.in_step()
    assert bench.state(A) is SliceState.EDITING
    bench.session.undo()
    assert bench.layer.data[A].any()


def test_prediction_is_taken_back_as_one_and_leaves_the_expert_s_slices(bench):
    paint(bench.layer, A, 1, BOX)
    paint(bench.layer, B, 3, BOX)
    bench.session.confirm(A)
    before = bench.layer.data.copy()
    bench.predict(prediction())
    after = bench.layer.data.copy()
    assert bench.in_step()
    for index in (A, B):
        assert np.array_equal(after[index], before[index])
        assert bench.state(index) is SliceState.EXPERT  # train confirms what is being edited
    assert np.array_equal(after[C], prediction()[C])

    bench.session.roll_back()
    assert np.array_equal(bench.layer.data, before)
    assert bench.in_step()
    assert bench.state(C) is SliceState.UNLABELLED
    assert bench.state(A) is SliceState.EXPERT
    bench.session.undo()
    assert np.array_equal(bench.layer.data, after)
    assert bench.in_step()
    assert bench.state(C) is SliceState.PREDICTED
    assert bench.session.annotations.record(C).model == "m1"


def test_undo_of_a_correction_gives_the_slice_back_to_the_model(bench):
    paint(bench.layer, A, 1, BOX)
    bench.predict(prediction())
    paint(bench.layer, C, 1, BOX)
    assert bench.state(C) is SliceState.EDITING
    bench.session.undo()
    assert bench.state(C) is SliceState.PREDICTED
    bench.predict(prediction(3), "m2")
    assert bench.session.annotations.record(C).model == "m2"
    assert bench.in_step()


def test_stroke_under_way_holds_the_prediction_back(bench):
    paint(bench.layer, A, 1, BOX)
    bench.session.training.train()
    bench.trainer.deliver(prediction())
    bench.view.go_to(C)
    bench.layer.mode = "paint"

    class Event:
        type, button = "mouse_press", 1

    drag = bench.layer.mouse_drag_callbacks[0](bench.layer, Event)
    next(drag)
    with bench.layer.block_history():
        bench.layer.data_setitem((np.array([2]), np.array([3]), np.array([9]), np.array([9])), 1)
        for _ in range(20):
            bench.tick(adopt_s=1)
        assert bench.session.training.busy
        assert bench.layer.data.sum() == bench.session.annotations.labels.sum() + 1
        Event.type = "mouse_release"
        with pytest.raises(StopIteration):
            next(drag)
    bench.tick(adopt_s=1)
    assert not bench.session.training.busy
    assert bench.in_step()
    assert bench.state(C) is SliceState.EDITING
    assert bench.layer.data[C].sum() == 1


def test_stroke_in_the_midst_of_a_prediction_is_the_expert_s(bench):
    paint(bench.layer, A, 1, BOX)
    bench.session.training.train()
    bench.trainer.deliver(prediction())
    bench.tick(adopt_s=1e-9)
    last = max(bench.session.stack.slice_indices())
    assert bench.state(last) is SliceState.UNLABELLED
    bench.view.go_to(last)
    paint(bench.layer, last, 3, np.s_[0:2, 0:2])
    while bench.session.training.busy:
        bench.tick(adopt_s=1e-9)
    assert bench.in_step()
    assert bench.state(last) is SliceState.EDITING
    assert bench.layer.data[last].sum() == 12


def test_slice_given_back_comes_back_by_undo(bench):
    paint(bench.layer, A, 1, BOX)
    bench.session.confirm(A)
    bench.session.labelling.revert(A)
    assert bench.in_step()
    assert not bench.layer.data.any()
    bench.session.undo()
    assert bench.in_step()
    assert bench.state(A) is SliceState.EXPERT


def test_n_edit_dimensions_stay_two_and_labels_stay_known(bench):
    bench.layer.n_edit_dimensions = 4
    assert bench.layer.n_edit_dimensions == 2
    bench.layer.selected_label = 9
    assert bench.layer.selected_label == 3


def test_other_array_of_the_same_shape_is_taken_over(bench):
    bench.layer.data = prediction()
    assert bench.in_step()
    assert bench.state(A) is SliceState.EDITING


def test_array_of_another_shape_is_refused_and_labels_put_back(bench):
    paint(bench.layer, A, 1, BOX)
    before = bench.session.annotations.labels.copy()
    bench.layer.data = np.zeros((4, 8, 8), np.uint8)
    assert np.array_equal(bench.layer.data, before)
    assert "must stay (3, 4, 32, 40)" in str(bench.failures[0])


def test_layer_that_is_deleted_leaves_its_labels(bench):
    paint(bench.layer, A, 1, BOX)
    labels = bench.session.annotations.labels.copy()
    bench.viewer.layers.remove(bench.layer)
    assert bench.view.layer is None
    bench.session.confirm(A)
    bench.predict(prediction())
    assert np.array_equal(bench.session.annotations.labels[A], labels[A])
    bench.layer = bench.view.show()
    assert bench.in_step()


def test_layer_that_is_renamed_is_still_ours(bench):
    bench.layer.name = "mine"
    paint(bench.layer, A, 1, BOX)
    assert bench.in_step()
    assert bench.view.show() is bench.layer


def test_closed_view_hears_nothing(bench):
    bench.view.close()
    paint(bench.layer, A, 1, BOX)
    assert not bench.session.annotations.labels.any()
    bench.session.labelling.annotate(A, prediction()[A])
    assert not np.array_equal(bench.layer.data[A], prediction()[A])


INDICES = st.builds(SliceIndex, st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
ACTIONS = st.one_of(
    st.tuples(st.just("paint"), INDICES, st.integers(0, 3), st.integers(0, 25)),
    st.tuples(st.just("go"), INDICES),
    st.tuples(st.just("confirm"), INDICES),
    st.tuples(st.just("exclude"), INDICES),
    st.tuples(st.just("revert"), INDICES),
    st.tuples(st.just("predict"), st.integers(0, 3)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(ACTIONS, max_size=12))
def test_undo_and_redo_go_through_all_that_was_drawn(actions):
    bench = Bench()

    def drawn():
        annotations = bench.session.annotations
        slices = annotations.slices(SliceState.EDITING, SliceState.EXPERT, SliceState.EXCLUDED)
        return {i: (annotations.record(i), bench.layer.data[i].tobytes()) for i in slices}

    for number, (what, *rest) in enumerate(actions):
        act(bench, what, rest, f"m{number}")
        assert bench.in_step()
    last, steps = drawn(), 0
    while bench.session.history.undoable:
        bench.session.undo()
        assert bench.in_step()
        steps += 1
    assert not drawn()
    for _ in range(steps):
        bench.session.redo()
        assert bench.in_step()
    assert drawn() == last
    assert not bench.failures


def act(bench, what, rest, model):
    """Do what a user may do. No prediction changes what an expert drew."""
    if what == "paint":
        index, code, where = rest
        paint(bench.layer, index, code, np.s_[where : where + 4, where : where + 6])
    elif what == "go":
        bench.view.go_to(*rest)
    elif what == "predict":
        annotations = bench.session.annotations
        bench.session.confirm(*annotations.slices(SliceState.EDITING))
        protected = annotations.slices(SliceState.EXPERT)
        if any(annotations.labels[index].any() for index in protected):
            before = {index: annotations.labels[index].copy() for index in protected}
            bench.predict(prediction(rest[0]), model)
            assert all(np.array_equal(bench.layer.data[i], before[i]) for i in protected)
    elif what == "confirm":
        bench.session.confirm(*rest)
    else:
        getattr(bench.session.labelling, what)(*rest)
    bench.tick()
