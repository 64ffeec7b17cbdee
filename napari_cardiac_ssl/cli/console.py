"""What the command line says: results on standard output, all else on standard error."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.wording import count
from napari_cardiac_ssl.writers.tables import defined

__all__ = ["Report", "count", "note", "progress", "say", "say_json", "say_scores", "warn"]

Report = Callable[[float, str], None]


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


#: Header and width of the columns of a table of scores.
_COLUMNS = {
    "dice": "Dice",
    "hd95_mm": "HD95 mm",
    "mean_surface_distance_mm": "mean dist. mm",
    "volume_ml": "volume ml",
    "reference_volume_ml": "reference ml",
}


def say_scores(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table of scores for people: one row per structure and frame."""
    width = max(len(str(row["file"])) for row in rows)
    heads = " ".join(f"{head:>13}" for head in _COLUMNS.values())
    say(f"{'file':{width}} frame {'structure':14} {heads}")
    for row in rows:
        cells = []
        for column in _COLUMNS:
            value = row.get(column)
            known = isinstance(value, float) and not math.isnan(value)
            cells.append(f"{value:13.3f}" if known else f"{'-':>13}")
        absent = f"  absent in {row['absent_in']}" if row.get("absent_in") else ""
        which = f"{row['file']:{width}} {row['frame']:5} {row['structure']:14}"
        say(f"{which} {' '.join(cells)}{absent}")


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
