"""The command that opens the window, as far as it goes without one."""

import sys

import numpy as np
import pytest

from napari_cardiac_ssl.cli.commands.open import Options, open_
from napari_cardiac_ssl.gui import demo, preferences
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.study import Stack


@pytest.fixture(autouse=True)
def offscreen(monkeypatch):
    """Nothing here needs a screen."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


def test_a_project_that_cannot_be_written_is_opened_to_read_and_that_is_said(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "ward.cardiac"
    opened = []
    monkeypatch.setattr(demo, "open_window", lambda _, session, masks: opened.append(session) or 0)
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
    monkeypatch.setattr(demo, "open_window", lambda _, session, masks: opened.append(session) or 0)
    mine = preferences.Preferences(reader="Dr. Beat", learn_while_drawing=False)
    monkeypatch.setattr(preferences, "preferences", lambda: mine)
    assert open_(Options()) == 0
    (session,) = opened
    session.persistence.keeps_by_itself = False
    session.open(Stack(np.zeros((1, 2, 4, 4)), np.eye(4), name="heart"))
    assert (session.annotations.who, session.training.learn_while_drawing) == ("Dr. Beat", False)
    session.close()


def test_a_mask_named_beside_its_image_is_shown_as_labels(case, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(demo, "open_window", lambda *said, **more: opened.append((said, more)) or 0)
    assert open_(Options(study=[case.image, case.mask])) == 0
    [((studies,), more)] = opened
    assert [study.name for study in studies] == ["p1_ED"]
    assert more["masks"] == [case.mask]
    assert f"{case.mask}: labels, shown as a layer" in capsys.readouterr().err
    more["session"].close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen of their own")
@pytest.mark.parametrize(
    ("display", "words"), [("", "no display"), (":97", "the display :97 does not answer")]
)
def test_without_a_display_it_is_said_in_a_line(shell, case, monkeypatch, display, words):
    """Qt would abort the process, with exit code 134 and a core."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    process = shell("open", case.image)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith(f"cardiac-ssl open: {words}")
    assert "measure" in line
