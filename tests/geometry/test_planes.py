import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import (
    Plane,
    as_point,
    meeting_line,
    meeting_point,
    outside_mm,
    trace,
    traces,
)
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

seeds = st.integers(0, 100_000)


def any_plane(rng):
    return Plane(rng.uniform(-200, 200, 3), rng.normal(size=3))


def any_stack(rng, slices=3):
    """An oblique stack of anisotropic pixels, mirrored or not, of slices that may be sheared."""
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = axes * rng.uniform([0.8, 0.8, 5], [2.5, 2.5, 12])
    affine[:3, 2] += rng.uniform(-1, 1) * affine[:3, 0]
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    height, width = rng.integers(20, 60, 2)
    return Stack(np.zeros((1, slices, height, width), np.uint8), affine)


@pytest.fixture(scope="module")
def study():
    return make_study(3, frames=1, slices=4, size=64).study


@given(seeds)
def test_the_line_lies_in_both_planes(seed):
    rng = np.random.default_rng(seed)
    first, second = any_plane(rng), any_plane(rng)
    if first.angle_deg(second) < 20:
        with pytest.raises(InputError, match=f"{first.angle_deg(second):.1f} degrees"):
            meeting_line(first, second)
        return
    line = meeting_line(first, second)
    along = line.point_mm + np.outer([-100, 0, 100], line.direction)
    np.testing.assert_allclose(first.distance_mm(along), 0, atol=1e-9)
    np.testing.assert_allclose(second.distance_mm(along), 0, atol=1e-9)
    middle = (first.point_mm + second.point_mm) / 2
    assert abs((line.point_mm - middle) @ line.direction) < 1e-9


@given(seeds)
def test_three_planes_meet_in_a_point_of_all_three(seed):
    rng = np.random.default_rng(seed)
    planes = [any_plane(rng) for _ in range(3)]
    try:
        point = meeting_point(*planes)
    except InputError:
        first, second, third = (plane.normal for plane in planes)
        flat = abs(np.cross(first, second) @ third) / np.linalg.norm(np.cross(first, second))
        assert planes[0].angle_deg(planes[1]) < 20 or flat < np.sin(np.deg2rad(20))
    else:
        for plane in planes:
            assert abs(plane.distance_mm(point)) < 1e-9


@pytest.mark.parametrize("angle", [0, 5, 19.9])
def test_nearly_parallel_planes_are_refused_with_their_angle(angle):
    turned = [np.sin(np.deg2rad(angle)), 0, -np.cos(np.deg2rad(angle))]
    with pytest.raises(InputError, match=f"only {angle:.1f} degrees .at least 20"):
        meeting_line(Plane([0, 0, 0], [0, 0, 1]), Plane([0, 0, 0], turned))


def test_a_line_that_nearly_lies_in_the_slice_is_refused_with_its_angle():
    views = Plane([0, 0, 0], [1, 0, 0]), Plane([0, 0, 0], [0, 1, 0])
    tilt = np.deg2rad(10)
    with pytest.raises(InputError, match=r"10\.0 degrees"):
        meeting_point(*views, Plane([0, 0, 0], [np.cos(tilt), 0, np.sin(tilt)]))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_a_slice_plane_holds_its_pixels_and_lies_between_its_neighbours(seed):
    rng = np.random.default_rng(seed)
    stack = any_stack(rng)
    _, slices, height, width = stack.image.shape
    for z in range(slices):
        plane = Plane.of_slice(stack, z)
        voxels = np.stack([rng.uniform(0, width, 9), rng.uniform(0, height, 9), np.full(9, z)], 1)
        np.testing.assert_allclose(plane.distance_mm(stack.world_mm(voxels)), 0, atol=1e-9)
        middle = stack.voxel_xyz(plane.point_mm)
        np.testing.assert_allclose(middle, [(width - 1) / 2, (height - 1) / 2, z], atol=1e-9)
    np.testing.assert_array_equal(Plane.of_slice(stack).point_mm, Plane.of_slice(stack, 1).point_mm)


def test_the_plane_of_a_view_is_that_of_the_truth():
    made = make_study(8, frames=1, slices=4, size=32)
    for view, normal in made.plane_normals.items():
        plane = Plane.of_slice(made.study.stack(view))
        np.testing.assert_allclose(abs(plane.normal @ normal), 1)
        if view is not View.SAX:
            assert abs(plane.distance_mm(made.lv_centre_mm)) < 1e-6


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_a_trace_lies_in_the_plane_and_ends_on_the_border(seed):
    rng = np.random.default_rng(seed)
    stack, plane = any_stack(rng), any_plane(rng)
    z = int(rng.integers(stack.slices))
    height, width = stack.image.shape[2:]
    y, x = np.mgrid[: height + 1, : width + 1] - 0.5
    grid = stack.world_mm(np.stack([x, y, np.full_like(x, z)], -1))
    distances = plane.distance_mm(grid)
    seen = distances.min() < 0 < distances.max()
    angle = plane.angle_deg(Plane.of_slice(stack, z))
    if angle < 20:
        with pytest.raises(InputError, match=f"slice {z} at only {angle:.1f} degrees"):
            trace(plane, stack, z)
    elif not seen:
        by = np.abs(distances).min() / np.sin(np.deg2rad(angle))
        with pytest.raises(InputError, match=f"slice {z} {by:.1f} mm outside"):
            trace(plane, stack, z)
    else:
        found = trace(plane, stack, z)
        np.testing.assert_allclose(plane.distance_mm(found.ends_mm), 0, atol=1e-9)
        np.testing.assert_allclose(
            Plane.of_slice(stack, z).distance_mm(found.ends_mm), 0, atol=1e-9
        )
        ends_xyz = np.column_stack([found.ends_xy, [z, z]])
        np.testing.assert_allclose(stack.world_mm(ends_xyz), found.ends_mm, atol=1e-9)
        for x_end, y_end in found.ends_xy:
            to_border = [x_end + 0.5, width - 0.5 - x_end, y_end + 0.5, height - 0.5 - y_end]
            assert min(to_border) == pytest.approx(0, abs=1e-6)


def test_the_views_leave_traces_on_each_other(study):
    for stack in study.stacks:
        for other in study.stacks:
            if stack is not other:
                found = trace(Plane.of_slice(other), stack)
                assert np.linalg.norm(found.ends_mm[1] - found.ends_mm[0]) > 100
                assert abs(found.direction @ Plane.of_slice(other).normal) < 1e-9


def test_a_plane_that_misses_some_slices_leaves_traces_on_the_others():
    stack = Stack(np.zeros((1, 5, 21, 21)), np.diag([2.0, 2.0, 10.0, 1.0]))
    found = traces(Plane([0, 0, 0], [1, 0, -2]), stack)
    assert [one is not None for one in found] == [True, True, True, False, False]
    assert [one.z for one in found if one] == [0, 1, 2]


def test_a_plane_that_misses_the_stack_is_refused_with_the_distance():
    stack = Stack(np.zeros((1, 5, 21, 21)), np.diag([2.0, 2.0, 10.0, 1.0]), name="short")
    with pytest.raises(InputError, match=r"short: .* 58\.0 mm outside"):
        traces(Plane([99, 0, 0], [1, 0, 0]), stack)


@pytest.mark.parametrize("z", [-1, 3])
def test_a_slice_that_is_not_there_is_refused(z):
    stack = Stack(np.zeros((1, 3, 5, 5)), np.eye(4))
    with pytest.raises(InputError, match=f"no slice {z}; slices are 0 to 2"):
        Plane.of_slice(stack, z)


@given(x=st.floats(-60, 80), y=st.floats(-60, 80), seed=seeds)
@settings(max_examples=50, deadline=None)
def test_how_far_a_point_is_outside_is_its_distance_to_the_nearest_place_inside(x, y, seed):
    rng = np.random.default_rng(seed)
    stack = any_stack(rng)
    height, width = stack.image.shape[2:]
    point = stack.world_mm(np.array([x, y, 1.0]))
    nearest = stack.world_mm(
        np.array([np.clip(x, -0.5, width - 0.5), np.clip(y, -0.5, height - 0.5), 1.0])
    )
    assert outside_mm(stack, point) == pytest.approx(np.linalg.norm(point - nearest), abs=1e-9)


@pytest.mark.parametrize(
    ("point", "normal", "said"),
    [
        ([0, 0], [0, 0, 1], "point must be three finite numbers"),
        ([0, 0, np.nan], [0, 0, 1], "point must be three finite numbers"),
        ([0, 0, 0], [0, 0, 0], "normal has no direction"),
        ([0, 0, 0], [0, np.inf, 0], "normal must be three finite numbers"),
    ],
)
def test_what_is_no_plane_is_refused(point, normal, said):
    with pytest.raises(InputError, match=said):
        Plane(point, normal)


@pytest.mark.parametrize("value", ["abc", None, [[1, 2, 3]], [1, 2, [3]], {"x": 1}])
def test_what_is_no_point_is_refused(value):
    with pytest.raises(InputError, match="the apex must be three finite numbers"):
        as_point(value, "the apex")


def test_what_is_handed_in_is_never_changed(study):
    point, normal = np.array([1.0, 2, 3]), np.array([0.0, 0, 7])
    plane = Plane(point, normal)
    np.testing.assert_array_equal(normal, [0, 0, 7])
    normal[:] = 1
    point[:] = 0
    np.testing.assert_array_equal(plane.normal, [0, 0, 1])
    np.testing.assert_array_equal(plane.point_mm, [1, 2, 3])
    with pytest.raises(ValueError, match="read-only"):
        plane.normal[0] = 1

    stacks = study.stacks
    before = [(stack.affine.copy(), stack.digest) for stack in stacks]
    two, four = (Plane.of_slice(study.stack(view)) for view in (View.LAX_2CH, View.LAX_4CH))
    kept = [plane.normal.copy() for plane in (two, four)]
    meeting_point(two, four, Plane.of_slice(study.stack(View.SAX), 0))
    traces(four, study.stack(View.SAX))
    for plane, normal_before in zip((two, four), kept, strict=True):
        np.testing.assert_array_equal(plane.normal, normal_before)
    for stack, (affine, digest) in zip(stacks, before, strict=True):
        np.testing.assert_array_equal(stack.affine, affine)
        fresh = Stack(stack.image, stack.affine)
        assert fresh.digest == digest
