"""DICOM segmentations out: one segment a structure, each frame on its own image."""

import re
import warnings
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import UID, MRImageStorage, generate_uid

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.extras import is_there, needed
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.image_names import first_shown, is_part
from napari_cardiac_ssl.study import DicomInstance, DicomSource, SliceIndex, Stack
from napari_cardiac_ssl.writers.labels.format import Drawing, LabelFormat, Made

_NAME = "napari-cardiac-ssl"
#: What is copied as it is from the images: whose they are, and of which examination.
_COPIED = {
    "PatientID": "LO", "PatientName": "PN", "PatientSex": "CS", "AccessionNumber": "SH",
    "StudyID": "SH", "StudyInstanceUID": "UI", "SeriesInstanceUID": "UI", "SOPClassUID": "UI",
    "ReferringPhysicianName": "PN", "Modality": "CS", "PatientBirthDate": "DA",
    "StudyDate": "DA", "StudyTime": "TM",
}  # fmt: skip
_TAGS = [*_COPIED, "SpecificCharacterSet", "FrameOfReferenceUID", "ImagePositionPatient",
         "ImageOrientationPatient", "PixelSpacing", "SliceThickness"]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Picture:
    """An image that is referred to: as highdicom is told of it, and as it is."""

    passed: Dataset
    instance: DicomInstance
    index: SliceIndex
    series_uid: UID
    position: list[Any]
    orientation: list[Any]


def write_dicom_seg(path: Path, drawing: Drawing) -> tuple[Path, ...]:
    """Write labels as a DICOM segmentation of the images that they were drawn on.

    Patient and examination are those of the images, as DICOM has it: such a file is as personal as
    they are. Frames without a label are left out.

    Parameters
    ----------
    path
        The file to be, ``.dcm``.
    drawing
        The labels, and their DICOM study.

    Raises
    ------
    InputError
        If highdicom is missing, there is no label, the images are not DICOM or cannot be told
        apart by their UIDs, or the file cannot be written.
    """
    highdicom = needed("highdicom")
    if not path.name.lower().endswith(".dcm"):
        raise InputError(f"cannot write {path}: name a file that ends in .dcm")
    labelled = _labelled(drawing, path)
    present = [s for s in Structure if (drawing.labels == UKBB.code(s)).any()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that the images have
        pictures = _pictures(drawing.like, labelled, path)
        planes = np.stack([drawing.labels[index] for index in labelled.values()])
        pixels = np.stack([planes == UKBB.code(s) for s in present], axis=-1).astype(np.uint8)
        try:
            seg = highdicom.seg.Segmentation(
                source_images=[picture.passed for picture in pictures],
                pixel_array=pixels,
                segmentation_type="BINARY",
                segment_descriptions=_descriptions(highdicom, present, drawing.made),
                series_instance_uid=generate_uid(),
                series_number=9000,
                sop_instance_uid=generate_uid(),
                instance_number=1,
                manufacturer=_NAME,
                manufacturer_model_name=_NAME,
                software_versions=__version__,
                device_serial_number="none",
                content_label="HEART",
                content_description=f"{drawing.like.view} contours",
                series_description=f"Heart, {drawing.like.view}",
            )
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            said = " ".join(str(error).split())
            raise InputError(
                f"cannot write {path}: highdicom refuses the images: {said}"
            ) from error
        _put_back(seg, pictures)
        with replacing(path) as beside:
            seg.save_as(beside, enforce_file_format=True)
    return (path, *drawing.keep_contours(path))


def _labelled(drawing: Drawing, path: Path) -> dict[DicomInstance, SliceIndex]:
    """Return the images that have a label, if they can be told apart."""
    if not isinstance(drawing.like.source, DicomSource):
        raise InputError(
            f"cannot write {path}: a DICOM segmentation refers to DICOM images, and "
            f"{drawing.like.name} is none; name their study with --study"
        )
    shown = first_shown(drawing.like)
    first = set(shown.values())
    again = [
        index
        for index in drawing.like.slice_indices()
        if index not in first and drawing.labels[index].any()
    ]
    for index in again:
        instance = drawing.like.source.instances[index.t][index.z]
        if not np.array_equal(drawing.labels[index], drawing.labels[shown[instance]]):
            raise InputError(
                f"cannot write {path}: slice {index.z} of frame {index.t} shows the image of frame "
                f"{shown[instance].t}, for its own is missing, and their labels differ; make them "
                "the same, or clear one"
            )
    labelled = {one: index for one, index in shown.items() if drawing.labels[index].any()}
    if not labelled:
        raise InputError(f"cannot write {path}: no label on any slice")
    uids = {(one.sop_uid, one.frame) for one in shown}
    if len(uids) < len(shown) or any(not one.sop_uid for one in shown):
        raise InputError(
            f"cannot write {path}: several images of {drawing.like.name} have the same "
            "SOPInstanceUID, or none, so that a segmentation cannot name the one it is drawn on; "
            "take the study as it was before it was anonymised"
        )
    return labelled


def _descriptions(highdicom: Any, present: list[Structure], made: Made) -> list[Any]:
    coded = highdicom.sr.CodedConcept
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=_NAME,
        version=__version__,
        family=coded("123109", "DCM", "Manual Processing")
        if made is Made.MANUAL
        else coded("123110", "DCM", "Artificial Intelligence"),
    )
    return [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=str(structure),
            segmented_property_category=coded("91723000", "SCT", "Anatomical Structure"),
            segmented_property_type=coded(structure.snomed[0], "SCT", structure.snomed[1]),
            algorithm_type=made.upper(),
            algorithm_identification=None if made is Made.MANUAL else algorithm,
            display_color=highdicom.color.CIELabColor.from_rgb(
                *bytes.fromhex(structure.colour.lstrip("#"))
            ),
        )
        for number, structure in enumerate(present, start=1)
    ]


def _pictures(
    stack: Stack, labelled: dict[DicomInstance, SliceIndex], path: Path
) -> list[_Picture]:
    """Return what is referred to.

    highdicom takes single images of one series, each of another place, or one whole file. So each
    frame of a file passes for an image, and each moment for another place, until `_put_back`.
    """
    reference: UID | None = None
    pictures = []
    for number, (instance, index) in enumerate(labelled.items()):
        try:
            header = pydicom.dcmread(
                instance.path, stop_before_pixels=True, force=True, specific_tags=[*_TAGS]
            )
        except (OSError, InvalidDicomError, ValueError) as error:
            raise InputError(
                f"cannot write {path}: the image {instance.path} cannot be read again ({error})"
            ) from error
        source = _source(header, stack, index)
        source.SOPInstanceUID = UID(instance.sop_uid)
        if is_part(instance):
            source.SOPInstanceUID = generate_uid(entropy_srcs=[instance.sop_uid, str(number)])
        source.SOPClassUID = MRImageStorage
        # A segmentation has one frame of reference; some anonymisers give every file its own.
        reference = reference or UID(header.get("FrameOfReferenceUID") or generate_uid())
        source.FrameOfReferenceUID = reference
        picture = _Picture(
            source,
            instance,
            index,
            UID(source.SeriesInstanceUID),
            list(source.ImagePositionPatient),
            list(source.ImageOrientationPatient),
        )
        pictures.append(picture)
        depth = round(float(picture.position[2]) + 5e4 * index.t, 3)
        source.ImagePositionPatient = [*picture.position[:2], depth]
        source.ImageOrientationPatient = pictures[0].orientation
        source.SeriesInstanceUID = pictures[0].series_uid
    return pictures


def _source(header: Dataset, stack: Stack, index: SliceIndex) -> Dataset:
    source = Dataset()
    if header.get("SpecificCharacterSet"):
        source.SpecificCharacterSet = header.SpecificCharacterSet
    for keyword in _COPIED:
        setattr(source, keyword, header.get(keyword))
    for keyword in ("PatientBirthDate", "StudyDate"):
        if not _is_date(str(header.get(keyword) or "")):
            setattr(source, keyword, "")
    if not re.fullmatch(r"\d{2,6}(\.\d{1,6})?", str(header.get("StudyTime") or "")):
        source.StudyTime = ""
    source.Modality = source.Modality or "MR"
    source.Rows, source.Columns = stack.image.shape[2:]
    position, orientation = _place(stack, index.z)
    source.ImagePositionPatient = header.get("ImagePositionPatient") or position
    source.ImageOrientationPatient = header.get("ImageOrientationPatient") or orientation
    source.PixelSpacing = header.get("PixelSpacing") or [
        f"{spacing:.8g}" for spacing in stack.spacing_mm[1:]
    ]
    source.SliceThickness = header.get("SliceThickness") or f"{stack.spacing_mm[0]:.8g}"
    return source


def _place(stack: Stack, z: int) -> tuple[list[str], list[str]]:
    """Return position and orientation of a slice by the stack's own grid, as DICOM has them."""
    lps = np.array([-1.0, -1.0, 1.0])
    corner = stack.world_mm(np.array([0.0, 0.0, z])) * lps
    axes = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0) * lps[:, None]
    return [f"{v:.8g}" for v in corner], [f"{v:.10f}" for v in axes.T.ravel()]


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return len(text) == 8


def _put_back(seg: Dataset, pictures: list[_Picture]) -> None:
    """Say of each frame where it lies, of which moment it is and which image it was drawn on."""
    of = {picture.passed.SOPInstanceUID: picture for picture in pictures}
    slices = sorted({picture.index.z for picture in pictures})
    moments = sorted({picture.index.t for picture in pictures})
    for group in seg.PerFrameFunctionalGroupsSequence:
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        picture = of[image.ReferencedSOPInstanceUID]
        if is_part(picture.instance):
            image.ReferencedFrameNumber = picture.instance.frame
        group.PlanePositionSequence[0].ImagePositionPatient = picture.position
        content = group.FrameContentSequence[0]
        # The number of the moment among those that have a label: DICOM counts them without gaps.
        content.TemporalPositionIndex = moments.index(picture.index.t) + 1
        content.DimensionIndexValues = [
            content.DimensionIndexValues[0],
            slices.index(picture.index.z) + 1,
            content.TemporalPositionIndex,
        ]
    _turn_back(seg, of)
    moment = Dataset()
    moment.DimensionOrganizationUID = seg.DimensionIndexSequence[0].DimensionOrganizationUID
    moment.DimensionIndexPointer = Tag("TemporalPositionIndex")
    moment.FunctionalGroupPointer = Tag("FrameContentSequence")
    moment.DimensionDescriptionLabel = "Temporal Position Index"
    seg.DimensionIndexSequence.append(moment)
    _name_images(seg, of)
    if "SourceImageSequence" in seg:
        images = {one.ReferencedSOPInstanceUID: one for one in seg.SourceImageSequence}
        seg.SourceImageSequence = list(images.values())
    seg.ReferencedSeriesSequence = [_series(uid, pictures) for uid in _series_of(pictures)]


def _name_images(dataset: Dataset, of: dict[UID, _Picture]) -> None:
    """Name the images by their own UIDs and classes, wherever they are referred to."""
    picture = of.get(dataset.get("ReferencedSOPInstanceUID"))
    if picture is not None:
        dataset.ReferencedSOPInstanceUID = UID(picture.instance.sop_uid)
        dataset.ReferencedSOPClassUID = UID(picture.instance.sop_class_uid)
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _name_images(item, of)


def _series_of(pictures: list[_Picture]) -> list[UID]:
    return list(dict.fromkeys(picture.series_uid for picture in pictures))


def _series(uid: UID, pictures: list[_Picture]) -> Dataset:
    """Return which images of a series are referred to, each once."""
    series = Dataset()
    series.SeriesInstanceUID = uid
    series.ReferencedInstanceSequence = []
    instances = (picture.instance for picture in pictures if picture.series_uid == uid)
    for instance in {one.sop_uid: one for one in instances}.values():
        image = Dataset()
        image.ReferencedSOPClassUID = UID(instance.sop_class_uid)
        image.ReferencedSOPInstanceUID = UID(instance.sop_uid)
        series.ReferencedInstanceSequence.append(image)
    return series


def _turn_back(seg: Dataset, of: dict[UID, _Picture]) -> None:
    """Say of each frame how it is turned, where images differ in that by their last digits."""
    if len({tuple(picture.orientation) for picture in of.values()}) == 1:
        return
    del seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    for group in seg.PerFrameFunctionalGroupsSequence:
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        turned = Dataset()
        turned.ImageOrientationPatient = of[image.ReferencedSOPInstanceUID].orientation
        group.PlaneOrientationSequence = [turned]


def _fits(stack: Stack) -> bool:
    return isinstance(stack.source, DicomSource) and is_there("highdicom")


FORMAT = LabelFormat(
    "dicom-seg",
    "DICOM segmentation",
    "One segment a structure, each frame on the image that it was drawn on, for a PACS.",
    "_seg.dcm",
    write_dicom_seg,
    fits=_fits,
)
