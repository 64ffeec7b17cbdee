import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cardiac_ssl.anatomy import (
    ACDC,
    SAX_STRUCTURES,
    SCHEMES,
    UKBB,
    LabelScheme,
    Structure,
    detect_scheme,
    scheme_named,
)
from napari_cardiac_ssl.errors import InputError


def heart(scheme: LabelScheme, *, rv: bool = True, lv: bool = True) -> np.ndarray:
    y, x = np.indices((64, 64))
    from_lv = np.hypot(y - 32, x - 40)
    mask = np.zeros((64, 64), np.uint8)
    if rv:
        mask[np.hypot(y - 32, x - 26) < 14] = scheme.code(Structure.RV_CAVITY)
    mask[from_lv < 14] = scheme.code(Structure.MYOCARDIUM)
    if lv:
        mask[from_lv < 9] = scheme.code(Structure.LV_CAVITY)
    return mask


@given(arrays(np.uint8, (3, 4), elements=st.integers(0, 3)))
def test_schemes_convert_there_and_back(labels: np.ndarray) -> None:
    ours = ACDC.convert(labels, UKBB)
    np.testing.assert_array_equal(UKBB.convert(ours, ACDC), labels)
    for structure in SAX_STRUCTURES:
        np.testing.assert_array_equal(labels == ACDC.code(structure), ours == UKBB.code(structure))


@pytest.mark.parametrize("scheme", SCHEMES.values())
@pytest.mark.parametrize("rv", [True, False])
@pytest.mark.parametrize("turns", range(4))
def test_the_enclosed_cavity_is_the_lv(scheme: LabelScheme, rv: bool, turns: int) -> None:
    mask = np.rot90(heart(scheme, rv=rv), turns)
    assert detect_scheme(mask) is scheme
    assert detect_scheme(np.stack([np.zeros_like(mask), mask])[np.newaxis]) is scheme


@pytest.mark.parametrize(
    "mask",
    [
        heart(UKBB, lv=False),
        heart(UKBB, lv=False, rv=False),
        np.where(heart(UKBB) == 2, 0, heart(UKBB)),
        np.zeros((5, 5), np.uint8),
    ],
)
def test_a_mask_that_does_not_tell(mask: np.ndarray) -> None:
    with pytest.raises(InputError, match="name it with --scheme ukbb or --scheme acdc"):
        detect_scheme(mask)


@pytest.mark.parametrize("value", [4, 77])
def test_unknown_integers(value: int) -> None:
    mask = heart(ACDC).astype(np.int16)
    mask[0, 0] = value
    with pytest.raises(InputError, match=f"unknown integer {value} in the mask; .*3 LV cavity"):
        ACDC.convert(mask, UKBB)


def test_negative_integers_are_unknown() -> None:
    with pytest.raises(InputError, match="unknown integers -2, 9"):
        UKBB.check(np.array([-2, 0, 1, 9]))


def test_what_a_scheme_cannot_say() -> None:
    atrium = np.array([UKBB.code(Structure.LEFT_ATRIUM)])
    with pytest.raises(InputError, match="'acdc' has no integer for the left atrium"):
        UKBB.convert(atrium, ACDC)


def test_names() -> None:
    assert scheme_named("acdc") is ACDC
    with pytest.raises(InputError, match="known are ukbb, acdc"):
        scheme_named("corseg")
