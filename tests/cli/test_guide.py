"""What the guide shows from Python does what it says."""

import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from .conftest import Case

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


def test_the_guide_s_example_runs(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert "Budget(seconds=15)" in example
    for file in (case.cine, case.cine_mask):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(example.replace("seconds=15", "steps=2"), {"__name__": "guide"})
    written = nib.load(tmp_path / "p1_sax_seg.nii.gz")
    original = nib.load(case.cine)
    assert written.shape == original.shape
    np.testing.assert_array_equal(written.affine, original.affine)
    assert np.asarray(written.dataobj).max() > 0
