"""Front ends are told when all parts are up to date, in order."""

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import Stack

from .conftest import SHAPE, A, B, square, train


def test_what_is_held_goes_out_at_the_end_in_order_even_after_a_fault():
    signals, told = Signals(), []
    signals.said.connect(told.append)
    signals.job_ended.connect(told.append)

    def work():
        with signals.held():
            signals.send(signals.said, "one")
            with signals.held():
                signals.send(signals.job_ended, "two")
            signals.send(signals.said, "three")
            assert not told
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert told == ["one", "two", "three"]
    signals.send(signals.said, "four")
    assert told[-1] == "four"
    signals.disconnect()
    signals.send(signals.said, "nobody hears this")
    assert told[-1] == "four"


def test_who_hears_of_a_stack_finds_all_of_it_and_nothing_of_the_one_before(session, trainer):
    session.labelling.annotate(A, square())
    train(session, trainer)
    assert session.doubt.confidence is not None
    other = Stack(np.random.default_rng(1).random(SHAPE), np.diag([1.4, 1.4, 10, 1]))
    labels, seen = np.zeros(SHAPE, np.uint8), []
    labels[B] = square(2)

    def look(stack):
        seen.append(
            (
                stack is session.stack,
                session.annotations.state(B),
                session.doubt.confidence,
                bool(np.isnan(session.doubt.uncertainty).all()),
                session.history.undoable,
                session.training.status.phase,
            )
        )

    session.signals.stack_opened.connect(look)
    session.open(other, labels)
    assert seen == [(True, SliceState.EDITING, None, True, "labels taken over", "idle")]


def test_who_hears_of_a_new_model_finds_its_predictions_scores_and_doubts(session, trainer):
    session.labelling.annotate(A, square())
    seen = []
    session.signals.model_adopted.connect(
        lambda model: seen.append(
            (
                session.model is model,
                session.annotations.record(B).model == model.digest,
                session.training.busy,
                session.models.learned(model.digest),
            )
        )
    )
    train(session, trainer)
    assert seen == [(True, True, False, {A})]


def test_measures_follow_every_change_of_labels(session):
    stack = session.stack
    pixel = float(np.prod(stack.spacing_mm[1:]))

    def area(index):
        return session.measurement.measured.areas_mm2(Structure.LV_CAVITY)[index]

    assert area(A) == 0
    session.labelling.annotate(A, square())
    assert area(A) == pytest.approx(9 * pixel)
    session.undo()
    assert area(A) == 0
    session.redo()
    session.labelling.revert(A)
    assert area(A) == 0
