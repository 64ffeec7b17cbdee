"""The simulated expert's run, short, and what it needs."""

import csv
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.demo.hand import landmarks_in, slices_to_draw
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.demo import reference_beside
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_mask

RUN = """
from pathlib import Path
from napari_cardiac_ssl.gui.screen import virtual_screen
with virtual_screen() as note:
    from napari_cardiac_ssl.anatomy import View
    from napari_cardiac_ssl.gui.rehearsal import rehearse
    from napari_cardiac_ssl.synthetic import make_study
    {}
"""
#: Short axis alone, with its reference: landmarks are clicked, results are scored.
BUILT_IN = """made = make_study(3, frames=2, slices=6, size=96, lax=False)
    rehearse(made.study, Path("out"), made.masks[View.SAX], budgets_s=(2, 1))"""
#: A folder with long-axis views and no reference: the first guess is drawn, nothing is scored.
FOLDER = """rehearse(Path("dicom"), Path("out"), budgets_s=(2, 1))"""


def walk(folder, how):
    """Rehearse in a process of its own, with a screen of its own; return what it said."""
    hidden = {"DISPLAY", "WAYLAND_DISPLAY"}
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["OMP_NUM_THREADS"] = "1"  # threads that wait for a busy core take far longer
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(how)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pictures(out):
    """Return the steps that were shot, in order."""
    shot = sorted((out / "screenshots").glob("*.png"), key=lambda p: int(p.stem.split("-")[0]))
    return [path.stem.split("-", 1)[1] for path in shot]


LOOP = ["labelled", "training", "refreshed", "to-correct", "corrected", "suggested"]
LOOP += ["second-round", "points", "mosaic", "bullseye", "exported"]


@pytest.mark.timeout(1200)  # minutes where others work the machine
def test_rehearsal_leaves_masks_model_metrics_and_pictures(tmp_path):
    assert "mean distance (mm)" in walk(tmp_path, BUILT_IN)
    out = tmp_path / "out"
    assert pictures(out) == ["opened", "landmarks", *LOOP]
    assert (out / "model.safetensors").stat().st_size > 100_000
    image = nib.load(out / "masks" / "synthetic-0003_sax.nii.gz")
    mask = nib.load(out / "masks" / "synthetic-0003_sax_seg.nii.gz")
    assert mask.shape == image.shape == (96, 96, 6, 2)
    assert np.array_equal(mask.affine, image.affine)
    assert set(np.unique(mask.dataobj)) <= {0, 1, 2, 3}
    with open(out / "metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["round"], row["frame"]) for row in rows} == {(r, f) for r in "12" for f in "01"}
    assert all(0 <= float(row["dice"]) <= 1 for row in rows if row["dice"])


@pytest.mark.timeout(1200)
def test_rehearsal_goes_through_a_dicom_folder_without_a_reference(tmp_path, write_dicom):
    write_dicom(make_study(3, frames=2, slices=6, size=96).study, tmp_path / "dicom")
    assert "no figures" in walk(tmp_path, FOLDER)
    out = tmp_path / "out"
    assert pictures(out) == ["opened", "first-guess", *LOOP]
    assert not (out / "metrics.csv").exists()
    assert (out / "model.safetensors").stat().st_size > 100_000
    (mask,) = (out / "masks").glob("*_seg.nii.gz")
    assert nib.load(mask).shape == (96, 96, 6, 2)
    assert len(np.unique(nib.load(mask).dataobj)) == 4


def test_landmarks_need_an_lv_on_two_slices():
    labels = np.zeros((1, 3, 9, 9), np.uint8)
    labels[0, 1, 4, 3:6] = 1, 1, 3
    with pytest.raises(InputError, match="LV on two slices"):
        landmarks_in(labels)


def test_reference_is_what_lies_beside_the_image(tmp_path):
    path = tmp_path / "mine.nii.gz"
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nib.save(nib.Nifti1Image(voxels, np.diag([1.5, 1.5, 8, 1])), path)
    assert reference_beside(read_stack(path)) is None
    stack = read_stack(path)
    labels = np.zeros(stack.image.shape, np.uint8)
    labels[0, 3, 2, 1] = 2
    write_mask(tmp_path / "mine_gt.nii.gz", labels, like=stack)
    assert np.array_equal(reference_beside(stack), labels)


def test_reference_without_labels_is_refused():
    with pytest.raises(InputError, match="no label"):
        slices_to_draw(np.zeros((1, 2, 4, 4), np.uint8))
