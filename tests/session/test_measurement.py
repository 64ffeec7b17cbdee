"""How a stack is measured: said once, kept with the project, and in everything that leaves."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted import ScriptedTrainer

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.measures import InsertionPoints, Measured, Papillary, Phases, Sex
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.readers.landmarks import insertion_of, read_landmarks
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.session.measurement import measured_of, phases_of
from napari_cardiac_ssl.study import DicomSource, SliceIndex, Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.work import Choice


@pytest.fixture(scope="module")
def made():
    return make_study(3, frames=2, slices=6, size=64)


@pytest.fixture
def opened(made, tmp_path):
    session = Session(Project.create(tmp_path / "p.cardiac"), ScriptedTrainer(), who="reader")
    session.open(made.study.stack(View.SAX), made.masks[View.SAX])
    yield session
    session.close()


def test_phases_are_told_once_for_what_holds(opened, monkeypatch) -> None:
    asked, tells = [], Measured.phases
    monkeypatch.setattr(Measured, "phases", lambda *args: asked.append(args) or tells(*args))
    index = SliceIndex(1, 2)
    wholes = opened.measurement.phases
    assert opened.measurement.phases == wholes == opened.measurement.phases
    assert len(asked) == 1
    for change in (
        lambda: opened.labelling.annotate(index, np.zeros((64, 64), np.uint8)),
        lambda: opened.confirm(index),  # a state alone
        opened.undo,
        lambda: opened.measurement.set_phases(1, 0),
        lambda: opened.measurement.set_phases(None, None),
    ):
        asked.clear()
        change()
        fresh = measured_of(opened.stack, opened.annotations, opened.measurement.conventions)
        project = opened.history._project()
        expected = phases_of(project, opened.stack, fresh, opened.annotations)
        assert opened.measurement.phases == expected
        opened.measurement.measures()
        assert len(asked) <= 2  # and that by the test itself


def test_phases_are_told_anew_when_muscles_are_counted_otherwise(opened, monkeypatch) -> None:
    assert opened.measurement.phases.ed is not None
    told = Phases(2, 3)  # what volumes that are counted otherwise would say
    monkeypatch.setattr(Measured, "phases", lambda *_: told)
    opened.measurement.count_papillary(Papillary.MASS)
    assert opened.measurement.phases == told


def test_what_is_said_of_a_stack_is_kept(opened, made, tmp_path) -> None:
    heard = []
    opened.signals.measuring_changed.connect(lambda: heard.append(opened.measurement.papillary))
    points = opened.measurement.measured.walls.insertion_on(SliceIndex(0, 3))
    opened.measurement.count_papillary(Papillary.MASS)
    opened.measurement.set_insertion(points)
    opened.measurement.set_person(Person(180, 80, Sex.FEMALE))
    assert heard == [Papillary.MASS] * 3
    assert not opened.history.undoable or "papillary" not in str(opened.history.undoable)
    row = opened.measurement.measures(wall=True).row()
    opened.close()
    again = Session(Project.open(tmp_path / "p.cardiac"), ScriptedTrainer(), who="reader")
    again.open(made.study.stack(View.SAX))
    assert again.measurement.papillary is Papillary.MASS
    assert again.measurement.person == Person(180, 80, Sex.FEMALE)
    assert again.measurement.insertion.points() == points.points()
    np.testing.assert_equal(again.measurement.measures(wall=True).row(), row)
    other = Stack(made.study.stack(View.SAX).image[:1], np.diag([1.5, 1.5, 8, 1.0]), name="other")
    again.open(other)  # each stack has its own
    assert again.measurement.papillary is Papillary.CAVITY
    assert again.measurement.person == Person()
    assert again.measurement.insertion is None
    again.close()


def test_a_stack_s_own_person_holds_until_somebody_says_otherwise(opened, made) -> None:
    own = Person(180, 80, Sex.FEMALE)
    stack = made.study.stack(View.SAX)
    opened.open(replace(stack, source=DicomSource(Path("s"), person=own)), made.masks[View.SAX])
    measurement = opened.measurement
    assert measurement.person == own
    assert measurement.measures().body_surface_m2 == pytest.approx(2.0)
    whence = "height, weight and sex are those in the headers of the images"
    assert opened.export.work().person_remark == whence
    measurement.set_person(Person(170, 60, Sex.MALE))
    assert measurement.person == Person(170, 60, Sex.MALE)
    assert opened.export.work().person_remark == ""
    measurement.set_person(Person())  # nothing is to be known of them
    assert measurement.person == Person()
    assert "body_surface_m2" not in measurement.measures().row()
    measurement.set_person(own)  # as the files say: that needs no saying
    assert opened.project.state("person", stack.digest) is None
    assert measurement.person == own


def test_labels_never_change_by_it(opened) -> None:
    before, versions = opened.annotations.labels.copy(), opened.annotations.versions.copy()
    opened.measurement.count_papillary(Papillary.MASS)
    opened.measurement.measures(wall=True)
    assert np.array_equal(opened.annotations.labels, before)
    assert np.array_equal(opened.annotations.versions, versions)


def test_what_leaves_says_it(opened, tmp_path) -> None:
    points = opened.measurement.measured.walls.insertion_on(SliceIndex(0, 3), turned_by=30)
    opened.measurement.count_papillary(Papillary.MASS)
    opened.measurement.set_insertion(points)
    opened.measurement.set_person(Person(180, 80, Sex.MALE))
    heart = opened.measurement.measures(wall=True)
    for file in opened.export.measurements(tmp_path / "n.csv"):
        with open(file, newline="") as table:
            rows = list(csv.DictReader(table))
        assert {row["papillary"] for row in rows} == {"mass"}, file
    with open(tmp_path / "n.csv", newline="") as table:
        [row] = csv.DictReader(table)
    assert float(row["lv_edv_ml"]) == pytest.approx(heart.lv_edv_ml, rel=1e-5)
    assert float(row["lv_edvi_ml_per_m2"]) == pytest.approx(heart.lv_edv_ml / 2, rel=1e-5)
    assert float(row["wall_ed_01_mm"]) == pytest.approx(heart.wall_ed.segments_mm[1], rel=1e-5)
    said = json.loads(opened.export.provenance(tmp_path / "p.json").read_text())
    assert said["papillary"] == "mass"
    assert InsertionPoints.of(said["insertion_points"]).points() == points.points()
    work = replace(opened.export.work(), study="p1")
    [file] = WRITERS["landmarks"].write(tmp_path / "l.json", work, Choice())
    points_again = insertion_of(read_landmarks(file), tmp_path / "p1_sax.nii.gz")
    assert points_again.points() == points.points()
    page = opened.export.report(tmp_path / "r.html", "p1").read_text()
    assert "counted as myocardium" in page
    assert "53 to 79" in page
    assert "no diagnosis" in page
