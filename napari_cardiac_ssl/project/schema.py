"""How a project file is laid out, and how older ones are brought up to date.

A file from elsewhere is not trusted: nothing in it is run, and nothing is believed before it was
looked at.
"""

import sqlite3
from pathlib import Path

from napari_cardiac_ssl.errors import InputError

#: "CSSL": how a project is told from any other SQLite file.
APPLICATION_ID = 0x4353534C
#: Pages of this size make small steps and whole models alike quick to write.
PAGE_BYTES = 8192

# Each script brings a file from the version before to the next; a new file runs them all.
_STACKS_AND_MODELS = """
CREATE TABLE stacks(
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL, view TEXT NOT NULL,
    frames INTEGER NOT NULL, slices INTEGER NOT NULL, height INTEGER NOT NULL,
    width INTEGER NOT NULL, path TEXT, opened TEXT NOT NULL, look TEXT);
CREATE TABLE slices(
    stack INTEGER NOT NULL REFERENCES stacks(id), t INTEGER NOT NULL, z INTEGER NOT NULL,
    state TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL, model TEXT, how TEXT NOT NULL,
    mask BLOB NOT NULL, PRIMARY KEY(stack, t, z));
CREATE TABLE models(
    digest TEXT PRIMARY KEY, view TEXT NOT NULL, parent TEXT, previous TEXT,
    slices_learned INTEGER NOT NULL, seconds REAL NOT NULL, at TEXT NOT NULL,
    whole INTEGER NOT NULL DEFAULT 0);
CREATE TABLE parts(
    model TEXT NOT NULL REFERENCES models(digest), number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY(model, number));
CREATE TABLE present(view TEXT PRIMARY KEY, model TEXT NOT NULL REFERENCES models(digest));
CREATE TABLE events(
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL,
    stack INTEGER REFERENCES stacks(id), detail TEXT NOT NULL);
"""
_HISTORY = """
CREATE TABLE steps(
    id INTEGER PRIMARY KEY, stack INTEGER NOT NULL REFERENCES stacks(id), what TEXT NOT NULL,
    at TEXT NOT NULL, with_model INTEGER NOT NULL, model_before TEXT, model_after TEXT,
    undone INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX steps_of_stack ON steps(stack, undone, id);
CREATE TABLE changes(
    step INTEGER NOT NULL REFERENCES steps(id) ON DELETE CASCADE, t INTEGER NOT NULL,
    z INTEGER NOT NULL, before TEXT NOT NULL, mask_before BLOB NOT NULL, after TEXT NOT NULL,
    mask_after BLOB NOT NULL, PRIMARY KEY(step, t, z));
"""
MIGRATIONS = (_STACKS_AND_MODELS, _HISTORY)


class DamagedError(InputError):
    """A project that cannot be read as it is."""


def connect(path: Path | None, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database file; without one, a private one that leaves nothing behind.

    Commits are in the operating system's hands when they return, whatever becomes of this process;
    `Syncing` brings them onto the disk itself.
    """
    name = "" if path is None else f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        name, uri=path is not None, isolation_level=None, check_same_thread=False, timeout=5
    )
    for setting in ("trusted_schema=OFF", "cell_size_check=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    if path is not None and not read_only:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"PRAGMA journal_size_limit={16 * 2**20}")
    return connection


def migrate(connection: sqlite3.Connection, upto: int = len(MIGRATIONS)) -> None:
    """Bring a file to the present layout, in one transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == upto:
        return
    scripts = "".join(MIGRATIONS[version:upto])
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {scripts} PRAGMA application_id={APPLICATION_ID};"
            f"PRAGMA user_version={upto}; COMMIT;"
        )
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check(path: Path) -> None:
    """See that a file is a project, whole and of a version that is known.

    Raises
    ------
    InputError
        In one line what it is instead, and what to do.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(100)
    except OSError as error:
        raise InputError(f"cannot open {path}: {error.strerror or error}") from error
    ours = int.from_bytes(head[68:72], "big") == APPLICATION_ID
    if not (head.startswith(b"SQLite format 3\0") and ours):
        raise InputError(f"{path} is not a project of Cardiac SSL; choose a .cardiac file")
    version = int.from_bytes(head[60:64], "big")
    if not 1 <= version <= len(MIGRATIONS):
        raise InputError(
            f"{path} has layout {version}, this version knows 1 to {len(MIGRATIONS)}; open it with "
            "a newer napari-cardiac-ssl"
        )


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """See that nothing in an opened file is damaged, and that nothing in it would run.

    Raises
    ------
    InputError
        If so.
    """
    hidden = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')")
    if (found := hidden.fetchone()) is not None:
        raise InputError(f"{path} holds {found[0]!r}, which no project does; it is not opened")
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise DamagedError(f"{path} is damaged ({said}); go back to a copy of it")
