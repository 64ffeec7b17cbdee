"""DICOM segmentations: what they say, read by others' libraries, and what is refused."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from napari_cardiac_ssl.anatomy import UKBB, Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.image_names import first_shown
from napari_cardiac_ssl.readers.labels.registry import LabelsWarning, read_labels_at
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.writers.labels.dicom_seg import write_dicom_seg
from napari_cardiac_ssl.writers.labels.format import Drawing, Made

CODES = {structure.snomed[0]: UKBB.code(structure) for structure in Structure}


@pytest.fixture
def written(study, seen, tmp_path) -> Path:
    [file] = write_dicom_seg(tmp_path / "seg.dcm", Drawing(seen, study, made=Made.AUTOMATIC))
    return file


def code_of(segment) -> int:
    return CODES[segment.SegmentedPropertyTypeCodeSequence[0].CodeValue]


def test_highdicom_finds_each_frame_on_its_image(written, study, seen):
    seg = highdicom.seg.segread(written)
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == [
        "LV cavity",
        "myocardium",
        "RV cavity",
    ]
    assert {segment.SegmentAlgorithmType for segment in seg.SegmentSequence} == {"AUTOMATIC"}
    shown = {instance.sop_uid: index for instance, index in first_shown(study).items()}
    pixels = seg.get_pixels_by_source_instance(
        list(shown), ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    for frame, index in zip(pixels, shown.values(), strict=True):
        for number, segment in enumerate(seg.SegmentSequence):
            assert np.array_equal(frame[..., number] > 0, seen[index] == code_of(segment))


def test_pydicom_finds_each_frame_where_its_image_lies(written, study, seen):
    seg = pydicom.dcmread(written)
    shown = {instance.sop_uid: (instance, i) for instance, i in first_shown(study).items()}
    moments = sorted({t for t, _ in np.argwhere(seen.any(axis=(2, 3))).tolist()})
    for frame, group in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        instance, index = shown[source.ReferencedSOPInstanceUID]
        image = pydicom.dcmread(instance.path)
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        structure = code_of(seg.SegmentSequence[number - 1])
        assert np.array_equal(frame > 0, seen[index] == structure)
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(place, image.ImagePositionPatient)
        assert group.FrameContentSequence[0].TemporalPositionIndex == moments.index(index.t) + 1
        assert len(group.FrameContentSequence[0].DimensionIndexValues) == 3
    assert seg.StudyInstanceUID == image.StudyInstanceUID
    assert seg.PatientID == image.PatientID
    listed = {
        (series.SeriesInstanceUID, one.ReferencedSOPInstanceUID)
        for series in seg.ReferencedSeriesSequence
        for one in series.ReferencedInstanceSequence
    }
    wanted = {
        (pydicom.dcmread(i.path).SeriesInstanceUID, i.sop_uid)
        for i, index in shown.values()
        if seen[index].any()
    }
    assert listed == wanted


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_has_no_errors(written):
    said = subprocess.run(["dciodvfy", written], capture_output=True, text=True, check=False)
    assert not [line for line in said.stderr.splitlines() if line.startswith("Error")]


def test_segments_of_others_are_left_aside_and_said(written, study, seen):
    seg = pydicom.dcmread(written)
    seg.SegmentSequence[2].SegmentLabel = "scar"
    seg.SegmentSequence[2].SegmentedPropertyTypeCodeSequence[0].CodeValue = "12345678"
    seg.SegmentSequence[1].SegmentLabel = "segment 2"  # its code still says
    seg.save_as(written)
    with pytest.warns(LabelsWarning, match="none of ours left aside: scar"):
        mask = read_labels_at(written, like=study)
    assert np.array_equal(mask.labels, np.where(seen == 3, 0, seen))


def test_of_another_study_is_refused(written, images, tmp_path, write_dicom):
    folder = write_dicom(Study("other", (images,)), tmp_path / "other")
    for file in folder.iterdir():
        image = pydicom.dcmread(file)
        image.SOPInstanceUID = generate_uid()
        image.save_as(file)
    other = read_study(folder).stack(View.SAX)
    with pytest.raises(InputError, match="was drawn on an image of SAX"):
        read_labels_at(written, like=other)


def test_a_frame_that_lies_elsewhere_than_its_image_is_refused(written, study):
    seg = pydicom.dcmread(written)
    group = seg.PerFrameFunctionalGroupsSequence[0]
    group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 500]
    seg.save_as(written)
    with pytest.raises(InputError, match="mm from the image that it says it was drawn on"):
        read_labels_at(written, like=study)


def test_overlapping_segments_are_refused(written, study):
    seg = pydicom.dcmread(written)
    groups = seg.PerFrameFunctionalGroupsSequence
    groups[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2
    groups[0].DerivationImageSequence = next(
        group.DerivationImageSequence
        for group in groups[1:]
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 3
    )
    del groups[0].PlanePositionSequence
    pixels = np.ones_like(seg.pixel_array)
    seg.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    seg.save_as(written)
    with pytest.raises(InputError, match="overlaps another"):
        read_labels_at(written, like=study)


def test_a_damaged_one_is_refused(written, study):
    written.write_bytes(written.read_bytes()[:-400])
    with pytest.raises(InputError, match="a DICOM segmentation that cannot be read"):
        read_labels_at(written, like=study)


def test_images_with_the_same_uid_are_refused(study, seen, tmp_path, written):
    source = study.source
    same = tuple(tuple(i._replace(sop_uid="1.2.3") for i in row) for row in source.instances)
    stack = Stack(
        study.image, study.affine, source=type(source)(source.path, same, "1", ("2",), "3")
    )
    with pytest.raises(InputError, match="have the same SOPInstanceUID"):
        write_dicom_seg(tmp_path / "no.dcm", Drawing(seen, stack))
    with pytest.raises(InputError, match="have the same SOPInstanceUID"):
        read_labels_at(written, like=stack)
    assert not (tmp_path / "no.dcm").exists()


def test_an_image_that_is_shown_twice_is_written_once(study, seen, tmp_path):
    source = study.source
    rows = (source.instances[0], source.instances[0], source.instances[2])
    stack = Stack(
        study.image, study.affine, source=type(source)(source.path, rows, "1", ("2",), "3")
    )
    with pytest.raises(InputError, match=r"shows the image of frame 0.*labels differ"):
        write_dicom_seg(tmp_path / "no.dcm", Drawing(seen, stack))
    seen[1] = seen[0]
    write_dicom_seg(tmp_path / "seg.dcm", Drawing(seen, stack))
    seen[1] = 0  # read back onto the first that shows it
    assert np.array_equal(read_labels_at(tmp_path / "seg.dcm", like=stack).labels, seen)


def test_frames_of_one_file_are_named_by_their_numbers(study, seen, tmp_path):
    """As of an enhanced file: each frame is an instance's part."""
    source = study.source
    enhanced = "1.2.840.10008.5.1.4.1.1.4.1"
    rows = tuple(
        tuple(
            one._replace(sop_uid="1.2.3.4", sop_class_uid=enhanced, frame=1 + t * len(row) + z)
            for z, one in enumerate(row)
        )
        for t, row in enumerate(source.instances)
    )
    stack = Stack(
        study.image, study.affine, source=type(source)(source.path, rows, "1", ("2",), "3")
    )
    write_dicom_seg(tmp_path / "seg.dcm", Drawing(seen, stack))
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    images = [
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in seg.PerFrameFunctionalGroupsSequence
    ]
    assert {image.ReferencedSOPInstanceUID for image in images} == {"1.2.3.4"}
    assert {image.ReferencedSOPClassUID for image in images} == {enhanced}
    assert np.array_equal(read_labels_at(tmp_path / "seg.dcm", like=stack).labels, seen)
