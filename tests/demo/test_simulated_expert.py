import numpy as np

from napari_cardiac_ssl.demo.simulated_expert import corrected
from napari_cardiac_ssl.metrics import dice

Y, X = np.indices((60, 60))


def disc(radius, centre=(30, 30), code=1):
    away = np.hypot(Y - centre[0], X - centre[1])
    return ((away <= radius) * code).astype(np.uint8)


def test_borders_within_the_tolerance_stay():
    reference, drawn = disc(12), disc(13)  # a pixel too large all round
    np.testing.assert_array_equal(corrected(drawn, reference, (1.3, 1.3), 2.0), drawn)
    assert (corrected(drawn, reference, (1.3, 1.3), 1.0) != drawn).sum() > 20


def test_what_is_missing_or_elsewhere_is_corrected():
    reference = disc(12)
    nothing = np.zeros_like(reference)
    np.testing.assert_array_equal(corrected(nothing, reference, (1.5, 1.5)), reference)
    np.testing.assert_array_equal(corrected(reference, nothing, (1.5, 1.5)), nothing)
    other = disc(12, code=3)
    np.testing.assert_array_equal(corrected(other, reference, (1.5, 1.5)), reference)


def test_only_the_piece_that_is_wrong_enough_is_corrected():
    reference = disc(12)
    drawn = reference.copy()
    drawn[5:9, 5:9] = 2  # a piece far away
    drawn[30, 43] = 1  # a pixel too many at the border
    fixed = corrected(drawn, reference, (1.5, 1.5))
    assert not fixed[5:9, 5:9].any()
    assert fixed[30, 43] == 1
    assert dice(fixed == 1, reference == 1) > 0.99


def test_inputs_are_not_changed():
    reference, drawn = disc(12), disc(5)
    copies = reference.copy(), drawn.copy()
    corrected(drawn, reference, (1.5, 1.5))
    np.testing.assert_array_equal(reference, copies[0])
    np.testing.assert_array_equal(drawn, copies[1])
