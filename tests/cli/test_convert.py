"""convert between formats, and the commands that take any of them as labels."""

import json
import re
import shlex
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli import main, make_parser
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.labels.registry import FORMATS
from napari_cardiac_ssl.writers.masks import write_mask


@pytest.fixture(scope="module")
def dicom(tmp_path_factory, write_dicom) -> tuple[Path, Path]:
    """A study of DICOM files, and a mask of it."""
    folder = tmp_path_factory.mktemp("study")
    heart = make_study(1, frames=2, slices=5, size=64, lax=False)
    write_dicom(heart.study, folder / "p1")
    stack = read_study(folder / "p1").stack(View.SAX)
    labels = heart.masks[View.SAX]
    if not np.array_equal(stack.image, heart.study.stacks[0].image):
        labels = labels[:, ::-1]
    return folder / "p1", write_mask(folder / "p1_seg.nii.gz", labels, like=stack)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_every_format_can_be_named() -> None:
    commands = next(one for one in make_parser()._actions if one.dest == "command").choices
    [to] = [one for one in commands["convert"]._actions if "--to" in one.option_strings]
    assert list(to.choices) == list(FORMATS)


def test_a_mask_goes_round_all_formats(dicom, tmp_path, capsys) -> None:
    study, mask = dicom
    before = read_mask(mask).labels
    last = mask
    for key, name in (
        ("dicom-seg", "a.dcm"),
        ("contours", "c"),
        ("seg-nrrd", "n/s.seg.nrrd"),
        ("itk-snap", "i.nii.gz"),
        ("nifti", "m.nii.gz"),
    ):
        assert run("convert", last, "--to", key, "-o", tmp_path / name, "--study", study) == 0
        last = (tmp_path / name).parent if key == "seg-nrrd" else tmp_path / name
    assert np.array_equal(read_mask(last).labels, before)
    said = capsys.readouterr()
    assert "traced from the mask" in said.out
    assert "written as semiautomatic; say --made" in said.err


def test_json_says_what_was_written(dicom, tmp_path, capsys) -> None:
    study, mask = dicom
    out = tmp_path / "c"
    assert run("convert", mask, "--to", "contours", "-o", out, "--study", study, "--json") == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["contours"] == row["traced"] == len(list(out.iterdir()))
    assert row["slices"][0].keys() == {"t", "z"}


def test_the_mask_of_one_frame_finds_its_place_in_a_cine(dicom, tmp_path) -> None:
    study, mask = dicom
    whole = read_mask(mask)
    stack = replace(read_study(study).stack(View.SAX).first_frame, image=whole.labels[1:])
    one = write_mask(tmp_path / "one.nii.gz", whole.labels[1:], like=stack)
    out = tmp_path / "o.nii.gz"
    line = ("convert", one, "--to", "nifti", "-o", out, "--study", study)
    assert run(*line) == 2
    assert run(*line, "--frame", 1) == 0
    placed = read_mask(out).labels
    assert np.array_equal(placed[1], whole.labels[1])
    assert not placed[0].any()
    assert run(*line, "--frame", 2) == 2


def test_several_masks_go_into_a_folder(dicom, tmp_path) -> None:
    _, mask = dicom
    other = tmp_path / "other.nii.gz"
    other.write_bytes(mask.read_bytes())
    assert run("convert", mask, other, "--to", "itk-snap", "-o", tmp_path / "o") == 0
    assert sorted(file.name for file in (tmp_path / "o").iterdir()) == [
        "other_itksnap.nii.gz",
        "other_itksnap_labels.txt",
        "p1_seg_itksnap.nii.gz",
        "p1_seg_itksnap_labels.txt",
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--to", "dicom-seg", "-o", "s.dcm"), "name their study with --study"),
        (("--to", "dicom-seg", "-o", "s.nii", "--study", "p1"), "ends in .dcm"),
        (("--to", "seg-nrrd", "-o", "s.nrrd"), "ends in .seg.nrrd"),
        (("--to", "nifti", "-o", "p1_seg.nii.gz"), "would be replaced by itself"),
        (("--to", "nifti", "-o", "x.nii.gz", "--frame", "0"), "name it with --study"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(more, why, dicom, monkeypatch, capsys) -> None:
    monkeypatch.chdir(dicom[0].parent)
    before = sorted(Path().iterdir())
    assert run("convert", "p1_seg.nii.gz", *more) == 2
    assert why in capsys.readouterr().err.splitlines()[-1]
    assert sorted(Path().iterdir()) == before


def test_two_masks_that_would_become_one_file_are_refused(dicom, tmp_path, capsys) -> None:
    _, mask = dicom
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / mask.name).write_bytes(mask.read_bytes())
    assert run("convert", mask, tmp_path / "b" / mask.name, "--to", "nifti", "-o", tmp_path) == 2
    assert "convert them one by one" in capsys.readouterr().err


def test_measure_takes_any_format(dicom, tmp_path, capsys) -> None:
    study, mask = dicom
    assert run("measure", mask, "--json") == 0
    wanted = json.loads(capsys.readouterr().out)
    for key in ("dicom-seg", "contours", "seg-nrrd"):
        out = tmp_path / key / f"p1{FORMATS[key].ending}"
        assert run("convert", mask, "--to", key, "-o", out, "--study", study) == 0
        capsys.readouterr()
        labels = out.parent if key == "seg-nrrd" else out
        assert run("measure", labels, "--study", study, "--json") == 0
        [found] = json.loads(capsys.readouterr().out)
        for column in ("lv_edv_ml", "lv_ef_percent", "lv_mass_g"):
            assert found[column] == pytest.approx(wanted[0][column])
    assert run("measure", tmp_path / "contours" / "p1_contours") == 2
    assert "name their study with --study" in capsys.readouterr().err


def test_finetune_learns_from_contours(dicom, case, tmp_path, capsys) -> None:
    study, mask = dicom
    out = tmp_path / "contours"
    assert run("convert", mask, "--to", "contours", "-o", out, "--study", study) == 0
    line = ("finetune", "--images", study, "--labels", out, "--from", case.model)
    assert run(*line, "--steps", 1, "-o", tmp_path / "m.safetensors") == 0
    assert "learned from" in capsys.readouterr().out


PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="only a checkout has the pages")
def test_what_the_page_shows_can_be_done(dicom, tmp_path, monkeypatch) -> None:
    study, mask = dicom
    shutil.copytree(study, tmp_path / "p1" / "dicom")
    shutil.copy(mask, tmp_path / "p1_seg.nii.gz")
    monkeypatch.chdir(tmp_path)
    assert run("convert", mask, "--to", "contours", "-o", "p1/contours", "--study", study) == 0
    text = PAGE.read_text(encoding="utf-8")
    [commands] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "cardiac-ssl"
        if "p1.cvi42wsx" in arguments:
            make_parser().parse_args(arguments)
            continue
        more = ["--steps", "1"] if arguments[0] == "finetune" else []
        assert run(*arguments, *more) == 0
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of slices without an endocardium
        exec(example, {"__name__": "page"})
    assert Path("p1_seg.dcm").is_file()
