"""What is left out of a prediction is what hangs together with nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.learning.one_heart import one_heart

LV, WALL, RV = (
    UKBB.code(one) for one in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
)


def heart():
    labels = np.zeros((4, 24, 24), np.uint8)
    labels[:, 6:16, 6:16] = WALL
    labels[:, 8:14, 8:14] = LV
    labels[:, 6:14, 2:6] = RV
    return labels


def test_a_heart_stays_as_it_is():
    assert (one_heart(heart()) == heart()).all()


def test_what_lies_apart_goes_and_all_else_stays():
    labels = heart()
    labels[0, 20:23, 20:23] = LV  # far away
    labels[1, 7, 15] = RV  # within the wall, on the other side
    kept = one_heart(labels)
    assert not kept[0, 20:23, 20:23].any()
    assert kept[1, 7, 15] == 0
    kept[1, 7, 15] = WALL
    assert (kept == heart()).all()


def test_a_slice_that_was_missed_parts_no_heart():
    labels = heart()
    labels[2] = 0
    assert (one_heart(labels) == labels).all()


@given(arrays.arrays(np.uint8, (3, 7, 7), elements=st.integers(0, 5)))
def test_nothing_is_drawn_and_one_heart_is_left(labels):
    kept = one_heart(labels)
    assert ((kept == labels) | (kept == 0)).all()
    for code in (LV, RV):
        cavity = kept == code
        shown = cavity.any(axis=(1, 2))
        assert ndimage.label(cavity[shown], np.ones((3, 3, 3)))[1] <= 1
