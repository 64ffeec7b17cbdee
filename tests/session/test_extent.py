"""The first and last slice with heart: what lies outside is an example of no heart."""

import json

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.session.examples import LEAST_FROM_OTHERS
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import ScriptedTrainer, result, say, square, train

FRAMES, SLICES = 3, 8
STACK = Stack(
    np.random.default_rng(0).random((FRAMES, SLICES, 8, 8)), np.diag([1.4, 1.4, 10, 1]), name="sax"
)


@pytest.fixture
def session(session):
    session.open(STACK)
    return session


def seen(session):
    annotations = session.annotations
    records = [annotations.record(i) for i in session.stack.slice_indices()]
    return annotations.labels.tobytes(), records, session.history.undoable, session.history.redoable


def outside(session, t):
    return [z for z in range(SLICES) if session.annotations.is_outside(SliceIndex(t, z))]


def mark(session, first, last, t=0, **kwargs):
    session.set_end("first", SliceIndex(t, first), **kwargs)
    session.set_end("last", SliceIndex(t, last), **kwargs)


def test_slices_outside_are_examples_of_no_heart(session, trainer, heard):
    assert session.annotations.extent(0) == (0, 7)
    assert session.set_end("first", (0, 2)) == ((0, 0), (0, 1))
    assert heard == [("changed", ((0, 0), (0, 1)))]
    assert session.set_end("last", SliceIndex(0, 5)) == ((0, 6), (0, 7))
    assert session.annotations.extent(0) == (2, 5)
    assert session.annotations.extent(1) == (0, 7)
    record = session.annotations.record(SliceIndex(0, 7))
    assert (record.state, record.who, record.how) == (SliceState.EXPERT, "reader", OUTSIDE)
    with pytest.raises(InputError, match="nothing to learn from yet; draw the heart"):
        session.training.train()
    session.labelling.annotate(SliceIndex(0, 4), square(1))
    train(session, trainer)
    learned = trainer.jobs[-1].examples[0]
    assert [index.z for index in learned.slices] == [0, 1, 4, 6, 7]
    assert [labels.any() for labels in learned.labels] == [False, False, True, False, False]
    assert outside(session, 0) == [0, 1, 6, 7]  # the prediction was not written there
    assert session.annotations.labels[0, 2:6].any(axis=(1, 2)).all()
    assert not session.annotations.labels[0, [0, 1, 6, 7]].any()


def test_predictions_outside_go_and_come_back_by_undo(session, trainer):
    session.labelling.annotate(SliceIndex(0, 4), square(1))
    train(session, trainer)
    before = seen(session)
    session.set_end("first", SliceIndex(0, 2))
    after = seen(session)
    assert session.history.undoable == "first slice with heart"
    assert not session.annotations.labels[0, :2].any()
    session.undo()
    assert seen(session)[:3] == before[:3]
    session.redo()
    assert seen(session) == after
    assert session.history.before(SliceIndex(0, 1)).record.state is SliceState.PREDICTED


def test_in_all_frames_it_is_one_step(session):
    changed = session.set_end("last", SliceIndex(1, 5), all_frames=True)
    assert changed == tuple((t, z) for t in range(FRAMES) for z in (6, 7))
    assert [session.annotations.extent(t) for t in range(FRAMES)] == [(0, 5)] * FRAMES
    session.undo()
    assert not session.annotations.slices(SliceState.EXPERT)
    assert session.history.undoable is None


def test_an_end_that_moves_gives_slices_back(session):
    mark(session, 3, 5)
    assert session.set_end("first", SliceIndex(0, 1)) == ((0, 1), (0, 2))
    assert outside(session, 0) == [0, 6, 7]
    assert session.annotations.state(SliceIndex(0, 1)) is SliceState.UNLABELLED
    assert session.set_end("last", SliceIndex(0, 7)) == ((0, 6), (0, 7))
    assert session.annotations.extent(0) == (1, 7)
    assert session.set_end("first", SliceIndex(0, 1)) == ()
    assert session.history.undoable == "last slice with heart"


def test_a_single_slice_is_reverted_or_drawn_on(session):
    mark(session, 2, 5)
    session.labelling.revert(SliceIndex(0, 1))
    assert session.annotations.state(SliceIndex(0, 1)) is SliceState.UNLABELLED
    assert session.annotations.extent(0) == (1, 5)
    session.labelling.annotate(SliceIndex(0, 6), square(1))
    record = session.annotations.record(SliceIndex(0, 6))
    assert (record.state, record.how) == (SliceState.EDITING, "drawn")
    session.confirm(SliceIndex(0, 6))
    assert session.annotations.extent(0) == (1, 6)


def test_what_an_expert_drew_is_not_outside_and_nothing_changes(session):
    session.labelling.annotate(SliceIndex(2, 6), square(1))
    before = seen(session)
    with pytest.raises(InputError, match=r"frame 2: slice 5 cannot be the last .*, slice 6 has"):
        session.set_end("last", SliceIndex(0, 5), all_frames=True)
    assert seen(session) == before
    session.confirm(SliceIndex(2, 6))
    before = seen(session)
    with pytest.raises(InputError, match="revert it to the model or erase it"):
        session.set_end("last", SliceIndex(2, 5))
    assert seen(session) == before
    session.labelling.annotate(SliceIndex(2, 6), np.zeros((8, 8), np.uint8))  # erased
    session.set_end("last", SliceIndex(2, 5))
    assert outside(session, 2) == [6, 7]


def test_ends_do_not_cross(session):
    mark(session, 2, 5)
    before = seen(session)
    with pytest.raises(InputError, match="slice 6 cannot be the first with heart, slice 5 is the"):
        session.set_end("first", SliceIndex(0, 6))
    with pytest.raises(InputError, match="slice 1 cannot be the last with heart, slice 2 is the f"):
        session.set_end("last", SliceIndex(1, 1), all_frames=True)
    with pytest.raises(InputError, match="no slice 8 of frame 0"):
        session.set_end("last", SliceIndex(0, 8))
    with pytest.raises(InputError, match="no slice 1 of frame 3"):
        session.set_end("first", SliceIndex(3, 1), all_frames=True)
    assert seen(session) == before
    mark(session, 4, 4)
    assert session.annotations.extent(0) == (4, 4)


def test_an_experts_word_and_exclusions_stay(session):
    session.confirm(SliceIndex(0, 0))
    session.labelling.exclude(SliceIndex(0, 2))
    assert session.set_end("first", SliceIndex(0, 4)) == ((0, 1), (0, 3))
    assert session.annotations.record(SliceIndex(0, 0)).how == "confirmed"
    assert session.annotations.state(SliceIndex(0, 2)) is SliceState.EXCLUDED
    assert session.annotations.extent(0) == (4, 7)
    session.labelling.unconfirm(SliceIndex(0, 1))
    assert session.annotations.extent(0) == (1, 7)
    assert session.set_end("first", SliceIndex(0, 4)) == ((0, 1),)


def test_marks_are_kept_and_exported(session, tmp_path):
    session.open_project(tmp_path / "work.cardiac")
    session.open(STACK)
    mark(session, 2, 5, all_frames=True)
    left = seen(session)
    session.close()
    again = Session(trainer=ScriptedTrainer(), who="other")
    again.open_project(tmp_path / "work.cardiac")
    again.open(STACK)
    assert seen(again) == left
    written = json.loads(again.export.provenance(tmp_path / "who.json").read_text())["slices"]
    assert len(written) == FRAMES * 4
    assert {(one["how"], one["who"], one["state"]) for one in written} == {
        (OUTSIDE, "reader", "expert")
    }
    again.undo()
    assert again.annotations.extent(1) == (2, 7)
    again.close()


def test_the_report_counts_marks_apart_from_what_was_confirmed(session, tmp_path):
    session.labelling.annotate(SliceIndex(0, 4), square(1))
    session.confirm(SliceIndex(0, 4))
    mark(session, 2, 5)
    page = session.export.report(tmp_path / "page.html", "p1").read_text()
    assert "1 slices confirmed by an expert, 0 predicted, 4 marked by an expert as outside" in page


def test_marks_are_learned_while_drawing(session, trainer):
    session.training.learn_while_drawing = True
    session.set_end("first", SliceIndex(0, 2))  # nothing shows what a heart is yet
    assert not trainer.jobs
    session.labelling.annotate(SliceIndex(0, 4), square(1))
    session.confirm(SliceIndex(0, 4))
    while session.training.busy:
        say(session, trainer, *result(trainer.jobs[-1], digest=f"m{len(trainer.jobs)}"))
    number = len(trainer.jobs)
    session.set_end("last", SliceIndex(1, 5), all_frames=True)
    assert len(trainer.jobs) == number + 1
    assert trainer.jobs[-1].predict[1][0] == (1, 5)
    session.cancel()
    session.set_end("last", SliceIndex(1, 5))  # nothing new
    assert len(trainer.jobs) == number + 1


def test_marks_do_not_test_a_model(session, trainer):
    session.labelling.annotate(SliceIndex(0, 4), square(1))
    train(session, trainer)
    mark(session, 2, 5, all_frames=True)  # the model saw a heart there
    train(session, trainer)
    assert session.validation.scores == ()
    assert session.validation.verdict == "not validated yet"


def test_marks_cover_no_part_of_the_heart(session):
    mark(session, 4, 7)
    [best] = session.suggestion.suggest()
    assert best.index.t == 0  # as with nothing labelled, not as far from the marks as can be
    assert best.reason.startswith("the heart is not confirmed yet")
    assert {s.index for s in session.suggestion.suggest(number=99)}.isdisjoint(
        SliceIndex(0, z) for z in range(4)
    )


def test_a_mark_in_the_next_frame_covers_nothing(session, trainer):
    frames = 20
    session.open(Stack(np.zeros((frames, SLICES, 8, 8)), np.diag([1.4, 1.4, 10, 1])))
    drawn = SliceIndex(0, 4)
    session.labelling.annotate(drawn, square(1))
    session.training.train()
    say(session, trainer, *result(trainer.jobs[-1], code=1))
    session.measurement.set_phases(0, 10)
    session.set_end("first", SliceIndex(1, 3))  # in ED itself the heart is on these
    session.set_end("last", SliceIndex(1, 5))
    only = np.zeros((frames, SLICES), bool)
    only[0, 0] = True
    [best] = session.suggestion.suggest(among=only)
    assert "not covered yet in ED" in best.reason


def test_marks_in_one_frame_do_not_leave_others_aside(session):
    half = square(1)
    half[2] = 0
    for z in (3, 4):
        session.labelling.annotate(SliceIndex(0, z), square(1))
        session.labelling.annotate(SliceIndex(2, z), half)
    assert session.measurement.phases == (0, 2)
    mark(session, 3, 5)
    assert session.measurement.phases == (0, 2)
    assert session.measurement.measured.measures(phases=(0, 2)).ed.labelled == (3, 4)


def test_helps_take_marks_for_no_drawing(session):
    session.labelling.annotate(SliceIndex(0, 3), square(1))
    mark(session, 2, 5)
    with pytest.raises(InputError, match=r"drawn so far: 3\)"):
        session.drafting.interpolate(0)


def test_empty_ends_bring_no_more_slices_of_other_studies_with_them(session, trainer):
    """As many of others are learned as this stack shows hearts: marks are not hearts."""
    for z in range(1, SLICES):
        session.labelling.annotate(SliceIndex(0, z), square())
        session.confirm(SliceIndex(0, z))
    here = Stack(STACK.image + 1, STACK.affine, name="another")
    session.open(here)
    session.labelling.annotate(SliceIndex(0, 4), square())
    session.confirm(SliceIndex(0, 4))
    mark(session, 3, 5, all_frames=True)
    session.training.train()
    own, others = trainer.jobs[-1].examples
    assert len(own.slices) == 1 + FRAMES * 5
    assert len(others.slices) == LEAST_FROM_OTHERS
