"""Whose heart it is, as far as numbers need to know: size and sex, and no name."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

from napari_cardiac_ssl.measures.references import Sex
from napari_cardiac_ssl.measures.volumes import body_surface_m2


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
            body_surface_m2(self.height_cm or _SOME[0], self.weight_kg or _SOME[1])

    @property
    def body_surface_m2(self) -> float:
        """Body surface after Mosteller; NaN where height or weight is not known."""
        if self.height_cm is None or self.weight_kg is None:
            return nan
        return body_surface_m2(self.height_cm, self.weight_kg)

    def said(self) -> dict[str, Any]:
        """Return what is known, by name, as plain values."""
        known = {"height_cm": self.height_cm, "weight_kg": self.weight_kg, "sex": self.sex}
        return {name: value for name, value in known.items() if value is not None}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Person":
        """Make a person from what `said` returns."""
        sex = said.get("sex")
        return cls(said.get("height_cm"), said.get("weight_kg"), Sex(sex) if sex else None)


#: Any height and weight of a person, beside which the other one is looked at.
_SOME = (170.0, 70.0)
