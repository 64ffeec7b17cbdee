"""Masks in anybody's integers: named on the command line, through every command."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import Structure, scheme_named
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import load_model
from napari_cardiac_ssl.readers.nifti import read_mask

from .conftest import Case

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]

EPI_ENDO = "1=myocardium,2=lv_cavity"
SCAR = "1=lv_cavity,2=myocardium,3=scar:myocardium,7=fat"


def saved(path: Path, voxels: np.ndarray, case: Case) -> Path:
    """Write a mask as others do, without any note."""
    nib.save(nib.Nifti1Image(voxels.astype(np.int16), nib.load(case.image).affine), path)
    return path


@pytest.fixture
def ours(case: Case) -> np.ndarray:
    """The case's mask at ED, in ukbb's integers, as nibabel has it."""
    return np.asarray(nib.load(case.cine_mask).dataobj)[..., 0].astype(np.int16)


@pytest.fixture
def epi_endo(case: Case, ours: np.ndarray, tmp_path: Path) -> Path:
    return saved(tmp_path / "p1_ED_gt.nii.gz", np.choose(ours, [0, 2, 1, 0]), case)


@pytest.fixture
def scar(case: Case, ours: np.ndarray, tmp_path: Path) -> Path:
    """A scar in the wall, and fat beside it."""
    voxels = np.choose(ours, [0, 1, 2, 0])
    wall = np.argwhere(voxels == 2)
    voxels[tuple(wall[: len(wall) // 5].T)] = 3
    voxels[:3, :3] = 7
    return saved(tmp_path / "p1_ED_scar.nii.gz", voxels, case)


def measured(do: Do, *arguments: object) -> dict[str, object]:
    [row] = json.loads(do("measure", *arguments, "--json")[0])
    return row


def test_measure(do: Do, case: Case, epi_endo: Path) -> None:
    row = measured(do, epi_endo, "--scheme", EPI_ENDO)
    whole = measured(do, case.mask, "--scheme", "acdc")
    for column in ("lv_edv_ml", "lv_mass_g"):
        assert row[column] == pytest.approx(whole[column])
    assert row["rv_edv_ml"] is None


@pytest.mark.parametrize(
    "text",
    ["1 = myocardium\n2 = LV cavity  # endo\n", "1,myo\n2,lv\n", '{"1": "myocardium", "2": "LV"}'],
)
def test_a_small_file_says_it_too(do: Do, epi_endo: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "scheme.txt"
    file.write_text(text, encoding="utf-8")
    assert measured(do, epi_endo, "--scheme", file) == measured(do, epi_endo, "--scheme", EPI_ENDO)


def test_learning_and_predicting_lv_alone(
    do: Do, case: Case, epi_endo: Path, tmp_path: Path
) -> None:
    model = tmp_path / "lv.safetensors"
    do(
        "finetune", "--images", case.image, "--labels", epi_endo, "--from", "default",
        "--scheme", EPI_ENDO, "--steps", 3, "-o", model,
    )  # fmt: skip
    assert load_model(model).card.scheme == EPI_ENDO
    _, err = do("predict", model, case.image, "-o", tmp_path)
    assert f"scheme {EPI_ENDO}: 0 background, 1 myocardium, 2 LV cavity" in err
    predicted = tmp_path / "p1_ED_seg.nii.gz"
    values = np.unique(np.asarray(nib.load(predicted).dataobj)).tolist()
    assert values == [0, 1, 2]  # no RV, though the shipped weights know it
    mask = read_mask(predicted)  # noted in its header: nothing has to be named
    assert mask.scheme == scheme_named(EPI_ENDO)
    rows = json.loads(
        do("evaluate", predicted, "--reference", epi_endo, "--scheme", EPI_ENDO, "--json")[0]
    )
    assert {row["structure"] for row in rows} == {"LV cavity", "myocardium", "mean"}
    assert all(row["dice"] > 0.5 for row in rows)


def test_the_loop_and_the_report(do: Do, case: Case, epi_endo: Path, tmp_path: Path) -> None:
    out, _ = do(
        "loop", case.image, "--reference", epi_endo, "--scheme", EPI_ENDO, "--rounds", 1,
        "--steps", 2,
    )  # fmt: skip
    assert "round 1" in out
    page = tmp_path / "p.html"
    do("report", case.image, "--mask", epi_endo, "--scheme", EPI_ENDO, "-o", page)
    assert f"Label scheme of the mask: {EPI_ENDO}" in page.read_text(encoding="utf-8")


def test_scar_counts_as_myocardium_and_is_measured(do: Do, ours: np.ndarray, scar: Path) -> None:
    row = measured(do, scar, "--scheme", SCAR)
    mask = read_mask(scar, scheme=scheme_named(SCAR))
    assert set(mask.apart) == {"scar", "fat"}
    assert (mask.labels == 2).sum() == (ours == 2).sum() - (ours[:3, :3] == 2).sum()
    voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    assert row["scar_ed_ml"] == pytest.approx(mask.apart["scar"].sum() * voxel_ml)
    assert row["fat_ed_ml"] > 0


def test_scar_and_fat_are_written_back(do: Do, scar: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.nii.gz"
    do("convert", scar, "--scheme", SCAR, "--to", "nifti", "--as-scheme", SCAR, "-o", target)
    before, after = (np.asarray(nib.load(path).dataobj) for path in (scar, target))
    np.testing.assert_array_equal(before, after)
    # Other integers for the same things.
    other = "500=lv_cavity,200=myocardium,2221=scar:myocardium,30=fat"
    do("convert", scar, "--scheme", SCAR, "--to", "nifti", "--as-scheme", other, "-o", target)
    after = np.asarray(nib.load(target).dataobj)
    for one, two in ((1, 500), (2, 200), (3, 2221), (7, 30)):
        np.testing.assert_array_equal(before == one, after == two)
    assert read_mask(target).apart.keys() == {"scar", "fat"}


def test_what_another_format_has_no_place_for_is_said(do: Do, scar: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.nii.gz"
    _, err = do("convert", scar, "--scheme", SCAR, "--to", "nifti", "-o", target)
    assert "scar (" in err
    assert "is none of our structures: left aside" in err
    assert set(np.unique(np.asarray(nib.load(target).dataobj))) == {0, 1, 2}


def test_unknown_integers_are_refused_with_value_and_place(refuse: Refuse, scar: Path) -> None:
    line = refuse("measure", scar, "--scheme", "1=lv_cavity,2=myocardium,3=scar:myocardium")
    assert "unknown integer 7 in the mask; " in line
    assert "(7 is on 45 pixels, first in frame 0, slice 0)" in line


def test_what_it_looks_like_is_said_as_an_option(refuse: Refuse, epi_endo: Path) -> None:
    line = refuse("measure", epi_endo)
    assert "this looks like 1 myocardium, 2 LV cavity" in line
    assert f"--scheme {EPI_ENDO}" in line


def test_two_scars_are_told_apart(
    case: Case, ours: np.ndarray, refuse: Refuse, do: Do, tmp_path: Path
) -> None:
    """The advice for a mask like EMIDEC's (infarction, no-reflow) can be followed as it is."""
    voxels = np.choose(ours, [0, 500, 2, 0])
    x, y, _ = np.indices(voxels.shape)
    middle = np.argwhere(voxels == 500).mean(axis=0)
    angle_deg = np.degrees(np.arctan2(y - middle[1], x - middle[0]))
    for code, first in ((3, -40), (4, 40)):  # wedges, from the cavity outwards
        voxels[(voxels == 2) & (angle_deg > first) & (angle_deg < first + 35)] = code
    path = saved(tmp_path / "m.nii.gz", voxels, case)
    line = refuse("measure", path)
    scheme = line.partition("--scheme ")[2]
    assert scheme == "2=myocardium,3=scar_1:myocardium,4=scar_2:myocardium,500=lv_cavity"
    row = measured(do, path, "--scheme", scheme)
    assert row["scar_1_ed_ml"] > 0
    assert row["scar_2_ed_ml"] > 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("acdcc", "unknown label scheme 'acdcc'; known are ukbb, acdc"),
        ("1=lv_cavty,2=myocardium", "did you mean lv_cavity?"),
        ("1=lv_cavity,1=myocardium", "integer 1 is there twice"),
        ("0=lv_cavity", "integer 0 is background"),
        ("x=lv_cavity", "'x' is no integer"),
        ("4=scar", "names no structure"),
        ("1=lv,4=scar,5=scar", "calls two integers scar"),
        ("4=scar:wal,1=lv", "names no structure"),
    ],
)
def test_schemes_that_are_none(refuse: Refuse, case: Case, said: str, words: str) -> None:
    assert words in refuse("measure", case.mask, "--scheme", said)


def test_two_integers_may_mean_the_same(ours: np.ndarray, case: Case, tmp_path: Path) -> None:
    voxels = np.choose(ours, [0, 1, 2, 0])
    voxels[:, : voxels.shape[1] // 2][voxels[:, : voxels.shape[1] // 2] == 2] = 4
    path = saved(tmp_path / "m.nii.gz", voxels, case)
    mask = read_mask(path, scheme=scheme_named("1=lv_cavity,2=myocardium,4=myocardium"))
    np.testing.assert_array_equal(mask.labels[0].T == 2, ours == 2)
    assert mask.scheme.code(Structure.MYOCARDIUM) == 2


def test_a_scheme_without_the_view_s_structures(refuse: Refuse, case: Case, tmp_path: Path) -> None:
    line = refuse(
        "predict", case.model, case.image, "-o", tmp_path, "--scheme", "1=left_atrium"
    )  # fmt: skip
    assert "has no integer for the LV cavity" in line
    with pytest.raises(InputError, match="unknown label scheme"):
        scheme_named("mine")
