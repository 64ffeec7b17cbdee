"""Long-axis views are labelled, learned, predicted and exported like a short-axis stack."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, STRUCTURES_OF_VIEW, UKBB, View
from napari_cardiac_ssl.learning.checkpoint import Card, Model, load_model, new_network, save_model
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.scheme_detection import detect_scheme
from napari_cardiac_ssl.study import Study
from napari_cardiac_ssl.synthetic import SyntheticStudy, make_study
from napari_cardiac_ssl.writers.masks import write_map

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]
WriteDicom = Callable[[Study, Path], Path]
LONG_AXIS = {View.LAX_2CH: "2ch", View.LAX_4CH: "4ch"}


@pytest.fixture(scope="module")
def made() -> SyntheticStudy:
    return make_study(8, frames=8, slices=3, size=128)


@pytest.fixture(scope="module")
def folder(made: SyntheticStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of views with masks as others write them: in ukbb's integers, with no note."""
    folder = tmp_path_factory.mktemp("views") / "p1"
    for stack in made.study.stacks:
        stem = folder / f"p1_{stack.view.lower()}"
        image, mask = (stem.with_name(f"{stem.name}{end}.nii.gz") for end in ("", "_gt"))
        write_map(image, stack.image, like=stack, description="")
        write_map(mask, made.masks[stack.view], like=stack, description="")
    return folder


def tiny(path: Path, view: View) -> Path:
    structures = STRUCTURES_OF_VIEW[view]
    heads = (("structures", len(structures) + 1),)
    small = Architecture(heads=heads, base_filters=2, levels=3)
    card = Card(small, view=view, structures=structures, size=64)
    return save_model(path / f"{view}.safetensors", Model(new_network(small).eval(), card))


@pytest.mark.parametrize("view", LONG_AXIS)
def test_from_two_frames_to_the_whole_cine(
    do: Do, made: SyntheticStudy, folder: Path, tmp_path: Path, view: View
) -> None:
    image = folder / f"p1_{view.lower()}.nii.gz"
    mask, model = folder / f"p1_{view.lower()}_gt.nii.gz", tmp_path / "m.safetensors"
    _, err = do(
        *("finetune", "--images", image, "--labels", mask, "--slices", f"0:0,{made.es_frame}:0"),
        *("--steps", 70, "-o", model),
    )
    assert "label scheme ukbb (told from the anatomy)" in err
    assert "no pre-trained weights" not in err
    assert load_model(model).card.structures == STRUCTURES_OF_VIEW[view]
    do("predict", model, image, "-o", tmp_path)
    predicted = tmp_path / f"p1_{view.lower()}_seg.nii.gz"
    assert nib.load(predicted).shape == nib.load(image).shape == (128, 128, 1, 8)
    np.testing.assert_array_equal(nib.load(predicted).affine, nib.load(image).affine)
    out, _ = do("evaluate", predicted, "--reference", mask, "--json")
    rows = [row for row in json.loads(out) if row["structure"] != "mean"]
    for structure in STRUCTURES_OF_VIEW[view]:
        dice = [row["dice"] for row in rows if row["structure"] == structure]
        assert len(dice) == 8
        assert np.mean(dice) > 0.75, structure


def test_the_shipped_weights_know_the_4ch_view(
    do: Do, made: SyntheticStudy, folder: Path, tmp_path: Path
) -> None:
    """Before anything is labelled, and however the file stores its rows and columns."""
    image = nib.load(folder / "p1_lax_4ch.nii.gz")
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    flip[:2, 3] = 127
    voxels = np.asarray(image.dataobj)[::-1, ::-1]
    nib.save(nib.Nifti1Image(voxels, image.affine @ flip), tmp_path / "flipped_4ch.nii.gz")
    do("predict", "default", tmp_path / "flipped_4ch.nii.gz", "--view", "LAX_4CH", "-o", tmp_path)
    labels = np.asarray(nib.load(tmp_path / "flipped_4ch_seg.nii.gz").dataobj)[::-1, ::-1].T
    truth = made.masks[View.LAX_4CH]
    for code in range(1, 6):
        both = ((labels == code) & (truth == code)).sum()
        assert 2 * both / ((labels == code).sum() + (truth == code).sum()) > 0.8


def test_a_study_is_predicted_by_its_stack_of_the_models_view(  # noqa: PLR0917 - fixtures
    do: Do, refuse: Refuse, made: SyntheticStudy, folder: Path, tmp_path: Path,
    write_dicom: WriteDicom,
) -> None:  # fmt: skip
    four = tiny(tmp_path, View.LAX_4CH)
    assert do("predict", four, folder, "-o", tmp_path)[0].split() == [
        str(tmp_path / "p1_lax_4ch_seg.nii.gz")
    ]
    dicom = write_dicom(made.study, tmp_path / "case")
    assert do("predict", four, dicom, "-o", tmp_path)[0].split() == [
        str(tmp_path / "case_4ch_seg.nii.gz")
    ]
    written = nib.load(tmp_path / "case_4ch_seg.nii.gz")
    stack = made.study.stack(View.LAX_4CH)
    assert written.shape == (128, 128, 1, 8)
    np.testing.assert_allclose(written.affine[:, :2], stack.affine[:, :2], atol=1e-4)
    np.testing.assert_allclose(written.affine[:3, 3], stack.affine[:3, 3], atol=1e-3)
    sax = made.study.stack(View.SAX)
    only = write_dicom(Study("s", (sax,)), tmp_path / "only")
    assert "no LAX_4CH stack; found SAX" in refuse("predict", four, only, "-o", tmp_path)


def test_dicom_is_learned_from_with_masks_drawn_on_its_nifti(
    do: Do, refuse: Refuse, made: SyntheticStudy, tmp_path: Path, write_dicom: WriteDicom
) -> None:
    dicom, out = write_dicom(made.study, tmp_path / "case"), tmp_path / "images"
    said, _ = do("info", dicom, "--nifti", out)
    files = [out / f"case_{name}.nii.gz" for name in ("sax", "4ch", "2ch")]
    assert [Path(line) for line in said.splitlines()[-3:]] == files
    truth = made.study.stack(View.LAX_4CH)
    image = nib.load(files[1])
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, truth.image)
    assert image.get_data_dtype() == np.int16
    assert image.header.get_zooms()[3] == pytest.approx(truth.frame_interval_s, rel=1e-3)
    mask = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(made.masks[View.LAX_4CH].T, image.affine), mask)
    model = tmp_path / "m.safetensors"
    options = ("--labels", mask, "--slices", "0:0", "--steps", 1, "-o", model)
    do("finetune", "--images", dicom, "--view", "LAX_4CH", *options)
    assert load_model(model).card.view is View.LAX_4CH
    # Without the view, the short axis is meant, on which the mask does not lie.
    assert "the mask has shape" in refuse("finetune", "--images", dicom, *options)


def test_a_name_that_misleads_is_overruled(
    do: Do, refuse: Refuse, folder: Path, tmp_path: Path
) -> None:
    image = tmp_path / "sax_but_not.nii.gz"
    image.write_bytes((folder / "p1_lax_2ch.nii.gz").read_bytes())
    two = tiny(tmp_path, View.LAX_2CH)
    line = refuse("predict", two, image, "-o", tmp_path)
    assert "the name says SAX" in line
    assert "--view LAX_2CH if the name misleads" in line
    do("predict", two, image, "--view", "LAX_2CH", "-o", tmp_path)
    line = refuse("predict", two, image, "--view", "LAX_4CH", "-o", tmp_path)
    assert "--view says LAX_4CH" in line
    mask, model = folder / "p1_lax_2ch_gt.nii.gz", tmp_path / "m.safetensors"
    options = ("--labels", mask, "--slices", "0:0", "--steps", 1, "-o", model)
    do("finetune", "--images", image, "--view", "LAX_2CH", *options)
    assert load_model(model).card.view is View.LAX_2CH


def test_acdc_cannot_say_atria(refuse: Refuse, folder: Path, tmp_path: Path) -> None:
    four, image = tiny(tmp_path, View.LAX_4CH), folder / "p1_lax_4ch.nii.gz"
    line = refuse("predict", four, image, "--scheme", "acdc", "-o", tmp_path)
    assert "'acdc' has no integer for the left atrium and the right atrium of LAX_4CH" in line
    model = ("--steps", 1, "-o", tmp_path / "m.safetensors")
    cut = nib.load(folder / "p1_lax_2ch_gt.nii.gz")
    labels = np.asarray(cut.dataobj)
    for values, words in ((labels, "unknown integer 4"), (np.where(labels > 3, 0, labels), "left")):
        mask = tmp_path / "mask.nii.gz"
        nib.save(nib.Nifti1Image(values, cut.affine), mask)
        two = ("--images", folder / "p1_lax_2ch.nii.gz", "--labels", mask)
        assert words in refuse("finetune", *two, "--scheme", "acdc", "--slices", "0:0", *model)


@pytest.mark.parametrize("view", LONG_AXIS)
def test_schemes_of_long_axis_masks_are_told(made: SyntheticStudy, view: View) -> None:
    mask = made.masks[view]
    assert all(detect_scheme(frame) is UKBB for frame in mask)
    ventricles = np.where(mask > 3, 0, mask)
    if view is View.LAX_4CH:
        assert detect_scheme(UKBB.convert(ventricles, ACDC)) is ACDC
    # An open LV tells nothing; an atrium does.
    assert detect_scheme(open_lv(mask)) is UKBB


def open_lv(mask: np.ndarray) -> np.ndarray:
    """Take away the myocardium that encloses the LV, but for a trace."""
    left = mask.copy()
    left[mask == 2] = 0
    left[..., 0, 0] = 2
    return left


def test_the_open_cases_4ch_cine(do: Do, tmp_path: Path, real_data: Path) -> None:
    """Learned from two frames labelled by what is bright, it is predicted on its own grid."""
    dicom = real_data / "multiview" / "dicom"
    do("info", dicom, "--nifti", tmp_path)
    image = nib.load(tmp_path / "dicom_4ch.nii.gz")
    voxels = np.asarray(image.dataobj)
    labels = np.zeros(voxels.shape, np.uint8)
    x, y = np.ogrid[:256, :208]
    near = (x - 125) ** 2 + (y - 135) ** 2  # of box 1, read off the picture
    labels[near < 30**2], labels[near < 18**2] = 2, 1
    mask, model = tmp_path / "mask.nii.gz", tmp_path / "m.safetensors"
    nib.save(nib.Nifti1Image(labels, image.affine), mask)
    do(
        *("finetune", "--images", dicom, "--view", "LAX_4CH", "--labels", mask),
        *("--slices", "0:0,9:0", "--scheme", "ukbb", "--steps", 20, "-o", model),
    )
    do("predict", model, dicom, "-o", tmp_path / "out")
    predicted = nib.load(tmp_path / "out" / "dicom_4ch_seg.nii.gz")
    np.testing.assert_array_equal(predicted.affine, image.affine)
    found = np.asarray(predicted.dataobj) > 0
    assert all(found[..., t].any() for t in range(25))
    assert load_model(model).card.view is View.LAX_4CH
