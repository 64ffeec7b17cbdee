"""The study of a session: views, landmarks and ED and ES are said, undone and kept like labels."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import NiftiSource, SliceIndex, Stack, Study

POINTS = Landmarks.of({"lv_base": [0, 0, 0], "lv_apex": [0, 0, -80], "rv_lateral": [60, 0, -20]})
FIRST = SliceIndex(0, 0)


def stack(seed, view):
    image = np.random.default_rng(seed).random((2, 3, 8, 8))
    return Stack(image, np.diag([1.4, 1.4, 10, 1]), view, name=view.short)


@pytest.fixture
def study():
    return Study("p1", (stack(1, View.SAX), stack(2, View.LAX_4CH), stack(3, View.OTHER)))


@pytest.fixture
def make(trainer):
    """Sessions that keep by themselves, as a window's do."""
    made = []

    def make():
        session = Session(trainer=trainer, who="reader")
        session.persistence.keeps_by_itself = True
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(make, study):
    session = make()
    session.study.add(study)
    session.open(study.stacks[0])
    return session


def labels(code=1):
    drawn = np.zeros((8, 8), np.uint8)
    drawn[2:5, 2:5] = code
    return drawn


def test_landmarks_are_steps(session):
    session.labelling.annotate(FIRST, labels())
    assert "three landmarks" in session.anatomy.why_no_frame
    session.anatomy.set_landmarks(POINTS)
    assert session.anatomy.frame is not None
    session.anatomy.set_landmarks(None)
    assert session.anatomy.frame is None
    assert session.history.undoable == "landmarks"
    session.undo()
    assert session.anatomy.landmarks.points() == POINTS.points()
    session.undo()
    assert session.anatomy.landmarks is None
    assert session.history.undoable == "stroke"
    session.redo()
    assert session.anatomy.landmarks.points() == POINTS.points()


def test_ed_and_es_are_a_step(session):
    session.labelling.annotate(FIRST, labels())
    found = session.measurement.phases
    heard = []
    session.signals.phases_changed.connect(lambda: heard.append(session.measurement.phases))
    session.measurement.set_phases(1, 0)
    session.measurement.set_phases(1, 0)  # as it is already: no step
    session.undo()
    assert heard == [(1, 0), found]
    assert session.history.undoable == "stroke"


def test_a_view_is_corrected_and_back(session, study):
    _, _, other = study.stacks
    session.correct_view(other, View.LAX_2CH)
    assert [one.view for one in session.study.current.stacks] == [
        View.SAX,
        View.LAX_4CH,
        View.LAX_2CH,
    ]
    assert session.stack is study.stacks[0]  # which is not opened anew
    session.undo()
    assert session.study.current.stacks == study.stacks
    session.redo()
    assert session.study.current.stack(View.LAX_2CH).digest == other.digest


def test_the_open_stack_is_opened_anew_with_its_view(session, study):
    session.labelling.annotate(FIRST, labels())
    opened = []
    session.signals.stack_opened.connect(lambda stack: opened.append(stack.view))
    session.correct_view(session.stack, View.LAX_3CH)
    assert session.stack.view is View.LAX_3CH
    assert session.annotations.state(FIRST) is SliceState.EDITING
    session.undo()
    assert session.stack is study.stacks[0]
    assert opened == [View.LAX_3CH, View.SAX]
    assert session.history.undoable == "stroke"


def test_an_open_stack_that_is_trained_on_keeps_its_view(session):
    session.labelling.annotate(FIRST, labels())
    session.confirm(FIRST)
    session.training.train()
    with pytest.raises(InputError, match="running"):
        session.correct_view(session.stack, View.LAX_3CH)
    assert session.stack.view is View.SAX


def test_all_projects_of_a_study_know_how_its_heart_lies(session, make, study):
    sax, four, other = study.stacks
    session.anatomy.set_landmarks(POINTS)
    session.open(four)
    assert session.anatomy.landmarks.points() == POINTS.points()
    session.correct_view(other, View.LAX_2CH)
    session.open(sax)
    assert [one.view for one in session.study.current.stacks][2] is View.LAX_2CH
    session.anatomy.set_landmarks(None)
    session.open(four)
    assert session.anatomy.landmarks is None  # what was taken back does not come back
    session.close()

    again = make()
    again.study.add(Study("p1", tuple(replace(one) for one in study.stacks)))
    again.open(again.study.known[0].stacks[1])
    assert again.study.current.stack(View.LAX_2CH).digest == other.digest


def test_another_study_is_not_told_what_was_said_of_this(session):
    session.anatomy.set_landmarks(POINTS)
    session.open(stack(9, View.SAX))
    assert session.anatomy.landmarks is None
    assert session.project.state("landmarks", session.stack.digest) is None
    assert session.study.current.name == "SAX"


def test_another_view_leaves_as_files_without_being_opened(session, study):
    sax, four, other = study.stacks
    session.open(four)
    session.labelling.annotate(FIRST, labels(4))
    session.confirm(FIRST)
    session.open(sax)
    opened = []
    session.signals.stack_opened.connect(opened.append)
    work = session.export.work(four)
    assert (work.study, work.stack) == ("p1", four)
    assert (work.annotations.labels[FIRST] == labels(4)).all()
    assert work.annotations.state(FIRST) is SliceState.EXPERT
    assert not session.export.work(other).annotations.labels.any()
    assert session.stack is sax
    assert opened == []


@pytest.fixture
def phases(tmp_path):
    """ED and ES as two files, and another patient's beside them."""
    image = np.random.default_rng(4).random((1, 5, 24, 24))
    return [
        Stack(
            image + number,
            np.diag([1.5, 1.5, 10, 1]),
            View.SAX,
            name=name,
            source=NiftiSource(tmp_path / f"{name}.nii.gz"),
        )
        for number, name in enumerate(("p1_ED", "p1_ES", "p2_ED"))
    ]


def contour(session, half):
    for z in range(1, 4):
        drawn = np.zeros((24, 24), np.uint8)
        drawn[12 - half - 2 : 12 + half + 2, 12 - half - 2 : 12 + half + 2] = 2
        drawn[12 - half : 12 + half, 12 - half : 12 + half] = 1
        session.labelling.annotate(SliceIndex(0, z), drawn)


def test_ed_and_es_in_two_files_are_one_heart(make, phases):
    session = make()
    ed, es, other = phases
    for one in phases:
        session.study.add(Study(one.name, (one,)))
    session.open(ed)
    contour(session, 6)
    assert session.export.both_phases() is None  # ES shows no LV yet
    session.open(other)
    assert session.study.other_phase is None
    session.open(es)
    assert session.study.other_phase is ed
    contour(session, 4)
    work = session.export.both_phases()
    heart = work.measures()
    assert (work.study, work.stack.name, work.phases) == ("p1", "p1", (0, 1))
    assert heart.lv_ef_percent == pytest.approx(100 * (1 - (8 / 12) ** 2))
    contour(session, 3)  # it follows
    again = session.export.both_phases().measures()
    assert again.lv_ef_percent == pytest.approx(100 * (1 - (6 / 12) ** 2))
    assert session.measurement.measures().lv_edv_ml != again.lv_edv_ml


def test_stacks_of_one_frame_that_lie_elsewhere_are_no_phases(make, phases):
    session = make()
    ed, es, _ = phases
    moved = replace(es, affine=es.affine + np.eye(4)[:, [3, 3, 3, 0]] * [0, 0, 0, 5])
    session.study.add(Study("p1", (ed, moved)))
    session.open(ed)
    assert session.study.other_phase is None


def test_studies_are_known_until_they_are_forgotten(session, study):
    assert session.study.known == (session.study.current,)
    assert session.study.name_of(study.stacks[1]) == "4CH"
    assert session.study.name_of(study.stacks[2]).startswith("other: ")
    session.study.forget()
    assert session.study.known == ()
    assert session.study.current.stacks == (study.stacks[0],)
