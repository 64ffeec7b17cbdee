"""Preferences come from napari where it keeps them, and are the defaults elsewhere."""

from contextlib import closing
from dataclasses import asdict
from importlib import import_module
from importlib.resources import files
from types import SimpleNamespace

import pytest
import yaml
from npe2 import PluginManifest

from napari_cardiac_ssl.cli.commands.open import Options, open_
from napari_cardiac_ssl.gui import commands, demo
from napari_cardiac_ssl.gui import preferences as module
from napari_cardiac_ssl.gui.panels.hint import HintPanel
from napari_cardiac_ssl.gui.plane_lines import TRACES
from napari_cardiac_ssl.gui.preferences import Preferences, prefer, preferences
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.synthetic import make_study

MANIFEST = files("napari_cardiac_ssl") / "napari.yaml"


@pytest.fixture
def kept(monkeypatch):
    """What napari would keep."""
    kept = SimpleNamespace(**asdict(Preferences()))
    monkeypatch.setattr(module, "_kept", lambda: kept)
    return kept


def test_manifest_has_the_same_names_and_defaults():
    said = yaml.safe_load(MANIFEST.read_text())["contributions"]["configurations"]["general"]
    defaults = {name: one["default"] for name, one in said["properties"].items()}
    assert defaults == asdict(Preferences())


def test_every_command_of_the_manifest_is_there():
    manifest = PluginManifest.from_file(str(MANIFEST))
    titles = [command.title for command in manifest.contributions.commands]
    assert len(set(titles)) == len(titles)
    for command in manifest.contributions.commands:
        where, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(where), name))


def test_an_older_napari_keeps_nothing_and_the_defaults_hold(monkeypatch):
    monkeypatch.setattr(module, "_kept", lambda: None)
    assert preferences() == Preferences()
    assert not prefer(seconds=3)


def test_hint_goes_for_good(kept, qtbot):
    hint = HintPanel()
    qtbot.addWidget(hint)
    assert not hint.isHidden()
    hint.dismiss()
    assert kept.show_hint is False
    again = HintPanel()
    qtbot.addWidget(again)
    assert again.isHidden()


def test_preferences_hold_where_they_are_used(kept, viewer, monkeypatch):
    kept.reader, kept.seconds, kept.scheme = "Dr Who", 7, "acdc"
    kept.show_planes = kept.learn_while_drawing = False
    widget = CardiacWidget(viewer)
    try:
        assert widget.learning.seconds.value == 7
        assert widget.export.scheme.name == "acdc"
        assert not widget.session.training.learn_while_drawing
        widget.studies.add(make_study(1, frames=1, slices=3, size=32).study)
        index = (0, 1)
        widget.session.labelling.annotate(index, widget.session.annotations.labels[index] + 1)
        assert widget.session.annotations.record(index).who == "Dr Who"
        assert TRACES not in viewer.layers
    finally:
        widget.close_session()


def test_a_window_opened_from_the_command_line_works_as_preferred(kept, monkeypatch):
    kept.reader, kept.learn_while_drawing = "Dr Who", False
    opened = []

    def look(studies, session, masks):
        opened.append(session)
        return 0

    monkeypatch.setattr(demo, "open_window", look)
    assert open_(Options()) == 0
    with closing(opened[0]) as session:
        assert session.persistence.keeps_by_itself
        assert not session.training.learn_while_drawing
        session.persistence.keeps_by_itself = False  # nothing of this test is to stay on the disk
        session.open(make_study(1, frames=1, slices=3, size=32).study.stacks[0])
        index = (0, 1)
        session.labelling.annotate(index, session.annotations.labels[index] + 1)
        assert session.annotations.record(index).who == "Dr Who"


def test_menu_without_the_widget_says_what_to_do(make_napari_viewer, session):
    from napari.utils.notifications import notification_manager

    viewer = make_napari_viewer()
    commands.train()
    assert "Open the Cardiac SSL widget" in notification_manager.records[-1].message
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    try:
        widget.studies.add(make_study(1, frames=1, slices=3, size=32).study)
        before = widget.lines.is_shown(TRACES)
        commands.toggle_planes()
        assert widget.lines.is_shown(TRACES) is not before
        commands.export()
        assert widget.tabs.tabText(widget.tabs.currentIndex()) == "Export"
        commands.set_landmarks()
        assert widget.clicks.asking
        commands.train()  # nothing is drawn yet: said, no harm
        assert not widget.session.training.busy
    finally:
        widget.close_session()
