"""Linked, the pictures beside the main one have its scale and the same point in their middle."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study

from .test_preferences import kept  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=3, slices=5, size=64)


@pytest.fixture
def window(kept, make_napari_viewer, session, made, qtbot):  # noqa: F811
    """A short axis with its long-axis views and its cine beside it."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    widget.studies.add(made.study)
    widget.toggle_cine_beside()
    qtbot.waitUntil(lambda: widget.beside.isVisible() and widget.views.isVisible())
    widget.beside.toggle()
    yield widget
    widget.close_session()


def pictures(widget):
    return [*(slot.pane for slot in widget.views.slots), widget.beside.picture]


def place(picture, point_mm):
    """Where a point in space is on a picture, in pixels of the screen."""
    return picture._to_screen(picture._picture_xy(picture.stack.voxel_xyz(point_mm)[:2]))


def in_middle_mm(widget):
    """The point in the middle of the main picture."""
    row, column = widget.overlay.middle
    return widget.session.stack.world_mm(np.array([column, row, widget.view.in_view.z]))


def assert_linked(widget):
    middle_mm, zoom = in_middle_mm(widget), camera_of(widget.viewer).zoom
    for picture in pictures(widget):
        middle = np.array([picture.width(), picture.height()]) / 2
        np.testing.assert_allclose(place(picture, middle_mm), middle, atol=1e-6)
        plane = picture.stack.affine[:3, 0] / np.linalg.norm(picture.stack.affine[:3, 0])
        way = place(picture, middle_mm + 10 * plane) - middle
        assert np.hypot(*way) == pytest.approx(10 * zoom)


def test_off_at_first_each_has_its_own_zoom(window):
    scales = {picture._scale() for picture in pictures(window)}
    camera_of(window.viewer).zoom *= 2
    assert {picture._scale() for picture in pictures(window)} == scales


def test_linked_they_follow_zoom_place_and_slice(window):
    before = [picture._scale() for picture in pictures(window)]
    window.link.turn(True)
    assert_linked(window)
    camera = camera_of(window.viewer)
    camera.zoom *= 1.7
    assert_linked(window)
    camera.center = (*camera.center[:-2], camera.center[-2] + 12, camera.center[-1] - 7)
    assert_linked(window)
    z = window.view.in_view.z
    window.view.go_to(SliceIndex(0, z + 1))
    assert_linked(window)
    plane = Plane.of_slice(window.session.stack, z + 1)
    assert abs(float(plane.distance_mm(in_middle_mm(window)))) < 1e-6
    window.studies.fit()
    assert_linked(window)
    window.link.turn(False)
    assert [picture._scale() for picture in pictures(window)] == before


def test_the_wheel_on_one_zooms_all(window):
    window.link.turn(True)
    zoom, picture = camera_of(window.viewer).zoom, pictures(window)[0]
    at = QPointF(picture.rect().center())
    event = QWheelEvent(
        at,
        QPointF(picture.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(picture, event)
    assert camera_of(window.viewer).zoom == pytest.approx(1.2 * zoom)
    assert_linked(window)


def test_another_view_in_the_main_picture_is_followed(window, made):
    window.link.turn(True)
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    window.beside.follow()
    assert {picture.stack.view for picture in pictures(window)} >= {View.SAX, View.LAX_4CH}
    assert_linked(window)


def test_both_boxes_say_it_and_it_is_kept(window, kept):  # noqa: F811
    window.views.linked.click()
    assert window.link.is_on
    assert window.beside.linked.isChecked()
    assert kept.linked_zoom is True
    window.beside.linked.click()
    assert not window.views.linked.isChecked()
    assert kept.linked_zoom is False


def test_it_is_as_it_was_left(kept, make_napari_viewer, session):  # noqa: F811
    kept.linked_zoom = True
    widget = CardiacWidget(make_napari_viewer(), session)
    assert widget.link.is_on
    assert widget.views.linked.isChecked()
    widget.close_session()


def test_in_3d_they_stay(window):
    window.link.turn(True)
    scales = {picture._scale() for picture in pictures(window)}
    window.viewer.dims.ndisplay = 3
    camera_of(window.viewer).zoom *= 3
    assert {picture._scale() for picture in pictures(window)} == scales
