"""DICOM segmentations in: each frame onto the image that it says it was drawn on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.image_names import first_shown, is_part
from napari_cardiac_ssl.readers.dicom_files import Damage, quietly
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.readers.labels.names import SNOMED, structure_named
from napari_cardiac_ssl.study import DicomSource, SliceIndex, Stack

_SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
_SAME_MM = 0.5


class _Plane(NamedTuple):
    """A frame of a segmentation: of which segment (None: its pixels say), on which image, where."""

    segment: int | None
    image: tuple[str, int | None]
    position_mm: NDArray[np.float64] | None


@dataclass(frozen=True)
class _Segment:
    name: str
    structure: Structure | None


def _recognises(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with quietly():
            tags = ["SOPClassUID"]
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*tags])
    except (Damage, OSError):
        return False
    return str(header.get("SOPClassUID", "")) in _SEGMENTATIONS


def read_dicom_seg(path: Path, like: Stack | None) -> Found:
    """Read a DICOM segmentation as labels on the slices of a stack.

    Parameters
    ----------
    path
        The file. Segments are told by their SNOMED codes, else by their labels.
    like
        The images that it references.

    Raises
    ------
    InputError
        If it is damaged, or does not say on which images of the stack it was drawn.
    """
    if like is None or not isinstance(like.source, DicomSource):
        raise InputError(
            f"{path}: a DICOM segmentation is drawn on images; name their DICOM study with --study"
        )
    try:
        with quietly():
            seg = pydicom.dcmread(path)
            planes = [_plane(seg, group) for group in seg.PerFrameFunctionalGroupsSequence]
            segments = {int(part.SegmentNumber): _segment(part) for part in seg.SegmentSequence}
            size = (int(seg.Rows), int(seg.Columns))
            pictures = list(_pictures(seg, len(planes)))
    except Damage as damage:
        raise InputError(f"{path}: a DICOM segmentation that cannot be read ({damage})") from damage
    if size != like.image.shape[2:]:
        raise InputError(
            f"{path}: frames of {size} pixels, the images of {like.name} have "
            f"{like.image.shape[2:]} (y, x); name the study that it was drawn on"
        )
    places = _places(like, path)
    labels = np.zeros(like.image.shape, dtype=np.uint8)
    elsewhere = 0
    for plane, picture in zip(planes, pictures, strict=True):
        uid, number = plane.image
        index = places.get((uid, number)) or (places.get((uid, None)) if number == 1 else None)
        if index is None:
            elsewhere += bool(picture.any())
            continue
        _check_position(plane, index, like, path)
        for number in np.unique(picture[picture > 0]) if plane.segment is None else [plane.segment]:
            inside = picture == number if plane.segment is None else picture > 0
            _put(labels[index], inside, segments.get(int(number)), path)
    return Found(labels, notes=tuple(_notes(segments, elsewhere, len(planes), like, path)))


def _put(
    plane: NDArray[np.uint8], inside: NDArray[np.bool_], segment: _Segment | None, path: Path
) -> None:
    if segment is None:
        raise InputError(f"{path}: a frame is of a segment that is not described")
    if segment.structure is None:
        return
    code = UKBB.code(segment.structure)
    if (inside & (plane > 0) & (plane != code)).any():
        raise InputError(
            f"{path}: segment '{segment.name}' overlaps another; a pixel is to be one thing"
        )
    plane[inside] = code


def _notes(
    segments: dict[int, _Segment], elsewhere: int, frames: int, like: Stack, path: Path
) -> Iterator[str]:
    if elsewhere == frames:
        raise InputError(
            f"{path}: none of its {frames} frames was drawn on an image of {like.name}: it names "
            "others by their SOPInstanceUID (another study, or another anonymisation of it)"
        )
    if elsewhere:
        yield f"{elsewhere} frames left aside: of images that are not in {like.name}"
    others = sorted(part.name for part in segments.values() if part.structure is None)
    if others:
        yield f"segments that are none of ours left aside: {', '.join(others)}"


def _places(stack: Stack, path: Path) -> dict[tuple[str, int | None], SliceIndex]:
    shown = first_shown(stack)
    places = {
        (one.sop_uid, one.frame if is_part(one) else None): index for one, index in shown.items()
    }
    if len(places) < len(shown) or any(not uid for uid, _ in places):
        raise InputError(
            f"{path}: several images of {stack.name} have the same SOPInstanceUID, or none, so "
            "which a segment was drawn on cannot be told; take the study before its anonymisation"
        )
    return places


def _plane(seg: Dataset, group: Dataset) -> _Plane:
    shared = next(iter(seg.get("SharedFunctionalGroupsSequence") or ()), Dataset())

    def part(name: str) -> Any:
        return next(iter(group.get(name) or shared.get(name) or ()), None)

    derived = part("DerivationImageSequence")
    sources = list(derived.get("SourceImageSequence") or ()) if derived is not None else []
    if len(sources) != 1:
        raise ValueError(f"a frame names {len(sources)} images that it was drawn on, not one")
    number = sources[0].get("ReferencedFrameNumber")
    of = part("SegmentIdentificationSequence")
    segment = of.get("ReferencedSegmentNumber") if of is not None else None
    place = part("PlanePositionSequence")
    position = place.get("ImagePositionPatient") if place is not None else None
    return _Plane(
        None if segment is None else int(segment),
        (str(sources[0].ReferencedSOPInstanceUID), None if number is None else int(number)),
        None if position is None else np.array(position, dtype=float) * (-1, -1, 1),
    )


def _segment(part: Dataset) -> _Segment:
    name = str(part.get("SegmentLabel") or f"segment {part.SegmentNumber}")
    code = next(iter(part.get("SegmentedPropertyTypeCodeSequence") or ()), Dataset())
    coded = SNOMED.get(str(code.get("CodeValue", "")))
    if str(code.get("CodingSchemeDesignator", "")) not in {"SCT", "SRT"}:
        coded = None
    return _Segment(name, structure_named(name) or coded)


def _pictures(seg: Dataset, count: int) -> Iterator[NDArray[np.bool_] | NDArray[np.integer[Any]]]:
    """Yield the frames: which pixels are in, or of a label map which segment they are in."""
    fractional = str(seg.get("SegmentationType", "BINARY")) == "FRACTIONAL"
    least = (int(seg.get("MaximumFractionalValue") or 1) + 1) // 2 if fractional else 1
    labelled = str(seg.get("SegmentationType", "")) == "LABELMAP"
    several = int(seg.get("NumberOfFrames") or 1) > 1
    for index in range(count):
        picture = pixel_array(seg, index=index if several else None, raw=True)
        if picture.shape != (seg.Rows, seg.Columns):
            raise ValueError(f"a frame of shape {picture.shape}")
        yield picture if labelled else picture >= least


def _check_position(plane: _Plane, index: SliceIndex, like: Stack, path: Path) -> None:
    if plane.position_mm is None:
        return
    source = like.world_mm(np.array([0.0, 0.0, index.z]))
    apart = float(np.linalg.norm(plane.position_mm - source))
    # The images' own positions may lie off the stack's straight line, by less than half a slice.
    if apart > max(_SAME_MM, like.spacing_mm[0] / 2):
        raise InputError(
            f"{path}: a frame lies {apart:.1f} mm from the image that it says it was drawn on "
            f"(slice {index.z} of {like.name}); one of the two was changed"
        )


READER = Reader("dicom-seg", "DICOM segmentation", _recognises, read_dicom_seg)
