"""Contours are filled and traced without loss, and kept as they were drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import find_contours

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import (
    Border,
    Contour,
    Drawn,
    contours_of,
    filled,
    labels_of,
    traced_round,
)
from napari_cardiac_ssl.study import SliceIndex

AT = SliceIndex(0, 0)


def circle(x: float, y: float, radius: float, border: Border, index: SliceIndex = AT) -> Contour:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]
    return Contour(index, border, points, Drawn.CURVE, "c")


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_what_is_traced_is_filled_as_it_was(region):
    pieces = traced_round(region, AT, Border.RV) if region.any() else []
    assert np.array_equal(filled(pieces, region.shape), region)


@given(arrays(np.uint8, (1, 2, 8, 8), elements=st.integers(0, 5)))
def test_any_labels_come_back_from_their_contours(labels):
    contours, traced = contours_of(labels)
    assert traced == len(contours)
    assert np.array_equal(labels_of(contours, labels.shape), labels)


def test_a_curve_holds_the_pixels_whose_centres_it_holds():
    y, x = np.mgrid[:40, :40]
    inside = filled([circle(20, 18, 9.3, Border.RV)], (40, 40))
    assert np.array_equal(inside, (x - 20) ** 2 + (y - 18) ** 2 <= 9.3**2) or (
        np.count_nonzero(inside ^ ((x - 20) ** 2 + (y - 18) ** 2 <= 9.3**2)) <= 4
    )


def test_lines_between_pixels_are_curves():
    y, x = np.mgrid[:30, :30]
    region = (x - 14) ** 2 + (y - 15) ** 2 < 70
    [line] = find_contours(region.astype(float), 0.5)
    contour = Contour(AT, Border.RV, line[:-1, ::-1], Drawn.CURVE)
    assert np.array_equal(filled([contour], region.shape), region)


def test_between_epi_and_endocardium_is_myocardium():
    contours = [
        circle(20, 20, 12, Border.EPICARDIUM),
        circle(20, 20, 7, Border.ENDOCARDIUM),
        circle(33, 20, 5, Border.RV),
    ]
    labels = labels_of(contours, (1, 1, 40, 40))[0, 0]
    assert labels[20, [20, 30, 36, 2]].tolist() == [1, 2, 3, 0]


def test_kept_contours_come_back_where_they_still_hold():
    epi, endo = circle(20, 20, 12, Border.EPICARDIUM), circle(20, 20, 7, Border.ENDOCARDIUM)
    labels = labels_of([epi, endo], (1, 2, 40, 40))
    assert contours_of(labels, [epi, endo]) == ([epi, endo], 0)
    labels[0, 0, 20, 20:34] = 1  # drawn out to the epicardium: another endocardium
    labels[0, 1, 5:9, 5:9] = 3
    contours, traced = contours_of(labels, [epi, endo])
    assert traced == len([c for c in contours if c not in (epi, endo)]) > 0
    assert endo not in contours
    assert np.array_equal(labels_of(contours, labels.shape), labels)


def test_a_contour_is_what_its_record_says():
    one = circle(3, 4, 1.234567, Border.LEFT_ATRIUM, SliceIndex(2, 5))
    again = Contour.of_record(one.record())
    assert (again.index, again.border, again.drawn, again.name) == (
        (2, 5),
        one.border,
        "curve",
        "c",
    )
    assert np.array_equal(again.points, one.points)


def test_a_contour_on_no_slice_is_refused():
    with pytest.raises(InputError, match=r"slice 3 of frame 0; there are 1 frames and 2 slices"):
        labels_of([circle(3, 3, 1, Border.RV, SliceIndex(0, 3))], (1, 2, 9, 9))
