import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import UKBB, Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.geometry.positions import (
    POSITION_NAMES,
    UNDEFINED,
    boxes_on,
    positions,
    slice_points_mm,
)
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import Stack, Study

STEPS = {1: (0, 0), 2: (0, 1), 3: (0, 2), 4: (0, -1), 5: (0, -2)} | {
    6: (1, 1), 7: (1, 2), 8: (1, -1), 9: (1, -2)
}  # fmt: skip
LV, RV = UKBB.code(Structure.LV_CAVITY), UKBB.code(Structure.RV_CAVITY)


def stored_otherwise(stack, voxels, rng):
    """Return the stack and a mask of it, flipped, transposed and reversed, where they were."""
    matrix, arrays = stack.affine.copy(), [stack.image, voxels]
    for axis in range(3):
        if rng.random() < 0.5:
            length = arrays[0].shape[3 - axis]
            matrix[:3, 3] += matrix[:3, axis] * (length - 1)
            matrix[:3, axis] *= -1
            arrays = [np.flip(array, 3 - axis) for array in arrays]
    if rng.random() < 0.5:
        matrix[:, [0, 1]] = matrix[:, [1, 0]]
        arrays = [array.swapaxes(2, 3) for array in arrays]
    return Stack(arrays[0], matrix, stack.view), arrays[1]


def planned_otherwise(stack, rng):
    """Return an empty stack on the same slices, turned in their plane, of anisotropic pixels."""
    turn, (columns, rows) = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 2.6, 2)
    unit = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    affine = stack.affine.copy()
    affine[:3, :2] = unit @ spin * [columns, rows]
    shape = (1, stack.slices, int(260 / rows), int(260 / columns))
    middle = np.array([shape[3] / 2, shape[2] / 2, stack.slices / 2])
    old = np.array([stack.image.shape[3] / 2, stack.image.shape[2] / 2, stack.slices / 2])
    affine[:3, 3] = stack.world_mm(old) - affine[:3, :3] @ middle
    return Stack(np.zeros(shape, np.uint8), affine, stack.view)


def check_boxes(labels, points, centre, directions, *, step=24.0, side=16.0, within=0.5):
    """Every pixel is where its position says, but for those nearer to a border than `within`."""
    normal = np.cross(points[0, -1] - points[0, 0], points[-1, 0] - points[0, 0])
    normal /= np.linalg.norm(normal)
    surely, maybe = np.zeros(labels.shape, int), np.zeros((10, *labels.shape), bool)
    for code, (trace, steps) in STEPS.items():
        offsets = points - (centre + steps * step * directions[trace])
        along = np.abs(offsets @ directions[trace])
        across = np.abs(offsets @ np.cross(normal, directions[trace]))
        reach = np.maximum(along, across)
        surely[reach < side / 2 - within] = code
        maybe[code] = reach < side / 2 + within
    np.testing.assert_array_equal(labels[surely > 0], surely[surely > 0])
    for code in STEPS:
        assert (labels == code).any()
        assert not np.any((labels == code) & ~maybe[code])


def truth_on(made, plane):
    """Where the long axis cuts a slice."""
    depth = plane.distance_mm(made.lv_centre_mm) / (made.long_axis @ plane.normal)
    return made.lv_centre_mm - depth * made.long_axis


@given(which=st.integers(0, 3), seed=st.integers(0, 100_000))
@settings(max_examples=40, deadline=None)
def test_positions_are_right_to_half_a_millimetre_however_the_stack_lies(hearts, which, seed):
    made, rng = hearts[which], np.random.default_rng(seed)
    original = made.study.stack(View.SAX)
    stack = planned_otherwise(original, rng)
    stack, _ = stored_otherwise(stack, stack.image, rng)
    anterior = np.cross(made.rv_direction, made.long_axis)
    along_2ch = np.cross(made.plane_normals[View.LAX_2CH], made.long_axis)
    along_2ch *= np.sign(along_2ch @ anterior)
    labels = positions(stack, frame_of(made.study))
    for z in range(stack.slices):
        centre = truth_on(made, Plane.of_slice(stack, z))
        check_boxes(labels[z], slice_points_mm(stack, z), centre, (made.rv_direction, along_2ch))


@given(which=st.integers(0, 3), seed=st.integers(0, 100_000), landmarks=st.booleans())
@settings(max_examples=30, deadline=None)
def test_storing_a_study_otherwise_moves_no_position(hearts, which, seed, landmarks):
    """The pixels with a label are the very same, so no box moves at all."""
    made, rng = hearts[which], np.random.default_rng(seed)
    sax = made.study.stack(View.SAX)
    mask = made.masks[View.SAX]
    clicked = Landmarks.of(made.landmarks) if landmarks else None
    before = positions(sax, frame_of(made.study, clicked))[None]

    stored, (moved_labels) = stored_otherwise(sax, before, np.random.default_rng(seed))
    _, moved_mask = stored_otherwise(sax, mask, np.random.default_rng(seed))
    others = [
        stored_otherwise(stack, stack.image, rng)[0]
        for stack in made.study.stacks
        if stack.view is not View.SAX
    ]
    study = Study("stored otherwise", (stored, *others))
    after = positions(stored, frame_of(study, clicked))
    # A pixel centre right on a border may fall to either side.
    assert np.mean(after != moved_labels[0]) < 1e-4
    assert mask[0][before[0] == 1].sum() == pytest.approx(moved_mask[0][after == 1].sum(), rel=0.01)


@pytest.mark.parametrize("landmarks", [False, True], ids=["headers", "landmarks"])
def test_names_are_true_on_every_mid_slice(hearts, landmarks):
    for made in hearts:
        clicked = Landmarks.of(made.landmarks) if landmarks else None
        sax, mask = made.study.stack(View.SAX), made.masks[View.SAX][0]
        labels = positions(sax, frame_of(made.study, clicked))
        assert set(np.unique(labels)) == set(range(10))
        shown = [z for z in range(sax.slices) if (mask[z] == LV).any() and (mask[z] == RV).any()]
        anterior = np.cross(made.rv_direction, made.long_axis)
        for z in shown[1:-1]:
            points = slice_points_mm(sax, z)
            assert np.mean(mask[z][labels[z] == 1] == LV) > 0.95
            lv, rv = (points[mask[z] == code].mean(axis=0) for code in (LV, RV))
            box = {code: points[labels[z] == code].mean(axis=0) - lv for code in STEPS}
            assert all(box[code] @ (rv - lv) > 0 for code in (2, 3))
            assert all(box[code] @ (rv - lv) < 0 for code in (4, 5))
            assert all(box[code] @ anterior > 10 for code in (6, 7))
            assert all(box[code] @ anterior < -10 for code in (8, 9))


def test_positions_of_the_4ch_view_are_where_their_names_say(hearts):
    for made in hearts:
        stack, mask = made.study.stack(View.LAX_4CH), made.masks[View.LAX_4CH][0, 0]
        labels = positions(stack, frame_of(made.study))
        points = slice_points_mm(stack, 0)
        middle = Plane.of_slice(made.study.stack(View.SAX))
        centre = truth_on(made, middle)
        check_boxes(labels[0], points, centre, (made.rv_direction, -made.long_axis))
        assert np.mean(mask[labels[0] == 1] == LV) > 0.95
        share = {code: np.mean(mask[labels[0] == 3] == code) for code in (LV, RV)}
        assert share[RV] > share[LV] == 0
        atrium = points[mask == UKBB.code(Structure.LEFT_ATRIUM)].mean(axis=0)
        near = {c: np.linalg.norm(points[labels[0] == c].mean(axis=0) - atrium) for c in STEPS}
        assert min(near, key=lambda code: near[code]) in (6, 7)


def test_every_view_with_positions_has_nine_names():
    for names in POSITION_NAMES.values():
        assert len(names) == len(set(names)) == 9


@given(
    angle=st.floats(21, 159),
    step=st.floats(8, 40),
    side=st.floats(6, 40),
    turn=st.floats(0, 360),
)
@settings(max_examples=50, deadline=None)
def test_where_boxes_overlap_the_nearer_centre_wins(angle, step, side, turn):
    start = np.deg2rad(turn)
    u4 = np.array([np.cos(start), np.sin(start), 0])
    end = start + np.deg2rad(angle)
    u2 = np.array([np.cos(end), np.sin(end), 0])
    frame = AnatomicalFrame(
        Plane([0, 0, 0], np.cross(u2, [0, 0, 1])),
        Plane([0, 0, 0], np.cross(u4, [0, 0, 1])),
        Plane([0, 0, 0], [0, 0, 1]),
        np.zeros(3),
        np.array([0, 0, -1.0]),
        u4,
        u2,
    )
    points = np.random.default_rng(0).uniform(-100, 100, (4000, 3)) * [1, 1, 0]
    boxes = boxes_on(frame, Plane([0, 0, 0], [0, 0, 1]), step_mm=step, box_mm=side)
    labels = boxes.labels_at(points)
    inside, away = np.zeros((10, 4000), bool), np.full((10, 4000), np.inf)
    for code, (trace, steps) in STEPS.items():
        direction = (u4, u2)[trace]
        offsets = points - steps * step * direction
        across = np.abs(offsets @ np.cross([0, 0, 1], direction))
        inside[code] = np.maximum(np.abs(offsets @ direction), across) < side / 2
        away[code] = np.linalg.norm(offsets, axis=1)
    wanted = np.where(inside.any(0), np.where(inside, away, np.inf).argmin(0), 0)
    assert np.mean(labels != wanted) < 0.002  # pixels on a border, or as near to either centre


def test_outlines_are_squares_round_their_boxes(hearts):
    made = hearts[0]
    sax = made.study.stack(View.SAX)
    plane = Plane.of_slice(sax, 3)
    boxes = boxes_on(frame_of(made.study), plane, box_mm=14)
    outlines = boxes.outlines_mm()
    sides = np.linalg.norm(np.roll(outlines, 1, axis=1) - outlines, axis=2)
    np.testing.assert_allclose(sides, 14)
    np.testing.assert_allclose(plane.distance_mm(outlines), 0, atol=1e-9)
    centres = outlines.mean(axis=1)
    np.testing.assert_array_equal(boxes.labels_at(centres), range(1, 10))
    just_inside = centres[:, None] + 0.99 * (outlines - centres[:, None])
    np.testing.assert_array_equal(boxes.labels_at(just_inside), [[k] * 4 for k in range(1, 10)])
    assert not boxes.labels_at(centres[:, None] + 1.01 * (outlines - centres[:, None])).any()


def test_any_grid_in_the_plane_may_be_labelled(hearts):
    """As pre-training does: a patch of the slice, with planes as planned a little otherwise."""
    made = hearts[1]
    sax = made.study.stack(View.SAX)
    points = slice_points_mm(sax, 4)
    frame = frame_of(made.study)
    whole = positions(sax, frame)[4]
    boxes = boxes_on(frame, Plane.of_slice(sax, 4))
    np.testing.assert_array_equal(boxes.labels_at(points[20:60, 30:50]), whole[20:60, 30:50])
    normal = Plane.of_slice(sax).normal
    shift = 10 * np.cross(normal, made.rv_direction)
    moved = boxes_on(frame.moved(shift_mm=shift), Plane.of_slice(sax, 4))
    np.testing.assert_allclose(moved.centre_mm - boxes.centre_mm, shift, atol=1e-6)


def test_a_slice_whose_centre_is_out_of_view_carries_no_positions():
    """The long axis leaves the field of view between the second and the third slice."""
    stack = Stack(np.zeros((1, 4, 60, 60)), np.diag([2.0, 2.0, 10.0, 1.0]))
    axis = np.array([1.0, 0.0, 0.5])
    frame = AnatomicalFrame.from_planes(
        Plane([85, 60, 0], np.cross(axis, [0, 1, 0])), Plane([85, 60, 0], [0, 1, 0.001])
    )
    labels = positions(stack, frame)
    assert (labels[2:] == UNDEFINED).all()
    assert not (labels[:2] == UNDEFINED).any()
    assert (labels[0] == 1).any()
    assert labels.dtype == np.uint8


def test_planes_that_meet_outside_the_stack_are_refused_with_the_distance():
    stack = Stack(np.zeros((1, 4, 60, 60)), np.diag([2.0, 2.0, 10.0, 1.0]), name="short")
    frame = AnatomicalFrame.from_planes(Plane([219, 0, 0], [1, 0, 0]), Plane([0, 50, 0], [0, 1, 0]))
    with pytest.raises(InputError, match=r"short: .* 100\.0 mm or more outside"):
        positions(stack, frame)


@pytest.mark.parametrize("sizes", [{"step_mm": 0}, {"box_mm": -1}, {"box_mm": np.nan}])
def test_sizes_that_are_none_are_refused(sizes, hearts):
    with pytest.raises(InputError, match="positive lengths, got"):
        positions(hearts[0].study.stack(View.SAX), frame_of(hearts[0].study), **sizes)


def test_views_without_positions_are_refused(hearts):
    study = hearts[0].study
    with pytest.raises(InputError, match="LAX_2CH view has no anatomical positions"):
        positions(study.stack(View.LAX_2CH), frame_of(study))


def test_a_view_taken_for_another_is_refused_with_the_angle(hearts):
    study = hearts[0].study
    four = study.stack(View.LAX_4CH)
    taken_for_sax = Stack(four.image, four.affine, View.SAX)
    with pytest.raises(InputError, match=r"cuts the slice at only 0\.0 degrees"):
        positions(taken_for_sax, frame_of(study))


def test_inputs_stay_as_they_were(hearts):
    study = hearts[0].study
    sax = study.stack(View.SAX)
    affine, digest = sax.affine.copy(), Stack(sax.image, sax.affine).digest
    points = slice_points_mm(sax, 2)
    kept = points.copy()
    frame = frame_of(study)
    positions(sax, frame)
    boxes_on(frame, Plane.of_slice(sax, 2)).labels_at(points)
    np.testing.assert_array_equal(points, kept)
    np.testing.assert_array_equal(sax.affine, affine)
    assert Stack(sax.image, sax.affine).digest == digest


def test_landmarks_find_the_lv_of_real_patients(real_data):
    """Their files say nothing of orientation; the pictures show anterior up."""
    clicked = json.loads((real_data / "acdc/landmarks.json").read_text())
    in_cavity = []
    for path in sorted((real_data / "acdc/annotated").glob("*/*_ED.nii.gz")):
        stack = read_stack(path)
        mask = read_mask(path.with_name(path.name.replace("_ED", "_ED_gt")), like=stack).labels[0]
        landmarks = Landmarks.of(clicked[path.parent.name])
        labels = positions(stack, frame_of(Study(path.parent.name, (stack,)), landmarks))
        shown = [z for z in range(stack.slices) if {LV, RV} <= set(np.unique(mask[z]))]
        rim = len(shown) // 4
        for z in shown[rim : len(shown) - rim]:
            in_cavity.append(np.mean(mask[z][labels[z] == 1] == LV))
            place = {k: np.argwhere(labels[z] == k).mean(axis=0) for k in STEPS}
            lv, rv = (np.argwhere(mask[z] == code).mean(axis=0) for code in (LV, RV))
            assert all((place[k] - lv) @ (rv - lv) > 0 for k in (2, 3)), (path.name, z)
            assert all((place[k] - lv) @ (rv - lv) < 0 for k in (4, 5)), (path.name, z)
            assert place[7][0] < place[6][0] < place[8][0] < place[9][0], (path.name, z)
    assert len(in_cavity) > 80
    assert np.mean(in_cavity) > 0.95
    assert np.mean(np.array(in_cavity) > 0.5) > 0.97
