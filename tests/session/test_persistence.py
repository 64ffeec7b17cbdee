"""Work that outlives its session: projects, by name or kept by themselves."""

import shutil
from datetime import datetime, timedelta
from itertools import count

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceState, pack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import LockedError, Project
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.session import Look, MissingStackError, Session

from .conftest import SHAPE, A, B, ScriptedTrainer, result, say, square, train


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "images" / "heart.nii.gz"
    path.parent.mkdir()
    data = np.random.default_rng(0).random(SHAPE[::-1]).astype(np.float32)
    nib.save(nib.Nifti1Image(data, np.diag([1.4, 1.4, 10, 1])), path)
    return path


@pytest.fixture
def make(trainer):
    """Sessions, all of which are closed in the end."""
    made = []

    def make(**kwargs):
        made.append(Session(trainer=trainer, who="reader", **kwargs))
        return made[-1]

    yield make
    for session in made:
        session.close()


def seen(session):
    annotations = session.annotations
    records = {i: annotations.record(i) for i in session.stack.slice_indices()}
    return (
        annotations.labels.tobytes(),
        records,
        session.model,
        session.history.undoable,
        session.history.redoable,
    )


def test_reopened_as_it_was_and_undo_goes_on(make, trainer, image, tmp_path):
    session = make()
    session.open_project(tmp_path / "work.cardiac")
    session.open(read_stack(image))
    session.labelling.annotate(A, square(1))
    states = [seen(session)]
    for verb in (
        lambda: session.confirm(A),
        lambda: train(session, trainer),
        lambda: session.labelling.annotate(B, square(3)),
        lambda: session.labelling.exclude(B),
    ):
        verb()
        states.append(seen(session))
    session.undo()
    session.persistence.look_at(session.stack, B, (1.0, 9.0))
    left = seen(session)
    session.close()

    again = make()
    again.open_project(tmp_path / "work.cardiac")
    again.open_kept(again.persistence.stacks[0])
    assert seen(again) == left
    assert again.persistence.look(again.stack) == Look(B, (1.0, 9.0))
    again.redo()
    assert seen(again)[:2] == states[-1][:2]
    for state in (states[3], states[2]):  # back to the training, which is no step of the expert's
        again.undo()
        assert seen(again)[:3] == state[:3]
    again.undo()
    assert again.annotations.record(A) == states[0][1][A]
    assert again.annotations.state(B) is SliceState.PREDICTED
    assert again.model == states[2][2]
    (curve,) = again.project.notes("trained") or ({"loss": []},)
    assert isinstance(curve["loss"], list)


def test_a_curve_is_kept(session, trainer):
    from napari_cardiac_ssl.trainer import Progressed

    session.labelling.annotate(A, square())
    session.training.train()
    say(session, trainer, *(Progressed(1, i, 2.0 / i, 0.1, 1.0, 9.0) for i in (1, 2)))
    say(session, trainer, *result(trainer.jobs[-1]))
    (note,) = session.project.notes("trained", session.stack.digest)
    assert note == {"model": "m1", "slices": 1, "seconds": 12.0, "loss": [2.0, 1.0]}


def test_several_stacks_of_one_project(make, image, tmp_path):
    other = image.with_name("other.nii.gz")
    data = np.arange(128, dtype=np.float32).reshape(8, 8, 2)
    nib.save(nib.Nifti1Image(data, np.diag([1.4, 1.4, 10, 1])), other)
    session = make()
    session.open_project(tmp_path / "work.cardiac")
    for path in (image, other):
        session.open(read_stack(path))
        session.labelling.annotate(A, square(1))
        session.confirm(A)
    assert [(kept.name, kept.expert) for kept in session.persistence.stacks] == [
        ("other", 1),
        ("heart", 1),
    ]
    session.open_kept(session.persistence.stacks[1])
    assert session.stack.name == "heart"
    session.undo()
    assert session.annotations.state(A) is SliceState.EDITING
    session.open_kept(session.persistence.stacks[1])
    assert session.annotations.state(A) is SliceState.EXPERT


def test_other_studies_of_the_project_are_learned_from_too(make, trainer, image, tmp_path):
    session = make()
    session.open_project(tmp_path / "work.cardiac")
    paths = [image]
    for number in range(2):
        paths.append(image.with_name(f"other{number}.nii.gz"))
        data = np.random.default_rng(number + 1).random((8, 8, 3))
        nib.save(nib.Nifti1Image(data, np.diag([1.4, 1.4, 10, 1])), paths[-1])
    for path in paths[1:]:
        session.open(read_stack(path))
        session.labelling.annotate(A, square(2))
        session.confirm(A)
    session.open(read_stack(image))
    session.labelling.annotate(B, square(1))
    session.labelling.annotate(A, square(3))
    session.confirm(A)
    paths[2].unlink()  # gone: not learned from
    session.training.train()
    own, other = trainer.jobs[-1].examples
    assert own.slices == (A, B)
    assert other.slices == (A,)
    assert other.places[0] == paths[1]
    np.testing.assert_array_equal(other.labels[0], square(2))
    assert session.training.status.slices == 3


def test_images_that_moved_are_found_or_asked_for(make, image, tmp_path):
    session = make()
    session.open_project(tmp_path / "work.cardiac")
    session.open(read_stack(image))
    session.labelling.annotate(A, square(1))
    (kept,) = session.persistence.stacks
    beside = tmp_path / image.name
    shutil.move(image, beside)
    session.open_kept(kept)
    assert session.stack.path == beside
    away = tmp_path / "far" / "renamed.nii.gz"
    away.parent.mkdir()
    shutil.move(beside, away)
    with pytest.raises(MissingStackError, match=r"heart is not at .* show where it is now") as told:
        session.open_kept(session.persistence.stacks[0])
    session.open_kept(told.value.kept, at=away)
    assert session.annotations.labels[A].any()
    data = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE[::-1])
    nib.save(nib.Nifti1Image(data, np.eye(4)), beside)
    with pytest.raises(InputError, match="is not the image that was labelled as heart"):
        session.open_kept(kept, at=beside)


def test_the_window_s_work_is_kept_by_itself(make, trainer, image, home):
    said = []
    session = make()
    session.persistence.keeps_by_itself = True
    session.signals.said.connect(said.append)
    session.open(read_stack(image))
    assert said == []
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    left = seen(session)
    session.close()
    again = make()
    again.persistence.keeps_by_itself = True
    again.signals.said.connect(said.append)
    again.open(read_stack(image))
    assert seen(again) == left
    assert said == ["went on from 1 slice of heart"]


def test_what_was_learned_carries_over_to_the_next_study(make, trainer, image, tmp_path):
    session = make()
    session.persistence.keeps_by_itself = True
    session.open(read_stack(image))
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    first = session.project.path
    session.open(type(session.stack)(np.ones((1, 2, 8, 8)), np.eye(4)))
    assert session.project.path != first
    assert session.model.digest == "m1"
    session.open_project(tmp_path / "work.cardiac")
    assert session.project.models.get("m1") == session.model


def test_a_second_window_is_told_that_it_keeps_nothing(make, image, tmp_path):
    first, second, said = make(), make(), []
    for session in (first, second):
        session.persistence.keeps_by_itself = True
        session.signals.said.connect(said.append)
        session.open(read_stack(image))
    assert "what you do on heart is not kept" in said[-1]
    assert "open in another window" in said[-1]
    assert (first.persistence.not_kept, second.persistence.not_kept) == (None, said[-1])
    second.labelling.annotate(A, square(1))
    assert second.history.undoable == "stroke"
    second.persistence.save_as(tmp_path / "kept.cardiac")
    assert second.persistence.not_kept is None


def test_what_is_opened_to_read_stays(make, trainer, image, tmp_path):
    path = tmp_path / "work.cardiac"
    writer = make()
    writer.open_project(path)
    writer.open(read_stack(image))
    writer.labelling.annotate(A, square(1))
    reader = make()
    with pytest.raises(LockedError):
        reader.open_project(path)
    reader.open_project(path, read_only=True)
    reader.open_kept(reader.persistence.stacks[0])
    assert reader.annotations.labels[A].any()
    reader.persistence.look_at(reader.stack, B)
    for verb in (
        lambda: reader.labelling.annotate(B, square()),
        reader.undo,
        reader.training.train,
    ):
        with pytest.raises(InputError, match="was opened to read"):
            verb()
    assert not reader.annotations.labels[B].any()
    reader.persistence.save_as(tmp_path / "mine.cardiac")
    reader.labelling.annotate(B, square(2))
    assert reader.history.undoable == "stroke"
    assert writer.persistence.stacks[0].digest == reader.persistence.stacks[0].digest


def test_saving_in_the_midst_of_work(make, trainer, image, tmp_path):
    session = make()
    session.open(read_stack(image))
    session.labelling.annotate(A, square(1))
    train(session, trainer)
    session.persistence.save_as(tmp_path / "named.cardiac")
    session.labelling.annotate(B, square(3))
    left = seen(session)
    session.close()
    again = make(project=Project.open(tmp_path / "named.cardiac"))
    again.open_kept(again.persistence.stacks[0])
    assert seen(again) == left


def test_trouble_is_told_once_and_its_end(make, image, tmp_path):
    session, told = make(), []
    session.open_project(tmp_path / "work.cardiac")
    session.signals.trouble.connect(told.append)
    session.open(read_stack(image))
    database = session.project._journal.db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count={pages}")
    for t, z in session.stack.slice_indices() * 3:
        session.labelling.annotate((t, z), np.random.default_rng(0).integers(0, 4, (8, 8)))
        session.labelling.annotate((t, z), square(1))
        session.process_messages()
    assert len(told) == 1
    assert "database or disk is full" in told[0]
    labels = session.annotations.labels.copy()
    assert labels.any()
    database.execute("PRAGMA max_page_count=1000000")
    session.project._journal._next_try = 0.0
    session.process_messages()
    assert told[1:] == ["everything is saved again"]
    session.close()
    again = make()
    again.open_project(tmp_path / "work.cardiac")
    again.open_kept(again.persistence.stacks[0])
    np.testing.assert_array_equal(again.annotations.labels, labels)


def test_a_mask_that_does_not_fit_is_refused(make, image, tmp_path):
    session = make()
    session.open_project(tmp_path / "work.cardiac")
    session.open(read_stack(image))
    session.labelling.annotate(A, square(1))
    for mask in (pack(np.zeros((9, 9), np.uint8)), b"no zlib", pack(np.zeros(10**7, np.uint8))):
        session.project._journal.db.execute("UPDATE slices SET mask=?", (mask,))
        with pytest.raises(InputError, match="a stored mask"):
            session.open(read_stack(image))
    session.project._journal.db.execute("UPDATE slices SET t=7, mask=?", (pack(square()),))
    with pytest.raises(InputError, match="no slice t=7"):
        session.open(read_stack(image))


def test_closing_twice_is_closing(make):
    session = make()
    session.close()
    session.close()
    assert isinstance(session.training._trainer, ScriptedTrainer)


def test_later_work_in_a_project_with_a_name_is_said(make, image, tmp_path, home, monkeypatch):
    class Minutes(datetime):
        """A clock that goes on by a minute whenever somebody looks."""

        looks = count()

        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 1, tzinfo=tz) + timedelta(minutes=next(cls.looks))

    monkeypatch.setattr("napari_cardiac_ssl.wording.datetime", Minutes)

    def opened():
        session = make()
        session.persistence.keeps_by_itself = True
        session.open(read_stack(image))
        return session

    first = opened()
    first.labelling.annotate(A, square(1))
    assert first.alert is None
    first.persistence.save_as(named := tmp_path / "ward.cardiac")
    first.close()
    again = opened()  # what was there when it got its name is all there is
    assert again.alert is None
    again.close()
    later = make()
    later.persistence.keeps_by_itself = True
    later.open_project(named)
    later.open(read_stack(image))
    later.labelling.annotate(B, square(3))
    assert later.alert is None
    later.close()

    behind = opened()
    assert not behind.annotations.labels[B].any()
    assert behind.alert.startswith("your later work on heart is in ")
    assert str(named) in behind.alert
    behind.open_project(named)
    behind.open(read_stack(image))
    assert behind.alert is None
    assert behind.annotations.labels[B].any()
    behind.close()
    ahead = opened()
    ahead.labelling.annotate(B, square(2))  # the latest is here now
    ahead.close()
    last = opened()
    assert last.alert is None
    last.close()
    named.unlink()
    assert opened().alert is None
