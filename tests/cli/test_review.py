"""Numbers that nobody has reviewed look like it, wherever they are written."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC
from napari_cardiac_ssl.annotations import Annotations
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.review import Review, of_annotations
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.writers.masks import write_mask

from .conftest import Case

Do = Callable[..., tuple[str, str]]

MODEL = "heart.safetensors (0123456789ab)"


@pytest.fixture
def predicted(case: Case, tmp_path: Path) -> Path:
    """The case's cine mask, as `predict` would have written it."""
    stack, labels = read_stack(case.cine), read_mask(case.cine_mask).labels
    review = Review(("p" * stack.slices,) * stack.frames, MODEL)
    return write_mask(tmp_path / "p1_sax_seg.nii.gz", labels, like=stack, review=review)


def test_what_predict_writes_is_unreviewed(do: Do, case: Case, tmp_path: Path) -> None:
    _, err = do("predict", case.model, case.cine, "-o", tmp_path, "--scheme", "acdc")
    assert "unreviewed: nobody has confirmed these contours" in err
    mask = read_mask(tmp_path / "p1_sax_seg.nii.gz", allow_empty=True)
    assert mask.review
    assert mask.review.states == ("ppppp", "ppppp")
    assert mask.review.model.startswith(f"{case.model.name} (")
    assert str(case.folder) not in mask.review.model
    written = nib.load(tmp_path / "p1_sax_seg.nii.gz")
    assert written.header["descrip"].item().startswith(b"unreviewed; acdc")
    image = nib.load(case.cine)
    np.testing.assert_array_equal(written.affine, image.affine)
    assert written.shape == image.shape
    [note] = written.header.extensions
    said = json.loads(note.get_content().rstrip(b"\0"))
    assert (said["review"], said["model"]) == ("unreviewed", mask.review.model)


def test_measure_says_it(do: Do, predicted: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    out, err = do("measure", predicted, "--csv", table)
    assert out.splitlines()[1].endswith("unreviewed")
    assert f"none of 10 slices is confirmed; the contours are predictions of {MODEL}" in err
    [row] = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert (row["review"], row["model"]) == ("unreviewed", MODEL)
    assert row["ed_predicted_slices"] == "5"


def test_a_mask_of_others_is_not_known_to_be_reviewed(do: Do, case: Case) -> None:
    out, _ = do("measure", case.cine_mask, "--json")
    [row] = json.loads(out)
    assert (row["review"], row["model"]) == ("not known", "")


def test_the_report_says_it_at_the_top_and_beside_each_number(
    do: Do, case: Case, predicted: Path, tmp_path: Path
) -> None:
    page = tmp_path / "p.html"
    do("report", case.cine, "--mask", predicted, "-o", page)
    html = page.read_text(encoding="utf-8")
    assert '<p class="banner"><b>Unreviewed.</b>' in html
    assert f"predictions of {MODEL}" in html
    tiles = html.split('class="tiles"')[1].split("</section>")[0]
    assert tiles.count("<div") == tiles.count('class="doubtful"') == tiles.count("unreviewed")
    do("report", case.cine, "--mask", case.cine_mask, "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "unreviewed" not in html.lower().replace("/* unreviewed", "")
    assert "who drew or confirmed them is not known" in html


def test_the_share_of_slices_confirmed(do: Do, case: Case, tmp_path: Path) -> None:
    stack, labels = read_stack(case.cine), read_mask(case.cine_mask).labels
    annotations = Annotations(labels.shape, who="a reader")
    slices = list(stack.slice_indices())
    annotations.refresh(slices, np.stack([labels[i] for i in slices]), "model")
    for z in (1, 2):
        annotations.confirm(SliceIndex(0, z))
    path = tmp_path / "p1_sax_seg.nii.gz"
    write_mask(path, labels, like=stack, review=of_annotations(annotations, MODEL))
    page = tmp_path / "p.html"
    out, err = do("measure", path)
    assert "2 of 10 slices confirmed; the others are predictions of" in err
    assert out.splitlines()[1].rstrip().endswith("confirmed")
    do("report", case.cine, "--mask", path, "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "<b>Reviewed in part.</b> 2 of 10 slices confirmed" in html
    assert "frame 0: 2 confirmed, 3 predicted" in html


def test_labels_that_another_program_changed_are_not_known(predicted: Path) -> None:
    """It keeps the header's note, which is of the labels before."""
    assert read_mask(predicted).review
    image = nib.load(predicted)
    labels = np.asarray(image.dataobj).copy()
    labels[labels == 3] = 0
    nib.save(nib.Nifti1Image(labels, image.affine, image.header), predicted)
    assert nib.load(predicted).header.extensions
    assert read_mask(predicted).review is None


def test_conversion_keeps_it(do: Do, predicted: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.nii.gz"
    do("convert", predicted, "--to", "nifti", "--as-scheme", "acdc", "-o", target)
    mask = read_mask(target)
    assert mask.scheme is ACDC
    assert mask.review == read_mask(predicted).review


def test_learning_from_what_nobody_confirmed_is_said(
    do: Do, case: Case, predicted: Path, tmp_path: Path
) -> None:
    _, err = do(
        "finetune", "--images", case.cine, "--labels", predicted, "--from", case.model,
        "--steps", 1, "-o", tmp_path / "m.safetensors",
    )  # fmt: skip
    assert "is taught as it is, and none of 10 slices is confirmed" in err


def test_a_part_of_the_heart_is_marked(do: Do, case: Case, tmp_path: Path) -> None:
    """Slices near the base and in the middle alone: no EDV of a heart."""
    image = nib.load(case.cine_mask)
    labels = np.asarray(image.dataobj).copy()
    areas = (labels[..., 0] == 1).sum(axis=(0, 1))
    apex_last = areas[0] > areas[-1]
    labels[:, :, slice(2, None) if apex_last else slice(None, -2)] = 0
    path, page = tmp_path / "p1_sax_seg.nii.gz", tmp_path / "p.html"
    nib.save(nib.Nifti1Image(labels, image.affine, image.header), path)
    out, _ = do("measure", path)
    assert "part of the heart (ED: 2 of 5 slices, ES: 2 of 5 slices)" in out
    [row] = json.loads(do("measure", path, "--json")[0])
    assert (row["ed_is_part"], row["es_is_part"]) == (1, 1)
    do("report", case.cine, "--mask", path, "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "<b>Not a whole heart.</b>" in html
    assert "<em>of a part</em>" in html
    out, _ = do("measure", case.cine_mask)
    assert "part of the heart" not in out


def test_frames_have_one_number_everywhere(do: Do, case: Case, tmp_path: Path) -> None:
    """Of ED and ES as two files each is frame 0 of its own, in the table and on the page."""
    folder = tmp_path / "p1"
    folder.mkdir()
    image, mask = nib.load(case.cine), nib.load(case.cine_mask)
    masks = []
    for t, phase in enumerate(("ED", "ES")):
        part = np.asarray(image.dataobj)[..., t].astype(np.int16)
        nib.save(nib.Nifti1Image(part, image.affine), folder / f"p1_{phase}.nii.gz")
        labels = np.asarray(mask.dataobj)[..., t].astype(np.uint8)
        masks.append(folder / f"p1_{phase}_gt.nii.gz")
        nib.save(nib.Nifti1Image(labels, image.affine), masks[-1])
    page = tmp_path / "p.html"
    do("report", folder, "--mask", *masks, "--scheme", "ukbb", "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "<h3>ES <small>frame 0 of p1_ES_gt.nii.gz</small></h3>" in html
    assert "frame 1" not in html
    [row] = json.loads(
        do("measure", "--ed", masks[0], "--es", masks[1], "--scheme", "ukbb", "--json")[0]
    )
    assert (row["ed_frame"], row["es_frame"]) == (0, 0)
