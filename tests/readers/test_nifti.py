import gzip
import logging
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, UKBB, Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import (
    GeometryWarning,
    SchemeWarning,
    ToldBy,
    name_of,
    read_mask,
    read_stack,
    view_of_name,
)
from napari_cardiac_ssl.study import Stack

AFFINE = np.array([[-1.4, 0, 0, 90], [0, 0, 9, -40], [0, 1.5, 0, 7], [0, 0, 0, 1]])
ENDINGS = [".nii", ".nii.gz", ".hdr", ".img"]


@pytest.fixture
def picture() -> np.ndarray:
    """Shape (x, y, z, t), every voxel different."""
    return np.arange(5 * 4 * 3 * 2, dtype=np.int16).reshape(5, 4, 3, 2)


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE, **fields: object) -> Path:
    """Write with nibabel, then set header fields as they stand on disk."""
    pair = path.suffix in {".hdr", ".img"}
    nib.save((nib.Nifti1Pair if pair else nib.Nifti1Image)(array, affine), path)
    if fields:
        file = path.with_suffix(".hdr") if pair else path
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rb") as f:
            content = f.read()
        header = np.frombuffer(content[:348], nib.nifti1.header_dtype).copy()
        for field, value in fields.items():
            header[field] = value
        with opened(file, "wb") as f:
            f.write(header.tobytes() + content[348:])
    return path


def heart(rv: int = 3, lv: int = 1) -> np.ndarray:
    """A mask of shape (x, y, z): an LV cavity in myocardium beside an RV cavity."""
    mask = np.zeros((24, 20, 3), np.uint8)
    mask[2:15, 2:15], mask[5:12, 5:12], mask[15:20, 3:14] = 2, lv, rv
    return mask


def refusal(read: Callable[[Path], object], path: Path) -> str:
    """The one line that a bad file is refused with."""
    with pytest.raises(InputError) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


# Pictures


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_file_reads_alike(tmp_path: Path, picture: np.ndarray, ending: str) -> None:
    stack = read_stack(save(tmp_path / f"sa_ED{ending}", picture))
    np.testing.assert_array_equal(stack.image, picture.T)
    np.testing.assert_allclose(stack.affine, AFFINE)
    assert stack.image.dtype == np.int16
    assert stack.name == "sa_ED"
    assert stack.spacing_mm == pytest.approx((9, 1.5, 1.4))


def test_a_compressed_pair_reads(tmp_path: Path, picture: np.ndarray) -> None:
    save(tmp_path / "a.img", picture)
    for file in (tmp_path / "a.img", tmp_path / "a.hdr"):
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    for name in ("a.img.gz", "a.hdr.gz"):
        np.testing.assert_array_equal(read_stack(tmp_path / name).image, picture.T)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("version", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", "<>")
def test_every_number_type_version_and_byte_order(
    tmp_path: Path, kind: str, version: type, order: str
) -> None:
    array = np.arange(60).reshape(5, 4, 3).astype(kind)
    header = version.header_class(endianness=order)
    header.set_data_dtype(kind)
    nib.save(version(array, AFFINE, header), tmp_path / "a.nii")
    stack = read_stack(tmp_path / "a.nii")
    assert stack.image.dtype == (np.dtype(kind) if kind[0] in "iu" else np.float32)
    assert stack.image.dtype.isnative
    np.testing.assert_array_equal(stack.image[0], array.T)
    np.testing.assert_allclose(stack.affine, AFFINE, rtol=1e-6)
    assert not stack.is_4d
    assert stack.header == (tmp_path / "a.nii").read_bytes()[: header.sizeof_hdr]


@pytest.mark.parametrize(
    ("slope", "inter", "expected"), [(0.5, -3, 0.5 * 7 - 3), (0, 9, 7), (np.nan, np.nan, 7)]
)
def test_scaling_as_the_standard_says(
    tmp_path: Path, slope: float, inter: float, expected: float
) -> None:
    array = np.zeros((3, 3, 3), np.int16)
    array[1, 1, 1] = 7
    stack = read_stack(save(tmp_path / "a.nii.gz", array, scl_slope=slope, scl_inter=inter))
    assert stack.image[0, 1, 1, 1] == expected
    assert stack.image.dtype == (np.float32 if slope == 0.5 else np.int16)


@pytest.mark.parametrize(
    ("interval", "unit", "seconds"),
    [
        (0.04, 8, 0.04),
        (40, 16, 0.04),
        (40_000, 24, 0.04),
        (40, 0, 0.04),
        (0.04, 0, 0.04),
        (0, 8, None),
        (np.nan, 8, None),
        (3, 32, None),  # hertz
    ],
)
def test_frame_interval(
    tmp_path: Path, picture: np.ndarray, interval: float, unit: int, seconds: float | None
) -> None:
    pixdim = [1, 1.4, 1.5, 9, interval, 0, 0, 0]
    stack = read_stack(save(tmp_path / "a.nii", picture, pixdim=pixdim, xyzt_units=2 + unit))
    assert stack.frame_interval_s == pytest.approx(seconds)


def test_one_frame_in_a_file_with_a_time_axis(tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "a.nii"
    save(path, picture[..., :1], dim=[4, 5, 4, 3, 1, 1, 1, 1])
    assert read_stack(path).is_4d
    save(path, picture[..., 0])
    assert not read_stack(path).is_4d


def test_transforms_in_the_order_of_nibabel(tmp_path: Path, picture: np.ndarray) -> None:
    for sform, qform in [(1, 1), (2, 0), (0, 1), (0, 0)]:
        path = save(tmp_path / "a.nii", picture, sform_code=sform, qform_code=qform)
        np.testing.assert_allclose(
            read_stack(path).affine, nib.load(path).header.get_best_affine(), atol=1e-5
        )


@pytest.mark.parametrize(("unit", "mm"), [(1, 1000.0), (3, 0.001), (0, 1.0)])
def test_affine_is_in_mm_whatever_the_unit(
    tmp_path: Path, picture: np.ndarray, unit: int, mm: float
) -> None:
    affine = np.vstack([AFFINE[:3] / mm, AFFINE[3]])
    stack = read_stack(save(tmp_path / "a.nii", picture, affine, xyzt_units=unit))
    np.testing.assert_allclose(stack.affine, AFFINE, rtol=1e-6)


def test_what_is_larger_than_a_scanner_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.nii", picture, xyzt_units=1)
    assert "27.0 m wide (limit 5 m)" in refusal(read_stack, path)


def test_orientation_is_known_if_a_transform_has_a_code(
    tmp_path: Path, picture: np.ndarray
) -> None:
    for sform, qform in [(1, 1), (2, 0), (0, 1), (0, 0)]:
        path = save(tmp_path / "a.nii", picture, sform_code=sform, qform_code=qform)
        assert read_stack(path).orientation_known == bool(sform or qform)


def test_transforms_that_disagree_are_said(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.nii", picture, srow_x=[-1.4, 0, 0, 92], qform_code=1)
    with pytest.warns(GeometryWarning, match=r"a\.nii: .*disagree by up to 2 mm; the sform"):
        stack = read_stack(path)
    assert stack.affine[0, 3] == 92


def test_a_pixdim_that_is_not_the_sform_s_is_said(tmp_path: Path, picture: np.ndarray) -> None:
    fields = {"pixdim": [1, 1.4, 1.5, 4.5, 1, 0, 0, 0], "qform_code": 0}
    path = save(tmp_path / "a.nii", picture, **fields)
    with pytest.warns(
        GeometryWarning, match=r"1\.5 x 9 mm, the pixdim 1\.4 x 1\.5 x 4\.5 mm; the sf"
    ):
        assert read_stack(path).spacing_mm == pytest.approx((9.0, 1.5, 1.4))


def test_an_identity_sform_is_not_believed(tmp_path: Path, picture: np.ndarray) -> None:
    identity = {f"srow_{row}": np.eye(4)[i] for i, row in enumerate("xyz")}
    path = save(tmp_path / "a.nii", picture, qform_code=1, **identity)
    with pytest.warns(GeometryWarning, match="sform is the identity, .* the qform is used"):
        stack = read_stack(path)
    np.testing.assert_allclose(stack.affine, AFFINE, atol=1e-4)
    assert stack.orientation_known
    path = save(tmp_path / "a.nii", picture, qform_code=0, **identity)
    with pytest.warns(GeometryWarning, match="sform is the identity, .* the pixdim is used"):
        stack = read_stack(path)
    assert stack.spacing_mm == pytest.approx((9, 1.5, 1.4))
    assert not stack.orientation_known


def test_rounding_is_no_disagreement(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.nii", picture, srow_x=[-1.4, 0, 0, 90.005], qform_code=1)
    assert read_stack(path).affine[0, 3] == pytest.approx(90.005)


def test_an_impossible_quaternion_is_said(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.nii", picture, quatern_b=2.0, qform_code=1)
    with pytest.warns(GeometryWarning, match="the qform is not a rotation"):
        read_stack(path)
    save(path, picture, quatern_b=2.0, sform_code=0, qform_code=1)
    assert "qform is not an invertible transform" in refusal(read_stack, path)


def test_views_of_names() -> None:
    assert view_of_name("p1_rv_2ch") is View.RV_2CH
    assert view_of_name("la_3ch_ED") is View.LAX_3CH
    assert view_of_name("LAX4CH") is View.LAX_4CH
    assert view_of_name("rvot") is View.RVOT
    assert view_of_name("lax_stack") is View.OTHER
    assert view_of_name("saxon") is View.SAX
    assert name_of(Path("x/a.b.NII.GZ")) == "a.b"


def test_a_named_view_wins(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "la_4ch.nii", picture)
    assert read_stack(path).view is View.LAX_4CH
    assert read_stack(path, view=View.LAX_2CH).view is View.LAX_2CH


# Bad pictures


def test_missing_and_folder(tmp_path: Path) -> None:
    assert "no such file" in refusal(read_stack, tmp_path / "no.nii.gz")
    assert "a folder" in refusal(read_stack, tmp_path)


@pytest.mark.parametrize("missing", [".hdr", ".img"])
def test_half_a_pair(tmp_path: Path, picture: np.ndarray, missing: str) -> None:
    path = save(tmp_path / "a.img", picture)
    path.with_suffix(missing).unlink()
    for ending in {".hdr", ".img"} - {missing}:
        assert f"a{missing}, is not beside it" in refusal(read_stack, path.with_suffix(ending))


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"hello\n" * 200, gzip.compress(b"hello\n" * 200), b"\x1f\x8b"]
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr"])
def test_what_is_not_nifti(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    line = refusal(read_stack, path)
    assert name in line
    assert any(word in line for word in ("empty", "not a NIfTI file", "too early"))


@pytest.mark.parametrize("kept", [0, 1, 3, 4, 100, 347, 348, 352, 400, 591])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_truncated_anywhere(tmp_path: Path, picture: np.ndarray, ending: str, kept: int) -> None:
    path = save(tmp_path / f"a{ending}", picture)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(kept, len(whole) - 1)])
    assert path.name in refusal(read_stack, path)


def test_voxels_of_a_pair_truncated(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.img", picture)
    path.write_bytes(path.read_bytes()[:-1])
    line = refusal(read_stack, path.with_suffix(".hdr"))
    assert "240 bytes" in line
    assert "a.img" in line


def test_damage_in_compressed_data_is_noticed(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(tmp_path / "a.nii.gz", picture)
    whole = bytearray(path.read_bytes())
    for place in (len(whole) - 6, len(whole) - 3, len(whole) // 2):
        damaged = whole.copy()
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        assert "damaged" in refusal(read_stack, path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".hdr"])
def test_a_header_that_promises_terabytes_takes_no_memory(
    tmp_path: Path, picture: np.ndarray, ending: str
) -> None:
    path = save(tmp_path / f"a{ending}", picture, dim=[4, 32767, 32767, 1000, 2, 1, 1, 1])
    assert "truncated or damaged" in refusal(read_stack, path)


@pytest.mark.parametrize("shape", [(5,), (5, 4), (5, 4, 3, 2, 3), (5, 4, 3, 1, 3)])
def test_wrong_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    dim = [len(shape), *shape, *[1] * (7 - len(shape))]
    path = save(tmp_path / "a.nii", np.zeros((5, 4, 9), np.int16), dim=dim)
    assert f"{len(shape)}-D" in refusal(read_stack, path)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"pixdim": [1, 0, 1, 1, 0, 0, 0, 0]}, "spacing is 0, 1, 1 mm"),
        ({"pixdim": [1, -1, 1, 1, 0, 0, 0, 0]}, "spacing is -1, 1, 1 mm"),
        ({"pixdim": [1, 1, np.nan, 1, 0, 0, 0, 0]}, "spacing is 1, nan, 1 mm"),
        ({"srow_x": [0, 0, 0, 0]}, "sform is not an invertible"),
        ({"srow_x": [np.inf, 0, 0, 0]}, "sform is not an invertible"),
        ({"srow_z": [0, 0, 1e-12, 0], "srow_x": [0, 0, 1, 0]}, "sform is not an invertible"),
        ({"datatype": 32}, "complex numbers"),
        ({"datatype": 128}, "RGB colours"),
        ({"datatype": 2304}, "RGBA colours"),
        ({"datatype": 7}, "unknown type 7"),
        ({"magic": b"abc"}, "magic"),
        ({"magic": b"n+2"}, "magic"),
        ({"magic": b""}, "Analyze"),
        ({"magic": b"ni1"}, "name the .hdr"),
        ({"dim": [3, 5, 0, 3, 1, 1, 1, 1]}, "5 x 0 x 3"),
        ({"dim": [3, 5, -4, 3, 1, 1, 1, 1]}, "5 x -4 x 3"),
        ({"vox_offset": np.nan}, "byte nan"),
        ({"vox_offset": -5}, "byte -5"),
        ({"vox_offset": 1e9}, "truncated"),
        ({"scl_slope": 1.5, "scl_inter": np.nan}, "scl_inter"),
        ({"sizeof_hdr": 349}, "not a NIfTI file"),
    ],
)
def test_headers_that_cannot_be_used(  # noqa: PLR0917 - fixtures
    tmp_path: Path,
    picture: np.ndarray,
    fields: dict[str, object],
    word: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = save(tmp_path / "a.nii.gz", picture, **fields)
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("error")
        line = refusal(read_stack, path)
    assert word in line
    assert "a.nii.gz" in line
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_voxels_that_are_not_finite(tmp_path: Path, kind: type) -> None:
    array = np.arange(60).reshape(5, 4, 3).astype(kind)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    assert "2 of 60 voxels are not finite" in refusal(
        read_stack, save(tmp_path / "a.nii", array, scl_slope=1, scl_inter=0)
    )
    array[:] = np.nan
    assert "all voxels" in refusal(
        read_stack, save(tmp_path / "a.nii", array, scl_slope=1, scl_inter=0)
    )


def test_numbers_beyond_float32_are_not_finite(tmp_path: Path) -> None:
    array = np.arange(60).reshape(5, 4, 3).astype(np.float64)
    array[0, 0, 0] = 1e300
    assert "1 of 60 voxels" in refusal(read_stack, save(tmp_path / "a.nii", array))


def test_constant_images(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.full((5, 4, 3), 7, np.int16))
    assert "every voxel is 7" in refusal(read_stack, path)


@pytest.mark.parametrize("place", range(0, 352, 3))
def test_no_damaged_header_byte_shows_a_traceback(
    tmp_path: Path, picture: np.ndarray, place: int
) -> None:
    """Whatever a header says: the file is read, or refused in one line."""
    path = save(tmp_path / "a.nii", picture)
    whole = bytearray(path.read_bytes())
    whole[place] ^= 0xFF
    path.write_bytes(whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", GeometryWarning)
        try:
            read = read_stack(path)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert np.isfinite(read.image).all()


# Masks


@pytest.mark.parametrize("scheme", [UKBB, ACDC])
def test_schemes_are_told_and_labels_are_ours(tmp_path: Path, scheme: object) -> None:
    array = heart(rv=scheme.code(Structure.RV_CAVITY), lv=scheme.code(Structure.LV_CAVITY))
    path = save(tmp_path / "a.nii.gz", array)
    told, named = read_mask(path), read_mask(path, scheme=scheme)
    assert (told.scheme, told.detected) == (scheme, True)
    assert (named.scheme, named.detected) == (scheme, False)
    np.testing.assert_array_equal(told.labels[0], heart().T)
    np.testing.assert_array_equal(named.labels, told.labels)
    assert told.labels.dtype == np.uint8
    assert told.spacing_mm == pytest.approx((9, 1.5, 1.4))


def test_a_mask_of_floats_with_scaling(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", heart().astype(np.float32) * 10, scl_slope=0.1, scl_inter=0)
    np.testing.assert_array_equal(read_mask(path).labels[0], heart().T)


def test_a_single_slice_of_a_scheme_that_nothing_tells(tmp_path: Path) -> None:
    array = np.zeros((5, 5, 2), np.uint8)
    array[2, 2] = 1
    assert "name it with --scheme" in refusal(read_mask, save(tmp_path / "a.nii", array))
    read = read_mask(save(tmp_path / "b.nii", array, intent_name=b"acdc"))
    assert read.scheme is ACDC
    assert read.labels.max() == UKBB.code(Structure.RV_CAVITY)


def test_what_our_header_notes_stands_above_what_is_named_and_seen(tmp_path: Path) -> None:
    # The integers are swapped: a bad prediction, whose anatomy misleads.
    path = save(tmp_path / "a.nii", heart(rv=1, lv=3), intent_name=b"ukbb")
    for scheme in (None, ACDC, UKBB):
        read = read_mask(path, scheme=scheme)
        assert (read.scheme, read.told_by) == (UKBB, ToldBy.HEADER)
        np.testing.assert_array_equal(read.labels[0], heart(rv=1, lv=3).T)


def test_a_named_scheme_that_the_anatomy_contradicts_is_used_and_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", heart(rv=1, lv=3))
    with pytest.warns(SchemeWarning, match="its anatomy says acdc"):
        read = read_mask(path, scheme=UKBB)
    assert (read.scheme, read.told_by) == (UKBB, ToldBy.NAME)
    np.testing.assert_array_equal(read.labels[0], heart(rv=1, lv=3).T)


@pytest.mark.parametrize(
    ("value", "kind", "word"),
    [
        (1.5, np.float32, "1 voxels are not whole numbers, such as 1.5 "),
        (np.nan, np.float32, "1 voxels are not whole numbers"),
        (np.inf, np.float32, "1 voxels are not whole numbers"),
        (-1, np.int16, "from -1 to 3"),
        (30000, np.int16, "from 0 to 30000"),
        (300, np.int16, "unknown integer 300"),
        (9, np.int16, "unknown integer 9"),
    ],
)
def test_values_that_are_no_labels(tmp_path: Path, value: float, kind: type, word: str) -> None:
    array = heart().astype(kind)
    array[0, 0, 0] = value
    line = refusal(read_mask, save(tmp_path / "a.nii", array, scl_slope=1, scl_inter=0))
    assert word in line
    assert "a.nii" in line


def test_a_mask_without_any_label(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.zeros((5, 4, 3), np.uint8))
    assert "without any label" in refusal(read_mask, path)
    assert not read_mask(path, allow_empty=True).labels.any()


def test_masks_of_another_grid(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 99, (24, 20, 3, 2)).astype(np.int16)
    image += np.choose(heart(), [200, 600, 100, 500])[..., None].astype(np.int16)
    cine = read_stack(save(tmp_path / "cine.nii", image))
    frame = read_stack(save(tmp_path / "frame.nii", image[..., 0]))
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.4
    mask = save(tmp_path / "m.nii", heart(), shifted)
    assert read_mask(mask, like=frame).labels.shape == (1, 3, 20, 24)
    line = refusal(lambda path: read_mask(path, like=cine), mask)
    assert "(1, 3, 20, 24)" in line
    assert "(2, 3, 20, 24)" in line
    assert "all 2 frames" in line
    shifted[0, 3] += 0.4
    line = refusal(
        lambda path: read_mask(path, like=frame), save(tmp_path / "n.nii", heart(), shifted)
    )
    assert "0.8 mm from frame" in line
    line = refusal(
        lambda path: read_mask(path, like=frame), save(tmp_path / "o.nii", heart()[:-1], AFFINE)
    )
    assert "frame has (1, 3, 20, 24)" in line


def test_a_transposed_mask_of_a_square_single_slice_is_turned_as_its_affine_says(
    tmp_path: Path,
) -> None:
    turned = AFFINE[:, [1, 0, 2, 3]]
    like = Stack(np.arange(25).reshape(1, 1, 5, 5), AFFINE, name="square")
    array = np.zeros((5, 5, 1), np.uint8)
    array[1, 3] = 1  # stored y, x
    read = read_mask(save(tmp_path / "a.nii", array, turned), like=like, scheme=UKBB)
    assert np.argwhere(read.labels).tolist() == [[0, 0, 1, 3]]


# Real cases


def test_every_annotated_acdc_mask_is_told_and_lies_on_its_image(real_data: Path) -> None:
    masks = sorted((real_data / "acdc" / "annotated").glob("*/*_gt.nii.gz"))
    assert len(masks) == 40
    for path in masks:
        image = read_stack(path.with_name(path.name.replace("_gt", "")))
        mask = read_mask(path, like=image)
        assert mask.scheme is ACDC, path.name
        assert set(np.unique(mask.labels)) == {0, 1, 2, 3}


def test_the_pig(real_data: Path) -> None:
    image = read_stack(real_data / "pig" / "sax_4phases.nii.gz")
    mask = read_mask(real_data / "pig" / "sax_4phases_auto_lv.nii.gz", like=image)
    assert image.image.shape == (4, 20, 256, 256)
    assert mask.scheme is ACDC
    assert set(np.unique(mask.labels)) == {0, 1, 2}


def test_the_header_is_that_on_disk(tmp_path: Path, picture: np.ndarray) -> None:
    stack = read_stack(save(tmp_path / "a.img", picture))
    assert stack.header == (tmp_path / "a.hdr").read_bytes()[:348]
    assert struct.unpack("<i", stack.header[:4]) == (348,)
