"""What holds is never pruned, and what older versions kept of it is brought over."""

import json
import sqlite3

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceState, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.project import Project, schema
from napari_cardiac_ssl.session import Session

from .conftest import DIGEST, EMPTY, STACK, A, B, NoTrainer, content, model, reopened, stroke

EVENTS = 20_000
PHASES = {"ed": 3, "es": 9}
POINTS = {"lv_base": [1.5, 2.0, 3.0], "lv_apex": [0.0, 0.0, 70.0], "rv_lateral": [-40.0, 9.0, 1.0]}
LESSON = {"parent": "m0", "slices": {DIGEST: [[0, 0], [0, 1]], "other": [[2, 5]]}}


def test_after_twenty_thousand_events_all_that_holds_is_there(kept):
    kept.set_state("phases", DIGEST, PHASES)
    kept.set_state("landmarks", DIGEST, POINTS)
    kept.set_state("lineage", "m1", LESSON)
    kept.set_state("view", DIGEST, {"view": View.LAX_2CH})
    kept.models.keep(model(), View.SAX, None)
    kept.models.set_present(View.SAX, "m1")
    for number in range(EVENTS):
        kept.note("trained", {"loss": [number]}, DIGEST)
    kept = reopened(kept)
    assert kept.state("phases", DIGEST) == PHASES
    assert kept.state("landmarks", DIGEST) == POINTS
    assert kept.state("lineage", "m1") == LESSON
    assert kept.views == {DIGEST: View.LAX_2CH}
    assert kept.stacks[0].view is View.LAX_2CH
    assert kept.models.present(View.SAX) == "m1"
    assert len(kept.notes("trained")) == 10_000
    kept.close()


def test_what_holds_no_more_is_gone(kept):
    kept.set_state("phases", DIGEST, PHASES)
    kept.set_state("phases", DIGEST, None)
    assert reopened(kept).state("phases", DIGEST) is None


def test_what_cannot_be_kept_is_not_said_to_be(kept, path):
    kept.close()
    session = Session(project=Project.open(path, read_only=True), trainer=NoTrainer())
    session.open(STACK)
    for verb in (
        lambda: session.measurement.set_phases(0, None),
        lambda: session.anatomy.set_landmarks(Landmarks.of(POINTS)),
        lambda: session.correct_view(STACK, View.LAX_4CH),
    ):
        with pytest.raises(InputError, match="was opened to read"):
            verb()
    session.close()


def test_twenty_thousand_events_later_a_session_validates_as_before(path):
    """Slices that a model has learned from are never scored, and a corrected view stays."""
    session = Session(trainer=NoTrainer(), who="reader")
    session.open_project(path)
    session.open(STACK)
    session.measurement.set_phases(0, 0)
    session.correct_view(STACK, View.LAX_4CH)
    project = session.project
    for name, parent, slices in (("m1", None, [A]), ("m2", "m1", [B])):
        project.models.keep(model(name, previous=parent), View.LAX_4CH, parent)
        project.models.set_present(View.LAX_4CH, name)
        project.note_learned(name, parent, {DIGEST: slices})
    for number in range(EVENTS):
        project.note("trained", {"loss": [number]})
    session.close()

    again = Session(trainer=NoTrainer(), who="reader")
    again.open_project(path)
    again.open(STACK)
    assert again.stack.view is View.LAX_4CH
    assert again.measurement.phases == (0, 0)
    again.project.add_step(
        DIGEST, Step("refresh", {i: (EMPTY, content(1)) for i in (A, B)}, ("m1", "m2"))
    )
    for index in (A, B):
        again.labelling.annotate(index, np.ones((4, 4), np.uint8))
        again.confirm(index)
    assert again.model.digest == "m2"
    assert again.validation.scores == ()  # m2 has learned B, and m1, which it came from, A
    again.close()


def test_what_a_model_has_learned_goes_with_it_to_the_next_project(tmp_path):
    session = Session(trainer=NoTrainer(), who="reader")
    session.open(STACK)
    session.start_from(model("m2", previous="m1"))
    session.project.note_learned("m1", None, {DIGEST: [A]})
    session.project.note_learned("m2", "m1", {DIGEST: [B], "other": [A]})
    session.open_project(tmp_path / "next.cardiac")
    assert session.project.learned("m2") == {DIGEST: {A, B}, "other": {A}}
    session.open_project(tmp_path / "one more.cardiac")
    assert session.project.learned("m2") == {DIGEST: {A, B}, "other": {A}}
    session.close()


# -- layouts before -------------------------------------------------------------------------


def old_file(path, layout):
    """A file of a layout before, with everything in it that it could hold."""
    old = sqlite3.connect(path, isolation_level=None)
    schema.migrate(old, upto=min(layout, 2))
    old.execute(
        "INSERT INTO stacks(digest, name, view, frames, slices, height, width, path, opened, look) "
        "VALUES (?, 'heart', 'SAX', 1, 2, 4, 4, '/a/heart.nii', '2026', '{\"t\": 0}')",
        (DIGEST,),
    )
    row = (0, 0, "expert", "reader", "2026", "m0", "corrected", content(2).mask)
    old.execute(f"INSERT INTO slices VALUES (1, {', '.join('?' * 8)})", row)
    for name, parts in (("m1", 3), ("m2", 0)):
        old.execute(
            "INSERT INTO models VALUES (?, 'SAX', 'm0', NULL, 2, 8.5, '2026', ?)", (name, parts > 0)
        )
        for number in range(parts):
            data = model().data[number * 2000 : (number + 1) * 2000]
            old.execute("INSERT INTO parts VALUES (?, ?, ?)", (name, number, data))
    old.execute("INSERT INTO present VALUES ('SAX', 'm1')")
    for what, stack, detail in (
        ("phases", 1, {"ed": 1, "es": 1}),
        ("phases", 1, PHASES),
        ("landmarks", 1, POINTS),
        ("trained", 1, {"model": "m1", "loss": [2.0, 1.0]}),
        ("validation", 1, {"stack": DIGEST}),
        ("learned", None, {"model": "m1", "parent": None, "slices": [["other", 9, 9]]}),
        (
            "learned",
            None,
            {
                "model": "m1",
                "parent": "m0",
                "slices": [[DIGEST, 0, 0], [DIGEST, 0, 1], ["other", 2, 5]],
            },
        ),
        ("learned", None, {"model": "m2", "parent": None, "slices": [[DIGEST, 0, 0]]}),
    ):
        old.execute(
            "INSERT INTO events(at, what, stack, detail) VALUES ('2026', ?, ?, ?)",
            (what, stack, json.dumps(detail)),
        )
    if layout >= 2:
        records = [json.dumps({"state": state}) for state in ("unlabelled", "expert")]
        old.execute(
            "INSERT INTO steps(id, stack, what, at, with_model, bytes) "
            "VALUES (7, 1, 'stroke', '2026', 0, 100)"
        )
        old.execute(
            "INSERT INTO changes VALUES (7, 0, 0, ?, ?, ?, ?)",
            (records[0], EMPTY.mask, records[1], content(2).mask),
        )
        old.execute(
            "INSERT INTO steps(id, stack, what, at, with_model, undone) "
            "VALUES (8, 1, 'refresh', '2026', 1, 1)"
        )
    schema.migrate(old, upto=layout)
    old.close()


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("layout", range(1, len(schema.MIGRATIONS)))
def test_a_file_of_a_layout_before_opens_with_everything_in_it(path, layout, read_only):
    old_file(path, layout)
    before = path.read_bytes()
    kept = Project.open(path, read_only=read_only)
    (stack,) = kept.stacks
    assert (stack.name, stack.view, stack.shape, stack.expert) == ("heart", "SAX", (1, 2, 4, 4), 1)
    assert stack.places[0].name == "heart.nii"
    assert kept.look(DIGEST) == {"t": 0}
    found = kept.contents(DIGEST)[A]
    assert (found.record.state, found.mask) == (SliceState.EXPERT, content(2).mask)
    assert kept.models.get("m1").data == model().data
    assert kept.models.present(View.SAX) == "m1"
    assert not kept.models.is_kept("m2")
    assert kept.state("phases", DIGEST) == PHASES
    assert kept.state("landmarks", DIGEST) == POINTS
    assert kept.state("lineage", "m1") == LESSON
    assert kept.state("lineage", "m2") == {"parent": None, "slices": {DIGEST: [[0, 0]]}}
    assert kept.notes("trained", DIGEST) == ({"model": "m1", "loss": [2.0, 1.0]},)
    assert kept.notes("validation") == ({"stack": DIGEST},)
    assert kept.notes("phases") == kept.notes("learned") == ()
    if layout >= 2:
        assert (kept.undoable(DIGEST), kept.redoable(DIGEST)) == ((7, "stroke"), None)
        assert kept.step(7).changes[A][1].mask == content(2).mask
    if read_only:
        assert path.read_bytes() == before
    else:
        kept.add_step(DIGEST, stroke())
        kept = reopened(kept)
        assert kept.undoable(DIGEST)[1] == "stroke"
    kept.close()


def test_phases_and_landmarks_that_were_taken_back_stay_taken_back(path):
    old_file(path, 2)
    old = sqlite3.connect(path, isolation_level=None)
    for what, detail in (("phases", {"ed": None, "es": None}), ("landmarks", {})):
        old.execute(
            "INSERT INTO events(at, what, stack, detail) VALUES ('2026', ?, 1, ?)",
            (what, json.dumps(detail)),
        )
    old.close()
    kept = Project.open(path)
    assert kept.state("phases", DIGEST) is None
    assert kept.state("landmarks", DIGEST) is None
    kept.close()
