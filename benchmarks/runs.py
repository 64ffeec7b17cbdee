"""Runs of a benchmark as one tidy table, CSV: a row for each thing that was measured.

Every file of benchmarks/results is read and written here. What belongs together is added in one
piece, so that several processes may fill a table, and a benchmark that was killed goes on where it
was.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.metrics import mean_defined

Row = dict[str, Any]
Run = dict[str, Any]


class Table:
    """The rows of one figure.

    Parameters
    ----------
    path
        Of the table, CSV.
    columns
        What is in it, and how it is read: column to type. What was not measured is None, an empty
        cell.
    """

    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        self._path, self._columns = path, columns

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows that belong together."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        if not self._path.exists():
            table.writerow(self._columns)
        table.writerows([_cell(row[name]) for name in self._columns] for row in rows)
        self._path.parent.mkdir(exist_ok=True)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(text.getvalue())

    def rows(self) -> list[Row]:
        """Return all rows, in the order that they were added in."""
        if not self._path.exists():
            return []
        with open(self._path, encoding="utf-8", newline="") as file:
            return [
                {name: _read(kind, line[name]) for name, kind in self._columns.items()}
                for line in csv.DictReader(file)
            ]


def _cell(value: Any) -> Any:
    """Return what is written: six digits of a fraction are more than is ever told."""
    return round(value, 6) if isinstance(value, float) else value


def _read(kind: type, text: str) -> Any:
    return kind(text) if text or kind is str else None


class Runs:
    """The runs of one figure: a row for each run, volume and structure.

    Parameters
    ----------
    path
        Of the table, CSV.
    keys
        What tells runs apart, and how it is read: column to type.
    """

    def __init__(self, path: Path, keys: Mapping[str, type]) -> None:
        self._keys = tuple(keys)
        said = {"seconds": float, "volume": str, "structure": str, "dice": float}
        self._table = Table(path, {**keys, **said})

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return any(self.key(run) == key for run in self.all())

    def key(self, run: Run) -> tuple[Any, ...]:
        """Return what tells a run apart."""
        return tuple(run[name] for name in self._keys)

    def add(self, run: Run) -> None:
        """Add a run: its key, its seconds, and Dice by volume and structure."""
        said = {**run, "seconds": round(run["seconds"], 1)}
        self._table.add(
            {**said, "volume": volume, "structure": name, "dice": round(dice, 4)}
            for volume, dices in run["volumes"].items()
            for name, dice in dices.items()
        )

    def all(self) -> list[Run]:
        """Return the runs that are done, each with its means: by structure, and of these."""
        found: dict[tuple[Any, ...], Run] = {}
        for row in self._table.rows():
            key = self.key(row)
            known = dict(zip(self._keys, key, strict=True))
            run = found.setdefault(key, {**known, "seconds": row["seconds"], "volumes": {}})
            run["volumes"].setdefault(row["volume"], {})[row["structure"]] = row["dice"]
        return [run | means_of(run["volumes"]) for run in found.values()]


def means_of(volumes: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the mean Dice of each structure over volumes, and the mean of these."""
    means = {
        str(s): mean_defined(volume[str(s)] for volume in volumes.values()) for s in SAX_STRUCTURES
    }
    return means | {"dice": mean_defined(means.values())}
