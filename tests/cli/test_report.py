"""`report`: one page from the shell."""

import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, UKBB

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]


def test_a_cine(do: Do, case, tmp_path: Path) -> None:
    page = tmp_path / "out" / "p1.html"
    out, err = do("report", case.cine, "--mask", case.cine_mask, "-o", page)
    assert out.strip() == str(page)
    html = page.read_text(encoding="utf-8")
    assert str(case.folder) not in html
    for name in (case.cine.name, case.cine_mask.name):
        assert f"<td>{name}</td>" in html
    assert len(re.findall(r"class=digest>[0-9a-f]{64}<", html)) == 2
    assert "label scheme ukbb" in err


def test_ed_alone_with_body(do: Do, case, tmp_path: Path) -> None:
    page = tmp_path / "p1.html"
    files = (case.image, "--mask", case.mask, "--scheme", "acdc", "-o", page)
    do("report", *files, "--height-cm", 180, "--weight-kg", 80)
    html = page.read_text(encoding="utf-8")
    assert "LV EDV / body surface" in html
    assert "ejection" not in html


@pytest.fixture
def folder(case, tmp_path: Path) -> Path:
    """ED and ES as files of their own, images and masks, as many sets have them."""
    place = tmp_path / "p1"
    place.mkdir()
    image, mask = nib.load(case.cine), nib.load(case.cine_mask)
    for t, phase in enumerate(("ED", "ES")):
        part = np.asarray(image.dataobj)[..., t].astype(np.int16)
        nib.save(nib.Nifti1Image(part, image.affine), place / f"p1_{phase}.nii.gz")
        labels = UKBB.convert(np.asarray(mask.dataobj)[..., t].astype(np.uint8), ACDC)
        nib.save(nib.Nifti1Image(labels, image.affine), place / f"p1_{phase}_gt.nii.gz")
    return place


def test_ed_and_es_files_are_one_page(do: Do, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "p1.html"
    masks = [folder / f"p1_{phase}_gt.nii.gz" for phase in ("ED", "ES")]
    do("report", folder, "--mask", *masks, "--scheme", "acdc", "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "LV ejection fraction" in html
    assert html.count("class=digest>") == 4
    assert str(tmp_path) not in html


def test_wrong_use(refuse: Refuse, case, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "p1.html"
    mask = folder / "p1_ED_gt.nii.gz"
    assert "ends in .html" in refuse("report", case.cine, "--mask", case.cine_mask, "-o", "a.pdf")
    other = folder / "other_gt.nii.gz"
    other.write_bytes(mask.read_bytes())
    line = refuse("report", folder, "--mask", other, "-o", page)
    assert "named after none of the short-axis images (p1_ED, p1_ES)" in line
    assert "the mask has shape" in refuse("report", case.cine, "--mask", case.mask, "-o", page)
    three = (mask, folder / "p1_ES_gt.nii.gz", mask)
    line = refuse("report", folder, "--mask", *three, "--scheme", "acdc", "-o", page)
    assert "two of one frame each" in line
    assert not page.exists()


def test_reference_ranges_and_where_papillary_muscles_are(do: Do, case, tmp_path: Path) -> None:
    page = tmp_path / "p1.html"
    files = (case.cine, "--mask", case.cine_mask, "-o", page)
    do("report", *files)
    html = page.read_text(encoding="utf-8")
    assert "<th>reference" not in html
    assert "counted in the cavity" in html
    body = ("--height-cm", 180, "--weight-kg", 80, "--sex", "female")
    do("report", *files, *body, "--papillary", "mass")
    html = page.read_text(encoding="utf-8")
    assert "<th>reference" in html
    assert "healthy women, adults of all ages" in html
    assert "55 to 80" in html
    assert "Kawel-Boehm et al., JCMR 2025" in html
    assert "counted as myocardium" in html
    assert "Papillary muscles and trabeculae of the LV at ED" in html
