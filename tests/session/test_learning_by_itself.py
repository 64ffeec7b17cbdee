"""Learning while the expert draws: confirmations start and renew training by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cardiac_ssl.session.training import NO_HELP
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Failed, Progressed, Wish

from .conftest import A, B, result, say, square, train

C = SliceIndex(0, 2)


@pytest.fixture
def learning(session):
    session.training.learn_while_drawing = True
    return session


def confirm(session, index):
    session.labelling.annotate(index, square())
    session.confirm(index)


def glanced(session, trainer, digest="m0"):
    """Say the result of the glance that a confirmation started."""
    say(session, trainer, *result(trainer.jobs[-1], digest=digest))


def test_a_confirmation_starts_a_glance_and_a_short_training(learning, trainer):
    learning.confirm(B)  # no heart: nothing to learn from
    assert not trainer.jobs
    confirm(learning, A)
    glance = trainer.jobs[-1]
    assert glance.seconds < 3
    assert glance.least_steps < 10
    assert glance.examples[0].slices == (A, B)
    assert glance.predict[1][0] == A
    assert {index.t for index in glance.predict[1]} == {A.t}  # the frame in view alone
    glanced(learning, trainer)
    assert learning.model.digest == "m0"
    rest = trainer.jobs[-1]
    assert glance.seconds < rest.seconds < 15
    assert rest.start == b"weights of m0"
    assert rest.predict[1][0] == A
    assert len(rest.predict[1]) == 6
    say(learning, trainer, *result(rest))
    assert len(trainer.jobs) == 2
    assert not learning.training.busy


def test_rolling_back_goes_past_the_glance(learning, trainer):
    confirm(learning, A)
    glanced(learning, trainer)
    say(learning, trainer, *result(trainer.jobs[-1], digest="m1"))
    before = learning.annotations.labels.copy()
    confirm(learning, C)
    glanced(learning, trainer, digest="m2")
    assert learning.model.digest == "m2"
    say(learning, trainer, *result(trainer.jobs[-1], code=3, digest="m3"))
    assert learning.annotations.labels[0, 0].max() == 3
    learning.roll_back()
    assert learning.model.digest == "m1"
    others = [i for i in learning.stack.slice_indices() if i != C]
    for index in others:
        np.testing.assert_array_equal(learning.annotations.labels[index], before[index])


def test_a_confirmation_during_a_glance_waits_for_it(learning, trainer):
    confirm(learning, A)
    confirm(learning, B)
    assert trainer.wishes == []
    glanced(learning, trainer)
    assert trainer.jobs[-1].examples[0].slices == (A, B)
    assert len(trainer.jobs) == 2
    learning.cancel()


def test_a_glance_that_fails_is_not_followed(learning, trainer):
    confirm(learning, A)
    say(learning, trainer, Failed(1, "out of memory"))
    assert len(trainer.jobs) == 1
    assert not learning.training.busy


def test_it_is_off_unless_it_is_asked_for(session, trainer):
    confirm(session, A)
    assert not trainer.jobs


def test_a_newer_confirmation_renews_a_running_training(learning, trainer):
    confirm(learning, A)
    glanced(learning, trainer)
    first = trainer.jobs[-1]
    confirm(learning, B)
    assert trainer.wishes == [Wish.FINISH]
    say(learning, trainer, *result(first)[:2])
    second = trainer.jobs[-1]
    assert second.examples[0].slices == (A, B)
    assert second.start == b"weights of m1"  # nothing of the first is lost
    assert learning.model.digest == "m0"  # and nothing of it was adopted
    confirm(learning, C)  # whose turn comes after the predictions: they must not starve
    assert trainer.wishes.count(Wish.FINISH) == 1
    say(learning, trainer, *result(second, digest="m2"))
    assert learning.model.digest == "m2"
    assert trainer.jobs[-1].examples[0].slices == (A, C, B)
    assert trainer.jobs[-1].start == b"weights of m2"


def test_a_training_that_was_asked_for_is_not_cut_short(learning, trainer):
    learning.labelling.annotate(A, square())
    learning.training.train()
    assert len(trainer.jobs) == 1
    confirm(learning, B)
    say(learning, trainer, Progressed(1, 1, 2.0, 0.5, 1.0, 1.0))
    assert trainer.wishes == []
    say(learning, trainer, *result(trainer.jobs[0]))
    assert trainer.jobs[-1].examples[0].slices == (A, B)


def test_cancelling_means_it(learning, trainer):
    confirm(learning, A)
    confirm(learning, B)
    learning.cancel()
    assert not learning.training.busy
    assert len(trainer.jobs) == 1


def test_what_was_unconfirmed_meanwhile_is_not_learned(learning, trainer):
    confirm(learning, A)
    confirm(learning, B)
    learning.labelling.unconfirm(A, B)
    say(learning, trainer, Failed(1, "out of memory"))
    assert len(trainer.jobs) == 1
    assert not learning.training.busy


def test_what_a_training_cut_short_has_learned_is_known(learning, trainer):
    confirm(learning, A)
    confirm(learning, B)  # the glance at A is taken over first
    while trainer.jobs[-1].doubt is False:
        say(learning, trainer, *result(trainer.jobs[-1], digest=f"m{len(trainer.jobs)}"))
    cut_short = trainer.jobs[-1]
    confirm(learning, C)
    say(learning, trainer, *result(cut_short, digest="short")[:2])
    assert trainer.jobs[-1].start == b"weights of short"
    lesson = learning.project.state("lineage", "short")
    assert len(lesson["slices"][learning.stack.digest]) == 2  # A and B
    assert not learning.project.models.is_kept("short")


def no_help(job):
    return [replace(result(job)[0], helped=False), *result(job)[1:]]


def test_training_that_did_not_help_leaves_the_present_model(session, trainer, heard):
    session.labelling.annotate(A, square())
    session.confirm(A)
    train(session, trainer)
    labels, undoable = session.annotations.labels.copy(), session.history.undoable
    session.training.train()
    say(session, trainer, no_help(trainer.jobs[-1])[0])
    assert trainer.wishes[-1] is Wish.CANCEL
    assert not session.training.busy
    assert session.model.digest == "m1"
    assert heard[-1] == ("ended", NO_HELP)
    say(session, trainer, *no_help(trainer.jobs[-1])[1:])  # what comes late is nobody's
    assert (session.annotations.labels == labels).all()
    assert session.history.undoable == undoable


def test_the_first_training_is_taken_over_even_if_it_did_not_help(session, trainer):
    """Nothing is predicted yet: its predictions are the start's."""
    session.labelling.annotate(A, square())
    session.confirm(A)
    session.training.train()
    say(session, trainer, *no_help(trainer.jobs[-1]))
    assert session.model.digest == "m1"
    assert (session.annotations.labels[B] == square(2)).all()


def test_after_a_glance_that_did_not_help_it_learns_all_the_same(learning, trainer):
    confirm(learning, A)
    glanced(learning, trainer)
    say(learning, trainer, *result(trainer.jobs[-1], digest="m1"))
    confirm(learning, C)
    say(learning, trainer, no_help(trainer.jobs[-1])[0])
    rest = trainer.jobs[-1]
    assert rest.start == b"weights of m1"
    assert len(rest.predict[1]) == 6
    say(learning, trainer, *result(rest, digest="m2"))
    assert learning.model.digest == "m2"
    learning.roll_back()
    assert learning.model.digest == "m1"
