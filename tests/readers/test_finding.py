"""What is found where: behind links, in a DICOMDIR, in an archive, among other programs' files."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers import archives
from napari_cardiac_ssl.readers.recognising import can_read
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import DicomSource, Stack
from napari_cardiac_ssl.synthetic import make_study

from .made_dicom import cine, write


@pytest.fixture(scope="module")
def sax() -> Stack:
    return make_study(3, frames=3, slices=3, size=32, lax=False).study.stack(View.SAX)


def is_sax(path: Path, sax: Stack) -> tuple[str, ...]:
    """Check that there is the short axis, nothing else; return what is said."""
    (stack,) = (study := read_study(path)).stacks
    np.testing.assert_array_equal(stack.image, sax.image)
    return study.notes


def test_links_are_followed_once(sax: Stack, tmp_path: Path) -> None:
    store = write(tmp_path / "store", cine(sax))
    study = tmp_path / "study"
    (study / "deep").mkdir(parents=True)
    (study / "series").symlink_to(store, target_is_directory=True)
    (study / "again").symlink_to(store, target_is_directory=True)
    (study / "deep" / "up").symlink_to(study, target_is_directory=True)
    (study / "deep" / "lost.dcm").symlink_to(tmp_path / "nowhere.dcm")
    (study / "deep" / "one.dcm").symlink_to(next(store.glob("I*")))
    notes = is_sax(study, sax)
    assert any("1 link (deep/lost.dcm) to what is not there" in note for note in notes)
    assert any("2 links (" in note and "read already" in note for note in notes)


def test_links_to_nothing_alone_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"1 link \(a.dcm\) to what is not there"):
        read_study(tmp_path)


@pytest.fixture
def medium(sax: Stack, tmp_path: Path) -> Path:
    """A folder with a DICOMDIR, as written on a medium."""
    records = []
    for number, ds in enumerate(cine(sax)):
        parts = ["IMAGES", f"S{number % 3}", f"IM{number:04}"]
        path = (tmp_path / "cd").joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", parts
        records.append(record)
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.DirectoryRecordSequence = Sequence(records)
    directory.save_as(tmp_path / "cd" / "DICOMDIR", enforce_file_format=True)
    return tmp_path / "cd"


def test_a_dicomdir_opens_its_study(medium: Path, sax: Stack) -> None:
    (medium / "other").mkdir()
    assert is_sax(medium / "DICOMDIR", sax) == ()
    assert is_sax(medium, sax) == ()
    assert can_read(medium / "DICOMDIR")


def test_a_dicomdir_in_lower_case_and_with_files_missing(medium: Path) -> None:
    files = sorted(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    files[0].unlink()
    for file in files[1:]:
        file.rename(file.with_name(file.name.lower()))
    study = read_study(medium / "DICOMDIR")
    assert study.stacks[0].slices == 3
    assert any("1 of the files that DICOMDIR lists" in note for note in study.notes)
    for file in files[1:]:
        file.with_name(file.name.lower()).unlink()
    with pytest.raises(InputError, match="none of the files that this DICOMDIR lists"):
        read_study(medium / "DICOMDIR")


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
        archive.writestr("viewer/readme.txt", "not DICOM")
    return path


def test_an_archive_is_a_study(sax: Stack, tmp_path: Path) -> None:
    path = zipped(write(tmp_path / "s", cine(sax)), tmp_path / "patient 7.zip")
    assert can_read(path)
    study = read_study(path)
    (stack,) = study.stacks
    np.testing.assert_array_equal(stack.image, sax.image)
    assert study.name == "patient 7"
    assert isinstance(stack.source, DicomSource)
    assert stack.source.path == path
    members = [one.path.relative_to(path) for frame in stack.source.instances for one in frame]
    assert all((tmp_path / "s" / member).is_file() for member in members)


def test_an_archive_writes_nowhere_else(sax: Stack, tmp_path: Path) -> None:
    folder = write(tmp_path / "s", cine(sax))
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(file for file in folder.rglob("*") if file.is_file()):
            archive.writestr(f"../../../../{tmp_path.name}-out-{number}", file.read_bytes())
    is_sax(path, sax)
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}-out-*"))


def test_an_archive_that_unfolds_beyond_reason(
    sax: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(128) + b"DICM" + bytes(200 << 20))
    with pytest.raises(InputError, match="far larger than an examination"):
        read_study(path)
    small = zipped(write(tmp_path / "s", cine(sax)), tmp_path / "small.zip")
    monkeypatch.setattr(archives, "MOST_BYTES", 5000)
    with pytest.raises(InputError, match="far larger"):
        read_study(small)


def test_archives_of_other_things_are_refused(tmp_path: Path) -> None:
    other, torn = tmp_path / "other.zip", tmp_path / "torn.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "text")
    torn.write_bytes(other.read_bytes()[:-30])
    with pytest.raises(InputError, match="no DICOM file in this archive"):
        read_study(other)
    with pytest.raises(InputError) as caught:
        read_study(torn)
    assert "\n" not in str(caught.value)


def medium_with_viewer(folder: Path, images: list[Dataset]) -> None:
    (folder / "AUTORUN").mkdir(parents=True)
    (folder / "JPEG").mkdir()
    for number in range(260):
        (folder / "JPEG" / f"{number:04}.jpg").write_bytes(b"\xff\xd8\xff")
    write(folder / "ZZ_DICOM", images)


def with_sidecars(folder: Path, images: list[Dataset]) -> None:
    write(folder, images)
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        file.with_name(f"{file.name}.json").write_text("{}")


def with_many_others(folder: Path, images: list[Dataset]) -> None:
    folder.mkdir()
    for number in range(3000):
        (folder / f"a{number}.txt").touch()
    write(folder / "b" / "c" / "d", images)


def behind_a_link(folder: Path, images: list[Dataset]) -> None:
    folder.mkdir()
    store = write(folder.parent / "elsewhere", images)
    (folder / "series").symlink_to(store, target_is_directory=True)


def as_nifti(folder: Path, images: list[Dataset]) -> None:
    folder.mkdir()
    image = nib.Nifti1Image(
        np.arange(192, dtype=np.int16).reshape(8, 8, 3), np.diag([1.5, 1.5, 8, 1])
    )
    nib.save(image, folder / "a_sax.nii.gz")


@pytest.mark.parametrize(
    "make", [medium_with_viewer, with_sidecars, with_many_others, behind_a_link, as_nifti]
)
def test_studies_are_recognised(
    sax: Stack, tmp_path: Path, make: Callable[[Path, list[Dataset]], None]
) -> None:
    make(tmp_path / "s", cine(sax))
    assert can_read(tmp_path / "s")
    assert read_study(tmp_path / "s").stacks


def chunks(folder: Path) -> None:
    for number in range(300):  # that begin as DICOM without a preamble may
        (folder / f"{number}").write_bytes(b"\2\0\0\0" + b"x" * 200)
        (folder / f"f{number}").write_bytes(struct.pack("<50I", *[8 + 65536 * 5] * 50))


def pictures(folder: Path) -> None:
    for number in range(5):
        (folder / f"{number}.tif").write_bytes(b"II*\0" + bytes(200))


def other_headers(folder: Path) -> None:
    (folder / "disk.img").write_bytes(bytes(4096))
    (folder / "scan.hdr").write_text("!INTERFILE :=\n")
    (folder / "scan.img").write_bytes(bytes(10000))
    (folder / "light.hdr").write_bytes(b"#?RADIANCE\n")


def test_a_damaged_nifti_file_is_taken_so_that_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(30))
    assert can_read(path)
    assert not can_read(tmp_path)


@pytest.mark.parametrize("make", [chunks, pictures, other_headers])
def test_other_programs_files_are_left_to_them(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path)
    assert not can_read(tmp_path)
    assert not any(map(can_read, tmp_path.iterdir()))
    with pytest.raises(InputError) as caught:
        read_study(tmp_path)
    assert "\n" not in str(caught.value)
