"""Every voxel of DICOM studies where an oracle that is not ours, dcm2niix, has it."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from napari_cardiac_ssl.study import Study
from napari_cardiac_ssl.synthetic import make_study

pytest.importorskip(
    "dcm2niix", reason="the oracle comes with pip install 'napari-cardiac-ssl[dev]'"
)


@pytest.fixture(scope="module")
def reading() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "reading.py"
    spec = importlib.util.spec_from_file_location("reading", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(reading: ModuleType, folder: Path) -> set[tuple[str, int, int]]:
    """Check that all that the oracle finds is where ours is; return the stacks' names and sizes."""
    found = reading.compare(folder)
    for image in found:
        assert image.stack, image
        assert image.off_mm < 0.1, image
        assert image.differing == 0, image
    return {(image.stack, image.slices, image.frames) for image in found}


def test_a_study_made_here(
    reading: ModuleType, tmp_path: Path, write_dicom: Callable[[Study, Path], Path]
) -> None:
    study = make_study(3, frames=4, slices=5, size=40).study
    found = check(reading, write_dicom(study, tmp_path / "s"))
    assert found == {("SAX", 1, 4), ("LAX_2CH", 1, 4), ("LAX_4CH", 1, 4)}


def test_a_cine_of_one_series_with_frames_of_reference_scattered(
    reading: ModuleType, real_data: Path
) -> None:
    folder = real_data / "sunnybrook_dicom"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    for name, slices in (("SC-HF-I-01", 12), ("SC-HF-I-05", 11)):
        assert check(reading, folder / name) == {("SAX", slices, 20)}


def test_a_study_of_many_views(reading: ModuleType, real_data: Path) -> None:
    found = check(reading, real_data / "multiview" / "dicom")
    views = {"SAX", "LAX_4CH", "LAX_2CH", "LAX_3CH", "RV_2CH", "RVOT"}
    assert found == {(view, 1, 25) for view in views}
