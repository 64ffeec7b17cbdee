"""A border is moved as a whole, or drawn anew in part: labels are what the drawn line says."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from scipy import ndimage

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.outlines import filled, nearest_point
from napari_cardiac_ssl.gui.tools.editing import size_words
from napari_cardiac_ssl.study import SliceIndex

from .conftest import A, B, C
from .hand import LEFT
from .test_edit_contour import (  # noqa: F401 - a fixture
    ENDO,
    EPI,
    LV,
    MIDDLE,
    MYO,
    RV,
    changes,
    edit,
    heart,
)
from .test_point_keys import keys, said

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
STRUCTURE = {ENDO: (LV,), EPI: (LV, MYO), Border.RV: (RV,)}
KEY = {ENDO: "1", EPI: "2", Border.RV: "3"}


def enclosed(labels, border):
    return np.isin(labels, STRUCTURE[border])


def wanted(before, border, line):
    """What the drawn line says: its own structure within, but for what lies on top of it."""
    inside, was = filled([line], before.shape), enclosed(before, border)
    after = before.copy()
    if border is ENDO:  # exchanged with the wall
        after[inside & (before == MYO)] = LV
        after[was & ~inside] = MYO
    elif border is EPI:  # never the cavity
        after[inside & ~was] = MYO
        after[(before == MYO) & ~inside] = 0
    else:  # never the LV
        after[inside & (before == 0)] = RV
        after[(before == RV) & ~inside] = 0
    return after


@pytest.mark.parametrize("by", [2.0, -2.0])
@pytest.mark.parametrize("border", [ENDO, EPI, Border.RV])
def test_a_drag_with_ctrl_moves_all_of_a_border_and_nothing_else(edit, border, by):  # noqa: F811
    session = edit.session
    session.labelling.annotate(B, heart())
    session.confirm(B)
    everything = session.annotations.labels.copy()
    before, left = edit.labels, border is Border.RV
    edit.widget.drawing.choose(int(KEY[border]))
    start = edit.point(border, (0, -1) if left else (0, 1))
    end = start + np.array([0, -by if left else by])
    edit.drag(start, end - start, release=False, modifiers=CONTROL)
    drag = edit.tool._editing.drag
    line, way = drag.line, size_words(drag.by_mm)
    assert drag.by_mm * by > 0
    assert nearest_point(line, end, (1.5, 1.5))[1] < 0.3  # it is under the mouse
    assert said(edit) == f"{border} {way}"
    np.testing.assert_array_equal(edit.labels, before)  # they wait
    edit.hand.release(edit.place(*end))
    after = edit.labels
    np.testing.assert_array_equal(after, wanted(before, border, line))
    np.testing.assert_array_equal(edit.widget.view.layer.data[A], after)
    grown = enclosed(after, border).sum() - enclosed(before, border).sum()
    assert grown * by > 60  # all round
    assert said(edit).startswith(f"{border} moved {way}: ")
    everything[A] = after
    np.testing.assert_array_equal(session.annotations.labels, everything)
    assert session.annotations.state(B) is SliceState.EXPERT
    keys(edit, "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, before)


def test_it_takes_no_more_than_there_is_and_the_line_stays_simple(edit):  # noqa: F811
    before = edit.labels
    edit.drag(edit.point(EPI), (0, -10), modifiers=CONTROL)  # far into the cavity
    assert changes(before, edit.labels) == {(MYO, 0)}
    np.testing.assert_array_equal(edit.labels == LV, before == LV)
    edit.widget.workspace.actions.undo()
    edit.drag(edit.point(ENDO), (0, -6.5), modifiers=CONTROL)
    assert changes(before, edit.labels) == {(LV, MYO)}
    assert (edit.labels == LV).any()
    edit.widget.workspace.actions.undo()
    edit.drag(edit.point(ENDO), (0, 12), modifiers=CONTROL)  # no further than the epicardium
    assert changes(before, edit.labels) == {(MYO, LV)}


def test_beside_a_line_ctrl_takes_it_too_and_no_disc_pushes(edit):  # noqa: F811
    edit.drag(MIDDLE + np.array([0, 5]), (0, 1.5), release=False, modifiers=CONTROL)
    assert not edit.tool._editing.drag.pushes
    edit.hand.release(edit.place(*(MIDDLE + np.array([0, 6.5]))))
    left = edit.labels[15:18, :22]
    assert np.count_nonzero(left == LV) > np.count_nonzero(heart()[15:18, :22] == LV)


def test_back_where_it_was_or_with_escape_nothing_changes(edit):  # noqa: F811
    edit.hand.key("C")
    start = edit.point(ENDO)
    edit.drag(start, (0, 2), release=False, modifiers=CONTROL)
    edit.hand.move(edit.place(*start))
    edit.hand.release(edit.place(*start))
    assert said(edit) == "LV endocardium back where it was: labels not changed"
    edit.drag(start, (0, 2), release=False, modifiers=CONTROL)
    edit.hand.key("Escape")
    edit.hand.release(edit.place(*start))
    np.testing.assert_array_equal(edit.labels, heart())
    assert edit.session.annotations.state(A) is SliceState.EXPERT


def test_points_go_along(edit):  # noqa: F811
    before = edit.points(ENDO)
    edit.drag(edit.point(ENDO), (0, 2), modifiers=CONTROL)
    after = edit.points(ENDO)
    assert len(after) == len(before)
    angles = [np.sort(np.arctan2(*(one - MIDDLE).T)) for one in (before, after)]
    np.testing.assert_allclose(*angles, atol=0.15)


@pytest.mark.parametrize("border", [ENDO, EPI, Border.RV])
def test_plus_and_minus_do_the_same_in_one_step(edit, border):  # noqa: F811
    before = edit.labels
    keys(edit, KEY[border])
    keys(edit, "Plus", modifiers=SHIFT)
    keys(edit, "Equal", "Plus")
    assert said(edit) == f"{border} 1.5 mm outwards. Enter keeps it, Escape takes it back"
    assert edit.hand.canvas.accessibleName() == f"Picture: {border} 1.5 mm outwards"
    line = edit.tool._editing.drag.line
    keys(edit, "Enter")
    np.testing.assert_array_equal(edit.labels, wanted(before, border, line))
    assert edit.hand.canvas.accessibleName() == "Picture"
    keys(edit, "Minus", "Minus", "Escape")
    np.testing.assert_array_equal(edit.labels, wanted(before, border, line))
    assert edit.widget.tools.chosen is edit.tool
    keys(edit, "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, before)


def test_a_chosen_point_s_border_is_the_one_that_is_moved(edit):  # noqa: F811
    before = edit.labels
    keys(edit, "Period", "2", "1")  # the LV cavity is drawn, too
    keys(edit, "2", "Minus", "Minus", "Minus")
    assert said(edit).startswith("LV epicardium 1.5 mm inwards")
    keys(edit, "Right", "Right", "Right")  # a point of it: another step
    assert changes(before, edit.labels) == {(MYO, 0)}
    moved = edit.labels
    keys(edit, "Plus", "Enter")
    assert not np.array_equal(edit.labels, moved)
    keys(edit, "Z", "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, moved)


def test_a_click_on_another_structure_ends_what_keys_were_moving(edit):  # noqa: F811
    before = edit.labels
    keys(edit, "1", "Minus", "Minus")
    QTest.mouseClick(edit.widget.drawing.buttons[RV], LEFT)
    edit.hand.canvas.setFocus()
    keys(edit, "Minus", "Minus")
    assert said(edit).startswith("RV endocardium 1.0 mm inwards")
    assert changes(before, edit.labels) == {(LV, MYO)}
    keys(edit, "Enter")
    assert changes(before, edit.labels) == {(LV, MYO), (RV, 0)}


def test_without_the_border_it_is_said(edit):  # noqa: F811
    keys(edit, "3")
    edit.session.labelling.annotate(A, np.where(heart() == RV, 0, heart()).astype(np.uint8))
    keys(edit, "Plus")
    assert said(edit) == "There is no RV endocardium on this slice"
    edit.widget.view.go_to(C)
    keys(edit, "Plus")
    assert "draw one (G)" in said(edit)
    assert edit.widget.view.in_view == SliceIndex(*C)
    assert not edit.widget.view.drawing


def over(editor, border, angles, radius):
    """Draw along a circle round the LV's middle, with Shift held."""
    ways = np.radians(np.asarray(angles, float))
    places = MIDDLE + radius * np.c_[np.sin(ways), np.cos(ways)]
    ends = [editor.place(*place) for place in places]
    editor.widget.drawing.choose(int(KEY[border]))
    editor.hand.press(ends[0], modifiers=SHIFT)
    editor.hand.move(*ends[1:])
    return ends[-1]


@pytest.mark.parametrize(("border", "radius"), [(ENDO, 8.5), (ENDO, 5.0), (EPI, 13.0), (EPI, 9.0)])
def test_with_shift_a_stretch_is_drawn_anew_and_the_rest_stays(edit, border, radius):  # noqa: F811
    before = edit.labels
    end = over(edit, border, np.arange(-60, 61, 10), radius)  # the right side
    line = edit.tool._editing.drag.line
    np.testing.assert_array_equal(edit.labels, before)
    edit.hand.release(end)
    np.testing.assert_array_equal(edit.labels, wanted(before, border, line))
    changed = edit.labels != before
    assert np.count_nonzero(changed) > 8
    assert not changed[:, : int(MIDDLE[1])].any()
    assert said(edit).startswith(f"{border} drawn anew in part: ")
    keys(edit, "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, before)


BACK = [
    (range(-60, 41, 10), 8.5),
    ((30,), 6.0),
    ((20,), 5.7),
    ((10, 0), 5.2),
    (range(10, 61, 10), 7),
]
LOOP = [(range(-60, 31, 10), 7), (range(20, -21, -10), 9.5), (range(-10, 61, 10), 8.3)]


@pytest.mark.parametrize("parts", [BACK, LOOP])
def test_a_hand_that_goes_back_leaves_no_holes_and_no_islands(edit, parts):  # noqa: F811
    ways = np.concatenate([np.array(part) for part, _ in parts])
    radii = np.concatenate([np.full(len(part), radius) for part, radius in parts])
    edit.hand.release(over(edit, ENDO, ways, radii[:, None]))
    for region in (edit.labels == LV, edit.labels != LV):
        assert ndimage.label(region)[1] == 1


def test_a_stretch_may_be_nearly_all_and_escape_leaves_it(edit):  # noqa: F811
    before = edit.labels
    end = over(edit, ENDO, np.arange(-170, 171, 10), 8.5)
    edit.hand.key("Escape")
    edit.hand.release(end)
    np.testing.assert_array_equal(edit.labels, before)
    end = over(edit, ENDO, np.arange(-170, 171, 10), 8.5)
    edit.hand.release(end)
    assert np.count_nonzero(edit.labels != before) > 50
    assert changes(before, edit.labels) == {(MYO, LV)}
