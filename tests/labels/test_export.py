"""The formats as the window's export writes them: of work, which knows who drew what."""

import numpy as np
import pydicom
import pytest

from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.measures import Measured, Phases
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.writers.labels.registry import FORMATS
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.work import Choice, Work


def work_of(study, labels, *, drawn=(), predicted=(), confirmed=()) -> Work:
    annotations = Annotations(labels.shape, who="reader")
    if predicted:
        annotations.refresh(predicted, np.stack([labels[i] for i in predicted]), "model")
    for index in drawn:
        annotations.annotate(index, labels[index])
    for index in confirmed:
        annotations.confirm(index)
    return Work(study, annotations, Measured(labels, study.affine), Phases(0, 1))


A, B = SliceIndex(0, 1), SliceIndex(0, 2)


@pytest.mark.parametrize(
    ("states", "made"),
    [
        ({"drawn": [A, B]}, "MANUAL"),
        ({"predicted": [A, B]}, "AUTOMATIC"),
        ({"predicted": [A, B], "confirmed": [A]}, "SEMIAUTOMATIC"),
        ({"predicted": [B], "drawn": [A]}, "SEMIAUTOMATIC"),
    ],
)
def test_a_segmentation_says_who_drew_it(states, made, study, seen, tmp_path):
    work = work_of(study, seen, **states)
    WRITERS["dicom-seg"].write(tmp_path / "s.dcm", work, Choice())
    seg = pydicom.dcmread(tmp_path / "s.dcm")
    assert {segment.SegmentAlgorithmType for segment in seg.SegmentSequence} == {made}


def test_the_frames_that_are_chosen_are_written(study, seen, tmp_path):
    indices = [index for index in study.slice_indices() if seen[index].any()]
    work = work_of(study, seen, drawn=indices)
    for key in FORMATS:
        if key == "nifti":  # the window's masks are written by their own writer
            assert key not in WRITERS
            continue
        writer = WRITERS[key]
        assert writer.offered(work)
        file = tmp_path / key / f"p1{writer.ending}"
        writer.write(file, work, Choice(frames=[1]))
        labels = file.parent if key == "seg-nrrd" else file
        read = read_labels_at(labels, like=study).labels
        assert np.array_equal(read[1], seen[1])
        assert not read[[0, 2]].any()


def test_a_segmentation_in_dicom_is_offered_of_dicom_alone(images, labels):
    work = work_of(images, labels)
    assert not WRITERS["dicom-seg"].offered(work)
    assert WRITERS["contours"].offered(work)


def test_a_mask_says_what_of_it_is_confirmed(study, seen, tmp_path):
    work = work_of(study, seen, predicted=[A, B], confirmed=[A])
    for key in ("masks", "itk-snap"):
        file = tmp_path / f"p1{WRITERS[key].ending}"
        WRITERS[key].write(file, work, Choice())
        review = read_mask(file, like=study).review
        assert review.word == "1 of 2 slices confirmed"
        assert review.state(A) is SliceState.EXPERT
        assert review.state(B) is SliceState.PREDICTED
        assert "1 model of the session (model)" in review.model
    # Of frames that are left out nothing is said.
    WRITERS["masks"].write(file, work, Choice(frames=[1]))
    assert read_mask(file, like=study, allow_empty=True).review.word == "not known"
