"""The valve plane on the command line: said, and used where it is asked for."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.learning.checkpoint import save_model
from napari_cardiac_ssl.synthetic import SyntheticStudy, make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask

from .conftest import tiny_model

Do = Callable[..., tuple[str, str]]
FRAMES = 4


@pytest.fixture(scope="module")
def made() -> SyntheticStudy:
    return make_study(21, frames=FRAMES, slices=12, size=128, pathology="normal", breath_hold_mm=0)


@pytest.fixture(scope="module")
def folder(made: SyntheticStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three views as NIfTI, and a mask that is heart everywhere."""
    folder = tmp_path_factory.mktemp("p1")
    for view, name in ((View.SAX, "sax"), (View.LAX_2CH, "la_2ch"), (View.LAX_4CH, "la_4ch")):
        stack = replace(made.study.stack(view), frame_interval_s=0.04)
        write_map(folder / f"p1_{name}.nii.gz", stack.image, like=stack, description=name)
    return folder


@pytest.fixture(scope="module")
def mask(made: SyntheticStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The true mask, with LV drawn on the slices above the valve."""
    labels = made.masks[View.SAX].copy()
    stack = made.study.stack(View.SAX)
    valve = round(stack.voxel_xyz(made.landmarks["lv_base"])[2])
    step = 1 if valve > 6 else -1
    for z in range(12):
        if (z - valve) * step >= 1:
            labels[:, z] = labels[:, valve - 3 * step]
    return write_mask(tmp_path_factory.mktemp("m") / "p1_sax_gt.nii.gz", labels, like=stack)


def test_info_says_the_plane_in_every_frame_and_only_if_asked(
    do: Do, folder: Path, made: SyntheticStudy
) -> None:
    assert "valve" not in do("info", folder)[0]
    text = do("info", folder, "--valve")[0]
    assert "mitral valve from the 4CH and 2CH" in text
    assert "--extent 0:" in text
    rows = json.loads(do("info", folder, "--valve", "--json")[0])["valve"]
    assert [row["frame"] for row in rows] == list(range(FRAMES))
    base, apex = made.landmarks["lv_base"], made.landmarks["lv_apex"]
    first = rows[0]
    away = (base - np.array(first["point_mm"])) @ np.array(first["normal"])
    assert abs(away) < 6
    assert np.linalg.norm(apex - first["apex_mm"]) < 20
    assert first["views"] == ["LAX_4CH", "LAX_2CH"]
    assert first["slices"][0] < first["slices"][1]


def test_predict_leaves_out_what_lies_beyond_and_nothing_else(
    do: Do, folder: Path, tmp_path: Path
) -> None:
    said = ("predict", "default", folder / "p1_sax.nii.gz", "-o")
    do(*said, tmp_path / "free")
    do(*said, tmp_path / "bound", "--long-axis", folder)
    free, bound = (
        np.asarray(nib.load(tmp_path / name / "p1_sax_seg.nii.gz").dataobj)
        for name in ("free", "bound")
    )
    rows = json.loads(do("info", folder, "--valve", "--json")[0])["valve"]
    for row in rows:
        t, (first, last) = row["frame"], row["slices"]
        inside = slice(first, last + 1)
        np.testing.assert_array_equal(bound[:, :, inside, t], free[:, :, inside, t])
        assert not bound[:, :, :first, t].any()
        assert not bound[:, :, last + 1 :, t].any()


def test_measure_leaves_out_what_lies_beyond_if_asked(
    do: Do, folder: Path, mask: Path, made: SyntheticStudy
) -> None:
    whole = json.loads(do("measure", mask, "--json")[0])[0]
    part = json.loads(do("measure", mask, "--json", "--long-axis", folder)[0])[0]
    true_ml = made.lv_volume_ml[0]
    assert whole["lv_edv_ml"] > part["lv_edv_ml"] + 8
    assert part["lv_edv_ml"] == pytest.approx(true_ml, rel=0.1)


def test_a_short_axis_of_one_frame_is_bounded_by_the_frame_that_is_named(
    do: Do, folder: Path, made: SyntheticStudy, tmp_path: Path
) -> None:
    sax, at = made.study.stack(View.SAX), 2
    still = replace(sax, image=sax.image[at : at + 1], is_4d=False)
    image = write_map(tmp_path / "p1_ES.nii.gz", still.image, like=still, description="ES")
    do("predict", "default", image, "-o", tmp_path, "--long-axis", folder, "--long-axis-frame", at)
    labels = np.asarray(nib.load(tmp_path / "p1_ES_seg.nii.gz").dataobj)
    rows = json.loads(do("info", folder, "--valve", "--json")[0])["valve"]
    first, last = next(row["slices"] for row in rows if row["frame"] == at)
    assert labels[:, :, first : last + 1].any()
    assert not labels[:, :, :first].any()
    assert not labels[:, :, last + 1 :].any()


def test_what_cannot_bound_says_why(
    refuse: Callable[..., str], folder: Path, mask: Path, made: SyntheticStudy, tmp_path: Path
) -> None:
    sax = made.study.stack(View.SAX)
    first = replace(sax, image=sax.image[:1], is_4d=False)
    still = write_map(tmp_path / "p1_ED.nii.gz", first.image, like=first, description="ED")
    said = ("predict", "default", still, "-o", tmp_path, "--long-axis", folder)
    assert f"say it, --long-axis-frame 0 to {FRAMES - 1}" in refuse(*said)
    assert f"frames 0 to {FRAMES - 1}" in refuse(*said, "--long-axis-frame", FRAMES)
    assert "name that too" in refuse(*said[:-2], "--long-axis-frame", 0)
    said = ("measure", mask, "--long-axis", folder, "--long-axis-frame", 0)
    assert "is for one frame" in refuse(*said)
    alone = tmp_path / "alone"
    alone.mkdir()
    write_map(alone / "p1_sax.nii.gz", sax.image, like=sax, description="cine")
    assert "seen on no 2CH or 4CH view" in refuse("measure", mask, "--long-axis", alone)
    four = save_model(tmp_path / "four.safetensors", tiny_model(View.LAX_4CH))
    said = ("predict", four, folder, "-o", tmp_path, "--long-axis", folder)
    assert "bounds the short axis" in refuse(*said)
    said = ("measure", "--ed", mask, "--es", mask, "--long-axis", folder)
    assert "not for pairs" in refuse(*said)
