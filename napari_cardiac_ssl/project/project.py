"""The project file: all that a session knows, in a file that outlives it.

A project is a SQLite database. Whatever a session's verb changes is one transaction, committed
when the verb returns. A session without a file has a project too, in memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import REFRESH, SliceContent, State, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.project import opening, rows
from napari_cardiac_ssl.project.faults import DamagedError
from napari_cardiac_ssl.project.journal import Journal
from napari_cardiac_ssl.project.models import KeptModels
from napari_cardiac_ssl.project.places import automatic_path, home
from napari_cardiac_ssl.project.rows import KeptStack
from napari_cardiac_ssl.project.schema import connect, migrate
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How far back undo goes on each stack: so many steps, or so many bytes of compressed masks.
MOST_STEPS, MOST_BYTES = 500, 64 * 2**20
Kind = Literal[
    "phases", "landmarks", "view", "valve", "papillary", "insertion", "person", "lineage"
]
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
    models
        The models that were learned, and which of them is present.
    put_aside
        What became of a damaged file in whose place this was made; None as a rule.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.path, self.read_only = journal.path, journal.read_only
        self.put_aside: Path | None = None
        self.models = KeptModels(journal)
        self._step: int = journal.one("SELECT coalesce(max(id), 0) FROM steps")[0]

    # -- opening and closing ---------------------------------------------------------------

    @classmethod
    def in_memory(cls) -> "Project":
        """Make a project that goes with its session."""
        db = connect(None)
        migrate(db)
        return cls(Journal(db))

    @classmethod
    def create(cls, path: Path) -> "Project":
        """Make a new file.

        Raises
        ------
        InputError
            If it is there already, or cannot be written.
        """
        path = Path(path).absolute()
        opening.make(path)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> "Project":
        """Open a file; older layouts are brought up to date (opened to read: in memory).

        Raises
        ------
        DamagedError
            If SQLite finds it damaged.
        NotWritableError
            If it cannot be written now, but perhaps read: no right to, no room, another program.
        LockedError
            If somebody else has it open to write.
        InputError
            If it is no project, or of a newer version.
        """
        path = Path(path).absolute()
        journal = opening.open_to_read(path) if read_only else opening.open_to_write(path)
        try:
            return cls(journal)
        except BaseException:
            journal.drop()
            raise

    @classmethod
    def automatic(cls, digest: str) -> "Project":
        """Open the project that is kept by itself for a stack, or make it.

        A damaged one is put aside, for whoever can mend it: `put_aside` says where.

        Raises
        ------
        InputError
            If it can be neither opened nor made now; the file stays as it is. See `StandIn`.
        """
        path = automatic_path(digest)
        try:
            return cls.open(path) if is_there(path) else cls.create(path)
        except DamagedError:
            aside = opening.put_aside(path)
        project = cls.create(path)
        project.put_aside = aside
        return project

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
        self.models.write_all()
        opening.write_copy(self._journal.db, path)
        return Project.open(path)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by `close` or by the interpreter's end."""
        return self._journal.is_closed

    def close(self) -> None:
        """Write what is left, and let others open the file."""
        if self.is_closed:
            return
        self.models.write_all()
        unused = self.is_automatic and not self.trouble and not self.read_only and not self.is_used
        self._journal.close(remove=unused)

    @property
    def is_used(self) -> bool:
        """Whether something was done that is worth keeping."""
        used = "SELECT EXISTS(SELECT 1 FROM steps) OR EXISTS(SELECT 1 FROM slices)"
        said = "SELECT EXISTS(SELECT 1 FROM state WHERE kind != 'lineage' AND value != '{}')"
        return any(self._journal.one(query)[0] for query in (used, said))

    # -- stacks ----------------------------------------------------------------------------

    @property
    def stacks(self) -> tuple[KeptStack, ...]:
        """The stacks that were worked on, the last opened first."""
        found = self._journal.all(f"{rows.KEPT_STACKS} ORDER BY opened DESC, id DESC")
        kept, views = [rows.kept_stack(row, self.path) for row in found], self.views
        return tuple(replace(one, view=views.get(one.digest, one.view)) for one in kept)

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
        """Return all slices of a stack on which something was done.

        Raises
        ------
        InputError
            If one of them is not as it was written.
        """
        shape = self._journal.one("SELECT frames, slices FROM stacks WHERE digest=?", digest)
        found = self._journal.all(rows.SLICES, digest)
        try:
            return dict(rows.content(digest, shape, row) for row in found)
        except InputError as error:
            where = f", {self.path}, or move it away to begin anew" if self.path else ""
            raise InputError(f"{error}{where}") from error

    def last_done(self, digest: str) -> str:
        """Return when a slice of a stack became what it is, the last of all; empty if none has."""
        last = f"SELECT coalesce(max(at), '') FROM slices WHERE stack={rows.STACK}"
        return str(self._journal.one(last, digest)[0])

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
        """Take in a step that was done.

        What had been undone cannot be redone any more, but after a refresh: that is no expert's.

        Returns
        -------
        int
            The step's number, for `extend_step`.
        """
        self._step += 1
        is_refresh = step.what == REFRESH
        over = f"DELETE FROM steps WHERE stack={rows.STACK} AND undone"
        self._journal.commit(
            [
                *([] if is_refresh else [(over, (digest,))]),
                rows.step(self._step, digest, step),
                *rows.changes(self._step, digest, step.changes),
                *rows.said(self._step, step.state),
                (rows.FORGET_STEPS, {"digest": digest, "steps": MOST_STEPS, "bytes": MOST_BYTES}),
            ]
        )
        return self._step

    def extend_step(self, number: int, digest: str, changes: Changes) -> None:
        """Add changes to a step that is done bit by bit."""
        self._journal.commit(rows.changes(number, digest, changes))

    def undoable(self, digest: str) -> tuple[int, str] | None:
        """Return number and name of an expert's newest step that is done; None if none is."""
        return self._next(digest, "NOT undone", "DESC")

    def redoable(self, digest: str) -> tuple[int, str] | None:
        """Return number and name of the oldest step that is undone; None if none is."""
        return self._next(digest, "undone", "ASC")

    def _next(self, digest: str, which: str, order: str) -> tuple[int, str] | None:
        if self._journal.is_behind:  # what could be undone is not there yet
            return None
        found: tuple[int, str] | None = self._journal.one(
            f"SELECT id, what FROM steps WHERE stack={rows.STACK} AND {which} AND what != ? "
            f"ORDER BY id {order} LIMIT 1",
            digest,
            REFRESH,
        )
        return found

    def step(self, number: int) -> Step:
        """Return a step with all its changes."""
        what, with_model, *models = self._journal.one(
            "SELECT what, with_model, model_before, model_after FROM steps WHERE id=?", number
        )
        found = self._journal.all(f"{rows.CHANGES} WHERE step=?", number)
        changes = dict(rows.change(row) for row in found)
        state: dict[tuple[str, str], tuple[State, State]] = {
            (kind, subject): (rows.detail(before) or None, rows.detail(after) or None)
            for kind, subject, before, after in self._journal.all(rows.SAID, number)
        }
        before_and_after = (models[0], models[1]) if with_model else None
        return Step(rows.text(what), changes, before_and_after, state)

    def earlier(self, digest: str, index: SliceIndex) -> Iterator[SliceContent]:
        """Yield what a slice was before each step that changed it, the newest first."""
        for row in self._journal.each(rows.EARLIER, digest, *index):
            yield rows.change(row)[1][0]

    def refreshes(self, digest: str, model: str) -> Iterator[Step]:
        """Yield the steps in which a model's predictions were written, the newest first."""
        numbers = self._journal.all(
            f"SELECT id FROM steps WHERE stack={rows.STACK} AND NOT undone AND with_model "
            "AND model_after=? AND what=? ORDER BY id DESC",
            digest,
            model,
            REFRESH,
        )
        for (number,) in numbers:
            yield self.step(number)

    def move(
        self,
        digest: str,
        number: int,
        *,
        undone: bool,
        contents: Mapping[SliceIndex, SliceContent],
        known_better: Changes | None = None,
        state: Mapping[tuple[str, str], State] | None = None,
        present: tuple[View, str | None] | None = None,
    ) -> None:
        """Note that a step was undone or redone, and what holds now.

        Parameters
        ----------
        digest
            The stack.
        number
            The step.
        undone
            Whether it was undone, or redone.
        contents
            What its slices are now.
        known_better
            Changes of the step that were others than it knew: a model has written in between.
        state
            What is said of stacks now.
        present
            A view and the digest of its present model, if that is another now.
        """
        self._journal.commit(
            [
                ("UPDATE steps SET undone=? WHERE id=?", (undone, number)),
                *rows.changes(number, digest, known_better or {}),
                *(rows.slice_(digest, index, content) for index, content in contents.items()),
                *(rows.set_state(*key, value) for key, value in (state or {}).items()),
                *(rows.present(*present) if present else ()),
            ]
        )

    # -- state -----------------------------------------------------------------------------

    def set_state(self, kind: Kind, subject: str, value: Mapping[str, Any] | None) -> None:
        """Keep what holds of something until it is said otherwise. It is never pruned.

        Parameters
        ----------
        kind
            ``phases``, ``landmarks``, ``view``, ``valve``, ``papillary`` (where they are counted),
            ``insertion`` (of the RV) or ``person`` (size and sex) of a stack; ``lineage`` of a
            model.
        subject
            Digest of that stack or model.
        value
            Plain values, as JSON can hold them; with None it holds no more.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._journal.commit([rows.set_state(kind, subject, value)])

    def state(self, kind: Kind, subject: str) -> dict[str, Any] | None:
        """Return what holds of something; None if nothing was said, or it was taken back."""
        row = self._journal.one(rows.STATE, kind, subject)
        return (rows.detail(row[0]) or None) if row else None

    def take_over_state(self, other: "Project") -> None:
        """Take over what another project knows of views and landmarks, as far as it is newer.

        Each stack may have a project of its own; what holds of their study is known to all.
        """
        if not self.read_only:
            found = other._journal.all(rows.STATES_OF_STUDY)
            self._journal.commit([(rows.SET_NEWER_STATE, row) for row in found])

    def learned(self, model: str) -> dict[str, set[SliceIndex]]:
        """Return which slices of which stacks a model, or one it came from, has learned from."""
        found: dict[str, set[SliceIndex]] = {}
        seen: set[str] = set()
        ancestor: str | None = model
        while ancestor is not None and ancestor not in seen:
            seen.add(ancestor)
            lesson = self.state("lineage", ancestor) or {}
            for digest, slices in lesson.get("slices", {}).items():
                found.setdefault(digest, set()).update(SliceIndex(t, z) for t, z in slices)
            ancestor = lesson.get("parent")
        return found

    def note_learned(
        self, model: str, parent: str | None, slices: Mapping[str, Iterable[SliceIndex]]
    ) -> None:
        """Keep which slices of which stacks a model has learned from, and which it came from."""
        lists = {digest: sorted(some) for digest, some in slices.items()}
        self.set_state("lineage", model, {"parent": parent, "slices": lists})

    @property
    def views(self) -> dict[str, View]:
        """Which views stacks show, by digest, where somebody has corrected what was read."""
        found = ((d, rows.detail(value)) for d, value in self._journal.all(rows.STATES, "view"))
        return {digest: rows.view(value.get("view")) for digest, value in found if value}

    # -- events ----------------------------------------------------------------------------

    def note(self, what: str, detail: Mapping[str, Any], digest: str | None = None) -> None:
        """Keep something that happened: a training's curve, a validation. The oldest go.

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
        found = self._journal.all(rows.EVENTS, what, digest, digest)
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
