"""DICOM studies, written here from the synthetic heart, and the open multi-view case."""

import json
import struct
import warnings
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers import dicom_files
from napari_cardiac_ssl.readers.dicom_views import PlaneSet, tell_views
from napari_cardiac_ssl.readers.studies import missing_views, read_study
from napari_cardiac_ssl.study import DicomSource, Study
from napari_cardiac_ssl.synthetic import SyntheticStudy, make_study

from .made_dicom import FLIP, cine, enhanced, frame, write


@pytest.fixture(scope="module")
def heart() -> Study:
    return make_study(3, frames=4, slices=5, size=40).study


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_study(path)
    message = str(caught.value)
    assert "\n" not in message
    assert "Doe" not in message
    assert "secret" not in message
    return message


def test_a_study_comes_back_from_single_frames(heart: Study, tmp_path: Path) -> None:
    folder = write(tmp_path / "s", [ds for stack in heart.stacks for ds in cine(stack)])
    (folder / "readme.txt").write_text("not DICOM")
    (folder / "empty").touch()
    read = read_study(folder)
    assert read.name == "s"
    assert [stack.view for stack in read.stacks] == [View.SAX, View.LAX_4CH, View.LAX_2CH]
    assert missing_views(read) == ()
    for stack in read.stacks:
        truth = heart.stack(stack.view)
        np.testing.assert_array_equal(stack.image, truth.image)
        assert stack.image.dtype == np.int16
        corner = stack.world_mm(np.array([7.0, 5.0, 0.0]))
        np.testing.assert_allclose(corner, truth.world_mm(np.array([7.0, 5.0, 0.0])), atol=1e-3)
        assert stack.frame_interval_s == pytest.approx(truth.frame_interval_s, rel=1e-3)
        assert len(stack.series_uids) == stack.slices
    sax = read.stack(View.SAX)
    np.testing.assert_allclose(sax.affine, heart.stack(View.SAX).affine, atol=1e-3)
    assert "Doe" not in repr((read.notes, read.stacks))


def test_a_study_comes_back_from_multi_frame_images(heart: Study, tmp_path: Path) -> None:
    read = read_study(write(tmp_path / "s", [enhanced(stack) for stack in heart.stacks]))
    assert [stack.view for stack in read.stacks] == [View.SAX, View.LAX_4CH, View.LAX_2CH]
    truth, sax = heart.stack(View.SAX), read.stack(View.SAX)
    np.testing.assert_array_equal(sax.image, truth.image * np.float32(2) - 5)
    assert sax.image.dtype == np.float32
    np.testing.assert_allclose(sax.affine, truth.affine, atol=1e-3)
    assert sax.frame_interval_s == pytest.approx(0.04)


def test_values_against_the_standard_are_read_without_a_word(
    heart: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path / "s", cine(heart.stacks[0]))
    for file in filter(Path.is_file, folder.rglob("*")):
        uid = str(pydicom.dcmread(file).FrameOfReferenceUID)
        wrong = f"{uid[:-3]}.01"  # no part may begin with a zero
        file.write_bytes(file.read_bytes().replace(uid.encode(), wrong.encode()))
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught:
        assert len(read_study(folder).stacks) == 1
    assert not caught
    assert not caplog.records
    with pytest.warns(UserWarning, match="Invalid value"):  # others hear pydicom as ever
        str(pydicom.dcmread(file).FrameOfReferenceUID)
    assert caplog.records


def test_one_file_is_a_study(heart: Study, tmp_path: Path) -> None:
    enhanced(heart.stack(View.SAX)).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    assert read_study(tmp_path / "one.dcm").stack(View.SAX).image.shape == (4, 5, 40, 40)


def test_compressed_images(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)
    images = cine(sax)
    for ds in images:
        ds.compress(RLELossless, generate_instance_uid=False)
    read = read_study(write(tmp_path / "s", images))
    np.testing.assert_array_equal(read.stacks[0].image, sax.image)


def test_jpeg_2000_by_whatever_decoder_pydicom_finds(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)
    images = cine(sax)
    for ds in images:
        picture = np.frombuffer(ds.PixelData, np.int16).reshape(40, 40).astype(np.uint16)
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
        ds.PixelRepresentation = 0
        ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
        ds.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
    read = read_study(write(tmp_path / "s", images))
    np.testing.assert_array_equal(read.stacks[0].image, sax.image)


def test_no_decoder_is_said(heart: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        is_available = False

    monkeypatch.setattr(dicom_files, "get_decoder", lambda syntax: Missing())
    ds = frame(heart.stack(View.SAX), 0, 0, "1.9")
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.PixelData = pydicom.encaps.encapsulate([b"\0" * 1000])
    assert "no decoder" in refusal(write(tmp_path / "s", [ds]))


def test_frames_without_trigger_time_go_by_their_number(heart: Study, tmp_path: Path) -> None:
    def change(ds: Dataset, t: int, z: int) -> None:
        del ds.TriggerTime

    sax = heart.stack(View.SAX)
    read = read_study(write(tmp_path / "s", cine(sax, change)))
    np.testing.assert_array_equal(read.stacks[0].image, sax.image)
    assert read.stacks[0].frame_interval_s is None


def test_a_missing_frame_is_said_and_the_nearest_shown(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)
    read = read_study(write(tmp_path / "s", cine(sax, lambda ds, t, z: (t, z) != (2, 3))))
    image = read.stacks[0].image
    np.testing.assert_array_equal(np.delete(image, 3, axis=1), np.delete(sax.image, 3, axis=1))
    np.testing.assert_array_equal(image[[0, 1, 3], 3], sax.image[[0, 1, 3], 3])
    assert any((image[2, 3] == sax.image[t, 3]).all() for t in (1, 3))
    assert any("slice 3: 3 frames where most slices have 4" in note for note in read.notes)


def test_frames_missing_everywhere_are_said(heart: Study, tmp_path: Path) -> None:
    def change(ds: Dataset, t: int, z: int) -> bool:
        ds.CardiacNumberOfImages = 4
        return t != 1

    read = read_study(write(tmp_path / "s", cine(heart.stack(View.SAX), change)))
    assert read.stacks[0].frames == 3
    assert any("3 of 4 frames" in note for note in read.notes)


def test_a_missing_slice_is_said(heart: Study, tmp_path: Path) -> None:
    read = read_study(write(tmp_path / "s", cine(heart.stack(View.SAX), lambda ds, t, z: z != 2)))
    assert read.stacks[0].slices == 4
    assert any("between slices 1 and 2" in note and "missing" in note for note in read.notes)


def test_a_stack_that_is_not_straight_is_said(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)

    def change(ds: Dataset, t: int, z: int) -> None:
        shift = 6.0 * (z == 2) * sax.affine[:3, 0] / np.linalg.norm(sax.affine[:3, 0]) * FLIP
        corner = np.array(ds.ImagePositionPatient, dtype=float) + shift
        ds.ImagePositionPatient = [f"{value:.6f}" for value in corner]

    read = read_study(write(tmp_path / "s", cine(sax, change)))
    assert read.stacks[0].slices == 5
    np.testing.assert_allclose(read.stacks[0].affine, sax.affine, atol=1e-3)
    assert any("not a straight stack" in note and "6.0 mm" in note for note in read.notes)


def test_copies_are_used_once(heart: Study, tmp_path: Path) -> None:
    images = cine(heart.stack(View.SAX))
    read = read_study(write(tmp_path / "s", images + images[:6]))
    assert read.stacks[0].image.shape[:2] == (4, 5)
    assert any("6 DICOM files that are copies" in note for note in read.notes)


def test_a_slice_acquired_again_replaces_the_first(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)
    again = [frame(sax, t, 2, "1.77") for t in range(4)]
    for ds in again:
        ds.SeriesNumber = 50
        ds.PixelData = np.full((40, 40), 123, np.int16).tobytes()
    read = read_study(write(tmp_path / "s", cine(sax) + again))
    assert (read.stacks[0].image[:, 2] == 123).all()
    assert any("acquired again in series 50" in note for note in read.notes)


def test_persons_are_not_mixed(heart: Study, tmp_path: Path) -> None:
    images = cine(heart.stack(View.SAX))
    images[0].PatientID = "secret-8"
    assert "2 persons" in refusal(write(tmp_path / "s", images))


def test_other_objects_are_left_aside(heart: Study, tmp_path: Path) -> None:
    images = cine(heart.stack(View.SAX))
    images[0].SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    read = read_study(write(tmp_path / "s", images))
    assert any("1 DICOM file without MR images" in note for note in read.notes)
    folder = tmp_path / "nothing"
    folder.mkdir()
    assert "no DICOM file and no NIfTI image" in refusal(folder)


def test_pixels_that_cannot_be_read_leave_the_rest(heart: Study, tmp_path: Path) -> None:
    images = cine(heart.stack(View.SAX))
    del images[7].PixelData
    images[7].PixelData = b"\0" * 100
    read = read_study(write(tmp_path / "s", images))
    assert read.stacks[0].slices == 5
    assert any("left aside" in note for note in read.notes)


def test_the_open_case(real_data: Path) -> None:
    folder = real_data / "multiview"
    truth = json.loads((folder / "truth.json").read_text())
    study = read_study(folder / "dicom")
    views = {uid: str(stack.view) for stack in study.stacks for uid in stack.series_uids}
    assert views == {uid: said["view"] for uid, said in truth.items()}
    sax = study.stack(View.SAX)
    assert sax.image.shape == (25, 6, 208, 256)
    assert sax.spacing_mm == pytest.approx((17.7, 1.40625, 1.40625), abs=0.01)
    assert {stack.frames for stack in study.stacks} == {25}
    for lie in ("says LAX_4CH", "says LAX_2CH"):
        assert any(lie in note for note in study.notes)


@cache
def person(seed: int) -> SyntheticStudy:
    return make_study(seed, frames=1, slices=3, size=16, noise=0)


def planes_of(seed: int, turn_deg: np.ndarray, shift_mm: np.ndarray) -> dict[View, PlaneSet]:
    """Return the planes of a synthetic person who lies turned and shifted in the scanner."""
    made = person(seed)
    angle = np.radians(np.linalg.norm(turn_deg))
    k = turn_deg / max(np.linalg.norm(turn_deg), 1e-9)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    lv, rv = made.lv_centre_mm, made.rv_direction
    normals = dict(made.plane_normals)
    n2 = normals[View.LAX_2CH]
    n4 = normals[View.LAX_4CH]
    # As far on the other side of the 2CH plane as the 4CH plane is on this one.
    normals[View.LAX_3CH] = 2 * (n4 @ n2) * n2 - n4
    normals[View.RV_2CH] = n2
    away = {View.RV_2CH: 48 * rv}
    slices = {View.SAX: 9}
    return {
        view: PlaneSet(
            view,
            None,
            turn @ normal / np.linalg.norm(normal),
            turn @ (lv + away.get(view, np.zeros(3))) + shift_mm,
            slices.get(view, 1),
            25,
        )
        for view, normal in normals.items()
    }


turns = st.tuples(*[st.floats(-7, 7)] * 3).map(np.array)
shifts = st.tuples(*[st.floats(-80, 80)] * 3).map(np.array)


@given(st.integers(0, 15), turns, shifts, st.booleans(), st.randoms())
@settings(deadline=None)
def test_views_by_geometry_alone(
    seed: int, turn: np.ndarray, shift: np.ndarray, flip: bool, random: object
) -> None:
    planes = list(planes_of(seed, turn, shift).values())
    random.shuffle(planes)  # type: ignore[attr-defined]
    if flip:
        planes = [
            PlaneSet(p.name, None, -p.normal, p.centre_mm, p.slices, p.frames) for p in planes
        ]
    assert [verdict.view for verdict in tell_views(planes)] == [plane.name for plane in planes]


@given(st.integers(0, 15), turns)
@settings(deadline=None)
def test_descriptions_that_lie_are_said(seed: int, turn: np.ndarray) -> None:
    lies = {View.LAX_3CH: View.LAX_4CH, View.RV_2CH: View.LAX_2CH}
    planes = [
        PlaneSet(p.name, lies.get(v, v), p.normal, p.centre_mm, p.slices, p.frames)
        for v, p in planes_of(seed, turn, np.zeros(3)).items()
    ]
    for plane, verdict in zip(planes, tell_views(planes), strict=True):
        assert verdict.view == plane.name
        assert (verdict.doubt is not None) == (plane.name in lies)


def fuzzed(content: bytes, seed: int) -> bytes:
    """Damage a file: cut it, flip bytes, or write absurd numbers into its header."""
    rng = np.random.default_rng(seed)
    kind = seed % 4
    if kind == 0:
        return content[: int(rng.integers(len(content)))]
    damaged = bytearray(content)
    for at in rng.integers(132, max(1000, len(content) // 2), int(rng.integers(1, 4))):
        if kind == 1:
            damaged[at] = int(rng.integers(256))
        elif kind == 2:
            damaged[at : at + 4] = struct.pack("<I", int(rng.choice([0, 2**31, 2**32 - 1, 99999])))
        else:
            del damaged[at : at + int(rng.integers(1, 30))]
    return bytes(damaged)


@pytest.mark.parametrize("multi_frame", [False, True])
def test_damaged_files_are_refused_in_a_line(
    heart: Study, tmp_path: Path, multi_frame: bool
) -> None:
    sax = heart.stack(View.SAX)
    good = tmp_path / "good"
    whole = enhanced(sax) if multi_frame else frame(sax, 0, 0, "1.9")
    whole.save_as(good, enforce_file_format=True)
    content = good.read_bytes()
    messages: list[str] = []
    for seed in range(24):
        path = tmp_path / f"f{seed}.dcm"
        path.write_bytes(fuzzed(content, seed))
        try:
            study = read_study(path)
        except InputError as error:
            messages.append(str(error))
        else:
            assert all(np.isfinite(stack.image).all() for stack in study.stacks)
    assert 3 < len(messages) < 24
    assert all("\n" not in message and len(message) < 600 for message in messages)


def test_wrong_elements_are_refused_or_read(heart: Study, tmp_path: Path) -> None:
    """Every element of a file once absent, once empty, once of another type, once absurd."""
    folder = write(tmp_path / "s", cine(heart.stack(View.SAX), lambda ds, t, z: t == 0))
    whole = frame(heart.stack(View.SAX), 0, 0, "1.9")
    for element in list(whole):
        for vr, value in (("", None), ("LO", ""), ("LO", "junk"), ("DS", "9e99"), ("US", 65535)):
            wrong = frame(heart.stack(View.SAX), 0, 0, "1.9")
            wrong["PixelData"].VR = "OW"
            del wrong[element.tag]
            if vr:
                wrong.add_new(element.tag, vr, value)
            wrong.save_as(folder / "wrong", implicit_vr=False, little_endian=True)
            try:
                study = read_study(folder)
            except InputError as error:
                message = str(error)
                assert "persons" in message, (element.keyword, value, message)
            else:
                assert study.stack(View.SAX).image.shape == (1, 5, 40, 40), element.keyword


def test_planes_of_the_body_are_no_views() -> None:
    planes = list(planes_of(1, np.zeros(3), np.zeros(3)).values())
    for name, normal in zip(("axial", "coronal", "sagittal"), np.eye(3)[::-1], strict=False):
        planes.append(PlaneSet(name, View.OTHER, normal, np.zeros(3), 1, 1))
        planes.append(PlaneSet(f"{name} stack", None, normal, np.zeros(3), 20, 25))
    found = {
        plane.name: verdict.view for plane, verdict in zip(planes, tell_views(planes), strict=True)
    }
    for name, view in found.items():
        assert view == (name if name in set(View) else View.OTHER)


def test_two_stacks_of_the_same_slices_stay_two(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)

    stored = np.asarray(sax.image)

    def series(number: int) -> Callable[[Dataset, int, int], None]:
        def change(ds: Dataset, t: int, z: int) -> None:
            ds.SeriesInstanceUID, ds.SeriesNumber = f"1.{number}", number
            ds.PixelData = (stored[t, z] + number).tobytes()

        return change

    images = cine(sax, series(7)) + cine(sax, series(8))
    read = read_study(write(tmp_path / "s", images))
    assert [stack.series_uids for stack in read.stacks] == [("1.7",), ("1.8",)]
    assert [stack.name for stack in read.stacks] == ["SAX", "SAX_2"]
    for stack, number in zip(read.stacks, (7, 8), strict=True):
        np.testing.assert_array_equal(stack.image, stored + number)


def test_every_slice_knows_its_instance(heart: Study, tmp_path: Path) -> None:
    sax = heart.stack(View.SAX)
    images = cine(sax)
    source = read_study(write(tmp_path / "s", images)).stacks[0].source
    assert isinstance(source, DicomSource)
    uids = [[instance.sop_uid for instance in frame] for frame in source.instances]
    assert uids == [[images[4 * z + t].SOPInstanceUID for z in range(5)] for t in range(4)]
    for instance in (source.instances[0][0], source.instances[3][4]):
        stored = pydicom.dcmread(instance.path)
        assert stored.SOPInstanceUID == instance.sop_uid
        assert stored.SOPClassUID == instance.sop_class_uid
        assert instance.frame is None
    assert (source.study_uid, source.reference_uid) == ("1.2.3", "1.2.4")
    assert len(source.series_uids) == 5


def test_every_slice_knows_its_frame(heart: Study, tmp_path: Path) -> None:
    image = enhanced(heart.stack(View.SAX))
    source = read_study(write(tmp_path / "s", [image])).stacks[0].source
    assert isinstance(source, DicomSource)
    numbers = [[instance.frame for instance in frame] for frame in source.instances]
    assert numbers == [[20 - 4 * z - t for z in range(5)] for t in range(4)]  # stored in reverse
    assert {i.sop_uid for frame in source.instances for i in frame} == {image.SOPInstanceUID}
