"""What is no damage: the file stays where it is, it is said in a line, and work goes on."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import DamagedError, NotWritableError, Project, opening
from napari_cardiac_ssl.project.faults import refusal
from napari_cardiac_ssl.project.places import automatic_path
from napari_cardiac_ssl.session import Session, persistence

from .conftest import DIGEST, STACK, A, B, NoTrainer, content, model, stroke

resource = pytest.importorskip("resource", reason="permissions and limits as Unix has them")

NOBODY = 65534


@pytest.fixture
def folder(monkeypatch):
    """A folder that an ordinary user may write, and where projects are kept by themselves."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    monkeypatch.setenv("CARDIAC_SSL_HOME", str(folder))
    with as_user():
        yield folder
    for one in (folder, *folder.rglob("*")):
        if one.is_dir():
            one.chmod(0o700)
    shutil.rmtree(folder)


@contextlib.contextmanager
def as_user():
    """Permissions hold for an ordinary user; for root they do not."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


@pytest.fixture
def make():
    made = []

    def make():
        session = Session(trainer=NoTrainer(), who="reader")
        session.persistence.keeps_by_itself = True
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def drawn(folder, make):
    """The file of a stack on which something was drawn before."""
    session = make()
    session.open(STACK)
    session.labelling.annotate(A, np.full((4, 4), 2, np.uint8))
    session.close()
    return automatic_path(DIGEST)


def draws(session):
    """Open the stack and draw; return what is shown of before."""
    session.open(STACK)
    before = int(session.annotations.labels[A].sum())
    session.labelling.annotate(B, np.full((4, 4), 3, np.uint8))
    assert session.history.undoable == "stroke"
    return before


def wait_until_kept(session, monkeypatch):
    monkeypatch.setattr(persistence, "KEEP_S", 0.0)
    until = time.monotonic() + 60
    while session.persistence.not_kept and time.monotonic() < until:
        session.process_messages()
        time.sleep(0.01)
    assert session.persistence.not_kept is None


def assert_is_kept(make):
    again = make()
    again.open(STACK)
    assert again.persistence.not_kept is None
    assert again.annotations.labels[A].sum() == 32
    assert again.annotations.labels[B].sum() == 48


def test_a_read_only_file_in_a_folder_that_may_be_written(drawn, make, monkeypatch):
    before = drawn.read_bytes()
    drawn.chmod(0o444)
    session, said = make(), []
    session.signals.said.connect(said.append)
    assert draws(session) == 32  # it is read all the same
    assert "is not kept" in session.persistence.not_kept
    assert "it may not be written" in session.persistence.not_kept
    assert session.persistence.not_kept in said
    session.process_messages()
    assert session.persistence.not_kept
    assert [file.name for file in drawn.parent.iterdir()] == [drawn.name]
    assert drawn.read_bytes() == before
    drawn.chmod(0o644)
    wait_until_kept(session, monkeypatch)
    assert said[-1] == "everything is kept again"
    session.labelling.annotate(A, np.full((4, 4), 2, np.uint8))
    session.close()
    assert_is_kept(make)


def test_a_read_only_folder(drawn, make):
    drawn.parent.chmod(0o555)
    session = make()
    assert draws(session) == 32
    assert "Permission denied" in session.persistence.not_kept
    session.close()
    drawn.parent.chmod(0o755)
    assert [file.name for file in drawn.parent.iterdir()] == [drawn.name]


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",), ("-shm",), ()])
def test_what_a_crash_has_left_on_a_share_that_is_read_only(drawn, left):
    writer = Project.open(drawn)
    writer.add_step(DIGEST, stroke(3, B))
    share = drawn.parent.parent / "share"
    share.mkdir()
    for end in ("", *left):
        shutil.copy(f"{drawn}{end}", share / f"a.cardiac{end}")
    (share / ".a.cardiac.lock").write_text('{"process": 1, "host": "x", "since": "y"}')
    writer.close()
    for file in share.iterdir():
        file.chmod(0o444)
    share.chmod(0o555)
    before = {file.name: file.read_bytes() for file in share.iterdir()}
    with pytest.raises(NotWritableError, match="Permission denied; open it to read"):
        Project.open(share / "a.cardiac")
    kept = Project.open(share / "a.cardiac", read_only=True)
    assert kept.contents(DIGEST).keys() == ({A, B} if "-wal" in left else {A})
    kept.close()
    assert {file.name: file.read_bytes() for file in share.iterdir()} == before


@pytest.mark.parametrize("statement", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "BEGIN"])
def test_another_program_holds_it_for_a_while(drawn, make, monkeypatch, statement):
    other = sqlite3.connect(drawn, isolation_level=None)
    other.execute(statement)
    if statement == "BEGIN":
        other.execute("SELECT count(*) FROM slices").fetchone()
    session = make()
    session.open(STACK)
    shown = int(session.annotations.labels[A].sum())
    assert shown == (0 if statement == "BEGIN EXCLUSIVE" else 32)
    assert "another program holds it" in session.persistence.not_kept
    assert ("cannot be shown" in session.persistence.not_kept) == (not shown)
    assert [file.name for file in drawn.parent.iterdir() if "damaged" in file.name] == []
    if shown:
        session.labelling.annotate(B, np.full((4, 4), 3, np.uint8))
    other.execute("ROLLBACK")
    other.close()
    wait_until_kept(session, monkeypatch)
    assert session.annotations.labels[A].sum() == 32
    session.labelling.annotate(B, np.full((4, 4), 3, np.uint8))
    session.close()
    assert_is_kept(make)


def test_what_somebody_else_did_meanwhile_is_never_written_over(drawn, make, monkeypatch):
    holder = Project.open(drawn)
    session = make()
    assert draws(session) == 32
    assert "open in another window" in session.persistence.not_kept
    holder.add_step(DIGEST, stroke(1, A))
    holder.close()
    monkeypatch.setattr(persistence, "KEEP_S", 0.0)
    for _ in range(3):
        session.process_messages()
    assert "its file holds other work by now; save it as a project" in session.persistence.not_kept
    theirs = Project.open(drawn)
    assert theirs.contents(DIGEST) == {A: content(1)}
    theirs.close()
    session.persistence.save_as(drawn.with_name("mine.cardiac"))
    assert session.persistence.not_kept is None


def test_a_model_that_carries_over_is_no_work_on_a_stack_that_cannot_be_read(
    drawn, make, monkeypatch
):
    other = sqlite3.connect(drawn, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    session = make()
    session.open(replace(STACK, image=STACK.image + 1))
    session.start_from(model())
    session.project.note_learned("m1", None, {"other": [A]})
    unused = session.project.path
    session.open(STACK)
    assert not unused.exists()
    assert "cannot be shown" in session.persistence.not_kept
    other.execute("ROLLBACK")
    other.close()
    wait_until_kept(session, monkeypatch)
    assert session.annotations.labels[A].sum() == 32
    assert session.project.learned("m1") == {"other": {A}}


def test_what_was_held_until_the_window_closed_is_kept_then(drawn, make):
    other = sqlite3.connect(drawn, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    session = make()
    assert draws(session) == 32
    other.execute("ROLLBACK")
    other.close()
    session.close()
    assert_is_kept(make)


def test_another_program_comes_in_the_midst_of_work(drawn, make, monkeypatch):
    session, told = make(), []
    session.signals.trouble.connect(told.append)
    session.open(STACK)
    other = sqlite3.connect(drawn, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    session.labelling.annotate(B, np.full((4, 4), 3, np.uint8))
    session.process_messages()
    assert "cannot be saved now (another program holds it" in told[0]
    other.execute("ROLLBACK")
    other.close()
    session.project._journal._next_try = 0.0
    session.process_messages()
    assert told[1:] == ["everything is saved again"]
    session.close()
    assert_is_kept(make)


def test_two_windows_open_a_new_image_at_the_same_moment(drawn, monkeypatch):
    """The one that comes second never writes over what the first has made."""
    seen = iter([False])  # by both, before either had made it
    monkeypatch.setattr(opening, "is_there", lambda path: next(seen, path.exists()))
    with pytest.raises(InputError, match="is there by now"):
        Project.create(drawn)
    kept = Project.open(drawn)
    assert kept.contents(DIGEST).keys() == {A}
    kept.close()


def test_another_window_that_did_nothing_more_gives_way(drawn, make, monkeypatch):
    holder = Project.open(drawn)
    session = make()
    assert draws(session) == 32
    holder.close()
    wait_until_kept(session, monkeypatch)
    session.close()
    assert_is_kept(make)


@pytest.mark.parametrize("there", [True, False])
def test_no_file_may_grow(drawn, make, monkeypatch, there):
    """As on a full disk, or with a quota: what is written fails, wherever."""
    if not there:
        drawn.unlink()
    session = make()
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        assert draws(session) == (32 if there else 0)
        assert "is not kept" in session.persistence.not_kept
        session.process_messages()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    wait_until_kept(session, monkeypatch)
    session.labelling.annotate(A, np.full((4, 4), 2, np.uint8))
    session.close()
    assert_is_kept(make)


def test_a_disk_that_is_full_when_the_image_is_opened(home, make, monkeypatch):
    disk = home / "projects"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a small disk")
    try:
        first = make()
        first.open(STACK)
        first.labelling.annotate(A, np.full((4, 4), 2, np.uint8))
        first.close()
        filling = disk / "filling"
        with contextlib.suppress(OSError), open(filling, "wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
        session = make()
        assert draws(session) == 32
        assert "full" in session.persistence.not_kept
        assert sorted(file.name for file in disk.iterdir()) == sorted(
            [automatic_path(DIGEST).name, filling.name]
        )
        filling.unlink()
        wait_until_kept(session, monkeypatch)
        session.close()
        assert_is_kept(make)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


@pytest.mark.parametrize("kind", ["read-only", "a file", "nobody may look"])
def test_a_home_that_cannot_be_written(folder, make, kind, monkeypatch):
    home = folder / "home"
    home.mkdir()
    monkeypatch.setenv("CARDIAC_SSL_HOME", str(home))
    if kind == "a file":
        (home / "projects").write_text("?")
    else:
        home.chmod(0o555 if kind == "read-only" else 0o000)
    session = make()
    assert draws(session) == 0
    assert "is not kept: cannot write" in session.persistence.not_kept
    session.persistence.save_as(folder / "mine.cardiac")
    assert session.persistence.not_kept is None
    home.chmod(0o755)


def test_only_a_damaged_file_is_put_aside_and_it_is_said_where(drawn, make):
    writer = Project.open(drawn)
    data = drawn.read_bytes()
    writer.close()
    drawn.write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
    drawn.with_name(f"{drawn.name}-wal").write_bytes(b"its log")
    session, told = make(), []
    session.signals.trouble.connect(told.append)
    assert draws(session) == 0
    (aside,) = (file for file in drawn.parent.iterdir() if file.suffix.startswith(".damaged-"))
    assert str(aside) in told[0]
    assert session.persistence.put_aside == told[0]
    assert session.persistence.not_kept is None
    assert aside.read_bytes().startswith(data[:1000])
    session.close()
    again = make()
    again.open(STACK)
    assert again.persistence.put_aside is None
    assert again.annotations.slices(SliceState.EDITING) == (B,)


def test_a_damaged_mask_is_refused_and_all_stays_as_it_was(drawn, make):
    kept = Project.open(drawn)
    kept._journal.db.execute("UPDATE slices SET mask=zeroblob(20)")
    kept.close()
    before = drawn.read_bytes()
    session = make()
    other = replace(STACK, image=STACK.image + 1)
    session.open(other)
    session.labelling.annotate(A, np.ones((4, 4), np.uint8))
    with pytest.raises(InputError, match=rf"a stored mask .*go back to a copy of it, {drawn}"):
        session.open(STACK)
    assert session.stack is other
    session.labelling.annotate(B, np.ones((4, 4), np.uint8))
    assert session.history.undoable == "stroke"
    session.close()
    assert drawn.read_bytes()[100:] == before[100:]  # past the head, where openings are counted


def test_what_is_not_ours_stays_where_it_is(drawn, make):
    other = sqlite3.connect(drawn)
    other.execute("PRAGMA application_id=7")
    other.close()
    session = make()
    assert draws(session) == 0
    assert "is not a project of Cardiac SSL" in session.persistence.not_kept
    assert drawn.exists()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_CORRUPT, DamagedError),
        (sqlite3.SQLITE_NOTADB, DamagedError),
        *(
            (code, NotWritableError)
            for code in (
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_LOCKED,
                sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_IOERR,
                sqlite3.SQLITE_IOERR_SHMSIZE,
                sqlite3.SQLITE_FULL,
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_PERM,
                sqlite3.SQLITE_PROTOCOL,
            )
        ),
        (sqlite3.SQLITE_ERROR, InputError),
    ],
)
def test_sqlite_s_verdicts(path, code, kind):
    error = sqlite3.OperationalError("it said so")
    error.sqlite_errorcode = code
    found = refusal(error, path)
    assert type(found) is kind
    assert "\n" not in str(found)
    assert str(path) in str(found)
    assert "it said so" in str(found)


@pytest.mark.parametrize("fault", [OSError(5, "Input/output error"), OSError(122, "Disk quota")])
def test_whatever_the_disk_says_while_it_is_opened(drawn, make, monkeypatch, fault):
    def failing(*_, **__):
        raise fault

    monkeypatch.setattr(opening, "connect", failing)
    session = make()
    assert draws(session) == 32
    assert fault.strerror in session.persistence.not_kept
    assert drawn.exists()


def test_a_project_by_name_that_cannot_be_written_is_offered_to_read(drawn, make):
    drawn.chmod(0o444)
    session = make()
    with pytest.raises(NotWritableError, match="or open it to read"):
        session.open_project(drawn)
    session.open_project(drawn, read_only=True)
    session.open(STACK)
    assert session.annotations.labels[A].sum() == 32
    with pytest.raises(InputError, match="was opened to read"):
        session.labelling.annotate(B, np.ones((4, 4), np.uint8))
