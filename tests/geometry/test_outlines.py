"""Lines round voxels: traced smoothly and filled to the very same, bent where they are taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import find_contours

from napari_cardiac_ssl.geometry import outlines
from napari_cardiac_ssl.geometry.outlines import (
    bridged,
    control_points,
    filled,
    lengths_mm,
    nearest_point,
    pulled,
    pushed,
    traced,
)

SPACING = (1.5, 1.25)


def disc(radius: float, shape: tuple[int, int] = (40, 44)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - 19.3) ** 2 + (x - 21.6) ** 2 < radius**2


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_what_is_traced_is_filled_as_it_was(region):
    """Pieces, holes, voxels that touch at a corner, one-voxel walls, the picture's rim."""
    lines = traced(region)
    assert np.array_equal(filled(lines, region.shape), region)
    assert all(len(line) >= 4 for line in lines)


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(0, 5))
def test_a_region_is_traced_alike_wherever_it_lies_and_no_more_of_the_slice_is_looked_at(
    region, beside
):
    lines = traced(region)
    looked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlines, "find_contours", lambda *a: looked.append(a) or find_contours(*a))
        elsewhere = traced(np.pad(region, ((3 + beside, 200), (5, 100 + beside))))
    assert len(elsewhere) == len(lines)
    corner = np.array([3 + beside, 5])
    for one, other in zip(lines, elsewhere, strict=True):
        np.testing.assert_allclose(other, one + corner, atol=1e-9)
    assert all(image.size <= 11 * 11 for image, _ in looked)


@pytest.mark.parametrize("radius", [4, 9, 15])
def test_a_disc_s_line_is_a_circle_and_no_staircase(radius):
    [line] = traced(disc(radius))
    assert np.abs(np.hypot(*(line - (19.3, 21.6)).T) - radius).max() < 0.55
    step = np.roll(line, -1, axis=0) - line
    turn = np.diff(np.unwrap(np.arctan2(*step.T)))
    assert np.abs(turn).max() < np.pi / 6  # voxels turn by a quarter or an eighth of a circle


def test_lines_are_long_as_the_spacing_says():
    square = np.array([[0, 0], [0, 4], [2, 4], [2.0, 0]])
    assert lengths_mm(square, SPACING).tolist() == [0, 5, 8, 13, 16]


def test_long_lines_have_more_points_to_take_them_by():
    few, many = (len(control_points(traced(disc(radius))[0], SPACING)) for radius in (5, 15))
    assert few < many
    [voxel] = traced(disc(0.6))
    assert len(control_points(voxel, SPACING)) == 0  # too little
    assert len(control_points(voxel, SPACING, every_mm=1)) == len(voxel) == 4


def test_a_little_piece_does_not_shrink_to_nothing():
    region = np.zeros((5, 9), bool)
    region[2, 2:7] = True
    [line] = traced(region)
    y, x = line.T
    area = np.abs(np.sum(x * np.roll(y, 1) - y * np.roll(x, 1))) / 2
    assert area > 0.6 * region.sum()


@given(
    by=st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
    index=st.integers(0, 20),
    reach=st.floats(4, 15),
)
def test_a_pull_is_felt_within_its_reach_alone(by, index, reach):
    [line] = traced(disc(13))
    after = pulled(line, index, np.array(by), SPACING, (reach, reach))
    assert np.allclose(after[index], line[index] + by)
    lengths = lengths_mm(line, SPACING)
    way = np.abs(lengths[:-1] - lengths[index])
    way = np.minimum(way, lengths[-1] - way)
    assert np.array_equal(after[way >= reach], line[way >= reach])
    assert (np.hypot(*(after - line).T) <= np.hypot(*by) + 1e-9).all()


def test_a_pull_by_nothing_changes_nothing():
    [line] = traced(disc(10))
    assert np.array_equal(pulled(line, 3, np.zeros(2), SPACING, (9, 9)), line)


def test_a_bridge_goes_straight_on_where_a_bulge_was():
    [line] = traced(disc(13))
    bulging = pulled(line, 20, np.array([-5.0, 5.0]), SPACING, (8, 8))
    mended = bridged(bulging, 8, 32)
    region = filled([mended], (40, 44))
    assert np.count_nonzero(region ^ disc(13)) < 25
    assert np.count_nonzero(region ^ filled([bulging], (40, 44))) > 25
    stays = [tuple(point) for point in line[32:]]
    assert set(stays) <= {tuple(point) for point in mended}


def test_a_bridge_over_the_end_of_the_list_is_as_any():
    [line] = traced(disc(13))
    turned = np.roll(line, 10, axis=0)
    one, other = bridged(line, 5, 30), bridged(turned, 15, 40)
    assert np.array_equal(filled([one], (40, 44)), filled([other], (40, 44)))


@given(centre=st.tuples(st.floats(4, 36), st.floats(4, 36)), radius=st.floats(2, 9))
def test_nothing_of_a_line_is_left_within_a_disc_that_pushes(centre, radius):
    [line] = traced(disc(11))
    after = pushed(line, np.array(centre), radius, SPACING)
    distance = np.hypot(*((after - centre) * SPACING).T)
    assert distance.min() >= radius - 1e-6
    far = np.hypot(*((line - centre) * SPACING).T) >= radius
    assert {tuple(point) for point in line[far]} <= {tuple(point) for point in after}


def test_the_nearest_point_is_told_with_its_distance():
    [line] = traced(disc(10))
    assert nearest_point(line, line[7], SPACING) == (7, pytest.approx(0))
    step = line[8] - line[7]
    beside = line[7] + 0.4 * step + np.array([step[1], -step[0]])
    index, distance = nearest_point(line, beside, (1.0, 1.0))
    assert index == 7
    assert 0 < distance <= np.hypot(*step) + 1e-9
