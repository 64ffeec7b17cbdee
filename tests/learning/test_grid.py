import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.grid import (
    Augmentation,
    Grid,
    Intensities,
    covering_size,
    grid_of,
    turn,
)
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

centres = st.tuples(st.floats(40, 60), st.floats(40, 60))
spacings = st.floats(0.9, 2.2)


def disc(shape, centre, radius, pixel):
    y, x = np.indices(shape)
    return (np.hypot((y - centre[0]) * pixel[0], (x - centre[1]) * pixel[1]) <= radius).astype(
        np.uint8
    )


def there_and_back(grid, labels, classes):
    back, _ = grid.labels_to_slices(grid.labels_to_network(labels, classes))
    return back


@given(centre=centres, seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_masks_come_back_unchanged_at_the_native_resolution(centre, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (2, 100, 100)).astype(np.uint8)
    grid = Grid((100, 100), (1.4, 1.4), centre, spacing_mm=1.4, size=128)
    np.testing.assert_array_equal(there_and_back(grid, labels, 4), labels)


@given(
    centre=centres,
    pixel=st.tuples(spacings, spacings),
    radius=st.floats(12, 30),
    spacing=st.floats(1.0, 2.0),
)
@settings(max_examples=50, deadline=None)
def test_borders_come_back_within_half_a_pixel(centre, pixel, radius, spacing):
    """Of the coarser of the two grids: a border between two pixel centres has no finer place."""
    labels = disc((100, 100), centre, radius, pixel)
    grid = Grid((100, 100), pixel, centre, spacing_mm=spacing, size=128)
    back = there_and_back(grid, labels, 2)
    half = max(*pixel, spacing) / 2
    native_half = np.hypot(*pixel) / 2  # where the border can be drawn among native pixels at all
    assert not np.any(back > disc((100, 100), centre, radius + half + native_half, pixel))
    assert not np.any(back < disc((100, 100), centre, radius - half - native_half, pixel))
    # And not shifted or grown on the whole.
    assert abs(int(back.sum()) - int(labels.sum())) <= 0.03 * labels.sum()


@given(centre=centres, pixel=st.tuples(spacings, spacings))
@settings(max_examples=30, deadline=None)
def test_a_place_comes_back_to_where_it_was(centre, pixel):
    """A smooth blob's centre of mass is moved by less than a twentieth of a pixel."""
    y, x = np.indices((100, 100))
    blob = np.exp(-(((y - 50.3) * pixel[0]) ** 2 + ((x - 48.6) * pixel[1]) ** 2) / (2 * 12.0**2))
    grid = Grid((100, 100), pixel, centre)
    back = grid.to_slices(grid.to_network(blob), outside=0.0)
    for axis in (y, x):
        assert (back * axis).sum() / back.sum() == pytest.approx(
            (blob * axis).sum() / blob.sum(), abs=0.05
        )


def test_shares_sum_to_one_and_keep_areas():
    labels = disc((100, 100), (50, 50), 25, (1.0, 1.0))
    grid = Grid((100, 100), (1.0, 1.0), (50, 50), spacing_mm=2.0, size=64)
    shares = grid.labels_to_network(labels, 2)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)
    assert shares[1].sum() * 4 == pytest.approx(labels.sum(), rel=0.01)


def test_outside_the_grid_is_sure_background():
    grid = Grid((300, 300), (1.0, 1.0), (100, 100), spacing_mm=1.0, size=64)
    shares = np.zeros((2, 64, 64), np.float32)
    shares[1] = 1
    labels, confidence = grid.labels_to_slices(shares)
    assert labels[100, 100] == 1
    assert labels[200, 200] == 0
    assert confidence[200, 200] == 1
    assert labels.sum() == 64 * 64


def test_inputs_are_not_modified():
    labels = np.ones((1, 20, 20), np.uint8)
    image = np.arange(400, dtype=np.int16).reshape(20, 20)
    copies = labels.copy(), image.copy()
    grid = Grid((20, 20), (1.0, 1.0), (10, 10), size=16)
    grid.labels_to_network(labels, 2)
    Intensities.of(Stack(image[None, None], np.eye(4))).apply(image)
    np.testing.assert_array_equal(labels, copies[0])
    np.testing.assert_array_equal(image, copies[1])


def test_turned_images_come_back():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    blob = torch.exp(-((y - 31.5) ** 2 + (x - 45.0) ** 2) / 50)[None, None]
    quarter = turn(blob, 90.0)
    assert divmod(int(quarter.argmax()), 64) in {(45, 31), (45, 32), (18, 31), (18, 32)}
    torch.testing.assert_close(turn(turn(blob, 20.0), -20.0), blob, atol=0.05, rtol=0)


def test_only_what_is_sampled_is_prepared():
    image = np.random.default_rng(0).normal(size=(3, 200, 180))
    grid = Grid((200, 180), (1.0, 1.0), (100, 60), spacing_mm=1.5, size=32)
    given = []
    seen = grid.to_network(image, lambda part: given.append(part.shape) or 2 * part + 1)
    np.testing.assert_allclose(seen, grid.to_network(2 * image + 1), atol=1e-5)
    [(count, rows, columns)] = given
    assert count == 3
    assert 48 <= rows <= 52
    assert 48 <= columns <= 52


def test_an_odd_size_is_refused():
    with pytest.raises(InputError, match="even and positive, got 65"):
        Grid((100, 100), (1, 1), (50, 50), size=65)


def test_a_covering_grid_covers():
    stack = Stack(np.zeros((1, 1, 200, 256)), np.diag([1.5, 1.5, 10, 1]))
    size = covering_size(stack, 1.75, 16)
    assert size % 16 == 0
    assert size * 1.75 >= 256 * 1.5 > (size - 16) * 1.75


@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
@settings(max_examples=20, deadline=None)
def test_intensities_forget_the_scanners_gain_and_offset(gain, offset):
    image = np.random.default_rng(0).gamma(2.0, 1.0, (2, 3, 40, 40)).astype(np.float32)
    seen = Intensities.of(Stack(image, np.eye(4))).apply(image)
    other = image * gain + offset
    np.testing.assert_allclose(
        Intensities.of(Stack(other, np.eye(4))).apply(other), seen, atol=0.02 + 1e-4 * abs(offset)
    )
    assert seen.mean() == pytest.approx(0, abs=0.02)
    assert seen.std() == pytest.approx(1, abs=0.02)


def test_augmentation_moves_labels_with_the_image():
    disc_image = torch.from_numpy(disc((192, 192), (80, 110), 30, (1, 1)))[None, None].float()
    images = disc_image.repeat(16, 1, 1, 1)
    still = Augmentation(log_gamma=0, gain=0, offset=0, noise=0, bias=0)
    shares = torch.cat([1 - images, images], dim=1)
    moved, moved_shares = still(images, shares, 128, torch.Generator().manual_seed(3))
    torch.testing.assert_close(moved[:, 0], moved_shares[:, 1])
    assert moved.shape == (16, 1, 128, 128)
    assert moved.var(dim=0).max() > 0.05  # each one differently
    torch.testing.assert_close(moved_shares.sum(dim=1), torch.ones(16, 128, 128))


def test_augmentation_without_chance_is_the_middle_crop():
    nothing = Augmentation(0, 0, 0, 0, 0, 0, 0, 0)
    images = torch.arange(24.0 * 24).view(1, 1, 24, 24)
    moved, _ = nothing(images, torch.ones(1, 1, 24, 24), 16, torch.Generator())
    torch.testing.assert_close(moved[0, 0], images[0, 0, 4:20, 4:20])


def test_the_same_seed_draws_the_same():
    images, shares = torch.rand(4, 1, 48, 48), torch.rand(4, 2, 48, 48)
    draws = [Augmentation()(images, shares, 32, torch.Generator().manual_seed(7)) for _ in "ab"]
    torch.testing.assert_close(draws[0], draws[1], rtol=0, atol=0)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("flips", [(), (0,), (1,), (0, 1)])
def test_the_network_sees_a_stack_the_usual_way_up_however_it_is_stored(flips, transposed):
    """And what it says comes back to the very pixels."""
    made = make_study(4, frames=1, slices=2, size=60)
    for stack in made.study.stacks:
        mask, affine, image = made.masks[stack.view], stack.affine.copy(), stack.image
        for axis in flips:  # 0 is x, 1 is y
            affine[:3, 3] += affine[:3, axis] * (image.shape[3 - axis] - 1)
            affine[:3, axis] *= -1
            image, mask = np.flip(image, 3 - axis), np.flip(mask, 3 - axis)
        if transposed:
            affine[:3, [0, 1]] = affine[:3, [1, 0]]
            image, mask = image.swapaxes(2, 3), mask.swapaxes(2, 3)
        stored = Stack(image, affine, stack.view)
        usual, other = grid_of(stack), grid_of(stored)
        points = [
            stack_.world_mm(np.dstack([grid.points_yx()[..., ::-1], np.zeros((96, 96))]))
            for stack_, grid in ((stack, usual), (stored, other))
        ]
        # The middle of an even number of pixels is snapped to one side: up to a pixel's shift.
        shift = (points[1] - points[0]).reshape(-1, 3)
        np.testing.assert_allclose(shift, shift[:1].repeat(len(shift), axis=0), atol=1e-6)
        assert np.linalg.norm(shift[0]) < 1.5 * stack.spacing_mm[1]
        if not shift[0].any():
            seen = usual.to_network(stack.image[0, 0])
            np.testing.assert_allclose(other.to_network(image[0, 0]), seen, atol=1e-2)
        labels, _ = other.labels_to_slices(other.labels_to_network(mask[0, 0], 6))
        assert np.mean(labels == mask[0, 0]) > 0.97
