"""What a finished stroke makes of a slice."""

import numpy as np
import pytest

from napari_cardiac_ssl.gui.strokes import fill_contour, keep_cavity, smooth

from .conftest import A, paint


def heart():
    """A ventricle with its wall, and the other beside it."""
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 5:12] = 3
    labels[10:30, 12:32] = 2
    labels[15:25, 17:27] = 1
    return labels


def circle(radius, y=20.0, x=22.0):
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([y + radius * np.sin(angle), x + radius * np.cos(angle)], axis=1)


def test_epicardium_round_the_cavity_leaves_the_cavity_and_nothing_outside():
    before = heart()
    after = fill_contour(before, circle(12), 2)
    y, x = np.mgrid[:40, :40]
    inside = np.hypot(y - 20, x - 22) < 11.5
    assert np.array_equal(after == 1, before == 1)
    assert np.array_equal(after[inside & (before != 1)], np.full((inside & (before != 1)).sum(), 2))
    assert not (after[np.hypot(y - 20, x - 22) > 12.5] == 2).any()


def test_smaller_endocardium_leaves_myocardium_between():
    before = heart()
    after = fill_contour(before, circle(3.5), 1)
    assert (after == 1).sum() < 50
    assert (after[before == 1] > 0).all()
    assert np.array_equal(after > 0, before > 0)


def test_cavity_alone_is_drawn_anew():
    alone = np.where(heart() == 1, np.uint8(1), np.uint8(0))
    after = fill_contour(alone, circle(4), 1)
    assert 0 < (after == 1).sum() < (alone == 1).sum()
    assert set(np.unique(after)) == {0, 1}


def test_rv_contour_keeps_the_septum():
    before = heart()
    after = fill_contour(before, circle(11, x=11), 3)
    assert np.array_equal(
        after[(before == 1) | (before == 2)], before[(before == 1) | (before == 2)]
    )
    assert (after == 3).sum() > (before == 3).sum()


def test_small_contour_adds_and_zero_takes_away():
    before = heart()
    added = fill_contour(before, circle(3, y=8, x=8), 3)
    assert ((before == 3) <= (added == 3)).all()
    assert (added == 3).sum() > (before == 3).sum()
    taken = fill_contour(before, circle(3), 0)
    assert (taken[18:22, 20:24] == 0).all()
    assert ((taken == before) | (taken == 0)).all()


def test_myocardium_never_covers_the_cavity():
    before = heart()
    assert np.array_equal(keep_cavity(before, np.full_like(before, 2)) == 1, before == 1)
    assert (keep_cavity(before, np.full_like(before, 3)) == 3).all()


def test_smoothing_rounds_what_was_drawn_and_nothing_else():
    before = heart()
    after = before.copy()
    after[5:9, 20:22] = 2  # a spike
    smoothed = smooth(before, after)
    assert (smoothed[5, 20:22] == 0).all()
    assert (smoothed[5:9, 20:22] == 2).sum() < 6
    assert np.array_equal(smoothed[20:], before[20:])
    assert np.array_equal(smooth(before, before), before)


@pytest.fixture
def drag(widget):
    """Draw with the mouse: points in mm."""

    def drag(points):
        layer = widget.view.layer

        class Event:
            type = "mouse_press"

        running = layer.mouse_drag_callbacks[0](layer, Event)
        next(running)
        Event.type = "mouse_move"
        for y, x in points:
            Event.position = (*widget.viewer.dims.point[:2], 1.5 * y, 1.5 * x)
            next(running)
        with layer.block_history():  # the trail that napari leaves
            where = np.round(points).astype(int).T
            index = widget.view.in_view
            layer.data_setitem(
                (np.full(len(points), index.t), np.full(len(points), index.z), *where), 2
            )
        Event.type = "mouse_release"
        with pytest.raises(StopIteration):
            next(running)
        widget.workspace.tick()

    return drag


def test_contour_tool_fills_and_is_one_step(widget, drag):
    widget.view.go_to(A)
    paint(widget.view.layer, A, 1, np.s_[14:18, 18:22])
    widget.drawing.choose(2)
    widget.drawing.toggle_contour()
    assert widget.view.layer.brush_size == 1
    drag(circle(8, y=16, x=20))
    labels = widget.session.annotations.labels[A]
    assert (labels == 1).sum() == 16
    assert 150 < (labels == 2).sum() < 210
    assert np.array_equal(widget.view.layer.data[A], labels)
    widget.workspace.actions.undo()
    assert (widget.view.layer.data[A] > 0).sum() == 16
    widget.drawing.toggle_contour()
    assert widget.view.layer.brush_size > 1


def test_brush_leaves_the_cavity_alone_unless_told(widget):
    widget.view.go_to(A)
    paint(widget.view.layer, A, 1, np.s_[14:18, 18:22])
    paint(widget.view.layer, A, 2, np.s_[10:20, 10:30])
    assert (widget.view.layer.data[A] == 1).sum() == 16
    widget.drawing.keep.trigger()
    paint(widget.view.layer, A, 2, np.s_[10:20, 10:30])
    assert not (widget.view.layer.data[A] == 1).any()


def test_stroke_of_which_nothing_is_left_leaves_the_slice_as_it_was(widget):
    widget.view.go_to(A)
    paint(widget.view.layer, A, 1, np.s_[14:18, 18:22])
    widget.workspace.actions.confirm()
    paint(widget.view.layer, A, 2, np.s_[15:17, 19:21])
    assert widget.session.annotations.state(A) == "expert"
    assert (widget.view.layer.data[A] == 1).sum() == 16
