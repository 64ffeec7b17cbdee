"""DICOM files: which files are MR images, and what their headers say of every frame.

Headers are read first and without pixels. Of personal elements height, weight, sex and age are
read, which numbers of the heart depend on (`dicom_person`); no name, date or other one is parsed.
Whatever pydicom makes of a damaged file ends here, as a `Damage` with one line.
"""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID

from napari_cardiac_ssl.readers.dicom_contrast import Contrast, contrast_of, words_of
from napari_cardiac_ssl.readers.dicom_person import PERSON_TAGS, PersonSaid
from napari_cardiac_ssl.study import DicomInstance

#: No MR image has more rows or columns, nor frames in a file.
MOST_PIXELS, MOST_FRAMES = 4096, 20_000
#: No time after an R wave is longer, however slow the heart.
_LONGEST_BEAT_MS = 20_000
#: Elements that are larger stay on disk: no header field of interest comes near.
_LARGE = 1 << 20
#: No picture of a body is compressed by more.
_MOST_COMPRESSED = 2000
#: LPS to RAS.
_FLIP = np.array([-1.0, -1.0, 1.0])

_MR_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR Image",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR Image",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR Image",
}
_PIXEL_TAGS = [
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows",
    "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
]  # fmt: skip
_TAGS = [
    *_PIXEL_TAGS, "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID",
    "PatientID", "FrameOfReferenceUID", "SeriesNumber", "SeriesDescription", "ProtocolName",
    "ImageType", "InstanceNumber", "TemporalPositionIdentifier", "TriggerTime",
    "CardiacNumberOfImages", "NumberOfTemporalPositions", "EchoTime", "RepetitionTime",
    "FlipAngle", "InversionTime", "SequenceName", "PulseSequenceName", "AcquisitionNumber",
    "AcquisitionTime", "ContentTime", "PixelSpacing", "SliceThickness",
    "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", *PERSON_TAGS,
]  # fmt: skip
#: What says how many frames in time there are.
_PROMISES = ("CardiacNumberOfImages", "NumberOfTemporalPositions")
# All that pydicom, its decoders and the conversion of values raise on damaged files.
_RAISED = (
    BytesLengthException, InvalidDicomError, AttributeError, ArithmeticError, LookupError,
    MemoryError, NotImplementedError, OSError, EOFError, RecursionError, RuntimeError, TypeError,
    ValueError, AssertionError, struct.error, zlib.error,
)  # fmt: skip


class Damage(Exception):  # noqa: N818 - it is caught and counted, never shown as an error
    """A file, or a frame in it, cannot be used; the message says why in a few words."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture: a file, or a frame of a multi-frame file.

    Parameters
    ----------
    path, index
        The file, and which of its frames, from 0.
    instance
        What others refer to it by.
    series_uid, study_uid, reference_uid
        Of its series, its examination and its frame of reference; "" if not said.
    person
        Tells persons apart within a folder; not to be shown or kept.
    person_said
        Size, sex and age as the file has them.
    series_number, description, protocol
        What the series calls itself.
    contrast
        What kind of picture it is.
    image_type
        As the header has it: versions of one picture differ in it.
    position_mm, right, down
        Centre of the first pixel, and the unit directions of rows and columns; RAS+ mm.
    spacing_mm
        Distance between pixel centres along ``(y, x)``.
    thickness_mm
        Of the slice; what lies between slices is told by their positions.
    shape
        ``(y, x)``.
    time_ms
        From the R wave; None if not said.
    inversion_ms, temporal, number, acquisition, content_s
        What else may tell the order of frames: inversion time, temporal position, number of the
        instance and of the acquisition, and the time of day; None if not said.
    promised_frames
        How many frames in time the header says there are; several, if it says so twice.
    slope, intercept
        Real value = slope × stored value + intercept.
    dtype
        Of the stored values.
    """

    path: Path
    index: int
    instance: DicomInstance
    series_uid: str
    study_uid: str
    reference_uid: str
    person: str
    person_said: PersonSaid
    series_number: int
    description: str
    protocol: str
    contrast: Contrast
    image_type: str
    position_mm: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    thickness_mm: float
    shape: tuple[int, int]
    time_ms: float | None
    inversion_ms: float | None
    temporal: float | None
    number: float | None
    acquisition: float | None
    content_s: float | None
    promised_frames: frozenset[int]
    slope: float
    intercept: float
    dtype: np.dtype[Any]

    @property
    def series(self) -> tuple[int, str]:
        """Number and UID of its series."""
        return self.series_number, self.series_uid

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal of the plane, right-handed with `right` and `down`."""
        return np.cross(self.right, self.down)


def read_frames(path: Path) -> list[Frame]:
    """Return the frames of a file, from its header alone; none if it is no MR image.

    Raises
    ------
    Damage
        If the header cannot be read or used.
    """
    with quietly():
        with SizedFile(path) as file:
            header = pydicom.dcmread(
                file, stop_before_pixels=True, force=True, specific_tags=[*_TAGS], defer_size=_LARGE
            )
        kind = str(
            header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID") or ""
        )
        if not kind:
            raise Damage("no SOP class")
        if kind not in _MR_IMAGES:
            return []
        syntax = UID(header.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
        shape, count, dtype = _pixels_promised(header, path, compressed=syntax.is_compressed)
        if syntax.is_compressed:
            _check_decoder(syntax)
        groups = list(header.get("PerFrameFunctionalGroupsSequence") or [])
        if groups and len(groups) != count:
            raise Damage(f"{count} frames but {len(groups)} descriptions of frames")
        return [
            _frame(header, groups[index] if groups else None, path, index, shape=shape, dtype=dtype)
            for index in range(count)
        ]


def read_pixels(path: Path, indices: list[int]) -> Iterator[NDArray[Any]]:
    """Yield the stored values of frames of one file, each of shape ``(y, x)``.

    Memory for one decoded frame, and for the file if one frame of it is asked for.

    Raises
    ------
    Damage
        If they cannot be decoded.
    """
    with quietly():
        if len(indices) > 1:  # of one file that holds many: frame by frame
            image = Dataset()
            with SizedFile(path) as file:
                for values in iter_pixels(file, ds_out=image, indices=indices, raw=True):
                    yield _stored_bits(image, values)
            return
        with SizedFile(path) as file:
            image = pydicom.dcmread(file, force=True, specific_tags=[*_PIXEL_TAGS, "PixelData"])
        if "TransferSyntaxUID" not in image.file_meta:
            image.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2")
        several = int(image.get("NumberOfFrames") or 1) > 1
        for index in indices:
            yield _stored_bits(image, pixel_array(image, index=index if several else 0, raw=True))


def _stored_bits(image: Dataset, values: NDArray[Any]) -> NDArray[Any]:
    """Return pixels without what other bits hold: overlays of old, or nothing in particular."""
    allocated = values.dtype.itemsize * 8
    stored = int(image.get("BitsStored") or allocated)
    if not 0 < stored < allocated:
        return values
    unused = allocated - stored
    return np.asarray((values << unused) >> unused)


class SizedFile(io.BufferedReader):
    """A file that makes room for what it holds, not for what a damaged length asks for."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to so many bytes."""
        if size is not None and size > _LARGE:
            size = min(size, max(0, self._size - self.tell()))
        return super().read(size)


#: Whether pydicom is to be silent here: it says each warning twice, the second time as a log.
_quiet = ContextVar("quiet", default=False)
logging.getLogger("pydicom").addFilter(lambda record: not _quiet.get())


@contextmanager
def quietly() -> Iterator[None]:
    """Silence pydicom's warnings, and turn all that it raises into `Damage`."""
    before = _quiet.set(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _RAISED as error:
        said = " ".join(str(error).split())[:120]
        raise Damage(said or type(error).__name__) from error
    finally:
        _quiet.reset(before)


def _check_decoder(syntax: UID) -> None:
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise Damage(
            f"compressed as {syntax.name}, for which no decoder is installed (pip install "
            "python-gdcm pylibjpeg-openjpeg)"
        )


def _pixels_promised(
    header: Dataset, path: Path, *, compressed: bool
) -> tuple[tuple[int, int], int, np.dtype[Any]]:
    """Return shape, frames and number type, if the file can hold what its header promises."""
    rows, columns = int(header.Rows), int(header.Columns)
    count = int(header.get("NumberOfFrames") or 1)
    bits = int(header.BitsAllocated)
    if not (0 < rows <= MOST_PIXELS and 0 < columns <= MOST_PIXELS and 0 < count <= MOST_FRAMES):
        raise Damage(f"{count} frames of {rows} x {columns} pixels")
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise Damage("a picture in colour")
    if bits not in {8, 16, 32}:
        raise Damage(f"{bits} bits for a pixel")
    size, promised = path.stat().st_size, rows * columns * count * bits // 8
    deflated = header.file_meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.1.99"
    if (compressed or deflated) and size * _MOST_COMPRESSED < promised:
        raise Damage(f"truncated: {size:,} bytes cannot hold {promised:,} bytes of pixels")
    if not (compressed or deflated) and size < promised:
        raise Damage(f"truncated: {size:,} bytes, the pixels alone are {promised:,}")
    signed = int(header.get("PixelRepresentation") or 0) == 1
    return (rows, columns), count, np.dtype(f"{'i' if signed else 'u'}{bits // 8}")


def _frame(
    header: Dataset,
    group: Dataset | None,
    path: Path,
    index: int,
    *,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> Frame:
    """Return what the header says of one frame."""

    def said(keyword: str, *sequences: str) -> Any:
        return _value(header, group, keyword, sequences)

    position = _numbers(said("ImagePositionPatient", "PlanePositionSequence"), 3, "position")
    cosines = _numbers(said("ImageOrientationPatient", "PlaneOrientationSequence"), 6, "direction")
    right, down = cosines[:3] * _FLIP, cosines[3:] * _FLIP
    lengths = np.linalg.norm(right), np.linalg.norm(down)
    if abs(lengths[0] - 1) > 0.02 or abs(lengths[1] - 1) > 0.02 or abs(right @ down) > 0.02:
        raise Damage("the image directions are not perpendicular unit vectors")
    right = right / lengths[0]
    down = down - (down @ right) * right
    spacing = _numbers(said("PixelSpacing", "PixelMeasuresSequence"), 2, "pixel spacing")
    if not (spacing.min() > 0.05 and spacing.max() < 50 and np.abs(position).max() < 5000):
        raise Damage(f"pixel spacing {spacing.tolist()} mm at {position.tolist()} mm")
    rescale = "PixelValueTransformationSequence"
    slope = _number(said("RescaleSlope", rescale), 1.0)
    intercept = _number(said("RescaleIntercept", rescale), 0.0)
    if slope == 0 or max(abs(slope), abs(intercept)) > 1e9:
        raise Damage(f"rescale slope {slope:g} and intercept {intercept:g}")
    thickness = _number(said("SliceThickness", "PixelMeasuresSequence"), 0.0)
    time_ms = _maybe(said("TriggerTime", "CardiacSynchronizationSequence"))
    if time_ms is None:
        time_ms = _maybe(said("NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence"))
    if time_ms is not None and not abs(time_ms) < _LONGEST_BEAT_MS:
        time_ms = None
    temporal = _maybe(said("TemporalPositionIndex", "FrameContentSequence"))
    if temporal is None:
        temporal = _maybe(said("TemporalPositionIdentifier"))
    number = _maybe(said("InstanceNumber"))
    if several := int(header.get("NumberOfFrames") or 1) > 1 or group is not None:
        number = (number or 0.0) * MOST_FRAMES + index
    uid, sop_class = _text(header.get("SOPInstanceUID")), _text(header.get("SOPClassUID"))
    description, protocol = _text(said("SeriesDescription")), _text(said("ProtocolName"))
    image_type = words_of(said("FrameType", "MRImageFrameTypeSequence") or said("ImageType"))
    inversion_ms = _maybe(said("InversionTime")) or _maybe(
        said("InversionTimes", "MRModifierSequence")
    )
    promised = (_number(said(tag), 0) for tag in _PROMISES)
    return Frame(
        path=path,
        index=index,
        instance=DicomInstance(path, uid, sop_class, index + 1 if several else None),
        series_uid=_text(said("SeriesInstanceUID")),
        study_uid=_text(said("StudyInstanceUID")),
        reference_uid=_text(said("FrameOfReferenceUID")),
        person=_text(said("PatientID")),
        person_said=PersonSaid(*(_text(_raw(header, tag)) for tag in PERSON_TAGS)),
        series_number=int(min(max(_number(said("SeriesNumber"), 0.0), 0.0), 1e9)),
        description=description,
        protocol=protocol,
        contrast=contrast_of(
            [description, protocol],
            _text(said("SequenceName") or said("PulseSequenceName")),
            image_type,
            echo_ms=_maybe(said("EchoTime") or said("EffectiveEchoTime", "MREchoSequence")),
            repetition_ms=_maybe(said("RepetitionTime", "MRTimingAndRelatedParametersSequence")),
            flip_deg=_maybe(said("FlipAngle", "MRTimingAndRelatedParametersSequence")),
            inversion_ms=inversion_ms,
        ),
        image_type="/".join(image_type),
        position_mm=position * _FLIP,
        right=right,
        down=down / np.linalg.norm(down),
        spacing_mm=(float(spacing[0]), float(spacing[1])),
        thickness_mm=thickness if 0.1 < thickness < 100 else 8.0,
        shape=shape,
        time_ms=time_ms,
        inversion_ms=inversion_ms,
        temporal=temporal,
        number=number,
        acquisition=_maybe(said("AcquisitionNumber")),
        content_s=_seconds(said("ContentTime") or said("AcquisitionTime")),
        promised_frames=frozenset(int(count) for count in promised if 0 < count <= 1000),
        slope=slope,
        intercept=intercept,
        dtype=dtype,
    )


def _raw(header: Dataset, keyword: str) -> Any:
    """Return an element that an image can do without, as it stands; its value may be damaged."""
    try:
        return header.get(keyword)
    except _RAISED:
        return "damaged"


def _value(header: Dataset, group: Dataset | None, keyword: str, sequences: tuple[str, ...]) -> Any:
    """Return an element: of the frame's own group, of those that frames share, of the file."""
    shared = next(iter(header.get("SharedFunctionalGroupsSequence") or ()), None)
    for groups in (group, shared):
        if groups is not None:
            for name in sequences:
                items = groups.get(name)
                if items and items[0].get(keyword) is not None:
                    return items[0].get(keyword)
    return header.get(keyword)


def _numbers(value: Any, count: int, what: str) -> NDArray[np.float64]:
    if value is None:
        raise Damage(f"no image {what}")
    numbers = np.array(value, dtype=np.float64)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise Damage(f"the image {what} is not {count} finite numbers")
    return numbers


def _number(value: Any, otherwise: float) -> float:
    """Return a number, for elements that an image can do without."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return otherwise
    return number if np.isfinite(number) else otherwise


def _text(value: Any) -> str:
    """Return printable text of a modest length."""
    said = "" if value is None else str(value)
    return "".join(letter for letter in said if letter.isprintable())[:64].strip()


def _maybe(value: Any) -> float | None:
    """Return a number that tells an order, or None."""
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    number = _number(value, np.nan)
    return None if np.isnan(number) else number


def _seconds(value: Any) -> float | None:
    """Return a time of day (HHMMSS.ffffff) in seconds, or None."""
    said = str(value or "").replace(":", "")
    if not said[:6].isdigit() or len(said) < 6:
        return None
    return int(said[:2]) * 3600 + int(said[2:4]) * 60 + _number(said[4:], 0.0)
