"""The loop's rules, with a trainer that says what the test wants."""

import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, View
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.weights import NAMES, default_weights
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import (
    Cancelled,
    Died,
    Done,
    Failed,
    Progressed,
    Ready,
    Wish,
)

from .conftest import SHAPE, A, B, ScriptedTrainer, model, result, say, square, train


def test_a_round_of_the_loop(session, trainer, heard):
    session.labelling.annotate(A, square(1))
    session.training.train(seconds=5)
    assert session.annotations.state(A) is SliceState.EXPERT  # training confirms
    job = trainer.jobs[-1]
    assert job.examples[0].slices == (A,)
    np.testing.assert_array_equal(job.examples[0].labels[0], square(1))
    assert job.start == default_weights()
    assert job.centre_yx == (3.0, 4.0)
    say(session, trainer, Ready("CPU"), Progressed(1, 1, 2.0, 0.5, 1.0, 1.0))
    assert (session.training.status.phase, session.training.compute) == ("training", "CPU")
    say(session, trainer, *result(job))
    np.testing.assert_array_equal(session.annotations.labels[A], square(1))
    np.testing.assert_array_equal(session.annotations.labels[B], square(2))
    assert session.model == model()
    assert session.doubt.confidence[B].max() == 200
    assert heard[-1][0] == "ended"
    assert "learned from 1 slice in 12 s, refreshed 5 slices; not validated yet" in heard[-1][1]
    assert not session.training.busy


def test_no_heart_is_one_step_an_example_and_scored(session, trainer):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    assert session.annotations.labels[B].any()
    third = SliceIndex(0, 0)
    session.labelling.annotate(third, square(3))
    assert session.no_heart(B, third) == (B, third)
    assert not session.annotations.labels[B].any()
    assert session.annotations.record(B).how == "corrected"
    assert {score.index for score in session.validation.scores} == {B, third}
    session.training.train()
    (example,) = trainer.jobs[-1].examples
    assert example.slices == (third, A, B)
    assert not example.labels[0].any()
    session.cancel()
    session.undo()
    np.testing.assert_array_equal(session.annotations.labels[B], square(2))
    assert session.annotations.state(B) is SliceState.PREDICTED
    np.testing.assert_array_equal(session.annotations.labels[third], square(3))
    assert session.annotations.state(third) is SliceState.EDITING


def test_the_next_round_goes_on_from_the_model(session, trainer):
    session.labelling.annotate(A, square())
    train(session, trainer)
    session.labelling.annotate(B, square(3))
    session.training.train()
    assert trainer.jobs[-1].start == b"weights of m1"
    assert trainer.jobs[-1].examples[0].slices == (A, B)
    session.cancel()
    session.training.train(start="scratch")
    assert trainer.jobs[-1].start is None
    session.cancel()
    session.training.train(start="default")
    assert trainer.jobs[-1].start == default_weights()


def test_a_view_without_shipped_weights_starts_from_scratch_and_refuses_to_start_from_them(
    session, trainer, monkeypatch
):
    monkeypatch.delitem(NAMES, View.LAX_2CH)
    assert session.models.has_shipped_weights
    stack = session.stack
    session.open(Stack(stack.image, stack.affine, view=View.LAX_2CH))
    assert not session.models.has_shipped_weights
    session.labelling.annotate(A, square())
    with pytest.raises(InputError, match=r"no weights ship for .*; start from .* or scratch"):
        session.training.train(start="default")
    assert not trainer.jobs
    assert session.annotations.state(A) is SliceState.EDITING
    session.training.train()
    assert trainer.jobs[-1].start is None


def test_a_first_guess_before_anything_is_drawn(session, trainer, heard):
    session.training.predict(first=B)
    job = trainer.jobs[-1]
    assert (job.examples, job.start, job.centre_yx) == ((), default_weights(), None)
    assert job.predict[1][0] == B
    say(session, trainer, *result(job))
    assert session.annotations.state(A) is SliceState.PREDICTED
    assert heard[-1] == (
        "ended",
        "predicted 6 slices; not validated yet: correct, confirm and train",
    )
    session.labelling.annotate(A, square(1))
    session.confirm(A)
    session.training.predict()
    assert trainer.jobs[-1].start == b"weights of m1"
    assert trainer.jobs[-1].centre_yx == (3.0, 4.0)
    with pytest.raises(InputError, match="training is running"):
        session.training.predict()


def test_no_guess_without_a_model_of_the_view(session, trainer, monkeypatch):
    monkeypatch.delitem(NAMES, View.LAX_2CH)
    stack = session.stack
    session.open(Stack(stack.image, stack.affine, view=View.LAX_2CH))
    with pytest.raises(InputError, match="no model to predict with yet"):
        session.training.predict()
    session.labelling.annotate(A, square())
    session.training.train()
    assert trainer.jobs[-1].start is None


def test_the_slice_in_view_is_predicted_first(session, trainer):
    session.labelling.annotate(A, square())
    session.training.train(first=SliceIndex(1, 2))
    wanted = trainer.jobs[-1].predict[1]
    assert wanted[0] == (1, 2)
    assert [i.t for i in wanted] == [1, 1, 1, 0, 0, 0]
    assert len(set(wanted)) == 6


def test_a_stroke_while_training_is_not_overwritten(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    session.labelling.annotate(B, square(3))
    say(session, trainer, *result(trainer.jobs[-1]))
    np.testing.assert_array_equal(session.annotations.labels[B], square(3))
    assert session.annotations.state(B) is SliceState.EDITING


def test_a_job_is_a_frozen_snapshot(session, trainer):
    session.labelling.annotate(A, square(1))
    session.training.train()
    session.labelling.annotate(A, square(3))
    np.testing.assert_array_equal(trainer.jobs[-1].examples[0].labels[0], square(1))


def test_stopping_in_three_ways(session, trainer, heard):
    session.labelling.annotate(A, square())
    session.training.train()
    say(session, trainer, Progressed(1, 1, 2.0, 0.1, 1.0, 9.0))
    session.training.pause()
    assert session.training.status.phase == "paused"
    session.training.resume()
    assert session.training.status.phase == "training"
    session.training.finish()
    assert session.training.status.phase == "finishing"
    say(session, trainer, Progressed(1, 2, 2.0, 0.2, 1.0, 9.0))
    assert session.training.status.phase == "finishing"
    session.cancel()
    assert not session.training.busy
    assert trainer.wishes == [Wish.PAUSE, Wish.RESUME, Wish.FINISH, Wish.CANCEL]
    assert "cancelled" in heard[-1][1]


@pytest.mark.parametrize(
    "message", [Failed(1, "out of memory"), Died("killed by signal 9 (SIGKILL)"), Cancelled(1)]
)
def test_a_job_that_ends_badly_changes_nothing(session, trainer, heard, message):
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    before = session.annotations.labels.copy()
    session.training.train()
    number = trainer.jobs[-1].number
    if not isinstance(message, Died):
        message = type(message)(number, *([message.reason] if hasattr(message, "reason") else []))
    half = result(trainer.jobs[-1], code=3, digest="m2")[:2]
    say(session, trainer, *half, message)
    np.testing.assert_array_equal(session.annotations.labels, before)
    assert session.model.digest == "m1"
    assert not session.training.busy
    assert heard[-1][0] == "ended"
    if hasattr(message, "reason"):
        assert message.reason in heard[-1][1]
    session.training.train()  # and it can go on


def test_results_of_an_older_job_are_dropped(session, trainer):
    session.labelling.annotate(A, square())
    session.training.train()
    old = trainer.jobs[-1]
    session.cancel()
    session.training.train()
    say(session, trainer, *result(old, code=3))
    assert session.training.busy
    assert session.model is None
    assert not session.annotations.labels[B].any()


def test_a_failed_training_without_model_is_said(session, trainer, heard):
    session.labelling.annotate(A, square())
    session.training.train()
    say(session, trainer, Done(1))
    assert "training failed" in heard[-1][1]


def test_training_needs_something_to_learn_from(session):
    with pytest.raises(InputError, match="nothing to learn from yet"):
        session.training.train()
    session.confirm(A)  # "no heart here" alone teaches nothing
    with pytest.raises(InputError, match="nothing to learn from yet"):
        session.training.train()


def test_one_job_at_a_time(session):
    session.labelling.annotate(A, square())
    session.training.train()
    with pytest.raises(InputError, match="training is running"):
        session.training.train()


def test_opening_another_stack_stops_the_job_and_keeps_the_model(session, trainer):
    session.labelling.annotate(A, square())
    train(session, trainer)
    session.training.train()
    session.open(Stack(np.ones((1, 2, 8, 8)), np.eye(4)))
    assert trainer.wishes[-1] is Wish.CANCEL
    assert session.model.digest == "m1"
    assert not session.annotations.labels.any()
    assert session.doubt.confidence is None


def test_earlier_labels_are_taken_up_protected(session):
    labels = np.zeros(SHAPE, np.uint8)
    labels[A] = square(2)
    session.open(session.stack, labels)
    assert session.annotations.slices(SliceState.EDITING) == (A,)
    with pytest.raises(InputError, match="choose labels made on this image"):
        session.open(session.stack, labels[:1])


def test_nothing_works_without_a_stack():
    session = Session(trainer=ScriptedTrainer())
    for verb in (
        lambda: session.labelling.annotate(A, square()),
        session.training.train,
        lambda: session.stack,
    ):
        with pytest.raises(InputError, match="no stack is open"):
            verb()


def test_export(session, trainer, tmp_path):
    session.labelling.annotate(A, square(1))
    path = session.export.masks(tmp_path / "mask.nii.gz", ACDC)
    image = nib.load(path)
    assert image.shape == (8, 8, 3, 2)
    assert np.asarray(image.dataobj)[4, 3, 1, 0] == 3
    with pytest.raises(InputError, match="no model yet"):
        session.export.model(tmp_path / "m.safetensors")
    train(session, trainer)
    assert session.export.model(tmp_path / "m.safetensors").read_bytes() == b"weights of m1"


def test_a_session_never_loads_torch_or_qt():
    code = (
        "import sys, napari_cardiac_ssl.session;"
        "print([m for m in ('torch', 'qtpy', 'napari') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
