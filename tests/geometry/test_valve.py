"""The valve plane against what can be known by thought, and whatever way the patient lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.geometry.valve import (
    VIEWS,
    LongAxisPoints,
    Place,
    ValvePlane,
    valve_plane,
)
from napari_cardiac_ssl.geometry.valve_labels import long_axis_points
from napari_cardiac_ssl.geometry.valve_motion import (
    corrected,
    planes_over_time,
    points_over_time,
    steadied,
)
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

seeds = st.integers(0, 100_000)
FOUR, TWO = VIEWS


def any_motion(rng):
    """A rigid motion of the patient: RAS mm to RAS mm."""
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
    moved[:3, 3] = rng.uniform(-200, 200, 3)
    return moved


def at(motion, points):
    return np.asarray(points) @ motion[:3, :3].T + motion[:3, 3]


def any_points(rng, across):
    """Hinge points and apex of a view whose direction across the LV is given; the LV along z."""
    ring, tilt = rng.uniform(25, 45), rng.uniform(-10, 10)
    across = np.array([*across, 0.0])
    hinges = [-ring / 2 * across, ring / 2 * across + [0, 0, tilt]]
    return LongAxisPoints(hinges, [0, 0, rng.uniform(70, 110)], np.cross(across, [0, 0, 1]))


def moved_points(motion, points):
    return LongAxisPoints(
        at(motion, points.hinges_mm), at(motion, points.apex_mm), motion[:3, :3] @ points.normal
    )


def drawn(height=60, width=44, ring=16, tilt=0.0):
    """Labels of a long-axis view: an atrium above a valve of so many pixels, an LV below it."""
    labels = np.zeros((height, width), np.uint8)
    left = (width - ring) // 2
    for column in range(left - 3, left + ring + 3):
        valve = 15 + round(tilt * (np.clip(column, left, left + ring - 1) - left))
        labels[valve : height - 4, column] = 2
        if left <= column < left + ring:
            labels[5:valve, column] = 4
            labels[valve : height - 8, column] = 1
    return labels


@given(seeds)
def test_the_plane_moves_with_the_patient(seed):
    rng = np.random.default_rng(seed)
    views = {FOUR: any_points(rng, [1, 0]), TWO: any_points(rng, [0.5, 0.87])}
    motion = any_motion(rng)
    for used in ((FOUR, TWO), (FOUR,), (TWO,)):
        here = valve_plane({view: views[view] for view in used})
        there = valve_plane({view: moved_points(motion, views[view]) for view in used})
        np.testing.assert_allclose(there.plane.point_mm, at(motion, here.plane.point_mm), atol=1e-8)
        np.testing.assert_allclose(
            there.plane.normal, motion[:3, :3] @ here.plane.normal, atol=1e-8
        )
        assert there.length_mm == pytest.approx(here.length_mm)
        assert there.length_mm > 0  # the normal points to the apex


@given(seeds)
def test_two_views_of_one_plane_find_it_and_one_view_is_at_right_angles_to_itself(seed):
    rng = np.random.default_rng(seed)
    tilt = rng.uniform(-0.2, 0.2, 2)
    height = lambda p: p[0] * tilt[0] + p[1] * tilt[1]  # noqa: E731
    views = {}
    for view, angle in ((FOUR, 0.0), (TWO, rng.uniform(0.9, 2.2))):
        across = np.array([np.cos(angle), np.sin(angle)])
        ends = [np.array([*(r * across), height(r * across)]) for r in (-15.0, 20.0)]
        views[view] = LongAxisPoints(ends, [0, 0, 90], np.cross([*across, 0], [0, 0, 1]))
    found = valve_plane(views)
    np.testing.assert_allclose(found.plane.distance_mm([[0, 0, 0], [1, 0, tilt[0]]]), 0, atol=1e-9)
    assert found.assumes == ""
    alone = valve_plane({TWO: views[TWO]})
    np.testing.assert_allclose(alone.plane.distance_mm(views[TWO].hinges_mm), 0, atol=1e-9)
    assert abs(alone.plane.normal @ views[TWO].normal) < 1e-9
    assert "2CH" in alone.assumes


@given(seeds)
def test_where_slices_lie_moves_with_the_patient_and_follows_the_axis(seed):
    rng = np.random.default_rng(seed)
    valve = valve_plane({FOUR: any_points(rng, [1, 0]), TWO: any_points(rng, [0, 1])})
    oblique = Rotation.from_rotvec(rng.normal(0, 0.15, 3)).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = oblique * [1.4, 1.4, rng.uniform(5, 18)]
    affine[:3, 3] = oblique @ [-20, -20, -60]
    stack = Stack(np.zeros((1, 20, 30, 30), np.uint8), affine)
    places = [valve.place(stack, z) for z in range(stack.slices)]
    order = [Place.ABOVE, Place.CUT, Place.WITHIN, Place.BELOW]
    assert [order.index(place) for place in places] == sorted(map(order.index, places))
    motion = any_motion(rng)
    there = ValvePlane(
        Plane(at(motion, valve.plane.point_mm), motion[:3, :3] @ valve.plane.normal),
        at(motion, valve.apex_mm),
        valve.ring_mm,
        valve.views,
    )
    moved = Stack(stack.image, motion @ affine)
    assert [there.place(moved, z) for z in range(stack.slices)] == places
    backwards = affine.copy()  # the same slices, stored from apex to base
    backwards[:3, 3] += 19 * affine[:3, 2]
    backwards[:3, 2] *= -1
    turned = Stack(stack.image, backwards)
    assert [valve.place(turned, 19 - z) for z in range(stack.slices)] == places


@given(seeds, st.integers(12, 26), st.floats(-0.4, 0.4))
def test_hinges_are_the_ends_of_the_border_wherever_the_view_lies(seed, ring, tilt):
    rng = np.random.default_rng(seed)
    labels = drawn(ring=ring, tilt=tilt)
    spacing = np.diag([*rng.uniform(0.9, 2.0, 2), 6.0, 1.0])
    motion = any_motion(rng)
    flat = Stack(np.zeros((1, 1, *labels.shape), np.uint8), spacing)
    there = Stack(flat.image, motion @ spacing)
    here = long_axis_points(labels, flat)
    found = long_axis_points(labels, there)
    np.testing.assert_allclose(
        sorted(found.hinges_mm.tolist()), sorted(at(motion, here.hinges_mm).tolist()), atol=1e-6
    )
    left = (labels.shape[1] - ring) // 2
    valve = [15, 15 + round(tilt * (ring - 1))]
    wanted = np.array([[left - 0.5, valve[0] - 0.5, 0], [left + ring - 0.5, valve[1] - 0.5, 0]])
    ends = np.array(sorted(here.hinges_mm.tolist())) / np.diag(spacing)[:3]
    np.testing.assert_allclose(ends, wanted, atol=1.26)  # half the steepest border's longest step
    assert found.ring_mm == pytest.approx(here.ring_mm)


def test_gaps_between_what_meets_at_the_valve_and_specks_elsewhere_do_no_harm():
    labels = drawn()
    view = Stack(np.zeros((1, 1, *labels.shape), np.uint8), np.diag([1.4, 1.4, 6.0, 1.0]))
    whole = long_axis_points(labels, view)
    labels[14, labels[14] == 4] = 0  # the leaflets
    labels[15:18, labels[15] == 1] = 0
    labels[55:57, 2:4], labels[2:4, 40:42] = 4, 1  # specks
    gap = long_axis_points(labels, view)
    np.testing.assert_allclose(gap.hinges_mm, whole.hinges_mm, atol=2)


def test_an_atrium_along_the_wall_ends_at_the_cavity():
    labels = drawn(ring=16)
    wide = labels.copy()
    wide[5:15, 8:36] = 4  # over the whole wall and beyond
    view = Stack(np.zeros((1, 1, *labels.shape), np.uint8), np.diag([1.4, 1.4, 6.0, 1.0]))
    here, there = long_axis_points(labels, view), long_axis_points(wide, view)
    np.testing.assert_allclose(there.hinges_mm, here.hinges_mm, atol=1.5)


def test_without_myocardium_the_border_s_ends_are_the_hinges():
    labels = drawn()
    labels[labels == 2] = 0
    view = Stack(np.zeros((1, 1, *labels.shape), np.uint8), np.diag([1.0, 1.0, 6.0, 1.0]))
    ends = sorted(long_axis_points(labels, view).hinges_mm.tolist())
    np.testing.assert_allclose(ends, [[13.5, 14.5, 0], [29.5, 14.5, 0]])
    labels[10:15] = 0  # and no border
    with pytest.raises(InputError, match="neither on the LV cavity nor on myocardium"):
        long_axis_points(labels, view)


@pytest.mark.parametrize(
    ("without", "why"),
    [(1, "no LV cavity"), (4, "no left atrium"), ((1, 2, 4), "no LV cavity")],
)
def test_views_that_do_not_tell_say_why(without, why):
    labels = drawn()
    labels[np.isin(labels, without)] = 0
    view = Stack(np.zeros((1, 1, *labels.shape), np.uint8), np.diag([1.4, 1.4, 6.0, 1.0]))
    with pytest.raises(InputError, match=why):
        long_axis_points(labels, view)
    assert points_over_time(labels[None, None], view) == (None,)


@pytest.mark.parametrize(
    ("hinges", "apex", "why"),
    [
        ([[0, 0, 0], [3, 0, 0]], [0, 0, 80], "3.0 mm apart"),
        ([[-15, 0, 0], [15, 0, 0]], [0, 0, 9], "nearer than the hinge"),
        ([[-15, 0, 0]], [0, 0, 80], "two hinge points"),
        ([[-15, 0, np.nan], [15, 0, 0]], [0, 0, 80], "finite"),
    ],
)
def test_points_that_make_no_valve_are_refused(hinges, apex, why):
    with pytest.raises(InputError, match=why):
        LongAxisPoints(hinges, apex, [0, 1, 0])


def test_two_views_along_one_line_are_refused():
    points = LongAxisPoints([[-15, 0, 0], [15, 0, 0]], [0, 0, 80], [0, 1, 0])
    with pytest.raises(InputError, match="one line"):
        valve_plane({FOUR: points, TWO: points})
    with pytest.raises(InputError, match="no long-axis view"):
        valve_plane({})


@given(seeds)
def test_steadying_keeps_what_is_steady_and_drops_one_jump(seed):
    rng = np.random.default_rng(seed)
    points = any_points(rng, [1, 0])
    swapped = LongAxisPoints(points.hinges_mm[::-1], points.apex_mm, points.normal)
    jump = LongAxisPoints(points.hinges_mm + np.array([0, 0, 25]), points.apex_mm, points.normal)
    motion = [points, swapped, points, jump, None, swapped, points, points]
    for found in steadied(motion):
        ends = sorted(found.hinges_mm.tolist())
        np.testing.assert_allclose(ends, sorted(points.hinges_mm.tolist()), atol=0.01)
    assert steadied([None, None, None]) == (None, None, None)


@given(seeds, st.integers(1, 9))
def test_steadying_takes_the_place_nearest_to_all_of_five_frames(seed, frames):
    rng = np.random.default_rng(seed)
    points = any_points(rng, [1, 0])
    motion = [
        None
        if rng.random() < 0.3
        else LongAxisPoints(
            points.hinges_mm + rng.normal(0, 3, 3), points.apex_mm + rng.normal(0, 3, 3), [0, 1, 0]
        )
        for _ in range(frames)
    ]
    for t, found in enumerate(steadied(motion)):
        around = {(t + step) % frames for step in range(-2, 3)}
        near = [motion[at].apex_mm for at in around if motion[at] is not None]
        assert (found is None) == (not near)
        if found is not None:
            total = np.linalg.norm(np.array(near) - found.apex_mm, axis=1).sum()
            for _ in range(20):
                other = found.apex_mm + rng.normal(0, 1, 3)
                assert total <= np.linalg.norm(np.array(near) - other, axis=1).sum() + 0.01


def any_stack(rng):
    """A short axis that lies obliquely round the LV along z."""
    oblique = Rotation.from_rotvec(rng.normal(0, 0.15, 3)).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = oblique * [3.0, 3.0, rng.uniform(5, 12)]
    affine[:3, 3] = oblique @ [-40, -40, -30]
    return Stack(np.zeros((1, 16, 28, 28), np.uint8), affine)


@given(seeds)
def test_the_ring_is_drawn_where_it_is_cut_and_nowhere_else(seed):
    rng = np.random.default_rng(seed)
    stack = any_stack(rng)
    valve = valve_plane({FOUR: any_points(rng, [1, 0]), TWO: any_points(rng, [0, 1])})
    rings = valve.rings_on(stack)
    for z in range(stack.slices):
        ends = rings.get(z)
        assert (ends is not None) == (valve.place(stack, z) is Place.CUT)
        if ends is not None:
            np.testing.assert_allclose(Plane.of_slice(stack, z).distance_mm(ends), 0, atol=1e-6)
            np.testing.assert_allclose(valve.plane.distance_mm(ends), 0, atol=1e-6)
            radii = np.linalg.norm(ends - valve.plane.point_mm, axis=1)
            np.testing.assert_allclose(radii, valve.ring_mm / 2, atol=1e-6)


@given(seeds)
def test_voxels_beyond_are_above_the_plane_or_on_slices_that_show_no_lv(seed):
    rng = np.random.default_rng(seed)
    stack = any_stack(rng)
    valve = valve_plane({FOUR: any_points(rng, [1, 0]), TWO: any_points(rng, [0, 1])})
    beyond = valve.beyond(stack)
    first, last = valve.extent(stack)
    assert beyond[:first].all()
    assert beyond[last + 1 :].all()
    for z in range(first, last + 1):
        middle = stack.world_mm(np.array([13.0, 13.0, z]))
        if valve.place(stack, z) is Place.WITHIN:
            assert not beyond[z].any()
        else:
            assert beyond[z, 13, 13] == (valve.plane.distance_mm(middle) < 0)


@given(seeds)
def test_corrections_stay_where_they_were_put_and_move_with_the_patient(seed):
    rng = np.random.default_rng(seed)
    motion = [any_points(rng, [1, 0]) for _ in range(8)]
    by_hand = {1: any_points(rng, [1, 0]), 5: any_points(rng, [1, 0])}
    found = corrected(motion, by_hand)
    assert found[1] is by_hand[1]
    assert found[5] is by_hand[5]
    assert all(found)
    assert corrected(motion, {}) == tuple(motion)
    there = any_motion(rng)
    moved = corrected(
        [moved_points(there, points) for points in motion],
        {t: moved_points(there, points) for t, points in by_hand.items()},
    )
    for here, then in zip(found, moved, strict=True):
        np.testing.assert_allclose(then.hinges_mm, at(there, here.hinges_mm), atol=1e-6)
        np.testing.assert_allclose(then.apex_mm, at(there, here.apex_mm), atol=1e-6)


def test_frames_without_any_view_have_no_plane_and_others_take_what_there_is():
    rng = np.random.default_rng(0)
    four, two = any_points(rng, [1, 0]), any_points(rng, [0, 1])
    planes = planes_over_time({FOUR: [four, None], TWO: [two, two, None, None]}, 4)
    assert [plane and plane.views for plane in planes] == [(FOUR, TWO), (FOUR, TWO), None, None]
    assert planes_over_time({}, 2) == (None, None)


@pytest.mark.parametrize("view", VIEWS)
def test_the_synthetic_valve_is_found_from_its_masks(view):
    made = make_study(4, frames=6, slices=6, pathology="normal")
    stack = made.study.stack(view)
    first, *_, last = points_over_time(made.masks[view], stack)
    base, apex = made.landmarks["lv_base"], made.landmarks["lv_apex"]
    across = Plane(base, made.long_axis)
    assert np.abs(across.distance_mm(first.hinges_mm)).max() < 3
    assert np.linalg.norm(first.apex_mm - apex) < 15  # the wall's outside
    es = points_over_time(made.masks[view], stack)[2]
    assert (across.distance_mm(es.hinges_mm) > 8).all()  # it comes down in systole
    assert last is not None
    assert View.LAX_4CH in VIEWS
