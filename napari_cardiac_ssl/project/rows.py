"""What the project says to SQLite, and what SQLite answers, as plain values."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceContent, SliceRecord, SliceState, State, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project.schema import PAGE_BYTES, migrate
from napari_cardiac_ssl.project.seals import seal
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import now

Word = TypeVar("Word", View, SliceState)
Statement = tuple[str, Sequence[Any] | Mapping[str, Any]]

STACK = "(SELECT id FROM stacks WHERE digest=?)"
KEPT_STACKS = (
    "SELECT digest, name, view, frames, slices, height, width, path, opened, "
    "(SELECT count(*) FROM slices WHERE stack=stacks.id AND state='expert') FROM stacks"
)
SLICES = f"SELECT t, z, state, who, at, model, how, mask, seal FROM slices WHERE stack={STACK}"
CHANGES = "SELECT step, t, z, before, mask_before, after, mask_after, seal FROM changes"
EARLIER = f"""
{CHANGES} JOIN steps ON steps.id=step
WHERE stack={STACK} AND NOT undone AND t=? AND z=? ORDER BY step DESC"""
# The steps of a stack that are too old, or past the bytes that it may fill; never the newest.
FORGET_STEPS = """
DELETE FROM steps WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER newest AS place, sum(bytes) OVER newest AS filled
        FROM steps WHERE stack=(SELECT id FROM stacks WHERE digest=:digest)
        WINDOW newest AS (ORDER BY id DESC))
    WHERE place > 1 AND (place > :steps OR filled > :bytes))"""
# The weights of all models but the present ones and the newest of those that undo or a roll-back
# can go back to; what was never adopted goes first. What they all were stays.
FORGET_PARTS = """
DELETE FROM parts WHERE model IN (
    SELECT digest FROM models WHERE view=:view AND digest NOT IN (SELECT model FROM present)
    AND digest NOT IN (
        SELECT digest FROM models WHERE view=:view AND digest NOT IN (SELECT model FROM present)
        AND (digest IN (SELECT model_after FROM steps WHERE with_model)
            OR digest IN (
                SELECT previous FROM models WHERE digest IN (SELECT model FROM present)))
        ORDER BY rowid DESC LIMIT :models))"""
MARK_FORGOTTEN = "UPDATE models SET whole=0 WHERE whole AND digest NOT IN (SELECT model FROM parts)"
FORGET_EVENTS = "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - 10000"
EVENTS = f"SELECT detail FROM events WHERE what=? AND (? IS NULL OR stack={STACK}) ORDER BY id"
SET_STATE = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)"
STATE = "SELECT value FROM state WHERE kind=? AND subject=?"
STATES = "SELECT subject, value FROM state WHERE kind=?"
STATES_OF_STUDY = (
    "SELECT kind, subject, value, at FROM state WHERE kind IN ('view', 'landmarks', 'valve')"
)
# What is known by now is not taken for something older. (Times are whole seconds: of two things
# that were said in one, that holds which the session has just seen.)
SET_NEWER_STATE = """
INSERT INTO state VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
SET value=excluded.value, at=excluded.at WHERE excluded.at >= at"""
SAID = "SELECT kind, subject, before, after FROM said WHERE step=?"


@dataclass(frozen=True)
class KeptStack:
    """A stack that a project knows.

    Parameters
    ----------
    digest
        What it is.
    name, view
        What users call it; which plane it shows.
    shape
        ``(t, z, y, x)``.
    places
        Where its file or folder may be, the likeliest first.
    opened
        When it was opened last, UTC, ISO 8601.
    expert
        Number of its expert slices.
    """

    digest: str
    name: str
    view: View
    shape: tuple[int, int, int, int]
    places: tuple[Path, ...]
    opened: str
    expert: int


def lay_out(connection: sqlite3.Connection) -> None:
    """Make a new database a project."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    migrate(connection)


def kept_stack(row: Sequence[Any], project: Path | None) -> KeptStack:
    """Return a stack from a row of `KEPT_STACKS`."""
    digest, name, view, frames, slices, height, width, path, opened, expert = row
    places = [Path(text(path))] if path else []
    if path and project:
        places.append(project.parent / places[0].name)  # a project that moved with its images
        places.append(project.parent / places[0].parent.name / places[0].name)
    shape = (frames, slices, height, width)
    known = _known(View, view)
    return KeptStack(digest, text(name), known, shape, tuple(places), opened, expert)


def slice_(digest: str, index: SliceIndex, content: SliceContent) -> Statement:
    """Make a slice what it is now."""
    record = content.record
    values = (
        *index,
        record.state,
        record.who,
        record.when,
        record.model,
        record.how,
        content.mask,
    )
    return (
        f"INSERT OR REPLACE INTO slices VALUES ({STACK}, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (digest, *values, seal(digest, *values)),
    )


def content(
    digest: str, shape: tuple[int, int], row: Sequence[Any]
) -> tuple[SliceIndex, SliceContent]:
    """Return a slice of a stack of so many frames and slices from a row of `SLICES`."""
    *values, sealed = row
    t, z, state, who, when, model, how, mask = values
    if t not in range(shape[0]) or z not in range(shape[1]):
        raise InputError(
            f"the project holds labels where its image has none (no slice t={t} z={z} in "
            f"{shape[0]} frames of {shape[1]} slices); go back to a copy of it"
        )
    _check(sealed, t, z, digest, *values)
    record = SliceRecord(_known(SliceState, state), text(who), when, model, text(how))
    return SliceIndex(t, z), SliceContent(record, mask)


def change(row: Sequence[Any]) -> tuple[SliceIndex, tuple[SliceContent, SliceContent]]:
    """Return from a row of `CHANGES` which slice was what before and after."""
    *values, sealed = row
    _, t, z, before, mask_before, after, mask_after = values
    _check(sealed, t, z, *values)
    return SliceIndex(t, z), (_packed(before, mask_before), _packed(after, mask_after))


def _check(sealed: bytes, t: int, z: int, *values: Any) -> None:
    if seal(*values) != sealed:
        raise InputError(
            f"the project holds a stored mask (t={t} z={z}) that is not as it was written: its "
            "file has changed on the disk; go back to a copy of it"
        )


def _packed(record: str, mask: bytes) -> SliceContent:
    fields = detail(record)
    try:
        known = SliceRecord(**{**fields, "state": _known(SliceState, fields["state"])})
    except (TypeError, KeyError) as error:
        raise _damaged(record) from error
    return SliceContent(known, mask)


def step(number: int, digest: str, step: Step) -> Statement:
    """Add a step, without its changes."""
    before, after = step.models or (None, None)
    return (
        "INSERT INTO steps(id, stack, what, at, with_model, model_before, model_after) "
        f"VALUES (?, {STACK}, ?, ?, ?, ?, ?)",
        (number, digest, step.what, now(), step.models is not None, before, after),
    )


def changes(
    number: int, digest: str, changes: Mapping[SliceIndex, tuple[SliceContent, SliceContent]]
) -> list[Statement]:
    """Add changes to a step, and make their slices what they are now."""
    statements: list[Statement] = []
    for index, (before, after) in changes.items():
        texts = [json.dumps(vars(content.record)) for content in (before, after)]
        values = (number, *index, texts[0], before.mask, texts[1], after.mask)
        sealed = (*values, seal(*values))
        statements += [
            ("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sealed),
            slice_(digest, index, after),
        ]
    filled = sum(len(content.mask) + 200 for both in changes.values() for content in both)
    return [*statements, ("UPDATE steps SET bytes=bytes+? WHERE id=?", (filled, number))]


def model(model: ModelFile, view: View, previous: str | None) -> Statement:
    """Add a model, without its parts."""
    return (
        "INSERT INTO models(digest, view, parent, previous, slices_learned, seconds, at, checksum) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(digest) DO UPDATE "
        "SET previous=excluded.previous, checksum=excluded.checksum",
        (
            model.digest,
            view,
            model.parent,
            previous,
            model.slices_learned,
            model.seconds,
            now(),
            model.checksum,
        ),
    )


def present(view: View, digest: str | None) -> list[Statement]:
    """Make a model the present one of a view; with None there is none."""
    gone: Statement = ("DELETE FROM present WHERE view=?", (view,))
    return [gone, ("INSERT INTO present VALUES (?, ?)", (view, digest))] if digest else [gone]


def event(what: str, detail: Mapping[str, Any], digest: str | None) -> Statement:
    """Add an event."""
    return (
        f"INSERT INTO events(at, what, stack, detail) VALUES (?, ?, {STACK}, ?)",
        (now(), what, digest, json.dumps(detail)),
    )


def set_state(kind: str, subject: str, value: Mapping[str, Any] | None) -> Statement:
    """Make something hold of a subject; with None it holds no more."""
    # An empty value, and no missing one, tells another project that it was taken back.
    return SET_STATE, (kind, subject, json.dumps(value or {}), now())


def said(number: int, state: Mapping[tuple[str, str], tuple[State, State]]) -> list[Statement]:
    """Add what was said of stacks to a step, and make it hold."""
    statements: list[Statement] = []
    for (kind, subject), values in state.items():
        texts = [json.dumps(value or {}) for value in values]
        statements += [
            ("INSERT INTO said VALUES (?, ?, ?, ?, ?)", (number, kind, subject, *texts)),
            set_state(kind, subject, values[1]),
        ]
    return statements


def bindable(values: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
    """Return values as SQLite takes them: what is no text to it, as bytes.

    A file's name may be any bytes, a user's name too; Python has what is not UTF-8 as lone
    surrogates.
    """
    if isinstance(values, Mapping):
        return {name: _bindable(value) for name, value in values.items()}
    return [_bindable(value) for value in values]


def _bindable(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def text(value: str | bytes) -> str:
    """Return a text as it was before `bindable`."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise _damaged(value) from error


def view(word: object) -> View:
    """Return a view from its word."""
    return _known(View, str(word))


def detail(text: str) -> dict[str, Any]:
    """Return what a file holds as JSON."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(text) from error
    if not isinstance(found, dict):
        raise _damaged(text)
    return found


def _known(kind: type[Word], word: str) -> Word:
    try:
        return kind(word)
    except ValueError as error:
        raise _damaged(word) from error


def _damaged(what: object) -> InputError:
    return InputError(f"the project holds {str(what)[:40]!r}, which it should not; use a copy")
