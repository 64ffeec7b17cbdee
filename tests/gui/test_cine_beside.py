"""The cine beside the still plays the slice in view, and costs nothing while nobody sees it."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget

from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.overlays.contour_lines import COLOURS
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import SHAPE, A
from .hand import Hand
from .test_edit_contour import ENDO, EPI, heart

SHIFT = Qt.KeyboardModifier.ShiftModifier


def opened(make_napari_viewer, session, qtbot, stack):
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    return widget


@pytest.fixture
def shown(make_napari_viewer, session, stack, qtbot):
    """The window, with the cine beside the picture, stopped."""
    widget = opened(make_napari_viewer, session, qtbot, stack)
    session.labelling.annotate(A, heart())
    widget.view.go_to(A)
    widget.toggle_cine_beside()
    qtbot.waitUntil(widget.beside.isVisible)
    widget.beside.toggle()
    yield widget
    widget.close_session()


def index(widget):
    return widget.beside.picture._index


def test_a_key_and_a_button_show_it_and_it_is_off_at_first(
    make_napari_viewer, session, stack, qtbot
):
    widget = opened(make_napari_viewer, session, qtbot, stack)
    assert not widget.beside.isVisible()
    assert not widget.beside._timer.isActive()
    hand = Hand(widget, qtbot)
    hand.key("K", SHIFT)
    qtbot.waitUntil(widget.beside.isVisible)
    assert isinstance(widget.beside.parent(), QDockWidget)
    hand.key("K", SHIFT)
    qtbot.waitUntil(lambda: not widget.beside.isVisible())
    assert not widget.beside._timer.isActive()
    widget.overview.cine.click()
    qtbot.waitUntil(widget.beside.isVisible)
    widget.close_session()


def test_it_plays_while_the_still_stays(shown, qtbot):
    shown.beside.toggle()
    seen = set()
    qtbot.waitUntil(lambda: seen.add(index(shown).t) or len(seen) == SHAPE[0])
    assert index(shown).z == A.z
    assert shown.view.in_view == A


def test_it_can_be_stopped_and_stepped(shown, qtbot):
    picture = shown.beside.picture
    here = index(shown).t
    qtbot.wait(150)
    assert index(shown).t == here
    QTest.keyClick(picture, Qt.Key.Key_Right)
    assert index(shown).t == (here + 1) % SHAPE[0]
    QTest.keyClick(picture, Qt.Key.Key_Left)
    QTest.keyClick(picture, Qt.Key.Key_Left)
    assert index(shown).t == (here - 1) % SHAPE[0]
    assert not shown.beside.plays
    assert shown.beside.play.text() == "Play"
    QTest.mouseClick(picture, Qt.MouseButton.LeftButton)
    assert shown.beside.plays


def at_frame(widget, t):
    widget.beside.step(t - index(widget).t)
    assert index(widget).t == t


def test_it_shows_the_contours_of_each_frame_and_follows_edits(shown, session, qtbot):
    at_frame(shown, A.t)
    picture = shown.beside.picture
    assert {ENDO, EPI} <= set(picture._contours)
    before = picture._contours[ENDO][0]
    at_frame(shown, A.t + 1)
    assert not picture._contours
    at_frame(shown, A.t)
    session.labelling.annotate(A, np.roll(heart(), 3, axis=1))
    qtbot.waitUntil(lambda: not np.array_equal(picture._contours[ENDO][0], before))


def test_it_follows_slice_and_window_of_the_picture(shown, qtbot):
    shown.view.go_to(SliceIndex(A.t, A.z + 2))
    qtbot.waitUntil(lambda: index(shown).z == A.z + 2)
    shown.workspace.image.contrast_limits = (100, 300)
    qtbot.waitUntil(lambda: shown.beside.picture.limits == (100, 300))


def test_what_is_seen_is_the_slice_in_its_window_with_lines(shown, stack, qtbot):
    at_frame(shown, A.t)
    picture = shown.beside.picture
    picture.resize(300, 300)
    shown.beside.look_at_heart()
    seen = picture.grab().toImage()

    def colour(row, column):
        x, y = picture._to_screen(picture._picture_xy(np.array([column, row], float)))
        return seen.pixelColor(round(float(x)), round(float(y)))

    low, high = picture.limits
    for row, column in ((16, 22), (20, 25)):  # within the cavity
        wanted = np.clip((float(stack.image[A][row, column]) - low) / (high - low), 0, 1) * 255
        assert abs(colour(row, column).lightness() - wanted) < 60
        assert colour(row, column).saturation() < 20
    line = picture._contours[ENDO][0]
    near = [colour(*point) for point in line]
    vivid = [one for one in near if one.saturation() > 120]
    assert len(vivid) > len(line) / 2
    assert all(abs(one.hue() - COLOURS[ENDO].hue()) < 15 for one in vivid)


@pytest.mark.parametrize(
    ("interval", "words", "beat"),
    [
        (0.3, "67/min", 0.9),
        (None, "does not say the heart's rate", 1.0),
        (5.0, "does not say the heart's rate", 1.0),
    ],
)
def test_it_plays_at_the_heart_s_own_rate_where_that_is_known(
    make_napari_viewer, session, qtbot, *, interval, words, beat
):
    made = Stack(
        np.zeros(SHAPE, np.int16), np.diag([1.5, 1.5, 8, 1]), name="s", frame_interval_s=interval
    )
    widget = opened(make_napari_viewer, session, qtbot, made)
    widget.toggle_cine_beside()
    qtbot.waitUntil(widget.beside.isVisible)
    assert words in widget.beside.words.text()
    assert widget.beside._beat_s == pytest.approx(beat)
    widget.close_session()


def test_a_stack_of_one_frame_has_none_and_it_is_said(make_napari_viewer, session, qtbot):
    made = Stack(np.zeros((1, 4, 32, 40), np.int16), np.diag([1.5, 1.5, 8, 1]), name="s")
    widget = opened(make_napari_viewer, session, qtbot, made)
    widget.toggle_cine_beside()
    qtbot.waitUntil(widget.beside.isVisible)
    assert "single frame" in widget.beside.words.text()
    assert not widget.beside.picture.isVisible()
    assert not widget.beside.play.isVisible()
    widget.close_session()


def test_it_may_float_and_go_with_the_window(shown, qtbot):
    dock = shown.beside.parent()
    dock.setFloating(True)
    shown.beside.toggle()
    qtbot.wait(200)
    assert shown.beside.picture.isVisible()
    dock.setFloating(False)
    qtbot.wait(100)
    shown.close_session()
    qtbot.wait(150)  # a tick comes late
    assert shown.workspace.is_closed


def test_while_drawing_takes_long_it_shows_fewer_pictures_and_steps_and_edits_at_once(
    shown, session, qtbot
):
    class Slow:
        """As long as a picture takes on a busy machine."""

        due, begun = False, 0

        def begin(self, now):
            self.begun += 1

        def end(self, now):
            pass

        def is_due(self, now):
            return self.due

    beside = shown.beside
    beside._pace = slow = Slow()
    here = index(shown)
    beside.toggle()
    qtbot.wait(400)  # frames go by
    assert index(shown) == here
    assert slow.begun == 0
    slow.due = True
    qtbot.waitUntil(lambda: slow.begun > 0)
    slow.due = False
    beside.step(1)  # which stops it
    stopped = index(shown)
    assert stopped.t == beside.frame
    drawn = slow.begun
    session.labelling.annotate(stopped, np.roll(heart(), 1, axis=0))
    qtbot.waitUntil(lambda: slow.begun == drawn + 1)
