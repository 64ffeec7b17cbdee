"""Height, weight and sex from DICOM headers, all the way into tables and pages."""

import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_mask

Do = Callable[..., tuple[str, str]]
SAID = {"PatientSize": "1.8", "PatientWeight": "80", "PatientSex": "F", "PatientAge": "042Y"}
FROM_HEADERS = "Height, weight and sex are those in the headers of the images"


def say(folder: Path, **said: str) -> None:
    for file in folder.glob("*.dcm"):
        ds = pydicom.dcmread(file)
        for keyword, value in said.items():
            setattr(ds, keyword, value)
        ds.save_as(file)


@pytest.fixture
def study(tmp_path: Path, write_dicom) -> Path:
    heart = make_study(1, frames=2, slices=5, size=64, lax=False)
    folder = write_dicom(heart.study, tmp_path / "p1")
    say(folder, **SAID)
    like = read_study(folder).stack(View.SAX)
    write_mask(tmp_path / "p1_seg.nii.gz", heart.masks[View.SAX], like=like)
    return folder


def test_info_shows_them(do: Do, study: Path) -> None:
    assert "reference ranges: 180 cm, 80 kg, female" in do("info", study)[0]


def test_measure_takes_the_study_s_own(do: Do, study: Path, tmp_path: Path) -> None:
    mask = tmp_path / "p1_seg.nii.gz"
    given = ("measure", mask, "--study", study, "--json")

    def surface(*more: object) -> tuple[float | None, str]:
        out, err = do(*given, *more)
        return json.loads(out)[0].get("body_surface_m2"), err

    own, err = surface()
    assert own == pytest.approx(2.0)
    assert "height and weight are those in the headers of the images" in err
    named, err = surface("--height-cm", 160, "--weight-kg", 50)
    assert named == pytest.approx((160 * 50 / 3600) ** 0.5)
    assert "headers" not in err
    table = tmp_path / "people.csv"
    table.write_text("study,height_cm,weight_kg\np1,170,60\n", encoding="utf-8")
    assert surface("--patients", table)[0] == pytest.approx((170 * 60 / 3600) ** 0.5)
    table.write_text("study,height_cm,weight_kg\np1,,\n", encoding="utf-8")
    assert surface("--patients", table)[0] == own
    assert "body_surface_m2" not in json.loads(do("measure", mask, "--json")[0])[0]


def test_the_page_has_indexed_values_and_ranges_and_says_whence(
    do: Do, study: Path, tmp_path: Path
) -> None:
    page = tmp_path / "p1.html"
    given = ("report", study, "--mask", tmp_path / "p1_seg.nii.gz", "-o", page)
    do(*given)
    html = page.read_text(encoding="utf-8")
    assert FROM_HEADERS in html
    assert "healthy women" in html
    assert "EDV / body surface" in html
    for kept_out in ("180 cm", "80 kg", "1.8 m", "042Y", "42 years", "anyone"):
        assert kept_out not in html
    do(*given, "--sex", "male", "--height-cm", 160, "--weight-kg", 50)
    html = page.read_text(encoding="utf-8")
    assert "headers of the images" not in html
    assert "healthy men" in html


def test_what_cannot_be_is_a_remark_and_no_number(do: Do, study: Path, tmp_path: Path) -> None:
    say(study, PatientSize="180", PatientWeight="0")
    page = tmp_path / "p1.html"
    do("report", study, "--mask", tmp_path / "p1_seg.nii.gz", "-o", page)
    html = page.read_text(encoding="utf-8")
    assert "remarks on how the study was read" in html
    assert "body surface" not in html.lower()
    assert "The sex is that in the headers of the images" in html
    out, _ = do("info", study)
    assert "left aside: PatientSize, which is no height in metres" in out
    assert "left aside: PatientWeight, which is no weight in kg" in out
    assert "reference ranges: female" in out
