"""A real hand on the picture of a real viewer: nothing is painted unasked, nothing is dropped."""

import numpy as np
import pytest
from napari.layers import Layer
from napari.settings import get_settings
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui import picture_mouse, studies
from napari_cardiac_ssl.gui.display import image_layer, turn_picture
from napari_cardiac_ssl.gui.preferences import Preferences
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.synthetic import make_study

from .conftest import A, C, paint
from .hand import LEFT, MIDDLE, RIGHT, Hand

LV, MYO = 1, 2
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
#: Round the middle of the picture.
ROUND = [(0.5 + 0.2 * np.cos(a), 0.5 + 0.2 * np.sin(a)) for a in np.linspace(0, 6.2, 14)]


@pytest.fixture
def shown(make_napari_viewer, session, stack, qtbot):
    """The widget in a window that is shown, with the stack open at slice A."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    widget.view.go_to(A)
    qtbot.wait(100)
    yield widget
    widget.close_session()


@pytest.fixture
def hand(shown, qtbot):
    return Hand(shown, qtbot)


@pytest.mark.parametrize("tool", ["paint", "contour", "polygon", "fill"])
def test_right_drag_sets_the_window_and_never_paints(shown, hand, tool):
    shown.drawing.use(tool)
    image = shown.workspace.image
    low, high = image.contrast_limits
    hand.drag((0.4, 0.4), (0.5, 0.4), (0.6, 0.4), button=RIGHT)
    left, right = image.contrast_limits
    assert right - left > 1.1 * (high - low)
    assert left + right == pytest.approx(low + high)
    hand.drag((0.4, 0.4), (0.4, 0.5), (0.4, 0.6), button=RIGHT)
    assert sum(image.contrast_limits) > left + right + 0.1 * (high - low)
    assert np.ptp(image.contrast_limits) == pytest.approx(right - left)
    hand.drag(*ROUND, ROUND[0], button=RIGHT)
    hand.move(*ROUND)  # napari's stroke goes on without a button
    assert not shown.view.layer.data.any()
    assert shown.session.annotations.state(A) is SliceState.UNLABELLED


@pytest.mark.parametrize("tool", ["paint", "contour", "polygon", "fill"])
def test_eraser_erases_with_every_tool(shown, hand, tool):
    drawing, layer = shown.drawing, shown.view.layer
    paint(layer, A, 1, np.s_[0:32, 0:40])
    drawing.buttons[0].click()
    drawing.use(tool)
    assert drawing.buttons[0].isChecked()
    if tool in {"paint", "contour"}:
        hand.drag(*ROUND, ROUND[0])
    else:
        for place in ROUND:
            hand.click(place)
    hand.key("C")
    after = shown.session.annotations.labels[A]
    assert (after == 0).any()
    assert (after == 1).any() == (tool != "fill")
    hand.key("P")  # paints what was drawn before
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    assert drawing.buttons[1].isChecked()


def test_open_polygon_erases_though_another_tool_is_taken_up(shown, hand):
    paint(shown.view.layer, A, 1, np.s_[0:32, 0:40])
    shown.drawing.use("polygon")
    shown.drawing.choose(0)
    for place in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)):
        hand.click(place)
    shown.drawing.use("paint")
    assert shown.view.layer.mode == "erase"
    shown.view.take_strokes()
    after = shown.session.annotations.labels[A]
    assert 0 < np.count_nonzero(after == 0) < after.size


def test_window_and_level_come_back_as_they_were_at_first(shown, hand):
    image = shown.workspace.image
    first = tuple(image.contrast_limits)
    hand.drag((0.4, 0.4), (0.6, 0.5), button=RIGHT)
    assert tuple(image.contrast_limits) != first
    changed = []
    shown.workspace.changed.connect(lambda: changed.append(tuple(image.contrast_limits)))
    hand.key("L", SHIFT)
    assert changed == [first]  # so that it is kept
    assert tuple(image.contrast_limits) == first
    low, high = first
    said = f"Window {high - low:.4g}, level {(low + high) / 2:.4g}: as when it was opened"
    assert shown.status.text() == said
    hand.drag((0.4, 0.4), (0.6, 0.5), button=RIGHT)
    shown.drawing.reset.trigger()  # its menu
    assert tuple(image.contrast_limits) == first


def test_right_click_takes_the_last_point_of_a_polygon_back(shown, hand):
    shown.drawing.use("polygon")
    for place in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)):
        hand.click(place)
    points = shown.view.layer._overlays["polygon"]
    before = len(points.points)
    hand.drag((0.3, 0.3), (0.4, 0.3), button=RIGHT)
    assert len(points.points) == before
    hand.click((0.5, 0.5), RIGHT)
    assert len(points.points) == before - 1


def test_polygon_keeps_all_corners_where_napari_closes_it_near_the_first(shown, hand):
    experimental = get_settings().experimental
    shown.drawing.use("polygon")
    drawn = []
    for radius in (-1, 10):
        experimental.completion_radius = radius
        for place in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)):
            hand.click(place)
        hand.key("C")
        drawn.append(shown.session.annotations.labels[A].copy())
        shown.workspace.actions.revert()
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].any()


def test_open_polygon_is_there_again_after_3d(shown, hand):
    shown.drawing.use("polygon")
    for place in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)):
        hand.click(place)
    shown.viewer.dims.ndisplay = 3
    hand.move((0.5, 0.5), (0.7, 0.7))
    shown.viewer.dims.ndisplay = 2
    hand.key("C")
    assert shown.session.annotations.labels[A].any()


ACTS = {
    "confirm": lambda widget, hand: hand.key("C"),
    "another slice": lambda widget, hand: hand.key("S"),
    "another frame": lambda widget, hand: hand.key("Right"),
    "another tool": lambda widget, hand: hand.key("F"),
    "the slice map": lambda widget, hand: widget.view.go_to(C),
    "close": lambda widget, hand: widget.close_session(),
}


@pytest.mark.parametrize("act", ACTS)
def test_open_polygon_is_taken_over_before_anything_happens(shown, hand, qtbot, act):
    shown.drawing.use("polygon")
    for place in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)):
        hand.click(place)
    assert not shown.session.annotations.labels.any()
    ACTS[act](shown, hand)
    states = shown.session.annotations
    if act == "another tool":  # which nothing waits for: it is taken over at the next tick
        qtbot.waitUntil(lambda: np.count_nonzero(states.labels[A]) > 20)
    assert np.count_nonzero(states.labels[A]) > 20
    assert np.count_nonzero(states.labels) == np.count_nonzero(states.labels[A])
    wanted = SliceState.EXPERT if act == "confirm" else SliceState.EDITING
    assert states.state(A) is wanted


@pytest.mark.parametrize("tool", ["paint", "contour"])
@pytest.mark.parametrize("act", [act for act in ACTS if act != "another tool"])
def test_stroke_under_way_is_taken_over_before_anything_happens(shown, hand, act, tool):
    shown.drawing.use(tool)
    hand.press(ROUND[0])
    hand.move(*ROUND[1:])
    ACTS[act](shown, hand)
    states = shown.session.annotations
    drawn = np.count_nonzero(states.labels[A])
    assert drawn > (60 if tool == "contour" else 20)
    assert states.state(A) is (SliceState.EXPERT if act == "confirm" else SliceState.EDITING)
    hand.release(ROUND[-1])
    assert np.count_nonzero(states.labels[A]) >= drawn


def test_stroke_under_way_stays_on_the_screen_when_drafts_come(shown, hand):
    hand.press(ROUND[0])
    hand.move(*ROUND[1:])
    seen = shown.view.layer.data[A].copy()
    shown.session.signals.slices_changed.emit((A,))  # as something in the background does
    np.testing.assert_array_equal(shown.view.layer.data[A], seen)
    hand.release(ROUND[-1])
    np.testing.assert_array_equal(shown.session.annotations.labels[A] > 0, seen > 0)


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_paint_lands_under_the_mouse_however_the_picture_is_turned(shown, hand, down, right):
    shown.drawing.use("paint")
    truly = turn_picture(shown.viewer, down=down, right=right)
    assert truly or not (down and right)
    hand.click((0.7, 0.4))
    rows, columns = np.nonzero(shown.view.layer.data[A])
    size = hand.canvas.size()
    under_it = shown.overlay.voxel_at(QPointF(0.7 * size.width(), 0.4 * size.height()))
    np.testing.assert_allclose((rows.mean(), columns.mean()), under_it, atol=0.8)


def under(hand, widget, place):
    """Return what lies in a place of the picture, in mm."""
    hand.move(place)
    hand.rest(60)
    return np.array(widget.viewer.cursor.position[-2:])


def test_wheel_goes_through_slices_and_frames(shown, hand):
    zoom = shown.viewer.scene.camera.zoom
    middle = (0.5, 0.5)
    hand.wheel(middle, 1)
    assert shown.view.in_view == (0, 2)
    hand.wheel(middle, -2)
    assert shown.view.in_view == (0, 0)
    hand.wheel(middle, -1)
    assert shown.view.in_view == (0, 0)
    hand.wheel(middle, 4, CONTROL)
    assert shown.view.in_view == (1, 0)  # round and round
    assert shown.viewer.scene.camera.zoom == zoom
    hand.press(ROUND[0])
    hand.move(*ROUND[1:])
    hand.wheel(middle, 1)
    hand.release(middle)
    assert shown.session.annotations.labels[1, 0].any()  # a stroke under way is taken over


@pytest.mark.parametrize("flip", [False, True])
def test_shift_wheel_zooms_where_the_mouse_is(shown, hand, flip):
    camera = shown.viewer.scene.camera
    if flip:
        turn_picture(shown.viewer, down=False, right=False)
    place = (0.6, 0.4)
    before, zoom = under(hand, shown, place), camera.zoom
    hand.wheel(place, -3, SHIFT)
    assert camera.zoom > 1.4 * zoom
    np.testing.assert_allclose(under(hand, shown, place), before, atol=0.3)
    hand.wheel(place, 3, SHIFT)
    assert camera.zoom == pytest.approx(zoom)
    assert shown.view.in_view == A


@pytest.mark.parametrize("flip", [False, True])
def test_middle_drag_moves_the_picture_and_draws_nothing(shown, hand, flip):
    if flip:
        turn_picture(shown.viewer, down=False, right=False)
    before = under(hand, shown, (0.5, 0.5))
    hand.drag((0.5, 0.5), (0.55, 0.55), (0.6, 0.65), button=MIDDLE)
    np.testing.assert_allclose(under(hand, shown, (0.6, 0.65)), before, atol=0.3)
    assert not shown.view.layer.data.any()


@pytest.mark.parametrize(
    ("button", "mode"), [(MIDDLE, "paint"), (RIGHT, "paint"), (LEFT, "pan_zoom")]
)
def test_double_click_fits(shown, hand, button, mode):
    camera = shown.viewer.scene.camera
    shown.studies.fit()
    zoom, centre = camera.zoom, camera.center
    camera.zoom, camera.center = 3 * zoom, (0, 0)
    shown.view.layer.mode = mode
    hand.double_click((0.5, 0.5), button)
    assert camera.zoom == pytest.approx(zoom)
    assert camera.center == pytest.approx(centre)
    assert not shown.view.layer.data.any()
    hand.move((0.7, 0.7))  # nothing is held any more
    assert camera.center == pytest.approx(centre)


def test_double_click_finds_the_heart_by_its_labels_where_no_view_tells(shown, hand, monkeypatch):
    monkeypatch.setattr(studies, "_HEART_MM", 24.0)  # half of this picture's height
    camera = shown.viewer.scene.camera
    shown.studies.fit()
    whole = camera.zoom
    labels = np.zeros((32, 40), np.uint8)
    labels[20:27, 10:17], labels[0, 39] = LV, MYO  # and a speck in a corner
    shown.session.labelling.annotate(C, labels)  # on a slice that is not in view
    hand.double_click((0.5, 0.5), MIDDLE)
    np.testing.assert_allclose(camera.center[-2:], (23 * 1.5, 13 * 1.5), atol=0.2)
    assert camera.zoom == pytest.approx(2 * whole)


def test_double_click_with_the_brush_draws_twice(shown, hand):
    camera = shown.viewer.scene.camera
    zoom = camera.zoom
    hand.double_click((0.5, 0.5))
    assert camera.zoom == zoom
    assert shown.session.annotations.labels[A].any()


def test_napari_s_habits_can_be_preferred(shown, hand, monkeypatch):
    monkeypatch.setattr(picture_mouse, "preferences", lambda: Preferences(radiologist_mouse=False))
    camera, image = shown.viewer.scene.camera, shown.workspace.image
    zoom, window = camera.zoom, np.ptp(image.contrast_limits)
    hand.wheel((0.5, 0.5), -2)
    assert shown.view.in_view == A
    assert camera.zoom > zoom
    hand.drag((0.4, 0.4), (0.6, 0.4), button=RIGHT)
    assert np.ptp(image.contrast_limits) > window
    assert not shown.view.layer.data.any()


def turn_wheel(widget):
    """Turn the wheel towards oneself on a widget; who does not take it hands it to its parent.

    Qt does so by itself only with what comes from a real mouse.
    """
    while widget is not None:
        at = QPointF(widget.rect().center())
        event = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        event.ignore()
        if QApplication.sendEvent(widget, event) and event.isAccepted():
            return
        widget = widget.parentWidget()


def test_wheel_scrolls_the_panel_and_chooses_nothing(shown, qtbot):
    shown.studies.add(make_study(2, frames=2, slices=3, size=48, lax=False).study, work_on=False)
    chosen = [one for kind in (QComboBox, QAbstractSpinBox) for one in shown.findChildren(kind)]
    before = [one.currentText() if isinstance(one, QComboBox) else one.text() for one in chosen]
    stack = shown.session.stack
    assert shown.choice.images.count() > 1
    for one in chosen:
        turn_wheel(one)
    after = [one.currentText() if isinstance(one, QComboBox) else one.text() for one in chosen]
    assert after == before
    assert shown.session.stack is stack


def test_wheel_scrolls_a_page_past_lists_and_curves(shown, qtbot):
    paint(shown.view.layer, A, 1, np.s_[5:15, 8:20])
    shown.viewer.window._qt_window.resize(1000, 500)
    shown.learning.curves.show_dice([0.9])  # before there is any, none are shown
    for title, over in (
        ("Measure", [shown.measuring.convention.sex, shown.measuring.curve.viewport()]),
        ("Learn", [shown.learning.curves.loss.viewport()]),
    ):
        shown.show_tab(title)
        qtbot.wait(300)
        bar = shown.tabs.currentWidget().verticalScrollBar()
        assert bar.maximum() > 0
        for one in over:
            bar.setValue(0)
            turn_wheel(one)
            assert bar.value() > 0


def test_double_click_confirms_once(shown, qtbot):
    paint(shown.view.layer, A, 1, np.s_[5:15, 8:20])
    button = shown.slice.confirm
    qtbot.mouseClick(button, LEFT)
    qtbot.mouseDClick(button, LEFT)
    QTest.mouseRelease(button, LEFT)
    assert shown.session.annotations.state(A) is SliceState.EXPERT
    qtbot.mouseClick(button, LEFT)
    assert shown.session.annotations.state(A) is SliceState.EDITING
