"""What the window says: for a while, in lines of a readable length, and true."""

import time

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.panels import status
from napari_cardiac_ssl.gui.panels.controls import TIP_WIDTH
from napari_cardiac_ssl.gui.panels.measuring import _slices
from napari_cardiac_ssl.measures.summary import Basis
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Progressed

from .conftest import BOX, A, paint
from .hand import Hand
from .test_hand import ROUND, shown  # noqa: F401 - a fixture


def draw(widget, index=A, code=1):
    widget.view.go_to(index)
    paint(widget.view.layer, index, code, BOX)


def test_message_goes_after_a_while(widget, qtbot, monkeypatch):
    monkeypatch.setattr(status, "STANDS_MS", 100)
    widget.workspace.say("excluded")
    assert widget.status.text() == "Excluded"
    qtbot.waitUntil(lambda: "draw the heart" in widget.status.text())  # what to do first
    draw(widget)
    widget.workspace.actions.confirm()
    assert widget.status.text().startswith(f"Slice {A.z} confirmed")  # one may look at another now
    qtbot.waitUntil(lambda: not widget.status.text())
    widget.workspace.say("reading a study…")
    qtbot.wait(300)
    assert widget.status.text() == "Reading a study…"  # it goes on


def test_message_goes_at_the_next_act(shown, qtbot):  # noqa: F811
    hand = Hand(shown, qtbot)
    hand.drag(*ROUND)
    hand.key("C")
    shown.workspace.actions.undo()
    assert shown.status.text() == "Undone: confirmation"
    qtbot.wait(600)
    hand.drag((0.3, 0.3), (0.35, 0.3))
    assert "Undone" not in shown.status.text()
    hand.key("C")
    assert " confirmed: " in shown.status.text()


def test_carrying_through_the_cine_ends_in_words(widget, qtbot):
    draw(widget)
    widget.workspace.actions.propagate()
    assert "Carrying" in widget.status.text()
    qtbot.waitUntil(lambda: "Carrying" not in widget.status.text())
    assert "Carried through the cine: 2 slices drafted" in widget.status.text()


def test_time_left_is_never_minutes_for_seconds(widget, trainer, qtbot):
    """Steps of a training of 17 s, the first of which warms up for two."""
    draw(widget)
    widget.workspace.actions.confirm()
    widget.learning.train.click()
    number, said = trainer.jobs[-1].number, []
    seconds = [2.0, *np.linspace(2.2, 17, 70)]
    for step, at in enumerate(seconds, 1):
        spent = min(at / 17, step / len(seconds))  # the budget counts time and steps
        trainer.script.append(
            Progressed(number, step, 0.5, spent, at, at * (1 - spent) / max(spent, 1e-9))
        )
        qtbot.waitUntil(lambda: not trainer.script)
        said.append((17 - at, widget.learning.progress.text()))
    assert not [words for _, words in said if "min left" in words]
    told = [(left, float(words.split()[0])) for left, words in said if " s left" in words]
    assert len(told) > 50
    assert all(abs(words - left) < 0.25 * left + 1 for left, words in told)


def test_no_tooltip_is_wider_than_one_can_read(widget):
    draw(widget)
    tips = {one: one.toolTip() for one in widget.findChildren(QWidget)}
    tips |= {action: action.toolTip() for one in tips for action in one.actions()}
    tips["map"] = widget.overview.describe(A)
    assert len(tips) > 50
    for tip in tips.values():
        assert max(map(len, tip.splitlines()), default=0) <= TIP_WIDTH, tip


def test_one_slice_is_not_slices(widget):
    draw(widget, SliceIndex(0, 1))
    draw(widget, SliceIndex(0, 3))
    widget.workspace.actions.interpolate()
    assert "1 slice of this frame drafted" in widget.status.text()


@pytest.mark.parametrize("number", [1, 2])
def test_basis_of_a_number_is_said_in_the_plural_it_has(number):
    slices = tuple(range(number))
    basis = Basis(0, slices, {SliceState.EXPERT: slices})
    assert _slices(basis).endswith("slice" if number == 1 else "slices")


@pytest.fixture
def tokyo(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_window_says_the_time_of_the_clock_on_the_wall(widget):
    draw(widget)
    before = time.strftime("%Y-%m-%d %H:", time.localtime())
    said = widget.overview.describe(A)
    assert before in said
    assert "UTC" not in said


def test_hint_of_napari_names_our_keys(shown, qtbot):  # noqa: F811
    viewer = shown.viewer
    for mode in ("erase", "paint", "polygon", "pan_zoom", "paint"):
        shown.view.layer.mode = mode
        assert "0 erases" in viewer.help
        assert "<1>" not in viewer.help
    viewer.layers.selection.active = shown.workspace.image
    viewer.layers.selection.active = shown.view.layer
    assert "<1>" not in viewer.help
