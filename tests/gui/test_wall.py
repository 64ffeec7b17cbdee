"""The bullseye follows what is drawn; the RV's insertion points turn it, by mouse and by keys."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from scipy.ndimage import binary_dilation

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.insertion_marks import NAME
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex, Study
from napari_cardiac_ssl.synthetic import make_study

from .hand import Hand

MID = SliceIndex(0, 3)


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=3, slices=6, size=64)


@pytest.fixture
def window(make_napari_viewer_proxy, session, made, qtbot):
    """The widget in a window that is shown, with the whole truth drawn and the bullseye docked."""
    viewer = make_napari_viewer_proxy(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    viewer.window.resize(1500, 950)
    widget.studies.add(made.study)
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    for index in widget.session.stack.slice_indices():
        widget.session.labelling.annotate(index, made.masks[View.SAX][index])
    widget.workspace.view.go_to(MID)
    widget.measuring.bullseye.click()
    settled(widget, qtbot)
    yield widget
    widget.close_session()


def settled(widget, qtbot):
    widget.wall._on_changed()
    qtbot.waitUntil(lambda: not widget.wall.busy)


def walls(widget):
    measurement = widget.session.measurement
    return [measurement.measured.wall(t) for t in measurement.phases]


def test_it_shows_the_wall_of_the_labels(window, qtbot):
    ed, es = walls(window)
    assert window.wall.bullseye._values == pytest.approx(ed.segments_mm, nan_ok=True)
    window.wall.what.setCurrentIndex(1)
    assert window.wall.bullseye._values == pytest.approx(es.segments_mm, nan_ok=True)
    window.wall.what.setCurrentIndex(2)
    thicker = 100 * (es.segments_mm[8] / ed.segments_mm[8] - 1)
    assert window.wall.bullseye._values[8] == pytest.approx(thicker)
    said = window.wall.bullseye.accessibleDescription()
    assert said.count(";") == 15  # of every segment
    assert f"mid anteroseptal (8): ED {ed.segments_mm[8]:.1f} mm, ES" in said
    assert window.wall.summary.text().startswith(f"Mean ED {ed.mean_mm:.1f} mm")
    assert not window.wall.bullseye.grab().toImage().isNull()


def test_it_follows_what_is_drawn(window, made, qtbot):
    before = window.wall.bullseye._values
    for z in range(6):
        labels = made.masks[View.SAX][0, z].copy()
        labels[binary_dilation(labels == 2, iterations=2) & (labels != 1)] = 2
        window.session.labelling.annotate(SliceIndex(0, z), labels)
    settled(window, qtbot)
    after = window.wall.bullseye._values
    known = [segment for segment, mm in before.items() if not np.isnan(mm)]
    assert len(known) == 16
    assert all(after[segment] > before[segment] + 1 for segment in known)


def test_segments_are_chosen_by_click_and_by_key(window, qtbot):
    bullseye = window.wall.bullseye
    for segment in (1, 4, 9, 16):
        assert bullseye.segment_at(*bullseye.place_of(segment)) == segment
        place = QPoint(*(round(value) for value in bullseye.place_of(segment)))
        QTest.mouseClick(bullseye, Qt.MouseButton.LeftButton, pos=place)
        assert window.wall.words.text().lower() == bullseye.words_of(segment).lower()
    QTest.keyClick(bullseye, Qt.Key.Key_Right)  # after the last comes the first
    assert bullseye.segment == 1
    QTest.keyClick(bullseye, Qt.Key.Key_Left)
    assert "(16)" in window.wall.words.text()
    assert bullseye.segment_at(1, 1) is None


def test_the_septum_is_turned_by_the_keyboard_and_back(window, qtbot):
    ed, _ = walls(window)
    before = dict(ed.segments_mm)
    window.wall.turn.setValue(60)
    settled(window, qtbot)
    assert window.session.measurement.insertion is not None
    assert window.wall.turn.value() == pytest.approx(60, abs=2)
    assert window.wall.bullseye._values[3] == pytest.approx(before[2], abs=1.0)
    assert window.wall.as_found.isEnabled()
    window.wall.as_found.click()
    settled(window, qtbot)
    assert window.session.measurement.insertion is None
    assert window.wall.bullseye._values == pytest.approx(before, nan_ok=True)
    assert not window.wall.as_found.isEnabled()


def place_on_canvas(hand, window, point_mm):
    """Where a point of the slice lies on the canvas, as a share of its width and height."""
    stack, viewer = window.session.stack, window.viewer
    y, x = stack.voxel_xyz(point_mm)[1::-1] * stack.spacing_mm[1:]
    camera = camera_of(viewer)
    order = viewer.dims.order
    down, across = (y, x) if order[-1] > order[-2] else (x, y)
    vertical, horizontal = (str(one) for one in camera.orientation2d)
    size = hand.canvas.size()
    right = (across - camera.center[-1]) * camera.zoom * (1 if horizontal == "right" else -1)
    low = (down - camera.center[-2]) * camera.zoom * (1 if vertical == "down" else -1)
    return 0.5 + right / size.width(), 0.5 + low / size.height()


def test_marks_are_dragged_and_nothing_is_drawn_by_it(window, qtbot):
    marks, session = window.marks, window.session
    window.wall.shown.click()
    qtbot.waitUntil(lambda: set(marks.places) == {"rv_anterior", "rv_inferior"})
    hand = Hand(window, qtbot)
    hand.rest(100)
    window.drawing.use("paint")
    labels = session.annotations.labels.copy()
    active = window.viewer.layers.selection.active
    before, centre = marks.places, camera_of(window.viewer).center
    start = place_on_canvas(hand, window, before["rv_anterior"])
    end = (start[0] + 0.03, start[1] + 0.05)
    hand.press(start)
    hand.move(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end)
    settled(window, qtbot)  # the segments turn while it is dragged; it is kept at the end
    turned = window.wall.turn.value()
    assert abs(turned) >= 1
    assert session.measurement.insertion is None
    hand.release(end)
    qtbot.waitUntil(lambda: session.measurement.insertion is not None)
    set_ = session.measurement.insertion
    assert np.linalg.norm(set_.rv_anterior - before["rv_anterior"]) > 2
    assert np.linalg.norm(set_.rv_inferior - before["rv_inferior"]) < 0.1
    hand.rest(100)
    assert np.array_equal(session.annotations.labels, labels)
    assert window.viewer.layers.selection.active == active
    assert camera_of(window.viewer).center == pytest.approx(centre)
    settled(window, qtbot)
    assert window.wall.turn.value() == turned
    # Beside a mark the mouse draws as ever.
    far = place_on_canvas(hand, window, session.stack.world_mm(np.array([5.0, 5.0, MID.z])))
    hand.drag(far, (far[0] + 0.02, far[1]))
    qtbot.waitUntil(lambda: not np.array_equal(session.annotations.labels, labels))


def test_marks_go_with_the_slice_and_away(window, qtbot):
    marks, layers = window.marks, window.viewer.layers
    window.wall.shown.click()
    qtbot.waitUntil(lambda: bool(marks.places))
    here = marks.places["rv_anterior"]
    window.workspace.view.go_to(SliceIndex(0, 1))
    qtbot.waitUntil(lambda: not np.array_equal(marks.places.get("rv_anterior"), here))
    layer = layers[NAME]
    assert layer.visible
    window.wall.shown.click()
    assert not layer.visible
    window.wall.shown.click()
    qtbot.waitUntil(lambda: layer.visible)
    window.wall.parent().hide()  # the dock is closed
    assert not layer.visible
    window.measuring.bullseye.click()
    qtbot.waitUntil(lambda: layer.visible)
    layers.remove(layer)  # by the user
    window.workspace.view.go_to(MID)
    qtbot.waitUntil(lambda: NAME in layers)


def test_other_views_have_no_bullseye(window, made, qtbot):
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    settled(window, qtbot)
    assert "short axis" in window.wall.summary.text()
    assert not window.wall.turn.isEnabled()


def test_in_a_narrow_window_it_comes_before_the_mosaic_and_can_be_read(
    make_napari_viewer, session, made, qtbot
):
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1200, 800)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    widget.studies.add(Study("alone", (made.study.stack(View.SAX),)))
    qtbot.wait(200)
    widget.show_mosaic()
    qtbot.wait(300)
    wide = widget.mosaic.width()
    widget.show_wall()
    qtbot.wait(500)
    assert widget.wall.width() >= 0.95 * wide
    assert widget.wall.height() >= 180
    assert not widget.wall.visibleRegion().isEmpty()
    widget.show_mosaic()
    qtbot.wait(300)
    assert widget.mosaic.width() >= 0.95 * wide
    assert not widget.mosaic.visibleRegion().isEmpty()
    widget.close_session()
