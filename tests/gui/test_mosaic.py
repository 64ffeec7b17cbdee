"""The mosaic in a real window: it follows all that is done, and what is done there is done."""

from io import BytesIO

import numpy as np
import pytest
from napari.layers import Layer
from PIL import Image
from qtpy.QtCore import QBuffer, QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.mosaic import pictures
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex

from .conftest import BOX, SHAPE, A, B, C, paint
from .hand import Hand

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
HEART = np.zeros(SHAPE, np.uint8)
HEART[:, :, 8:24, 10:30], HEART[:, :, 12:20, 14:26] = 2, 1


@pytest.fixture
def window(make_napari_viewer, session, stack, qtbot):
    """The widget in a window that is shown, with the mosaic of all frames below the picture."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    widget.window().resize(1280, 800)
    widget.show_mosaic()
    widget.mosaic.frames.setCurrentIndex(1)
    qtbot.wait(20)  # it is laid out
    dock, down = widget.mosaic.parent(), Qt.Orientation.Vertical
    widget.window().resizeDocks([dock], [420], down)
    qtbot.waitUntil(lambda: len(widget.mosaic.tiles.seen()) == 12)
    qtbot.waitUntil(lambda: is_up_to_date(widget))
    yield widget
    widget.close_session()


def is_up_to_date(widget):
    tiles = widget.mosaic.tiles
    seen = tiles.seen()
    return bool(seen) and not any(map(tiles.pictures.is_due, seen))


def click(widget, index, button=Qt.MouseButton.LeftButton, held=Qt.KeyboardModifier.NoModifier):
    viewport = widget.mosaic.tiles.viewport()
    at = QPointF(widget.mosaic.tiles.tile_of(index).center())
    where = QPointF(viewport.mapToGlobal(at.toPoint()))
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        QApplication.sendEvent(viewport, QMouseEvent(kind, at, where, button, button, held))


def pixels(widget, index):
    """The picture of a slice, without signs and frames, shape ``(y, x, 3)``."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    assert widget.mosaic.tiles.pictures.of(index).pixmap.save(buffer, "PNG")
    return np.asarray(Image.open(BytesIO(bytes(buffer.data()))).convert("RGB")).astype(int)


def coloured(widget, index):
    """How many pixels of a picture are no grey."""
    return int((np.ptp(pixels(widget, index), axis=2) > 40).sum())


def state(widget, index):
    return widget.session.annotations.state(index)


def test_click_goes_there(window):
    click(window, C)
    assert window.view.in_view == C
    assert "in view" in window.mosaic.tiles.accessibleName()


def test_a_stroke_is_seen_when_it_has_ended(window, qtbot):
    window.view.go_to(A)
    qtbot.wait(20)
    assert not coloured(window, A)
    paint(window.view.layer, A, 1, BOX)
    qtbot.waitUntil(lambda: state(window, A) is SliceState.EDITING and is_up_to_date(window))
    assert coloured(window, A)
    assert not coloured(window, B)
    window.workspace.actions.undo()
    qtbot.waitUntil(lambda: is_up_to_date(window))
    assert not coloured(window, A)


def test_a_refresh_is_seen_and_only_what_it_changed_is_made_anew(window, trainer, qtbot):
    window.view.go_to(A)
    paint(window.view.layer, A, 1, BOX)
    window.workspace.actions.confirm()
    qtbot.waitUntil(lambda: is_up_to_date(window))
    made = []
    window.mosaic.tiles.pictures.made.connect(made.extend)
    window.learning.train.click()
    trainer.deliver(HEART)
    qtbot.waitUntil(lambda: not window.session.training.busy)
    qtbot.waitUntil(lambda: state(window, C) is SliceState.PREDICTED and is_up_to_date(window))
    assert coloured(window, C)
    assert coloured(window, B)
    crop_changes = A in made  # then all were
    assert sorted(set(made)) == sorted(
        index for index in window.session.stack.slice_indices() if crop_changes or index != A
    )


def test_keys_act_on_the_slice_under_the_cursor(window, qtbot):
    tiles = window.mosaic.tiles
    click(window, SliceIndex(0, 0))
    qtbot.keyClick(tiles, Qt.Key.Key_Right)
    qtbot.keyClick(tiles, Qt.Key.Key_Down)
    assert tiles.selection.cursor == SliceIndex(1, 1)
    assert window.view.in_view == SliceIndex(0, 0)  # not before Return
    assert tiles.accessibleName().startswith("frame 1, slice 1: empty")
    qtbot.keyClick(tiles, Qt.Key.Key_Space)
    assert window.view.in_view == SliceIndex(1, 1)
    window.session.labelling.annotate(SliceIndex(1, 1), HEART[0, 0])
    qtbot.keyClick(tiles, Qt.Key.Key_C)
    assert state(window, SliceIndex(1, 1)) is SliceState.EXPERT
    assert tiles.accessibleName() == "frame 1, slice 1: confirmed, in view"
    qtbot.keyClick(tiles, Qt.Key.Key_Left)
    qtbot.keyClick(tiles, Qt.Key.Key_X)
    assert state(window, SliceIndex(0, 1)) is SliceState.EXCLUDED
    qtbot.keyClick(tiles, Qt.Key.Key_X)
    assert state(window, SliceIndex(0, 1)) is SliceState.UNLABELLED
    qtbot.keyClick(tiles, Qt.Key.Key_Z, CONTROL)
    assert state(window, SliceIndex(0, 1)) is SliceState.EXCLUDED
    qtbot.keyClick(tiles, Qt.Key.Key_N)
    assert window.view.in_view == window.session.suggestion.suggest()[0].index
    assert tiles.selection.cursor == window.view.in_view


def test_return_and_a_double_click_go_to_work_on_the_picture(window, qtbot):
    tiles, hand, gone = window.mosaic.tiles, Hand(window, qtbot), []
    window.window().activateWindow()
    window.show_mosaic()
    qtbot.waitUntil(tiles.hasFocus)
    click(window, SliceIndex(0, 0))
    assert tiles.hasFocus()
    qtbot.keyClick(tiles, Qt.Key.Key_Right)
    qtbot.keyClick(tiles, Qt.Key.Key_Return)
    assert window.view.in_view == SliceIndex(1, 0)
    assert hand.canvas.hasFocus()
    hand.key("J")
    assert tiles.hasFocus()
    assert tiles.selection.cursor == SliceIndex(1, 0)
    tiles.left.connect(lambda: gone.append(window.view.in_view))
    place = tiles.tile_of(B).center()
    qtbot.mouseClick(tiles.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(tiles.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert gone == [B]
    assert hand.canvas.hasFocus()
    window.show_mosaic()
    qtbot.keyClick(tiles, Qt.Key.Key_J)
    assert hand.canvas.hasFocus()


def test_several_slices_are_confirmed_at_once_and_none_that_nobody_looked_at(window, qtbot):
    labels = HEART.copy()
    labels[1, 2] = 0
    window.session.labelling.take_over(labels)
    tiles = window.mosaic.tiles
    click(window, SliceIndex(0, 1))
    click(window, SliceIndex(2, 2), held=SHIFT)
    click(window, SliceIndex(1, 1), held=CONTROL)
    assert len(tiles.selection.meant) == 5
    qtbot.keyClick(tiles, Qt.Key.Key_C)
    confirmed = window.session.annotations.slices(SliceState.EXPERT)
    assert confirmed == ((0, 1), (0, 2), (2, 1), (2, 2))
    assert window.status.text() == "4 slices confirmed"
    window.workspace.actions.undo()  # one step
    assert not window.session.annotations.slices(SliceState.EXPERT)
    qtbot.keyClick(tiles, Qt.Key.Key_Escape)
    assert len(tiles.selection.meant) == 1


def test_no_heart_in_one_key_here_and_on_the_picture(window, trainer, qtbot):
    window.view.go_to(A)
    window.session.labelling.annotate(A, HEART[A])
    window.workspace.actions.confirm()
    window.learning.train.click()
    trainer.deliver(HEART)
    qtbot.waitUntil(lambda: not window.session.training.busy)
    tiles = window.mosaic.tiles
    click(window, B)
    qtbot.keyClick(tiles, Qt.Key.Key_C, SHIFT)
    annotations = window.session.annotations
    assert (state(window, B), annotations.labels[B].any()) == (SliceState.EXPERT, False)
    window.workspace.actions.undo()
    assert state(window, B) is SliceState.PREDICTED
    assert np.array_equal(annotations.labels[B], HEART[B])
    window.view.go_to(C)
    Hand(window, qtbot).key("C", SHIFT)
    assert (state(window, C), annotations.labels[C].any()) == (SliceState.EXPERT, False)
    assert "no heart" in window.status.text().lower()


def test_rows_follow_the_phases(window, qtbot):
    labels = np.zeros(SHAPE, np.uint8)
    for t, size in enumerate((12, 6, 10)):
        labels[t, 1:3, 5 : 5 + size, 8 : 8 + size] = 1
    window.mosaic.frames.setCurrentIndex(0)
    assert (
        window.mosaic.tiles.grid.row_names == ("frame 0",)
        or len(window.mosaic.tiles.grid.slices) == 4
    )
    window.session.labelling.take_over(labels)
    qtbot.waitUntil(lambda: {one.t for one in window.mosaic.tiles.grid.slices} == {0, 1})
    assert window.mosaic.tiles.grid.row_names == ("ED\nframe 0", "ES\nframe 1")
    window.session.measurement.set_phases(2, 1)
    qtbot.waitUntil(lambda: {one.t for one in window.mosaic.tiles.grid.slices} == {1, 2})
    assert [row[0].t for row in window.mosaic.tiles.grid.rows] == [2, 1]


def test_window_and_level_are_followed(window, qtbot):
    window.workspace.image.contrast_limits = (0, 2000)
    qtbot.waitUntil(lambda: is_up_to_date(window))
    dark = pixels(window, C).mean()
    window.workspace.image.contrast_limits = (0, 300)
    assert not is_up_to_date(window)
    qtbot.waitUntil(lambda: is_up_to_date(window))
    assert pixels(window, C).mean() > 2 * dark


def test_closed_and_opened_again_it_is_as_it_was_and_has_seen_everything(window, qtbot):
    tiles = window.mosaic.tiles
    click(window, B)
    click(window, C, held=CONTROL)
    qtbot.keyClick(tiles, Qt.Key.Key_J)
    assert not window.mosaic.isVisible()
    window.session.labelling.annotate(A, HEART[A])
    window.view.go_to(A)
    assert not tiles.seen()
    Hand(window, qtbot).key("J")
    qtbot.waitUntil(lambda: window.mosaic.isVisible() and is_up_to_date(window))
    assert tiles.selection.meant == (B, C)
    assert window.mosaic.frames.currentData() == 1
    assert coloured(window, A)
    window.viewer.window.remove_dock_widget(window.mosaic)  # as its own button does
    window.overview.mosaic.click()
    qtbot.waitUntil(lambda: window.mosaic.isVisible() and is_up_to_date(window))
    assert isinstance(window.mosaic.parent(), QDockWidget)
    assert tiles.selection.meant == (B, C)


def test_wheel_with_control_makes_tiles_larger_and_fit_makes_them_fit(window, qtbot):
    tiles, before = window.mosaic.tiles, window.mosaic.tiles.places.tile[0]
    at = QPointF(tiles.viewport().rect().center())
    where = QPointF(tiles.viewport().mapToGlobal(at.toPoint()))
    none, begin = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, where, QPoint(), QPoint(0, 240), none, CONTROL, begin, False)
    QApplication.sendEvent(tiles.viewport(), event)
    assert tiles.places.tile[0] == round(before * 1.15**2)
    assert (window.mosaic.size.value(), window.mosaic.fit.isChecked()) == (
        tiles.places.tile[0],
        False,
    )
    window.mosaic.fit.setChecked(True)
    assert tiles.places.tile[0] == before
    assert window.mosaic.size.value() == before


def test_never_more_than_a_portion_at_a_time_and_only_what_is_seen(window, monkeypatch, qtbot):
    tiles = window.mosaic.tiles
    monkeypatch.setattr(pictures, "PORTION", 2)
    made, turns = [], []
    make, work = tiles.pictures._make, tiles.pictures.work

    def count():
        before = len(made)
        work()
        turns.append(len(made) - before)

    monkeypatch.setattr(
        tiles.pictures, "_make", lambda look, index: made.append(index) or make(look, index)
    )
    tiles.pictures._timer.timeout.disconnect()
    tiles.pictures._timer.timeout.connect(count)
    window.mosaic.size.setValue(300)  # some of them do not fit any more
    seen = tiles.seen()
    assert 0 < len(seen) < 12
    tiles.grab()  # to be painted makes no picture
    assert not made
    qtbot.waitUntil(lambda: is_up_to_date(window))
    assert max(turns) == 2
    assert sorted(made) == sorted(seen)
    count()
    assert turns[-1] == 0  # nothing is left to do
    # The slice in view stays in sight, whatever a stroke on it says of ED.
    window.view.go_to(seen[0])
    qtbot.waitUntil(lambda: is_up_to_date(window))
    made.clear()
    window.session.labelling.annotate(seen[0], HEART[0, 0])
    qtbot.waitUntil(lambda: bool(made) and is_up_to_date(window))
    assert made == [seen[0]]  # one stroke, one picture


def test_menu_of_several_slices_offers_what_they_allow(window, monkeypatch, qtbot):
    window.session.labelling.take_over(HEART)
    window.session.confirm(A)
    click(window, A)
    click(window, SliceIndex(2, 1), held=SHIFT)
    asked = []
    window.mosaic.tiles.menu_asked.disconnect()
    window.mosaic.tiles.menu_asked.connect(lambda slices, where: asked.append(slices))
    qtbot.keyClick(window.mosaic.tiles, Qt.Key.Key_Menu)
    menu = window.overview.menu(*window.mosaic.tiles.selection.meant)
    offered = {action.text(): action for action in menu.actions()}
    assert list(offered) == ["Confirm", "No heart here", "Revert to model", "Exclude"]
    offered["Confirm"].trigger()
    assert len(window.session.annotations.slices(SliceState.EXPERT)) == 3
    offered["No heart here"].trigger()
    assert not window.session.annotations.labels[:, 1].any()


def test_a_window_without_a_stack_shows_nothing(make_napari_viewer, session, qtbot):
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    widget.show_mosaic()
    qtbot.wait(50)
    assert widget.mosaic.isVisible()
    assert not widget.mosaic.tiles.seen()
    for key in (Qt.Key.Key_C, Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_Menu):
        qtbot.keyClick(widget.mosaic.tiles, key)
    widget.close_session()
