"""Whose heart it is: what can be a person's, and what is taken from whom."""

import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.person import Person, Sex


def test_a_person_has_a_person_s_size() -> None:
    for height_cm in (0, 1.8, 2500):
        with pytest.raises(InputError, match=rf"height {height_cm} cm"):
            Person(height_cm=height_cm)
    for weight_kg in (0, 301, 8000):
        with pytest.raises(InputError, match=f"weight {weight_kg} kg"):
            Person(180, weight_kg)


def test_what_was_cleared_is_told_from_what_nobody_said() -> None:
    assert set(Person().said().values()) == {None}
    assert Person.of(Person().said()) == Person()


@pytest.mark.parametrize(
    ("given", "expected", "remark"),
    [
        (Person(), Person(180, 80, Sex.MALE), "height, weight and sex are"),
        (Person(sex=Sex.FEMALE), Person(180, 80, Sex.FEMALE), "height and weight are"),
        (Person(170, 60), Person(170, 60, Sex.MALE), "the sex is"),
        (Person(170, 60, Sex.FEMALE), Person(170, 60, Sex.FEMALE), ""),
    ],
)
def test_what_was_said_goes_before_the_files(given: Person, expected: Person, remark: str) -> None:
    person, said = given.completed(Person(180, 80, Sex.MALE))
    assert person == expected
    assert said.startswith(remark)
    assert bool(said) == bool(remark)


def test_a_remark_says_only_what_is_used_and_no_number() -> None:
    assert Person().completed(Person(height_cm=180)) == (Person(height_cm=180), "")
    _, said = Person().completed(Person(181, 83, Sex.FEMALE))
    assert said
    assert not any(letter.isdigit() for letter in said)
