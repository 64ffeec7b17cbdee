"""The command that opens the window, as far as it goes without one."""

from argparse import Namespace

import numpy as np

from napari_cardiac_ssl.cli import window
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.study import Stack


def test_a_project_that_cannot_be_written_is_opened_to_read_and_that_is_said(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "ward.cardiac"
    opened = []
    monkeypatch.setattr(window, "open_window", lambda _, session: opened.append(session) or 0)
    holder = Project.create(path)
    holder.keep_stack(Stack(np.zeros((1, 2, 4, 4)), np.eye(4), name="heart"))
    assert window.open_(Namespace(study=[path], project=None)) == 0
    assert "is open already" in capsys.readouterr().err
    (session,) = opened
    assert session.project.read_only
    assert [stack.name for stack in session.stacks] == ["heart"]
    session.close()
    holder.close()
