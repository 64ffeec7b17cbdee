"""The commands one after another, on files as others write them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_cardiac_ssl.anatomy import ACDC, UKBB
from napari_cardiac_ssl.learning import averaging
from napari_cardiac_ssl.learning.checkpoint import load_model, model_from_bytes
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.writers.masks import write_mask

Do = Callable[..., tuple[str, str]]


@pytest.fixture
def oblique(tmp_path: Path, case) -> Path:
    """A 4-D int16 file with two oblique transforms, codes, scaling, units and frame time."""
    stack = read_stack(case.cine)
    turn = nib.eulerangles.euler2mat(0.5, -0.3, 0.8)
    sform, qform = np.eye(4), np.eye(4)
    sform[:3, :3] = turn @ np.diag([-1.7, 1.5, 9.0])
    sform[:3, 3] = 31.5, -44.25, 12.0
    qform[:3, :3] = nib.eulerangles.euler2mat(0.5, -0.3, 0.9) @ np.diag([-1.7, 1.5, 9.0])
    qform[:3, 3] = 30.0, -45.0, 12.5
    image = nib.Nifti1Image(np.asarray(stack.image.T, dtype=np.int16), None)
    image.set_sform(sform, 2)
    image.set_qform(qform, 1)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 37.5
    image.header.set_slope_inter(0.25, -10)
    path = tmp_path / "étude 1" / "obl sa.nii.gz"
    path.parent.mkdir()
    nib.save(image, path)
    return path


def test_masks_lie_where_their_image_lies(do: Do, case, oblique: Path, tmp_path: Path) -> None:
    out, err = do("predict", case.model, oblique, "-o", tmp_path / "out", "--confidence", "--json")
    said = json.loads(out)
    [warning] = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert "sform and qform disagree" in warning
    assert [Path(file).name for file in said["files"]] == [
        "obl sa_seg.nii.gz", "obl sa_confidence.nii.gz",
    ]  # fmt: skip
    image = nib.load(oblique)
    for file in said["files"]:
        written = nib.load(file)
        assert written.shape == image.shape
        for form in ("qform", "sform"):
            matrix, code = getattr(image.header, f"get_{form}")(coded=True)
            matrix_back, code_back = getattr(written.header, f"get_{form}")(coded=True)
            assert code_back == code
            np.testing.assert_array_equal(matrix_back, matrix)
        np.testing.assert_array_equal(written.affine, image.affine)
        assert written.header.get_xyzt_units() == ("mm", "msec")
        np.testing.assert_array_equal(written.header["pixdim"], image.header["pixdim"])
    mask, confidence = (nib.load(file) for file in said["files"])
    assert mask.get_data_dtype() == np.uint8
    assert set(np.unique(mask.dataobj)) <= {0, 1, 2, 3}
    assert (mask.dataobj.slope, mask.dataobj.inter) == (1, 0)
    assert 0 < confidence.get_fdata().max() <= 1
    # The centroid in the patient: nibabel's reading of the mask, ours of the image.
    voxels = np.argwhere(np.asarray(mask.dataobj)[..., 0] > 0)
    assert len(voxels) > 0
    centroid = nib.affines.apply_affine(mask.affine, voxels.mean(axis=0))
    stack = read_stack_quietly(oblique)
    z, y, x = np.nonzero(read_mask_quietly(Path(said["files"][0]))[0])
    ours = stack.world_mm(np.array([x.mean(), y.mean(), z.mean()]))
    np.testing.assert_allclose(ours, centroid, atol=1e-4)


def read_stack_quietly(path: Path):
    with pytest.warns(match="disagree"):
        return read_stack(path)


def read_mask_quietly(path: Path) -> np.ndarray:
    with pytest.warns(match="disagree"):
        return read_mask(path).labels


@pytest.mark.usefixtures("on_the_cpu")
def test_learn_predict_evaluate(do: Do, case, tmp_path: Path) -> None:
    model, again = tmp_path / "m.safetensors", tmp_path / "n.safetensors"
    learn = ("finetune", "--images", case.cine, "--labels", case.cine_mask, "--from", "scratch",
             "--slices", "0:1,0:2,1:3", "--steps", 3, "--seed", 7, "--json", "-o")  # fmt: skip
    out, err = do(*learn, model)
    said = json.loads(out)
    assert "label scheme ukbb (noted in its header)" in err
    assert (said["model"], said["steps"], said["seed"]) == (str(model), 3, 7)
    do(*learn, again)
    first, second = load_model(model), load_model(again)
    assert first.digest == second.digest == said["digest"]
    assert first.card.slices_learned == 3
    do(*learn, again, "--seed", 8)
    assert load_model(again).digest != first.digest

    out, _ = do("predict", model, case.cine, "-o", tmp_path / "masks", "--confidence")
    seg, confidence = map(Path, out.splitlines())
    assert seg == tmp_path / "masks" / "p1_sax_seg.nii.gz"
    assert nib.load(seg).shape == nib.load(confidence).shape == nib.load(case.cine).shape

    table = tmp_path / "tables" / "scores.csv"
    evaluate = ("evaluate", seg, "--reference", case.cine_mask, "--without", "1,2", "--csv", table)
    rows = json.loads(do(*evaluate, "--json")[0])
    assert [(row["frame"], row["structure"]) for row in rows] == [
        (frame, structure)
        for frame in (0, 1)
        for structure in ("LV cavity", "myocardium", "RV cavity", "mean")
    ]
    with open(table, newline="") as file:
        in_table = list(csv.DictReader(file))
    for row, cells in zip(rows, in_table, strict=True):
        assert row["dice"] is None or float(cells["dice"]) == pytest.approx(row["dice"], rel=1e-5)
    shown, said = do(*evaluate)
    shown = shown.splitlines()
    assert len(shown) == 1 + len(rows)
    assert "of each frame compared, without 1,2; volumes are of these alone" in said
    assert shown[0].split()[:4] == ["file", "frame", "structure", "Dice"]


def test_learning_goes_on_from_a_model(do: Do, case, tmp_path: Path) -> None:
    output = tmp_path / "m.safetensors"
    files = ("--images", case.image, "--labels", case.mask)
    out, err = do(
        "finetune", *files, "--from", case.model, "--mode", "decoder", "--steps", 1, "-o", output
    )
    assert "learned from" in out
    assert "label scheme acdc (told from the anatomy)" in err
    card = load_model(output).card
    assert card.parent == load_model(case.model).digest
    assert (card.scheme, card.recipe["mode"]) == ("acdc", "decoder")
    # What it was taught in is what it gives back.
    do("predict", output, case.image, "-o", tmp_path)
    assert "acdc" in str(nib.load(tmp_path / "p1_ED_seg.nii.gz").header["descrip"])


def test_positions_are_kept_beside_structures(do: Do, refuse, case, tmp_path: Path) -> None:
    learn = ("finetune", "--images", case.image, "--labels", case.mask, "--mode", "multitask")
    learn = (*learn, "--scheme", "acdc", "--steps", 2, "-o")
    points = {key: point.tolist() for key, point in case.landmarks.items()}
    marks = tmp_path / "landmarks.json"
    marks.write_text(json.dumps({"p1": points}))
    do(*learn, tmp_path / "recalled.safetensors")
    do(*learn, tmp_path / "known.safetensors", "--landmarks", marks)
    recalled, known = (load_model(tmp_path / f"{n}.safetensors") for n in ("recalled", "known"))
    assert recalled.card.recipe["mode"] == known.card.recipe["mode"] == "multitask"
    assert recalled.digest != known.digest
    marks.write_text(json.dumps({"p2": points}))
    wrong = tmp_path / "wrong.safetensors"
    assert "p1, to which" in refuse(*learn, wrong, "--landmarks", marks)
    assert not wrong.exists()


def test_masks_of_different_schemes_are_compared_rightly(do: Do, case, tmp_path: Path) -> None:
    stack, labels = read_stack(case.image), read_mask(case.mask).labels
    # A bad prediction in ukbb, whose anatomy says acdc: LV and RV taken for each other, but for
    # one voxel in five.
    swapped = np.where(np.arange(labels.size).reshape(labels.shape) % 5, labels, 0)
    swapped = ACDC.convert(swapped.astype(np.uint8), UKBB)
    seg = write_mask(tmp_path / "p1_ED_seg.nii.gz", swapped, like=stack, scheme=UKBB)
    right = write_mask(tmp_path / "right.nii.gz", labels, like=stack, scheme=UKBB)
    for scheme in ((), ("--scheme", "acdc")):
        rows, said = {}, {}
        for path in (seg, right):
            out, said[path] = do("evaluate", path, "--reference", case.mask, "--json", *scheme)
            rows[path] = {row["structure"]: row["dice"] for row in json.loads(out)}
        assert rows[right] == {"LV cavity": 1, "myocardium": 1, "RV cavity": 1, "mean": 1}
        assert rows[seg]["LV cavity"] == rows[seg]["RV cavity"] == 0
        assert rows[seg]["myocardium"] > 0.8
        assert "p1_ED_seg.nii.gz: label scheme ukbb (noted in its header)" in said[seg]
        assert "warning" not in said[seg]


def test_a_named_scheme_that_the_mask_contradicts_is_said(do: Do, case, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    learn = ("finetune", "--images", case.image, "--labels", case.mask, "--from", case.model,
             "--steps", 1, "-o", model, "--scheme")  # fmt: skip
    for _ in range(2):  # said each time, not once
        [line] = [line for line in do(*learn, "ukbb")[1].splitlines() if line.startswith("warning")]
        assert "read as scheme ukbb, as named, but its anatomy says acdc" in line
        assert str(case.mask) in line
    assert "warning" not in do(*learn, "acdc")[1]


def test_an_empty_prediction_is_scored(do: Do, case, tmp_path: Path) -> None:
    stack = read_stack(case.image)
    empty = write_mask(tmp_path / "e.nii.gz", np.zeros(stack.image.shape, np.uint8), like=stack)
    rows = json.loads(do("evaluate", empty, "--reference", case.mask, "--json")[0])
    assert {row["dice"] for row in rows} == {0}
    assert {row["hd95_mm"] for row in rows} == {None}
    assert {row.get("absent_in") for row in rows} == {"prediction", None}


def test_equal_names_are_told_apart_in_the_table(do: Do, case, tmp_path: Path) -> None:
    other = tmp_path / case.mask.name
    other.write_bytes(case.mask.read_bytes())
    pairs = ("evaluate", case.mask, other, "--reference", case.mask, other, "--json")
    assert {row["file"] for row in json.loads(do(*pairs)[0])} == {str(case.mask), str(other)}


def test_info_tells_what_is_doubtful(do: Do, case, tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.asarray(read_stack(case.cine).image.T, dtype=np.int16), None)
    image.header.set_zooms((1.5, 1.5, 8, 1))
    image.header.set_xyzt_units("mm", "msec")
    nib.save(image, tmp_path / "p2.nii.gz")
    out, err = do("info", tmp_path / "p2.nii.gz")
    assert "orientation unknown: neither sform nor qform has a code" in out
    assert "frames 1 ms apart: doubtful, check the header" in out
    assert err == ""
    [series] = json.loads(do("info", tmp_path / "p2.nii.gz", "--json")[0])["series"]
    assert (series["view"], series["slices"], series["frames"]) == ("SAX", 5, 2)
    assert series["spacing_mm"] == [8, 1.5, 1.5]
    assert not series["orientation_known"]
    assert len(series["remarks"]) == 2
    [series] = json.loads(do("info", case.cine, "--json")[0])["series"]
    assert (series["orientation_known"], series["remarks"]) == (True, [])


def test_info_doubts_axes_of_the_patient_and_names_masks(do: Do, case, tmp_path: Path) -> None:
    image = np.asarray(read_stack(case.cine).image[0].T, dtype=np.int16)
    nib.save(nib.Nifti1Image(image, np.diag([1.5, 1.5, 8, 1])), tmp_path / "p3.nii.gz")
    write_mask(tmp_path / "p3_gt.nii.gz", read_mask(case.cine_mask).labels[:1],
               like=read_stack(tmp_path / "p3.nii.gz"))  # fmt: skip
    out, _ = do("info", tmp_path)
    assert "orientation doubtful: its axes are said to be the patient's" in out
    assert "masks, which are no views: p3_gt.nii.gz" in out
    said = json.loads(do("info", tmp_path, "--json")[0])
    assert said["masks"] == ["p3_gt.nii.gz"]
    assert "orientation doubtful" in said["series"][0]["remarks"][0]
    assert "orientation" not in do("info", case.cine)[0]


def test_info_says_that_transforms_disagree_each_time(do: Do, oblique: Path) -> None:
    for _ in range(2):
        out, err = do("info", oblique)
        assert out.startswith("study obl sa: 1 series")
        assert err.startswith("warning: ")
        assert err.count("\n") == 1
        assert "sform and qform disagree" in err


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one synthetic study, made by the command line."""
    from napari_cardiac_ssl.cli import main

    folder = tmp_path_factory.mktemp("synthetic hearts")
    assert main(["synth", str(folder), "--seed", "5"]) == 0
    return folder / "synthetic-0005"


def test_a_synthetic_study_is_complete(do: Do, synthetic: Path) -> None:
    truth = json.loads((synthetic / "truth.json").read_text())
    assert truth["seed"] == 5
    said = json.loads(do("info", synthetic, "--json")[0])
    assert (said["study"], said["missing"]) == ("synthetic-0005", [])
    assert {series["view"] for series in said["series"]} == {"SAX", "LAX_2CH", "LAX_4CH"}
    assert all(series["frames"] == 20 and not series["remarks"] for series in said["series"])
    for view in ("sax", "2ch", "4ch"):
        image, mask = (synthetic / f"synthetic-0005_{view}{end}.nii.gz" for end in ("", "_gt"))
        assert read_mask(mask, like=read_stack(image)).scheme is UKBB


def test_long_axis_masks_are_learned_in_their_own_structures(
    do: Do, synthetic: Path, tmp_path
) -> None:
    image, mask = (synthetic / f"synthetic-0005_4ch{end}.nii.gz" for end in ("", "_gt"))
    model = tmp_path / "m.safetensors"
    do(
        "finetune",
        "--images",
        image,
        "--labels",
        mask,
        "--slices",
        "0:0,8:0",
        "--steps",
        2,
        "-o",
        model,
    )
    card = load_model(model).card
    assert (card.view, len(card.structures)) == ("LAX_4CH", 5)


def test_predicting_again_loses_no_mask(do: Do, case, tmp_path: Path) -> None:
    predict = ("predict", case.model, case.image, "-o", tmp_path)
    mask = Path(do(*predict)[0].strip())
    first = mask.read_bytes()
    assert "was there already" not in do(*predict)[1]
    assert mask.read_bytes() == first
    assert list(tmp_path.iterdir()) == [mask]
    mask.write_bytes(b"drawn by hand")
    assert "what it held is kept as p1_ED_seg-1.nii.gz" in do(*predict)[1]
    assert mask.read_bytes() == first
    assert (tmp_path / "p1_ED_seg-1.nii.gz").read_bytes() == b"drawn by hand"


def test_the_shipped_weights_predict_by_name(do: Do, case, tmp_path: Path) -> None:
    out, _ = do("predict", "default", case.image, "-o", tmp_path)
    assert read_mask(Path(out.strip()), allow_empty=True).labels.shape == (1, 5, 64, 64)


@pytest.mark.usefixtures("on_the_cpu")
def test_slices_outside_the_extent_are_learned_and_predicted_empty(do, case, tmp_path) -> None:
    model = tmp_path / "m.safetensors"
    learn = ("finetune", "--images", case.cine, "--labels", case.cine_mask, "--from", "scratch",
             "--slices", "0:2", "--steps", 1, "-o", model)  # fmt: skip
    do(*learn, "--extent", "0:1-3,1:2-4")
    outside = {(0, 0), (0, 4), (1, 0), (1, 1)}
    (part,) = load_model(model).card.trained_on
    assert set(part.empty) == outside
    assert part.slices == 5
    out, _ = do("predict", model, case.cine, "-o", tmp_path)
    predicted = read_mask(Path(out.strip()), scheme=UKBB, allow_empty=True).labels
    untold = tmp_path / "n.safetensors"
    do(*learn[:-1], untold)
    out, _ = do("predict", untold, case.cine, "-o", tmp_path / "untold")
    plain = read_mask(Path(out.strip()), scheme=UKBB, allow_empty=True).labels
    assert plain[0, 0].any()  # one step teaches nothing: it sees hearts everywhere
    assert {(t, z) for t in (0, 1) for z in range(5) if not predicted[t, z].any()} == outside
    # One extent for all frames; and for several images one each.
    do(*learn, "--extent", "1-3")
    assert set(load_model(model).card.trained_on[0].empty) == {(0, 0), (0, 4), (1, 0), (1, 4)}
    two = ("--images", case.cine, case.image, "--labels", case.cine_mask, case.mask)
    do("finetune", *two, "--from", "scratch", "--scheme", "ukbb", "--steps", 1, "-o", model,
       "--slices", "0:2", "--extent", "1-3", "0-3")  # fmt: skip
    assert [len(part.empty) for part in load_model(model).card.trained_on] == [4, 1]


def test_training_that_did_not_help_is_said(do, case, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(averaging, "MOST_OVERTURNED", -1.0)  # nothing learned may be kept
    model = tmp_path / "m.safetensors"
    _, err = do("finetune", "--images", case.cine, "--labels", case.cine_mask, "--slices", "0:2",
                "--steps", 1, "-o", model)  # fmt: skip
    assert "training did not help" in err
    learned, start = load_model(model), model_from_bytes(default_weights(), "the shipped weights")
    assert learned.card.recipe["share_learned"] == 0
    for name, value in learned.network.state_dict().items():
        assert torch.equal(value, start.network.state_dict()[name])
