"""Segmentations of 3D Slicer: cropped, turned and layered as Slicer writes them."""

from pathlib import Path

import nrrd
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.labels.registry import LabelsWarning, read_labels_at
from napari_cardiac_ssl.writers.labels.format import Drawing
from napari_cardiac_ssl.writers.labels.seg_nrrd import write_seg_nrrd


@pytest.fixture
def frame(images, labels):
    """Images and labels of one frame alone."""
    return images.first_frame, labels[:1]


@pytest.fixture
def written(frame, tmp_path) -> Path:
    image, labels = frame
    [file] = write_seg_nrrd(tmp_path / "p1.seg.nrrd", Drawing(labels, image))
    return file


def test_names_colours_and_codes_stand_in_the_header(written):
    header = nrrd.read_header(str(written))
    assert header["Segment0_Name"] == "LV cavity"
    colour = [round(255 * float(part)) for part in header["Segment1_Color"].split()]
    assert bytes(colour).hex() == Structure.MYOCARDIUM.colour.removeprefix("#").lower()
    assert "SCT^49848007^Left Ventricle Myocardium" in header["Segment1_Tags"]
    assert header["space"] == "left-posterior-superior"


def test_what_slicer_crops_turns_and_layers_comes_back(written, frame, tmp_path):
    image, labels = frame
    voxels, header = nrrd.read(str(written))  # x, y, z
    corner, size = np.array([3, 5, 1]), (50, 45, 3)
    part = voxels[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))][::-1]
    steps = header["space directions"]
    header["space origin"] = (
        header["space origin"] + (corner + np.array([size[0] - 1, 0, 0])) @ steps
    )
    header["space directions"] = steps * [[-1], [1], [1]]
    layers = np.stack([np.where(part == 2, 1, 0), np.where(part != 2, part, 0)])
    header |= {
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([[np.nan] * 3, header["space directions"]]),
        "Segment0_Layer": "1",
        "Segment1_Layer": "0",
        "Segment1_LabelValue": "1",
        "Segment2_Layer": "1",
        "Segment1_Name": "Segment_2",  # its code still says
    }
    nrrd.write(str(tmp_path / "slicer.seg.nrrd"), layers.astype(np.uint8), header)
    mask = read_labels_at(tmp_path / "slicer.seg.nrrd", like=image)
    assert np.array_equal(mask.labels, labels)


def test_without_images_it_has_its_own_grid(written, frame):
    mask = read_labels_at(written)
    assert np.array_equal(mask.labels, frame[1])
    assert np.allclose(mask.affine, frame[0].affine)


def test_other_segments_are_left_aside_and_said(written, frame, tmp_path):
    voxels, header = nrrd.read(str(written))
    header |= {"Segment2_Name": "scar", "Segment2_Tags": ""}
    nrrd.write(str(written), voxels, header)
    with pytest.warns(LabelsWarning, match="none of ours left aside: scar"):
        mask = read_labels_at(written, like=frame[0])
    rv = UKBB.code(Structure.RV_CAVITY)
    assert np.array_equal(mask.labels, np.where(frame[1] == rv, 0, frame[1]))


@pytest.mark.filterwarnings("ignore::napari_cardiac_ssl.readers.nifti.DoubtWarning")
def test_of_a_cine_the_frame_is_to_be_known(images, labels, tmp_path):
    files = write_seg_nrrd(tmp_path / "f" / "p1.seg.nrrd", Drawing(labels, images))
    assert [file.name for file in files] == ["p1_t00.seg.nrrd", "p1_t01.seg.nrrd"]
    mask = read_labels_at(files[1], like=images)
    assert np.array_equal(mask.labels[1], labels[1])
    assert not mask.labels[[0, 2]].any()
    voxels, header = nrrd.read(str(files[1]))
    del header["CardiacFrame"]  # as another program leaves it
    nrrd.write(str(tmp_path / "from_slicer.seg.nrrd"), voxels, header)
    with pytest.raises(InputError, match=r"of which of the 3 frames"):
        read_labels_at(tmp_path / "from_slicer.seg.nrrd", like=images)
    nrrd.write(str(tmp_path / "slicer_t02.seg.nrrd"), voxels, header)
    assert read_labels_at(tmp_path / "slicer_t02.seg.nrrd", like=images).labels[2].any()
    nrrd.write(str(tmp_path / "slicer_t09.seg.nrrd"), voxels, header)
    with pytest.raises(InputError, match=r"of frame 9; stack has 3 frames, from 0"):
        read_labels_at(tmp_path / "slicer_t09.seg.nrrd", like=images)
    nrrd.write(str(tmp_path / "f" / "again_t01.seg.nrrd"), voxels, header)
    with pytest.raises(InputError, match="frame 1 is in another file too"):
        read_labels_at(tmp_path / "f", like=images)


@pytest.mark.parametrize("damage", ["truncated", "text", "no place"])
def test_what_cannot_be_read_is_refused(damage, written, frame):
    if damage == "truncated":
        written.write_bytes(written.read_bytes()[:-60])
    elif damage == "text":
        written.write_text("NRRD0004\nnot one\n")
    else:
        voxels, header = nrrd.read(str(written))
        del header["space"]
        header["space dimension"] = 3
        nrrd.write(str(written), voxels, header)
    with pytest.raises(InputError, match=r"not a \.seg\.nrrd file|does not say where it lies"):
        read_labels_at(written, like=frame[0])
