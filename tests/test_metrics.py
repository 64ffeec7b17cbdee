import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.metrics import (
    Score,
    dice,
    hd95,
    mean_defined,
    mean_surface_distance,
    score,
    surface_distances,
)

ISOTROPIC = (1.0, 1.0, 1.0)
CINE = (10.0, 1.5, 1.25)

volumes = arrays(np.bool_, (3, 4, 5), elements=st.booleans())
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 1.25, 9.6])] * 3)


def cube(z: int = 0, y: int = 0, x: int = 0) -> np.ndarray:
    volume = np.zeros((12, 20, 20), bool)
    volume[3 + z : 8 + z, 5 + y : 13 + y, 5 + x : 13 + x] = True
    return volume


def ball(radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    shape = np.array([int(2 * 24 / s) + 1 for s in spacing_mm])
    grid = np.indices(shape).T - (shape - 1) / 2
    return (np.linalg.norm(grid * spacing_mm, axis=-1) <= radius_mm).T


def by_hand(
    a: np.ndarray, b: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Surface distances, voxel by voxel."""

    def surface(volume: np.ndarray) -> np.ndarray:
        padded = np.pad(volume, 1)
        steps = [tuple(s) for s in (*np.eye(3, dtype=int), *-np.eye(3, dtype=int))]
        return np.array(
            [
                place
                for place in np.argwhere(volume)
                if not all(padded[tuple(place + 1 + step)] for step in steps)
            ]
        ) * np.array(spacing_mm)

    apart = np.linalg.norm(surface(a)[:, None] - surface(b)[None], axis=2)
    return apart.min(axis=1), apart.min(axis=0)


@given(volumes, volumes, spacings)
def test_distances_are_those_by_hand(
    a: np.ndarray, b: np.ndarray, spacing_mm: tuple[float, float, float]
) -> None:
    there, back = surface_distances(a, b, spacing_mm)
    if not (a.any() and b.any()):
        assert there.size == back.size == 0
        return
    expected = by_hand(a, b, spacing_mm)
    np.testing.assert_allclose(there, expected[0], atol=1e-9)
    np.testing.assert_allclose(back, expected[1], atol=1e-9)
    percentiles = [np.percentile(distances, 95) for distances in expected]
    assert hd95(there, back) == pytest.approx(max(percentiles))
    means = [distances.mean() for distances in expected]
    assert mean_surface_distance(there, back) == pytest.approx(np.mean(means))


@given(volumes, volumes)
def test_dice_by_hand(a: np.ndarray, b: np.ndarray) -> None:
    one, other = set(map(tuple, np.argwhere(a))), set(map(tuple, np.argwhere(b)))
    expected = 2 * len(one & other) / (len(one) + len(other)) if one or other else np.nan
    assert dice(a, b) == pytest.approx(expected, nan_ok=True)


@given(volumes, volumes, spacings, st.floats(0.1, 10))
@settings(max_examples=50)
def test_symmetric_and_in_the_spacing_s_unit(
    a: np.ndarray, b: np.ndarray, spacing_mm: tuple[float, float, float], factor: float
) -> None:
    there, back = surface_distances(a, b, spacing_mm)
    larger = tuple(s * factor for s in spacing_mm)
    turned = surface_distances(b, a, larger)
    assert hd95(*turned) == pytest.approx(hd95(there, back) * factor, nan_ok=True)
    assert mean_surface_distance(*turned) == pytest.approx(
        mean_surface_distance(there, back) * factor, nan_ok=True
    )
    if a.any():
        assert hd95(*surface_distances(a, a, spacing_mm)) == 0


@pytest.mark.parametrize(
    ("shift", "largest_mm"),
    [((0, 0, 2), 2.5), ((0, 3, 0), 4.5), ((1, 0, 0), 10.0), ((0, 3, 2), np.hypot(4.5, 2.5))],
)
def test_shifted_cubes(shift: tuple[int, int, int], largest_mm: float) -> None:
    there, back = surface_distances(cube(), cube(*shift), CINE)
    assert there.max() == pytest.approx(largest_mm)
    assert back.max() == pytest.approx(largest_mm)
    assert there.min() == 0
    overlap = np.prod([n - s for n, s in zip((5, 8, 8), shift, strict=True)]) / (5 * 8 * 8)
    assert dice(cube(), cube(*shift)) == pytest.approx(overlap)


@pytest.mark.parametrize("spacing_mm", [ISOTROPIC, (2.0, 1.0, 0.5), (4.0, 1.5, 1.5)])
def test_concentric_balls(spacing_mm: tuple[float, float, float]) -> None:
    """Surfaces 5 mm apart everywhere, within the voxels' size."""
    there, back = surface_distances(ball(20, spacing_mm), ball(15, spacing_mm), spacing_mm)
    voxel = np.linalg.norm(spacing_mm)
    assert hd95(there, back) == pytest.approx(5, abs=voxel / 2)
    assert mean_surface_distance(there, back) == pytest.approx(5, abs=voxel / 4)
    expected = 2 * 15**3 / (15**3 + 20**3)
    assert dice(ball(20, spacing_mm), ball(15, spacing_mm)) == pytest.approx(expected, abs=0.02)


def test_directions_are_not_pooled() -> None:
    """A speck far away is few of all surface voxels, but a third of its own."""
    small, large = np.zeros((1, 40, 90), bool), np.zeros((1, 40, 90), bool)
    large[0, 5:35, 5:35] = True
    small[0, 5:35, 5:35], small[0, 10, 80:88] = True, True
    there, back = surface_distances(small, large, ISOTROPIC)
    assert np.percentile(np.concatenate([there, back]), 95) == 0
    assert hd95(there, back) > 40


def test_a_single_slice_has_its_outline_for_surface() -> None:
    disc = ball(20, (100.0, 1.0, 1.0))
    assert disc.shape[0] == 1
    there, _ = surface_distances(disc, disc, ISOTROPIC)
    assert 2 * np.pi * 20 * 0.8 < there.size < 2 * np.pi * 20 * 1.2


def labels() -> np.ndarray:
    """Two frames; the second has no RV."""
    mask = np.zeros((2, 6, 30, 30), np.uint8)
    mask[:, 1:5, 5:15, 5:15] = UKBB.code(Structure.MYOCARDIUM)
    mask[:, 1:5, 8:12, 8:12] = UKBB.code(Structure.LV_CAVITY)
    mask[0, 1:5, 5:15, 16:22] = UKBB.code(Structure.RV_CAVITY)
    return mask


def test_scores_of_a_perfect_prediction() -> None:
    scores = score(labels(), labels(), spacing_mm=CINE, structures=SAX_STRUCTURES)
    assert [(s.frame, s.structure) for s in scores] == [
        (t, structure) for t in range(2) for structure in SAX_STRUCTURES
    ]
    there = [s for s in scores if not s.absent_in]
    assert len(there) == 5
    assert {(s.dice, s.hd95_mm, s.mean_surface_distance_mm) for s in there} == {(1.0, 0.0, 0.0)}
    cavity = scores[0]
    assert cavity.volume_ml == cavity.reference_volume_ml
    assert cavity.volume_ml == pytest.approx(4 * 4 * 4 * 10 * 1.5 * 1.25 / 1000)


@pytest.mark.parametrize(
    ("prediction", "reference", "absent_in", "expected"),
    [(0, 0, "both", np.nan), (0, 1, "prediction", 0.0), (1, 0, "reference", 0.0)],
)
def test_empty_structures(prediction: int, reference: int, absent_in: str, expected: float) -> None:
    full, empty = labels(), np.zeros_like(labels())
    arrays_ = [full if there else empty for there in (prediction, reference)]
    result: Score = score(*arrays_, spacing_mm=CINE, structures=[Structure.LV_CAVITY])[0]
    assert result.absent_in == absent_in
    assert result.dice == pytest.approx(expected, nan_ok=True)
    assert np.isnan([result.hd95_mm, result.mean_surface_distance_mm]).all()


def test_chosen_slices() -> None:
    """What is wrong elsewhere does not count, and cutting makes no new surfaces."""
    wrong = labels()
    wrong[:, 4] = 0
    shifted = np.roll(labels(), 2, axis=3)
    shifted[:, 1] = labels()[:, 1]
    [whole, _] = score(wrong, labels(), spacing_mm=CINE, structures=[Structure.LV_CAVITY])
    [part, _] = score(
        wrong, labels(), spacing_mm=CINE, structures=[Structure.LV_CAVITY], slices=[1, 2]
    )
    assert whole.dice < part.dice == 1
    assert part.hd95_mm == 0
    assert part.volume_ml == pytest.approx(whole.reference_volume_ml / 2)
    [middle, _] = score(
        shifted, labels(), spacing_mm=CINE, structures=[Structure.LV_CAVITY], slices=[3]
    )
    [first, _] = score(
        shifted, labels(), spacing_mm=CINE, structures=[Structure.LV_CAVITY], slices=[1]
    )
    assert first.dice == 1
    assert middle.dice == 0.5
    assert middle.hd95_mm == pytest.approx(2.5)


def test_what_cannot_be_scored() -> None:
    rest = {"spacing_mm": CINE, "structures": SAX_STRUCTURES}
    with pytest.raises(InputError, match=r"\(1, 6, 30, 30\)"):
        score(labels()[:1], labels(), **rest)
    with pytest.raises(InputError, match=r"no slice \[6\]; there are 0 to 5"):
        score(labels(), labels(), slices=[1, 6], **rest)
    with pytest.raises(InputError, match="three positive numbers"):
        surface_distances(cube(), cube(), (1.0, 0.0, 1.0))
    with pytest.raises(InputError, match="volumes"):
        surface_distances(cube()[0], cube()[0], ISOTROPIC)
    with pytest.raises(InputError, match="different shapes"):
        dice(cube(), cube()[1:])


def test_means_count_what_is_defined() -> None:
    assert mean_defined([1.0, np.nan, 0.0]) == 0.5
    assert np.isnan(mean_defined([np.nan]))


def test_inputs_are_left_alone() -> None:
    prediction, reference = np.roll(labels(), 1, axis=2), labels()
    before = prediction.copy(), reference.copy()
    for array in (prediction, reference):
        array.flags.writeable = False
    score(prediction, reference, spacing_mm=CINE, structures=SAX_STRUCTURES)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(reference, before[1])
