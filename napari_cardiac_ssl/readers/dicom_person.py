"""What DICOM files say of a person's size and sex, as far as it can be believed.

Nothing is converted: a height in centimetres, where metres belong, might as well be another error.
The remarks name elements and no values, since they go into reports.
"""

import re
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from napari_cardiac_ssl.person import HEIGHTS_CM, WEIGHTS_KG, Person, Sex, is_height, is_weight

PERSON_TAGS = ("PatientSize", "PatientWeight", "PatientSex", "PatientAge")
_SEXES = {"F": Sex.FEMALE, "M": Sex.MALE}
#: From this age on the published ranges are of one's kind.
_ADULT_YEARS = 18


class PersonSaid(NamedTuple):
    """The elements' text, "" where there is none: metres, kilograms, ``F`` or ``M``, ``042Y``."""

    size: str = ""
    weight: str = ""
    sex: str = ""
    age: str = ""


def person_of(said: Iterable[PersonSaid]) -> tuple[Person, list[str]]:
    """Return whose heart files show, and a line on each element that is left aside.

    Parameters
    ----------
    said
        What each of a study's files says.

    Examples
    --------
    >>> person_of([PersonSaid("1.8", "80", "M", "042Y")])[0]
    Person(height_cm=180.0, weight_kg=80.0, sex=<Sex.MALE: 'male'>)
    >>> person_of([PersonSaid("180", "80")])[1]
    ['left aside: PatientSize, which is no height in metres (0.3 to 2.5)']
    """
    values = [
        # One number may be written in two ways.
        list({_number(text) or text: text for text in sorted(texts) if text}.values())
        for texts in zip(*set(said), strict=True)
    ]
    notes = [
        f"left aside: {tag}, of which the files say different things"
        for tag, texts in zip(PERSON_TAGS, values, strict=True)
        if len(texts) > 1
    ]
    size, weight, sex_said, age = (texts[0] if len(texts) == 1 else "" for texts in values)
    height_cm, weight_kg = 100 * _number(size), _number(weight)
    if size and not is_height(height_cm):
        low, high = (cm / 100 for cm in HEIGHTS_CM)
        notes.append(f"left aside: PatientSize, which is no height in metres ({low:g} to {high:g})")
    if weight and not is_weight(weight_kg):
        low, high = WEIGHTS_KG
        notes.append(f"left aside: PatientWeight, which is no weight in kg ({low} to {high})")
    sex = _SEXES.get(sex_said.upper())
    if sex and (years := _years(age)) is not None and years < _ADULT_YEARS:
        sex = None
        notes.append("left aside: PatientSex, as by PatientAge the ranges of adults do not hold")
    return Person(
        round(height_cm, 1) if is_height(height_cm) else None,
        weight_kg if is_weight(weight_kg) else None,
        sex,
    ), notes


def _number(text: str) -> float:
    """Return a decimal number, 0 if it is none: nobody measures that."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if isfinite(number) else 0.0


def _years(age: str) -> int | None:
    """Return whole years of an age as DICOM writes it (``042Y``, ``018M``), or None."""
    found = re.fullmatch(r"(\d{3})([DWMY])", age.upper())
    if found is None:
        return None
    per_year = {"D": 365, "W": 52, "M": 12, "Y": 1}[found[2]]
    return int(found[1]) // per_year
