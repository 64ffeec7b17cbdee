"""The real trainer process: started, asked, killed."""

import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import psutil
import pytest
from safetensors import safe_open

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.learning.checkpoint import model_from_bytes
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.trainer import handle

#: The trainer gives way to all else: on a busy machine it takes minutes.
pytestmark = pytest.mark.timeout(1800)

DRAWN = SliceIndex(0, 2)
#: Never over by itself, however fast the machine is.
ENDLESS = 100_000


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def states(session):
    return list(Path(session.training._trainer._folder).glob("job-*.state"))


def steps_in(state):
    """Return how many steps the run whose state this is has behind it."""
    with safe_open(state, "pt") as file:
        said = file.metadata()["napari-cardiac-ssl pre-training"]
    return json.loads(said)["steps"]


def wait_until(condition, session=None, seconds=1500.0):
    """Wait, as long as a busy machine may take; what the trainer says meanwhile is taken in."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        if session:
            session.process_messages(0.05)
        else:
            time.sleep(0.01)


def hold(pid):
    """Stop a process without its knowing: as in a step that lasts for ever."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)


@pytest.fixture(scope="module")
def heart():
    return make_study(2, frames=2, slices=5, size=64, lax=False)


@pytest.fixture
def session(heart):
    session = Session(who="reader")
    session.open(heart.study.stack(View.SAX))
    session.labelling.annotate(DRAWN, heart.masks[View.SAX][DRAWN])
    yield session
    session.close()


@pytest.fixture
def ended(session):
    ended = []
    session.signals.job_ended.connect(ended.append)
    return ended


def started(session):
    session.training.train(steps=ENDLESS)
    wait_until(lambda: session.training.status.progress is not None, session)


def test_it_learns_and_predicts(session, ended, heart):
    drawn = session.annotations.labels[DRAWN].copy()
    session.training.train(steps=3)
    session.wait()
    assert "learned from 1 slice" in ended[-1]
    assert len(session.annotations.slices("predicted")) == 9
    np.testing.assert_array_equal(session.annotations.labels[DRAWN], drawn)
    model = model_from_bytes(session.model.data, "session")
    assert model.digest == session.model.digest
    assert model.card.trained_on[0].digest == heart.study.stack(View.SAX).digest
    assert session.training.compute.startswith("CPU") or "," in session.training.compute
    session.wait(uncertainty=True)
    assert (session.doubt.uncertainty > 0).all()
    # The same process does the next job.
    pid = session.training.trainer_pid
    session.training.train(steps=2)
    session.wait()
    assert session.training.trainer_pid == pid
    assert session.model.parent == model.digest


def test_it_reads_other_studies_that_it_is_to_learn_from(session, ended, heart, tmp_path):
    other = make_study(3, frames=1, slices=3, size=64, lax=False)
    stack = other.study.stack(View.SAX)
    path = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(stack.image.T.astype(np.float32), stack.affine), path)
    kept = read_stack(path)
    session.open(kept)
    session.labelling.annotate(SliceIndex(0, 1), other.masks[View.SAX][0, 1])
    session.confirm(SliceIndex(0, 1))
    session.open(heart.study.stack(View.SAX))
    digest = kept.digest
    del kept
    gc.collect()
    session.training.train(steps=2)
    session.wait()
    assert "learned from 2 slices" in ended[-1]
    card = model_from_bytes(session.model.data, "session").card
    assert {part.digest for part in card.trained_on} == {session.stack.digest, digest}


def test_the_shipped_weights_give_a_first_guess(heart, ended, session):
    session.labelling.revert(DRAWN)
    session.training.predict()
    session.wait()
    assert ended[-1].startswith("predicted 10 slices")
    assert (session.annotations.labels == 1).any()  # it finds an LV


def test_pausing_holds_and_resuming_goes_on(session):
    def rests():
        """Whether it says no step for a second, and not for want of a processor either."""
        before, end = session.training.status.progress.step, time.monotonic() + 1
        while time.monotonic() < end:
            session.process_messages(0.05)
            if trainer.status() != psutil.STATUS_SLEEPING:
                return False
        return session.training.status.progress.step == before

    started(session)
    trainer = psutil.Process(session.training.trainer_pid)
    session.training.pause()
    wait_until(rests, session)  # the step that was under way is done first
    held = session.training.status.progress.step
    session.training.resume()
    wait_until(lambda: session.training.status.progress.step > held, session)
    session.cancel()


def test_finishing_keeps_what_was_learned(session, ended):
    started(session)
    session.training.finish()
    session.wait()
    assert "learned from" in ended[-1]
    assert session.model is not None


def test_cancelling_ends_the_job_and_leaves_nothing(session, ended, monkeypatch):
    """How quickly, benchmarks/stalls.py measures."""
    monkeypatch.setattr(handle, "CANCEL_GRACE_S", 1e9)  # it stops by itself, it is not killed
    started(session)
    pid = session.training.trainer_pid
    session.cancel()
    assert not session.training.busy
    wait_until(lambda: not session.training._trainer.busy, session)
    assert session.training.trainer_pid == pid
    assert session.model is None
    assert session.annotations.slices("predicted") == ()
    session.training.train(steps=1)
    session.wait()
    assert "learned" in ended[-1]


def test_a_trainer_that_does_not_listen_is_stopped(session, ended, monkeypatch):
    started(session)
    pid = session.training.trainer_pid
    hold(pid)
    session.cancel()
    clock = itertools.count(
        session.training._trainer._looked, 0.2
    )  # seconds, one more at each look
    with monkeypatch.context() as patched:
        patched.setattr(handle, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        for _ in range(4):  # 0, 0.2, 0.4 and 0.6 s
            session.process_messages()
        assert session.training.trainer_pid == pid  # it is given time
        session.process_messages()
        assert session.training.trainer_pid != pid
    assert not alive(pid)
    session.training.train(steps=1)
    session.wait()
    assert "learned" in ended[-1]


def test_a_killed_trainer_is_replaced_and_goes_on_from_its_state(session, ended):
    said, steps = [], []
    started(session)
    wait_until(lambda: states(session), session)
    first = session.training.trainer_pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first))  # another is started when its messages are taken in
    [state] = states(session)
    kept = steps_in(state)
    session.signals.said.connect(lambda text: (said.append(text), steps.clear()))
    session.signals.job_changed.connect(
        lambda status: status.progress and steps.append(status.progress)
    )
    wait_until(lambda: said, session)
    assert said == [
        "the trainer process was killed by signal 9 (SIGKILL), perhaps for lack of memory; another "
        "goes on from where it was"
    ]
    wait_until(lambda: steps, session)
    assert steps[0].step == kept + 1 > 1  # not from the beginning
    assert session.training.trainer_pid != first
    session.training.finish()
    session.wait()
    assert "learned from 1 slice" in ended[-1]
    assert model_from_bytes(session.model.data, "session").card.recipe["steps"] > kept
    assert states(session) == []


def test_a_trainer_that_dies_again_and_again_is_told_and_loses_nothing(session, ended):
    labels = session.annotations.labels.copy()
    started(session)
    for _ in range(handle.MOST_RESTARTS + 1):
        assert session.training.busy
        os.kill(session.training.trainer_pid, signal.SIGKILL)
        wait_until(lambda: session.training.status.phase != "training", session)
        wait_until(
            lambda: session.training.status.phase == "training" or not session.training.busy,
            session,
        )
    assert "killed by signal 9 (SIGKILL)" in ended[-1]
    assert "all labels and the model are as they were" in ended[-1]
    np.testing.assert_array_equal(session.annotations.labels, labels)
    session.training.train(steps=1)
    session.wait()
    assert "learned" in ended[-1]


def test_a_trainer_that_hangs_is_replaced(session, ended, monkeypatch):
    said = []
    session.signals.said.connect(said.append)
    started(session)
    hold(session.training.trainer_pid)
    with monkeypatch.context() as patched:
        patched.setattr(handle, "HUNG_S", 2.5)
        wait_until(lambda: said, session)
    assert "stopped: it had not answered" in said[0]
    wait_until(lambda: session.training.status.progress is not None, session)
    session.training.finish()
    session.wait()
    assert "learned" in ended[-1]


def test_a_computer_that_slept_is_no_reason_to_lose_patience(session, monkeypatch):
    started(session)
    slept = time.monotonic
    monkeypatch.setattr(handle.time, "monotonic", lambda: slept() + 10 * handle.HUNG_S)
    pid = session.training.trainer_pid
    for _ in range(5):
        session.process_messages(0.05)
    assert session.training.trainer_pid == pid
    session.cancel()


def test_what_goes_wrong_inside_is_told(session, ended):
    session.training.train(steps=-1)
    session.wait()
    assert "training failed: the training budget must be positive, got -1" in ended[-1]


def test_closing_ends_the_process(session):
    started(session)
    pid = session.training.trainer_pid
    folder = Path(session.training._trainer._folder)
    session.close()
    assert not alive(pid)
    assert not folder.exists()
    assert not session.training.busy


def test_it_ends_with_its_parent_even_while_training():
    code = """
import sys
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
heart = make_study(2, frames=1, slices=3, size=64, lax=False)
session = Session()
session.open(heart.study.stacks[0])
session.labelling.annotate(SliceIndex(0, 1), next(iter(heart.masks.values()))[0, 1])
session.training.train(steps=100_000)
while session.training.status.progress is None:
    session.process_messages(0.1)
print(session.training.trainer_pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    wait_until(lambda: not alive(pid))
