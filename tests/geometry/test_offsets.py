"""A line that is moved as a whole: it never crosses itself, leaves the picture or vanishes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.offsets import MOST_MM, Offsets
from napari_cardiac_ssl.geometry.outlines import filled

from .test_borders import SPACING, Y, heart

SHAPE = Y.shape


def crosses_itself(line: np.ndarray) -> bool:
    """Whether two pieces of a closed line cross, but for neighbours."""
    start, way = line, np.roll(line, -1, axis=0) - line
    between = start[None] - start[:, None]

    def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    down = cross(way[:, None], way[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        here, there = cross(between, way[None]) / down, cross(between, way[:, None]) / down
    meet = (here > 1e-9) & (here < 1 - 1e-9) & (there > 1e-9) & (there < 1 - 1e-9)
    return bool(meet.any())


def offsets_of(border: Border, labels: np.ndarray, spacing=SPACING) -> Offsets:
    [line] = lines_of(labels)[border]
    return Offsets(line, spacing, labels.shape)


def test_what_crosses_itself_is_told():
    assert crosses_itself(np.array([[0, 0], [4, 4], [4, 0], [0, 4.0]]))
    assert not crosses_itself(np.array([[0, 0], [0, 4], [4, 4], [4.0, 0]]))


@pytest.mark.parametrize("border", [Border.ENDOCARDIUM, Border.EPICARDIUM, Border.RV])
@given(by_mm=st.floats(-40, 40))
def test_it_is_one_simple_line_in_the_picture_and_encloses_something(border, by_mm):
    offsets = offsets_of(border, heart())
    line = offsets.line_at(by_mm)
    assert not crosses_itself(line)
    assert (line >= -0.5).all()
    assert (line <= np.array(SHAPE) - 0.5).all()
    assert filled([line], SHAPE).any()


@pytest.mark.parametrize("border", [Border.ENDOCARDIUM, Border.EPICARDIUM, Border.RV])
@given(ends=st.tuples(st.floats(-20, 20), st.floats(-20, 20)))
def test_each_lies_within_those_further_out(border, ends):
    offsets = offsets_of(border, heart())
    inner, outer = (filled([offsets.line_at(by)], SHAPE) for by in sorted(ends))
    assert not (inner & ~outer).any()


@given(by_mm=st.floats(-8, 8), column_mm=st.floats(0.8, 2.5))
def test_it_is_as_far_from_the_line_as_is_said_whatever_the_voxels_are(by_mm, column_mm):
    offsets = offsets_of(Border.ENDOCARDIUM, heart(), (1.5, column_mm))
    by_mm = offsets.within_limits(by_mm)
    found = [offsets.distance_mm(place) for place in offsets.line_at(by_mm)]
    np.testing.assert_allclose(np.median(found), by_mm, atol=0.02)
    np.testing.assert_allclose(found, by_mm, atol=0.4)  # on a ridge, half a step of the field


def test_no_way_gives_the_very_line():
    offsets = offsets_of(Border.RV, heart())
    assert offsets.line_at(0.0) is offsets.line


def test_limits_are_told():
    offsets = offsets_of(Border.ENDOCARDIUM, heart(cavity=9))
    assert offsets.within_limits(100) == MOST_MM
    assert -9 * 1.5 < offsets.within_limits(-100) < -7 * 1.5
    np.testing.assert_array_equal(offsets.line_at(-100), offsets.line_at(-50))


@pytest.mark.parametrize("size", [1, 2])
def test_the_smallest_lines_grow_and_do_not_vanish(size):
    labels = np.zeros((20, 20), np.uint8)
    labels[9 : 9 + size, 9 : 9 + size] = 3
    offsets = offsets_of(Border.RV, labels, (0.6, 0.6))
    assert np.array_equal(filled([offsets.line_at(-3)], labels.shape), labels == 3)
    assert filled([offsets.line_at(1.5)], labels.shape).sum() > 4 * size


def test_where_it_would_fall_into_pieces_the_largest_stays():
    labels = np.zeros((40, 60), np.uint8)
    y, x = np.mgrid[:40, :60]
    labels[(y - 20) ** 2 + (x - 15) ** 2 < 100] = 3
    labels[(y - 20) ** 2 + (x - 42) ** 2 < 150] = 3
    labels[18:22, 15:42] = 3
    region = filled([offsets_of(Border.RV, labels).line_at(-6)], labels.shape)
    assert region[20, 42]
    assert not region[20, 15]
