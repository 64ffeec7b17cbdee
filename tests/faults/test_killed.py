"""A process that works on a project, killed at random: what it had acknowledged is there."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session import Session

from . import worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

DEATHS = 100
#: Seconds after which something does not come any more, where others work the machine.
PATIENCE_S = 300
PROTECTED = {"editing", "expert", "excluded"}


def wait_until(condition, meanwhile=lambda: time.sleep(0.001)):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        meanwhile()


@pytest.fixture
def workers():
    script = Path(worker.__file__)
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield server
        server.stdin.close()


def said(path):
    """The verb that was not acknowledged any more, and the state after the last that was."""
    lines = Path(f"{path}.acks").read_bytes().splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
    states = [line["state"] for line in whole if "state" in line]
    flight = whole[-1] if whole and "verb" in whole[-1] else {"verb": None}
    return flight, states[-1] if states else None, len(states)


def may_be_other(flight, index, was, now):
    """Whether the verb that was under way may have made a slice what it is now."""
    if flight["verb"] in {"undo", "redo"}:
        return True
    if flight["verb"] == "refresh":
        return was[1] not in PROTECTED and now[1] == "predicted"
    return flight["verb"] in {"stroke", "confirm", "revert"} and flight["slice"] == index


def test_killed_at_a_hundred_moments_nothing_acknowledged_is_lost(workers, tmp_path):
    path = tmp_path / "work.cardiac"
    rng = np.random.default_rng(7)
    acknowledged = 0
    for death in range(DEATHS):
        Path(f"{path}.acks").write_bytes(b"")
        workers.stdin.write(f"{path} {death}\n")
        workers.stdin.flush()
        pid = int(workers.stdout.readline())
        if death % 4:
            work = int(rng.integers(1, 40))
            wait_until(lambda: Path(f"{path}.acks").read_bytes().count(b"\n") >= work)  # noqa: B023
            time.sleep(rng.uniform(0.0, 0.02))  # anywhere in what comes next
        else:
            time.sleep(rng.uniform(0.0, 0.3))  # while it opens the project, on most machines
        os.kill(pid, signal.SIGKILL)
        assert workers.stdout.readline() == "gone\n"
        flight, expected, number = said(path)
        acknowledged += number
        if not path.exists():
            assert expected is None
            continue
        session = Session(trainer=worker.NoisyTrainer(rng))
        session.open_project(path)  # checks the database
        session.open(worker.image())
        found = worker.state(session)
        for index, now in found.items() if expected else ():
            was = expected[index]
            assert now == was or may_be_other(flight, index, was, now), (death, flight, index)
        if session.model:
            assert len(session.model.data) == 1_200_000
        session.close()
        # What is there is whole; what was being written has another name, which nobody takes.
        for file in tmp_path.iterdir():
            if file.name.endswith(".nii.gz") and not file.name.startswith("."):
                assert nib.load(file).get_fdata().shape == worker.SHAPE[::-1]
            assert file.name.startswith((".", path.name))
    assert acknowledged > 2 * DEATHS  # it did work in between


def by_expert(session):
    """What undo is of: the slices that are not a model's."""
    models = {"unlabelled", "predicted"}
    return {where: what for where, what in worker.state(session).items() if what[1] not in models}


def test_after_all_that_the_whole_history_can_be_walked(workers, tmp_path):
    path = tmp_path / "work.cardiac"
    Path(f"{path}.acks").write_bytes(b"")
    for seed in range(3):
        workers.stdin.write(f"{path} {seed}\n")
        workers.stdin.flush()
        pid = int(workers.stdout.readline())
        wait_until(lambda: Path(f"{path}.acks").stat().st_size >= 20_000 * (seed + 1))  # noqa: B023
        os.kill(pid, signal.SIGKILL)
        workers.stdout.readline()
    session = Session(trainer=worker.NoisyTrainer(np.random.default_rng(0)))
    session.open_project(path)
    session.open(worker.image())
    left = by_expert(session)
    assert left
    steps = 0
    while session.history.undoable:
        session.undo()
        steps += 1
    assert steps > 10
    assert not by_expert(session)
    for _ in range(steps):
        session.redo()
    assert by_expert(session) == left
    session.close()


def test_a_disk_that_fills_up_is_said_and_work_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a small disk")
    try:
        rng, told = np.random.default_rng(0), []
        session = Session(trainer=worker.NoisyTrainer(rng))
        session.signals.trouble.connect(told.append)
        session.open_project(disk / "work.cardiac")
        session.open(worker.image())
        for _ in range(500):
            if told:
                break
            index = (int(rng.integers(2)), int(rng.integers(3)))
            session.labelling.annotate(index, rng.integers(0, 4, worker.SHAPE[2:], np.uint8))
            session.process_messages()
        assert "make room on the disk of" in told[0]
        with pytest.raises(InputError, match="No space left on device"):
            session.export.masks(disk / "mask.nii.gz")
        assert not (disk / "mask.nii.gz").exists()
        index = (0, 0)
        session.labelling.annotate(index, np.full(worker.SHAPE[2:], 2, np.uint8))
        left = worker.state(session)
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        wait_until(lambda: len(told) >= 2, lambda: session.process_messages(0.05))
        assert told[1:] == ["everything is saved again"]
        session.close()
        again = Session(trainer=worker.NoisyTrainer(rng))
        again.open_project(disk / "work.cardiac")
        again.open(worker.image())
        assert worker.state(again) == left
        again.close()
        assert [file.name for file in disk.iterdir()] == ["work.cardiac"]
    finally:
        subprocess.run(["umount", str(disk)], check=False)
