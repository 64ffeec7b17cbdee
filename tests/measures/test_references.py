"""Reference ranges: of the same convention, of whole hearts, and never a diagnosis."""

from math import nan

import pytest

from napari_cardiac_ssl.measures import (
    MEASURES,
    Basis,
    Measures,
    Papillary,
    Sex,
    reference,
    stroke_volumes,
)
from napari_cardiac_ssl.measures.references import _RANGES, STROKE_SPREAD_ML


def test_every_range_is_of_a_measure_and_has_a_source() -> None:
    columns = {m.column for m in MEASURES} | {m.index_column for m in MEASURES if m.indexed}
    for ranges in _RANGES.values():
        assert set(ranges) <= columns
        for men, women, source in ranges.values():
            for low, high in (men, women):
                assert 0 < low < high
            assert source.partition(":")[2]


@pytest.mark.parametrize(
    ("column", "sex", "papillary", "expected"),
    [
        # As published: Zhan 2024 (muscle in the cavity), Kawel-Boehm 2025 tables 2, 8 and 9.
        ("lv_ef_percent", "male", "cavity", "52 to 73"),
        ("lv_ef_percent", "female", "cavity", "54 to 75"),
        ("lv_ef_percent", "male", "mass", "53 to 79"),
        ("lv_edvi_ml_per_m2", "male", "cavity", "60 to 109"),
        ("lv_edvi_ml_per_m2", "female", "mass", "46 to 91"),
        ("rv_ef_percent", "female", "mass", "49 to 77"),
        ("rv_edvi_ml_per_m2", "male", "mass", "49 to 117"),
    ],
)
def test_ranges_are_those_of_the_papers(column, sex, papillary, expected) -> None:
    assert str(reference(column, Sex(sex), Papillary(papillary))) == expected


def test_without_sex_or_of_a_part_there_is_none() -> None:
    heart = Measures(lv_edv_ml=150, lv_esv_ml=60, body_surface_m2=2.0)
    assert heart.reference("lv_ef_percent") is None
    part = Measures(ed=Basis(0, (1,), of=9, is_part=True), sex=Sex.MALE)
    assert part.reference("lv_ef_percent") is None
    assert Measures(sex=Sex.MALE).reference("lv_sv_ml") is None


@pytest.mark.parametrize(
    ("value", "place"), [(59.4, "below"), (59.6, "within"), (109.4, "within"), (109.6, "above")]
)
def test_a_value_is_compared_as_it_is_shown(value, place) -> None:
    found = reference("lv_edvi_ml_per_m2", Sex.MALE, Papillary.CAVITY)
    assert found.place(value) == place
    assert found.place(nan) == ""


def ejecting(lv: float, rv: float, **settings) -> Measures:
    volumes = {"lv_edv_ml": 100 + lv, "rv_edv_ml": 100 + rv, "lv_esv_ml": 100, "rv_esv_ml": 100}
    return Measures(**volumes, **settings)


def test_stroke_volumes_that_differ_are_said_with_the_limit_and_its_source() -> None:
    assert "which the method alone may do" in stroke_volumes(ejecting(80, 80 - STROKE_SPREAD_ML))
    said = stroke_volumes(ejecting(80, 50))
    assert said.startswith("LV and RV stroke volume differ by 30 ml (LV 80, RV 50)")
    assert "23 ml; Kon et al." in said
    assert stroke_volumes(Measures(lv_edv_ml=100)) == ""
    assert stroke_volumes(ejecting(80, -3)) == ""
    part = Basis(0, (1,), of=9, is_part=True)
    assert stroke_volumes(ejecting(80, 20, ed=part)) == ""
    assert ejecting(80, 50).row()["lv_rv_sv_ml"] == 30
