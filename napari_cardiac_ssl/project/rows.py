"""What the project says to SQLite, and what SQLite answers, as plain values."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceContent, SliceRecord, SliceState, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project.schema import PAGE_BYTES, migrate
from napari_cardiac_ssl.study import SliceIndex

Word = TypeVar("Word", View, SliceState)
Statement = tuple[str, Sequence[Any] | Mapping[str, Any]]

STACK = "(SELECT id FROM stacks WHERE digest=?)"
KEPT_STACKS = (
    "SELECT digest, name, view, frames, slices, height, width, path, opened, "
    "(SELECT count(*) FROM slices WHERE stack=stacks.id AND state='expert') FROM stacks"
)
SLICES = f"SELECT t, z, state, who, at, model, how, mask FROM slices WHERE stack={STACK}"
EARLIER = f"""
SELECT before, mask_before FROM changes JOIN steps ON steps.id=step
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
EVENTS = """
SELECT detail FROM events WHERE what=:what AND (
    :digest IS NULL OR stack=(SELECT id FROM stacks WHERE digest=:digest)) ORDER BY id"""


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
    places = [Path(path)] if path else []
    if path and project:
        places.append(project.parent / places[0].name)  # a project that moved with its images
        places.append(project.parent / places[0].parent.name / places[0].name)
    shape = (frames, slices, height, width)
    return KeptStack(digest, name, _known(View, view), shape, tuple(places), opened, expert)


def slice_(digest: str, index: SliceIndex, content: SliceContent) -> Statement:
    """Make a slice what it is now."""
    record = content.record
    return (
        f"INSERT OR REPLACE INTO slices VALUES ({STACK}, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            digest,
            *index,
            record.state,
            record.who,
            record.when,
            record.model,
            record.how,
            content.mask,
        ),
    )


def content(row: Sequence[Any]) -> SliceContent:
    """Return a slice from the columns of `SLICES` after its index."""
    state, who, when, model, how, mask = row
    return SliceContent(SliceRecord(_known(SliceState, state), who, when, model, how), mask)


def packed(record: str, mask: bytes) -> SliceContent:
    """Return a slice as a change holds it."""
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
        (number, digest, step.what, _now(), step.models is not None, before, after),
    )


def changes(
    number: int, digest: str, changes: Mapping[SliceIndex, tuple[SliceContent, SliceContent]]
) -> list[Statement]:
    """Add changes to a step, and make their slices what they are now."""
    statements: list[Statement] = []
    for index, (before, after) in changes.items():
        texts = [json.dumps(vars(content.record)) for content in (before, after)]
        values = (number, *index, texts[0], before.mask, texts[1], after.mask)
        statements += [
            ("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", values),
            slice_(digest, index, after),
        ]
    filled = sum(len(content.mask) + 200 for both in changes.values() for content in both)
    return [*statements, ("UPDATE steps SET bytes=bytes+? WHERE id=?", (filled, number))]


def model(model: ModelFile, view: View, previous: str | None) -> Statement:
    """Add a model, without its parts."""
    return (
        "INSERT INTO models(digest, view, parent, previous, slices_learned, seconds, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(digest) DO UPDATE SET previous=excluded.previous",
        (
            model.digest,
            view,
            model.parent,
            previous,
            model.slices_learned,
            model.seconds,
            _now(),
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
        (_now(), what, digest, json.dumps(detail)),
    )


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
