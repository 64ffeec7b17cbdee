"""Where the valve lies: found in other views, kept, corrected, used only if somebody says so."""

import threading

import numpy as np
import pytest
from scripted import ScriptedTrainer

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.valve import Place
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.trainer import Died, Failed

FRAMES = 6


@pytest.fixture(scope="module")
def made():
    return make_study(11, frames=FRAMES, slices=12, size=96, pathology="normal")


@pytest.fixture
def session(made, finders, monkeypatch):
    session = finders.session(monkeypatch)
    session.study.add(made.study)
    session.open(made.study.stack(View.SAX))
    return session


def is_closed(finder):
    """Whether the process is let go; another thread does it."""
    for thread in threading.enumerate():
        if thread.name == "end of a search":
            thread.join()
    return finder.closed


def search(session, finders, made):
    session.valve.find()
    finders.answer(session, made)


def test_the_plane_is_found_in_every_frame_from_both_views(session, finders, made):
    said = []
    session.signals.said.connect(said.append)
    assert not session.valve.is_known
    assert session.valve.plane(0) is None
    search(session, finders, made)
    assert not session.valve.searching
    assert is_closed(finders[0])
    assert any("valve and apex found on the 4CH and 2CH" in text for text in said)
    for t in range(FRAMES):
        plane = session.valve.plane(t)
        assert plane.views == (View.LAX_4CH, View.LAX_2CH)
        assert abs(plane.plane.normal @ made.long_axis) > 0.95
    base = made.landmarks["lv_base"]
    assert abs(session.valve.plane(0).plane.distance_mm(base)) < 5
    first, last = session.valve.extents()[0]
    shown = np.flatnonzero((made.masks[View.SAX][0] == 1).any(axis=(1, 2)))
    assert abs(first - shown[0]) <= 1
    assert abs(last - shown[-1]) <= 1
    assert session.valve.place(SliceIndex(0, last + 1)) in {Place.ABOVE, Place.BELOW}


def test_nothing_is_left_out_until_somebody_says_so_and_then_it_is_one_step(session, finders, made):
    drawn = SliceIndex(0, 11)
    session.labelling.annotate(drawn, np.full((96, 96), 1, np.uint8))
    search(session, finders, made)
    assert session.annotations.extent(0) == (0, 11)
    extents = session.valve.extents()
    changed, staying = session.labelling.bound(extents)
    assert staying == (drawn,)  # an expert's labels stay
    assert session.annotations.labels[drawn].all()
    for t in range(1, FRAMES):
        assert session.annotations.extent(t) == extents[t]
    assert all(session.annotations.state(one) is SliceState.EXPERT for one in changed)
    assert session.history.undoable == "bounded by the long axis"
    assert set(session.undo()) == set(changed)
    assert session.annotations.extent(1) == (0, 11)
    assert session.labelling.bound({}) == ((), ())


def test_a_point_is_moved_by_hand_the_others_follow_and_a_search_leaves_it(session, finders, made):
    search(session, finders, made)
    before = session.valve.motion(View.LAX_4CH)
    there = before[2].hinges_mm[0] + [0, 0, 5]
    session.valve.move(View.LAX_4CH, 2, "hinge 1", there)
    moved = session.valve.motion(View.LAX_4CH)
    np.testing.assert_allclose(moved[2].hinges_mm, [there, before[2].hinges_mm[1]])
    np.testing.assert_allclose(moved[0].hinges_mm[0], before[0].hinges_mm[0] + [0, 0, 5])
    np.testing.assert_allclose(moved[0].apex_mm, before[0].apex_mm)
    assert session.history.undoable == "valve plane"
    search(session, finders, made)  # which finds what is known: no step
    np.testing.assert_allclose(session.valve.motion(View.LAX_4CH)[2].hinges_mm[0], there)
    session.undo()
    np.testing.assert_allclose(session.valve.motion(View.LAX_4CH)[2].hinges_mm, before[2].hinges_mm)
    session.undo()
    assert not session.valve.is_known
    assert session.history.undoable is None


def test_a_point_that_makes_no_valve_is_refused_and_changes_nothing(session, finders, made):
    search(session, finders, made)
    points = session.valve.motion(View.LAX_2CH)[0]
    with pytest.raises(InputError, match="mm apart"):
        session.valve.move(View.LAX_2CH, 0, "hinge 1", points.hinges_mm[1])
    assert session.valve.motion(View.LAX_2CH)[0] is points


def test_it_is_kept_in_the_project(made, finders, session, tmp_path):
    session.open_project(tmp_path / "p.cardiac")
    session.open(made.study.stack(View.SAX))
    search(session, finders, made)
    session.valve.move(View.LAX_4CH, 0, "apex", session.valve.motion(View.LAX_4CH)[0].apex_mm + 3)
    kept, later = session.valve.plane(0), session.valve.plane(3)
    session.close()
    again = Session(Project.open(tmp_path / "p.cardiac"), ScriptedTrainer())
    again.study.add(made.study)
    again.open(made.study.stack(View.SAX))
    np.testing.assert_allclose(again.valve.plane(0).apex_mm, kept.apex_mm)
    np.testing.assert_allclose(again.valve.plane(3).plane.normal, later.plane.normal)
    again.valve.remove()
    assert again.valve.plane(0) is None
    again.close()


def test_what_an_expert_drew_on_a_view_outranks_what_is_predicted(session, finders, made):
    four = made.study.stack(View.LAX_4CH)
    session.open(four)
    session.labelling.annotate(SliceIndex(1, 0), made.masks[View.LAX_4CH][1, 0])
    session.confirm(SliceIndex(1, 0))
    session.open(made.study.stack(View.SAX))
    session.valve.find()
    finder = finders[-1]
    for view in (View.LAX_4CH, View.LAX_2CH):  # the model sees nothing
        finder.deliver(np.zeros_like(made.masks[view]))
        for _ in range(FRAMES + 2):
            session.process_messages()
    assert [points is not None for points in session.valve.motion(View.LAX_4CH)] == [
        t == 1 for t in range(FRAMES)
    ]
    assert session.valve.plane(1).views == (View.LAX_4CH,)
    assert list(session.valve.extents()) == [1]


@pytest.mark.parametrize("end", [Failed(1, "no room"), Died("killed")])
def test_a_search_that_fails_says_why_and_leaves_what_was(session, finders, made, end):
    said = []
    session.signals.said.connect(said.append)
    session.valve.find()
    with pytest.raises(InputError, match="wait for it"):
        session.valve.find()
    finders[0].script = [end]
    session.process_messages()
    assert not session.valve.searching
    assert is_closed(finders[0])
    assert any("not found" in text for text in said)
    session.valve.find()
    session.open(Stack(np.zeros((1, 3, 8, 8)), np.eye(4)))  # another study: nobody waits for it
    assert not session.valve.searching
    with pytest.raises(InputError, match="no 2CH or 4CH view"):
        session.valve.find()


def test_a_long_axis_view_in_the_middle_of_nothing_has_no_place(session, finders, made):
    search(session, finders, made)
    session.open(made.study.stack(View.LAX_4CH))
    assert session.valve.place(SliceIndex(0, 0)) is None
    assert session.valve.is_known
    assert isinstance(made.study.stack(View.LAX_4CH), Stack)
