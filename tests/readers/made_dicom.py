"""DICOM studies written from the synthetic heart, for the tests of reading."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from napari_cardiac_ssl.study import Stack

FLIP = np.array([-1, -1, 1])


def placed(item: Dataset, stack: Stack, z: int) -> Dataset:
    """Say in a header where a slice lies."""
    directions = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0) * FLIP[:, None]
    corner = stack.world_mm(np.array([0.0, 0.0, z])) * FLIP
    item.ImageOrientationPatient = [f"{v:.9f}" for v in directions.T.ravel()]
    item.ImagePositionPatient = [f"{v:.6f}" for v in corner]
    return item


def header(stack: Stack, series: str, sop_class: UID = MRImageStorage) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = series, "1.2.3", "1.2.4"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Doe^Jane", "secret-7", "19500101"
    ds.SeriesDescription = "cine"
    ds.Rows, ds.Columns = stack.image.shape[2:]
    ds.PixelSpacing = [f"{v:.9f}" for v in stack.spacing_mm[1:]]
    ds.SliceThickness = 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    return ds


def frame(stack: Stack, t: int, z: int, series: str) -> Dataset:
    """One frame as a single-frame MR image."""
    ds = placed(header(stack, series), stack, z)
    ds.SeriesNumber, ds.InstanceNumber = 1 + z, t + 1
    ds.TriggerTime = f"{1000 * (stack.frame_interval_s or 0) * t:.4f}"
    ds.PixelData = np.ascontiguousarray(stack.image[t, z]).tobytes()
    return ds


def write(folder: Path, images: list[Dataset]) -> Path:
    """Save in an order that says nothing, under names that say nothing."""
    folder.mkdir(exist_ok=True, parents=True)
    for number in np.random.default_rng(0).permutation(len(images)):
        place = folder / f"{number % 3}" if number % 2 else folder
        place.mkdir(exist_ok=True)
        images[number].save_as(place / f"I{number}", enforce_file_format=True)
    return folder


def cine(stack: Stack, change: Callable[[Dataset, int, int], bool | None] | None = None) -> list:
    """Every slice a series of its own; `change` edits a frame, or drops it by returning False."""
    images = []
    for z in range(stack.slices):
        series = generate_uid()
        for t in range(stack.frames):
            ds = frame(stack, t, z, series)
            if change is None or change(ds, t, z) is not False:
                images.append(ds)
    return images


def enhanced(stack: Stack) -> Dataset:
    """Return the stack as one multi-frame image, frames in reverse."""
    ds = header(stack, generate_uid(), EnhancedMRImageStorage)
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = ds.PixelSpacing, 8
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    del ds.PixelSpacing, ds.SliceThickness
    groups, pixels = [], []
    for z in reversed(range(stack.slices)):
        for t in reversed(range(stack.frames)):
            group, scaling, heartbeat = Dataset(), Dataset(), Dataset()
            where = placed(Dataset(), stack, z)
            position, orientation = Dataset(), Dataset()
            position.ImagePositionPatient = where.ImagePositionPatient
            orientation.ImageOrientationPatient = where.ImageOrientationPatient
            group.PlanePositionSequence = Sequence([position])
            group.PlaneOrientationSequence = Sequence([orientation])
            heartbeat.NominalCardiacTriggerDelayTime = 40.0 * t
            group.CardiacSynchronizationSequence = Sequence([heartbeat])
            scaling.RescaleSlope, scaling.RescaleIntercept = "2", "-5"
            group.PixelValueTransformationSequence = Sequence([scaling])
            groups.append(group)
            pixels.append(stack.image[t, z])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.NumberOfFrames, ds.SeriesNumber = len(groups), 9
    ds.PixelData = np.stack(pixels).tobytes()
    return ds
