"""Contours are edited by points with a real mouse: what the line passes over changes, no more."""

from hashlib import blake2b

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.gui.display import camera_of, image_layer, turn_picture
from napari_cardiac_ssl.gui.overlays import contour_lines
from napari_cardiac_ssl.gui.overlays.contour_lines import COLOURS
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex

from .conftest import A, B
from .hand import LEFT, RIGHT, Hand

LV, MYO, RV = 1, 2, 3
ENDO, EPI = Border.ENDOCARDIUM, Border.EPICARDIUM
MIDDLE = np.array([16.0, 22.0])
ALT = Qt.KeyboardModifier.AltModifier


def heart(shape=(32, 40)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    from_middle = np.hypot(y - MIDDLE[0], x - MIDDLE[1])
    labels = np.where(np.hypot(y - 16, x - 14) < 10, RV, 0)
    labels[from_middle < 11] = MYO
    labels[from_middle < 7] = LV
    return labels.astype(np.uint8)


class Editor:
    """The window, and a hand that finds contours on its picture."""

    def __init__(self, widget, qtbot):
        self.widget, self.session, self.hand = widget, widget.session, Hand(widget, qtbot)
        self.tool = widget.drawing._edit

    @property
    def labels(self):
        return self.session.annotations.labels[self.widget.view.in_view].copy()

    def place(self, row, column):
        """Where a voxel is on the picture, as shares of its size."""
        at = self.widget.overlay.to_canvas().map(QPointF(column, row))
        return at.x() / self.hand.canvas.width(), at.y() / self.hand.canvas.height()

    def points(self, border):
        """The points to take a border by, row and column."""
        lines, grips = self.widget.contours.lines[border], self.tool._grips
        return np.concatenate(
            [line[at] for line, at in zip(lines, grips.points[border], strict=True)]
        )

    def point(self, border, direction=(0, 1)):
        """The point that lies furthest in a direction from the LV's middle."""
        points = self.points(border)
        return points[int(((points - MIDDLE) @ np.array(direction)).argmax())]

    def between(self, border, direction=(0, 1)):
        """The place on the line that is furthest from its points, on one side of the LV."""
        [line] = self.widget.contours.lines[border]
        ways = np.hypot(*(line[:, None] - self.points(border)[None]).T).min(axis=0)
        there = ((line - MIDDLE) @ np.array(direction)) > 3
        return line[int(np.where(there, ways, -1).argmax())]

    def drag(self, start, by, *, release=True, modifiers=Qt.KeyboardModifier.NoModifier):
        """Take what is at a voxel and move the mouse by so many voxels."""
        ends = [self.place(*(start + share * np.array(by))) for share in np.linspace(0, 1, 5)]
        self.hand.press(ends[0], modifiers=modifiers)
        self.hand.move(*ends[1:])
        if release:
            self.hand.release(ends[-1])

    def is_seen(self, at, colour):
        """Whether a colour is on the window at a place of the canvas, over a picture of greys."""
        seen = self.widget.window().grab().toImage()
        at += QPointF(self.hand.canvas.mapTo(self.widget.window(), QPoint(0, 0)))
        x, y = (int(one * seen.devicePixelRatio()) for one in (at.x(), at.y()))
        near = [seen.pixelColor(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return any(n.saturation() > 100 and abs(n.hue() - colour.hue()) < 8 for n in near)


@pytest.fixture
def edit(make_napari_viewer, session, stack, qtbot):
    """An editor with a heart on slice A, and the tool chosen."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    session.labelling.annotate(A, heart())
    widget.view.go_to(A)
    widget.drawing.use("edit")
    qtbot.wait(100)
    yield Editor(widget, qtbot)
    widget.close_session()


def changes(before, after):
    where = before != after
    return set(zip(before[where].tolist(), after[where].tolist(), strict=True))


def test_dragging_a_point_changes_what_lies_between_the_lines_and_undo_brings_it_back(edit):
    before, point = edit.labels, edit.point(ENDO)
    edit.drag(point, (0, 2.5))
    after = edit.labels
    assert changes(before, after) == {(MYO, LV)}
    assert np.count_nonzero(before != after) > 4
    rows, columns = np.nonzero(before != after)
    assert (np.hypot(rows - point[0], columns - point[1]) * 1.5 < 16).all()
    np.testing.assert_array_equal(edit.widget.view.layer.data[A], after)
    edit.hand.key("Z", Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(edit.labels, before)


@pytest.mark.parametrize(
    ("border", "direction", "by", "wanted"),
    [
        (EPI, (0, 1), (0, 2.5), {(0, MYO)}),
        (EPI, (0, 1), (0, -2.5), {(MYO, 0)}),
        (Border.RV, (0, -1), (0, 2.5), {(RV, 0)}),
    ],
)
def test_the_other_borders_are_dragged_likewise(edit, border, direction, by, wanted):
    before = edit.labels
    edit.drag(edit.point(border, direction), by)
    assert changes(before, edit.labels) == wanted


def test_the_line_itself_is_pulled_between_points(edit):
    before = edit.labels
    edit.drag(edit.between(EPI), (0, 2.5))
    assert changes(before, edit.labels) == {(0, MYO)}


@pytest.mark.parametrize(("structure", "moved"), [(MYO, EPI), (RV, Border.RV)])
def test_where_lines_lie_on_each_other_that_of_the_chosen_structure_is_taken(
    edit, structure, moved
):
    def from_epicardium(places):
        return np.hypot(*(places[:, None] - edit.points(Border.RV)[None]).T).min(axis=1)

    on_line = from_epicardium(edit.widget.contours.lines[EPI][0]) < 0.2
    no_point = from_epicardium(edit.points(EPI)) > 1
    septum = edit.points(Border.RV)[on_line & no_point][0]  # a point of the RV's line alone
    edit.widget.drawing.choose(structure)
    edit.drag(septum, (0, -3))
    assert edit.widget.status.text().startswith(f"{moved} moved: ")
    edit.widget.workspace.actions.undo()
    edit.drag(septum - (0, 2), (0, 2))  # a disc beside both
    assert edit.widget.status.text().startswith(f"{moved} moved")


def test_a_disc_beside_the_line_pushes_it(edit):
    before = edit.labels
    edit.drag(MIDDLE + np.array([0, 5]), (0, 2.5))  # from within the cavity
    assert changes(before, edit.labels) == {(MYO, LV)}


def test_while_it_is_dragged_the_line_follows_and_the_labels_wait(edit):
    before, point = edit.labels, edit.point(ENDO)
    edit.drag(point, (0, 2.5), release=False)
    np.testing.assert_array_equal(edit.labels, before)
    [line] = edit.widget.contours.lines[ENDO]
    assert np.hypot(*(line - point - (0, 2.5)).T).min() < 0.3
    edit.hand.key("Escape")
    np.testing.assert_array_equal(edit.labels, before)
    edit.hand.release(edit.place(*point))
    np.testing.assert_array_equal(edit.labels, before)
    [line] = edit.widget.contours.lines[ENDO]
    assert np.hypot(*(line - point).T).min() < 1e-9


def test_an_expert_s_slice_is_being_edited_again(edit):
    edit.hand.key("C")
    assert edit.session.annotations.state(A) is SliceState.EXPERT
    edit.drag(edit.point(ENDO), (0, 2.5))
    assert edit.session.annotations.state(A) is SliceState.EDITING


def test_a_click_that_does_not_move_changes_nothing(edit):
    edit.hand.key("C")
    edit.hand.click(edit.place(*edit.point(ENDO)))
    assert edit.session.annotations.state(A) is SliceState.EXPERT


def test_lines_are_traced_once_and_anew_when_a_voxel_changes(edit, monkeypatch):
    traced = []
    monkeypatch.setattr(
        contour_lines, "lines_of", lambda plane: traced.append(plane.copy()) or lines_of(plane)
    )
    monkeypatch.setattr(
        contour_lines, "blake2b", lambda *a, **k: looked.append(a) or blake2b(*a, **k)
    )
    looked = []
    before = edit.widget.contours.lines
    assert edit.widget.contours.lines is before
    assert not traced
    layer, (row, column) = edit.widget.view.layer, (16, 22)
    layer.data[*A, row, column] = RV  # as a stroke on its way: in place
    assert edit.widget.contours.lines is not before
    assert edit.widget.contours.lines is edit.widget.contours.lines
    assert len(traced) == len(looked) == 1
    layer.data[*A, row, column] = LV
    assert edit.widget.contours.lines is before
    assert len(traced) == 1


def test_points_are_added_and_removed(edit):
    before, number = edit.labels, len(edit.points(EPI))
    place = edit.between(EPI)
    edit.hand.double_click(edit.place(*place))
    assert len(edit.points(EPI)) == number + 1
    np.testing.assert_array_equal(edit.labels, before)
    edit.hand.key("Delete")
    assert len(edit.points(EPI)) == number
    edit.drag(edit.point(EPI), (0, 3))
    bulging = np.count_nonzero(edit.labels != before)
    at = edit.place(*edit.point(EPI))
    edit.hand.send_click(at, ALT)
    assert len(edit.points(EPI)) == number - 1
    assert np.count_nonzero(edit.labels != before) < bulging / 2  # straight on again


def test_points_stay_where_they_are(edit):
    before, point = edit.points(EPI), edit.point(ENDO)
    edit.drag(point, (0, 2.5))
    np.testing.assert_allclose(edit.points(EPI), before)
    moved = edit.points(ENDO)
    assert np.hypot(*(moved - point - (0, 2.5)).T).min() < 1


def test_a_refresh_during_a_drag_does_not_disturb_it(edit):
    """A slice that the model had written, and writes again while the mouse is held."""
    view, session = edit.widget.view, edit.session
    view.go_to(B)
    edit.hand.rest(60)
    session.annotations.refresh((B,), heart()[None], "m")
    session.signals.labels_refreshed.emit((B,))
    edit.hand.rest(60)
    before = edit.labels
    point = edit.point(ENDO)
    edit.drag(point, (0, 2.5), release=False)
    assert view.drawing  # so that nobody adopts anything meanwhile
    session.annotations.refresh((B,), np.roll(heart(), 5, axis=0)[None], "m")
    session.signals.labels_refreshed.emit((B,))
    edit.hand.rest(60)
    edit.hand.release(edit.place(*(point + np.array([0, 2.5]))))
    assert changes(before, edit.labels) == {(MYO, LV)}
    assert session.annotations.state(B) is SliceState.EDITING


def test_another_slice_ends_the_drag_and_keeps_it(edit):
    before = edit.labels
    edit.drag(edit.point(ENDO), (0, 2.5), release=False)
    edit.hand.key("S")
    edit.hand.release((0.5, 0.5))
    assert changes(before, edit.session.annotations.labels[A]) == {(MYO, LV)}
    assert not edit.labels.any()


def test_what_to_do_is_said_as_long_as_the_tool_is_chosen(edit, stack):
    drawing, said = edit.widget.drawing, edit.widget.status.text
    for leave in (
        lambda: edit.hand.key("P"),
        lambda: edit.hand.key("Escape"),
        lambda: drawing.use("contour"),
        lambda: edit.widget.workspace.open_layer(edit.widget.workspace.image),
    ):
        drawing.use("paint")
        drawing.use("edit")
        assert said().startswith("Drag a point")
        leave()
        assert edit.widget.tools.chosen is None
        assert "point" not in said()
    drawing.use("edit")
    edit.widget.workspace.say("something else")
    drawing.use("paint")
    assert said() == "Something else"


def test_escape_with_nothing_under_way_leaves_the_tool_and_draws_nothing(edit):
    before = edit.labels
    edit.drag(edit.point(ENDO), (0, 2.5), release=False)
    edit.hand.key("Escape")
    edit.hand.release((0.5, 0.5))
    assert edit.widget.tools.chosen is edit.tool
    edit.hand.key("Escape")
    assert not any(one.isChecked() for one in edit.widget.drawing._tools.buttons())
    edit.drag(edit.point(ENDO), (0, 2.5))
    np.testing.assert_array_equal(edit.labels, before)


def test_without_labels_it_says_what_to_do(edit):
    edit.widget.view.go_to(B)
    edit.hand.rest()
    said = []
    edit.widget.workspace.said.connect(said.append)
    edit.hand.drag((0.4, 0.4), (0.5, 0.5))
    assert "draw one (G)" in said[-1]
    assert not edit.labels.any()
    assert edit.session.annotations.state(B) is SliceState.UNLABELLED


def test_the_mouse_s_other_habits_go_on(edit):
    image = edit.widget.workspace.image
    window = np.ptp(image.contrast_limits)
    edit.hand.drag((0.4, 0.4), (0.6, 0.4), button=RIGHT)
    assert np.ptp(image.contrast_limits) > window
    edit.hand.wheel((0.5, 0.5), 1)
    assert edit.widget.view.in_view == SliceIndex(A.t, A.z + 1)
    edit.widget.viewer.dims.ndisplay = 3
    edit.hand.drag((0.4, 0.4), (0.5, 0.5), button=LEFT)
    assert not edit.widget.overlay.is_shown


def test_turning_to_3d_during_a_drag_keeps_what_was_dragged(edit):
    before = edit.labels
    edit.drag(edit.point(ENDO), (0, 2.5), release=False)
    edit.widget.viewer.dims.ndisplay = 3
    edit.hand.release((0.5, 0.5))
    assert changes(before, edit.session.annotations.labels[A]) == {(MYO, LV)}
    assert not edit.widget.view.held


@pytest.mark.parametrize("turned", [False, True])
def test_voxels_are_where_napari_says(edit, turned):
    viewer = edit.widget.viewer
    camera = camera_of(viewer)
    if turned:
        viewer.dims.order = (0, 1, 3, 2)
        turn_picture(viewer, down=False, right=False)
    camera.zoom *= 1.3
    for place in ((0.4, 0.5), (0.6, 0.3)):
        edit.hand.move(place)
        edit.hand.rest(60)
        size = edit.hand.canvas.size()
        at = QPointF(place[0] * size.width(), place[1] * size.height())
        wanted = np.array(viewer.cursor.position[-2:]) / 1.5
        np.testing.assert_allclose(
            edit.widget.overlay.voxel_at(at), wanted, atol=0.1
        )  # whole pixels


def test_the_window_may_go_while_the_tool_is_chosen(edit, trainer, qtbot):
    edit.widget.viewer.close()
    qtbot.waitUntil(lambda: trainer.closed)


def test_the_tool_is_chosen_by_key_and_button_and_left_by_any_other(edit):
    drawing, tools = edit.widget.drawing, edit.widget.tools
    names = {one.text(): one for one in drawing._tools.buttons()}
    assert names["Edit"].isChecked()
    edit.hand.key("2")  # the structure that is meant where lines coincide
    assert tools.chosen is edit.tool
    edit.hand.key("P")
    assert tools.chosen is None
    assert names["Brush"].isChecked()
    edit.hand.key("Q")
    assert tools.chosen is edit.tool
    names["Contour"].click()
    assert tools.chosen is None
    assert edit.widget.view.fills_contours


def test_the_picture_shows_lines_in_the_structures_colours_and_fills_on_demand(edit):
    layer, drawing = edit.widget.view.layer, edit.widget.drawing
    drawing.use("paint")
    assert layer.opacity == 0
    edit.hand.rest(100)
    for border in (ENDO, EPI):
        row, column = edit.widget.contours.lines[border][0][0]
        at = edit.widget.overlay.to_canvas().map(QPointF(column, row))
        assert edit.is_seen(at, COLOURS[border])
    drawing.toggle_fill()
    assert layer.opacity > 0
    edit.widget.viewer.dims.ndisplay = 3
    drawing.toggle_fill()
    assert layer.opacity > 0  # no lines in 3-D
    edit.widget.viewer.dims.ndisplay = 2
    assert layer.opacity == 0


def test_a_contour_that_is_drawn_is_a_line_until_it_is_closed(edit):
    drawing, before = edit.widget.drawing, edit.labels
    drawing.use("contour")
    drawing.choose(LV)
    angles = np.linspace(0, 2 * np.pi, 30)
    way = MIDDLE + 9 * np.c_[np.sin(angles), np.cos(angles)]
    places = [edit.place(*at) for at in way]
    edit.hand.press(places[0])
    edit.hand.move(*places[1:20])
    code, points = edit.widget.view.contour_drawn
    assert code == LV
    np.testing.assert_allclose(points[-1], way[19], atol=0.3)
    assert edit.widget.view.layer.data[A][tuple(np.rint(way[10]).astype(int))] == LV  # the pen's
    assert len(edit.widget.contours.lines[ENDO]) == 1  # and not one round each voxel of the pen
    row, column = (way[10] + way[11]) / 2
    at = edit.widget.overlay.to_canvas().map(QPointF(column, row))
    assert edit.is_seen(at, COLOURS[ENDO])
    edit.hand.move(*places[20:])
    edit.hand.release(places[-1])
    edit.hand.rest(100)
    assert edit.widget.view.contour_drawn is None
    assert np.count_nonzero(edit.labels == LV) > 1.5 * np.count_nonzero(before == LV)


def test_a_slice_is_copied_on_and_cleared(edit):
    view, session = edit.widget.view, edit.session
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(edit.hand.canvas, Qt.Key.Key_S, shift)
    assert view.in_view == SliceIndex(A.t, A.z + 1)
    np.testing.assert_array_equal(edit.labels, heart())
    QTest.keyClick(edit.hand.canvas, Qt.Key.Key_D, shift)
    assert view.in_view == SliceIndex(A.t + 1, A.z + 1)
    np.testing.assert_array_equal(edit.labels, heart())
    edit.hand.key("X", shift)
    assert not edit.labels.any()
    assert session.annotations.state(view.in_view) is SliceState.EDITING
    assert view.in_view not in session.labelling.drawn  # nobody has said: no heart
    edit.hand.key("Z", Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(edit.labels, heart())
