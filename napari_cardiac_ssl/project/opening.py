"""How project files are made, opened, copied and, where they are damaged, put aside."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, is_there, replacing
from napari_cardiac_ssl.project.faults import NotWritableError, refusing
from napari_cardiac_ssl.project.journal import Journal
from napari_cardiac_ssl.project.lock import Lock
from napari_cardiac_ssl.project.rows import lay_out
from napari_cardiac_ssl.project.schema import (
    LOGS,
    WAIT_S,
    check,
    check_whole,
    connect,
    connect_to_read,
    migrate,
)
from napari_cardiac_ssl.project.seals import seal

#: How long a commit waits for another program before it is put off: the window stands still.
PATIENCE_MS = 100


def make(path: Path) -> None:
    """Make a new file, whole or not at all.

    Raises
    ------
    InputError
        If it is there already, or cannot be written.
    """
    if is_there(path):
        raise InputError(f"{path} is there already; open it, or choose another name")
    try:
        with refusing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path):
                if is_there(path):  # two windows open the same image at the same moment
                    raise InputError(f"{path} is there by now; open it")
                with replacing(path) as beside, contextlib.closing(sqlite3.connect(beside)) as new:
                    lay_out(new)
    except NotWritableError as error:  # there is nothing to read either
        raise InputError(
            f"{error.why}; choose another place, or make room and try again"
        ) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = Lock(path)
    try:
        yield
    finally:
        lock.release()


def open_to_write(path: Path, *, wait_s: float = WAIT_S) -> Journal:
    """Open a file, bring it up to date, and keep others from writing to it.

    Parameters
    ----------
    path
        The file.
    wait_s
        How long to wait for another program that holds it.

    Raises
    ------
    DamagedError
        If SQLite finds it damaged.
    LockedError, NotWritableError
        If it cannot be written now, but perhaps read.
    InputError
        If it is no project, or of a newer version.
    """
    check(path)
    lock = Lock(path)
    with contextlib.ExitStack() as unless_opened:
        unless_opened.callback(lock.release)
        with refusing(path):
            db = connect(path, wait_s=wait_s)
            unless_opened.callback(db.close)
            check_whole(db, path)
            db.execute("PRAGMA journal_mode=WAL").fetchall()
            migrate(db)
            db.execute("BEGIN IMMEDIATE")  # refused where a read-only file has a log already
            db.execute("ROLLBACK")
            db.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        unless_opened.pop_all()
    return Journal(db, path, lock)


def open_to_read(path: Path) -> Journal:
    """Open a file without writing to it, nor beside it.

    Raises
    ------
    InputError
        If it is no project, of a newer version, damaged, or cannot be read.
    """
    check(path)
    with refusing(path):
        return Journal(connect_to_read(path), path, read_only=True)


def write_copy(db: sqlite3.Connection, path: Path) -> None:
    """Write all of a project to a file, replacing what is there.

    Raises
    ------
    InputError
        If it cannot be written.
    LockedError
        If somebody has the file that is there open.
    """
    check_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(path), replacing(path) as beside:
            with contextlib.closing(sqlite3.connect(beside)) as copy:
                db.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            for log in LOGS:  # of the file that is replaced
                path.with_name(path.name + log).unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise InputError(f"cannot write {path}: {error}; choose another place") from error


def put_aside(path: Path) -> Path:
    """Give a damaged file, and what belongs to it, another name; return that.

    Raises
    ------
    InputError
        If it cannot have another.
    """
    at = f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    names = itertools.chain([at], (f"{at}-{number}" for number in itertools.count(2)))
    aside = next(one for name in names if not is_there(one := path.with_suffix(f".{name}")))
    with refusing(path), _locked(path):
        path.rename(aside)
        for log in LOGS:  # beside another file they would be taken for its own
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + log).rename(aside.with_name(aside.name + log))
    return aside


def fingerprint(db: sqlite3.Connection) -> bytes:
    """Return a digest of the work that a project holds; models come with a step of it."""
    queries = (
        "SELECT id, undone FROM steps ORDER BY id",
        "SELECT stack, t, z, seal FROM slices ORDER BY stack, t, z",
        "SELECT kind, subject, value FROM state WHERE kind != 'lineage'",
    )
    return seal(*(value for query in queries for row in db.execute(query) for value in row))
