import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of, is_mirrored
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.study import Stack, Study

DIRECTIONS = ("towards_apex", "towards_rv", "towards_anterior")
CLICKED = {"lv_base": [5, 5, 0], "lv_apex": [0, 0, -80], "rv_lateral": [60, 10, -20]}


def angle_deg(first, second):
    return np.rad2deg(np.arccos(np.clip(first @ second, -1, 1)))


def test_headers_tell_where_apex_rv_and_anterior_are(hearts):
    for made in hearts:
        frame = frame_of(made.study)
        anterior = np.cross(made.rv_direction, made.long_axis)
        assert angle_deg(frame.towards_apex, made.long_axis) < 0.01
        assert angle_deg(frame.towards_rv, made.rv_direction) < 0.01
        # The 2CH view is planned at 110 to 130 degrees, so its direction is not the truth's.
        assert 20 <= angle_deg(frame.towards_anterior, anterior) <= 40
        assert abs(frame.towards_anterior @ made.plane_normals[View.LAX_2CH]) < 1e-9
        away = np.cross(frame.centre_mm - made.lv_centre_mm, made.long_axis)
        assert np.linalg.norm(away) < 0.01
        assert np.linalg.norm(frame.centre_mm - made.lv_centre_mm) < 30


def test_landmarks_tell_the_same(hearts):
    for made in hearts:
        told = frame_of(made.study, Landmarks.of(made.landmarks))
        for name in ("towards_apex", "towards_rv"):
            assert angle_deg(getattr(told, name), getattr(frame_of(made.study), name)) < 0.01
        anterior = np.cross(made.rv_direction, made.long_axis)
        assert angle_deg(told.towards_anterior, anterior) == pytest.approx(30, abs=0.01)
        assert np.linalg.norm(told.centre_mm - made.lv_centre_mm) < 0.01


@given(signs=st.tuples(*[st.sampled_from([-1, 1])] * 2))
def test_the_sides_that_normals_point_to_mean_nothing(signs):
    two, four = np.array([0.9, 0.3, 0.1]), np.array([0.1, -0.5, 0.8])
    plain = AnatomicalFrame.from_planes(Plane([1, 2, 3], two), Plane([1, 2, 3], four))
    turned = AnatomicalFrame.from_planes(
        Plane([1, 2, 3], signs[0] * two), Plane([1, 2, 3], signs[1] * four)
    )
    for name in DIRECTIONS:
        np.testing.assert_allclose(getattr(turned, name), getattr(plain, name), atol=1e-12)


@given(angle=st.floats(20.1, 159.9))
def test_the_planes_of_landmarks_hold_them_at_the_stated_angle(angle):
    landmarks = Landmarks.of(CLICKED)
    frame = AnatomicalFrame.from_landmarks(landmarks, angle_deg=angle)
    for point in (landmarks.lv_base, landmarks.lv_apex, landmarks.rv_lateral):
        assert abs(frame.four_chamber.distance_mm(point)) < 1e-9
    for point in (landmarks.lv_base, landmarks.lv_apex):
        assert abs(frame.two_chamber.distance_mm(point)) < 1e-9
    assert angle_deg(frame.towards_rv, frame.towards_anterior) == pytest.approx(angle)
    assert frame.towards_rv @ (landmarks.rv_lateral - landmarks.lv_base) > 0
    # From towards the RV over anterior one turns as a right-handed screw that goes to the base.
    assert np.cross(frame.towards_rv, frame.towards_anterior) @ frame.towards_apex < 0


@pytest.mark.parametrize("angle", [0, 19, 161, 180])
def test_landmarks_at_an_angle_that_makes_planes_parallel_are_refused(angle):
    with pytest.raises(InputError, match="at least 20"):
        AnatomicalFrame.from_landmarks(Landmarks.of(CLICKED), angle_deg=angle)


@given(seed=st.integers(0, 10_000))
def test_a_mirrored_study_has_a_mirrored_frame(seed):
    rng = np.random.default_rng(seed)
    mirror = np.eye(3) - 2 * np.outer(n := rng.normal(size=3), n) / (n @ n)
    plain = AnatomicalFrame.from_landmarks(Landmarks.of(CLICKED))
    seen = {name: mirror @ np.array(point, float) for name, point in CLICKED.items()}
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(seen), mirrored=True)
    for name in DIRECTIONS:
        np.testing.assert_allclose(getattr(frame, name), mirror @ getattr(plain, name), atol=1e-9)


@given(
    order=st.sampled_from([1, -1]),
    flips=st.tuples(*[st.sampled_from([1, -1])] * 2),
    known=st.booleans(),
)
def test_pictures_without_orientation_are_taken_as_seen_from_the_apex(order, flips, known):
    """Whatever the order of the slices: the RV on the picture's left, anterior is up."""
    image = np.zeros((1, 9, 100, 100), np.uint8)
    # Flipping the voxels with the affine changes neither the picture nor where anything is.
    affine = np.diag([-1.5 * flips[0], -1.5 * flips[1], 10.0 * order, 1.0])
    stack = Stack(image, affine, orientation_known=known)
    for apex_z in (80, -80):
        landmarks = Landmarks([-75, -75, 0], [-75, -75, apex_z], [-20, -75, apex_z / 2])
        frame = frame_of(Study("p", (stack,)), landmarks)
        assert frame.towards_rv @ [1, 0, 0] == pytest.approx(1)
        assert frame.towards_anterior @ [0, 1, 0] == pytest.approx(np.sin(np.deg2rad(120)))
        assert is_mirrored(stack, frame.towards_apex) == (apex_z > 0)


def test_stacks_that_say_how_they_lie_are_no_mirror_images(hearts):
    for made in hearts:
        sax = made.study.stack(View.SAX)
        for towards in (made.long_axis, -made.long_axis):
            assert not is_mirrored(sax, towards)


@given(rotation=st.tuples(*[st.floats(-60, 60)] * 3), shift=st.tuples(*[st.floats(-20, 20)] * 3))
@settings(max_examples=50)
def test_a_moved_frame_is_turned_about_its_centre_and_shifted(rotation, shift):
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(CLICKED))
    before = {name: getattr(frame, name).copy() for name in (*DIRECTIONS, "centre_mm")}
    moved = frame.moved(rotation_deg=rotation, shift_mm=shift)
    np.testing.assert_allclose(moved.centre_mm, frame.centre_mm + shift)
    for plane in (moved.two_chamber, moved.four_chamber, moved.short_axis):
        assert abs(plane.distance_mm(moved.centre_mm)) < 1e-9
    for first in DIRECTIONS:
        for second in DIRECTIONS:
            kept = getattr(moved, first) @ getattr(moved, second)
            assert kept == pytest.approx(getattr(frame, first) @ getattr(frame, second))
    assert abs(moved.towards_rv @ moved.four_chamber.normal) < 1e-9
    assert abs(moved.towards_anterior @ moved.two_chamber.normal) < 1e-9
    turned_by = np.linalg.norm(rotation)
    for name in DIRECTIONS:
        assert angle_deg(getattr(moved, name), getattr(frame, name)) <= turned_by + 1e-3
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(frame, name), array)
        with pytest.raises(ValueError, match="read-only"):
            getattr(moved, name)[0] = 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lv_apex": [5, 5, -10]}, r"10\.0 mm apart \(at least 20"),
        ({"rv_lateral": [5, 5, -30]}, r"rv_lateral is .* mm from the LV's long axis"),
        ({"rv_lateral": [5, 5]}, "rv_lateral must be three finite numbers"),
        ({"lv_base": [np.nan, 0, 0]}, "lv_base must be three finite numbers"),
        ({"lv_base": "here"}, "lv_base must be three finite numbers"),
    ],
)
def test_landmarks_that_cannot_be_a_heart_are_refused(changed, said):
    with pytest.raises(InputError, match=said):
        Landmarks.of(CLICKED | changed)


def test_missing_landmarks_are_named():
    with pytest.raises(InputError, match="missing landmark lv_apex, rv_lateral"):
        Landmarks.of({"lv_base": [0, 0, 0]})


def test_a_study_without_long_axis_views_is_told_what_to_do(hearts):
    sax = hearts[0].study.stack(View.SAX)
    with pytest.raises(InputError, match=r"no LAX_2CH and no LAX_4CH view.*three landmarks"):
        frame_of(Study("alone", (sax,)))


def test_landmarks_are_copied():
    base = np.array([5.0, 5, 0])
    landmarks = Landmarks.of(CLICKED | {"lv_base": base})
    base[:] = 9
    np.testing.assert_array_equal(landmarks.lv_base, [5, 5, 0])
