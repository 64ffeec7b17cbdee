"""The synthetic heart against what can be known by thought."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.valve_motion import points_over_time
from napari_cardiac_ssl.scheme_detection import detect_scheme
from napari_cardiac_ssl.synthetic import PATHOLOGIES, SyntheticStudy, make_study
from napari_cardiac_ssl.synthetic.base import PLAIN
from napari_cardiac_ssl.synthetic.heart import Heart
from napari_cardiac_ssl.synthetic.shapes import Waves, coverage, ellipsoid, smooth_union, tube
from napari_cardiac_ssl.synthetic.torso import Torso

LV, MYOCARDIUM, RV, LEFT_ATRIUM, RIGHT_ATRIUM = 1, 2, 3, 4, 5
EF_PERCENT = {
    "normal": (54, 67),
    "dilated": (15, 34),
    "hypertrophic": (65, 77),
    "rv_dilated": (47, 61),
}
LAX = (View.LAX_2CH, View.LAX_4CH)


@pytest.fixture(scope="module", params=PATHOLOGIES)
def person(request: pytest.FixtureRequest) -> SyntheticStudy:
    return make_study(3, pathology=request.param, frames=10, slices=10, size=96, breath_hold_mm=0)


def volumes_ml(made: SyntheticStudy, code: int, view: View = View.SAX) -> np.ndarray:
    voxel_ml = np.prod(made.study.stack(view).spacing_mm) / 1000
    return (made.masks[view] == code).sum(axis=(1, 2, 3)) * voxel_ml


def world_centroid(made: SyntheticStudy, view: View, code: int, t: int = 0) -> np.ndarray:
    voxels = np.argwhere(made.masks[view][t] == code)[:, ::-1]
    return made.study.stack(view).world_mm(voxels.astype(float)).mean(axis=0)


def heart_of(seed: int, pathology: str | None = None) -> Heart:
    rng = np.random.default_rng(seed)
    return Torso.draw(rng, Heart.draw(rng, pathology))[1]


def test_shapes_of_everything(person):
    for view, slices in ((View.SAX, 10), (View.LAX_2CH, 1), (View.LAX_4CH, 1)):
        stack = person.study.stack(view)
        assert stack.image.shape == person.masks[view].shape == (10, slices, 96, 96)
        assert stack.image.dtype == np.int16
        assert person.masks[view].dtype == np.uint8
        assert 0.05 < stack.frame_interval_s < 0.15  # ten frames of one heartbeat
    assert person.study.stack(View.SAX).name == "synthetic-0003_sax"
    assert person.lv_volume_ml.shape == (10,)


def test_views_hold_their_structures_and_no_others(person):
    for view, structures in STRUCTURES_OF_VIEW.items():
        assert UKBB.check(person.masks[view]) == sorted(UKBB.code(name) for name in structures)


def test_the_scheme_is_told_from_the_anatomy(person):
    assert detect_scheme(person.masks[View.SAX]).name == "ukbb"


def test_all_affines_are_right_handed_oblique_and_of_a_scanner_s_size(person):
    for stack in person.study.stacks:
        assert np.linalg.det(stack.affine) > 0
        axes = stack.affine[:3, :3] / np.linalg.norm(stack.affine[:3, :3], axis=0)
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
        _, y, x = stack.spacing_mm
        assert y == pytest.approx(x)
        assert 300 < 96 * x < 380
    normal = person.plane_normals[View.SAX]
    assert np.abs(normal).max() < 0.95  # along no axis of the patient


def test_ed_is_frame_0_and_ef_belongs_to_the_pathology(person):
    low, high = EF_PERCENT[person.pathology]
    assert person.lv_volume_ml.argmax() == 0
    assert 3 <= person.es_frame <= 4  # a third of the cycle
    assert low < person.lv_ef_percent < high


def test_normal_volumes_are_those_of_people():
    for seed in range(20):
        heart = heart_of(seed, "normal")
        assert 90 < heart.lv_volume_ml(0) < 190
        assert 60 < 1.05 * heart.myocardium_ml < 170  # g


def test_dilated_is_larger_hypertrophic_is_thicker_and_rv_dilated_is_wider():
    hearts = {
        name: [heart_of(seed, name) for seed in range(10)] for name in ("normal", *PATHOLOGIES)
    }

    def mean(name, quantity):
        return np.mean([quantity(heart) for heart in hearts[name]])

    assert mean("dilated", lambda h: h.lv_volume_ml(0)) > 1.5 * mean(
        "normal", lambda h: h.lv_volume_ml(0)
    )
    assert mean("hypertrophic", lambda h: h.myocardium_ml) > 1.3 * mean(
        "normal", lambda h: h.myocardium_ml
    )
    assert mean("rv_dilated", lambda h: h.rv_width_mm) > 1.25 * mean(
        "normal", lambda h: h.rv_width_mm
    )


def test_cavity_volume_by_thought():
    """A round LV whose widest part were its base would be half an ellipsoid: 2/3 pi r² l."""
    heart = replace(heart_of(0), oval=0.0, lobed=0.0)
    half = 2 / 3 * np.pi * heart.radius_mm**2 * heart.length_mm / 1000
    # The equator lies a fifth below the base: the closed form for that truncation.
    e = 0.2
    share = 1 - ((1 - e) ** 3 + e**3) / (3 * (1 - e) ** 2)
    assert heart.lv_volume_ml(0) == pytest.approx(half * share / (2 / 3))


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.36, 0.7])
@pytest.mark.parametrize("pathology", PATHOLOGIES)
def test_signed_distances_hold_the_exact_volumes(pathology, phase):
    heart = heart_of(4, pathology)
    beat = heart.beat(phase)
    low, high = heart.bounds()
    step = 1.25
    grid = [np.arange(a, b, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    points = tuple(np.meshgrid(*grid, indexing="ij", sparse=True))
    regions = heart.regions(heart.straight(points, beat), beat)
    cavity = (regions.endocardium < 0).sum() * step**3 / 1000
    outer = (regions.epicardium < 0).sum() * step**3 / 1000
    assert cavity == pytest.approx(heart.lv_volume_ml(phase), rel=0.02)
    # The myocardium's outer rim at the base is rounded, and the rest is conserved.
    assert outer - cavity == pytest.approx(heart.myocardium_ml, rel=0.04)


@pytest.mark.parametrize("phase", [0.0, 0.36, 0.7])
@pytest.mark.parametrize("pathology", PATHOLOGIES)
def test_no_point_lies_in_two_structures_and_walls_lie_between(pathology, phase):
    heart = heart_of(7, pathology)
    beat = heart.beat(phase)
    grid = [np.arange(a, b, 2, dtype=np.float32) for a, b in heart.bounds().T]
    points = tuple(np.meshgrid(*grid, indexing="ij", sparse=True))
    regions = heart.regions(points, beat)
    ventricles = (regions.epicardium < 0, regions.rv_cavity < 0)
    atria = (regions.left_atrium < 0, regions.right_atrium < 0)
    assert sum(part.astype(int) for part in (*ventricles, *atria)).max() == 1
    assert all(part.any() for part in (*ventricles, *atria))
    assert not ((regions.left_atrium < 1) & (regions.right_atrium < 1)).any()  # the atrial septum
    assert not ((regions.endocardium < 0) & (regions.epicardium > 0)).any()
    for part in (*ventricles, *atria):
        assert (regions.pericardium[part] < 0).all()


def test_the_rv_is_as_large_as_the_lv_and_larger_where_it_is_dilated():
    ratios = {}
    for pathology in ("normal", "rv_dilated"):
        made = [
            make_study(seed, pathology=pathology, frames=1, size=64, lax=False) for seed in range(6)
        ]
        ratios[pathology] = [volumes_ml(m, RV)[0] / volumes_ml(m, LV)[0] for m in made]
    assert 0.7 < np.mean(ratios["normal"]) < 1.3
    assert np.mean(ratios["rv_dilated"]) > 1.3 * np.mean(ratios["normal"])


def test_a_finely_sliced_mask_has_the_exact_volume():
    made = make_study(
        8, pathology="normal", frames=3, slices=50, size=96, lax=False, breath_hold_mm=0
    )
    np.testing.assert_allclose(volumes_ml(made, LV), made.lv_volume_ml, rtol=0.04)
    np.testing.assert_allclose(volumes_ml(made, MYOCARDIUM), made.myocardium_ml, rtol=0.06)


def test_a_clinical_stack_is_as_wrong_as_its_slices_are_thick(person):
    """The valve plane falls somewhere in a slice: half a slice of the base, no more."""
    heart_base_cm2 = np.pi * 4.0**2
    slice_cm = person.study.stack(View.SAX).spacing_mm[0] / 10
    errors = np.abs(volumes_ml(person, LV) - person.lv_volume_ml)
    assert (errors < 0.6 * slice_cm * heart_base_cm2).all()


def test_everything_beats(person):
    es = person.es_frame
    rv = volumes_ml(person, RV)
    assert rv[es] < 0.85 * rv[0]
    lv_area, la_area = (volumes_ml(person, code, View.LAX_4CH) for code in (LV, LEFT_ATRIUM))
    assert lv_area[es] < lv_area[0]
    assert la_area[es] > la_area[0]  # the atria fill while the ventricles empty
    assert volumes_ml(person, RIGHT_ATRIUM, View.LAX_4CH)[es] > 0


def test_the_stack_reaches_beyond_the_lv_at_both_ends(person):
    rows = (person.masks[View.SAX][person.es_frame] == LV).any(axis=(1, 2))
    assert rows.any()
    assert not rows[-1]  # slice 0 is the apex, the last one lies above the valve plane
    depths = (
        person.long_axis
        @ (
            person.study.stack(View.SAX).world_mm(np.array([[0.0, 0, 0], [0, 0, 9]]))
            - person.landmarks["lv_base"]
        ).T
    )
    assert depths[0] > 60
    assert depths[1] < 4


def test_planes_meet_in_the_middle_of_the_lv(person):
    axis = person.long_axis
    assert abs(person.plane_normals[View.SAX] @ axis) == pytest.approx(1)
    for view in LAX:
        stack = person.study.stack(view)
        for point in (person.lv_centre_mm, person.landmarks["lv_base"]):
            assert stack.voxel_xyz(point)[2] == pytest.approx(0, abs=1e-9)
    meeting = np.cross(*(person.plane_normals[view] for view in LAX))
    assert abs(meeting @ axis) / np.linalg.norm(meeting) == pytest.approx(1)
    for view in (View.SAX, *LAX):
        x, y, z = np.rint(person.study.stack(view).voxel_xyz(person.lv_centre_mm)).astype(int)
        assert person.masks[view][0, z, y, x] == LV


def test_the_4ch_plane_holds_the_rv_and_the_2ch_plane_turns_from_it_towards_anterior(person):
    assert person.plane_normals[View.LAX_4CH] @ person.rv_direction == pytest.approx(0, abs=1e-9)
    assert person.rv_direction[0] > 0.5  # patient right
    towards_base = -person.long_axis
    anterior = np.cross(towards_base, person.rv_direction)
    assert anterior[1] > 0.4
    across = np.cross(person.plane_normals[View.LAX_2CH], person.long_axis)
    across *= np.sign(across @ anterior)
    angle = np.degrees(np.arctan2(across @ anterior, across @ person.rv_direction))
    assert 110 <= angle <= 130


def test_masks_agree_in_world_coordinates(person):
    sax = world_centroid(person, View.SAX, LV)
    for view in LAX:
        lax = world_centroid(person, view, LV)
        assert abs(person.plane_normals[view] @ (sax - lax)) < 3
        # Along the axis a section's centroid lies a little nearer the apex than the volume's.
        assert np.linalg.norm(sax - lax) < 9


def test_the_rv_lies_on_its_landmark_s_side(person):
    base, apex, lateral = (person.landmarks[n] for n in ("lv_base", "lv_apex", "rv_lateral"))
    axis = (apex - base) / np.linalg.norm(apex - base)
    np.testing.assert_allclose(axis, person.long_axis, atol=1e-12)
    side = (lateral - base) - ((lateral - base) @ axis) * axis
    side /= np.linalg.norm(side)
    np.testing.assert_allclose(side, person.rv_direction, atol=1e-9)
    for view in (View.SAX, View.LAX_4CH):
        towards = world_centroid(person, view, RV) - world_centroid(person, view, LV)
        assert towards @ side > 20
    # The landmark lies on the RV's free wall: inside just before, outside just after.
    stack, mask = person.study.stack(View.LAX_4CH), person.masks[View.LAX_4CH][0, 0]
    for offset, expected in ((-6.0, RV), (6.0, 0)):
        x, y, _ = np.rint(stack.voxel_xyz(lateral + offset * side)).astype(int)
        assert mask[y, x] == expected


def test_images_are_shown_as_usual(person):
    """SAX and 4CH: the patient's left on the right; 2CH: anterior on the left, feet down."""
    right = {stack.view: stack.affine[:3, 0] for stack in person.study.stacks}
    down = {stack.view: stack.affine[:3, 1] for stack in person.study.stacks}
    assert right[View.SAX][0] < 0
    assert right[View.LAX_4CH][0] < 0
    assert right[View.LAX_2CH][1] < 0
    assert down[View.SAX][1] < 0
    assert down[View.LAX_4CH][1] < 0
    assert down[View.LAX_2CH][2] < 0


def test_tissues_have_the_contrast_of_steady_state_cine(person):
    for t in (0, person.es_frame):
        image = person.study.stack(View.SAX).image[t].astype(float)
        mask = person.masks[View.SAX][t]
        middle = slice(3, 7)
        lv, myocardium, rv = (
            np.median(image[middle][mask[middle] == code]) for code in (LV, MYOCARDIUM, RV)
        )
        assert lv > 2 * myocardium
        assert rv > 1.6 * myocardium
        assert np.percentile(image, 10) < 0.4 * myocardium  # air and lung
    assert 200 < person.study.stack(View.SAX).image.max() <= 4095


def test_the_papillary_muscles_are_dark_and_belong_to_the_cavity():
    made = make_study(2, pathology="normal", frames=1, slices=10, size=160, lax=False, noise=0)
    image, mask = made.study.stack(View.SAX).image[0], made.masks[View.SAX][0]
    cavity = [image[z][mask[z] == LV] for z in (4, 5)]
    dark = [np.mean(values < 0.6 * np.median(values)) for values in cavity]
    assert all(0.01 < share < 0.35 for share in dark)


def test_breath_holds_move_image_and_mask_alike():
    still, moved = (
        make_study(6, frames=1, slices=6, size=96, lax=False, noise=0, breath_hold_mm=mm)
        for mm in (0, 5)
    )
    assert not still.slice_shifts_mm.any()
    assert 0 < np.abs(moved.slice_shifts_mm).max() <= 10
    stack = still.study.stack(View.SAX)
    np.testing.assert_array_equal(stack.affine, moved.study.stack(View.SAX).affine)
    z = 3
    centroids = [
        np.argwhere(made.masks[View.SAX][0, z] == LV).mean(axis=0)[::-1] * stack.spacing_mm[2]
        for made in (still, moved)
    ]
    np.testing.assert_allclose(centroids[1] - centroids[0], -moved.slice_shifts_mm[z], atol=0.5)
    image, mask = moved.study.stack(View.SAX).image[0, z], moved.masks[View.SAX][0, z]
    assert np.median(image[mask == LV]) > 2 * np.median(image[mask == MYOCARDIUM])


def test_the_same_seed_gives_the_same_study_and_another_one_another():
    options = {"frames": 2, "slices": 5, "size": 64}
    first, again, other = (make_study(seed, **options) for seed in (11, 11, 12))
    for view in STRUCTURES_OF_VIEW:
        assert first.study.stack(view).digest == again.study.stack(view).digest
        np.testing.assert_array_equal(first.masks[view], again.masks[view])
        assert first.study.stack(view).digest != other.study.stack(view).digest
        assert (first.masks[view] != other.masks[view]).any()


def test_frames_and_size_do_not_change_the_person():
    small, large = (make_study(9, frames=f, slices=5, size=s) for f, s in ((2, 64), (4, 96)))
    assert small.pathology == large.pathology
    assert small.lv_volume_ml[0] == large.lv_volume_ml[0]
    np.testing.assert_array_equal(small.lv_centre_mm, large.lv_centre_mm)


def test_people_differ():
    hearts = [heart_of(seed) for seed in range(40)]
    assert {heart.pathology for heart in hearts} == set(PATHOLOGIES)
    assert np.ptp([heart.lv_volume_ml(0) for heart in hearts]) > 80
    assert np.ptp([heart.base_mm for heart in hearts], axis=0).min() > 5
    tilts = [np.degrees(np.arccos(heart.axes[2] @ hearts[0].axes[2])) for heart in hearts]
    assert max(tilts) > 8


def test_what_is_outside_the_heart_s_window_does_not_move(person):
    image = make_study(3, pathology=person.pathology, frames=2, slices=4, size=64, noise=0)
    first, second = image.study.stack(View.SAX).image
    changed = np.argwhere(first != second)
    assert len(changed)
    labelled = np.argwhere(image.masks[View.SAX].any(axis=0))
    # What moves lies within 40 mm of what is labelled.
    margin = 40 / image.study.stack(View.SAX).spacing_mm[2]
    assert (changed[:, 1:].min(axis=0) >= labelled[:, 1:].min(axis=0) - margin).all()
    assert (changed[:, 1:].max(axis=0) <= labelled[:, 1:].max(axis=0) + margin).all()


def test_the_window_cuts_nothing_off(monkeypatch):
    options = {"pathology": "rv_dilated", "frames": 2, "slices": 6, "size": 64}
    cut = make_study(5, **options)
    monkeypatch.setattr(
        "napari_cardiac_ssl.synthetic.scan.Planes.window",
        lambda *_: (slice(None), slice(None)),
    )
    whole = make_study(5, **options)
    for view in STRUCTURES_OF_VIEW:
        np.testing.assert_array_equal(cut.masks[view], whole.masks[view])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pathology": "broken"}, "unknown pathology 'broken'; known are normal"),
        ({"frames": 0}, "frames must be at least 1, got 0"),
        ({"slices": 0}, "slices must be at least 1, got 0"),
        ({"size": 8}, "size must be at least 16, got 8"),
        ({"noise": -1.0}, "noise must be in"),
        ({"breath_hold_mm": 100.0}, "breath_hold_mm in"),
    ],
)
def test_impossible_wishes_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        make_study(0, **options)


def test_one_slice_and_one_frame_are_a_study():
    made = make_study(0, frames=1, slices=1, size=32, lax=False)
    assert made.study.stack(View.SAX).image.shape == (1, 1, 32, 32)
    assert made.masks[View.SAX].any()
    with pytest.raises(InputError, match="no LAX_4CH"):
        made.study.stack(View.LAX_4CH)


def test_it_needs_neither_torch_nor_a_window():
    code = (
        "import sys, napari_cardiac_ssl.synthetic;"
        "print([m for m in ('torch', 'napari', 'qtpy', 'nibabel', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


points = st.lists(st.tuples(*[st.floats(-80, 80, width=32)] * 3), min_size=1, max_size=20).map(
    lambda rows: tuple(np.array(rows, dtype=np.float32).T)
)


@given(points, st.floats(5, 60))
def test_a_ball_s_signed_distance_is_exact(at, radius):
    distance = np.linalg.norm(np.stack(at), axis=0) - radius
    np.testing.assert_allclose(ellipsoid(at, (0, 0, 0), (radius,) * 3), distance, atol=0.1)


@given(points, st.floats(2, 20))
def test_a_tube_s_signed_distance_is_exact(at, radius):
    line = np.array([[-10.0, 0, 0], [25.0, 0, 0]])
    x, y, z = (c.astype(float) for c in at)
    beyond = np.maximum(np.maximum(-10 - x, x - 25), 0)
    expected = np.sqrt(beyond**2 + y**2 + z**2) - radius
    np.testing.assert_allclose(tube(at, line, radius), expected, atol=1e-3)


@given(points)
def test_a_smooth_union_holds_both_and_little_more(at):
    one = ellipsoid(at, (-10, 0, 0), (20, 20, 20))
    other = ellipsoid(at, (15, 0, 0), (20, 20, 20))
    union = smooth_union(one, other, 8)
    assert (union <= np.minimum(one, other)).all()
    assert (union >= np.minimum(one, other) - 2).all()  # a quarter of the fillet
    shares = coverage(union, 2)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_random_fields_have_mean_0_and_standard_deviation_1():
    rng = np.random.default_rng(0)
    grid = tuple(np.meshgrid(*[np.arange(0, 200, 4, dtype=np.float32)] * 3, sparse=True))
    values = [Waves.draw(rng, 12)(grid) for _ in range(5)]
    assert abs(np.mean(values)) < 0.05
    assert np.std(values) == pytest.approx(1, abs=0.1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1))
def test_every_heart_beats_within_reason(seed, phase):
    heart = heart_of(seed)
    beat = heart.beat(phase)
    np.testing.assert_allclose(heart.axes @ heart.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(heart.axes) == pytest.approx(-1)  # (RV, anterior, base) is right-handed
    wall = beat.epi_radius - beat.lv_radius
    assert heart.wall_mm - 1e-6 <= wall < 3 * heart.wall_mm
    assert 0 <= beat.ejected <= 1
    assert 0 <= beat.mitral_opening <= 1
    assert heart.lv_volume_ml(0) >= heart.lv_volume_ml(phase) > 0


@pytest.mark.parametrize("seed", range(3))
def test_a_detailed_base_varies_and_its_valve_is_seen_in_both_views(seed):
    plain = make_study(seed, frames=2, slices=2, size=96)
    detailed = make_study(seed, frames=2, slices=2, size=96, detailed_base=True)
    assert detailed.pathology == plain.pathology
    for view in LAX:
        stack, mask = detailed.study.stack(view), detailed.masks[view]
        assert not np.array_equal(stack.image, plain.study.stack(view).image)
        for points in points_over_time(mask, stack):
            base, axis = detailed.landmarks["lv_base"], detailed.long_axis
            assert abs((points.middle_mm - base) @ axis) < 16  # it comes down by 13 mm at most
            assert 15 < points.ring_mm < 80
        lv, beyond = volumes_ml(detailed, LV, view), volumes_ml(detailed, LEFT_ATRIUM, view)
        assert (lv > 0).all()
        assert (beyond > 0).all()


def test_a_heart_without_details_is_plain():
    assert heart_of(1).base is PLAIN
