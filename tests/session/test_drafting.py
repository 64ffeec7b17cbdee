"""Helps draft slices: asked for, undone in one step, never over what an expert stands for."""

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import SHAPE, A, B, square, train

Y, X = np.indices((48, 48))


def disc(radius, code=1):
    return ((np.hypot(Y - 24, X - 24) <= radius) * code).astype(np.uint8)


@pytest.fixture
def cine(session):
    """Six frames of five slices: a disc that shrinks, on texture."""
    noise = np.random.default_rng(0).normal(size=(48, 48))
    radii = (12, 11, 9, 8, 9, 11)
    frames = [200 * disc(r) + 10 * noise for r in radii]
    stack = Stack(np.repeat(np.stack(frames)[:, None], 5, axis=1), np.diag([1.4, 1.4, 8, 1]))
    session.open(stack)
    return session


def state(session, t, z):
    return session.annotations.state(SliceIndex(t, z))


def test_interpolation_drafts_what_lies_between_confirmed_slices(cine):
    top, bottom = SliceIndex(0, 0), SliceIndex(0, 4)
    cine.labelling.annotate(top, disc(12))
    with pytest.raises(InputError, match=r"draw two slices .*drawn so far: 0\)"):
        cine.drafting.interpolate(0)
    cine.labelling.annotate(bottom, disc(6))
    cine.confirm(top, bottom)
    drawn = SliceIndex(0, 2)
    cine.labelling.annotate(drawn, disc(3))
    assert cine.drafting.interpolate(0) == (SliceIndex(0, 1), SliceIndex(0, 3))
    np.testing.assert_array_equal(cine.annotations.labels[drawn], disc(3))
    record = cine.annotations.record(SliceIndex(0, 1))
    assert (record.state, record.how) == (SliceState.EDITING, "interpolated")
    assert cine.history.undoable == "interpolated"
    # Drawn again from better neighbours: its own drafts are drafts.
    cine.labelling.annotate(drawn, disc(9))
    before = cine.annotations.labels[0, 1].sum()
    assert cine.drafting.interpolate(0) == (SliceIndex(0, 1), SliceIndex(0, 3))
    assert cine.annotations.labels[0, 1].sum() > before
    cine.undo()
    assert cine.annotations.labels[0, 1].sum() == before


def test_predictions_are_open_to_drafts_and_confirmed_ones_are_not(session, trainer):
    for z in (0, 2):
        session.labelling.annotate(SliceIndex(0, z), square(1))
    train(session, trainer)
    assert session.annotations.state(A) is SliceState.PREDICTED
    assert session.drafting.interpolate(0) == (A,)
    session.confirm(A)
    with pytest.raises(InputError, match="nothing to interpolate"):
        session.drafting.interpolate(0)


def test_a_copy_is_a_draft(session):
    session.labelling.annotate(A, square(1))
    session.confirm(A)
    session.drafting.copy(A, B)
    np.testing.assert_array_equal(session.annotations.labels[B], square(1))
    assert session.annotations.record(B).how == "copied"
    assert session.annotations.state(B) is SliceState.EDITING
    with pytest.raises(InputError, match="t=0 z=1 is expert; unconfirm it first"):
        session.drafting.copy(B, A)
    session.labelling.exclude(B)
    with pytest.raises(InputError, match="is excluded; include it first"):
        session.drafting.copy(A, B)


def test_propagation_follows_the_cine_and_leaves_the_experts_slices(cine, heard):
    start, own = SliceIndex(0, 2), SliceIndex(3, 2)
    cine.labelling.annotate(start, disc(12))
    cine.labelling.annotate(own, disc(5))
    cine.drafting.propagate(start)
    with pytest.raises(InputError, match="under way"):
        cine.drafting.propagate(start)
    late = SliceIndex(2, 2)
    cine.labelling.annotate(late, disc(4))  # drawn while it was worked out
    cine.wait()
    assert not cine.drafting.propagating
    np.testing.assert_array_equal(cine.annotations.labels[own], disc(5))
    np.testing.assert_array_equal(cine.annotations.labels[late], disc(4))
    drafts = {SliceIndex(t, 2) for t in (1, 4, 5)}
    assert set(heard[-1][1]) == drafts
    for index in drafts:
        assert cine.annotations.record(index).how == "propagated"
    assert cine.annotations.labels[4, 2].sum() < cine.annotations.labels[5, 2].sum()
    cine.undo()
    assert not any(cine.annotations.labels[index].any() for index in drafts)


def test_a_propagation_does_not_reach_another_stack(cine):
    cine.labelling.annotate(SliceIndex(0, 2), disc(12))
    cine.drafting.propagate(SliceIndex(0, 2))
    cine.open(Stack(np.zeros((6, 5, 48, 48)), np.eye(4)))
    cine.wait()
    assert not cine.annotations.labels.any()


def test_propagation_needs_something_to_carry(session):
    with pytest.raises(InputError, match="nothing is drawn on slice t=0 z=1"):
        session.drafting.propagate(A)
    session.open(Stack(np.ones((1, 3, 8, 8)), np.eye(4)))
    session.labelling.annotate(A, square())
    with pytest.raises(InputError, match="open a cine"):
        session.drafting.propagate(A)


def test_tidying_is_asked_for_and_undone(session):
    torn = square(1)
    torn[3, 4], torn[7, 0] = 0, 1
    session.labelling.annotate(A, torn)
    assert session.drafting.tidy(A)
    np.testing.assert_array_equal(session.annotations.labels[A], square(1))
    assert not session.drafting.tidy(A)
    session.undo()
    np.testing.assert_array_equal(session.annotations.labels[A], torn)
    session.confirm(A)
    with pytest.raises(InputError, match="unconfirm it first"):
        session.drafting.tidy(A)


def test_training_learns_from_no_draft_that_nobody_confirmed(session, trainer):
    session.labelling.annotate(A, square())
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 2] = square()
    session.labelling.take_over(labels)
    session.drafting.copy(A, B)
    draft, taken = B, SliceIndex(0, 2)
    session.training.train()
    assert trainer.jobs[-1].examples[0].slices == (A,)
    states = session.annotations
    assert states.state(draft) is states.state(taken) is SliceState.EDITING
    session.cancel()
    session.labelling.annotate(draft, square(2))  # looked at, and corrected by hand
    session.confirm(taken)
    session.training.train()
    assert set(trainer.jobs[-1].examples[0].slices) == {A, draft, taken}
