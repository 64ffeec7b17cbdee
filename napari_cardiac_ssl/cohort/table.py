"""The cohort's table: a row is there as soon as its study is done, whole or not at all."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.measures import Measures
from napari_cardiac_ssl.writers.measurements import Measurement
from napari_cardiac_ssl.writers.tables import cell

#: What stands before and after the columns of `measure`, indexed values among them.
FIRST, LAST = ("study", "status", "reason", "seconds"), ("source",)
COLUMNS = (*FIRST, *Measurement("", Measures(body_surface_m2=1.0)).cells(), *LAST)


class Table:
    """A CSV file that grows by whole rows.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """Make the file, with its columns' names alone."""
        with replacing(self.path) as beside:
            beside.write_text(_line(dict(zip(COLUMNS, COLUMNS, strict=True))), encoding="utf-8")

    def rows(self) -> Iterator[dict[str, str]]:
        """Yield the rows that are whole.

        Raises
        ------
        InputError
            If it is no table of a cohort.
        """
        try:
            with open(self.path, newline="", encoding="utf-8", errors="surrogateescape") as file:
                # A line without an end was cut off by whatever ended the run before.
                whole = (line for line in file if line.endswith("\n"))
                rows = csv.DictReader(whole, restkey="more")
                if tuple(rows.fieldnames or ()) != COLUMNS:
                    raise InputError(
                        f"{self.path} is no table of this version's cohort: its columns are "
                        "others; choose another folder"
                    )
                for row in rows:
                    if None not in row.values() and "more" not in row:
                        yield row
        except (OSError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot read {self.path}: {reason}") from error

    def keep(self, status: str) -> list[dict[str, str]]:
        """Leave only rows of a status, and what is whole; return study and source of each."""
        kept: list[dict[str, str]] = []
        with (
            replacing(self.path) as beside,
            open(beside, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        ):
            file.write(_line(dict(zip(COLUMNS, COLUMNS, strict=True))))
            for row in self.rows():
                if row["status"] == status:
                    file.write(_line(row))
                    kept.append({"study": row["study"], "source": row["source"]})
        return kept

    def add(self, row: Mapping[str, object]) -> None:
        """Append a row, and see it onto the disk.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(file, _line(row).encode("utf-8", "backslashreplace"))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise InputError(
                f"cannot write {self.path}: {error.strerror}; make room, then go on with --resume"
            ) from error


def _line(row: Mapping[str, object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([cell(row.get(name)) for name in COLUMNS])
    return text.getvalue()
