"""Labels go out in every format and come back the same, voxel by voxel."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import Border, Contour, Drawn, contours_of, labels_of
from napari_cardiac_ssl.readers.labels.registry import LabelsWarning, read_labels_at, reader_of
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.writers.labels.format import Drawing
from napari_cardiac_ssl.writers.labels.registry import FORMATS


def target(folder: Path, key: str) -> Path:
    """Return a file of the format's ending; .seg.nrrd frames in a folder of their own."""
    return folder / ("frames/p1" if key == "seg-nrrd" else "p1out") / f"p1{FORMATS[key].ending}"


def origin(file: Path, key: str) -> Path:
    return file.parent if key == "seg-nrrd" else file


@pytest.mark.parametrize("key", FORMATS)
def test_labels_come_back_the_same(key, tmp_path, study, seen):
    file = target(tmp_path, key)
    written = FORMATS[key].write(file, Drawing(seen, study))
    assert all(path.exists() for path in written)
    mask = read_labels_at(origin(file, key), like=study)
    assert np.array_equal(mask.labels, seen)
    assert np.allclose(mask.affine, study.affine)
    assert bool(mask.contours) == (key == "contours")


@pytest.mark.parametrize("key", FORMATS)
def test_contours_come_back_as_they_were_drawn(key, tmp_path, study):
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    drawn = [
        Contour(
            SliceIndex(t, z),
            border,
            np.round(np.c_[27.31 + r * np.cos(angle), 30.17 + r * np.sin(angle)], 2),
            Drawn.CURVE,
        )
        for t, z in ((0, 1), (1, 2))
        for border, r in ((Border.EPICARDIUM, 14.123), (Border.ENDOCARDIUM, 8.456))
    ]
    labels = labels_of(drawn, study.image.shape)
    file = target(tmp_path, key)
    FORMATS[key].write(file, Drawing(labels, study, tuple(drawn)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these are not this image's
        mask = read_labels_at(origin(file, key), like=study)
    again, traced = contours_of(mask.labels, mask.contours)
    assert traced == 0
    assert len(again) == len(drawn)
    for one in drawn:
        [other] = [c for c in again if (c.index, c.border) == (one.index, one.border)]
        assert np.abs(other.points - one.points).max() <= 0.005


def test_kept_contours_of_an_earlier_mask_do_not_stay(tmp_path, study, seen):
    contours = tuple(contours_of(seen)[0])
    file = tmp_path / "m.nii.gz"
    FORMATS["nifti"].write(file, Drawing(seen, study, contours))
    assert read_labels_at(file, like=study).contours
    FORMATS["nifti"].write(file, Drawing(seen, study))
    assert not read_labels_at(file, like=study).contours


def test_damaged_kept_contours_are_refused(tmp_path, study, seen):
    file = tmp_path / "m.nii.gz"
    FORMATS["nifti"].write(file, Drawing(seen, study))
    (tmp_path / "m_contours.json").write_text('{"contours": [{"t": 0}]}')
    with pytest.raises(InputError, match=r"m_contours\.json: not the contours.*delete it"):
        read_labels_at(file, like=study)


def test_nifti_images_have_contours_and_segments_too(tmp_path, images, labels):
    for key in ("contours", "seg-nrrd", "itk-snap"):
        file = target(tmp_path, key)
        FORMATS[key].write(file, Drawing(labels, images))
        mask = read_labels_at(origin(file, key), like=images)
        assert np.array_equal(mask.labels, labels)
    assert (tmp_path / "p1out/p1_contours/t00-z01-icontour-manual.txt").exists()


def test_dicom_seg_needs_dicom_images(tmp_path, images, labels):
    with pytest.raises(InputError, match=r"refers to DICOM images.*--study"):
        FORMATS["dicom-seg"].write(tmp_path / "s.dcm", Drawing(labels, images))
    assert not FORMATS["dicom-seg"].fits(images)


@pytest.mark.parametrize("key", ["contours", "dicom-seg"])
def test_what_refers_to_images_needs_them(key, tmp_path, study, seen):
    file = target(tmp_path, key)
    FORMATS[key].write(file, Drawing(seen, study))
    with pytest.raises(InputError, match="--study"):
        read_labels_at(file)


@pytest.mark.parametrize("key", FORMATS)
def test_nothing_labelled_is_said(key, tmp_path, study):
    empty = np.zeros(study.image.shape, np.uint8)
    file = target(tmp_path, key)
    if key in {"nifti", "itk-snap"}:
        FORMATS[key].write(file, Drawing(empty, study))
        with pytest.raises(InputError, match=r"any label|no label"):
            read_labels_at(file, like=study)
    else:
        with pytest.raises(InputError, match="no label"):
            FORMATS[key].write(file, Drawing(empty, study))
        assert not file.exists()


def test_itk_snap_s_names_tell_the_integers(tmp_path, images, labels):
    file = tmp_path / "m.nii.gz"
    written = FORMATS["itk-snap"].write(file, Drawing(labels, images, scheme=ACDC))
    description = next(path for path in written if path.suffix == ".txt")
    text = description.read_text()
    red, green, blue = bytes.fromhex(Structure.LV_CAVITY.colour.removeprefix("#"))
    assert f'    3   {red:3}  {green:3}  {blue:3}        1  1  1    "LV cavity"' in text
    description.write_text(text.replace('"RV cavity"', '"scar"'))
    with pytest.warns(LabelsWarning, match="'scar' is none of our structures"):
        mask = read_labels_at(file, like=images)
    assert np.array_equal(mask.labels, np.where(labels == 3, 0, labels))
    description.write_text("\n".join(line for line in text.splitlines() if '"RV' not in line))
    with pytest.raises(InputError, match="the integer 1 has no name in"):
        read_labels_at(file, like=images)


@pytest.mark.parametrize("library", ["highdicom", "nrrd"])
def test_a_missing_library_is_said_in_a_line(library, tmp_path, study, seen, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    key = "dicom-seg" if library == "highdicom" else "seg-nrrd"
    with pytest.raises(InputError, match=r"pip install 'napari-cardiac-ssl\["):
        FORMATS[key].write(target(tmp_path, key), Drawing(seen, study))


def test_labels_of_another_shape_are_refused(study, seen):
    with pytest.raises(InputError, match="do not fit the image"):
        Drawing(seen[:1], study)


def test_a_nifti_mask_has_no_reader_of_its_own(tmp_path, images, labels):
    file = tmp_path / "m.nii.gz"
    FORMATS["nifti"].write(file, Drawing(labels, images))
    assert reader_of(file) is None
    assert reader_of(tmp_path / "absent") is None
    assert np.array_equal(read_labels_at(file, like=replace(images, name="n")).labels, labels)
