"""A border that is moved changes what it passes over, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.borders import lines_of, redrawn
from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.geometry.outlines import filled, pulled

LV, MYO, RV = 1, 2, 3
SPACING = (1.5, 1.5)
Y, X = np.mgrid[:48, :56]
ENDO, EPI = Border.ENDOCARDIUM, Border.EPICARDIUM


def heart(*, wall: float = 5, cavity: float = 9) -> np.ndarray:
    """An LV, and an RV round its left side: a crescent."""
    labels = np.zeros(Y.shape, np.uint8)
    labels[(Y - 24) ** 2 + (X - 22) ** 2 < 17**2] = RV
    labels[(cavity + wall) ** 2 > (Y - 24) ** 2 + (X - 32) ** 2] = MYO
    labels[cavity**2 > (Y - 24) ** 2 + (X - 32) ** 2] = LV
    return labels


hearts = st.builds(heart, wall=st.floats(0.6, 7), cavity=st.floats(2, 12))


def region(labels: np.ndarray, border: Border) -> np.ndarray:
    return np.isin(labels, [UKBB.code(one) for one in WITHIN[border]])


def at(labels: np.ndarray, border: Border, place: tuple[float, float]) -> int:
    """The point of a border's line that is nearest to a place."""
    [line] = lines_of(labels)[border]
    return int(np.hypot(*(line - place).T).argmin())


def drag(labels, border, place, by, reach=14.0):
    [line] = lines_of(labels)[border]
    index = at(labels, border, place)
    return redrawn(labels, border, line, pulled(line, index, np.array(by), SPACING, (reach, reach)))


def exchanged(before, after):
    """What became what."""
    where = before != after
    return set(zip(before[where].tolist(), after[where].tolist(), strict=True))


@given(hearts | arrays(np.uint8, (7, 8), elements=st.integers(0, 5)))
def test_untouched_borders_are_filled_to_their_very_voxels(labels):
    lines = lines_of(labels)
    for border, found in lines.items():
        assert np.array_equal(filled(found, labels.shape), region(labels, border))
        for line in found:
            assert np.array_equal(redrawn(labels, border, line, line), labels)
    own = {UKBB.code(within[0]) for within in WITHIN.values()}
    assert len(lines) == len(own & set(np.unique(labels).tolist()))


def test_the_endocardium_is_drawn_last():
    assert list(lines_of(heart())) == [Border.RV, EPI, ENDO]


@given(
    hearts,
    st.sampled_from(Border),
    st.integers(0, 200),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)
def test_only_voxels_between_the_lines_change(labels, border, index, by):
    for line in lines_of(labels).get(border, []):
        moved = pulled(line, index % len(line), np.array(by), SPACING, (12, 12))
        after = redrawn(labels, border, line, moved)
        passed = filled([line], labels.shape) ^ filled([moved], labels.shape)
        assert np.array_equal(after[~passed], labels[~passed])
        own = UKBB.code(WITHIN[border][0])
        assert {own} >= {new for _, new in exchanged(labels, after) if new not in {0, MYO}}


def test_moving_the_endocardium_exchanges_cavity_and_myocardium():
    labels = heart()
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, 3))) == {(MYO, LV)}
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, -3))) == {(LV, MYO)}


def test_moving_the_epicardium_exchanges_myocardium_and_background():
    labels = heart()
    assert exchanged(labels, drag(labels, EPI, (24, 46), (0, 3))) == {(0, MYO)}
    assert exchanged(labels, drag(labels, EPI, (24, 46), (0, -3))) == {(MYO, 0)}
    # At the septum too: the RV's border is its own.
    assert exchanged(labels, drag(labels, EPI, (24, 18), (0, 3))) == {(MYO, 0)}


def test_the_epicardium_takes_of_the_rv_what_it_covers():
    labels = heart()
    assert exchanged(labels, drag(labels, EPI, (24, 18), (0, -3))) == {(RV, MYO)}


def test_the_epicardium_never_takes_of_the_lv_cavity():
    labels = heart(wall=2)
    after = drag(labels, EPI, (24, 43), (0, -6))
    assert exchanged(labels, after) == {(MYO, 0)}


def test_the_rv_stops_at_the_lv_s_wall():
    labels = heart()
    assert drag(labels, Border.RV, (24, 18), (0, 6)).tolist() == labels.tolist()
    assert exchanged(labels, drag(labels, Border.RV, (24, 5), (0, -3))) == {(0, RV)}
    assert exchanged(labels, drag(labels, Border.RV, (24, 5), (0, 3))) == {(RV, 0)}


def test_an_endocardium_without_a_wall_leaves_background():
    labels = np.where(heart() == LV, LV, 0).astype(np.uint8)
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, -3))) == {(LV, 0)}
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, 3))) == {(0, LV)}


def test_an_open_wall_stays_open():
    """As at the valve: the cavity meets the background, and goes back without a wall growing."""
    labels = heart()
    labels[(X > 40) & (np.abs(Y - 24) < 10) & (labels == MYO)] = 0
    after = drag(labels, ENDO, (24, 41), (0, -2), reach=6)
    assert exchanged(labels, after) == {(LV, 0)}


def test_the_endocardium_stops_at_the_epicardium():
    labels = heart(wall=2)
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, 6))) == {(MYO, LV)}
    assert exchanged(labels, drag(labels, ENDO, (24, 23), (0, -6))) == {(MYO, LV)}  # at the RV


def test_where_the_wall_is_open_the_endocardium_takes_what_it_covers():
    labels = heart()
    atrium = UKBB.code(Structure.LEFT_ATRIUM)
    labels[(X > 40) & (np.abs(Y - 24) < 10) & np.isin(labels, [0, MYO])] = atrium
    assert exchanged(labels, drag(labels, ENDO, (24, 41), (0, 3), reach=6)) == {(atrium, LV)}


@pytest.mark.parametrize("border", [ENDO, EPI, Border.RV])
def test_one_piece_of_several_is_moved_alone(border):
    labels = np.zeros((48, 120), np.uint8)
    labels[:, :56], labels[:, 60:116] = heart(), heart()
    lines = lines_of(labels)[border]
    assert len(lines) == 2
    first = min(lines, key=lambda line: line[:, 1].min())
    moved = pulled(first, 0, np.array([3.0, 3.0]), SPACING, (12, 12))
    after = redrawn(labels, border, first, moved)
    assert not np.array_equal(after[:, :60], labels[:, :60])
    assert np.array_equal(after[:, 60:], labels[:, 60:])


def test_a_hole_is_moved_as_any_piece():
    labels = np.where((Y - 24) ** 2 + (X - 28) ** 2 < 15**2, RV, 0).astype(np.uint8)
    labels[(Y - 24) ** 2 + (X - 28) ** 2 < 6**2] = 0
    outer, hole = sorted(lines_of(labels)[Border.RV], key=len, reverse=True)
    assert len(outer) > len(hole)
    moved = 24 + (hole - 24) * 0.5 + (0, 2)
    after = redrawn(labels, Border.RV, hole, moved)
    assert exchanged(labels, after) == {(0, RV)}


@pytest.mark.parametrize("within", [MYO, 0])
def test_an_endocardium_that_goes_back_takes_no_papillary_muscle(within):
    """However it is labelled: it lies in the wall then, or stays outside all."""
    labels = heart()
    papillary = (Y - 24) ** 2 + (X - 38) ** 2 < 2**2
    labels[papillary] = within
    outer = max(lines_of(labels)[ENDO], key=len)
    middle = outer.mean(axis=0)
    after = redrawn(labels, ENDO, outer, middle + (outer - middle) * 0.4)
    assert {before for before, _ in exchanged(labels, after)} == {LV}
    assert (after[papillary] == within).all()


def test_the_rv_takes_of_an_atrium_what_it_covers():
    labels = np.zeros(Y.shape, np.uint8)
    ra = UKBB.code(Structure.RIGHT_ATRIUM)
    labels[10:24, 10:40], labels[24:40, 10:40] = ra, RV
    assert exchanged(labels, drag(labels, Border.RV, (23.5, 25), (-3, 0))) == {(ra, RV)}
    assert exchanged(labels, drag(labels, Border.RIGHT_ATRIUM, (23.5, 25), (3, 0))) == set()
