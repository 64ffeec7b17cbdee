"""How a project file is laid out, and how older ones are brought up to date.

A file from elsewhere is not trusted: nothing in it is run, and nothing is believed before it was
looked at.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project.faults import DamagedError, code_of
from napari_cardiac_ssl.project.seals import teach

#: "CSSL": how a project is told from any other SQLite file.
APPLICATION_ID = 0x4353534C
#: Pages of this size make small steps and whole models alike quick to write.
PAGE_BYTES = 8192
#: What SQLite keeps beside a file while it is open, or after a crash.
LOGS = ("-wal", "-shm", "-journal")
_UNREADABLE_WITH_ITS_LOG = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
}
#: How long is waited for another program that holds the file: the window stands still meanwhile.
WAIT_S = 0.5

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
# What holds goes over from the log, which may be pruned, to a table of its own, which never is; and
# masks and models are sealed (`seals`).
_STATE_AND_SEALS = """
CREATE TABLE state(
    kind TEXT NOT NULL, subject TEXT NOT NULL, value TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY(kind, subject)) WITHOUT ROWID;
INSERT OR REPLACE INTO state
    SELECT what, stacks.digest, detail, events.at FROM events JOIN stacks ON stacks.id=stack
    WHERE what IN ('phases', 'landmarks') ORDER BY events.id;
DELETE FROM state WHERE value IN ('{}', '{"ed": null, "es": null}');
INSERT OR REPLACE INTO state
    SELECT 'lineage', model,
        json_object('parent', parent, 'slices', json_group_object(stack, json(slices))), at
    FROM (
        SELECT learned.id AS number, at, json_extract(detail, '$.model') AS model,
            json_extract(detail, '$.parent') AS parent, json_extract(one.value, '$[0]') AS stack,
            json_group_array(json_array(
                json_extract(one.value, '$[1]'), json_extract(one.value, '$[2]'))) AS slices
        FROM (SELECT * FROM events WHERE what='learned' AND json_valid(detail)) AS learned,
            json_each(detail, '$.slices') AS one
        GROUP BY learned.id, json_extract(one.value, '$[0]'))
    GROUP BY number ORDER BY number;
DELETE FROM events WHERE what IN ('phases', 'landmarks', 'learned');
ALTER TABLE slices ADD COLUMN seal BLOB;
UPDATE slices SET seal=seal(
    (SELECT digest FROM stacks WHERE id=stack), t, z, state, who, at, model, how, mask);
ALTER TABLE changes ADD COLUMN seal BLOB;
UPDATE changes SET seal=seal(step, t, z, before, mask_before, after, mask_after);
ALTER TABLE models ADD COLUMN checksum BLOB;
UPDATE models SET checksum=(
    SELECT checksum(data) FROM (SELECT data FROM parts WHERE model=digest ORDER BY number))
    WHERE whole;
"""
# Undo takes back what was said of stacks, too. It leaves refreshes alone, which an older version
# may have undone.
_SAID_IN_STEPS = """
CREATE TABLE said(
    step INTEGER NOT NULL REFERENCES steps(id) ON DELETE CASCADE, kind TEXT NOT NULL,
    subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    PRIMARY KEY(step, kind, subject)) WITHOUT ROWID;
DELETE FROM steps WHERE undone AND what='refresh';
"""
MIGRATIONS = (_STACKS_AND_MODELS, _HISTORY, _STATE_AND_SEALS, _SAID_IN_STEPS)


def connect(
    path: Path | None, *, read_only: bool = False, create: bool = True, wait_s: float = WAIT_S
) -> sqlite3.Connection:
    """Open a database file, or make it (`create`); without one, a private one in its place.

    Commits are in the operating system's hands when they return, whatever becomes of this process;
    `Syncing` brings them onto the disk itself.
    """
    mode = "ro" if read_only else "rwc" if create else "rw"
    name = "" if path is None else f"{path.absolute().as_uri()}?mode={mode}"
    return _set_up(name, path is not None and not read_only, wait_s)


def _set_up(name: str, to_write: bool, wait_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, uri=True, isolation_level=None, check_same_thread=False, timeout=wait_s
    )
    try:
        for setting in ("trusted_schema=OFF", "cell_size_check=ON", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        if to_write:
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute(f"PRAGMA journal_size_limit={16 * 2**20}")
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory(source: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """Return a project without a file: a new one, or a copy of another in today's layout.

    It needs no disk, which may be what is wrong.
    """
    connection = _set_up(":memory:", to_write=False, wait_s=WAIT_S)
    try:
        if source is not None:
            source.backup(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that nothing is written to, nor beside.

    What an older version or a crash has left cannot be brought up to date there: that is done to a
    copy in memory. So it is where a log lies beside the file and SQLite may not make what it needs
    to read it.

    Raises
    ------
    sqlite3.Error, OSError, InputError
        If it cannot be read, or is damaged.
    """
    try:
        connection = connect(path, read_only=True)
        try:
            check_whole(connection, path)
            if version_of(connection) == len(MIGRATIONS):
                return connection
            copy = in_memory(connection)
        except BaseException:
            connection.close()
            raise
        connection.close()
    except sqlite3.OperationalError as error:  # never a verdict of damage
        if code_of(error) not in _UNREADABLE_WITH_ITS_LOG:
            raise
        with tempfile.TemporaryDirectory() as folder:
            beside = Path(folder, "copy.cardiac")
            for end in ("", "-wal", "-journal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{end}", f"{beside}{end}")
            with contextlib.closing(connect(beside)) as whole:
                check_whole(whole, path)
                copy = in_memory(whole)
    return copy


def version_of(connection: sqlite3.Connection) -> int:
    """Return which layout an opened file has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, upto: int = len(MIGRATIONS)) -> None:
    """Bring a file to the present layout, in one transaction."""
    version = version_of(connection)
    if version == upto:
        return
    teach(connection)
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
    """See that a file is a project, of a version that is known.

    Raises
    ------
    InputError
        In one line what it is instead, and what to do.
    DamagedError
        If it is no database at all.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(100)
    except OSError as error:
        raise InputError(f"cannot open {path}: {error.strerror or error}") from error
    ours = int.from_bytes(head[68:72], "big") == APPLICATION_ID
    is_database = head.startswith(b"SQLite format 3\0")
    if not (is_database and ours):
        kind = InputError if is_database else DamagedError
        raise kind(f"{path} is not a project of Cardiac SSL; choose a .cardiac file")
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
