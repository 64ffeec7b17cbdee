"""The trainer process, killed at random moments while the expert goes on drawing."""

import os
import signal
import time

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study

DEATHS = 20


@pytest.mark.timeout(1800)  # each death costs a new process, which loads torch
def test_killed_at_twenty_moments_nothing_is_lost_and_work_goes_on(tmp_path):
    heart = make_study(2, frames=2, slices=4, size=64, lax=False)
    stack, truth = heart.study.stack(View.SAX), heart.masks[View.SAX]
    rng = np.random.default_rng(3)
    session, ended = Session(who="reader"), []
    session.signals.job_ended.connect(ended.append)
    steps = []
    session.signals.job_changed.connect(
        lambda status: status.progress and steps.append(status.progress)
    )
    session.open_project(tmp_path / "work.cardiac")
    session.open(stack)
    session.labelling.annotate(SliceIndex(0, 2), truth[0, 2])
    pids = set()
    for death in range(DEATHS):
        if not session.training.busy:
            session.training.train(steps=100_000)  # never over by itself
        if death % 2:  # amid training
            done = len(steps) + rng.integers(1, 20)
            while len(steps) < done:
                session.process_messages(0.02)
        else:  # at any moment, most often while torch is loaded
            until = time.monotonic() + rng.uniform(0, 4)
            while time.monotonic() < until:
                session.process_messages(0.02)
        index = SliceIndex(int(rng.integers(2)), int(rng.integers(4)))
        session.labelling.annotate(index, rng.integers(0, 4, (64, 64), np.uint8))
        drawn = session.annotations.labels.copy()
        pid = session.training.trainer_pid
        pids.add(pid)
        os.kill(pid, signal.SIGKILL)
        while session.training.trainer_pid == pid:
            session.process_messages(0.02)
        np.testing.assert_array_equal(session.annotations.labels, drawn)
    assert len(pids) == DEATHS
    told = [how for how in ended if "SIGKILL" in how]
    assert len(told) == len(ended) == DEATHS // 3  # twice it goes on by itself, then it is told
    if session.training.busy:
        session.cancel()
    session.labelling.annotate(SliceIndex(0, 2), truth[0, 2])
    left = session.annotations.labels.copy()
    session.training.train(steps=3)
    session.wait()
    assert "learned from" in ended[-1]
    np.testing.assert_array_equal(session.annotations.labels[0, 2], left[0, 2])
    session.close()
    again = Session()
    again.open_project(tmp_path / "work.cardiac")
    again.open(stack)
    np.testing.assert_array_equal(again.annotations.labels[0, 2], left[0, 2])
    assert again.model is not None
    again.close()
