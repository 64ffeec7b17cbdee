"""A small heart as a DICOM study, and its labels."""

from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, Study


def heart(shape: tuple[int, int, int, int] = (3, 4, 64, 60)) -> np.ndarray:
    """Return labels that beat: the first slice and the last frame have none."""
    labels = np.zeros(shape, np.uint8)
    y, x = np.mgrid[: shape[2], : shape[3]]
    for t in range(shape[0] - 1):
        for z in range(1, shape[1]):
            away = np.hypot(x - 27.3, y - 30.6)
            labels[t, z][np.hypot(x - 42, y - 30) < 9 - z] = 3
            labels[t, z][away < 14 - z] = 2
            labels[t, z][away < 8 - z - t] = 1
    return labels


@pytest.fixture
def labels() -> np.ndarray:
    return heart()


@pytest.fixture
def images(labels) -> Stack:
    """A cine with bright blood and dark muscle, oblique."""
    rng = np.random.default_rng(0)
    image = np.choose(labels, [300, 900, 100, 880]) + rng.integers(0, 60, labels.shape)
    # As short axes lie: the normal from the apex, left, front and below, to the base.
    normal = np.array([0.62, -0.64, 0.45]) / np.linalg.norm([0.62, -0.64, 0.45])
    right = np.cross([0.1, 0.5, 0.85], normal)
    right /= np.linalg.norm(right)
    affine = np.eye(4)
    affine[:3, :3] = np.c_[right * 1.4, np.cross(normal, right) * 1.4, normal * 8]
    affine[:3, 3] = [-50.5, 20.25, 13.125]
    return Stack(image.astype(np.int16), affine, View.SAX, frame_interval_s=0.04)


@pytest.fixture
def folder(images, tmp_path, write_dicom) -> Path:
    return write_dicom(Study("p1", (images,)), tmp_path / "p1")


@pytest.fixture
def study(folder) -> Stack:
    """The same, read from DICOM."""
    stack = read_study(folder).stack(View.SAX)
    assert stack.image.shape == (3, 4, 64, 60)
    return stack


@pytest.fixture
def seen(study, images, labels) -> np.ndarray:
    """The labels on the study's grid, whose slices may be in another order."""
    if np.array_equal(study.image, images.image):
        return labels
    assert np.array_equal(study.image, images.image[:, ::-1])
    return np.ascontiguousarray(labels[:, ::-1])
