"""Papillary muscles: told from the blood where they are, and counted either way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure, scheme_named
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured, Papillary
from napari_cardiac_ssl.measures.papillary import inside, muscle_inside
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import SliceIndex

PIXEL_MM2 = 1.5**2
AFFINE = np.diag([1.5, 1.5, 10.0, 1.0])
LV, MYO, RV = (UKBB.code(s) for s in SAX_STRUCTURES)
BLOOD, MUSCLE = 400.0, 100.0


def heart(
    *muscles: tuple[float, float, float], blur: float = 0.8, noise: float = 0.0, seed: int = 0
):
    """One slice of an LV and an RV beside it, with round muscles (y, x, radius) in the LV."""
    y, x = np.indices((72, 72)) - 36.0
    labels = np.zeros((72, 72), np.uint8)
    labels[np.hypot(y, x + 26) < 16] = RV
    labels[np.hypot(y, x) < 22] = MYO
    labels[np.hypot(y, x) < 15] = LV
    fine = np.full(labels.shape, 40.0)
    fine[labels == MYO] = MUSCLE
    fine[(labels == LV) | (labels == RV)] = BLOOD
    where = np.zeros(labels.shape, bool)
    for row, column, radius in muscles:
        where |= np.hypot(y - row, x - column) < radius
    fine[where] = MUSCLE
    image = ndimage.gaussian_filter(fine, blur)
    image += np.random.default_rng(seed).normal(0, noise, image.shape)
    return image, labels, where


def test_a_contour_that_blurs_is_no_muscle() -> None:
    image, labels, _ = heart()
    assert not muscle_inside(image, labels, PIXEL_MM2).any()


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(2.6, 5), st.floats(0, 25), st.integers(0, 9))
def test_a_muscle_is_found_where_it_is(row, column, radius, noise, seed) -> None:
    image, labels, where = heart((row, column, radius), noise=noise, seed=seed)
    found = muscle_inside(image, labels, PIXEL_MM2)
    assert found[where].mean() > 0.6
    assert found.sum() == pytest.approx(where.sum(), rel=0.35, abs=6)
    assert not found[(labels != LV) & (labels != RV)].any()


@given(st.floats(0.1, 20), st.floats(-200, 2000), st.integers(0, 9))
def test_neither_gain_nor_offset_matters(gain, offset, seed) -> None:
    image, labels, _ = heart((2, 3, 4), noise=15, seed=seed)
    plain = muscle_inside(image, labels, PIXEL_MM2)
    assert np.array_equal(muscle_inside(image * gain + offset, labels, PIXEL_MM2), plain)


def test_a_muscle_on_the_wall_counts_up_to_the_contour() -> None:
    image, labels, where = heart((0, 13, 4))
    found = muscle_inside(image, labels, PIXEL_MM2)
    assert found.sum() == pytest.approx((where & (labels == LV)).sum(), rel=0.25)


def test_specks_are_noise_and_small_pools_are_muscle() -> None:
    image, labels, _ = heart(blur=0)
    image[36, 36] = MUSCLE
    assert not muscle_inside(image, labels, PIXEL_MM2).any()
    image[32:41, 32:41] = MUSCLE
    image[35:37, 35:37] = BLOOD  # 9 mm² of blood between muscle
    assert muscle_inside(image, labels, PIXEL_MM2).sum() == 81
    image[33:40, 33:40] = BLOOD  # 110 mm² are a pool
    assert muscle_inside(image, labels, PIXEL_MM2).sum() == 81 - 49


def test_where_nothing_tells_nothing_is_taken() -> None:
    image, labels, _ = heart((0, 0, 4))
    assert muscle_inside(image, np.where(labels == MYO, 0, labels), PIXEL_MM2) is None
    assert muscle_inside(np.ones_like(image), labels, PIXEL_MM2) is None
    dark = np.random.default_rng(1).normal(100, 30, image.shape)
    assert muscle_inside(dark, labels, PIXEL_MM2) is None
    assert inside(image, np.zeros_like(labels), PIXEL_MM2).told  # nothing to be told
    assert not inside(np.ones_like(image), labels, PIXEL_MM2).told
    both = np.stack([image, np.ones_like(image)])[np.newaxis]
    measured = Measured(
        np.stack([labels] * 2)[np.newaxis], AFFINE, image=both, papillary=Papillary.MASS
    )
    heart_ = measured.measures(phases=(0, None))
    assert heart_.papillary_untold == 1
    assert heart_.counted().endswith("(not told from blood on 1 slice)")


def stack():
    """ED and ES, two slices each."""
    muscles = ((2, 3, 4), (-4, -5, 3), (5, -2, 3), (-2, 4, 4))
    made = [heart(one) for one in muscles]
    image = np.array([image for image, *_ in made]).reshape(2, 2, 72, 72)
    labels = np.array([labels for _, labels, _ in made]).reshape(2, 2, 72, 72)
    labels[1][labels[1] == LV] = MYO
    y, x = np.indices((72, 72)) - 36
    labels[1][:, np.hypot(y, x) < 11] = LV
    return image, labels


def test_what_the_cavity_loses_the_myocardium_gains() -> None:
    image, labels = stack()
    kept = labels.copy()
    measured = Measured(labels, AFFINE, image=image)
    before = measured.measures(phases=(0, 1))
    measured.count_papillary(Papillary.MASS)
    after = measured.measures(phases=(0, 1))
    assert np.array_equal(labels, kept)
    assert after.lv_edv_ml < before.lv_edv_ml
    assert after.lv_edv_ml + after.myocardium_ed_ml == pytest.approx(
        before.lv_edv_ml + before.myocardium_ed_ml
    )
    assert after.papillary_mass_g == pytest.approx(after.lv_mass_g - before.lv_mass_g)
    assert np.isnan(before.papillary_mass_g)
    assert (before.row()["papillary"], after.row()["papillary"]) == ("cavity", "mass")
    assert list(before.row()) == list(after.row())
    # Areas, volumes that tell ED and ES, and checks stay those of the contours.
    assert measured.volumes_ml(Structure.LV_CAVITY)[0] == pytest.approx(before.lv_edv_ml)
    assert measured.warnings() == Measured(labels, AFFINE).warnings()
    curve = measured.counted_volumes_ml(Structure.LV_CAVITY)
    assert curve[0] == after.lv_edv_ml < measured.volumes_ml(Structure.LV_CAVITY)[0]
    measured.count_papillary(Papillary.CAVITY)
    np.testing.assert_equal(measured.measures(phases=(0, 1)).row(), before.row())


def test_it_keeps_up_with_drawing() -> None:
    image, labels = stack()
    measured = Measured(labels, AFFINE, image=image, papillary=Papillary.MASS)
    measured.measures(phases=(0, 1))
    labels[0, 1][labels[0, 1] == LV] = MYO
    measured.update(SliceIndex(0, 1))
    fresh = Measured(labels, AFFINE, image=image, papillary=Papillary.MASS)
    assert measured.measures(phases=(0, 1)).row() == fresh.measures(phases=(0, 1)).row()


def test_counting_ahead_changes_no_number() -> None:
    image, labels = stack()
    plain = Measured(labels, AFFINE, image=image, papillary=Papillary.MASS)
    ahead = Measured(labels, AFFINE, image=image, papillary=Papillary.MASS)
    steps = 1
    while not ahead.count_ahead((0, 1), seconds=-1.0) and steps < 3:
        steps += 1  # no time: nothing is ever counted
    assert steps == 3
    assert ahead.count_ahead((0, 1), seconds=600.0)
    assert ahead.count_ahead((0, 1), seconds=-1.0)
    told = [one.measures(phases=(0, 1), wall=True).row() for one in (plain, ahead)]
    np.testing.assert_equal(*told)


def test_without_the_image_they_are_in_the_cavity() -> None:
    image, labels = stack()
    with pytest.raises(InputError, match="without the image"):
        Measured(labels, AFFINE, papillary=Papillary.MASS)
    with pytest.raises(InputError, match="do not fit the image"):
        Measured(labels, AFFINE, image=image[:1])


def test_on_real_hearts_it_is_what_others_find(real_data) -> None:
    """Of normal hearts, trabeculae and papillary muscles are about a sixth of the mass."""
    masses, volumes = [], []
    for file in sorted((real_data / "acdc" / "annotated").glob("patient06*/*_ED_gt.nii.gz")):
        image = read_stack(file.with_name(file.name.replace("_gt", "")))
        mask = read_mask(file, scheme=scheme_named("acdc"), like=image)
        measured = Measured(mask.labels, mask.affine, image=image.image)
        before = measured.measures(phases=(0, None))
        measured.count_papillary(Papillary.MASS)
        after = measured.measures(phases=(0, None))
        masses.append(after.papillary_mass_g)
        volumes.append(100 * (1 - after.lv_edv_ml / before.lv_edv_ml))
    assert 10 < np.median(masses) < 25
    assert 5 < np.median(volumes) < 15
