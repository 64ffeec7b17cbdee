"""What is made of a teacher's opinion and an expert's contours (`training/teacher.py`)."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.geometry.positioned import NOT_LV, PositionedStack
from napari_cardiac_ssl.study import Stack

FILE = Path(__file__).parents[2] / "training" / "teacher.py"
SIDE = 96


@pytest.fixture(scope="module")
def teacher():
    spec = importlib.util.spec_from_file_location("teacher", FILE)
    module = sys.modules["teacher"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["teacher"]


def disc(radius, at=(48, 48)):
    y, x = np.mgrid[:SIDE, :SIDE]
    return (y - at[0]) ** 2 + (x - at[1]) ** 2 < radius**2


def person(teacher, whole):
    stack = Stack(np.zeros((1, 2, SIDE, SIDE), np.int16), np.diag([1.3, 1.3, 8, 1]))
    positioned = PositionedStack(stack, None, tuple(stack.slice_indices()))
    return teacher.Drawn(positioned, np.stack([disc(14)] * 2), np.stack([whole, disc(0)]))


def opinion_of(wall, blood, sure=0.9):
    """Two slices alike: how sure the teacher is of wall, blood and nothing."""
    labels = np.where(wall, 1, np.where(blood, 2, 0))
    one = np.full((3, SIDE, SIDE), (1 - sure) / 2, dtype=np.float32)
    np.put_along_axis(one, labels[None], sure, axis=0)
    return np.stack([one, one], axis=1)


def test_the_experts_contours_overrule(teacher):
    drawn = person(teacher, whole=disc(20))
    said = opinion_of(wall=disc(26), blood=disc(12, (48, 20)) & ~disc(26))
    expert, alone = teacher.labels_of(said, drawn, favour=0.0)[0]
    assert ((expert == teacher.LV) == disc(14)).all()
    assert ((expert == teacher.MYOCARDIUM) == disc(20) & ~disc(14)).all()
    assert ((alone == teacher.LV) == disc(14)).all()
    assert ((alone == teacher.MYOCARDIUM) == disc(26) & ~disc(14)).all()
    assert (alone == teacher.RV).any()
    assert (expert[disc(26) & ~disc(20)] != teacher.MYOCARDIUM).all()


def test_walls_are_as_thick_as_the_expert_draws_them(teacher):
    # The teacher fades from wall to nothing; it would draw the border at 24 pixels.
    y, x = np.mgrid[:SIDE, :SIDE]
    radius = np.hypot(y - 48, x - 48)
    wall = 1 / (1 + np.exp(radius - 24))
    said = np.stack([1 - wall, wall, np.full_like(wall, 1e-6)]).astype(np.float32)
    said = np.stack([said, said], axis=1)
    drawn = person(teacher, whole=disc(20))
    favour = teacher.wall_bias([said], [drawn])
    assert favour == pytest.approx(-4, abs=0.2)  # a logit is a pixel here
    alone = teacher.labels_of(said, drawn, favour)[0, 1]
    # Without the favour it would be 24; what is doubtful is left open, within a pixel.
    drawn_wall, open_ = alone == teacher.MYOCARDIUM, alone == NOT_LV
    assert not drawn_wall[radius > 20.2].any()
    assert (drawn_wall | open_)[(radius < 20) & (radius > 14)].all()
    assert np.ptp(radius[open_]) < 2


def test_doubt_is_left_open_but_not_for_the_cavity(teacher):
    drawn = person(teacher, whole=disc(0))
    said = opinion_of(wall=disc(20), blood=disc(0), sure=0.5)
    labels = teacher.labels_of(said, drawn, favour=0.0)[0]
    assert set(np.unique(labels)) == {teacher.LV, NOT_LV}
    assert ((labels == teacher.LV) == disc(14)).all()


def test_the_rv_is_one_piece_without_gaps_and_a_second_one_is_left_open(teacher):
    drawn = person(teacher, whole=disc(0))
    beside, far = disc(14, (48, 20)) & ~disc(20), disc(6, (12, 80))
    strand = np.zeros((SIDE, SIDE), bool)
    strand[47:49, 6:28] = True  # a trabecula across the RV
    said = opinion_of(wall=disc(20), blood=(beside & ~strand) | far)
    labels = teacher.labels_of(said, drawn, favour=0.0)[0, 0]
    assert (labels[beside & ~disc(21) & disc(11, (48, 20))] == teacher.RV).all()
    assert (labels[far] == NOT_LV).all()
    assert labels[90, 90] == 0
