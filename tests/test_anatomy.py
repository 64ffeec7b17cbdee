from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_cardiac_ssl.anatomy import (
    ACDC,
    SAX_STRUCTURES,
    SCHEMES,
    UKBB,
    LabelScheme,
    Structure,
    scheme_named,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.scheme_detection import check_codes, detect_scheme, read_labels


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


# Integers of other data sets


def ring(codes: dict[str, int], size: int = 40) -> np.ndarray:
    """A slice whose structures have these integers; what is not named is not there."""
    y, x = np.indices((size, size))
    labels = np.zeros((size, size), np.int32)
    radius = np.hypot(y - 20, x - 17)
    beside = np.hypot((y - 20) / 1.4, x - 26) < 10
    labels[beside & (radius >= 11)] = codes.get("rv", 0)
    labels[radius < 11] = codes["wall"]
    angle = np.degrees(np.arctan2(y - 20, x - 17))
    scar = (radius < 11) & (angle > 100) & (angle < 160)
    labels[scar] = codes.get("scar", codes["wall"])
    labels[radius < 6] = codes["lv"]
    return labels


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (
            {"wall": 1, "lv": 2, "rv": 3},
            "2 is enclosed by 1: this looks like 1 myocardium, 2 LV cavity, 3 RV cavity",
        ),
        (
            {"wall": 1, "lv": 2},
            "2 is enclosed by 1: this looks like 1 myocardium, 2 LV cavity",
        ),
        (
            {"wall": 3, "lv": 1, "rv": 2},
            "1 is enclosed by 3: this looks like 1 LV cavity, 2 RV cavity, 3 myocardium",
        ),
        (
            {"wall": 200, "lv": 500, "rv": 600},
            "500 is enclosed by 200: this looks like 200 myocardium, 500 LV cavity, 600 RV cavity",
        ),
        (
            {"wall": 2, "lv": 1, "scar": 3},
            "1 is enclosed by 2: this looks like 1 LV cavity, 2 myocardium, 3 within the wall "
            "(a scar?)",
        ),
    ],
)
def test_integers_of_other_data_sets_are_named(codes: dict[str, int], said: str) -> None:
    reading = read_labels(ring(codes))
    assert str(reading) == said
    assert reading.contradicts(UKBB)
    assert reading.contradicts(ACDC)


def test_our_schemes_are_read_as_they_are() -> None:
    for scheme in (UKBB, ACDC):
        lv, wall, rv = (
            scheme.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
        )
        reading = read_labels(ring({"lv": lv, "wall": wall, "rv": rv}))
        assert not reading.contradicts(scheme)
        assert reading.contradicts(ACDC if scheme is UKBB else UKBB)


@given(st.permutations(range(1, 9)))
def test_any_integers_are_told_apart(codes: list[int]) -> None:
    lv, wall, rv = codes[:3]
    reading = read_labels(ring({"lv": lv, "wall": wall, "rv": rv}))
    assert reading.meanings == {lv: "LV cavity", wall: "myocardium", rv: "RV cavity"}


def test_what_says_nothing_is_not_read() -> None:
    assert read_labels(np.zeros((9, 9), int)) is None
    assert read_labels(np.eye(9, dtype=int)) is None
    assert read_labels(np.arange(81).reshape(9, 9)) is None
    assert read_labels(ring({"wall": -1, "lv": 2})) is None


def test_detection_names_what_no_scheme_is() -> None:
    with pytest.raises(InputError, match=r"2 is enclosed by 1: .* which is no label scheme known"):
        detect_scheme(ring({"wall": 1, "lv": 2, "rv": 3}))
    with pytest.raises(InputError, match=r"this looks like 1 myocardium, 2 LV cavity, 4 RV cavity"):
        detect_scheme(ring({"wall": 1, "lv": 2, "rv": 4}))
    with pytest.raises(InputError, match=r"unknown integers 500, 600 .*500 is enclosed by 2"):
        check_codes(ring({"wall": 2, "lv": 500, "rv": 600}), UKBB)


#: What dichromats see, in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
EYES = {
    "usual": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def seen_by(eyes, rgb):
    """Return colours in CIELAB as somebody sees them; RGB from 0 to 1, shape (n, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ EYES[eyes].T, 0, 1)
    encoded = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded[None])[0]


def from_hex(*colours):
    return np.array([[int(one[i : i + 2], 16) / 255 for i in (1, 3, 5)] for one in colours])


def least_distances(eyes, colours):
    """Return the least CIEDE2000 between colours, and from each to any grey of the picture."""
    labs = seen_by(eyes, from_hex(*colours))
    greys = seen_by(eyes, np.repeat(np.linspace(0, 1, 51)[:, None], 3, axis=1))
    pairs = min(float(deltaE_ciede2000(a, b)) for a, b in combinations(labs, 2))
    return pairs, min(float(deltaE_ciede2000(a, grey)) for a in labs for grey in greys)


@pytest.mark.parametrize("eyes", EYES)
def test_colours_of_structures_are_told_apart_by_all_eyes(eyes):
    between, from_grey = least_distances(eyes, [one.colour for one in Structure])
    assert between > 16
    assert from_grey > 18


def test_green_and_pink_would_not_do():
    """For deutan eyes the bluish green of Okabe and Ito is as grey as muscle."""
    _, from_grey = least_distances("deutan", ["#009E73", "#CC79A7"])
    assert from_grey < 8
