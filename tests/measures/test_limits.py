"""Numbers that no heart has, and frames that are labelled in part."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.measures import Basis, Check, Measured, Measures, Phases
from napari_cardiac_ssl.measures.limits import long_axis_warnings, number_warnings
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.synthetic import make_study

HEART = Measures(
    ed=Basis(0, (1, 2)),
    es=Basis(9, (1, 2)),
    lv_edv_ml=150,
    lv_esv_ml=60,
    rv_edv_ml=160,
    rv_esv_ml=70,
    myocardium_ed_ml=100,
    myocardium_es_ml=110,
)


def said(**numbers: float) -> list[str]:
    return [str(warning) for warning in number_warnings(replace(HEART, **numbers))]


def cine(frames: int = 6) -> tuple[np.ndarray, np.ndarray, int]:
    """Labels, affine and the frame of ES."""
    heart = make_study(7, frames=frames, slices=10, size=96, lax=False)
    return heart.masks[View.SAX], heart.study.stack(View.SAX).affine, heart.es_frame


def test_a_heart_is_not_doubted() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (
            {"lv_esv_ml": 10.0},
            "frame 9: LV EF of 93.3 % is none that a heart has (limits 5 to 88 %)",
        ),
        ({"lv_esv_ml": 149.0, "rv_esv_ml": 150.0}, "frame 9: LV EF of 0.7 % is none"),
        ({"rv_esv_ml": 158.0}, "frame 9: RV EF of 1.2 % is none"),
        ({"lv_edv_ml": 2.1, "lv_esv_ml": np.nan}, "frame 0: LV EDV of 2.1 ml is none"),
        ({"myocardium_ed_ml": 800.0}, "frame 0: LV mass of 840.0 g is none"),
        ({"rv_edv_ml": 20.0, "rv_esv_ml": np.nan}, "frame 0: LV EDV over RV EDV of 7.5 is none"),
        ({"rv_esv_ml": 135.0}, "frame 9: the LV ejects 90 ml and the RV 25 ml of one circulation"),
        ({"myocardium_es_ml": 12.0}, "frame 9: the myocardium has 12 ml at ES and 100 ml at ED"),
    ],
)
def test_numbers_that_no_heart_has(numbers: dict[str, float], words: str) -> None:
    assert any(line.startswith(words) for line in said(**numbers))


def test_walls_that_no_heart_has() -> None:
    labels, affine, _ = cine()
    measured = Measured(labels, affine)
    heart = measured.measures(phases=(0, None), wall=True)
    thick = replace(heart.wall_ed, mean_mm=48.0, segments_mm={1: 70.0})
    lines = [str(w) for w in number_warnings(replace(heart, wall_ed=thick))]
    assert "frame 0: mean wall thickness at ED of 48.0 mm is none that a heart has" in lines[0]
    assert "largest wall thickness at ED of 70.0 mm" in lines[1]


@given(st.floats(40, 300), st.floats(0.2, 0.8), st.floats(0.85, 1.2), st.floats(0.8, 1.3))
def test_ordinary_hearts_are_never_doubted(
    edv: float, ejected: float, rv: float, kept: float
) -> None:
    numbers = {
        "lv_edv_ml": edv,
        "lv_esv_ml": edv * (1 - ejected),
        "rv_edv_ml": edv * rv,
        "rv_esv_ml": edv * rv * (1 - ejected),
        "myocardium_ed_ml": 0.7 * edv,
        "myocardium_es_ml": 0.7 * edv * kept,
    }
    assert said(**numbers) == []


def test_the_synthetic_heart_and_its_phases_are_not_doubted() -> None:
    labels, affine, es = cine()
    measured = Measured(labels, affine)
    assert measured.partial_frames() == {}
    assert measured.phases() == Phases(0, es)
    measured.measures(wall=True)
    assert not [w for w in measured.warnings(phases=(0, es)) if w.check is Check.NUMBER]


def test_real_hearts_are_not_doubted(real_data) -> None:
    for path in sorted((real_data / "acdc" / "annotated").glob("*/*_ED_gt.nii.gz")):
        masks = [read_mask(str(path).replace("_ED_", phase)) for phase in ("_ED_", "_ES_")]
        both = np.concatenate([mask.labels for mask in masks])
        measured = Measured(both, masks[0].affine)
        assert measured.partial_frames() == {}, path
        measured.measures(phases=(0, 1), wall=True)
        doubts = measured.warnings(phases=(0, 1))
        assert not [w for w in doubts if w.check is Check.NUMBER], path


@given(st.integers(1, 3), st.integers(0, 9), st.booleans())
def test_a_frame_in_part_is_never_ed_or_es(slices: int, first: int, stray: bool) -> None:
    """A stray voxel, or a few slices of a third frame: left aside, and said."""
    labels, affine, es = cine()
    kept = np.zeros_like(labels)
    kept[[0, es]] = labels[[0, es]]
    third = next(t for t in range(1, len(labels)) if t != es)
    if stray:
        kept[third, first, 5, 5] = 1
    else:
        few = slice(first, first + slices)
        kept[third, few] = labels[third, few]
    measured = Measured(kept, affine)
    assert measured.phases() == Phases(0, es)
    labelled = kept[third].any()
    assert (third in measured.partial_frames()) == labelled
    doubts = measured.warnings(third, phases=(0, es))
    found = [w for w in doubts if w.check is Check.PARTIAL]
    assert [w.t for w in found] == ([third] if labelled else [])


def test_es_without_myocardium_or_with_a_cavity_all_but_closed_is_no_part() -> None:
    labels, affine, es = cine()
    endo = labels.copy()
    endo[es][endo[es] == 2] = 0  # the endocardium alone, as many draw at ES
    assert Measured(endo, affine).phases() == Phases(0, es)
    closed = labels.copy()
    closed[es, 5:][closed[es, 5:] == 1] = 2  # an apex that empties
    assert Measured(closed, affine).phases() == Phases(0, es)


def test_a_named_frame_is_used_and_doubted() -> None:
    labels, affine, es = cine()
    kept = labels.copy()
    third = next(t for t in range(1, len(labels)) if t != es)
    kept[third] = 0
    kept[third, 4] = labels[third, 4]
    measured = Measured(kept, affine)
    checks = {w.check for w in measured.warnings(0, third, phases=(0, third))}
    assert {Check.PARTIAL, Check.NUMBER} <= checks


def test_heights_and_areas() -> None:
    labels, affine, _ = cine()
    few = np.zeros_like(labels[:1])
    few[0, 4:6] = labels[0, 4:6]
    doubts = [str(w) for w in Measured(few, affine).warnings(phases=(0, None))]
    assert any("is on 2 slices, 2" in line and "those of a part" in line for line in doubts)
    tall = affine @ np.diag([1, 1, 3, 1])
    doubts = [str(w) for w in Measured(labels[:1], tall).warnings(phases=(0, None))]
    assert any("mm high (limits 25 to 160 mm): check the spacing" in line for line in doubts)
    wide = affine @ np.diag([4, 4, 1, 1])
    doubts = [str(w) for w in Measured(labels[:1], wide).warnings(phases=(0, None))]
    assert any("on one slice, which no heart has (limit 10500 mm²)" in line for line in doubts)


def test_long_axis_views() -> None:
    assert not list(long_axis_warnings(0, 2800.0, 79.0))
    [line] = [str(w) for w in long_axis_warnings(3, 12_000.0, 100.0)]
    assert (
        line == "frame 3: LV area of 12000.0 mm² is none that a heart has (limits 0 to 10500 mm²)"
    )


def test_cavities_alone_leak_nowhere() -> None:
    labels, affine, _ = cine()
    alone = np.where(labels[:1] == 1, labels[:1], 0)
    assert not [w for w in Measured(alone, affine).warnings() if w.check is Check.LEAK]
