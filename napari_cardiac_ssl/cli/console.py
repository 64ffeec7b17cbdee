"""What the command line says: results on standard output, all else on standard error."""

import json
import math
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.wording import count
from napari_cardiac_ssl.writers.tables import defined

__all__ = [
    "Column",
    "Report",
    "count",
    "each",
    "note",
    "number_or_dash",
    "progress",
    "say",
    "say_json",
    "say_scores",
    "say_table",
    "warn",
]

Report = Callable[[float, str], None]
_Item = TypeVar("_Item", bound=Hashable)


def say(line: str) -> None:
    """Print a result.

    Raises
    ------
    BrokenPipeError
        If whoever reads has had enough.
    InputError
        If it cannot be written for another reason.
    """
    try:
        print(line, flush=True)  # noqa: T201 - the command line is where printing is the job
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"cannot write results to standard output: {error.strerror}; send it elsewhere"
        ) from error


def say_json(value: object) -> None:
    """Print a result for programs. What is undefined (NaN) is null."""
    say(json.dumps(defined(value), indent=1, allow_nan=False))


def note(line: str) -> None:
    """Print a line to standard error. Work does not stop because nobody can read of it."""
    if sys.stderr:  # None where a shell has closed it
        with suppress(OSError):
            print(" ".join(line.splitlines()), file=sys.stderr, flush=True)  # noqa: T201


def warn(line: str) -> None:
    """Print a warning to standard error."""
    note(f"warning: {line}")


def each(command: str, items: Sequence[_Item], do: Callable[[_Item], None]) -> dict[_Item, str]:
    """Do something with each of several files; one that is bad does not keep the others from it.

    Returns
    -------
    dict
        The bad ones, with the reason, which is said at the end, a line each.

    Raises
    ------
    InputError
        If there is one, and it is bad.
    """
    failed: dict[_Item, str] = {}
    for item in items:
        try:
            do(item)
        except InputError as error:
            if len(items) == 1:
                raise
            failed[item] = str(error)
    for why in failed.values():
        note(f"cardiac-ssl {command}: {why}")
    return failed


class Column(NamedTuple):
    """A column of a table for people."""

    head: str
    width: int = 0
    right: bool = True


def say_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], remarks: Sequence[str] = ()
) -> None:
    """Print a table for people: as wide as the terminal is, plain lines where there is none.

    Parameters
    ----------
    columns
        Each with the width that it has in plain lines, if its cells do not need more.
    rows
        A cell for each column.
    remarks
        What is said at the end of each row, where there is anything to say.
    """
    remarks = remarks or [""] * len(rows)
    heads = [column.head for column in columns]
    needed = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
    if sys.stdout and sys.stdout.isatty() and _say_on_terminal(columns, needed, rows, remarks):
        return
    widths = [max(column.width, need) for column, need in zip(columns, needed, strict=True)]
    for row, remark in zip([heads, *rows], ["", *remarks], strict=True):
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, column, width in zip(row, columns, widths, strict=True)
        )
        say(" ".join(cells) + (f"  {remark}" if remark else ""))


def _say_on_terminal(
    columns: Sequence[Column],
    needed: Sequence[int],
    rows: Sequence[Sequence[str]],
    remarks: Sequence[str],
) -> bool:
    """Print a table as wide as the terminal; tell whether it fits: no number is ever cut."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - help is quick without
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column, width in zip(columns, needed, strict=True):
        if column.right:
            table.add_column(column.head, justify="right", min_width=width, no_wrap=True)
        else:
            table.add_column(column.head, min_width=min(width, 12), overflow="fold")
    if any(remarks):
        table.add_column("", min_width=max(map(len, remarks)))
    for row, remark in zip(rows, remarks, strict=True):
        table.add_row(*map(Text, [*row, remark] if any(remarks) else row))
    if Console(width=10_000).measure(table).minimum > console.width:
        return False
    with console.capture() as captured:
        console.print(table)
    say(captured.get().strip("\n"))
    return True


def number_or_dash(value: object, decimals: int) -> str:
    """Return a number as a cell of a table; a dash where it is undefined."""
    known = isinstance(value, float) and not math.isnan(value)
    return f"{value:.{decimals}f}" if known else "-"


#: Columns of a table of scores, and their headers.
_SCORES = {
    "dice": "Dice",
    "hd95_mm": "HD95 mm",
    "mean_surface_distance_mm": "mean dist. mm",
    "volume_ml": "volume ml",
    "reference_volume_ml": "reference ml",
}


def say_scores(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table of scores for people: one row per structure and frame."""
    say_table(
        [
            Column("file", right=False),
            Column("frame"),
            Column("structure", 14, right=False),
            *(Column(head, 13) for head in _SCORES.values()),
        ],
        [
            [
                str(row["file"]),
                str(row["frame"]),
                str(row["structure"]),
                *(number_or_dash(row.get(column), 3) for column in _SCORES),
            ]
            for row in rows
        ],
        [f"absent in {row['absent_in']}" if row.get("absent_in") else "" for row in rows],
    )


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show a bar on a terminal, a plain line now and then elsewhere; both on standard error."""
    if sys.stderr and sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - help is quick without
        from rich.progress import Progress  # noqa: PLC0415

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda done, text: bar.update(
                task, completed=done, description=f"{what}: {text}" if text else what
            )
        return
    last = time.monotonic()

    def report(done: float, text: str) -> None:
        nonlocal last
        if done >= 1 or time.monotonic() - last >= 5:
            last = time.monotonic()
            note(f"{what}: {done:4.0%} {text}".rstrip())

    yield report
