"""Tables out, as CSV and JSON."""

import csv
import json
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
        table.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return path


def write_json(path: str | Path, value: object) -> Path:
    """Write a value as JSON, UTF-8. What is undefined (NaN) is null.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    with replacing(path) as beside, _open(beside) as file:
        json.dump(defined(value), file, indent=1, allow_nan=False, ensure_ascii=False)
        file.write("\n")
    return path


def defined(value: object) -> object:
    """Return a value with None for every NaN in it, as JSON can say it.

    Examples
    --------
    >>> defined({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {key: defined(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [defined(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _open(path: Path) -> TextIO:
    # Names of files may be any bytes; a table is text.
    return open(path, "w", encoding="utf-8", errors="backslashreplace", newline="")


def cell(value: object) -> str:
    """Return a value as it stands in a table: six significant digits, nothing for undefined."""
    if value is None:
        return ""
    if isinstance(value, float):  # numpy's float64 is one
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)
