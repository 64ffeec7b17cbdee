"""The lock: one holder at a time, no link followed, nothing of others' written."""

import os
import subprocess
import sys

import pytest

from napari_cardiac_ssl.project import LockedError, NotWritableError, Project
from napari_cardiac_ssl.project.lock import Lock

from .conftest import DIGEST, STACK, stroke

HAMMER = """
import sys, pathlib, time
from napari_cardiac_ssl.project.lock import Lock
from napari_cardiac_ssl.project import LockedError
project, own = pathlib.Path(sys.argv[1]), sys.argv[2]
inside, held = project.parent / "inside", 0
for _ in range(400):
    try:
        lock = Lock(project)
    except LockedError:
        continue
    held += 1
    with open(inside, "x") as file:  # fails if another is in here
        file.write(own)
    inside.unlink()
    lock.release()
print(held)
"""


@pytest.fixture
def project(path):
    kept = Project.create(path)
    kept.keep_stack(STACK)
    kept.add_step(DIGEST, stroke())
    kept.close()
    return path


@pytest.fixture
def lock(project):
    return project.parent / f".{project.name}.lock"


@pytest.fixture
def precious(tmp_path):
    file = tmp_path / "thesis.txt"
    file.write_text("years of work")
    return file


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling", "folder", "to a folder"])
def test_no_link_is_followed_and_nothing_of_others_is_written(project, lock, precious, kind):
    if kind == "symbolic":
        lock.symlink_to(precious)
    elif kind == "hard":
        lock.hardlink_to(precious)
    elif kind == "dangling":
        lock.symlink_to(precious.parent / "made")
    elif kind == "folder":
        lock.mkdir()
    else:
        lock.symlink_to(precious.parent)
    with pytest.raises(NotWritableError, match="to read"):
        Project.open(project)
    assert precious.read_text() == "years of work"
    assert not (precious.parent / "made").exists()
    assert os.path.lexists(lock)  # it is not ours to remove either
    kept = Project.open(project, read_only=True)
    assert len(kept.stacks) == 1
    kept.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_keeps_nobody_waiting(project, lock):
    os.mkfifo(lock)
    with pytest.raises(NotWritableError, match="is no lock of this program"):
        Project.open(project)


def test_a_file_of_somebody_else_s_stays(project, lock):
    lock.write_text("not ours")
    with pytest.raises(NotWritableError, match="but a file of somebody else's; remove it if"):
        Project.open(project)
    assert lock.read_text() == "not ours"


@pytest.mark.parametrize(
    "left", [b"", b'{"process": 1, "host": "x", "since": "y"}', b'{"process": ']
)
def test_what_a_crash_has_left_is_no_obstacle(project, lock, left):
    lock.write_bytes(left)
    kept = Project.open(project)
    assert b"process" in lock.read_bytes()
    kept.close()
    assert not lock.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_one_lock_by_whatever_link_the_project_is_found(project, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "link.cardiac").symlink_to(project)
    kept = Project.open(project)
    with pytest.raises(LockedError):
        Project.open(other / "link.cardiac")
    kept.close()
    Project.open(other / "link.cardiac").close()


def test_a_lock_that_was_removed_meanwhile_is_let_go_in_peace(project, lock):
    held = Lock(project)
    lock.unlink()
    lock.write_text("another's")
    held.release()
    held.release()
    assert lock.read_text() == "another's"


def test_never_two_at_a_time(project):
    hammers = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(project), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    held = [int(hammer.communicate()[0]) for hammer in hammers]
    assert [hammer.returncode for hammer in hammers] == [0, 0, 0]
    assert sum(held) > 100


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("log", ["-wal", "-shm", "-journal"])
def test_sqlite_follows_no_link_either(project, precious, log):
    project.with_name(project.name + log).symlink_to(precious)
    try:
        kept = Project.open(project)
        kept.add_step(DIGEST, stroke(2))
        kept.close()
    except NotWritableError:
        pass
    assert precious.read_text() == "years of work"
