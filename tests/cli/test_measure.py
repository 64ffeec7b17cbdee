"""`measure`: the numbers, on files as others write them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import UKBB, View
from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.measures import Measured
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.landmarks import write_landmarks
from napari_cardiac_ssl.writers.masks import write_mask

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]

FIRST = [
    "file", "ed_frame", "es_frame", "lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent",
    "lv_mass_g", "rv_edv_ml", "rv_esv_ml", "rv_sv_ml", "rv_ef_percent",
]  # fmt: skip


def volume_ml(path: Path, code: int, frame: int = 0) -> float:
    """Voxels times their size, as anybody would count."""
    image = nib.load(path)
    voxels = np.asarray(image.dataobj)
    voxels = voxels if voxels.ndim == 4 else voxels[..., np.newaxis]
    size = np.prod(nib.affines.voxel_sizes(image.affine))
    return float((voxels[..., frame] == code).sum() * size / 1000)


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pair(case, tmp_path: Path) -> tuple[Path, Path]:
    """The two frames of the case's mask as files of their own, ED and ES, without a note."""
    mask = nib.load(case.cine_mask)
    files = []
    for t, phase in enumerate(("ED", "ES")):
        file = tmp_path / f"p1_{phase}_gt.nii.gz"
        frame = np.asarray(mask.dataobj)[..., t]
        nib.save(nib.Nifti1Image(frame.astype(np.uint8), mask.affine), file)
        files.append(file)
    return files[0], files[1]


def test_a_cine_mask_is_a_row(do: Do, case, tmp_path: Path) -> None:
    table = tmp_path / "m.csv"
    out, err = do("measure", case.cine_mask, "--csv", table)
    [row] = read_csv(table)
    assert list(row)[: len(FIRST)] == FIRST
    assert (row["file"], row["ed_frame"], row["es_frame"]) == ("p1_sax_gt.nii.gz", "0", "1")
    edv, esv = (volume_ml(case.cine_mask, 1, t) for t in (0, 1))
    assert float(row["lv_edv_ml"]) == pytest.approx(edv, rel=1e-5)
    assert float(row["lv_ef_percent"]) == pytest.approx(100 * (1 - esv / edv), rel=1e-5)
    assert float(row["lv_mass_g"]) == pytest.approx(1.05 * volume_ml(case.cine_mask, 2), rel=1e-5)
    assert float(row["rv_edv_ml"]) == pytest.approx(volume_ml(case.cine_mask, 3), rel=1e-5)
    assert float(row["wall_ed_mean_mm"]) > 3
    assert row["method"] == "discs"
    assert f"{edv:.1f}" in out
    assert "label scheme ukbb (noted in its header)" in err


def test_volumes_over_time_and_areas(do: Do, refuse: Refuse, case, tmp_path: Path) -> None:
    curve, areas = tmp_path / "curve.csv", tmp_path / "areas.csv"
    do("measure", case.cine_mask, "--curve", curve, "--areas", areas)
    frames = read_csv(curve)
    assert [(row["frame"], row["time_ms"]) for row in frames] == [("0", "0"), ("1", "40")]
    for t, row in enumerate(frames):
        assert float(row["lv_cavity_ml"]) == pytest.approx(
            volume_ml(case.cine_mask, 1, t), rel=1e-5
        )
        rv = volume_ml(case.cine_mask, 3, t)
        assert float(row["rv_cavity_ml"]) == pytest.approx(rv, rel=1e-5)
    slices = read_csv(areas)
    assert len(slices) == 10
    distance_mm = read_mask(case.cine_mask).spacing_mm[0]
    total = sum(float(row["lv_cavity_mm2"]) for row in slices if row["frame"] == "0")
    assert total * distance_mm / 1000 == pytest.approx(volume_ml(case.cine_mask, 1), rel=1e-4)
    line = refuse("measure", "--ed", case.mask, "--es", case.mask, "--curve", curve)
    assert "named one by one" in line


def test_one_frame_has_ed_columns_alone(do: Do, case) -> None:
    [row] = json.loads(do("measure", case.mask, "--scheme", "acdc", "--json")[0])
    assert row["lv_edv_ml"] == pytest.approx(volume_ml(case.mask, 3))
    assert (row["ed_frame"], row["es_frame"]) == (0, None)
    assert [row[c] for c in FIRST if "es" in c or "sv" in c or "ef" in c] == [None] * 7
    assert row["wall_es_01_mm"] is None
    assert row["warnings"] == []


def test_a_pair_is_one_row_that_a_cine_says_too(do: Do, case, pair: tuple[Path, Path]) -> None:
    ed, es = pair
    [row] = json.loads(do("measure", "--ed", ed, "--es", es, "--json")[0])
    [cine] = json.loads(do("measure", case.cine_mask, "--json")[0])
    assert (row["file"], row["es_file"]) == (ed.name, es.name)
    for column in FIRST[3:]:
        assert row[column] == pytest.approx(cine[column], rel=1e-6)
    rows = json.loads(do("measure", "--ed", ed, ed, "--es", es, es, "--json")[0])
    assert rows == [row, row]


def test_es_and_ed_exchanged_are_warned_of(do: Do, pair: tuple[Path, Path]) -> None:
    ed, es = pair
    out, err = do("measure", "--ed", es, "--es", ed, "--json")
    assert f"warning: {ed.name}: frame 0: the LV cavity is larger at ES (" in err
    assert "their names say the opposite: are they exchanged?" in err
    [row] = json.loads(out)
    assert row["lv_ef_percent"] < 0
    assert [w["check"] for w in row["warnings"]][:1] == ["ES larger than ED"]


def test_frames_may_be_named(do: Do, refuse: Refuse, case) -> None:
    named = ("measure", case.cine_mask, "--ed-frame", 1, "--es-frame", 0, "--json")
    [row] = json.loads(do(*named)[0])
    assert (row["ed_frame"], row["es_frame"]) == (1, 0)
    assert row["lv_edv_ml"] == pytest.approx(volume_ml(case.cine_mask, 1, 1))
    assert "no frame 2" in refuse("measure", case.cine_mask, "--es-frame", 2)
    assert "for 4-D masks" in refuse("measure", "--ed", "a", "--es", "b", "--ed-frame", 0)


def test_indexed_values(do: Do, refuse: Refuse, case) -> None:
    given = ("measure", case.cine_mask, "--height-cm", 180, "--weight-kg", 80, "--json")
    [row] = json.loads(do(*given)[0])
    assert row["body_surface_m2"] == pytest.approx(2)
    assert row["lv_edvi_ml_per_m2"] == pytest.approx(row["lv_edv_ml"] / 2)
    assert "give both" in refuse("measure", case.cine_mask, "--height-cm", 180)
    metres = ("measure", case.cine_mask, "--height-cm", 1.8, "--weight-kg", 80)
    assert "give centimetres" in refuse(*metres)


def test_grids_that_differ_are_refused(
    refuse: Refuse, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    ed, es = pair
    image = nib.load(es)
    voxels, moved = np.asarray(image.dataobj), image.affine.copy()
    fewer, beside = tmp_path / "fewer.nii.gz", tmp_path / "beside.nii.gz"
    nib.save(nib.Nifti1Image(voxels[..., :-1], image.affine), fewer)
    moved[0, 3] += 3
    nib.save(nib.Nifti1Image(voxels, moved), beside)
    line = refuse("measure", "--ed", ed, "--es", fewer)
    assert "shape (1, 4, 64, 64)" in line
    assert "(1, 5, 64, 64)" in line
    assert "lies up to 3 mm from" in refuse("measure", "--ed", ed, "--es", beside)


def test_wrong_use(refuse: Refuse, case, pair: tuple[Path, Path]) -> None:
    ed, es = pair
    assert "one of the three" in refuse("measure")
    assert "one of the three" in refuse("measure", ed, "--ed", ed, "--es", es)
    assert "2 masks after --ed but 1 after --es" in refuse("measure", "--ed", ed, es, "--es", es)
    assert "1 mask after --ed but 0" in refuse("measure", "--ed", ed)
    assert "a pair's masks have one each" in refuse("measure", "--ed", case.cine_mask, "--es", es)
    assert "not a mask" in refuse("measure", case.image)
    for wrong in ("0", "nan", "tall"):
        assert "not a number above 0" in refuse("measure", ed, "--height-cm", wrong)


def test_doubts_are_said_with_their_place(do: Do, pair: tuple[Path, Path], tmp_path: Path) -> None:
    image = nib.load(pair[0])
    voxels = np.asarray(image.dataobj).copy()
    voxels[:, :, 2] = 0
    broken, table = tmp_path / "broken.nii.gz", tmp_path / "t.csv"
    nib.save(nib.Nifti1Image(voxels, image.affine), broken)
    out, err = do("measure", broken, "--scheme", "ukbb", "--json", "--csv", table)
    assert (
        "warning: broken.nii.gz: frame 0, slice 2: no LV cavity on slice 2, but on 1 and 3" in err
    )
    [row] = json.loads(out)
    gap = {"file": "broken.nii.gz", "check": "gap between slices", "t": 0, "z": 2}
    assert gap.items() <= row["warnings"][0].items()
    assert row["lv_edv_discs_ml"] > row["lv_edv_ml"]
    [cells] = read_csv(table)
    assert int(cells["warnings"]) == len(row["warnings"])
    assert "slice 2: no LV cavity" in cells["look_again"]


@pytest.fixture
def views(tmp_path: Path) -> tuple[Path, Path]:
    made = make_study(3, frames=2, slices=3)
    files = [
        write_mask(
            tmp_path / f"p_la_{name}_seg.nii.gz", made.masks[view], like=made.study.stack(view)
        )
        for view, name in ((View.LAX_2CH, "2ch"), (View.LAX_4CH, "4ch"))
    ]
    return files[0], files[1]


def test_long_axis_views(do: Do, refuse: Refuse, views: tuple[Path, Path], case) -> None:
    two, four = views
    [row] = json.loads(do("measure", four, "--json")[0])
    assert row["method"] == "areas in LAX_4CH"
    assert row["lv_edv_ml"] is None
    labels = read_mask(four).labels
    mask = nib.load(four)
    pixel = np.prod(nib.affines.voxel_sizes(mask.affine)[:2])
    atrium = (labels[0] == UKBB.code(UKBB.structures[4])).sum() * pixel
    assert row["right_atrium_ed_area_mm2"] == pytest.approx(atrium)
    [row] = json.loads(do("measure", "--2ch", two, "--4ch", four, "--json")[0])
    truth = make_study(3, frames=2, slices=3)
    assert row["lv_edv_ml"] == pytest.approx(truth.lv_volume_ml[0], rel=0.06)
    assert row["lv_ef_percent"] == pytest.approx(truth.lv_ef_percent, abs=5)
    assert row["method"] == "area-length of 2CH and 4CH"
    line = refuse("measure", "--2ch", two, "--4ch", case.cine_mask)
    assert "a long-axis view has one" in line
    assert "its name says LAX_4CH" in refuse("measure", "--2ch", four, "--4ch", two)
    assert "left atrium ed area mm2" in do("measure", two)[0]


def test_expert_pairs_measure_as_counted_by_hand(do: Do, real_data: Path) -> None:
    folder = real_data / "acdc" / "annotated"
    ed, es = (sorted(folder.rglob(f"*_{phase}_gt.nii.gz")) for phase in ("ED", "ES"))
    rows = json.loads(do("measure", "--ed", *ed, "--es", *es, "--scheme", "acdc", "--json")[0])
    assert len(rows) == 20
    for row, at_ed, at_es in zip(rows, ed, es, strict=True):
        edv, esv = volume_ml(at_ed, 3), volume_ml(at_es, 3)
        assert row["lv_edv_ml"] == pytest.approx(edv)
        assert row["lv_ef_percent"] == pytest.approx(100 * (1 - esv / edv))
        assert row["lv_mass_g"] == pytest.approx(1.05 * volume_ml(at_ed, 2))
        assert row["rv_esv_ml"] == pytest.approx(volume_ml(at_es, 1))
        assert row["warnings"] == []


def test_masks_without_an_lv(do: Do, refuse: Refuse, case, tmp_path: Path) -> None:
    image = nib.load(case.cine_mask)
    voxels = np.asarray(image.dataobj)
    rv, wall = tmp_path / "rv.nii.gz", tmp_path / "wall.nii.gz"
    nib.save(nib.Nifti1Image(np.where(voxels == 3, 3, 0).astype(np.uint8), image.affine), rv)
    nib.save(nib.Nifti1Image(np.where(voxels == 2, 2, 0).astype(np.uint8), image.affine), wall)
    [row] = json.loads(do("measure", rv, "--scheme", "ukbb", "--json")[0])
    assert row["lv_edv_ml"] is None
    assert row["rv_edv_ml"] == pytest.approx(volume_ml(case.cine_mask, 3))
    assert "neither an LV nor an RV cavity" in refuse("measure", wall, "--scheme", "ukbb")


def test_papillary_muscles_are_counted_as_asked(do: Do, refuse: Refuse, case, tmp_path) -> None:
    table, curve = tmp_path / "m.csv", tmp_path / "c.csv"
    _, err = do(
        "measure", case.cine_mask, "--papillary", "mass", "--images", case.cine,
        "--csv", table, "--curve", curve,
    )  # fmt: skip
    [mass] = read_csv(table)
    assert "counted as myocardium" in err
    do("measure", case.cine_mask, "--csv", table)
    [cavity] = read_csv(table)
    assert (cavity["papillary"], mass["papillary"]) == ("cavity", "mass")
    assert cavity["papillary_mass_g"] == ""
    moved = float(mass["papillary_mass_g"])
    assert moved >= 0
    assert float(mass["lv_mass_g"]) == pytest.approx(float(cavity["lv_mass_g"]) + moved, rel=1e-4)
    of_frames = read_csv(curve)
    assert float(of_frames[0]["lv_cavity_ml"]) == pytest.approx(float(mass["lv_edv_ml"]))
    assert of_frames[0]["papillary"] == "mass"
    said = refuse("measure", case.cine_mask, "--papillary", "mass")
    assert "name it, --images" in said
    assert "leave them out" in refuse("measure", case.cine_mask, "--images", case.cine)
    two = refuse("measure", case.cine_mask, "--papillary", "mass", "--images", case.cine, case.cine)
    assert "2 images after --images for 1 mask" in two


def test_papillary_muscles_of_a_pair(do: Do, refuse: Refuse, case, pair, tmp_path: Path) -> None:
    cine = nib.load(case.cine)
    images = []
    for t, phase in enumerate(("ED", "ES")):
        images.append(tmp_path / f"p1_{phase}.nii.gz")
        frame = np.asarray(cine.dataobj)[..., t]
        nib.save(nib.Nifti1Image(frame, cine.affine), images[-1])
    ed, es = pair
    table, whole = tmp_path / "pair.csv", tmp_path / "whole.csv"
    more = ["--papillary", "mass", "--scheme", "ukbb", "--csv"]
    do("measure", "--ed", ed, "--es", es, *more, table, "--images", *images)
    do("measure", case.cine_mask, *more, whole, "--images", case.cine)
    [row], [same] = read_csv(table), read_csv(whole)
    for column in ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "papillary_mass_g"):
        assert float(row[column]) == pytest.approx(float(same[column]), rel=1e-5), column
    said = refuse("measure", "--2ch", ed, "--4ch", es, *more[:2], "--images", *images)
    assert "short-axis" in said


def test_insertion_points_turn_the_segments(do: Do, refuse: Refuse, case, pair, tmp_path) -> None:
    """As the window writes them to a landmark file; the three points alone say nothing."""
    mask = read_mask(case.cine_mask)
    walls = Measured(mask.labels, mask.affine).walls
    points = tmp_path / "points.json"
    write_landmarks(points, "p1", None, walls.insertion_on(SliceIndex(0, 2), turned_by=60))
    table = tmp_path / "m.csv"
    do("measure", case.cine_mask, "--csv", table)
    [found] = read_csv(table)
    do("measure", case.cine_mask, "--csv", table, "--landmarks", points)
    [turned] = read_csv(table)
    assert float(turned["wall_ed_09_mm"]) == pytest.approx(float(found["wall_ed_08_mm"]), abs=0.8)
    assert turned["wall_ed_mean_mm"] == found["wall_ed_mean_mm"]
    do("measure", "--ed", pair[0], "--es", pair[1], "--csv", table, "--landmarks", points)
    assert read_csv(table)[0]["wall_ed_09_mm"] == turned["wall_ed_09_mm"]
    points.write_text(json.dumps({"p1": {"lv_base": [0, 0, 0]}}))
    do("measure", case.cine_mask, "--csv", table, "--landmarks", points)
    assert read_csv(table)[0] == found
    points.write_text(json.dumps({"p1": {"rv_anterior": [0, 0, 0]}}))
    assert main(["measure", str(case.cine_mask), "--landmarks", str(points)]) == 2
