"""The simulated expert's run, short, and what it needs."""

import csv
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.demo import reference_beside
from napari_cardiac_ssl.gui.rehearsal import slices_to_draw
from napari_cardiac_ssl.readers.nifti import read_stack

RUN = """
from pathlib import Path
from napari_cardiac_ssl.gui.screen import virtual_screen
with virtual_screen() as note:
    from napari_cardiac_ssl.anatomy import View
    from napari_cardiac_ssl.gui.rehearsal import rehearse
    from napari_cardiac_ssl.synthetic import make_study
    made = make_study(3, frames=2, slices=6, size=96, lax=False)
    rehearse(made.study.stack(View.SAX), made.masks[View.SAX], Path("out"), budgets_s=(2, 1))
"""


@pytest.mark.timeout(1200)  # minutes where others work the machine
def test_rehearsal_leaves_masks_model_metrics_and_pictures(tmp_path):
    hidden = {"DISPLAY", "WAYLAND_DISPLAY"}  # it brings its own screen
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["OMP_NUM_THREADS"] = "1"  # threads that wait for a busy core take far longer
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "mean distance (mm)" in done.stdout
    out = tmp_path / "out"
    assert len(list((out / "screenshots").glob("*.png"))) == 9
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


def test_reference_must_lie_beside_the_image(tmp_path):
    path = tmp_path / "mine.nii.gz"
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    with pytest.raises(InputError, match=r"it needs mine_gt\.nii\.gz beside the image"):
        reference_beside(read_stack(path))


def test_reference_without_labels_is_refused():
    with pytest.raises(InputError, match="no label"):
        slices_to_draw(np.zeros((1, 2, 4, 4), np.uint8))
