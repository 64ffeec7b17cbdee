"""Height and weight of those whose masks are measured: one for all of one, or a table of many."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from napari_cardiac_ssl.cli.console import count, note
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.readers.landmarks import study_ids
from napari_cardiac_ssl.study import Stack

_WHO = ("study", "patient", "subject", "file", "id")
_EXAMPLE = "study,height_cm,weight_kg"


def person_of(height_cm: float | None, weight_kg: float | None) -> Person:
    """Return the person that was named, unknown if neither number was given."""
    if (height_cm is None) != (weight_kg is None):
        raise InputError("give both --height-cm and --weight-kg for indexed values, or neither")
    return Person(height_cm, weight_kg)


def persons_of(
    masks: Sequence[Path], table: Path | None, height_cm: float | None, weight_kg: float | None
) -> Callable[[Path], Person]:
    """Return what tells the size of a mask's patient, unknown where nobody has said.

    Parameters
    ----------
    masks
        One for each row.
    table
        CSV of many patients.
    height_cm, weight_kg
        Of the one patient.

    Raises
    ------
    InputError
        If one height is given for several patients, or the table is none.
    """
    person = person_of(height_cm, weight_kg)
    if table is not None:
        if height_cm is not None:
            raise InputError("--patients has heights and weights; leave --height-cm out")
        known = _read(table)
        return lambda mask: _found(mask, known, table)
    patients = {tuple(study_ids(mask)) for mask in masks}
    if height_cm is not None and len(patients) > 1:
        raise InputError(
            f"one --height-cm for {count(len(masks), 'mask')}, which are not of one patient by "
            f"their names; give a table of patients: --patients FILE.csv with {_EXAMPLE}"
        )
    return lambda _: person


def surface_m2(person: Person, image: Stack | None) -> float:
    """Return a body surface, NaN where it is not known.

    It is the image's where nobody has said anything else, and then that is noted.
    """
    if image is None:
        return person.body_surface_m2
    person, remark = person.completed(replace(image.person, sex=None))
    if remark:
        note(f"{image.name}: {remark}")
    return person.body_surface_m2


def _found(mask: Path, known: dict[str, Person], table: Path) -> Person:
    for name in (mask.name, *study_ids(mask)):
        if name in known:
            return known[name]
    raise InputError(f"{mask}: {table.name} has no row for {' or '.join(study_ids(mask))}")


def _read(table: Path) -> dict[str, Person]:
    """Return heights and weights by patient."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = [
                {(key or "").strip().lower(): (value or "").strip() for key, value in row.items()}
                for row in csv.DictReader(file, restval="", restkey="more")
                if "more" not in row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as CSV: {error}") from error
    who = next((name for name in _WHO if rows and name in rows[0]), None)
    if who is None or not {"height_cm", "weight_kg"} <= set(rows[0]):
        raise InputError(f"{table}: no table of patients; its columns are to be {_EXAMPLE}")
    known: dict[str, Person] = {}
    for row in rows:
        if row[who] in known:
            raise InputError(f"{table}: {row[who]} is there twice")
        if row["height_cm"] or row["weight_kg"]:
            try:
                known[row[who]] = Person(float(row["height_cm"]), float(row["weight_kg"]))
            except (ValueError, InputError) as error:
                raise InputError(f"{table}: {row[who]}: {error}") from error
        else:
            known[row[who]] = Person()
    return known
