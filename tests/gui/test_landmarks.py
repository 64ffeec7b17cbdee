"""Three clicks tell how the heart lies; the lines that follow from it are drawn on the slices."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.planes import Plane, trace
from napari_cardiac_ssl.gui.plane_lines import POSITIONS, TRACES
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.readers.landmarks import landmarks_of, read_landmarks
from napari_cardiac_ssl.study import SliceIndex, Study
from napari_cardiac_ssl.synthetic import make_study


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=2, slices=6, size=64)


@pytest.fixture
def window(viewer, session, made):
    """The widget, working on a short axis without other views."""
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    widget.studies.add(Study("alone", (made.study.stack(View.SAX),)))
    yield widget
    widget.close_session()


def press(window, point_mm, *, drag=0.0):
    """Click, or drag, where a point is on the slice that is nearest to it."""
    stack = window.session.stack
    zyx = stack.voxel_xyz(np.asarray(point_mm))[::-1]
    zyx[0] = np.clip(round(zyx[0]), 0, stack.slices - 1)
    window.workspace.view.go_to(SliceIndex(0, int(zyx[0])))
    event = SimpleNamespace(
        type="mouse_press", pos=(10.0, 10.0), position=(0.0, *(zyx * stack.spacing_mm))
    )
    callbacks = [
        one for one in window.viewer.mouse_drag_callbacks if one == window.clicks._on_press
    ]
    generators = [callback(window.viewer, event) for callback in callbacks]
    for generator in generators:
        next(generator)
    event.type, event.pos = "mouse_move", (10.0 + drag, 10.0)
    for generator in generators:
        next(generator)
    event.type = "mouse_release"
    for generator in generators:
        next(generator, None)


def names(window):
    return [layer.name for layer in window.viewer.layers]


def test_three_clicks_tell_how_the_heart_lies(window, made):
    labels = window.view.layer
    window.clicks.start()
    for number, name in enumerate(("lv_base", "lv_apex", "rv_lateral"), start=1):
        assert window.clicks.prompt.startswith(f"{number} of 3")
        press(window, made.landmarks[name])
    assert not window.clicks.asking
    assert window.session.anatomy.frame.towards_rv @ made.rv_direction > np.cos(np.deg2rad(10))
    assert "Landmarks" in names(window)
    assert window.viewer.layers.selection.active == labels
    assert not window.session.annotations.labels.any()


def test_clicks_draw_nothing_and_drags_set_nothing(window, made):
    window.clicks.start()
    assert window.viewer.layers.selection.active != window.view.layer
    press(window, made.landmarks["lv_base"], drag=40)
    assert window.clicks.prompt.startswith("1 of 3")


def test_last_click_can_be_taken_back_and_all_be_given_up(window, made):
    window.clicks.start()
    press(window, made.landmarks["lv_base"])
    window.clicks.take_back()
    assert window.clicks.prompt.startswith("1 of 3")
    press(window, made.landmarks["lv_base"])
    window.clicks.cancel()
    assert not window.clicks.asking
    assert window.session.anatomy.landmarks is None
    assert "Landmarks" not in names(window)
    assert window.viewer.layers.selection.active == window.view.layer
    assert window.clicks._on_press not in window.viewer.mouse_drag_callbacks


@pytest.mark.parametrize("wrong", ["same place", "confused"])
def test_points_that_cannot_be_a_heart_s_are_asked_for_again(window, made, wrong):
    window.clicks.start()
    base, apex = made.landmarks["lv_base"], made.landmarks["lv_apex"]
    press(window, apex if wrong == "confused" else base)
    press(window, base)
    press(window, made.landmarks["rv_lateral"])
    assert window.clicks.asking
    assert window.session.anatomy.landmarks is None
    assert window.clicks.prompt.startswith("1 of 3")
    assert "lv_base" in notification_manager.records[-1].message


def test_landmarks_are_kept_undone_saved_and_loaded(window, made, tmp_path):
    for point in made.landmarks.values():
        if not window.clicks.asking:
            window.clicks.start()
        press(window, point)
    first = window.session.anatomy.landmarks
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps({"other": {}}))
    window.session.anatomy.save_landmarks(path)
    assert set(read_landmarks(path)) == {"other", "alone"}
    again = landmarks_of(read_landmarks(path), tmp_path / "alone.nii.gz")
    assert np.allclose(again.lv_apex, first.lv_apex, atol=0.01)
    window.session.anatomy.set_landmarks(None)
    assert window.session.anatomy.frame is None
    window.session.undo()
    assert np.allclose(window.session.anatomy.landmarks.lv_base, first.lv_base)
    window.session.anatomy.set_landmarks(None)
    window.session.anatomy.load_landmarks(path)
    assert np.allclose(window.session.anatomy.landmarks.lv_base, first.lv_base, atol=0.01)
    sax = window.session.stack
    window.studies.clear()
    window.studies.add(Study("alone", (sax,)))  # the project has kept them
    assert np.allclose(window.session.anatomy.landmarks.lv_base, first.lv_base, atol=0.01)


def test_lines_lie_where_the_planes_cut_the_slices(viewer, session, made):
    window = CardiacWidget(viewer, session)
    try:
        window.studies.add(made.study)
        sax, active = window.session.stack, viewer.layers.selection.active
        window.lines.show(TRACES, True)
        window.lines.show(POSITIONS, True)
        assert viewer.layers.selection.active == active
        lines = viewer.layers[TRACES].data
        plane = window.session.anatomy.frame.four_chamber
        expected = trace(plane, sax, 2).ends_xy[:, ::-1]
        on_slice = [line for line in lines if line[0, 0] == 2]
        assert any(
            np.allclose([line[0, 1:], line[0, 1:] + line[1, 1:]], expected) for line in on_slice
        )
        for start, along in on_slice:
            end_mm = sax.world_mm((start + along)[::-1])
            apart = [
                abs(float(Plane.distance_mm(one, end_mm)))
                for one in (
                    window.session.anatomy.frame.four_chamber,
                    window.session.anatomy.frame.two_chamber,
                )
            ]
            assert min(apart) < 1e-6
        assert len(viewer.layers[POSITIONS].data) == 9 * 4 * sax.slices
        viewer.layers.remove(viewer.layers[TRACES])  # by the user
        assert not window.lines.is_shown(TRACES)
        assert not window.views.planes.isChecked()
        window.studies.work_on(made.study.stack(View.LAX_4CH))
        assert len(viewer.layers[POSITIONS].data) == 9 * 4
        window.lines.show(POSITIONS, False)
        assert POSITIONS not in viewer.layers
    finally:
        window.close_session()
