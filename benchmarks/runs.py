"""Runs of a benchmark as one tidy table: a line for each run, volume and structure.

A run is added in one piece, so that several processes may fill a table, and a benchmark that was
killed goes on where it was.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.metrics import mean_defined

Run = dict[str, Any]


class Runs:
    """The runs of one figure.

    Parameters
    ----------
    path
        Of the table, CSV.
    keys
        What tells runs apart, and how it is read: column to type.
    """

    def __init__(self, path: Path, keys: Mapping[str, type]) -> None:
        self._path, self._keys = path, keys
        self._columns = (*keys, "seconds", "volume", "structure", "dice")

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return any(self.key(run) == key for run in self.all())

    def key(self, run: Run) -> tuple[Any, ...]:
        """Return what tells a run apart."""
        return tuple(run[name] for name in self._keys)

    def add(self, run: Run) -> None:
        """Add a run: its key, its seconds, and Dice by volume and structure."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        if not self._path.exists():
            table.writerow(self._columns)
        start = (*self.key(run), f"{run['seconds']:.1f}")
        for volume, dices in run["volumes"].items():
            table.writerows((*start, volume, name, f"{dice:.4f}") for name, dice in dices.items())
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(text.getvalue())

    def all(self) -> list[Run]:
        """Return the runs that are done, each with its means: by structure, and of these."""
        if not self._path.exists():
            return []
        found: dict[tuple[Any, ...], Run] = {}
        with open(self._path, encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                key = {name: kind(line[name]) for name, kind in self._keys.items()}
                run = found.setdefault(
                    tuple(key.values()),
                    {
                        **key,
                        "seconds": float(line["seconds"]),
                        "volumes": {},
                    },
                )
                dices = run["volumes"].setdefault(line["volume"], {})
                dices[line["structure"]] = float(line["dice"])
        return [run | means_of(run["volumes"]) for run in found.values()]


def means_of(volumes: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the mean Dice of each structure over volumes, and the mean of these."""
    means = {
        str(s): mean_defined(volume[str(s)] for volume in volumes.values()) for s in SAX_STRUCTURES
    }
    return means | {"dice": mean_defined(means.values())}
