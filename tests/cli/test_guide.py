"""What the documents show from Python does what it says, as it stands there."""

import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.labels.format import Drawing
from napari_cardiac_ssl.writers.labels.registry import FORMATS

from .conftest import Case

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
EXAMPLES = [
    pytest.param(example, id=f"{path.stem}-{number}")
    for path in DOCUMENTS
    for number, example in enumerate(
        re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.fixture
def files(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that examples name, in which they are run."""
    for file in (case.cine, case.cine_mask):
        shutil.copy(file, tmp_path)
    (tmp_path / "series").mkdir()
    for number in range(3):
        picture = Image.fromarray(np.full((6, 8), 10 * number, np.uint8))
        picture.save(tmp_path / "series" / f"{number:04}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(example: str) -> None:
    """Run an example, with a few steps of training instead of some seconds."""
    exec(re.sub(r"seconds=\d+", "steps=2", example), {"__name__": "example"})


def example_with(word: str) -> str:
    [found] = [one.values[0] for one in EXAMPLES if word in one.values[0]]
    return found


def test_from_an_image_to_a_report(files: Path, case: Case, capsys) -> None:
    run(example_with("cardiac.learn"))
    written, original = (nib.load(path) for path in (files / "p1_sax_seg.nii.gz", case.cine))
    assert written.shape == original.shape
    np.testing.assert_array_equal(written.affine, original.affine)
    assert np.asarray(written.dataobj).max() > 0
    assert "unreviewed" in (files / "p1.html").read_text(encoding="utf-8")
    assert re.fullmatch(r"EDV \d+ ml, EF -?\d+ %\n", capsys.readouterr().out)


def test_pictures_are_stacked(files: Path) -> None:
    run(example_with("Image.open"))
    image = nib.load(files / "series_sax.nii.gz")
    assert image.shape == (8, 6, 3)
    assert image.header.get_zooms() == pytest.approx((1.4, 1.4, 10.0))
    assert np.asarray(image.dataobj)[0, 0].tolist() == [0, 10, 20]


@pytest.mark.filterwarnings("ignore:.*no endocardium")  # at the apex
def test_contours_become_a_dicom_segmentation(files: Path, write_dicom) -> None:
    pytest.importorskip("highdicom")
    made = make_study(1, frames=2, slices=4, size=64, lax=False)
    write_dicom(made.study, files / "p1" / "dicom")
    images = read_study(files / "p1" / "dicom").stack(View.SAX)
    drawing = Drawing(made.masks[View.SAX], images)
    FORMATS["contours"].write(files / "p1" / "contours", drawing)
    run(example_with('FORMATS["dicom-seg"]'))
    labels = read_labels_at(files / "p1_seg.dcm", like=images).labels
    assert (labels > 0).any(axis=(2, 3)).sum() == (drawing.labels > 0).any(axis=(2, 3)).sum()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_python(example: str) -> None:
    compile(example, "example", "exec")


def test_every_example_is_run_by_a_test() -> None:
    run_here = ("cardiac.learn", "Image.open", 'FORMATS["dicom-seg"]')
    for one in EXAMPLES:
        assert any(word in one.values[0] for word in run_here), one.id
