import numpy as np
import pytest
from scipy import ndimage

from napari_cardiac_ssl.drafts import interpolated, propagated, tidied
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.metrics import dice

Y, X = np.indices((80, 80))


def heart(centre=(40, 40), inner=10, outer=16):
    """An LV cavity in its myocardium."""
    away = np.hypot(Y - centre[0], X - centre[1])
    return np.select([away <= inner, away <= outer], [1, 2], 0).astype(np.uint8)


def test_between_two_slices_sizes_and_places_lie_between():
    below, above = heart((40, 30), 6, 12), heart((40, 50), 12, 18)
    drawn = interpolated({2: below, 6: above}, [1, 3, 4, 5, 7])
    assert list(drawn) == [3, 4, 5]  # nothing is guessed beyond what is known
    for z, share in ((3, 0.25), (4, 0.5), (5, 0.75)):
        true = heart((40, 30 + 20 * share), 6 + 6 * share, 12 + 6 * share)
        for code in (1, 2):
            assert dice(drawn[z] == code, true == code) > 0.9


def test_the_nearest_known_slices_count():
    drawn = interpolated({0: heart(inner=5), 2: heart(inner=9), 4: heart(inner=13)}, [1, 3])
    assert (drawn[1] == 1).sum() < (heart(inner=9) == 1).sum() < (drawn[3] == 1).sum()


def test_what_one_neighbour_lacks_ends_half_way():
    below, nothing = heart(), np.zeros((80, 80), np.uint8)
    drawn = interpolated({0: below, 4: nothing}, [1, 3])
    assert 0 < (drawn[1] > 0).sum() < (below > 0).sum()
    assert not drawn[3].any()
    without = np.where(below == 1, 2, below).astype(np.uint8)  # the cavity has closed
    drawn = interpolated({0: below, 4: without}, [1, 3])
    assert (drawn[1] == 1).any()
    assert not (drawn[3] == 1).any()
    assert (drawn[3] == 2).any()


def test_two_empty_slices_have_nothing_between():
    nothing = np.zeros((80, 80), np.uint8)
    assert not interpolated({0: nothing, 2: nothing}, [1])[1].any()


@pytest.fixture(scope="module")
def beat():
    """A heart that contracts, moves and comes back in twelve frames, with texture to follow."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(80, 80)), 2)
    texture /= texture.std()
    images, labels = [], []
    for phase in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        contracted = (1 - np.cos(phase)) / 2
        inner, centre = 12 - 4 * contracted, (40, 40 + 2 * contracted)
        mask = heart(centre, inner, 18)
        images.append(np.choose(mask, [40, 100, 20]) + 4 * texture)
        labels.append(mask)
    return np.stack(images), np.stack(labels)


def test_labels_follow_the_motion_all_the_way_round(beat):
    images, truth = beat
    found = dict(propagated(images, truth[0], 0))
    assert sorted(found) == list(range(1, 12))
    still = [dice(truth[0] == 1, truth[t] == 1) for t in found]
    moved = [dice(found[t] == 1, truth[t] == 1) for t in found]
    assert min(moved) > 0.88
    assert np.mean(moved) > np.mean(still) + 0.05


def test_each_frame_is_reached_the_shorter_way(beat):
    images, truth = beat
    order = [t for t, _ in propagated(images, truth[10], 10)]
    assert order == [11, 0, 1, 2, 3, 4, 9, 8, 7, 6, 5]


def test_propagation_needs_labels_and_frames(beat):
    images, truth = beat
    with pytest.raises(InputError, match="nothing is drawn"):
        list(propagated(images, np.zeros((80, 80), np.uint8), 0))
    with pytest.raises(InputError, match="single frame"):
        list(propagated(images[:1], truth[0], 0))


def test_tidying_keeps_the_largest_pieces_and_closes_the_heart():
    clean = heart()
    torn = clean.copy()
    torn[5:8, 5:8] = 1  # a piece of cavity far away
    torn[40, 40] = torn[40, 54] = 0  # holes in cavity and myocardium
    torn[35, 35] = 2  # a speck of myocardium in the cavity
    before = torn.copy()
    np.testing.assert_array_equal(tidied(torn), clean)
    np.testing.assert_array_equal(torn, before)
    np.testing.assert_array_equal(tidied(clean), clean)
    nothing = np.zeros_like(clean)
    np.testing.assert_array_equal(tidied(nothing), nothing)
