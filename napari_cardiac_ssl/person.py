"""Whose heart it is, as far as numbers need to know: size and sex, and no name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan, nan, sqrt
from typing import Any

from napari_cardiac_ssl.errors import InputError

#: No person is smaller or larger.
HEIGHTS_CM, WEIGHTS_KG = (30, 250), (2, 300)


class Sex(StrEnum):
    """Of whom a reference range is."""

    FEMALE = "female"
    MALE = "male"

    @property
    def people(self) -> str:
        """What they are called together.

        Examples
        --------
        >>> Sex("female").people
        'women'
        """
        return "women" if self is Sex.FEMALE else "men"


def body_surface_m2(height_cm: float, weight_kg: float) -> float:
    """Return the body surface area after Mosteller (N Engl J Med 1987;317:1098).

    Raises
    ------
    InputError
        If the numbers are not those of a person: height 30 to 250 cm, weight 2 to 300 kg.

    Examples
    --------
    >>> round(body_surface_m2(180, 80), 3)
    2.0
    """
    if not (is_height(height_cm) and is_weight(weight_kg)):
        raise InputError(
            f"height {height_cm:g} cm and weight {weight_kg:g} kg are not a person's "
            f"({HEIGHTS_CM[0]} to {HEIGHTS_CM[1]} cm and {WEIGHTS_KG[0]} to {WEIGHTS_KG[1]} kg); "
            "give centimetres and kilograms"
        )
    return sqrt(height_cm * weight_kg / 3600)


def is_height(cm: float) -> bool:
    """Tell whether a person can be so tall."""
    return HEIGHTS_CM[0] <= cm <= HEIGHTS_CM[1]


def is_weight(kg: float) -> bool:
    """Tell whether a person can weigh so much."""
    return WEIGHTS_KG[0] <= kg <= WEIGHTS_KG[1]


@dataclass(frozen=True)
class Person:
    """Size and sex of a person; None where nobody has said.

    Parameters
    ----------
    height_cm, weight_kg
        With both there are indexed values.
    sex
        With it there are reference ranges.

    Raises
    ------
    InputError
        If height and weight are not a person's (`body_surface_m2`).

    Examples
    --------
    >>> Person(180, 80, Sex.MALE).body_surface_m2, Person(height_cm=180).body_surface_m2
    (2.0, nan)
    >>> Person.of(Person(180, 80, Sex.MALE).said()) == Person(180, 80, Sex.MALE)
    True
    """

    height_cm: float | None = None
    weight_kg: float | None = None
    sex: Sex | None = None

    def __post_init__(self) -> None:
        """Look whether the numbers are a person's."""
        if self.height_cm is not None or self.weight_kg is not None:
            body_surface_m2(
                _SOME[0] if self.height_cm is None else self.height_cm,
                _SOME[1] if self.weight_kg is None else self.weight_kg,
            )

    @property
    def body_surface_m2(self) -> float:
        """Body surface after Mosteller; NaN where height or weight is not known."""
        if self.height_cm is None or self.weight_kg is None:
            return nan
        return body_surface_m2(self.height_cm, self.weight_kg)

    def said(self) -> dict[str, Any]:
        """Return what is known and what is not (None), by name, as plain values."""
        return {"height_cm": self.height_cm, "weight_kg": self.weight_kg, "sex": self.sex}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Person":
        """Make a person from what `said` returns."""
        sex = said.get("sex")
        return cls(said.get("height_cm"), said.get("weight_kg"), Sex(sex) if sex else None)

    def completed(self, own: "Person") -> tuple["Person", str]:
        """Add what a study's own files say where nobody has said anything else.

        Height and weight go together. The remark on what comes from the files has no number.

        Parameters
        ----------
        own
            What the files say.

        Returns
        -------
        Person
            With both.
        str
            What of it numbers take from the files, in a few words; "" if nothing.

        Examples
        --------
        >>> person, remark = Person(sex=Sex.MALE).completed(Person(180, 80, Sex.FEMALE))
        >>> person.sex.value, remark
        ('male', 'height and weight are those in the headers of the images')
        >>> Person(170, 60).completed(Person(180, 80))
        (Person(height_cm=170, weight_kg=60, sex=None), '')
        """
        size = own if self.height_cm is self.weight_kg is None else self
        person = Person(size.height_cm, size.weight_kg, self.sex or own.sex)
        has_size = size is own and not isnan(person.body_surface_m2)
        has_sex = self.sex is None and own.sex is not None
        if not (has_size or has_sex):
            return person, ""
        if not has_size:
            return person, "the sex is that in the headers of the images"
        said = "height, weight and sex" if has_sex else "height and weight"
        return person, f"{said} are those in the headers of the images"


#: Any height and weight of a person, beside which the other one is looked at.
_SOME = (170.0, 70.0)
