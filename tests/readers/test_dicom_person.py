"""Size and sex from DICOM headers: what is believed, and what is left aside with a remark."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.person import Person, Sex
from napari_cardiac_ssl.readers.dicom_person import PersonSaid, person_of
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, in_time
from napari_cardiac_ssl.synthetic import make_study

from .made_dicom import cine, enhanced, write


@pytest.fixture(scope="module")
def stack() -> Stack:
    return make_study(3, frames=2, slices=2, size=40, lax=False).study.stack(View.SAX)


def of_somebody(ds: Dataset, **other: object) -> None:
    said = {"PatientSize": "1.75", "PatientWeight": "82.5", "PatientSex": "F", "PatientAge": "042Y"}
    for keyword, value in {**said, **other}.items():
        setattr(ds, keyword, value)


def test_every_stack_says_whose_heart_it_shows(stack: Stack, tmp_path: Path) -> None:
    folder = write(tmp_path / "s", cine(stack, lambda ds, t, z: of_somebody(ds)))
    study = read_study(folder)
    expected = Person(175, 82.5, Sex.FEMALE)
    assert [one.person for one in study.stacks] == [expected] * len(study.stacks)
    assert in_time([study.stacks[0], study.stacks[0]]).person == expected
    assert not [note for note in study.notes if "Patient" in note]
    assert "82.5" not in repr(study.stacks[0].source)
    assert replace(stack, source=None).person == Person()


def test_a_multi_frame_file_says_it_too(stack: Stack, tmp_path: Path) -> None:
    image = enhanced(stack)
    of_somebody(image)
    image.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    assert read_study(tmp_path / "one.dcm").stacks[0].person == Person(175, 82.5, Sex.FEMALE)


@pytest.mark.parametrize(
    ("said", "person", "remark"),
    [
        (PersonSaid(), Person(), ""),
        (PersonSaid(sex="O"), Person(), ""),
        (PersonSaid("0", "0"), Person(), "PatientSize, which is no height in metres (0.3 to 2.5)"),
        (PersonSaid("175", "80"), Person(weight_kg=80), "PatientSize, which is no height"),
        (PersonSaid("1.75", "301"), Person(175), "PatientWeight, which is no weight in kg (2 to"),
        (PersonSaid("1.75", "0.0"), Person(175), "PatientWeight, which is no weight"),
        (PersonSaid("nan", "82"), Person(weight_kg=82), "PatientSize, which is no height"),
        (PersonSaid("1,75", "inf"), Person(), "PatientWeight, which is no weight"),
        (PersonSaid(sex="m", age="018Y"), Person(sex=Sex.MALE), ""),
        (PersonSaid(sex="M", age="017Y"), Person(), "PatientSex, as by PatientAge the ranges of"),
        (PersonSaid(sex="F", age="006M"), Person(), "PatientSex, as by PatientAge the ranges of"),
        (PersonSaid(sex="F", age="old"), Person(sex=Sex.FEMALE), ""),
    ],
)
def test_what_cannot_be_is_left_aside_with_a_remark(
    said: PersonSaid, person: Person, remark: str
) -> None:
    found, notes = person_of([said, said])
    assert found == person
    assert bool(notes) == bool(remark)
    assert not remark or f"left aside: {remark}" in " ".join(notes)


def test_files_that_contradict_each_other_are_not_believed() -> None:
    files = [PersonSaid("1.75", "80", "F"), PersonSaid("1.750", "90", "M"), PersonSaid()]
    person, notes = person_of(files)
    assert person == Person(175)
    assert notes == [
        f"left aside: {tag}, of which the files say different things"
        for tag in ("PatientWeight", "PatientSex")
    ]


def test_damaged_elements_cost_no_picture_and_go_into_no_note(stack: Stack, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "s",
        cine(stack, lambda ds, t, z: of_somebody(ds, PatientSize="1.7777777", PatientSex="F")),
    )
    for file in folder.rglob("I*"):
        file.write_bytes(file.read_bytes().replace(b"1.7777777", b"1,7777777"))
    study = read_study(folder)
    assert sum(one.slices for one in study.stacks) == stack.slices
    assert study.stacks[0].person == Person(weight_kg=82.5, sex=Sex.FEMALE)
    [note] = [note for note in study.notes if "Patient" in note]
    assert note == "left aside: PatientSize, which is no height in metres (0.3 to 2.5)"
