"""`cardiac-ssl loop`: a simulated expert at the session's side."""

import json

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.learning.weights import NAMES


@pytest.mark.parametrize("start", ["scratch", "MODEL"])
def test_it_labels_what_is_suggested(do, case, tmp_path, start):
    file = tmp_path / "loop.json"
    start = case.model if start == "MODEL" else start
    out, _ = do(
        "loop", case.image, "--reference", case.mask, "--scheme", "acdc", "--rounds", 2,
        "--steps", 2, "--from", start, "--json", file,
    )  # fmt: skip
    [rounds] = json.loads(file.read_text()).values()
    assert [one["round"] for one in rounds] == [1, 2]
    for one in rounds:
        assert set(one) == {"round", "t", "z", "reason", "dice", "corrected_pixels", "seconds"}
        assert one["t"] == 0
        assert 0 <= one["dice"] <= 1
        assert one["reason"]
    assert len({one["z"] for one in rounds}) == 2
    assert sum(one["corrected_pixels"] for one in rounds) > 50
    assert "round 2: frame 0, slice " in out


@pytest.mark.usefixtures("on_the_cpu")
def test_the_same_seed_and_steps_give_the_same_rounds(do, case, tmp_path):
    runs = []
    for name in ("a.json", "b.json"):
        do(
            "loop", case.image, "--reference", case.mask, "--scheme", "acdc", "--rounds", 3,
            "--steps", 3, "--from", "scratch", "--strategy", "random", "--seed", 5,
            "--json", tmp_path / name,
        )  # fmt: skip
        rounds = json.loads((tmp_path / name).read_text())["rounds"]
        runs.append([{k: v for k, v in one.items() if k != "seconds"} for one in rounds])
    assert runs[0] == runs[1]


def test_a_cine_is_labelled_where_the_reference_is(do, case, tmp_path):
    """Only frame 1 has a reference: frame 0 is neither suggested nor scored."""
    mask = nib.load(case.cine_mask)
    labels = np.asarray(mask.dataobj).copy()
    labels[..., 0] = 0
    nib.save(nib.Nifti1Image(labels, mask.affine, mask.header), tmp_path / "es.nii.gz")
    file = tmp_path / "loop.json"
    _, err = do(
        "loop", case.cine, "--reference", tmp_path / "es.nii.gz", "--scheme", "ukbb",
        "--strategy", "uniform", "--rounds", 9, "--steps", 1, "--from", "scratch", "--json", file,
    )  # fmt: skip
    rounds = json.loads(file.read_text())["rounds"]
    assert sorted((one["t"], one["z"]) for one in rounds) == [(1, z) for z in range(5)]
    assert "every slice is labelled after 5 rounds" in err
    assert rounds[-1]["dice"] > 0.9  # all of it is the expert's now, to his tolerance


def test_what_cannot_be_done_is_said(refuse, case, tmp_path):
    empty = nib.load(case.mask)
    nib.save(
        nib.Nifti1Image(np.zeros(empty.shape, np.uint8), empty.affine), tmp_path / "none.nii.gz"
    )
    said = refuse(
        "loop", case.image, "--reference", tmp_path / "none.nii.gz", "--scheme", "ukbb",
        "--from", "scratch",
    )  # fmt: skip
    assert "a mask without any label" in said
    said = refuse("loop", case.image, "--reference", case.mask, "--strategy", "best")
    assert "invalid choice: 'best'" in said
    said = refuse("loop", case.image, "--reference", case.mask, "--tolerance", "0")
    assert "'0' is not a number of millimetres above 0" in said


@pytest.mark.parametrize(("view", "start"), [("4ch", "default"), ("2ch", "scratch")])
def test_it_starts_from_the_shipped_weights_of_the_view(  # noqa: PLR0917 - fixtures
    do, case, tmp_path, monkeypatch, view, start
):
    from napari_cardiac_ssl.demo import simulated_expert

    if start == "scratch":  # as if none shipped
        monkeypatch.delitem(NAMES, View.LAX_2CH)
    started = []

    def rounds(*_, start, **__):
        started.append(start)
        return iter(())

    monkeypatch.setattr(simulated_expert, "rounds", rounds)
    image = tmp_path / f"p1_{view}.nii.gz"
    nib.save(nib.load(case.image).slicer[:, :, 2:3], image)
    nib.save(nib.load(case.mask).slicer[:, :, 2:3], tmp_path / "mask.nii.gz")
    _, err = do("loop", image, "--reference", tmp_path / "mask.nii.gz", "--scheme", "acdc")
    assert started == [start]
    assert ("no pre-trained weights ship for LAX_2CH" in err) == (view == "2ch")
