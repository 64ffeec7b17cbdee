"""Where to look: uncertainty, suggestions, ED and ES."""

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Doubted

from .conftest import SHAPE, A, B, result, say, square, train


def test_uncertainty_comes_with_the_prediction_and_is_bettered(session, trainer):
    assert np.isnan(session.doubt.uncertainty).all()
    assert session.doubt.uncertainty.shape == SHAPE[:2]
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    left = 55 / 255 * 64 * 0.14**2  # of a confidence of 200 on 8 × 8 pixels of 1.4 mm
    np.testing.assert_allclose(session.doubt.uncertainty, left, rtol=1e-5)
    told = []
    session.signals.uncertainty_changed.connect(lambda: told.append(True))
    slices = trainer.jobs[-1].predict[1]
    doubts = np.arange(len(slices), dtype=np.float32)
    say(session, trainer, Doubted(7, slices, doubts))  # of another job
    assert not told
    say(session, trainer, Doubted(1, slices, doubts))
    np.testing.assert_array_equal(session.doubt.uncertainty.ravel(), doubts)
    assert told == [True]


def test_the_last_word_may_come_in_one_breath_with_the_rest(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    job = trainer.jobs[-1]
    doubts = np.full(len(job.predict[1]), 3.0, np.float32)
    trainer.script = [*result(job), Doubted(job.number, job.predict[1], doubts)]
    session.wait(uncertainty=True)
    np.testing.assert_array_equal(session.doubt.uncertainty, 3.0)


def test_waiting_for_a_last_word_ends_with_the_job(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    session.cancel()
    trainer.script = [result(trainer.jobs[-1])[0]]
    session.wait(uncertainty=True)
    assert np.isnan(session.doubt.uncertainty).all()


def test_another_models_doubts_are_not_shown(session, trainer):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    session.roll_back()
    assert session.model is None
    assert np.isnan(session.doubt.uncertainty).all()


def test_suggestions_leave_out_what_is_touched_or_excluded(session, trainer):
    session.labelling.annotate(A, square(1))
    session.labelling.exclude(B)
    rest = [i for i in session.stack.slice_indices() if i not in {A, B}]
    assert {s.index for s in session.suggestion.suggest(number=9)} == set(rest)
    only = np.zeros(SHAPE[:2], bool)
    only[A] = only[rest[0]] = True
    assert [s.index for s in session.suggestion.suggest("random", among=only, number=9)] == [
        rest[0]
    ]


def test_a_new_stack_starts_in_the_middle(session):
    [best] = session.suggestion.suggest()
    assert best.index == (0, 1)
    assert best.reason == "the heart is not confirmed yet: the middle first"


def test_the_doubtful_prediction_is_suggested_with_its_reason(session, trainer):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    slices = trainer.jobs[-1].predict[1]
    doubts = np.array([9.0 if i == B else 1.0 for i in slices], np.float32)
    say(session, trainer, Doubted(1, slices, doubts))
    [best] = session.suggestion.suggest()
    assert best.index == B
    assert "9.0 cm² in doubt" in best.reason


def test_phases_are_told_from_the_cavity_and_can_be_corrected(session):
    told = []
    session.signals.phases_changed.connect(lambda: told.append(session.measurement.phases))
    assert session.measurement.phases == (None, None)
    small = square(1)
    small[2] = 0
    for z in range(3):
        session.labelling.annotate(SliceIndex(0, z), small)
        session.labelling.annotate(SliceIndex(1, z), square(1))
    assert session.measurement.phases == (1, 0)
    for z in range(3):
        session.labelling.annotate(SliceIndex(0, z), square(1))
        session.labelling.annotate(SliceIndex(1, z), small)
    assert session.measurement.phases == (0, 1)
    session.measurement.set_phases(1, 0)
    assert session.measurement.phases == (1, 0)
    stack = session.stack
    session.open(Stack(np.ones((1, 2, 8, 8)), np.eye(4)))
    assert session.measurement.phases == (None, None)
    session.open(stack)
    assert session.measurement.phases == (1, 0)
    session.measurement.set_phases(None, None)
    assert session.measurement.phases == (0, 1)
    with pytest.raises(InputError, match="no frame 2: there are 0 to 1"):
        session.measurement.set_phases(0, 2)
    assert told == [(1, 0), (0, 1)]


def test_measures_follow_undo_and_refresh(session, trainer):
    session.labelling.annotate(A, square(1))
    before = session.measurement.measured.volumes_ml(Structure.LV_CAVITY)[0]
    train(session, trainer)  # predicts myocardium on all others
    assert session.annotations.state(B) is SliceState.PREDICTED
    session.labelling.annotate(SliceIndex(0, 0), square(1))
    assert session.measurement.measured.volumes_ml(Structure.LV_CAVITY)[0] == pytest.approx(
        2 * before
    )
    session.undo()
    assert session.measurement.measured.volumes_ml(Structure.LV_CAVITY)[0] == pytest.approx(before)
