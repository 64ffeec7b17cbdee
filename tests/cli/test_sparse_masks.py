"""Masks as other data sets have them: sparse in time, scaled, in other integers, axes elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]
FRAMES = 6


@pytest.fixture(scope="module")
def heart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, int]:
    """A folder with a cine and its mask; the mask's voxels (x, y, z, t); the frame of ES."""
    folder = tmp_path_factory.mktemp("heart")
    made = make_study(7, frames=FRAMES, slices=8, size=128, lax=False)
    stack = made.study.stack(View.SAX)
    write_map(folder / "p_sa.nii.gz", stack.image, like=stack, description="")
    write_mask(folder / "p_sa_gt.nii.gz", made.masks[View.SAX], like=stack)
    voxels = np.asarray(nib.load(folder / "p_sa_gt.nii.gz").dataobj)
    return folder, voxels, made.es_frame


def save(path: Path, voxels: np.ndarray, folder: Path, kind: type = np.uint8) -> Path:
    """Write a mask as others do, without our note."""
    like = nib.load(folder / "p_sa_gt.nii.gz")
    nib.save(nib.Nifti1Image(voxels.astype(kind), like.affine), path)
    return path


@pytest.fixture
def sparse(heart: tuple[Path, np.ndarray, int], tmp_path: Path) -> tuple[Path, int, int]:
    """Labels at ED and ES, and one slice of a third frame."""
    folder, voxels, es = heart
    third = next(t for t in range(1, FRAMES) if t != es)
    kept = np.zeros_like(voxels)
    for t in (0, es):
        kept[..., t] = voxels[..., t]
    kept[:, :, 3, third] = voxels[:, :, 3, third]
    return save(tmp_path / "sparse_gt.nii.gz", kept, folder), es, third


def test_a_partly_labelled_frame_is_not_es(
    do: Do, heart: tuple[Path, np.ndarray, int], sparse: tuple[Path, int, int]
) -> None:
    path, es, third = sparse
    out, err = do("measure", path, "--json")
    [row] = json.loads(out)
    [whole] = json.loads(do("measure", heart[0] / "p_sa_gt.nii.gz", "--json")[0])
    assert (row["ed_frame"], row["es_frame"]) == (0, es)
    assert row["lv_ef_percent"] == pytest.approx(whole["lv_ef_percent"])
    assert (
        f"warning: {path.name}: frame {third}: partly labelled (1 slice, in the fullest frame"
        in err
    )
    assert "partly labelled" in {warning["check"] for warning in row["warnings"]}


def test_a_partly_labelled_frame_that_is_named_gives_numbers_that_are_doubted(
    do: Do, sparse: tuple[Path, int, int]
) -> None:
    path, _, third = sparse
    _, err = do("measure", path, "--es-frame", third)
    assert "partly labelled" in err
    assert "which keeps its volume" in err


def test_frames_without_reference_are_not_scored(
    do: Do, heart: tuple[Path, np.ndarray, int], sparse: tuple[Path, int, int]
) -> None:
    path, es, third = sparse
    out, err = do("evaluate", heart[0] / "p_sa_gt.nii.gz", "--reference", path, "--json")
    rows = json.loads(out)
    assert sorted({row["frame"] for row in rows}) == [0, es]
    assert all(row["dice"] == 1 for row in rows)
    assert f"{FRAMES - 3} frames of {FRAMES} without reference: not scored" in err
    assert f"frame {third}: partly labelled" in err


def test_a_stray_voxel_is_said_before_it_is_learned_from(
    do: Do, heart: tuple[Path, np.ndarray, int], case, tmp_path: Path
) -> None:
    folder, voxels, _ = heart
    stray = np.zeros_like(voxels)
    stray[..., 0] = voxels[..., 0]
    stray[5, 5, 3, 2] = 1
    mask = save(tmp_path / "stray_gt.nii.gz", stray, folder)
    learn = ("finetune", "--images", folder / "p_sa.nii.gz", "--labels", mask)
    rest = ("--from", case.model, "--steps", 1, "-o", tmp_path / "m.safetensors")
    _, err = do(*learn, *rest)
    assert f"warning: {mask}: frame 2, slice 3: " in err
    assert "a slip of the brush?" in err


@pytest.mark.parametrize("command", ["measure", "finetune"])
def test_other_integers_are_named(  # noqa: PLR0917 - fixtures
    do: Do,
    refuse: Refuse,
    heart: tuple[Path, np.ndarray, int],
    case,
    tmp_path: Path,
    command: str,
) -> None:
    folder, voxels, _ = heart
    cine = folder / "p_sa.nii.gz"

    def arguments(mask: Path) -> tuple[object, ...]:
        if command == "measure":
            return (command, mask)
        model = tmp_path / "m.safetensors"
        learn = (command, "--images", cine, "--labels", mask, "--from", case.model)
        return (*learn, "--steps", 1, "-o", model)

    swapped = save(tmp_path / "a_gt.nii.gz", np.choose(voxels, [0, 2, 1, 3]), folder)
    said = "2 is enclosed by 1: this looks like 1 myocardium, 2 LV cavity, 3 RV cavity"
    assert said in refuse(*arguments(swapped))
    _, err = do(*arguments(swapped), "--scheme", "ukbb")
    assert f"read as scheme ukbb, named, but {said}" in err
    myops = save(tmp_path / "b.nii.gz", np.choose(voxels, [0, 500, 200, 600]), folder, np.int16)
    said = "500 is enclosed by 200: this looks like 200 myocardium, 500 LV cavity, 600 RV cavity"
    assert said in refuse(*arguments(myops), "--scheme", "ukbb")


def test_uneven_labels_are_rounded_and_others_refused(
    do: Do, refuse: Refuse, heart: tuple[Path, np.ndarray, int], tmp_path: Path
) -> None:
    folder, voxels, _ = heart
    [even] = json.loads(do("measure", folder / "p_sa_gt.nii.gz", "--json")[0])
    for off in (1e-6, 0.004, 0.0099):
        uneven = np.where(voxels > 0, voxels - off, 0)
        mask = save(tmp_path / "p_gt.nii.gz", uneven, folder, np.float32)
        [row] = json.loads(do("measure", mask, "--json")[0])
        assert row["lv_ef_percent"] == even["lv_ef_percent"]
    uneven = np.where(voxels > 0, voxels - 0.02, 0)
    mask = save(tmp_path / "p_gt.nii.gz", uneven, folder, np.float32)
    line = refuse("measure", mask)
    assert "voxels are not whole numbers, such as " in line
    assert ".98 " in line


def test_predicted_alike_however_the_axes_are_stored(
    do: Do, heart: tuple[Path, np.ndarray, int], case, tmp_path: Path
) -> None:
    image = nib.load(heart[0] / "p_sa.nii.gz")
    written = []
    for order in ([0, 1, 2], [1, 2, 0], [0, 2, 1]):
        ornt = np.array([[to, 1] for to in order])
        file = tmp_path / f"p{''.join(map(str, order))}.nii.gz"
        nib.save(image.as_reoriented(ornt), file)
        do("predict", case.model, file, "-o", tmp_path / "out")
        mask = nib.load(tmp_path / "out" / file.name.replace(".nii", "_seg.nii"))
        np.testing.assert_array_equal(mask.affine, nib.load(file).affine)
        assert mask.shape == nib.load(file).shape
        written.append(np.asarray(mask.dataobj).transpose(*order, 3))
    first, *others = written
    assert first.any()
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_numbers_that_no_heart_has_are_in_every_table(
    do: Do, heart: tuple[Path, np.ndarray, int], tmp_path: Path
) -> None:
    folder, voxels, es = heart
    shrunk = voxels.copy()
    cavity = np.argwhere(shrunk[..., es] == 1)
    shrunk[(*cavity[20:].T, es)] = 2  # an LV that all but empties
    mask = save(tmp_path / "p_gt.nii.gz", shrunk, folder)
    said = "is none that a heart has (limits 5 to 88 %)"
    _, err = do("measure", mask, "--csv", tmp_path / "t.csv", "--es-frame", es)
    assert said in err
    assert said in (tmp_path / "t.csv").read_text()
    cine = folder / "p_sa.nii.gz"
    page = tmp_path / "p.html"
    _, err = do("report", cine, "--mask", mask, "--es-frame", es, "-o", page)
    assert said in err
    assert said in page.read_text()
    files = [
        save(tmp_path / f"q_{p}.nii", shrunk[..., t], folder) for p, t in (("ED", 0), ("ES", es))
    ]
    _, err = do("measure", "--ed", files[0], "--es", files[1])
    assert said in err


def test_a_mask_with_frames_and_slices_exchanged_is_said(
    do: Do, heart: tuple[Path, np.ndarray, int], tmp_path: Path
) -> None:
    folder, voxels, _ = heart
    mask = save(tmp_path / "p_gt.nii.gz", voxels.swapaxes(2, 3), folder)
    _, err = do("measure", mask)
    assert "frames and slices seem to be exchanged" in err
    assert "frames and slices" not in do("measure", folder / "p_sa_gt.nii.gz")[1]
