"""The project file: all that a session knows, in a file that outlives it.

A project is a SQLite database. Whatever a session's verb changes is one transaction, committed
when the verb returns. A session without a file has a project too, in memory.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import REFRESH, SliceContent, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, replacing
from napari_cardiac_ssl.learning.modelfile import ModelFile
from napari_cardiac_ssl.project import rows
from napari_cardiac_ssl.project.journal import Journal
from napari_cardiac_ssl.project.lock import Lock
from napari_cardiac_ssl.project.places import home
from napari_cardiac_ssl.project.rows import KeptStack
from napari_cardiac_ssl.project.schema import DamagedError, check, check_whole, migrate
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How far back undo goes on each stack: so many steps, or so many bytes of compressed masks.
MOST_STEPS, MOST_BYTES = 500, 64 * 2**20
#: So many models can be gone back to; of older ones it is kept what they were.
MOST_MODELS = 5
#: Bytes of a model that are written at a time: a few milliseconds.
PART_BYTES = 512 * 1024
#: No model is larger, whatever a file says.
MOST_MODEL_BYTES = 512 * 2**20

Changes = Mapping[SliceIndex, tuple[SliceContent, SliceContent]]


class Project:
    """What one or several sessions have done, kept.

    Made by `create`, `open`, `automatic` or `in_memory`.

    Attributes
    ----------
    path
        The file; None in memory.
    read_only
        Whether nothing can be changed.
    """

    def __init__(self, path: Path | None, lock: Lock | None, *, read_only: bool = False) -> None:
        self.path, self.read_only = path, read_only
        self._journal = Journal(path, lock, read_only=read_only)
        self._step = 0

    # -- opening and closing ---------------------------------------------------------------

    @classmethod
    def in_memory(cls) -> "Project":
        """Make a project that goes with its session."""
        project = cls(None, None)
        migrate(project._journal.db)
        return project

    @classmethod
    def create(cls, path: Path) -> "Project":
        """Make a new file.

        Raises
        ------
        InputError
            If it is there already, or cannot be written.
        """
        path = Path(path).absolute()
        if path.exists():
            raise InputError(f"{path} is there already; open it, or choose another name")
        with replacing(path) as beside, contextlib.closing(sqlite3.connect(beside)) as new:
            rows.lay_out(new)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> "Project":
        """Open a file; older layouts are brought up to date.

        Raises
        ------
        InputError
            If it is no project, damaged, or of a newer version.
        LockedError
            If somebody else has it open to write.
        """
        path = Path(path).absolute()
        check(path)
        lock = None if read_only else Lock(path)
        try:
            return cls._opened(path, lock, read_only=read_only)
        except BaseException as error:
            if lock:  # also where it was not handed over yet
                lock.release()
            if isinstance(error, sqlite3.Error):
                raise DamagedError(
                    f"cannot open {path}: {error}; go back to a copy of it"
                ) from error
            raise

    @classmethod
    def _opened(cls, path: Path, lock: Lock | None, *, read_only: bool) -> "Project":
        project = cls(path, lock, read_only=read_only)
        try:
            check_whole(project._journal.db, path)
            if not read_only:
                project._journal.db.execute("PRAGMA journal_mode=WAL")
                migrate(project._journal.db)
            project._step = project._journal.one("SELECT coalesce(max(id), 0) FROM steps")[0]
        except BaseException:
            project._journal.drop()
            raise
        return project

    @classmethod
    def automatic(cls, digest: str) -> "Project":
        """Open the project that is kept by itself for a stack, or make it."""
        path = home() / f"{digest[:32]}.cardiac"
        try:
            return cls.open(path) if path.exists() else cls.create(path)
        except DamagedError:  # kept for whoever can mend it
            path.replace(path.with_suffix(f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
            return cls.create(path)

    @property
    def is_automatic(self) -> bool:
        """Whether it is kept by itself, without a name that somebody chose."""
        return self.path is not None and self.path.parent == home()

    def save_as(self, path: Path) -> "Project":
        """Write all of it to a new file, replacing what is there, and return that opened.

        Raises
        ------
        InputError
            If it cannot be written.
        LockedError
            If somebody has the file that is there open.
        """
        path = Path(path).absolute()
        if path == self.path:
            return self
        check_writable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write_models()
        lock = Lock(path)
        try:
            with replacing(path) as beside:
                with contextlib.closing(sqlite3.connect(beside)) as copy:
                    self._journal.db.backup(copy)
                    copy.execute("PRAGMA journal_mode=DELETE")
                for log in ("-wal", "-shm"):  # of the file that is replaced
                    path.with_name(path.name + log).unlink(missing_ok=True)
        except sqlite3.Error as error:
            raise InputError(f"cannot write {path}: {error}; choose another place") from error
        finally:
            lock.release()
        return Project.open(path)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by `close` or by the interpreter's end."""
        return self._journal.is_closed

    def close(self) -> None:
        """Write what is left, and let others open the file."""
        if self.is_closed:
            return
        self.write_models()
        unused = self.is_automatic and not self.trouble and not self._is_used()
        self._journal.close(remove=unused)

    def _is_used(self) -> bool:
        return self.read_only or bool(
            self._journal.one("SELECT EXISTS(SELECT 1 FROM steps) OR EXISTS(SELECT 1 FROM slices)")[
                0
            ]
        )

    # -- stacks ----------------------------------------------------------------------------

    @property
    def stacks(self) -> tuple[KeptStack, ...]:
        """The stacks that were worked on, the last opened first."""
        found = self._journal.db.execute(f"{rows.KEPT_STACKS} ORDER BY opened DESC, id DESC")
        return tuple(rows.kept_stack(row, self.path) for row in found)

    def keep_stack(self, stack: Stack) -> None:
        """Remember a stack: by its digest what it is, by its path where it was."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = self._journal.one("SELECT id FROM stacks WHERE digest=?", stack.digest)
        path = str(stack.path.absolute()) if stack.path else None
        if known and self.read_only:
            return
        if known:
            update = "UPDATE stacks SET opened=?, path=coalesce(?, path) WHERE digest=?"
            self._journal.commit([(update, (at, path, stack.digest))])
        else:
            self._journal.commit(
                [
                    (
                        "INSERT INTO stacks(digest, name, view, frames, slices, height, width, "
                        "path, opened) VALUES (?,?,?,?,?,?,?,?,?)",
                        (stack.digest, stack.name, stack.view, *stack.image.shape, path, at),
                    )
                ]
            )

    def contents(self, digest: str) -> dict[SliceIndex, SliceContent]:
        """Return all slices of a stack on which something was done."""
        found = self._journal.db.execute(rows.SLICES, (digest,))
        return {SliceIndex(t, z): rows.content(row) for t, z, *row in found}

    def remember_look(self, digest: str, look: Mapping[str, Any]) -> None:
        """Remember how a stack was looked at: the slice in view, the contrast."""
        if not self.read_only:
            text = json.dumps(look)
            self._journal.commit([("UPDATE stacks SET look=? WHERE digest=?", (text, digest))])

    def look(self, digest: str) -> dict[str, Any]:
        """Return how a stack was looked at last; empty if nobody has."""
        row = self._journal.one("SELECT look FROM stacks WHERE digest=?", digest)
        return rows.detail(row[0]) if row and row[0] else {}

    # -- history ---------------------------------------------------------------------------

    def add_step(self, digest: str, step: Step) -> int:
        """Take in a step that was done; what had been undone cannot be done again any more.

        Returns
        -------
        int
            The step's number, for `extend_step`.
        """
        self._step += 1
        self._journal.commit(
            [
                (f"DELETE FROM steps WHERE stack={rows.STACK} AND undone", (digest,)),
                rows.step(self._step, digest, step),
                *rows.changes(self._step, digest, step.changes),
                (rows.FORGET_STEPS, {"digest": digest, "steps": MOST_STEPS, "bytes": MOST_BYTES}),
            ]
        )
        return self._step

    def extend_step(self, number: int, digest: str, changes: Changes) -> None:
        """Add changes to a step that is done bit by bit."""
        self._journal.commit(rows.changes(number, digest, changes))

    def undoable(self, digest: str) -> tuple[int, str] | None:
        """Return number and name of the newest step that is done; None if there is none."""
        return self._next(digest, "NOT undone", "DESC")

    def redoable(self, digest: str) -> tuple[int, str] | None:
        """Return number and name of the oldest step that is undone; None if there is none."""
        return self._next(digest, "undone", "ASC")

    def _next(self, digest: str, which: str, order: str) -> tuple[int, str] | None:
        if self._journal.is_behind:  # what could be undone is not there yet
            return None
        found: tuple[int, str] | None = self._journal.one(
            f"SELECT id, what FROM steps WHERE stack={rows.STACK} AND {which} "
            f"ORDER BY id {order} LIMIT 1",
            digest,
        )
        return found

    def step(self, number: int) -> Step:
        """Return a step with all its changes."""
        what, with_model, *models = self._journal.one(
            "SELECT what, with_model, model_before, model_after FROM steps WHERE id=?", number
        )
        changes = {
            SliceIndex(t, z): (rows.packed(*before), rows.packed(*after))
            for t, z, *both in self._journal.db.execute(
                "SELECT t, z, before, mask_before, after, mask_after FROM changes WHERE step=?",
                (number,),
            )
            for before, after in [(both[:2], both[2:])]
        }
        return Step(what, changes, (models[0], models[1]) if with_model else None)

    def earlier(self, digest: str, index: SliceIndex) -> Iterator[SliceContent]:
        """Yield what a slice was before each step that changed it, the newest first."""
        for before in self._journal.db.execute(rows.EARLIER, (digest, *index)):
            yield rows.packed(*before)

    def refreshes(self, digest: str, model: str) -> Iterator[Step]:
        """Yield the steps in which a model's predictions were written, the newest first."""
        numbers = self._journal.db.execute(
            f"SELECT id FROM steps WHERE stack={rows.STACK} AND NOT undone AND with_model "
            "AND model_after=? AND what=? ORDER BY id DESC",
            (digest, model, REFRESH),
        ).fetchall()
        for (number,) in numbers:
            yield self.step(number)

    def move(
        self,
        digest: str,
        number: int,
        *,
        undone: bool,
        contents: Mapping[SliceIndex, SliceContent],
        present: tuple[View, str | None] | None = None,
    ) -> None:
        """Note that a step was undone or done again, and what its slices and model are now."""
        self._journal.commit(
            [
                ("UPDATE steps SET undone=? WHERE id=?", (undone, number)),
                *(rows.slice_(digest, index, content) for index, content in contents.items()),
                *(rows.present(*present) if present else ()),
            ]
        )

    # -- models ----------------------------------------------------------------------------

    def keep_model(self, model: ModelFile, view: View, previous: str | None) -> None:
        """Keep a model: in parts, as `retry` is called, or all of it by `set_present`."""
        if self.model_is_kept(model.digest):
            return
        self._journal.commit_later([rows.model(model, view, previous)])
        for number, start in enumerate(range(0, len(model.data), PART_BYTES)):
            part = memoryview(model.data)[start : start + PART_BYTES]
            insert = "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)"
            self._journal.commit_later([(insert, (model.digest, number, part))])
        self._journal.commit_later([("UPDATE models SET whole=1 WHERE digest=?", (model.digest,))])

    def write_models(self) -> None:
        """Write what is left of the models that are to be kept."""
        self._journal.write_parts()

    def set_present(self, view: View, digest: str | None) -> None:
        """Make a model the present one of a view; with None there is none any more."""
        self.write_models()
        self._journal.commit(
            [
                *rows.present(view, digest),
                (rows.FORGET_PARTS, {"view": view, "models": MOST_MODELS}),
                (rows.MARK_FORGOTTEN, {}),
            ]
        )

    def present(self, view: View) -> str | None:
        """Return the digest of a view's present model."""
        row = self._journal.one("SELECT model FROM present WHERE view=?", view)
        return row[0] if row else None

    def previous(self, digest: str) -> str | None:
        """Return which model was present before another."""
        row = self._journal.one("SELECT previous FROM models WHERE digest=?", digest)
        return row[0] if row else None

    def model_is_kept(self, digest: str) -> bool:
        """Whether a model can be gone back to."""
        self.write_models()
        return bool(self._journal.one("SELECT 1 FROM models WHERE digest=? AND whole", digest))

    def model(self, digest: str) -> ModelFile:
        """Return a model.

        Raises
        ------
        InputError
            If it is not kept any more.
        """
        if not self.model_is_kept(digest):
            raise InputError("that model is not kept any more; train again")
        parent, learned, seconds = self._journal.one(
            "SELECT parent, slices_learned, seconds FROM models WHERE digest=?", digest
        )
        (size,) = self._journal.one("SELECT sum(length(data)) FROM parts WHERE model=?", digest)
        if (size or 0) > MOST_MODEL_BYTES:
            raise InputError(f"a model of {size / 2**20:.0f} MiB is in the project; it is not read")
        found = self._journal.db.execute(
            "SELECT data FROM parts WHERE model=? ORDER BY number", (digest,)
        )
        return ModelFile(digest, b"".join(data for (data,) in found), learned, parent, seconds)

    # -- events ----------------------------------------------------------------------------

    def note(self, what: str, detail: Mapping[str, Any], digest: str | None = None) -> None:
        """Keep something that happened: a training's curve, a validation.

        Parameters
        ----------
        what
            Kind of event.
        detail
            Plain values, as JSON can hold them.
        digest
            The stack it happened on.
        """
        if not self.read_only:
            self._journal.commit([rows.event(what, detail, digest), (rows.FORGET_EVENTS, {})])

    def notes(self, what: str, digest: str | None = None) -> tuple[dict[str, Any], ...]:
        """Return the events of one kind, the oldest first; of one stack or of all."""
        found = self._journal.db.execute(rows.EVENTS, {"what": what, "digest": digest})
        return tuple(rows.detail(detail) for (detail,) in found)

    # -- writing ---------------------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why what was done last could not be written; None if all is.

        It is kept in memory and tried again by `retry`.
        """
        return self._journal.trouble

    def refuse_if_read_only(self) -> None:
        """Refuse to change what could not be kept.

        Raises
        ------
        InputError
            If the project was opened to read.
        """
        self._journal.refuse_if_read_only()

    def retry(self) -> None:
        """Write what could not be written, or the next part of a model. To be called often."""
        self._journal.retry()
