"""Volumes, phases and what they rest on: answers known by thought."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure, View
from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured, Phases, body_surface_m2
from napari_cardiac_ssl.measures.volumes import slice_distance_mm, volume_by_discs_ml
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study

CINE = np.diag([1.25, 1.5, 8.0, 1.0])
LV, MYO, RV = SAX_STRUCTURES

masks = arrays(np.uint8, (2, 3, 6, 5), elements=st.integers(0, 3))


def volumes(labels: np.ndarray, affine: np.ndarray = CINE) -> np.ndarray:
    measured = Measured(labels, affine)
    return np.stack([measured.volumes_ml(structure) for structure in SAX_STRUCTURES])


def grid_mm(shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
    """Places of voxels about the array's middle, mm, shape ``(z, y, x, 3)``."""
    voxels = np.indices(shape)[::-1].transpose(1, 2, 3, 0) - (np.array(shape[::-1]) - 1) / 2
    return voxels @ affine[:3, :3].T


@pytest.mark.parametrize(
    ("spacing_xyz", "limit"), [((1.0, 1.0, 1.0), 0.002), ((1.25, 1.5, 8.0), 0.015)]
)
def test_an_ellipsoid_has_its_volume(spacing_xyz: tuple[float, ...], limit: float) -> None:
    affine = np.diag([*spacing_xyz, 1.0])
    radii = np.array([24.0, 22.0, 40.0])
    shape = tuple(int(2 * r / s) + 3 for r, s in zip(radii[::-1], spacing_xyz[::-1], strict=True))
    inside = ((grid_mm(shape, affine) / radii) ** 2).sum(axis=-1) <= 1
    [volume] = Measured(inside[np.newaxis].astype(np.uint8), affine).volumes_ml(LV)
    assert volume == pytest.approx(4 / 3 * np.pi * radii.prod() / 1000, rel=limit)


def test_a_cylinder_has_its_volume_and_areas() -> None:
    place = grid_mm((10, 64, 64), CINE)
    cylinder = (np.hypot(place[..., 0], place[..., 1]) <= 25)[np.newaxis].astype(np.uint8)
    measured = Measured(cylinder, CINE)
    np.testing.assert_allclose(measured.areas_mm2(LV), np.pi * 25**2, rtol=0.005)
    assert measured.volumes_ml(LV)[0] == pytest.approx(np.pi * 25**2 * 80 / 1000, rel=0.005)


@given(masks, st.permutations(range(3)), st.lists(st.sampled_from([1, 2, 3]), unique=True))
def test_flips_and_the_order_of_slices_change_nothing(
    labels: np.ndarray, order: list[int], axes: list[int]
) -> None:
    np.testing.assert_allclose(volumes(labels), volumes(np.flip(labels, axes)[:, order]))


@given(masks)
def test_other_axes_with_their_affine_change_nothing(labels: np.ndarray) -> None:
    swapped = CINE.copy()
    swapped[:, [0, 1]] = CINE[:, [1, 0]]
    np.testing.assert_allclose(volumes(labels), volumes(labels.transpose(0, 1, 3, 2), swapped))


@given(masks, st.floats(0.3, 3))
def test_volumes_scale_with_the_cube_of_the_spacing(labels: np.ndarray, factor: float) -> None:
    scaled = CINE @ np.diag([factor, factor, factor, 1.0])
    np.testing.assert_allclose(volumes(labels, scaled), volumes(labels) * factor**3)


def test_the_distance_of_slices_is_measured_across_them() -> None:
    sheared = CINE.copy()
    sheared[:3, 2] = 3, -2, 8
    assert slice_distance_mm(sheared) == pytest.approx(8)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    oblique = np.eye(4)
    oblique[:3, :3] = turned @ sheared[:3, :3]
    assert slice_distance_mm(oblique) == pytest.approx(8)


@settings(max_examples=20)
@given(masks, masks)
def test_updating_changed_slices_is_counting_all(before: np.ndarray, after: np.ndarray) -> None:
    labels = before.copy()
    measured = Measured(labels, CINE)
    measured.warnings()
    changed = [SliceIndex(*i) for i in np.argwhere((before != after).any(axis=(2, 3)))]
    labels[:] = after
    if changed:
        measured.update(*changed)
    fresh = Measured(after, CINE)
    for structure in SAX_STRUCTURES:
        np.testing.assert_array_equal(measured.areas_mm2(structure), fresh.areas_mm2(structure))
    assert measured.warnings() == fresh.warnings()
    assert repr(measured.measures()) == repr(fresh.measures())


def boxes(*widths: int) -> np.ndarray:
    """One frame for each width of a square LV; 0 is an empty frame."""
    labels = np.zeros((len(widths), 3, 30, 30), np.uint8)
    for t, width in enumerate(widths):
        labels[t, :, 5 : 5 + width, 5 : 5 + width] = UKBB.code(LV)
    return labels


@pytest.mark.parametrize(
    ("widths", "phases"),
    [
        ((9, 7, 4, 6), (0, 2)),
        ((0, 4, 9, 0), (2, 1)),  # empty frames are none
        ((9, 9, 4, 4), (0, 2)),  # the earliest of several alike
        ((5, 5), (0, 1)),
        ((0, 5, 0), (1, None)),
        ((0, 0), (None, None)),
    ],
)
def test_phases(widths: tuple[int, ...], phases: tuple[int | None, int | None]) -> None:
    assert Measured(boxes(*widths), CINE).phases() == phases


def test_one_frame_has_ed_alone() -> None:
    heart = Measured(boxes(8), CINE).measures()
    assert heart.lv_edv_ml == pytest.approx(64 * 3 * 15 / 1000)
    assert heart.es is None
    row = heart.row()
    assert (row["ed_frame"], row["es_frame"]) == (0, None)
    assert np.isnan(
        [row[c] for c in ("lv_esv_ml", "lv_ef_percent", "rv_edv_ml", "lv_mass_g")]
    ).all()


def test_numbers_of_a_known_heart() -> None:
    labels = boxes(10, 6)
    labels[:, :, 20:22, :10] = UKBB.code(MYO)
    labels[:, :, 25:27, :10] = UKBB.code(RV)
    heart = Measured(labels, CINE).measures(body_surface_m2=2.0)
    ml = 3 * 15 / 1000
    assert (heart.lv_edv_ml, heart.lv_esv_ml) == pytest.approx((100 * ml, 36 * ml))
    assert (heart.lv_sv_ml, heart.lv_ef_percent) == pytest.approx((64 * ml, 64))
    assert heart.lv_mass_g == pytest.approx(20 * ml * 1.05)
    assert (heart.rv_ef_percent, heart.lv_rv_edv_ratio) == pytest.approx((0, 5))
    assert heart.row()["lv_edvi_ml_per_m2"] == pytest.approx(50 * ml)
    with pytest.raises(InputError, match="is not indexed"):
        heart.indexed("lv_ef_percent")


def test_phases_may_be_given() -> None:
    measured = Measured(boxes(9, 7, 4), CINE)
    assert measured.measures(phases=(1, 2)).lv_edv_ml < measured.measures().lv_edv_ml
    assert measured.measures(phases=Phases(1, None)).es is None
    with pytest.raises(InputError, match="no frame 3: there are 0 to 2"):
        measured.measures(phases=(0, 3))


def test_numbers_say_what_they_rest_on() -> None:
    labels = boxes(9, 6, 3)
    annotations = Annotations(labels.shape)
    slices = [SliceIndex(t, z) for t in (0, 1) for z in range(3)]
    annotations.refresh(slices, np.stack([labels[i] for i in slices]), "model")
    annotations.annotate(SliceIndex(0, 1), labels[0, 1])
    annotations.confirm(SliceIndex(0, 1))
    annotations.annotate(SliceIndex(2, 0), labels[2, 0])  # a frame of which one slice is drawn
    measured = Measured(annotations.labels, CINE)
    heart = measured.measures(state_of=annotations.state)
    assert (heart.ed.frame, heart.es.frame) == (0, 1)  # not 2: it is a third of a heart
    assert str(heart.ed) == "1 confirmed, 2 predicted"
    assert heart.ed.states[SliceState.EXPERT] == (1,)
    assert (heart.row()["ed_expert_slices"], heart.row()["es_predicted_slices"]) == (1, 3)
    assert str(measured.basis(2)) == "1 of 3 slices"
    assert str(measured.basis(2, annotations.state)) == "1 being edited, 2 unlabelled"


def test_discs_bridge_what_is_missing() -> None:
    assert volume_by_discs_ml([0, 300, 0, 500, 0], 10, [2]) == pytest.approx(12)
    assert volume_by_discs_ml([0, 300, 500, 0], 10, [0, 3]) == pytest.approx(8)
    assert np.isnan(volume_by_discs_ml([1, 2], 10, [0, 1]))
    with pytest.raises(InputError, match="no slice"):
        volume_by_discs_ml([1, 2], 10, [2])
    labels = boxes(8)
    labels[0, 1] = 0
    heart = Measured(labels, CINE).measures()
    assert heart.lv_edv_discs_ml == pytest.approx(1.5 * heart.lv_edv_ml)
    # A slice that an expert has confirmed to be empty is not missing.
    known = Measured(labels, CINE).measures(state_of=lambda _: SliceState.EXPERT)
    assert known.lv_edv_discs_ml == pytest.approx(heart.lv_edv_ml)


def test_body_surface() -> None:
    assert body_surface_m2(170, 70) == pytest.approx(1.818, abs=1e-3)
    for height, weight in itertools.product((1.7, 170.0), (0.07, 700.0)):
        with pytest.raises(InputError, match="not a person's"):
            body_surface_m2(height, weight)


def test_the_synthetic_heart_s_volumes_are_its_own() -> None:
    made = make_study(3, frames=6, slices=12, lax=False)
    stack = made.study.stack(View.SAX)
    measured = Measured(made.masks[View.SAX], stack.affine)
    np.testing.assert_allclose(
        measured.volumes_ml(Structure.LV_CAVITY), made.lv_volume_ml, rtol=0.1
    )
    assert measured.phases() == (0, made.es_frame)
    heart = measured.measures()
    # A basal slice more or less at ES is worth some points: it is or is not a cut of the LV.
    assert heart.lv_ef_percent == pytest.approx(made.lv_ef_percent, abs=6)
    assert heart.lv_mass_g == pytest.approx(1.05 * made.myocardium_ml, rel=0.1)


def test_labels_without_time_are_refused() -> None:
    with pytest.raises(InputError, match="must be"):
        Measured(np.zeros((3, 4, 5), np.uint8), CINE)


def test_phases_stay_with_the_frames_that_were_drawn() -> None:
    labels = np.zeros((5, 1, 40, 40), np.uint8)
    for t, width in enumerate((20, 15, 10, 10, 20)):
        labels[t, 0, 5:25, 5 : 5 + width] = 1
    states = dict.fromkeys(np.ndindex(5, 1), SliceState.PREDICTED)
    states[0, 0] = states[3, 0] = SliceState.EXPERT
    labels[2, 0, 5, 5] = 0  # a prediction that nobody saw is a pixel smaller
    labels[4, 0, 26, 5:15] = 1  # and one of atrium ten larger
    measured = Measured(labels, np.diag([1.0, 1.0, 8.0, 1.0]))
    assert measured.phases() == (4, 2)
    assert measured.phases(lambda index: states[index]) == (0, 3)
    states[0, 0] = SliceState.PREDICTED
    states[1, 0] = SliceState.EXPERT  # drawn, but neither the fullest nor the emptiest by far
    assert measured.phases(lambda index: states[index]) == (4, 3)
    labels[:] = labels[0]
    same = Measured(labels, np.diag([1.0, 1.0, 8.0, 1.0]))
    assert same.phases(lambda index: states[index]) == (0, 1)
