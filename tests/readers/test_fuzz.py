"""Damaged files, hundreds of them with fixed seeds: no traceback, no hang, memory bounded."""

import gzip
import json
import signal
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ImplicitVRLittleEndian,
    RLELossless,
)

from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Study
from napari_cardiac_ssl.synthetic import make_study

#: For files of at most 100 kB. A compressed one may well hold a hundred times its size.
MOST_BYTES = 250_000_000
MOST_SECONDS = 20
DICOMS = NIFTIS = 140


@pytest.fixture(scope="module")
def heart() -> Study:
    study = make_study(3, frames=2, slices=2, size=32).study
    return replace(study, stacks=tuple(replace(s, frame_interval_s=0.04) for s in study.stacks))


@contextmanager
def bounded() -> Iterator[None]:
    """Let nothing take long, nor much memory."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(MOST_SECONDS)
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def survives(path: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Read a file as Python and as the command line do; tell whether it could be used."""
    with bounded():
        message = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InputWarning)  # damaged, and read all the same
                read_study(path)
        except InputError as error:
            message = str(error)
        used = not message
        capsys.readouterr()
        code = main(["info", str(path), "--json"])
    said = capsys.readouterr()
    assert code == (0 if used else 2)
    assert "\n" not in message
    assert len(message) < 1000
    lines = [line for line in said.err.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == (0 if used else 1), said.err
    assert "Traceback" not in said.err
    if used:
        json.loads(said.out)
    return used


def torn(data: bytes, chance: np.random.Generator) -> bytes:
    """Damage bytes, wherever they come from."""
    if len(data) < 16:
        return data
    raw, at = bytearray(data), int(chance.integers(len(data)))
    match chance.integers(6):
        case 0:
            return bytes(raw[:at])
        case 1:  # bits, mostly of the header
            reach = len(raw) if chance.random() < 0.3 else min(len(raw), 1200)
            for place in chance.integers(reach, size=chance.integers(1, 40)):
                raw[place] ^= 1 << int(chance.integers(8))
        case 2:
            raw[at : at + 4] = [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)][at % 3]
        case 3:
            raw[at:at] = chance.bytes(int(chance.integers(1, 300)))
        case 4:
            del raw[at : at + int(chance.integers(1, 500))]
        case _:
            other = int(chance.integers(len(raw)))
            raw[at : at + 200] = raw[other : other + 200]
    return bytes(raw)


def bytes_of(image: Dataset) -> bytes:
    buffer = DicomBytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def variants(files: list[Path]) -> list[Dataset]:
    """Single frames, plain, implicit, deflated and compressed, and one image of several frames."""
    images = [pydicom.dcmread(file) for file in files[:4]]
    images[1].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    images[2].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    images[3].compress(RLELossless, generate_instance_uid=False)
    several = pydicom.dcmread(files[0])
    several.SOPClassUID = several.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    groups = []
    for number in range(3):
        where, orientation, group = Dataset(), Dataset(), Dataset()
        where.ImagePositionPatient = several.ImagePositionPatient
        orientation.ImageOrientationPatient = several.ImageOrientationPatient
        group.PlanePositionSequence = Sequence([where])
        group.PlaneOrientationSequence = Sequence([orientation])
        heartbeat = Dataset()
        heartbeat.NominalCardiacTriggerDelayTime = 40.0 * number
        group.CardiacSynchronizationSequence = Sequence([heartbeat])
        groups.append(group)
    several.PerFrameFunctionalGroupsSequence = Sequence(groups)
    several.NumberOfFrames = 3
    several.PixelData = several.PixelData * 3
    return [*images, several]


VALUES = [
    ("US", 65535), ("US", 0), ("LO", "junk"), ("DS", "9e99"), ("DS", "nan"), ("IS", "-1"),
    ("UI", "1.2.3"), ("LO", ""), ("SQ", Sequence([Dataset()])), ("OB", b"\xff" * 7),
    ("FD", float("inf")), ("IS", "99999999"), ("LO", ["a", "b"] * 400),
]  # fmt: skip


def wrong(image: Dataset, chance: np.random.Generator) -> bytes:
    """Take elements away, or give them another type or an absurd value."""
    for element in chance.permutation(np.array(list(image), dtype=object))[: chance.integers(1, 4)]:
        if chance.random() < 0.4:
            del image[element.tag]
        elif element.keyword != "PixelData":
            vr, value = VALUES[chance.integers(len(VALUES))]
            image.add_new(element.tag, vr, value)
    if chance.random() < 0.3:
        image.Rows = int(chance.choice([0, 1, 4096, 65535]))
    if chance.random() < 0.2:
        image.NumberOfFrames = int(chance.choice([0, 2, 19_999, 2**31 - 1]))
    return bytes_of(image)


def test_damaged_dicom(
    heart: Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write_dicom: Callable[[Study, Path], Path],
) -> None:
    folder = write_dicom(heart, tmp_path / "good")
    whole = sorted(folder.iterdir())
    good = [bytes_of(image) for image in variants(whole)]
    place = tmp_path / "one"
    place.mkdir()
    used = 0
    for seed in range(DICOMS):
        chance = np.random.default_rng(seed)
        number = seed % len(good)
        data = good[number]
        if seed % 3 == 0:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # pydicom's, of what we write
                    data = wrong(variants(whole)[number], chance)
            except (ValueError, TypeError, AttributeError, OverflowError):
                data = torn(data, chance)  # pydicom does not write such a thing
        else:
            data = torn(data, chance)
        (place / "I1").write_bytes(data)
        used += survives(place / "I1", capsys)
        if seed % 10 == 0:  # among others that are whole
            (folder / "I1").write_bytes(data)
            assert survives(folder, capsys) or "persons" in _refusal(folder)
    assert 10 < used < DICOMS - 10


def test_sequences_in_sequences(
    heart: Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write_dicom: Callable[[Study, Path], Path],
) -> None:
    """A thousand deep, their ends missing."""
    good = next(write_dicom(heart, tmp_path / "good").iterdir()).read_bytes()
    pixels = good.index(b"\xe0\x7f\x10\0")
    nest = b"\0\x52\x29\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    (tmp_path / "I1").write_bytes(good[:pixels] + 1000 * nest + good[pixels:])
    assert not survives(tmp_path / "I1", capsys)


def test_a_length_beyond_the_file_makes_no_room(
    heart: Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write_dicom: Callable[[Study, Path], Path],
) -> None:
    good = next(write_dicom(heart, tmp_path / "good").iterdir()).read_bytes()
    at = good.index(b"\2\0\x10\0UI") + 4  # the transfer syntax
    wrong = b"UN\0\0" + (2**31 - 2).to_bytes(4, "little")
    (tmp_path / "I1").write_bytes(good[:at] + wrong + good[at + 4 :])
    assert not survives(tmp_path / "I1", capsys)


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_study(path)
    return str(caught.value)


def nifti(stack: object, kind: int, path: Path) -> bytes:
    image = np.asarray(stack.image.T)
    cls = (nib.Nifti1Image, nib.Nifti2Image)[kind % 2]
    data = cls(image.astype((np.int16, np.float32)[kind // 2 % 2]), stack.affine).to_bytes()
    return gzip.compress(data, mtime=0) if kind >= 4 else data


def absurd(data: bytes, chance: np.random.Generator) -> bytes:
    """Write a wrong value into a field of the header, before compression."""
    zipped = data[:2] == b"\x1f\x8b"
    raw = bytearray(gzip.decompress(data) if zipped else data)
    old = int.from_bytes(raw[:4], "little") == 348
    kind = nib.Nifti1Header if old else nib.Nifti2Header
    header = kind(bytes(raw[: 348 if old else 540]), check=False)
    names = ["dim", "pixdim", "datatype", "bitpix", "vox_offset", "scl_slope", "srow_x"]
    names += ["quatern_b", "xyzt_units", "sform_code", "qform_code", "magic"]
    for name in chance.choice(names, chance.integers(1, 4), replace=False):
        field = np.atleast_1d(header[name]).copy()
        byte = [b"\xff", b"\x7f", b"\0", chance.bytes(1)][chance.integers(4)]
        field.view(np.uint8)[: field.nbytes] = np.frombuffer(byte * field.nbytes, np.uint8)
        if field.ndim and chance.random() < 0.6 and name in {"dim", "pixdim"}:
            field = np.atleast_1d(header[name]).copy()
            field[chance.integers(len(field))] = chance.choice([0, -1, 3, 32767, 7])
        header[name] = field if np.ndim(header[name]) else field[0]
    raw[: len(header.binaryblock)] = header.binaryblock
    return gzip.compress(bytes(raw), mtime=0) if zipped else bytes(raw)


def test_damaged_nifti(heart: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used = 0
    for seed in range(NIFTIS):
        chance, kind = np.random.default_rng(1000 + seed), seed % 8
        data = nifti(heart.stacks[seed % 3], kind, tmp_path)
        data = absurd(data, chance) if seed % 2 else torn(data, chance)
        path = tmp_path / ("f.nii.gz" if kind >= 4 else "f.nii")
        path.write_bytes(data)
        with np.errstate(all="raise"):
            used += survives(path, capsys)
        path.unlink()
    assert 10 < used < NIFTIS - 10


def test_a_small_file_that_unfolds_to_gigabytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A header of a modest image before a stream that does not end, and one that promises it."""
    image = nib.Nifti1Image(np.arange(8**3, dtype=np.int16).reshape(8, 8, 8), np.eye(4)).to_bytes()
    bomb = tmp_path / "bomb.nii.gz"
    with gzip.open(bomb, "wb", 9) as file:
        file.write(image)
        for _ in range(200):
            file.write(bytes(1 << 20))
    assert survives(bomb, capsys)
    raw = bytearray(image)
    raw[40:56] = np.array([3, 2000, 2000, 2000, 1, 1, 1, 1], "<i2").tobytes()
    bomb.write_bytes(gzip.compress(bytes(raw)))
    assert not survives(bomb, capsys)
