"""Contours are edited by keys alone: a border and a point are chosen, and moved as a drag moves."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import camera_of

from .conftest import A, B
from .test_edit_contour import ENDO, EPI, LV, MYO, changes, edit, heart  # noqa: F401 - a fixture
from .test_keys import select

ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


def keys(editor, *names, modifiers=Qt.KeyboardModifier.NoModifier):
    for name in names:
        editor.hand.key(name, modifiers)


def said(editor):
    return editor.widget.status.text()


def chosen_place(editor):
    """Row and column of the chosen point."""
    grip = editor.tool._keys.chosen
    return editor.tool._grips.place(grip)


def choose_rightmost(editor, border):
    """Choose the point of the LV's border that is furthest right on the screen, by keys."""
    keys(editor, "Period", "1" if border is ENDO else "2")
    wanted = editor.point(border)
    for _ in editor.points(border):
        if np.allclose(chosen_place(editor), wanted):
            return wanted
        keys(editor, "Period")
    raise AssertionError("the keys do not reach it")


def test_keys_go_round_every_border_and_say_where_they_are(edit):  # noqa: F811
    keys(edit, "Period")
    number = len(edit.points(ENDO))  # that of what is drawn: the LV cavity
    assert said(edit).startswith(f"LV endocardium, point 1 of {number} at ")
    assert edit.hand.canvas.accessibleName().startswith("Picture: LV endocardium, point 1 of")
    seen = []
    for _ in range(number):
        seen.append(tuple(chosen_place(edit)))
        keys(edit, "Period")
    assert set(seen) == {tuple(one) for one in edit.points(ENDO)}
    angles = [np.arctan2(row - 16, column - 22) for row, column in seen]
    turns = np.diff(np.unwrap(angles))
    assert (turns > 0).all()  # clockwise: rows run down
    keys(edit, "Comma")
    assert tuple(chosen_place(edit)) == seen[-1]
    keys(edit, "2")
    assert said(edit).startswith("LV epicardium, point ")
    near = edit.points(EPI)[np.hypot(*(edit.points(EPI) - seen[-1]).T).argmin()]
    np.testing.assert_allclose(chosen_place(edit), near)
    keys(edit, "4")
    assert said(edit) == "There is no left atrium on this slice"
    assert edit.tool._keys.chosen.border is EPI


def test_arrows_move_a_point_as_a_drag_does_in_one_step(edit):  # noqa: F811
    before = edit.labels
    point = choose_rightmost(edit, ENDO)
    edit.drag(point, (0, 2.0))
    dragged = edit.labels
    keys(edit, "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, before)
    choose_rightmost(edit, ENDO)
    keys(edit, "Right", "Right", "Right")  # 3 mm, 2 voxels
    np.testing.assert_array_equal(edit.labels, before)
    [line] = edit.widget.contours.lines[ENDO]
    assert np.hypot(*(line - point - (0, 2.0)).T).min() < 1e-6  # it follows at once
    assert "3.0 mm right" in said(edit)
    keys(edit, "Enter")
    np.testing.assert_array_equal(edit.labels, dragged)
    assert changes(before, edit.labels) == {(MYO, LV)}
    keys(edit, "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, before)


def test_alt_moves_finely_and_escape_takes_back_what_was_not_kept(edit):  # noqa: F811
    before, point = edit.labels, choose_rightmost(edit, EPI)
    keys(edit, "Up", "Left", modifiers=ALT)
    assert "0.2 mm left and 0.2 mm up" in said(edit)
    keys(edit, "Down", "Right", "Right")
    keys(edit, "Escape")
    np.testing.assert_array_equal(edit.labels, before)
    np.testing.assert_allclose(chosen_place(edit), point)  # still chosen
    assert not edit.widget.view.drawing
    keys(edit, "Escape")
    assert edit.tool._keys.chosen is None
    assert edit.hand.canvas.accessibleName() == "Picture"
    here = edit.widget.view.in_view
    keys(edit, "Right")
    assert edit.widget.view.in_view == (here.t + 1, here.z)  # arrows are the frames' again


def test_whatever_comes_next_keeps_what_was_moved(edit):  # noqa: F811
    before = edit.labels
    choose_rightmost(edit, EPI)
    keys(edit, "Right", "Right", "Right", "C")  # confirms
    assert changes(before, edit.labels) == {(0, MYO)}
    assert edit.session.annotations.state(A) is SliceState.EXPERT
    moved = edit.labels
    keys(edit, "Left", "Left", "Left", "Period")  # another point: another step
    assert edit.session.annotations.state(A) is SliceState.EDITING
    keys(edit, "Left", "S")  # another slice
    assert edit.widget.view.in_view.z == A.z + 1
    assert edit.tool._keys.chosen is None  # nothing is labelled there
    keys(edit, "W")
    keys(edit, "Z", "Z", modifiers=CONTROL)
    np.testing.assert_array_equal(edit.labels, moved)


def test_keys_are_taken_in_when_they_rest(edit, qtbot):  # noqa: F811
    before = edit.labels
    choose_rightmost(edit, EPI)
    edit.tool._keys._rest.setInterval(20)
    keys(edit, "Right", "Right", "Right")
    qtbot.waitUntil(lambda: not np.array_equal(edit.labels, before))
    assert not edit.widget.view.drawing


@pytest.mark.parametrize("what", ["image", "nothing", "points", "shapes", "other labels"])
def test_they_work_whichever_layer_is_selected(edit, what):  # noqa: F811
    select(edit.widget, what)
    before = edit.labels
    layers = list(edit.widget.viewer.layers.selection)
    choose = edit.tool._keys
    keys(edit, "Period")
    assert choose.chosen is not None
    keys(edit, "Right", "Right", "Right", "Enter")
    assert np.count_nonzero(edit.labels != before)
    assert list(edit.widget.viewer.layers.selection) == layers


def test_keys_move_a_point_on_the_screen_however_the_picture_is_turned(edit):  # noqa: F811
    viewer = edit.widget.viewer
    viewer.dims.order = (0, 1, 3, 2)
    camera_of(viewer).orientation2d = ("up", "left")
    keys(edit, "Period")
    to_canvas = edit.widget.overlay.to_canvas()
    start = to_canvas.map(*chosen_place(edit)[::-1])
    keys(edit, "Right", "Right")
    keys(edit, "Up")
    [line] = edit.widget.contours.lines[ENDO]
    end = to_canvas.map(*line[edit.tool._editing.drag.grip.index][::-1])
    zoom = camera_of(viewer).zoom
    np.testing.assert_allclose(np.subtract(end, start), (2 * zoom, -zoom), atol=1e-6)


def test_a_chosen_point_stays_chosen_from_frame_to_frame(edit):  # noqa: F811
    edit.session.labelling.annotate(B, np.roll(heart(), 2, axis=1))
    point = choose_rightmost(edit, EPI)
    edit.widget.view.go_to(B)
    edit.hand.rest(60)
    assert edit.tool._keys.chosen.border is EPI
    assert np.hypot(*(chosen_place(edit) - point)) < 6
    assert "LV epicardium" in edit.hand.canvas.accessibleName()


def test_the_chosen_point_has_a_ring_of_white_within_black(edit):  # noqa: F811
    choose_rightmost(edit, ENDO)
    edit.hand.rest(60)
    corner = edit.hand.canvas.mapTo(edit.widget.window(), edit.hand.canvas.rect().topLeft())
    row, column = chosen_place(edit)
    at = edit.widget.overlay.to_canvas().map(column, row)
    seen = edit.widget.window().grab().toImage()

    def greys(radius):
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        around = [
            seen.pixelColor(
                round(at[0] + corner.x() + radius * np.cos(angle)),
                round(at[1] + corner.y() + radius * np.sin(angle)),
            )
            for angle in angles
        ]
        return np.median([one.lightness() for one in around])

    assert greys(8.5) > 200
    assert greys(10.6) < 110
    keys(edit, "Escape")
    edit.hand.rest(60)
    seen = edit.widget.window().grab().toImage()
    assert greys(8.5) < 200
