import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from napari_cardiac_ssl.annotations import OUTSIDE, Annotations, SliceState, middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex

A, B = SliceIndex(0, 0), SliceIndex(0, 1)
SHAPE = (2, 2, 4, 4)


def drawing(code=1):
    labels = np.zeros(SHAPE[2:], np.uint8)
    labels[1, 1] = code
    return labels


@pytest.fixture
def annotations():
    return Annotations(SHAPE, who="reader")


def test_everything_starts_unlabelled(annotations):
    assert annotations.state(A) is SliceState.UNLABELLED
    assert not annotations.labels.any()


def test_the_first_stroke_protects_a_slice(annotations):
    annotations.annotate(A, drawing())
    assert annotations.state(A) is SliceState.EDITING
    assert annotations.refresh([A, B], np.full((2, 4, 4), 2, np.uint8), "m1") == (B,)
    np.testing.assert_array_equal(annotations.labels[A], drawing())
    assert (annotations.labels[B] == 2).all()


def test_a_corrected_prediction_remembers_its_model(annotations):
    annotations.refresh([A], drawing(2)[None], "m1")
    annotations.annotate(A, drawing(3))
    annotations.confirm(A)
    record = annotations.record(A)
    assert (record.state, record.who, record.model) == (SliceState.EXPERT, "reader", "m1")
    assert record.when.endswith("+00:00")


def test_an_untouched_prediction_can_be_confirmed(annotations):
    annotations.refresh([A], drawing(2)[None], "m1")
    annotations.confirm(A)
    assert annotations.refresh([A], drawing(3)[None], "m2") == ()
    np.testing.assert_array_equal(annotations.labels[A], drawing(2))


def test_retracting_keeps_protection(annotations):
    annotations.annotate(A, drawing())
    annotations.confirm(A)
    annotations.unconfirm(A)
    assert annotations.state(A) is SliceState.EDITING
    assert annotations.slices(SliceState.EXPERT) == ()
    annotations.unconfirm(B)
    assert annotations.state(B) is SliceState.UNLABELLED


def test_releasing_gives_a_slice_to_the_model(annotations):
    annotations.annotate(A, drawing())
    annotations.release(A)
    assert annotations.state(A) is SliceState.UNLABELLED
    assert annotations.refresh([A], drawing(2)[None], "m1") == (A,)


def test_excluded_slices_are_left_alone(annotations):
    annotations.exclude(A)
    assert annotations.refresh([A], drawing(2)[None], "m1") == ()


def test_what_lies_outside_the_heart_is_the_experts_and_empty(annotations):
    annotations.refresh([A], drawing(2)[None], "m1")
    annotations.mark_outside(A)
    record = annotations.record(A)
    assert (record.state, record.who, record.model) == (SliceState.EXPERT, "reader", None)
    assert record.how == OUTSIDE
    assert record.when.endswith("+00:00")
    assert annotations.is_outside(A)
    assert not annotations.labels[A].any()
    assert annotations.refresh([A], drawing(3)[None], "m2") == ()
    annotations.annotate(A, drawing())
    assert annotations.record(A).how == "drawn"
    assert not annotations.is_outside(A)


def test_the_extent_is_what_lies_between_slices_without_heart():
    annotations = Annotations((2, 7, 4, 4), who="reader")
    assert annotations.extent(0) == (0, 6)
    for z in (0, 1, 5, 6):
        annotations.mark_outside(SliceIndex(0, z))
    assert annotations.extent(0) == (2, 4)
    assert annotations.extent(1) == (0, 6)
    annotations.exclude(SliceIndex(0, 0))
    annotations.release(SliceIndex(0, 5))
    annotations.confirm(SliceIndex(0, 5))  # empty: no heart either
    assert annotations.extent(0) == (2, 4)
    annotations.mark_outside(SliceIndex(0, 3))  # in the middle it ends nothing
    assert annotations.extent(0) == (2, 4)
    annotations.unconfirm(SliceIndex(0, 6))
    assert annotations.extent(0) == (2, 6)
    for z in range(7):
        annotations.mark_outside(SliceIndex(1, z))
    assert annotations.extent(1) == (0, 6)
    with pytest.raises(InputError, match="no slice 0 of frame 2"):
        annotations.extent(2)


def test_labels_cannot_be_written_from_outside(annotations):
    with pytest.raises(ValueError, match="read-only"):
        annotations.labels[0, 0, 0, 0] = 1


def test_what_does_not_fit_is_refused(annotations):
    with pytest.raises(
        InputError, match="no slice 2 of frame 0: the stack has 2 frames and 2 slices"
    ):
        annotations.annotate(SliceIndex(0, 2), drawing())
    with pytest.raises(InputError, match=r"labels of shape \(3, 4\)"):
        annotations.annotate(A, np.zeros((3, 4), np.uint8))
    assert not annotations.labels.any()


def test_nothing_labelled_has_no_middle():
    assert middle_of(np.zeros((3, 4, 4), np.uint8)) is None


slices = st.builds(SliceIndex, st.integers(0, 1), st.integers(0, 1))
contents = st.integers(0, 5).map(drawing)


class Loop(RuleBasedStateMachine):
    """Any order of verbs: the model never changes what an expert drew."""

    def __init__(self):
        super().__init__()
        self.annotations = Annotations(SHAPE, who="reader")
        self.drawn = {}  # what an expert's verb left on a slice that it protects

    @rule(index=slices, labels=contents)
    def annotate(self, index, labels):
        self.annotations.annotate(index, labels)
        self.drawn[index] = labels

    @rule(index=slices)
    def confirm(self, index):
        self.annotations.confirm(index)
        self.drawn[index] = self.annotations.labels[index].copy()

    @rule(index=slices)
    def mark_outside(self, index):
        self.annotations.mark_outside(index)
        self.drawn[index] = drawing(0)

    @rule(index=slices)
    def exclude(self, index):
        self.annotations.exclude(index)
        self.drawn[index] = self.annotations.labels[index].copy()

    @rule(index=slices)
    def unconfirm(self, index):
        self.annotations.unconfirm(index)

    @rule(index=slices)
    def release(self, index):
        self.annotations.release(index)
        self.drawn.pop(index, None)

    @rule(labels=contents, model=st.sampled_from("abc"))
    def refresh(self, labels, model):
        everything = [SliceIndex(t, z) for t in (0, 1) for z in (0, 1)]
        written = self.annotations.refresh(everything, np.stack([labels] * 4), model)
        assert not set(written) & set(self.drawn)

    @invariant()
    def what_was_drawn_is_there(self):
        for index, labels in self.drawn.items():
            np.testing.assert_array_equal(self.annotations.labels[index], labels)

    @invariant()
    def protected_is_what_an_expert_touched(self):
        protected = self.annotations.slices(
            SliceState.EDITING, SliceState.EXPERT, SliceState.EXCLUDED
        )
        assert set(protected) == set(self.drawn)


Loop.TestCase.settings = settings(max_examples=100, deadline=None)
TestLoop = Loop.TestCase
