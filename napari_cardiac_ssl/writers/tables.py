"""Tables out, as CSV."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing


def write_csv(path: str | Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as comma-separated values, UTF-8, with the columns' names in the first line.

    Numbers have six significant digits. What is undefined (None or NaN) is an empty cell.

    Parameters
    ----------
    path
        The file to be.
    rows
        Column name to value. The columns are those of all rows, in the order of appearance.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there are no rows, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> file = write_csv(folder / "t.csv", [{"file": "a", "dice": 2 / 3}, {"file": "b, c"}])
    >>> file.read_text().splitlines()
    ['file,dice', 'a,0.666667', '"b, c",']
    """
    path = Path(path)
    if not rows:
        raise InputError(f"cannot write {path}: the table has no rows")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with replacing(path) as beside, _open(beside) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return path


def _open(path: Path) -> TextIO:
    # Names of files may be any bytes; a table is text.
    return open(path, "w", encoding="utf-8", errors="backslashreplace", newline="")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):  # numpy's float64 is one
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)
