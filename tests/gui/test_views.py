"""The other views beside the slices: what is shown, what follows, and where a click leads."""

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QMouseEvent

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.geometry.orientation import usual_orientation
from napari_cardiac_ssl.gui.cuts import cuts
from napari_cardiac_ssl.gui.display import camera_of
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.learning.weights import NAMES
from napari_cardiac_ssl.study import SliceIndex, Stack, Study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.trainer import ModelFile


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=3, slices=5, size=64)


@pytest.fixture
def window(viewer, session, made, qtbot):
    """The widget docked, working on the short axis of a study with long-axis views."""
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    widget.studies.add(made.study)
    yield widget
    widget.close_session()


def image_names(widget):
    return [layer.name for layer in widget.viewer.layers if type(layer).__name__ == "Image"]


def test_short_axis_is_worked_on_and_the_others_stand_beside(window, made):
    assert window.session.stack is made.study.stack(View.SAX)
    assert image_names(window) == ["synthetic-0001_sax"]
    shown = [slot.stack.view for slot in window.views.slots]
    assert shown == [View.LAX_4CH, View.LAX_2CH]


def test_another_view_takes_the_place_and_labels_wait(window, made):
    sax, four = made.study.stack(View.SAX), made.study.stack(View.LAX_4CH)
    labels = np.full(sax.image.shape[2:], 1, np.uint8)
    window.session.labelling.annotate(SliceIndex(0, 2), labels)
    window.studies.work_on(four)
    assert window.session.stack is four
    assert image_names(window) == [four.name]
    names = [layer.name for layer in window.viewer.layers]
    assert names == [four.name, f"{four.name} labels", "View planes"]
    assert window.view.in_view == SliceIndex(0, 0)
    assert View.SAX in {slot.stack.view for slot in window.views.slots}
    window.studies.work_on(sax)
    assert np.array_equal(window.view.layer.data[0, 2], labels)


def test_no_other_view_while_a_job_runs(window, made, trainer):
    window.session.labelling.annotate(SliceIndex(0, 2), np.ones((64, 64), np.uint8))
    window.session.training.train()
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    assert window.session.stack.view is View.SAX
    assert "training is running" in window.status.text().lower()


def test_pane_shows_what_is_labelled_along_the_cut(window, made):
    sax = made.study.stack(View.SAX)
    window.session.labelling.annotate(SliceIndex(0, 2), made.masks[View.SAX][0, 2])
    window.workspace.view.go_to(SliceIndex(0, 2))
    pane_cuts = cuts(sax, made.study.stack(View.LAX_4CH))
    assert [cut.z for cut in pane_cuts] == [0, 1, 2, 3, 4]
    runs = pane_cuts[2].runs(window.session.annotations.labels[0, 2])
    # From the RV's side to the lateral wall, or back: RV, myocardium, LV, myocardium.
    codes = [code for code, _ in runs]
    assert codes in ([3, 2, 1, 2], [2, 1, 2, 3])
    assert pane_cuts[1].runs(window.session.annotations.labels[0, 1]) == []


def test_click_on_a_pane_goes_to_the_slice_that_is_nearest(window, made, qtbot):
    window.workspace.view.go_to(SliceIndex(1, 0))
    slot = window.views.slots[0]
    slot.pane.resize(300, 300)
    sax = made.study.stack(View.SAX)
    for z in (1, 3, 4):
        line = next(cut for cut in cuts(sax, slot.stack) if cut.z == z).points_xy[128]
        x, y = slot.pane._to_screen(slot.pane._picture_xy(line))
        press = QMouseEvent(
            QMouseEvent.Type.MouseButtonPress,
            QPointF(x, y),
            QPointF(x, y),
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        slot.pane.mousePressEvent(press)
        assert window.workspace.view.in_view == SliceIndex(1, z)


def test_corrected_view_counts_from_then_on(window, made):
    two, four = made.study.stack(View.LAX_2CH), made.study.stack(View.LAX_4CH)
    assert window.session.anatomy.frame is not None
    window.session.correct_view(two, View.RVOT)
    assert window.session.anatomy.frame is None
    assert "LAX_2CH" in window.session.anatomy.why_no_frame
    assert [stack.view for stack in window.session.study.current.stacks] == [
        View.SAX,
        View.RVOT,
        four.view,
    ]


def test_landmarks_tell_how_the_heart_lies_without_other_views(viewer, session, made):
    widget = CardiacWidget(viewer, session)
    try:
        widget.studies.add(Study("alone", (made.study.stack(View.SAX),)))
        assert widget.session.anatomy.frame is None
        assert "three landmarks" in widget.session.anatomy.why_no_frame
        widget.session.anatomy.set_landmarks(Landmarks.of(made.landmarks))
        towards_rv = widget.session.anatomy.frame.towards_rv
        assert towards_rv @ made.rv_direction == pytest.approx(1, abs=0.01)
        widget.session.anatomy.set_landmarks(None)
        assert widget.session.anatomy.frame is None
    finally:
        widget.close_session()


@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("view", [View.SAX, View.LAX_2CH, View.LAX_4CH])
def test_however_a_file_stores_a_view_it_is_looked_at_alike(made, view, axes, flips):
    stack = made.study.stack(view)
    usual = usual_orientation(stack)
    picture = usual.picture(stack.image[0, 0])
    image = stack.image.transpose(0, 1, *(2 + axis for axis in axes))
    affine = stack.affine[:, [*axes, 2, 3]].copy()
    for axis, flip in enumerate(flips):  # x, then y
        if flip < 0:
            affine[:, 3] += affine[:, axis] * (image.shape[3 - axis] - 1)
            affine[:, axis] *= -1
            image = np.flip(image, 3 - axis)
    stored = Stack(image, affine, view)
    turned = usual_orientation(stored)
    assert np.array_equal(turned.picture(stored.image[0, 0]), picture)
    assert turned.sides == usual.sides
    x, y = 11.0, 20.0
    there = turned.to_picture(np.array([x, y]), stored.image.shape[2:])
    assert np.allclose(turned.from_picture(there, stored.image.shape[2:]), (x, y))
    assert (
        turned.picture(stored.image[0, 0])[int(there[1]), int(there[0])]
        == (stored.image[0, 0, int(y), int(x)])
    )


def test_viewer_is_turned_for_the_eye_and_no_voxel_moves(window, made):
    sax = made.study.stack(View.SAX)
    mirrored = Stack(
        sax.image[:, :, ::-1].swapaxes(2, 3),
        _transposed_rows_flipped(sax),
        View.SAX,
        "mirrored",
    )
    window.studies.add(Study("mirrored", (mirrored,)))
    assert window.viewer.dims.order == (0, 1, 3, 2)
    assert window.viewer.dims.displayed == (3, 2)
    assert np.array_equal(window.workspace.image.data, mirrored.image)
    window.studies.work_on(sax)
    assert window.viewer.dims.order == (0, 1, 2, 3)
    assert [str(side) for side in camera_of(window.viewer).orientation2d] == ["down", "right"]


def _transposed_rows_flipped(stack):
    affine = stack.affine.copy()
    affine[:, 3] += affine[:, 1] * (stack.image.shape[2] - 1)
    affine[:, 1] *= -1
    return affine[:, [1, 0, 2, 3]]


def test_training_starts_from_what_there_is_for_the_view(window, made, monkeypatch):
    """As if weights shipped for the short axis and the 4CH view, and none for the 2CH view."""
    monkeypatch.delitem(NAMES, View.LAX_2CH)
    start, predict = window.learning.start, window.learning.predict

    def offered():
        return [start.native.itemText(i) for i in range(start.native.count())]

    assert offered() == ["the shipped weights", "scratch"]
    start.value = "scratch"
    window.studies.work_on(made.study.stack(View.LAX_2CH))
    assert (offered(), start.value) == (["scratch"], "present")
    assert not predict.isEnabled()
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    assert (offered(), start.value) == (["the shipped weights", "scratch"], "present")
    assert predict.isEnabled()
    window.session.start_from(ModelFile("m1", b"model", 1, None, 5.0))
    assert offered() == ["the present model", "the shipped weights", "scratch"]
    assert start.value == "present"


def test_picture_is_fitted_beside_the_views_and_they_go_with_their_study(
    make_napari_viewer, session, made, qtbot
):
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1600, 900)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    widget.studies.add(made.study)
    dock = widget.views.parent()
    qtbot.waitUntil(dock.isVisible)
    qtbot.wait(400)
    came = camera_of(viewer).zoom
    widget.studies.fit()
    assert came == pytest.approx(camera_of(viewer).zoom, rel=0.05)
    alone = make_study(4, frames=2, slices=4, size=48, lax=False).study
    widget.studies.add(alone)
    assert not dock.isVisible()
    widget.choice.views.click()  # for its landmarks
    assert dock.isVisible()
    widget.studies.add(make_study(6, frames=2, slices=4, size=48, lax=False).study)
    assert dock.isVisible()
    widget.close_session()
