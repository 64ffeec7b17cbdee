"""What somebody stumbles over on the first day: it is said, and the rest goes on."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.learning.weights import NAMES

from .conftest import Case

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; return exit code, standard output and standard error."""

    def of(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return of


def rows(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def two(case: Case, tmp_path: Path) -> tuple[Path, Path]:
    """Masks of two patients."""
    for name in ("p1", "p2"):
        (tmp_path / name).mkdir()
    return tuple(
        Path(shutil.copy(case.mask, tmp_path / name / f"{name}_ED_gt.nii.gz"))
        for name in ("p1", "p2")
    )


def test_a_truncated_file_does_not_keep_others_from_being_predicted(
    run: Run, case: Case, tmp_path: Path
) -> None:
    broken, last = tmp_path / "a_ED.nii.gz", tmp_path / "b_ED.nii.gz"
    broken.write_bytes(case.image.read_bytes()[:3000])
    shutil.copy(case.image, last)
    out = tmp_path / "out"
    code, said, err = run("predict", case.model, case.image, broken, last, "-o", out, "--json")
    assert code == 2
    assert sorted(path.name for path in out.iterdir()) == ["b_ED_seg.nii.gz", "p1_ED_seg.nii.gz"]
    [line] = [line for line in err.splitlines() if line.startswith("cardiac-ssl predict: ")]
    assert f"{broken}: the compressed data end too early" in line
    said = json.loads(said)
    assert len(said["files"]) == 2
    assert [one["file"] for one in said["failed"]] == [str(broken)]


def test_an_empty_mask_does_not_keep_others_from_being_measured(
    run: Run, case: Case, tmp_path: Path
) -> None:
    empty, table = tmp_path / "p0_seg.nii.gz", tmp_path / "t.csv"
    image = nib.load(case.mask)
    nib.save(nib.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), empty)
    code, out, err = run("measure", empty, case.mask, "--scheme", "acdc", "--csv", table)
    assert code == 2
    assert f"cardiac-ssl measure: {empty}: a mask without any label" in err
    assert out.splitlines()[1].startswith("p0_seg.nii.gz")
    assert out.splitlines()[1].endswith("not measured")
    first, second = rows(table)
    assert "without any label" in first["error"]
    assert (first["lv_edv_ml"], second["error"]) == ("", "")
    assert float(second["lv_edv_ml"]) > 0


def test_one_height_is_not_given_to_several_patients(
    refuse: Refuse, do: Do, two: tuple[Path, Path]
) -> None:
    body = ("--height-cm", 180, "--weight-kg", 80)
    line = refuse("measure", *two, "--scheme", "acdc", *body)
    assert "not of one patient by their names; give a table of patients: --patients" in line
    do("measure", two[0], two[0], "--scheme", "acdc", *body)


def test_a_table_of_patients_gives_each_its_own(
    do: Do, refuse: Refuse, two: tuple[Path, Path], tmp_path: Path
) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("Patient,height_cm,weight_kg\np2,160,50\np1,180,80\n", encoding="utf-8")
    said = ("measure", *two, "--scheme", "acdc", "--patients", table)
    one, other = json.loads(do(*said, "--json")[0])
    assert one["body_surface_m2"] == pytest.approx(2.0)
    assert other["body_surface_m2"] == pytest.approx((160 * 50 / 3600) ** 0.5)
    assert one["lv_edvi_ml_per_m2"] == pytest.approx(one["lv_edv_ml"] / 2)
    for text, words in (
        ("patient,height_cm,weight_kg\np2,160,50\np1,1.80,80\n", "p1: "),
        ("patient,height_cm\np1,180\n", "no table of patients"),
        ("patient,height_cm,weight_kg\np1,180,80\np1,170,80\n", "p1 is there twice"),
    ):
        table.write_text(text, encoding="utf-8")
        assert words in refuse(*said)
    table.write_text("patient,height_cm,weight_kg\np2,160,50\n", encoding="utf-8")
    assert "has no row for p1" in refuse("measure", two[0], "--patients", table)


def test_weights_that_do_not_ship(
    refuse: Refuse, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(NAMES, View.LAX_2CH)
    line = refuse("predict", "default", case.image, "--view", "LAX_2CH", "-o", tmp_path)
    assert (
        "no weights ship for LAX_2CH; teach a model (cardiac-ssl finetune --view LAX_2CH)" in line
    )


def test_a_folder_of_studies(refuse: Refuse, two: tuple[Path, Path], case: Case) -> None:
    folder = two[0].parent.parent
    shutil.copy(case.image, two[0].parent)
    shutil.copy(case.image, two[1].parent)
    line = refuse("info", folder)
    assert "2 folders with images: p1, …: name one of them, or all of them to cohort" in line


def test_a_series_of_pictures(refuse: Refuse, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / f"{number:04}.png")
    line = refuse("info", folder)
    assert "it holds 3 pictures such as " in line
    assert "do not say how large pixels are" in line
    line = refuse("predict", "default", folder / "0001.png", "-o", tmp_path)
    assert "0001.png: a picture (PNG), no NIfTI file" in line


def test_what_validates_synthetic_hearts_is_said(do: Do, tmp_path: Path) -> None:
    _, err = do(
        "pretrain", "--synthetic", 1, "--steps", 1, "--from", "scratch", "--batch-size", 2,
        "-o", tmp_path / "m.safetensors",
    )  # fmt: skip
    assert "in synthetic hearts that were not learned from the centre is" in err
    assert "studies held out" not in err


def test_a_bad_file_does_not_keep_others_from_being_evaluated_and_converted(
    run: Run, two: tuple[Path, Path], tmp_path: Path
) -> None:
    broken = two[1].with_name("p2_ED_seg.nii.gz")
    broken.write_bytes(two[0].read_bytes()[:200])
    table = tmp_path / "t.csv"
    code, _, err = run(
        "evaluate", two[0], broken, "--reference", two[0], two[1], "--scheme", "acdc",
        "--csv", table,
    )  # fmt: skip
    assert code == 2
    assert f"cardiac-ssl evaluate: {broken}: " in err
    assert {row["file"] for row in rows(table)} == {two[0].name}
    out = tmp_path / "out"
    code, said, err = run("convert", broken, two[1], "--scheme", "acdc", "--to", "nifti", "-o", out)
    assert code == 2
    assert f"cardiac-ssl convert: {broken}: " in err
    assert [path.name for path in out.iterdir()] == ["p2_ED_gt.nii.gz"]
    assert "p2_ED_gt.nii.gz: " in said
