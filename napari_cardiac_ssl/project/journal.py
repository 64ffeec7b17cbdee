"""How a project's file is written: one transaction for each change, in order, whatever happens.

What cannot be written, as on a full disk, waits in memory and is tried again. What is large is
written part by part, so that nobody has to wait for it.
"""

import contextlib
import sqlite3
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.project.faults import is_passing, trouble
from napari_cardiac_ssl.project.lock import Lock
from napari_cardiac_ssl.project.rows import Statement, bindable
from napari_cardiac_ssl.project.syncing import Syncing

#: How long after a failure it is tried again.
RETRY_S = 1.0


class Journal:
    """A project's database, and what is still to be written to it.

    Parameters
    ----------
    db
        The connection.
    path
        The file; None in memory.
    lock
        Held as long as the file is open; None to read, or in memory.
    read_only
        Whether nothing can be changed.

    Attributes
    ----------
    trouble
        Why what was committed last could not be written, and what to do; None if all is.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path | None = None,
        lock: Lock | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self.db, self.path, self.read_only = db, path, read_only
        self.trouble: str | None = None
        self._syncing = Syncing(path) if path and not read_only else None
        # Also for a project that nobody closes.
        self._let_go = weakref.finalize(self, _let_go, self.db, self._syncing, lock)
        self._unwritten: deque[list[Statement]] = deque()
        self._parts: deque[list[Statement]] = deque()
        self._next_try = 0.0

    def each(self, query: str, *values: Any) -> Iterator[Any]:
        """Yield the rows that a query finds.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        try:
            yield from self.db.execute(query, bindable(values))
        except sqlite3.Error as error:
            raise InputError(
                f"cannot read {self.path or 'temporary files'}: {error}; go back to a copy of it"
            ) from error

    def all(self, query: str, *values: Any) -> list[Any]:
        """Return the rows that a query finds, as `each` does."""
        return list(self.each(query, *values))

    def one(self, query: str, *values: Any) -> Any:
        """Return the first row that a query finds, as `each` does; None if there is none."""
        found = self.all(query, *values)
        return found[0] if found else None

    @property
    def is_behind(self) -> bool:
        """Whether something that was committed is not in the database yet."""
        return bool(self._unwritten)

    def refuse_if_read_only(self) -> None:
        """Refuse to change what could not be kept.

        Raises
        ------
        InputError
            If the project was opened to read.
        """
        if self.read_only:
            raise InputError(
                f"{self.path} was opened to read; save it under another name to work on it"
            )

    def commit(self, statements: Sequence[Statement]) -> None:
        """Make some changes one transaction. If it fails they wait, in order, for `retry`.

        What cannot be written whatever happens is ours to mend: it is raised, and does not wait.
        """
        self.refuse_if_read_only()
        self._unwritten.append(list(statements))
        self._flush()

    def commit_later(self, part: Sequence[Statement]) -> None:
        """Make some changes one transaction when `retry` or `write_parts` comes to them."""
        self._parts.append(list(part))

    def write_parts(self) -> None:
        """Write all that was left for later, before whatever is committed from now on."""
        while self._parts and not self._unwritten:
            self.commit(self._parts.popleft())
        self._unwritten += self._parts  # it cannot be written now: in order, later
        self._parts.clear()

    def retry(self) -> None:
        """Write what could not be written, or the next part of what was left for later."""
        if self.path and self._syncing and not is_there(self.path):
            self.trouble = f"{self.path} was moved or removed: save under another name"
        elif self._unwritten:
            if time.monotonic() >= self._next_try:
                self._flush()
        elif self._parts:
            self.commit(self._parts.popleft())
        elif self._syncing and self.trouble != self._syncing.error:
            self.trouble = self._syncing.error
            if self.trouble:
                self._syncing.want()

    def _flush(self) -> None:
        batch: list[Statement] | None = None
        try:
            self.db.execute("BEGIN IMMEDIATE")
            for batch in self._unwritten:
                for statement, values in batch:
                    try:
                        self.db.execute(statement, values)
                    except UnicodeEncodeError:  # before it was executed
                        self.db.execute(statement, bindable(values))
            self.db.execute("COMMIT")
        except BaseException as error:
            if self.db.in_transaction:  # whatever it was, the next must find none open
                with contextlib.suppress(sqlite3.Error):  # a broken disk; it is tried again
                    self.db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and is_passing(error):
                self.trouble = trouble(error, self.path)
                self._next_try = time.monotonic() + RETRY_S
                return
            if isinstance(error, Exception):  # or it would keep what comes after it from the file
                self._unwritten = deque(one for one in self._unwritten if one is not batch)
            raise
        self._unwritten.clear()
        self.trouble = None
        if self._syncing:
            self._syncing.want()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by `close`, `drop` or the interpreter's end."""
        return not self._let_go.alive

    def close(self, *, remove: bool = False) -> None:
        """Bring all to the disk and let others open the file; or remove it."""
        if self._syncing:
            self._syncing.close()
            with contextlib.suppress(sqlite3.Error):
                # A project at rest is one file, which can be read where nothing can be written.
                self.db.execute("PRAGMA journal_mode=DELETE").fetchall()
        if remove and self.path:
            with contextlib.suppress(OSError):  # it may stay as well
                self.path.unlink(missing_ok=True)
        self.drop()

    def drop(self) -> None:
        """Let go of the file as it is."""
        self._let_go()


def _let_go(db: sqlite3.Connection, syncing: Syncing | None, lock: Lock | None) -> None:
    if syncing:
        syncing.stop()
    db.close()
    if lock:
        lock.release()
