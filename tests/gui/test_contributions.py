"""napari opens and saves what the manifest promises."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import notification_manager

from napari_cardiac_ssl.anatomy import ACDC, UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.contributions import (
    get_reader,
    load_sample,
    write_labels,
)
from napari_cardiac_ssl.gui.display import METADATA, contrast_limits
from napari_cardiac_ssl.gui.opening import looks_like_mask

AFFINE = np.array([[0, -1.5, 0, 20], [1.5, 0, 0, -30], [0, 0, 8, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def files(tmp_path):
    """An image and its mask in the ACDC scheme."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 900, (40, 32, 3)).astype(np.int16)
    labels = np.zeros((40, 32, 3), np.uint8)
    labels[5:20, 5:20], labels[8:17, 8:17], labels[20:26, 6:19] = 2, 3, 1
    for name, voxels in (("p.nii.gz", image), ("p_gt.nii.gz", labels)):
        nib.save(nib.Nifti1Image(voxels, AFFINE), tmp_path / name)
    return tmp_path, labels


def read(path):
    return [Layer.create(*data) for data in get_reader(str(path))(str(path))]


def test_reader_takes_what_is_a_study_and_leaves_the_rest(files, tmp_path):
    assert get_reader("a.nii.gz")
    (tmp_path / "b.hdr").write_bytes(bytes(344) + b"ni1\0")
    assert get_reader(["a.nii", str(tmp_path / "b.hdr")])
    assert get_reader("interfile.hdr") is None
    assert get_reader("a.cardiac")
    assert get_reader("a.tif") is None
    assert get_reader(["a.nii", "b.tif"]) is None
    assert get_reader(str(files[0]))
    other = tmp_path / "other"
    other.mkdir()
    (other / "table.csv").write_text("1,2")
    assert get_reader(str(other)) is None


def test_image_is_shown_in_index_space_with_its_spacing(files):
    [layer] = read(files[0] / "p.nii.gz")
    assert isinstance(layer, Image)
    assert layer.data.shape == (1, 3, 32, 40)
    assert tuple(layer.scale) == (1, 8, 1.5, 1.5)
    assert np.allclose(layer.metadata[METADATA]["stack"].affine, AFFINE)


def test_mask_is_shown_as_labels_in_our_integers_and_saved_in_its_own(files):
    folder, labels = files
    [layer] = read(folder / "p_gt.nii.gz")
    assert isinstance(layer, Labels)
    assert layer.name == "p_gt (acdc)"
    assert np.array_equal(layer.data[0].T, ACDC.convert(labels, UKBB))
    data, meta, kind = layer.as_layer_data_tuple()
    assert kind == "labels"
    [written] = write_labels(str(folder / "again.nii.gz"), data, meta)
    again = nib.load(written)
    assert np.array_equal(np.asarray(again.dataobj), labels)
    assert np.array_equal(again.affine, AFFINE)


def test_labels_without_an_image_are_not_written(tmp_path):
    data, meta, _ = Labels(np.zeros((3, 4, 4), np.uint8), name="loose").as_layer_data_tuple()
    with pytest.raises(InputError, match="loose does not know which image"):
        write_labels(str(tmp_path / "x.nii.gz"), data, meta)
    assert not list(tmp_path.iterdir())


def test_broken_file_is_said_and_leaves_no_layer(tmp_path):
    path = tmp_path / "broken.nii.gz"
    path.write_bytes(gzip.compress(b"not an image"))
    assert get_reader(str(path))(str(path)) == [(None,)]
    assert "broken.nii.gz" in notification_manager.records[-1].message


def test_disagreeing_transforms_are_said(files):
    path = files[0] / "twisted.nii.gz"
    image = nib.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(np.int16), AFFINE)
    image.set_qform(np.diag([1.5, 1.5, 8, 1]), 1)
    image.set_sform(AFFINE, 1)
    nib.save(image, path)
    assert len(read(path)) == 1
    assert "sform" in notification_manager.records[-1].message


def test_sample_is_a_cine():
    [(image, meta, kind)] = load_sample()
    assert kind == "image"
    assert image.ndim == 4
    assert image.shape[0] > 1
    low, high = meta["contrast_limits"]
    assert image.min() <= low < high <= image.max()


@pytest.mark.parametrize(
    ("image", "is_mask"),
    [
        (np.array([0, 1, 5]), True),
        (np.array([0.0, 2.0]), True),
        (np.array([0, 6]), False),
        (np.array([-1, 2]), False),
        (np.array([0.2, 0.9]), False),
    ],
)
def test_masks_are_told_from_images(image, is_mask):
    assert looks_like_mask(image) is is_mask


def test_contrast_of_a_flat_middle_is_still_a_range():
    image = np.zeros((1, 1, 8, 8))
    image[0, 0, 0, 0] = 9
    assert contrast_limits(image) == (0, 9)
