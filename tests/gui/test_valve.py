"""The valve in the window: found on request, dragged by its rings, offered and never imposed."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.valve_line import VALVE_LINE
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study

FRAMES = 3
FREE, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def made():
    return make_study(11, frames=FRAMES, slices=12, size=96, pathology="normal")


@pytest.fixture
def session(trainer, finders, monkeypatch):
    return finders.session(monkeypatch, trainer)


@pytest.fixture
def window(make_napari_viewer, session, made, qtbot):
    """The widget in a window that is shown, working on the short axis, its views beside it."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    widget.studies.add(made.study)
    qtbot.waitUntil(widget.views.slots[0].pane.isVisible)
    qtbot.wait(50)
    yield widget
    widget.close_session()


def search(window, finders, made):
    window.views.valve.find.trigger()
    finders.answer(window.session, made)


def tilt(window, made):
    """Have the valve plane cut a slice in every frame: only what is cut shows a line."""
    hinge = window.session.valve.motion(View.LAX_4CH)[0].hinges_mm[0]
    window.session.valve.move(View.LAX_4CH, 0, "hinge 1", hinge + 14 * made.long_axis)


def send(pane, kind, at, button=FREE, held=LEFT):
    event = QMouseEvent(kind, QPointF(*at), pane.mapToGlobal(QPointF(*at)), button, held, no_keys())
    QApplication.sendEvent(pane, event)


def no_keys():
    return Qt.KeyboardModifier.NoModifier


def drag(pane, start, end):
    send(pane, QEvent.Type.MouseButtonPress, start, LEFT)
    for share in (0.3, 0.7, 1.0):
        send(pane, QEvent.Type.MouseMove, start + share * (end - start))
    send(pane, QEvent.Type.MouseButtonRelease, end, LEFT, FREE)


def on_screen(pane, number):
    return pane._to_screen(pane._picture_xy(pane._handles.points_xy))[number]


def test_nothing_is_offered_before_somebody_asks(window, finders):
    panel = window.views.valve
    assert panel.menu.isVisible()
    assert not panel.isVisible()
    assert VALVE_LINE not in window.viewer.layers
    assert finders == []
    assert window.views.slots[0].pane._handles is None


def test_found_it_is_drawn_in_every_pane_and_on_the_slices_that_it_cuts(
    window, finders, made, qtbot
):
    search(window, finders, made)
    panel, valve = window.views.valve, window.session.valve
    assert "show the LV in this frame" in panel.words.text()
    assert panel.bound.isVisible()
    for slot in window.views.slots:
        assert slot.pane._handles.names == ("hinge 1", "hinge 2", "apex")
    tilt(window, made)
    assert VALVE_LINE not in window.viewer.layers  # not in the turn in which the search ends
    qtbot.waitUntil(lambda: VALVE_LINE in window.viewer.layers)
    lines = window.viewer.layers[VALVE_LINE].data
    sax = made.study.stack(View.SAX)
    for start, along in lines:
        t, z = int(start[0]), int(start[1])
        ends_yx = np.array([start[2:], start[2:] + along[2:]])
        ends_mm = sax.world_mm(np.column_stack([ends_yx[:, ::-1], [z, z]]))
        np.testing.assert_allclose(valve.plane(t).plane.distance_mm(ends_mm), 0, atol=0.01)
    assert not window.session.annotations.labels.any()
    assert window.session.annotations.extent(0) == (0, 11)
    window.compare.show_image()  # the image alone
    assert not window.viewer.layers[VALVE_LINE].visible
    window.compare.hide_image()


def test_a_ring_is_dragged_and_the_plane_follows(window, finders, made):
    search(window, finders, made)
    pane = window.views.slots[0].pane
    four = made.study.stack(View.LAX_4CH)
    before = window.session.valve.motion(View.LAX_4CH)[0]
    plane = window.session.valve.plane(0)
    start = on_screen(pane, 0)
    there = start + np.array([0, -14])
    here = window.workspace.view.in_view
    drag(pane, start, there)
    after = window.session.valve.motion(View.LAX_4CH)[0]
    np.testing.assert_allclose(on_screen(pane, 0), there, atol=1.5)
    moved_by = np.linalg.norm(after.hinges_mm[0] - before.hinges_mm[0])
    assert moved_by == pytest.approx(14 / pane._scale(), abs=0.5)
    np.testing.assert_allclose(after.hinges_mm[1], before.hinges_mm[1])
    assert window.session.valve.plane(0).plane.angle_deg(plane.plane) > 1
    assert abs(four.voxel_xyz(after.hinges_mm[0])[2]) < 1e-6  # still in the view's plane
    assert window.workspace.view.in_view == here  # it did not go to another slice
    window.session.undo()
    np.testing.assert_allclose(
        window.session.valve.motion(View.LAX_4CH)[0].hinges_mm, before.hinges_mm
    )


def test_a_click_beside_the_rings_still_goes_to_a_slice(window, finders, made):
    search(window, finders, made)
    pane = window.views.slots[0].pane
    window.workspace.view.go_to(SliceIndex(0, 0))
    middle = (on_screen(pane, 0) + 2 * on_screen(pane, 2)) / 3
    drag(pane, middle, middle)
    assert window.workspace.view.in_view.z != 0


def test_a_point_dragged_onto_another_is_refused_and_springs_back(window, finders, made):
    search(window, finders, made)
    pane = window.views.slots[0].pane
    before = on_screen(pane, 0)
    drag(pane, before, on_screen(pane, 1))
    np.testing.assert_allclose(on_screen(pane, 0), before)
    assert "mm apart" in window.status.text()


def test_the_keyboard_alone_chooses_and_moves_a_point(window, finders, made):
    search(window, finders, made)
    pane = window.views.slots[0].pane
    before = window.session.valve.motion(View.LAX_4CH)[0]
    for _ in range(3):
        QTest.keyClick(pane, Qt.Key.Key_V)
    assert "apex is chosen" in pane.accessibleDescription()
    QTest.keyClick(pane, Qt.Key.Key_Up)
    QTest.keyClick(pane, Qt.Key.Key_Up)
    after = window.session.valve.motion(View.LAX_4CH)[0]
    assert np.linalg.norm(after.apex_mm - before.apex_mm) == pytest.approx(2, abs=0.05)
    QTest.keyClick(pane, Qt.Key.Key_Escape)
    assert pane.accessibleDescription() == ""
    z = window.workspace.view.in_view.z
    QTest.keyClick(pane, Qt.Key.Key_Down)  # a step through the slices again
    assert window.workspace.view.in_view.z == z + 1


def test_one_click_leaves_out_what_lies_beyond_and_one_undo_brings_it_back(window, finders, made):
    search(window, finders, made)
    extents = window.session.valve.extents()
    window.views.valve.bound.click()
    for t in range(FRAMES):
        assert window.session.annotations.extent(t) == extents[t]
    assert "beyond valve and apex marked as no heart" in window.status.text()
    window.workspace.actions.undo()
    assert window.session.annotations.extent(0) == (0, 11)
    window.views.valve.in_frame.trigger()
    assert window.session.annotations.extent(0) == extents[0]
    assert window.session.annotations.extent(1) == (0, 11)


def test_the_slice_in_view_says_that_it_lies_beyond(window, finders, made):
    search(window, finders, made)
    first, last = window.session.valve.extents()[0]
    beyond = [z for z in range(12) if not first <= z <= last]
    for z in beyond:
        window.workspace.view.go_to(SliceIndex(0, z))
        text = window.slice.state.text()
        assert "above the valve plane" in text or "below the apex" in text
    window.workspace.view.go_to(SliceIndex(0, (first + last) // 2))
    assert "valve" not in window.slice.state.text()


def test_another_view_in_work_and_a_study_without_views(window, finders, made, qtbot):
    search(window, finders, made)
    tilt(window, made)
    qtbot.waitUntil(lambda: VALVE_LINE in window.viewer.layers)
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    assert VALVE_LINE not in window.viewer.layers
    assert not window.views.valve.bound.isVisible()
    window.studies.work_on(made.study.stack(View.SAX))
    qtbot.waitUntil(lambda: VALVE_LINE in window.viewer.layers)
    window.views.valve.remove.trigger()
    assert VALVE_LINE not in window.viewer.layers
