"""What was opened last is offered, opened by a click, forgotten, and never waited for."""

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_cardiac_ssl.gui import last_opened as module
from napari_cardiac_ssl.gui.panels.last_opened import LastOpenedPanel
from napari_cardiac_ssl.gui.preferences import Preferences
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.project import last_opened, note_opened
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map

from .conftest import ScriptedTrainer


@pytest.fixture
def file(tmp_path):
    stack = make_study(3, frames=2, slices=4, size=48, lax=False).study.stacks[0]
    return write_map(tmp_path / "p3_sax.nii.gz", stack.image, like=stack, description="cine")


@pytest.fixture
def make(make_napari_viewer, qtbot):
    """Shown windows, each after the one before was closed."""
    made = []

    def make():
        close()
        viewer = make_napari_viewer(show=True)
        session = Session(trainer=ScriptedTrainer(), who="reader")
        session.persistence.keeps_by_itself = True
        made.append(CardiacWidget(viewer, session))
        viewer.window.add_dock_widget(made[-1], name="Cardiac SSL")
        qtbot.waitUntil(made[-1].isVisible)
        return made[-1]

    def close():
        for one in made:
            one.close_session()

    yield make
    close()


def panel_of(widget):
    return widget.findChild(LastOpenedPanel)


def entry(widget, path):
    [found] = [one for one in panel_of(widget).buttons if one.path == path]
    return found


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_click_opens_what_was_opened_before(make, file, qtbot):
    widget = make()
    assert not panel_of(widget).isVisible()
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    assert last_opened() == (file,)
    again = make()
    assert panel_of(again).isVisible()
    click(entry(again, file))
    qtbot.waitUntil(lambda: again.workspace.is_open and not again.opening.busy)
    assert again.session.stack.path == file
    assert not panel_of(again).isVisible()


def test_a_project_that_was_named_is_offered_and_not_its_images(make, file, tmp_path, qtbot):
    widget = make()
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    ward = tmp_path / "ward.cardiac"
    widget.session.persistence.save_as(ward)
    again = make()
    assert last_opened() == (ward, file)
    click(entry(again, ward))
    qtbot.waitUntil(lambda: again.workspace.is_open and not again.opening.busy)
    assert again.session.project.path == ward
    assert last_opened() == (ward, file)


def test_what_is_gone_is_greyed_and_a_click_in_time_says_so(make, file, tmp_path, qtbot):
    note_opened(tmp_path / "gone")
    note_opened(file)
    widget = make()
    qtbot.waitUntil(lambda: not entry(widget, tmp_path / "gone").isEnabled())
    assert "Not there any more" in entry(widget, tmp_path / "gone").toolTip()
    assert entry(widget, file).isEnabled()
    file.unlink()
    click(entry(widget, file))
    qtbot.waitUntil(lambda: "is not there any more" in widget.status.text())
    assert not widget.workspace.is_open
    assert not entry(widget, file).isEnabled()


def test_a_disk_that_does_not_answer_stops_nothing(make, file, tmp_path, qtbot, monkeypatch):
    hangs, there = tmp_path / "network", threading.Event()
    calls = []

    def is_there(path):
        if path == hangs:
            calls.append(path)
            there.wait(60)
        return os.path.exists(path)  # noqa: PTH110 - as the real one

    monkeypatch.setattr(module, "is_there", is_there)
    note_opened(file)
    note_opened(hangs)
    widget = make()
    for _ in range(3):
        widget.last.refresh()
    click(entry(widget, hangs))
    assert "ooking for" in widget.status.text()
    click(entry(widget, file))
    qtbot.waitUntil(lambda: widget.workspace.is_open and not widget.opening.busy)
    assert calls == [hangs]  # not once more for each look
    there.set()
    qtbot.waitUntil(lambda: widget.last.is_gone(hangs))
    assert "not there" not in widget.status.text()  # another was asked for meanwhile


def test_the_menu_offers_them_and_forgets(make, file, tmp_path, qtbot):
    note_opened(tmp_path / "a & b")
    note_opened(file)
    widget = make()
    menu = next(a.menu() for a in widget.choice.open.menu().actions() if a.menu())
    menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: not menu.actions()[1].isEnabled())
    assert menu.actions()[1].text().endswith("a && b")
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: widget.workspace.is_open and not widget.opening.busy)
    menu.actions()[-1].trigger()
    assert last_opened() == ()
    assert not menu.menuAction().isEnabled()
    assert file.exists()


def test_switched_off_nothing_is_noted_and_the_list_is_deleted(make, file, qtbot, monkeypatch):
    note_opened(file)
    off = Preferences(remember_opened=False)
    monkeypatch.setattr(module, "preferences", lambda: off)
    widget = make()
    assert last_opened() == ()
    assert not panel_of(widget).isVisible()
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    assert widget.workspace.is_open
    assert last_opened() == ()


def test_what_was_made_here_and_sessions_that_keep_nothing_leave_no_path(make, file, qtbot):
    widget = make()
    widget.studies.add(make_study(1, frames=1, slices=3, size=32).study)
    assert last_opened() == ()
    widget.session.persistence.keeps_by_itself = False
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    assert last_opened() == ()


def test_a_list_that_cannot_be_read_loses_nothing(make, file, home, qtbot):
    (home / "last-opened.txt").write_bytes(b"\x00\xff half")
    widget = make()
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    widget.session.labelling.annotate(
        (0, 1), np.ones(widget.session.stack.image.shape[2:], np.uint8)
    )
    again = make()
    click(entry(again, file))
    qtbot.waitUntil(lambda: again.workspace.is_open and not again.opening.busy)
    assert again.session.annotations.labels[0, 1].all()


def test_saving_is_offered_when_there_is_something_to_save(make, file, qtbot, monkeypatch):
    widget = make()
    save = widget.choice.save
    assert not save.isEnabled()
    assert "Nothing is open" in save.toolTip()
    monkeypatch.setattr(
        "napari_cardiac_ssl.gui.widget.QFileDialog",
        SimpleNamespace(getSaveFileName=lambda *_: pytest.fail("asked")),
    )
    widget.ask_to_open("save")
    assert "nothing to save" in widget.status.text()
    widget.open(file)
    qtbot.waitUntil(lambda: not widget.opening.busy)
    assert save.isEnabled()
