"""The command that opens the window, as far as it goes without one."""

import numpy as np

from napari_cardiac_ssl.cli.commands.open import Options, open_
from napari_cardiac_ssl.gui import demo, preferences
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.study import Stack


def test_a_project_that_cannot_be_written_is_opened_to_read_and_that_is_said(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "ward.cardiac"
    opened = []
    monkeypatch.setattr(demo, "open_window", lambda _, session: opened.append(session) or 0)
    holder = Project.create(path)
    holder.keep_stack(Stack(np.zeros((1, 2, 4, 4)), np.eye(4), name="heart"))
    assert open_(Options(study=[path])) == 0
    assert "is open already" in capsys.readouterr().err
    (session,) = opened
    assert session.project.read_only
    assert [stack.name for stack in session.persistence.stacks] == ["heart"]
    session.close()
    holder.close()


def test_what_the_user_prefers_holds(monkeypatch):
    opened = []
    monkeypatch.setattr(demo, "open_window", lambda _, session: opened.append(session) or 0)
    mine = preferences.Preferences(reader="Dr. Beat", learn_while_drawing=False)
    monkeypatch.setattr(preferences, "preferences", lambda: mine)
    assert open_(Options()) == 0
    (session,) = opened
    session.persistence.keeps_by_itself = False
    session.open(Stack(np.zeros((1, 2, 4, 4)), np.eye(4), name="heart"))
    assert (session.annotations.who, session.training.learn_while_drawing) == ("Dr. Beat", False)
    session.close()
