"""Projects in the window: what cannot be written is offered to read, what holds comes back."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtWidgets import QMessageBox

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.project import Project, home
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.synthetic import make_study

from .conftest import A, ScriptedTrainer


@pytest.fixture
def study():
    return make_study(3, frames=2, slices=4, size=48).study


@pytest.fixture
def make(viewer):
    """Widgets in one viewer, each after the one before was closed."""
    made = []

    def make():
        if made:
            made[-1].close_session()
            viewer.layers.clear()
        made.append(CardiacWidget(viewer, Session(trainer=ScriptedTrainer(), who="reader")))
        made[-1].session.persistence.keeps_by_itself = True
        return made[-1]

    yield make
    made[-1].close_session()


def again(study):
    """The study as it is read anew."""
    return replace(study, stacks=tuple(replace(one) for one in study.stacks))


def drawn_project(path, stack):
    session = Session(trainer=ScriptedTrainer(), who="reader")
    session.open_project(path)
    session.open(stack)
    session.labelling.annotate(A, np.ones(stack.image.shape[2:], np.uint8))
    session.close()


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_what_cannot_be_written_is_offered_to_read(widget, stack, tmp_path, monkeypatch, answer):
    path = tmp_path / "ward.cardiac"
    drawn_project(path, stack)
    (tmp_path / ".ward.cardiac.lock").write_text("somebody else's")  # root may write what it wants
    asked = []

    def question(parent, title, text):
        asked.append(text)
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr(widget.opening, "open_last", lambda: None)
    widget.open(path)
    assert "is no lock of this program" in asked[0]
    if answer == "Yes":
        assert widget.session.project.read_only
        assert widget.session.project.path == path
    else:
        assert widget.session.project.path is None
        assert "is no lock of this program" in widget.status.text()


def test_a_corrected_view_is_corrected_when_the_study_is_opened_again(make, study):
    widget = make()
    widget.studies.add(study)
    two = study.stack(View.LAX_2CH)
    widget.session.correct_view(two, View.RVOT)
    sax = widget.session.stack
    widget.session.correct_view(sax, View.LAX_3CH)
    assert widget.session.stack.view is View.LAX_3CH

    widget = make()
    widget.studies.add(again(study))
    assert widget.session.stack.view is View.LAX_3CH
    views = [stack.view for stack in widget.session.study.current.stacks]
    assert sorted(views) == sorted([View.LAX_3CH, View.RVOT, View.LAX_4CH])
    assert len(widget.session.study.known) == 1
    assert widget.workspace.image is not None
    widget.studies.work_on(widget.session.study.current.stack(View.RVOT))
    assert widget.session.stack.view is View.RVOT
    assert [layer.metadata["cardiac_ssl"]["stack"] for layer in widget.viewer.layers] == [
        widget.session.stack
    ] * 2


def test_what_cannot_be_saved_stands_in_the_window_until_it_is(make, study):
    widget = make()
    widget.studies.add(study)
    other = sqlite3.connect(widget.session.project.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    widget.session.labelling.annotate(A, np.ones((48, 48), np.uint8))
    widget.session.process_messages()
    widget.workspace.say("something else")
    assert "not kept yet: another program holds it" in widget.unkept.text()
    assert widget.unkept.isVisibleTo(widget)
    other.execute("ROLLBACK")
    other.close()
    widget.session.project._journal._next_try = 0.0
    widget.session.process_messages()
    assert not widget.unkept.isVisibleTo(widget)


def test_a_view_is_not_said_to_be_corrected_where_it_cannot_be_kept(widget, stack, tmp_path):
    path = tmp_path / "ward.cardiac"
    drawn_project(path, stack)
    widget.session.open_project(path, read_only=True)
    widget.viewer.layers.clear()
    widget.viewer.add_layer(Layer.create(*image_layer(stack)))
    widget.workspace.open_layer(widget.viewer.layers[0])
    widget.views._on_corrected(stack, View.LAX_2CH)
    assert "was opened to read" in widget.status.text()
    assert widget.session.stack.view is View.SAX


def test_what_is_not_kept_and_what_was_put_aside_stand_in_the_window(make, study, monkeypatch):
    widget = make()
    widget.studies.add(study)
    path = widget.session.project.path
    widget.session.labelling.annotate(A, np.ones((48, 48), np.uint8))
    widget.session.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    widget = make()
    widget.studies.add(again(study))
    assert "another program holds it" in widget.unkept.text()
    assert widget.unkept.isVisibleTo(widget)
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.setattr("napari_cardiac_ssl.session.persistence.KEEP_S", 0.0)
    widget.session.process_messages()
    assert not widget.unkept.isVisibleTo(widget)
    assert widget.session.annotations.labels[A].any()
    widget.session.close()

    holder = Project.open(path)
    widget = make()
    widget.studies.add(again(study))
    assert "open in another window" in widget.unkept.text()
    widget.session.labelling.annotate(A, np.full((48, 48), 2, np.uint8))
    holder.close()
    widget.session.process_messages()
    assert not widget.unkept.isVisibleTo(widget)
    widget.session.close()

    path.write_bytes(path.read_bytes()[:20_000] + bytes(30_000))
    widget = make()
    widget.studies.add(again(study))
    (aside,) = home().glob("*.damaged-*")
    assert str(aside) in widget.unkept.text()
    assert widget.unkept.isVisibleTo(widget)
