"""A model is scored on what was confirmed before it learned from it, and on nothing else."""

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.study import SliceIndex

from .conftest import A, B, result, say, square, train

C = SliceIndex(0, 2)
LV, RV = Structure.LV_CAVITY, Structure.RV_CAVITY


def part(code=1):
    """Half of the square: a Dice of 2/3 with it."""
    labels = square(code)
    labels[:, 5:] = 0
    labels[4] = 0
    return labels


def test_nothing_to_compare_on(session, trainer, heard):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    assert session.validation.scores == ()
    assert session.validation.verdict == "not validated yet"
    assert "not validated yet" in heard[-1][1]
    session.labelling.unconfirm(A)
    session.confirm(A)  # it has learned from this one
    assert session.validation.scores == ()


def test_a_prediction_is_scored_when_its_slice_is_confirmed(session, trainer):
    told = []
    session.signals.validated.connect(told.append)
    session.labelling.annotate(A, square(1))
    session.training.train()
    say(session, trainer, *result(trainer.jobs[-1], code=1))
    session.labelling.annotate(B, part(1))  # the model drew the whole square
    session.confirm(B)
    [score] = session.validation.scores
    assert [one.index for one in told[0]] == [B]
    assert (score.index, score.model, score.before) == (B, "m1", None)
    assert score.dice[LV] == pytest.approx(2 * 4 / (4 + 9))
    assert np.isnan(score.dice[RV])
    assert session.validation.verdict == "Dice 0.62 on 1 slice that it had not learned from"
    session.labelling.unconfirm(B)
    session.labelling.annotate(B, square(1))
    session.confirm(B)  # corrected before it was learned from: this one counts
    [score] = session.validation.scores
    assert score.mean == 1


def test_an_untouched_prediction_counts_too(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    say(session, trainer, *result(trainer.jobs[-1], code=1))
    session.accept(B)
    assert [one.mean for one in session.validation.scores] == [1]


def second_round(session, trainer, first, second):
    """Learn from A, then from A and B while C is confirmed; say what each model predicts."""
    session.labelling.annotate(A, square(1))
    session.training.train()
    say(session, trainer, *result(trainer.jobs[-1], code=first, digest="m1"))
    session.labelling.annotate(B, square(1))
    session.training.train()
    session.labelling.annotate(C, square(1))
    session.confirm(C)
    say(session, trainer, *result(trainer.jobs[-1], code=second, digest="m2"))


def test_a_model_that_does_worse_than_its_parent_is_said_to(session, trainer, heard):
    second_round(session, trainer, first=1, second=2)
    assert "refreshed 3 slices; worse than the model before: Dice 0.00 against 1.00" in heard[-1][1]
    assert "on 1 slice that neither has learned from; roll back" in heard[-1][1]
    last = session.validation.scores[-1]
    assert (last.index, last.model, last.mean) == (C, "m2", 0)
    assert session.model.digest == "m2"
    session.roll_back()
    assert session.model.digest == "m1"
    assert session.validation.verdict == "Dice 1.00 on 2 slices that it had not learned from"


def test_a_model_that_does_better_is_said_to(session, trainer, heard):
    second_round(session, trainer, first=2, second=1)
    assert "Dice 1.00 on 1 slice that it had not learned from" in heard[-1][1]
    assert session.validation.scores[-1].before[LV] == 0


def test_what_a_parent_has_learned_from_is_no_test(session, trainer):
    second_round(session, trainer, first=1, second=1)
    number = len(session.validation.scores)
    session.labelling.unconfirm(A, B)
    session.labelling.annotate(A, part(1))
    session.confirm(A, B)
    assert len(session.validation.scores) == number


def test_scores_leave_as_a_table(session, trainer, tmp_path):
    second_round(session, trainer, first=1, second=1)
    lines = session.export.validation(tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "stack,t,z,model,dice_LV_cavity,dice_myocardium,dice_RV_cavity,dice,when"
    assert lines[1].split(",")[1:8] == ["1", "2", "m1", "1", "", "", "1"]
    assert len(lines) == 1 + len(session.validation.scores)
