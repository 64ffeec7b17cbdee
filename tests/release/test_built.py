"""What is in wheel and sdist, looked at when they are built."""

import email
import re
import tarfile
import zipfile
from pathlib import Path


def test_the_wheel_has_what_it_needs_and_nothing_else(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    for wanted in (
        "napari_cardiac_ssl/napari.yaml",
        "napari_cardiac_ssl/guide.md",
        "napari_cardiac_ssl/py.typed",
        "napari_cardiac_ssl/learning/weights/default.safetensors",
        "napari_cardiac_ssl/learning/weights/MODEL_CARD.md",
        "napari_cardiac_ssl/writers/report/templates/page.html",
        "napari_cardiac_ssl/cohort/templates/overview.html",
        "licenses/LICENSE",
        "licenses/NOTICE",
    ):
        assert any(name.endswith(wanted) for name in names), wanted
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"napari_cardiac_ssl", wheel.name.partition("-py3")[0] + ".dist-info"}
    assert wheel.stat().st_size < 15e6


def test_the_index_is_told_what_it_shows(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        [place] = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        said = email.message_from_bytes(file.read(place))
    assert "Framework :: napari" in said.get_all("Classifier")
    assert said["License-Expression"] == "BSD-3-Clause"
    assert said["Requires-Python"] == ">=3.11"
    page = said.get_payload()
    assert "Contour cardiac MR" in page
    # What is relative in a repository is broken on the index's page.
    assert re.findall(r"\]\((?!https?:|#)[^)]*\)", page) == []


def test_the_sdist_can_be_tested(dist: Path) -> None:
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        names = [name.partition("/")[2] for name in file.getnames()]
    for wanted in (
        "tests/conftest.py",
        "Makefile",
        "constraints.txt",
        "hatch_build.py",
        "README.md",
    ):
        assert wanted in names
    assert not any("shared/data" in name or ".venv" in name for name in names)
