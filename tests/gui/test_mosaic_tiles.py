"""Where tiles are and what they show, without a window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.gui.mosaic.grid import arranged, frames_grid, phases_grid, side_in
from napari_cardiac_ssl.gui.mosaic.places import Places
from napari_cardiac_ssl.gui.mosaic.selection import Selection
from napari_cardiac_ssl.gui.mosaic.tiles import about, about_labels, steady, whole
from napari_cardiac_ssl.study import SliceIndex

numbers = st.integers(1, 12)
sizes = st.tuples(st.integers(20, 200), st.integers(20, 200))


@given(numbers, numbers, st.integers(1, 4), sizes, sizes)
def test_every_tile_is_found_where_it_is(frames, slices, every, tile, room):
    grid = frames_grid({0: "ED"}, frames, slices, every=every)
    places = Places(grid, tile, (30, 20), (30 + room[0], 20 + room[1]))
    assert len(grid.slices) == len(set(grid.slices))
    for index in grid.slices:
        places = Places(grid, tile, places.heads, places.size, places.scrolled_to(index))
        left, top, wide, high = places.box_of(index)
        assert index in places.seen()
        middle = (left + wide / 2, top + high / 2)
        if wide <= places.room[0] - 6 and high <= places.room[1] - 6:  # then all of it is seen
            assert left >= 30 and top >= 20  # noqa: PT018
            assert left + wide <= places.size[0] and top + high <= places.size[1]  # noqa: PT018
            assert places.at(*middle) == index
        seen = {one for _, one in places.within((*places.heads, *places.room))}
        assert seen == set(places.seen())


@given(st.integers(1, 30), st.integers(1, 15), sizes, st.floats(0.4, 2.5))
def test_arranging_loses_no_slice_and_makes_none_smaller(frames, slices, room, aspect):
    for grid in (
        frames_grid({}, frames, slices),
        phases_grid({0: "ED", frames: "ES"}, slices),
    ):
        best = arranged(grid, room, aspect, None)
        assert sorted(best.slices) == sorted(grid.slices)
        assert side_in(best, room, aspect) >= side_in(grid, room, aspect)


def test_ed_comes_before_es_whatever_their_frames():
    assert [row[0].t for row in phases_grid({3: "ED", 1: "ES"}, 2).rows] == [3, 1]


@given(
    st.tuples(st.floats(-20, 120), st.floats(-20, 120)),
    st.floats(1, 300),
    st.tuples(st.floats(0.5, 3), st.floats(0.5, 3)),
)
def test_crops_lie_in_the_slice(middle, side, spacing):
    crop = about(middle, side, spacing, (90, 70))
    assert whole((90, 70)).holds(crop)
    assert min(crop.shape) >= 1


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 30), st.integers(1, 30))
def test_what_is_labelled_lies_in_the_crop(top, left, high, wide):
    labels = np.zeros((2, 100, 100), np.uint8)
    labels[1, top : top + high, left : left + wide] = 3
    crop = about_labels(labels, (1.5, 1.5))
    assert crop.of(labels[1]).sum() == labels.sum()
    assert steady(whole((100, 100)), crop) in {whole((100, 100)), crop}


def test_a_stray_piece_does_not_decide():
    labels = np.zeros((1, 200, 200), np.uint8)
    labels[0, 80:120, 80:120] = 1
    crop = about_labels(labels, (1.0, 1.0))
    labels[0, 2:4, 2:4] = 3
    assert about_labels(labels, (1.0, 1.0)) == crop
    assert about_labels(np.zeros_like(labels), (1.0, 1.0)) is None


GRID = frames_grid({}, 4, 3)


@pytest.mark.parametrize("first", [SliceIndex(0, 0), SliceIndex(2, 1)])
def test_a_range_goes_from_where_it_began(first):
    chosen = Selection()
    assert chosen.meant == ()
    chosen.put(first)
    assert chosen.meant == (first,)
    chosen.extend(SliceIndex(3, 2), GRID)
    chosen.extend(SliceIndex(1, 2), GRID)
    low, high = sorted((first.t, 1))
    assert set(chosen.meant) == {
        SliceIndex(t, z) for t in range(low, high + 1) for z in range(first.z, 3)
    }


def test_single_slices_are_added_and_taken_off():
    chosen, (a, b) = Selection(), (SliceIndex(0, 0), SliceIndex(2, 1))
    chosen.put(a)
    chosen.toggle(b)
    assert chosen.meant == (a, b)
    chosen.toggle(a)
    assert chosen.meant == (b,)
    chosen.keep_to(frames_grid({}, 2, 3))  # b is not shown there
    assert (chosen.meant, chosen.cursor) == ((a,), a)
    chosen.clear()
    assert chosen.meant == (a,)
