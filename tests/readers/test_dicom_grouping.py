"""Which pictures belong together, whatever identifiers say; what is said where nothing tells."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import DicomSource, Stack, Study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_mask

from .made_dicom import FLIP, cine, enhanced, write

FRAMES, SLICES = 6, 5
Change = Callable[[Dataset, int, int], bool | None]


@pytest.fixture(scope="module")
def heart() -> Study:
    return make_study(3, frames=FRAMES, slices=SLICES, size=40).study


@pytest.fixture(scope="module")
def sax(heart: Study) -> Stack:
    return heart.stack(View.SAX)


def acquired_again(
    sax: Stack, add: int, number: int, change: Change | None = None
) -> list[Dataset]:
    """The whole cine once more: other pixels, the series numbers `number` and up."""
    images = cine(sax, change)
    for ds in images:
        pixels = np.frombuffer(ds.PixelData, np.int16) + np.int16(add)
        ds.PixelData, ds.SeriesNumber = pixels.tobytes(), number + int(ds.SeriesNumber)
    return images


def everywhere(images: list[Dataset], **values: Callable[[], object] | object) -> list[Dataset]:
    for ds in images:
        for tag, value in values.items():
            if value is None:
                delattr(ds, tag)
            else:
                setattr(ds, tag, value() if callable(value) else value)
    return images


IDENTIFIERS = {
    "one instance": {"SOPInstanceUID": "1.5"},
    "no instances": {"SOPInstanceUID": None},
    "all alike": {
        "SOPInstanceUID": "1.5",
        "SeriesInstanceUID": "1.6",
        "StudyInstanceUID": "1.7",
        "FrameOfReferenceUID": "1.8",
    },
    "one examination an image": {"StudyInstanceUID": generate_uid},
    "one series an image": {"StudyInstanceUID": generate_uid, "SeriesInstanceUID": generate_uid},
    "one frame of reference an image": {
        "StudyInstanceUID": generate_uid,
        "SeriesInstanceUID": generate_uid,
        "FrameOfReferenceUID": generate_uid,
    },
    "series without numbers": {"SeriesInstanceUID": generate_uid, "SeriesNumber": None},
}


@pytest.mark.parametrize("values", IDENTIFIERS.values(), ids=IDENTIFIERS.keys())
def test_identifiers_change_nothing_and_are_said(
    heart: Study, tmp_path: Path, values: dict[str, object]
) -> None:
    images = everywhere([ds for stack in heart.stacks for ds in cine(stack)], **values)
    read = read_study(write(tmp_path / "s", images))
    assert [stack.view for stack in read.stacks] == [View.SAX, View.LAX_4CH, View.LAX_2CH]
    for stack in read.stacks:
        np.testing.assert_array_equal(stack.image, heart.stack(stack.view).image)
        np.testing.assert_allclose(
            stack.affine[:, 3], heart.stack(stack.view).affine[:, 3], atol=0.1
        )
    assert read.notes
    if values.get("FrameOfReferenceUID") is generate_uid:
        assert {stack.reference_uid for stack in read.stacks} == {None}


def test_spacings_and_times_that_differ_in_their_last_digit(sax: Stack, tmp_path: Path) -> None:
    """As two exports of one scanner write them: 1.3672 and 1.367188."""

    def change(ds: Dataset, t: int, z: int) -> None:
        spacing = float(ds.PixelSpacing[0])
        ds.PixelSpacing = [f"{spacing:.{4 + z % 2}f}"] * 2
        corner = np.array(ds.ImagePositionPatient, float) + 0.03 * (t % 2)
        ds.ImagePositionPatient = [f"{v:.3f}" for v in corner]

    read = read_study(write(tmp_path / "s", cine(sax, change)))
    assert [stack.image.shape for stack in read.stacks] == [sax.image.shape]
    np.testing.assert_array_equal(read.stacks[0].image, sax.image)


CONTRASTS = {
    "tagged by its sequence": ({"SequenceName": "*fl2d1tag"}, "tagged"),
    "tagged by its name": ({"SeriesDescription": "cine_grid_tag_SA"}, "tagged"),
    "phase": ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phase"),
    "another sequence": ({"SequenceName": "*fl2d1"}, ""),
    "another echo": ({"EchoTime": 4.5}, ""),
    "late enhancement": ({"SeriesDescription": "LGE SA psir"}, "late enhancement"),
    "perfusion": ({"SeriesDescription": "Stress perfusion SAX"}, "perfusion"),
}


@pytest.mark.parametrize(("values", "kind"), CONTRASTS.values(), ids=CONTRASTS.keys())
def test_other_contrasts_never_replace_slices_of_the_cine(
    sax: Stack, tmp_path: Path, values: dict[str, object], kind: str
) -> None:
    plain = {
        "SequenceName": "*tfi2d1_10",
        "EchoTime": 1.4,
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
    }
    others = acquired_again(sax, 500, 40, lambda ds, t, z: z in {1, 3})
    images = everywhere(cine(sax), **plain) + everywhere(others, **{**plain, **values})
    read = read_study(write(tmp_path / "s", images))
    first, second = read.stacks
    np.testing.assert_array_equal(first.image, sax.image)
    np.testing.assert_array_equal(second.image, sax.image[:, [1, 3]] + 500)
    assert (first.contrast, second.contrast) == ("", kind)
    assert kind.replace(" ", "_") in second.name
    assert not kind or read.pictures_of(View.SAX) == (first,)


def test_a_map_and_its_sources_are_told_apart(sax: Stack, tmp_path: Path) -> None:
    def inversion(ds: Dataset, t: int, z: int) -> bool:
        ds.SeriesDescription, ds.InversionTime = "T1map_MOLLI_SA", 900 - 100 * t
        ds.TriggerTime, ds.CardiacNumberOfImages = "700", 1
        return z in {1, 2, 3}

    sources = acquired_again(sax, 500, 40, inversion)
    maps = [ds for ds in acquired_again(sax, 900, 60, inversion) if ds.InstanceNumber == 1]
    everywhere(maps, ImageType=["DERIVED", "PRIMARY", "T1 MAP", "ND"])
    read = read_study(write(tmp_path / "s", cine(sax) + sources + maps))
    cines, inverted, mapped = read.stacks
    np.testing.assert_array_equal(cines.image, sax.image)
    np.testing.assert_array_equal(inverted.image, sax.image[::-1, 1:4] + 500)  # by inversion time
    assert inverted.contrast == "T1 mapping"
    assert inverted.frame_interval_s is None
    assert mapped.contrast == "T1 map"
    assert mapped.image.shape[:2] == (1, 3)


def test_two_reconstructions_of_one_cine_stay_two(sax: Stack, tmp_path: Path) -> None:
    """With the scanner's distortion correction and without, in one series."""
    images = everywhere(cine(sax), ImageType=["ORIGINAL", "PRIMARY", "M", "ND"])
    corrected = acquired_again(sax, 300, 0)
    for ds, other in zip(corrected, images, strict=True):
        ds.SeriesInstanceUID, ds.ImageType = (
            other.SeriesInstanceUID,
            ["ORIGINAL", "PRIMARY", "M", "DIS2D"],
        )
    read = read_study(write(tmp_path / "s", images + corrected))
    for stack, added in zip(read.stacks, (0, 300), strict=True):
        np.testing.assert_array_equal(stack.image, sax.image + added)


def test_two_examinations_stay_two(sax: Stack, tmp_path: Path) -> None:
    """Every slice a series of its own, and the second time a few millimetres deeper."""

    def deeper(ds: Dataset, t: int, z: int) -> None:
        normal = np.cross(*np.array(ds.ImageOrientationPatient, float).reshape(2, 3))
        corner = np.array(ds.ImagePositionPatient, float) + 3 * normal
        ds.ImagePositionPatient = [f"{v:.6f}" for v in corner]
        ds.StudyInstanceUID = "1.2.99"

    read = read_study(write(tmp_path / "s", cine(sax) + acquired_again(sax, 500, 40, deeper)))
    assert [stack.slices for stack in read.stacks] == [SLICES, SLICES]
    for stack, added in zip(read.stacks, (0, 500), strict=True):
        np.testing.assert_array_equal(stack.image, sax.image + added)
    assert any("2 examinations" in note for note in read.notes)
    assert any("2 SAX stacks" in note for note in read.notes)


def test_an_order_that_nothing_tells_is_no_cine(sax: Stack, tmp_path: Path) -> None:
    images = everywhere(cine(sax), TriggerTime=None, InstanceNumber=None)
    read = read_study(write(tmp_path / "s", images))
    assert [stack.image.shape[:2] for stack in read.stacks] == [(FRAMES, 1)] * SLICES
    assert {stack.contrast for stack in read.stacks} == {"in no order"}
    assert {stack.frame_interval_s for stack in read.stacks} == {None}
    assert any("nothing tells the order" in note for note in read.notes)


@pytest.mark.parametrize("told", ["ContentTime", "AcquisitionNumber", "TemporalPositionIdentifier"])
def test_an_order_of_the_last_resort(sax: Stack, tmp_path: Path, told: str) -> None:
    def change(ds: Dataset, t: int, z: int) -> None:
        setattr(ds, told, f"1015{t:02}.25" if told == "ContentTime" else 1 + t)

    images = everywhere(cine(sax, change), TriggerTime=None, InstanceNumber=None)
    np.testing.assert_array_equal(
        read_study(write(tmp_path / "s", images)).stacks[0].image, sax.image
    )


def test_times_that_contradict_numbers_are_said(sax: Stack, tmp_path: Path) -> None:
    times = [cine(sax)[t].TriggerTime for t in (0, 3, 1, 5, 2, 4)]

    def change(ds: Dataset, t: int, z: int) -> None:
        if z == 2:
            ds.TriggerTime = times[t]

    read = read_study(write(tmp_path / "s", cine(sax, change)))
    assert any("slice 2: trigger times and instance numbers" in note for note in read.notes)
    assert not any("a gap of" in note for note in read.notes)  # such times tell no gap


def test_more_frames_than_promised_are_said(sax: Stack, tmp_path: Path) -> None:
    images = everywhere(cine(sax), CardiacNumberOfImages=4)
    read = read_study(write(tmp_path / "s", images))
    assert any("6 frames, more than the 4" in note for note in read.notes)
    images = everywhere(cine(sax), CardiacNumberOfImages=1, NumberOfTemporalPositions=FRAMES)
    assert read_study(write(tmp_path / "t", images)).notes == ()


def test_numbers_that_are_missing_are_said(sax: Stack, tmp_path: Path) -> None:
    images = cine(sax)
    for number, ds in enumerate(images):
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = "1.9", 4, 1 + number
    read = read_study(write(tmp_path / "s", images[:12] + images[18:]))
    assert any("instance numbers 13, 14, 15" in note for note in read.notes)
    read = read_study(write(tmp_path / "t", images[FRAMES:]))
    assert any("instance numbers begin at 7" in note for note in read.notes)


def test_series_that_are_numbered_through_miss_nothing(sax: Stack, tmp_path: Path) -> None:
    images = cine(sax)
    for number, ds in enumerate(images):
        ds.InstanceNumber = 1 + number
    assert read_study(write(tmp_path / "s", images)).notes == ()


def test_parallel_views_stay_two(heart: Study, tmp_path: Path) -> None:
    """2CH and RV 2CH may be parallel; without identifiers they are still two views."""
    two = heart.stack(View.LAX_2CH)
    normal = two.affine[:3, 2] / np.linalg.norm(two.affine[:3, 2]) * FLIP
    beside = cine(two)
    for ds in beside:
        corner = np.array(ds.ImagePositionPatient, float) + 45 * normal
        ds.ImagePositionPatient = [f"{v:.6f}" for v in corner]
        ds.PixelData = (np.frombuffer(ds.PixelData, np.int16) + np.int16(9)).tobytes()
    images = everywhere(
        [*cine(heart.stack(View.SAX)), *cine(two), *beside], SeriesInstanceUID=generate_uid
    )
    read = read_study(write(tmp_path / "s", images))
    assert sorted(stack.slices for stack in read.stacks) == [1, 1, SLICES]


def test_a_series_at_the_same_depth_but_beside_replaces_nothing(sax: Stack, tmp_path: Path) -> None:
    def beside(ds: Dataset, t: int, z: int) -> bool:
        step = 12 * np.array(ds.ImageOrientationPatient[:3], float)
        ds.ImagePositionPatient = [
            f"{v:.6f}" for v in np.array(ds.ImagePositionPatient, float) + step
        ]
        return z == 2

    read = read_study(write(tmp_path / "s", cine(sax) + acquired_again(sax, 500, 40, beside)))
    assert [stack.slices for stack in read.stacks] == [SLICES, 1]
    np.testing.assert_array_equal(read.stacks[0].image, sax.image)


def turned(stack: Stack, seed: int) -> Stack:
    """The same pixels, lying in the patient in another way; hearts lie within limits."""
    chance = np.random.default_rng(seed)
    angles = chance.uniform(-0.35, 0.35, 3)
    turn = np.eye(4)
    for axis, angle in enumerate(angles):
        i, j = [k for k in range(3) if k != axis]
        one = np.eye(4)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    turn[:3, 3] = chance.uniform(-40, 40, 3)
    return Stack(
        stack.image, turn @ stack.affine, View.SAX, frame_interval_s=stack.frame_interval_s
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("how", ["frames", "still", "multi-frame", "stored upside down"])
def test_masks_lie_where_the_images_do(sax: Stack, tmp_path: Path, seed: int, how: str) -> None:
    stack = turned(sax, seed)
    images = [enhanced(stack)] if how == "multi-frame" else cine(stack)
    if how == "still":
        images = cine(stack, lambda ds, t, z: t == 0)
    if how == "stored upside down":
        for ds in images:
            pixels = np.frombuffer(ds.PixelData, np.int16).reshape(40, 40)[::-1, ::-1]
            directions = np.array(ds.ImageOrientationPatient, float)
            spacing = np.array(ds.PixelSpacing, float)
            step = 39 * (directions[:3] * spacing[1] + directions[3:] * spacing[0])
            ds.PixelData = pixels.tobytes()
            ds.ImagePositionPatient = [
                f"{v:.6f}" for v in np.array(ds.ImagePositionPatient, float) + step
            ]
            ds.ImageOrientationPatient = [f"{v:.9f}" for v in -directions]
    read = read_study(write(tmp_path / "s", images)).stacks[0]
    labels = np.zeros(read.image.shape, np.uint8)
    brightest = np.unravel_index(int(sax.image[0, 1].argmax()), (40, 40))
    place = stack.world_mm(np.array([brightest[1], brightest[0], 1.0]))
    x, y, z = np.rint(read.voxel_xyz(place)).astype(int)
    shown = sax.image[0, 1].max() * (2 if how == "multi-frame" else 1)
    assert read.image[0, z, y, x] == shown - (5 if how == "multi-frame" else 0)
    labels[0, z, y, x] = 1
    mask = nib.load(write_mask(tmp_path / "m.nii.gz", labels, like=read))
    found = np.argwhere(np.asarray(mask.dataobj) == 1)[0][:3]
    np.testing.assert_allclose(mask.affine[:3, :3] @ found + mask.affine[:3, 3], place, atol=0.1)


def test_a_source_names_all_series_once(sax: Stack, tmp_path: Path) -> None:
    source = read_study(write(tmp_path / "s", cine(sax))).stacks[0].source
    assert isinstance(source, DicomSource)
    assert len(set(source.series_uids)) == len(source.series_uids) == SLICES
