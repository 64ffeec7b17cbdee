"""The slice map shows each slice's state where one clicks to go there."""

import math

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPalette

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.slice_legend import (
    DOUBTFUL,
    DOUBTFUL_ON_LIGHT,
    EXPERT,
    SUGGESTED,
    SURE,
    Legend,
    is_dark,
    shade,
)
from napari_cardiac_ssl.gui.slice_map import MapContent, SliceMap
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex

from .conftest import SHAPE, A, B, paint


def content(frames=6, slices=4, **rest):
    return MapContent(np.full((frames, slices), SliceState.PREDICTED, object), **rest)


@pytest.fixture
def slice_map(qtbot):
    made = SliceMap(lambda index: f"Frame {index.t}, slice {index.z}\nwords")
    qtbot.addWidget(made)
    made.setPalette(QPalette(QColor("#262930")))  # napari's dark theme
    made.resize(300, 200)
    made.show_content(content(current=SliceIndex(0, 0)))
    return made


def colour_at(slice_map, index, dx=0.5, dy=0.25):
    cell = slice_map.cell_of(SliceIndex(*index))
    place = QPointF(cell.left() + dx * cell.width(), cell.top() + dy * cell.height()).toPoint()
    return slice_map.grab().toImage().pixelColor(place).name()


@pytest.mark.parametrize(("frames", "slices"), [(30, 12), (50, 20), (1, 10), (1, 1), (6, 4)])
def test_every_slice_is_found_where_it_is_painted(slice_map, frames, slices):
    slice_map.show_content(content(frames, slices))
    slice_map.resize(300, slice_map.sizeHint().height())
    for t in range(frames):
        for z in range(slices):
            cell = slice_map.cell_of(SliceIndex(t, z))
            assert slice_map.slice_at(cell.center()) == (t, z)
            assert slice_map.rect().contains(cell.toAlignedRect())
    assert slice_map.slice_at(QPointF(-1, -1)) is None


def test_states_and_doubt_are_painted(slice_map):
    shown = content(doubt=np.zeros((6, 4)), suggested=SliceIndex(4, 1))
    shown.signs[3, 2] = SliceState.EXPERT
    shown.signs[5, 3] = SliceState.UNLABELLED
    shown.doubt[1, 2] = 1.0
    slice_map.show_content(shown)
    assert colour_at(slice_map, (3, 2), dx=0.15) == EXPERT.name()
    assert colour_at(slice_map, (2, 2)) == SURE.name()
    assert colour_at(slice_map, (1, 2)) == DOUBTFUL.name()
    assert colour_at(slice_map, (5, 3)) not in {
        colour.name() for colour in (SURE, DOUBTFUL, EXPERT)
    }
    near = [colour_at(slice_map, (4, 1), dx=0.5, dy=dy / 20) for dy in range(-3, 4)]
    assert SUGGESTED.name() in near


def test_what_lies_outside_is_a_dash_in_the_experts_colour(slice_map):
    shown = content()
    shown.signs[3, 2], shown.signs[2, 2] = OUTSIDE, SliceState.UNLABELLED
    slice_map.show_content(shown)
    nothing = colour_at(slice_map, (2, 2), dy=0.5)
    assert colour_at(slice_map, (3, 2), dy=0.5) == EXPERT.name()
    assert colour_at(slice_map, (3, 2), dy=0.15) == colour_at(slice_map, (3, 2), dy=0.85) == nothing


@pytest.mark.parametrize("every", [False, True])
def test_arrows_with_shift_name_the_ends(slice_map, qtbot, every):
    asked, gone = [], []
    slice_map.end_asked.connect(lambda *what: asked.append(what))
    slice_map.chosen.connect(gone.append)
    held = Qt.KeyboardModifier.ShiftModifier
    if every:
        held |= Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(slice_map, Qt.Key.Key_Up, held)
    qtbot.keyClick(slice_map, Qt.Key.Key_Down, held)
    assert asked == [("first", every), ("last", every)]
    assert not gone


def test_what_changed_is_painted_again(slice_map):
    slice_map.show_content(content())
    assert colour_at(slice_map, (3, 2)) == SURE.name()
    slice_map.show_content(content(doubt=np.ones((6, 4))))
    assert colour_at(slice_map, (3, 2)) == DOUBTFUL.name()


def test_shade_goes_from_sure_to_doubtful():
    assert shade(0).name() == shade(np.nan).name() == SURE.name()
    assert shade(1).name() == shade(7).name() == DOUBTFUL.name()
    assert SURE.lightness() < shade(0.5).lightness() < DOUBTFUL.lightness()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_to_look_at_first_stands_out_in_every_theme(make_napari_viewer, session, theme, qtbot):
    viewer = make_napari_viewer(show=True)
    viewer.theme = theme
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    qtbot.wait(50)
    shown = widget.overview.map
    dark = theme == "dark"
    assert is_dark(shown) == dark
    ground = shown.palette().window().color().lightness()
    away = [abs(shade(doubt, dark=dark).lightness() - ground) for doubt in (0, 0.5, 1)]
    assert away == sorted(away)
    assert away[2] > away[0] + 60
    shown.show_content(content(doubt=np.ones((6, 4))))
    qtbot.wait(50)
    assert colour_at(shown, (3, 2)) == shade(1, dark=dark).name()
    viewer.theme = "light" if dark else "dark"  # it is painted again
    qtbot.wait(50)
    assert colour_at(shown, (3, 2)) == shade(1, dark=not dark).name()
    widget.close_session()


def test_map_shows_ranks_and_cries_no_wolf(widget, trainer, qtbot):
    draw = np.zeros(SHAPE, np.uint8)
    draw[:, :, 5:15, 5:15] = 1
    widget.view.go_to(A)
    paint(widget.view.layer, A, 1, np.s_[5:15, 8:20])
    widget.workspace.actions.confirm()
    widget.learning.train.click()
    trainer.deliver(draw)
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    session = widget.session
    areas = np.linspace(3.0, 6.0, 12).reshape(3, 4)  # all of them large
    session.doubt._uncertainty = areas.astype(np.float32)
    widget.workspace.changed.emit()
    doubt = widget.overview.map._content.doubt
    assert math.isnan(doubt[A])  # it is the expert's
    predicted = np.isfinite(doubt)
    assert predicted.sum() == 11
    assert doubt[2, 3] == 1
    assert (doubt[predicted] > 0).sum() == 3  # a fifth, and what has begun
    assert "number 1 of 11 in doubt (6.0 cm²)" in widget.overview.describe(SliceIndex(2, 3))
    session.doubt._uncertainty[:] = 4.0  # none is worse than another
    widget.workspace.changed.emit()
    doubt = widget.overview.map._content.doubt
    assert not (doubt[np.isfinite(doubt)] > 0).any()


def test_click_and_drag_go_there(slice_map, qtbot):
    gone = []
    slice_map.chosen.connect(gone.append)
    place = slice_map.cell_of(SliceIndex(2, 3)).center().toPoint()
    qtbot.mousePress(slice_map, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mousePress(slice_map, Qt.MouseButton.LeftButton, pos=slice_map.rect().topLeft())
    assert gone == [(2, 3)]


@pytest.mark.parametrize(
    ("key", "there"),
    [
        (Qt.Key.Key_Right, (1, 1)),
        (Qt.Key.Key_Left, (5, 1)),
        (Qt.Key.Key_Up, (0, 0)),
        (Qt.Key.Key_Down, (0, 2)),
    ],
)
def test_arrows_go_there(slice_map, qtbot, key, there):
    gone = []
    slice_map.chosen.connect(gone.append)
    slice_map.show_content(content(current=SliceIndex(0, 1)))
    qtbot.keyClick(slice_map, key)
    assert gone == [there]


def test_current_slice_is_told_to_those_who_do_not_see(slice_map):
    slice_map.show_content(content(current=SliceIndex(2, 1)))
    assert slice_map.accessibleDescription().startswith("Frame 2, slice 1")


def test_legend_counts_what_is_there(qtbot):
    legend = Legend()
    qtbot.addWidget(legend)
    legend.show_counts({SliceState.EXPERT: 3, SliceState.EDITING: 0, SliceState.EXCLUDED: 1})
    assert legend.words == ["3 confirmed", "1 excluded"]
    assert legend.accessibleDescription() == "3 confirmed, 1 excluded"
    legend.resize(300, 40)
    picture = legend.grab().toImage()
    assert any(picture.pixelColor(x, 8) == EXPERT for x in range(2, 12))


def test_map_follows_the_session(widget, qtbot):
    shown = widget.overview
    widget.view.go_to(A)
    widget.workspace.actions.confirm()
    assert shown.legend.words == ["1 confirmed", "11 empty"]
    assert "no heart here" in shown.map.accessibleDescription()
    shown.map.chosen.emit(B)
    assert widget.view.in_view == B
    qtbot.keyClick(shown.map, Qt.Key.Key_Return)
    assert widget.session.annotations.state(B) is SliceState.EXPERT


def test_menu_of_a_slice_offers_what_its_state_allows(widget):
    def offered():
        return {action.text(): action for action in widget.overview.menu(A).actions()}

    ends = [f"{end} slice with heart" for end in ("First", "Last")]
    always = ["", *(f"{end}{every}" for end in ends for every in ("", " in all frames"))]
    always += ["This frame is ED", "This frame is ES", "Detect ED and ES"]
    assert list(offered()) == ["No heart here", "Exclude", *always]
    offered()["Exclude"].trigger()
    assert widget.session.annotations.state(A) is SliceState.EXCLUDED
    offered()["Include"].trigger()
    widget.session.labelling.annotate(A, np.ones((32, 40), np.uint8))
    yours = ["No heart here", "Revert to model", "Exclude", *always]
    assert list(offered()) == ["Confirm", *yours]
    offered()["Confirm"].trigger()
    assert list(offered()) == ["Unconfirm", *yours]
    offered()["Revert to model"].trigger()
    assert widget.session.annotations.state(A) is SliceState.UNLABELLED


def test_next_slice_is_suggested_with_its_reason(widget, qtbot):
    widget.overview.think()
    index = widget.session.suggestion.suggest()[0].index
    assert f"Frame {index.t}, slice {index.z}:" in widget.overview.reason.text()
    widget.view.go_to(SliceIndex((index.t + 1) % 3, index.z))
    widget.overview.next.click()
    assert widget.view.in_view == index
    widget.overview.next.click()
    assert widget.view.in_view != index
    widget.session.labelling.exclude(*widget.session.stack.slice_indices())
    qtbot.waitUntil(lambda: "Nothing left" in widget.overview.reason.text())
    assert not widget.overview.next.isEnabled()


def test_ed_and_es_are_marked_and_can_be_corrected(widget, qtbot):
    labels = np.zeros((3, 4, 32, 40), np.uint8)
    for t, size in enumerate((12, 6, 10)):
        labels[t, 1:3, 5 : 5 + size, 8 : 8 + size] = 1
    widget.session.labelling.take_over(labels)
    widget.overview.think()
    assert widget.session.measurement.phases == (0, 1)
    menu = {action.text(): action for action in widget.overview.menu(SliceIndex(2, 1)).actions()}
    menu["This frame is ES"].trigger()
    assert widget.session.measurement.phases == (0, 2)
    widget.overview.think()
    assert widget.overview.marks == {0: "ED", 2: "ES"}
    menu["Detect ED and ES"].trigger()
    assert widget.session.measurement.phases == (0, 1)


def test_helps_draft_slices(widget):
    box = np.zeros((32, 40), np.uint8)
    box[5:15, 8:20] = 1
    helps = [action.trigger for action in widget.slice.help.menu().actions()]
    widget.session.labelling.annotate(SliceIndex(0, 0), box)
    widget.session.labelling.annotate(SliceIndex(0, 2), box)
    widget.view.go_to(SliceIndex(0, 1))
    helps[0]()
    assert np.array_equal(widget.view.layer.data[0, 1], box)
    assert widget.session.annotations.record(SliceIndex(0, 1)).how == "interpolated"
    widget.view.go_to(SliceIndex(0, 3))
    helps[1]()
    assert np.array_equal(widget.view.layer.data[0, 3], box)
    widget.workspace.actions.undo()
    assert not widget.view.layer.data[0, 3].any()
    widget.view.go_to(SliceIndex(1, 3))
    helps[1]()
    assert "Nothing to copy" in widget.status.text()
    helps[3]()
    assert "Nothing to tidy" in widget.status.text()


def test_why_a_slice_is_next_takes_two_lines_and_moves_nothing(widget, qtbot):
    reason = widget.overview.reason
    reason.setText("one\ntwo")
    two = reason.heightForWidth(reason.width())
    long = "RV area jumps by 33 % against slice 5; base not covered yet in ES; 12.3 cm² in doubt"
    widget.overview._tell(f"Frame 19, slice 10: {long}")
    assert reason.text().startswith("Frame 19, slice 10: RV area jumps")
    reason.setFixedWidth(240)  # as in a small window
    widget.overview._tell(f"Frame 19, slice 10: {long}")
    assert reason.text() == "Frame 19, slice 10: RV area jumps by 33 % against slice 5"
    assert reason.heightForWidth(reason.width()) <= two
    assert "12.3 cm²" in reason.toolTip()
    reason.setFixedWidth(200)
    widget.overview._tell(
        "Frame 19, slice 10: the heart is not confirmed yet: the end at slice 0 first"
    )
    assert reason.text() == "Frame 19, slice 10: the heart is not confirmed yet"
    widget.overview._tell("short; reason")
    assert reason.text() == "short; reason"


def test_legend_says_what_stands_out(qtbot):
    legend = Legend()
    qtbot.addWidget(legend)
    legend.show_counts({SliceState.PREDICTED: 9}, doubted=True)
    assert legend.words == ["9 predicted", "look first"]
    legend.resize(300, 40)
    picture = legend.grab().toImage()
    bright = {picture.pixelColor(x, 8).name() for x in range(300)}
    assert {DOUBTFUL.name(), DOUBTFUL_ON_LIGHT.name()} & bright
    legend.show_counts({SliceState.PREDICTED: 9})
    assert legend.words == ["9 predicted"]
