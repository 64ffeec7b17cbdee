"""A cohort's page: what is doubtful first, then the distributions, then every study."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from napari_cardiac_ssl.cohort.table import Table
from napari_cardiac_ssl.cohort.work import DONE, REPORT, Recipe
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.measures import MEASURES
from napari_cardiac_ssl.writers.templating import filled

#: The numbers that are shown, by column.
SHOWN = ("lv_ef_percent", "lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_ef_percent", "rv_edv_ml")
_BINS = 20


@dataclass(frozen=True)
class Distribution:
    """How a number is distributed over studies.

    Parameters
    ----------
    name, unit
        Of the number.
    values
        Where it is known.
    """

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle value."""
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between these lies the middle half."""
        low, high = np.percentile(self.values, [25, 75])
        return float(low), float(high)

    @property
    def bars(self) -> list[tuple[float, float]]:
        """Heights of a histogram and their left edges, both from 0 to 1."""
        counts, edges = np.histogram(self.values, bins=_BINS)
        span = edges[-1] - edges[0]
        return [
            (float(n) / counts.max(), float((edge - edges[0]) / span))
            for n, edge in zip(counts, edges, strict=False)
        ]

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class _Row:
    study: str
    done: bool
    reason: str
    link: str
    doubts: int
    doubt: str
    numbers: Sequence[float | None]


def write_overview(path: Path, table: Table, recipe: Recipe) -> Path:
    """Write the page of a table.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    measures = {measure.column: measure for measure in MEASURES}
    rows = list[_Row]()
    values = {column: list[float]() for column in SHOWN}
    for row in table.rows():  # only what the page shows is held
        numbers = {column: _number(row[column]) for column in SHOWN}
        for column, value in numbers.items():
            if value is not None:
                values[column].append(value)
        rows.append(
            _Row(
                study=row["study"],
                done=row["status"] == DONE,
                reason=row["reason"],
                link=f"{quote(row['study'], errors='surrogateescape')}/{REPORT}",
                doubts=int(row["warnings"] or 0),
                doubt=row["look_again"].partition("; ")[0],
                numbers=[numbers[column] for column in SHOWN],
            )
        )
    rows.sort(key=lambda row: (row.done, -row.doubts, row.study))
    distributions = [
        Distribution(measures[column].name, measures[column].unit, found)
        for column, found in values.items()
        if found
    ]
    page = filled(
        "overview.html",
        package=__package__,
        rows=rows,
        distributions=distributions,
        heads=[(measures[column].short, measures[column].unit) for column in SHOWN],
        failed=sum(not row.done for row in rows),
        doubtful=sum(row.doubts > 0 for row in rows),
        model=recipe.called,
    )
    with replacing(path) as beside:
        beside.write_text(page, encoding="utf-8", errors="backslashreplace")
    return path


def _number(text: str) -> float | None:
    return float(text) if text else None
