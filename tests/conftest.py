"""Fixtures that several tests share."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from napari_cardiac_ssl.study import Stack, Study

# Threads that wait for a busy core take far longer; and sums are then the same on any machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded, here or by a child

# A busy machine fails no test: what measures time is a benchmark.
# The same examples each time; `CARDIAC_SSL_SEARCH=1` looks for new ones.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not os.environ.get("CARDIAC_SSL_SEARCH"),
)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cases; they are not part of the project."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("CARDIAC_SSL_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real cases in {folder}; set CARDIAC_SSL_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch) -> Path:
    """A folder of its own for projects that are kept by themselves."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CARDIAC_SSL_HOME", str(folder))
    return folder


@pytest.fixture
def on_the_cpu(monkeypatch) -> None:
    """Compute on the CPU, here and in processes started from here, whatever else there is.

    A graphics card need not come to the same sums twice.
    """
    import torch

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for one in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(one, "is_available", lambda: False)


@pytest.fixture(scope="session")
def write_dicom() -> Callable[[Study, Path], Path]:
    """Write a study as single-frame MR images, every slice a series of its own."""

    def write(study: Study, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for stack in study.stacks:
            for z in range(stack.slices):
                series = generate_uid(entropy_srcs=[stack.view, str(z)])
                for t in range(stack.frames):
                    image = _dicom_frame(stack, t, z, series)
                    image.save_as(folder / f"{image.SOPInstanceUID}.dcm", enforce_file_format=True)
        return folder

    return write


def _dicom_frame(stack: Stack, t: int, z: int, series: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = MRImageStorage
    uid = generate_uid(entropy_srcs=[series, str(t)])
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid
    ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = series, "1.2.3", "1.2.4"
    ds.PatientID, ds.SeriesDescription = "anyone", "cine"
    ds.SeriesNumber, ds.InstanceNumber = 1 + z, 1 + t
    ds.TriggerTime = f"{1000 * (stack.frame_interval_s or 0) * t:.4f}"
    ds.Rows, ds.Columns = stack.image.shape[2:]
    lps = np.array([-1, -1, 1])
    directions = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0) * lps[:, None]
    ds.ImageOrientationPatient = [f"{v:.9f}" for v in directions.T.ravel()]
    corner = stack.world_mm(np.array([0.0, 0.0, z])) * lps
    ds.ImagePositionPatient = [f"{v:.6f}" for v in corner]
    ds.PixelSpacing, ds.SliceThickness = [f"{v:.9f}" for v in stack.spacing_mm[1:]], 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.PixelData = np.ascontiguousarray(stack.image[t, z], dtype=np.int16).tobytes()
    return ds


@pytest.fixture
def finders():
    """What looks for a valve, and says what the test wants."""
    from scripted import Finders  # which loads much that most tests do not need

    return Finders()
