"""Undo and redo, of what an expert did; and the way back from what a model wrote."""

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceState, unpack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import project

from .conftest import SHAPE, A, B, result, say, square, train


def seen(session):
    """All that an undo must bring back."""
    annotations = session.annotations
    records = {i: annotations.record(i) for i in session.stack.slice_indices()}
    return annotations.labels.tobytes(), records, session.model and session.model.digest


def drawn(session):
    """What an expert has done, which undo is of: not what a model writes meanwhile."""
    annotations = session.annotations
    slices = annotations.slices(SliceState.EDITING, SliceState.EXPERT, SliceState.EXCLUDED)
    return {i: (annotations.record(i), annotations.labels[i].tobytes()) for i in slices}


def test_every_action_is_one_step_back_and_forth_whatever_a_model_writes(session, trainer):
    verbs = [
        lambda: session.labelling.annotate(A, square(1)),
        lambda: session.labelling.annotate(A, square(3)),
        lambda: session.confirm(A),
        lambda: (train(session, trainer), session.accept(*session.stack.slice_indices())),
        lambda: session.labelling.unconfirm(A, B),
        lambda: session.labelling.exclude(A),
        lambda: session.labelling.include(A),
        lambda: session.labelling.revert(A, B),
    ]
    states = [drawn(session)]
    for verb in verbs:
        verb()
        states.append(drawn(session))
    train(session, trainer)  # which writes on what was reverted
    for state in reversed(states[:-1]):
        session.undo()
        assert drawn(session) == state
    assert session.history.undoable is None
    assert session.model is not None
    session.undo()
    assert drawn(session) == states[0]
    for state in states[1:]:
        session.redo()
        assert drawn(session) == state
    assert session.history.redoable is None
    assert session.annotations.state(B) is SliceState.PREDICTED  # as the last refresh left it


def test_undo_after_a_refresh_takes_back_the_last_stroke(session, trainer):
    session.labelling.annotate(A, square(1))
    session.confirm(A)
    session.labelling.annotate(B, square(1))
    train(session, trainer, code=2)
    model, predicted = session.model, session.stack.slice_indices()[0]
    assert session.undo() == (B,)
    assert session.model is model
    assert session.annotations.record(predicted).model == model.digest
    session.redo()
    assert (session.annotations.labels[B] == square(1)).all()


def test_a_refresh_between_undo_and_redo_costs_no_stroke(session, trainer):
    session.labelling.annotate(A, square(1))
    session.confirm(A)
    train(session, trainer)
    session.labelling.annotate(B, square(3))
    session.undo()
    train(session, trainer, code=2)
    assert (session.annotations.labels[B] == square(2)).all()
    assert session.history.redoable == "stroke"
    session.redo()
    assert (session.annotations.labels[B] == square(3)).all()
    session.undo()  # to what was there before it was redone
    assert (session.annotations.labels[B] == square(2)).all()


def test_what_can_be_undone_is_named(session, trainer, heard):
    session.labelling.annotate(A, square())
    assert (session.history.undoable, session.history.redoable) == ("stroke", None)
    session.undo()
    assert (session.history.undoable, session.history.redoable) == (None, "stroke")
    session.labelling.annotate(B, square(2), "interpolated")
    assert (session.history.undoable, session.history.redoable) == ("interpolated", None)
    assert session.annotations.record(B).how == "interpolated"


def test_what_the_model_had_before_is_known(session, trainer):
    def before(index):
        found = session.history.before(index)
        return found and (found.record.state, unpack(found.mask, SHAPE[2:]).max())

    assert before(A) is None
    session.labelling.annotate(A, square(1))
    session.labelling.annotate(A, square(3))
    session.confirm(A)
    assert before(A) == (SliceState.UNLABELLED, 0)
    train(session, trainer, code=2)
    assert before(B) == (SliceState.UNLABELLED, 0)
    train(session, trainer, code=3)
    assert before(B) == (SliceState.PREDICTED, 2)
    train(session, trainer, code=3)  # which changes nothing there
    assert before(B) == (SliceState.PREDICTED, 2)
    session.labelling.annotate(B, square(1))
    session.confirm(B)
    assert before(B) == (SliceState.PREDICTED, 3)
    session.undo()
    session.undo()
    assert before(B) == (SliceState.PREDICTED, 2)


def test_a_refresh_in_portions_is_taken_back_as_one(session, trainer):
    session.labelling.annotate(A, square(1))
    session.confirm(A)
    before = seen(session)
    session.training.train()
    job, (trained, whole, done) = trainer.jobs[-1], result(trainer.jobs[-1])
    parts = [
        type(whole)(
            job.number, whole.slices[i : i + 1], whole.labels[i : i + 1], whole.confidence[:1]
        )
        for i in range(len(whole.slices))
    ]
    trainer.script = [trained, *parts, done]
    session.process_messages(adopt_s=1e-9)
    assert session.training.busy
    session.roll_back()  # takes over the rest first
    assert not session.training.busy
    assert seen(session) == before
    session.undo()
    assert session.model.digest == "m1"
    assert session.annotations.state(B) is SliceState.PREDICTED


def test_a_stroke_in_the_midst_of_a_refresh_outlives_its_way_back(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    session.labelling.annotate(B, square(3))
    say(session, trainer, *result(trainer.jobs[-1]))
    session.roll_back()
    assert (session.annotations.labels[B] == square(3)).all()
    assert session.annotations.state(B) is SliceState.EDITING
    session.undo()
    assert session.history.undoable == "stroke"


def test_an_action_that_fails_changes_nothing(session):
    session.labelling.annotate(A, square(1))
    with pytest.raises(InputError, match="no slice 9 of frame 9"):
        session.confirm(A, type(A)(9, 9))
    assert session.annotations.state(A) is SliceState.EDITING
    with pytest.raises(InputError, match="labels of shape"):
        session.labelling.annotate(A, np.zeros((2, 2), np.uint8))
    assert session.history.undoable == "stroke"


def test_each_stack_has_its_own_history(session):
    first = session.stack
    session.labelling.annotate(A, square(1))
    session.open(type(first)(np.ones((1, 2, 8, 8)), np.eye(4)))
    assert session.history.undoable is None
    session.open(first)
    session.undo()
    assert not session.annotations.labels.any()


def test_the_oldest_steps_are_forgotten(session, monkeypatch):
    monkeypatch.setattr(project, "MOST_STEPS", 3)
    for code in (1, 2, 3, 1, 2):
        session.labelling.annotate(A, square(code))
    for _ in range(9):
        session.undo()
    assert session.annotations.labels[A].max() == 2
    monkeypatch.setattr(project, "MOST_BYTES", 1)
    session.labelling.annotate(A, square(1))
    session.labelling.annotate(A, square(3))
    session.undo()
    session.undo()
    assert session.annotations.labels[A].max() == 1


def test_rolling_back_brings_the_earlier_model_and_its_predictions_back(session, trainer):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    session.training.train()
    say(session, trainer, *result(trainer.jobs[-1], code=3, digest="m2"))
    session.labelling.annotate(B, square(1))
    rolled = seen(session)
    session.roll_back()
    assert session.model.digest == "m1"
    assert session.annotations.state(B) is SliceState.EDITING
    others = session.annotations.slices(SliceState.PREDICTED)
    assert len(others) == 4
    assert {session.annotations.record(i).model for i in others} == {"m1"}
    assert all(session.annotations.labels[i].max() == 2 for i in others)
    session.roll_back()
    assert session.model is None
    assert session.annotations.slices(SliceState.PREDICTED) == ()
    with pytest.raises(InputError, match="no earlier model"):
        session.roll_back()
    session.undo()
    session.undo()
    assert seen(session) == rolled


def test_excluded_slices_come_back_as_they_were_worth(session, trainer):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    session.labelling.exclude(A, B)
    assert session.annotations.slices(SliceState.EXCLUDED) == (A, B)
    session.labelling.include(A, B)
    assert session.annotations.state(A) is SliceState.EDITING
    assert session.annotations.state(B) is SliceState.PREDICTED
