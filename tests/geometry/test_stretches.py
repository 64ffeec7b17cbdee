"""A stretch of a line is drawn anew: it goes where the stroke goes, and else where it went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from napari_cardiac_ssl.geometry.outlines import filled
from napari_cardiac_ssl.geometry.stretches import overdrawn, untangled

NUMBER = 120
SPACING = (1.0, 1.0)


def arc(start_deg, end_deg, radius=20.0, number=40):
    angle = np.radians(np.linspace(start_deg, end_deg, number))
    return 40 + radius * np.c_[np.sin(angle), np.cos(angle)]


CIRCLE = arc(0, 360, number=NUMBER + 1)[:-1]


def radius_at(line, degrees):
    """How far out the line goes in a direction."""
    row, column = (line - 40).T
    turned = np.degrees(np.arctan2(row, column)) - degrees
    return np.hypot(row, column)[np.abs((turned + 180) % 360 - 180).argmin()]


@pytest.mark.parametrize("flip", [False, True])
@given(start=st.floats(0, 360), length=st.floats(15, 330), radius=st.floats(16, 24))
def test_it_goes_along_the_stroke_and_else_stays(flip, start, length, radius):
    """However long it is, either way round, over the end of the line too."""
    stroke = arc(start, start + length, radius)
    line = overdrawn(CIRCLE, stroke[::-1] if flip else stroke, SPACING)
    assert radius_at(line, start + length / 2) == pytest.approx(radius, abs=0.1)
    assert radius_at(line, start + length / 2 + 180) == pytest.approx(20, abs=0.1)
    steps = np.hypot(*(np.roll(line, -1, axis=0) - line).T)
    assert steps.max() < 8  # it leaps nowhere


def test_all_round_it_is_the_stroke():
    line = overdrawn(CIRCLE, arc(10, 369, 24), SPACING)
    assert np.hypot(*(line - 40).T).min() == pytest.approx(24)


@given(start=st.integers(0, NUMBER - 1), turns=st.booleans())
def test_where_the_line_begins_does_not_matter(start, turns):
    line = np.roll(CIRCLE, start, axis=0)
    line = line[::-1] if turns else line
    new = overdrawn(line, arc(20, 80, 23), SPACING)
    wanted = overdrawn(CIRCLE, arc(20, 80, 23), SPACING)
    assert {tuple(one) for one in new.round(6)} == {tuple(one) for one in wanted.round(6)}


def test_a_click_leaves_it_where_it_was():
    line = overdrawn(CIRCLE, CIRCLE[5:6], SPACING)
    assert {tuple(one) for one in line} == {tuple(one) for one in CIRCLE}


@given(seed=st.integers(0, 10_000))
def test_what_trembles_comes_out_as_one_piece(seed):
    noise = np.random.default_rng(seed).normal(0, 1.5, (60, 2))
    line = overdrawn(CIRCLE, arc(-60, 60, 20, 60) + noise, SPACING)
    region = filled([untangled(line, (80, 80))], (80, 80))
    assert label(region)[1] == label(~region)[1] == 1
    before = filled([CIRCLE], (80, 80))
    assert np.array_equal(region[:, :40], before[:, :40])


def test_what_is_in_one_piece_stays_as_it_is():
    assert untangled(CIRCLE, (80, 80)) is CIRCLE
    assert untangled(CIRCLE + 200, (80, 80)).min() > 80
