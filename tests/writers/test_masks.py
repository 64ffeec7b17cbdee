import gzip
import os
import subprocess
import sys
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from napari_cardiac_ssl.anatomy import ACDC, UKBB, LabelScheme, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import Stack, reordered
from napari_cardiac_ssl.writers.masks import write_map, write_mask
from napari_cardiac_ssl.writers.tables import write_csv

#: What may differ between an image's header and its mask's; everything else is kept.
OURS = {
    "datatype", "bitpix", "scl_slope", "scl_inter", "cal_min", "cal_max", "intent_code",
    "intent_name", "intent_p1", "intent_p2", "intent_p3", "descrip", "magic", "vox_offset",
}  # fmt: skip
SHAPE = (7, 6, 5)


def raw(path: Path) -> np.ndarray:
    """The header's fields, bit for bit."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        content = file.read(540)
    sizes = {int.from_bytes(content[:4], order): order for order in ("little", "big")}
    size = 348 if 348 in sizes else 540
    kind = (nib.nifti1 if size == 348 else nib.nifti2).header_dtype
    return np.frombuffer(content[:size], kind.newbyteorder("<>"[sizes[size] == "big"]))


def labels(frames: int) -> np.ndarray:
    """Shape (t, z, y, x), off the centre."""
    mask = np.zeros((frames, *SHAPE[::-1]), np.uint8)
    mask[:, 1:4, 1:3, 2:6], mask[:, 2, 4, 1] = 2, 3
    return mask


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Rotations, right angles, flips and left-handed ones, with spacing and origin."""
    quaternion = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4)))
    length = np.linalg.norm(quaternion)
    turn = np.eye(3)
    if length > 1e-3:
        turn = nib.quaternions.quat2mat(quaternion / length)
    permutation = np.eye(3)[draw(st.permutations(range(3)))]
    flips = np.diag(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    axes = draw(st.sampled_from([turn, permutation @ flips, turn @ flips, np.eye(3)]))
    affine = np.eye(4)
    affine[:3, :3] = axes * draw(st.tuples(*[st.floats(0.4, 20)] * 3))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    affine[0, 3] += 0.25 if not affine[:3, 3].any() else 0  # an identity says nothing
    return affine


@st.composite
def images(draw: st.DrawFn) -> nib.Nifti1Image:
    version = draw(st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]))
    header = version.header_class(endianness=draw(st.sampled_from("<>")))
    frames = draw(st.sampled_from([None, 1, 3]))
    shape = SHAPE if frames is None else (*SHAPE, frames)
    array = np.arange(np.prod(shape)).reshape(shape).astype(draw(st.sampled_from(["i2", "f4"])))
    header.set_data_dtype(array.dtype)
    image = version(array, None, header)
    sform, code = draw(affines()), st.integers(0, 4)
    qform = draw(st.sampled_from([sform, draw(affines())]))
    image.header.set_sform(sform, draw(code))
    image.header.set_qform(qform, draw(code))
    image.header.set_xyzt_units(
        draw(st.sampled_from(["mm", "unknown"])),
        draw(st.sampled_from(["sec", "msec", "usec", "unknown"])),
    )
    image.header["pixdim"][4] = draw(st.floats(0, 100, width=32))
    image.header["cal_max"], image.header["toffset"] = 7, 3.5
    if draw(st.booleans()):
        image.header.set_slope_inter(draw(st.floats(0.125, 3, width=32)), 4.0)
    try:
        image.header.get_qform()
    except ValueError:  # nibabel has rounded its quaternion to more than 1
        reject()
    return image


@settings(max_examples=150, deadline=None)
@given(
    images(),
    st.sampled_from([(".nii", ".nii"), (".nii.gz", ".nii.gz"), (".hdr", ".nii.gz")]),
    st.sampled_from([UKBB, ACDC]),
)
def test_geometry_there_and_back(
    tmp_path_factory: pytest.TempPathFactory,
    image: nib.Nifti1Image,
    endings: tuple[str, str],
    scheme: LabelScheme,
) -> None:
    folder = tmp_path_factory.mktemp("there")
    source, target = folder / f"image{endings[0]}", folder / f"mask{endings[1]}"
    pair = {nib.Nifti1Image: nib.Nifti1Pair, nib.Nifti2Image: nib.Nifti2Pair}[type(image)]
    kind = pair if endings[0] == ".hdr" else type(image)
    to_save = kind(np.asanyarray(image.dataobj), None, image.header)
    slope, inter = image.header.get_slope_inter()
    to_save.header.set_slope_inter(slope, inter)  # making the image forgot it
    nib.save(to_save, source)
    if slope is not None:
        assert raw(source.with_suffix(".hdr") if endings[0] == ".hdr" else source)[
            "scl_slope"
        ] == np.float32(slope)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # qform and sform differ on purpose
        stack = read_stack(source)
        stored = labels(stack.frames)
        ours = reordered(stored, stack.stored_axes)
        write_mask(target, ours, like=stack, scheme=scheme)
        np.testing.assert_array_equal(
            read_mask(target, like=stack, scheme=scheme).labels,
            ours,
        )
    before, after = raw(source), raw(target)
    assert before.dtype == after.dtype
    for field in set(before.dtype.names) - OURS:
        assert before[field].tobytes() == after[field].tobytes(), field

    # From here on, nibabel alone.
    written, read = nib.load(target), nib.load(source)
    np.testing.assert_array_equal(written.affine, read.affine)
    for form in ("get_qform", "get_sform"):
        np.testing.assert_array_equal(*(getattr(i, form)(coded=False) for i in (written, read)))
        assert getattr(written, form)(coded=True)[1] == getattr(read, form)(coded=True)[1]
    assert written.shape == read.shape
    assert written.header.get_xyzt_units() == read.header.get_xyzt_units()
    assert written.get_data_dtype() == np.uint8
    cavity = scheme.code(Structure.RV_CAVITY)
    array = np.asarray(written.dataobj).reshape(*SHAPE, -1)[..., 0]
    [voxel] = np.argwhere(array == cavity)
    [[z, y, x]] = np.argwhere(ours[0] == UKBB.code(Structure.RV_CAVITY))
    world = nib.affines.apply_affine(written.affine, voxel)
    np.testing.assert_allclose(stack.world_mm(np.array([x, y, z])), world, atol=1e-4)
    np.testing.assert_allclose(stack.voxel_xyz(world), [x, y, z], atol=1e-3)


def test_oblique_cine_with_codes_scaling_and_units(tmp_path: Path) -> None:
    """The whole path of a hard file: what is exported lies where the image lies."""
    oblique = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3, -0.8, 1.9), [11, -42, 97])
    oblique[:3, :3] *= [1.3, 1.4, 9.6]
    shape = (*SHAPE, 25)
    voxels = np.random.default_rng(1).integers(0, 900, shape).astype(np.int16)
    image = nib.Nifti1Image(voxels, oblique)
    image.header.set_slope_inter(0.25, -12)
    image.set_qform(oblique, 1)
    image.set_sform(oblique, 3)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 37.5
    nib.save(image, tmp_path / "cine.nii.gz")

    stack = read_stack(tmp_path / "cine.nii.gz")
    assert stack.frame_interval_s == pytest.approx(0.0375)
    np.testing.assert_allclose(stack.image, voxels.T * 0.25 - 12)
    bright = (stack.image > stack.image.mean()).astype(np.uint8)
    written = nib.load(write_mask(tmp_path / "cine_seg.nii.gz", bright, like=stack))

    read = nib.load(tmp_path / "cine.nii.gz")
    assert (int(written.header["qform_code"]), int(written.header["sform_code"])) == (1, 3)
    np.testing.assert_array_equal(written.get_qform(), read.get_qform())
    np.testing.assert_array_equal(written.get_sform(), read.get_sform())
    assert written.header.get_xyzt_units() == ("mm", "msec")
    assert float(written.header["pixdim"][4]) == 37.5
    expected = read.get_fdata() > read.get_fdata().mean()
    mask = np.asarray(written.dataobj)
    np.testing.assert_array_equal(mask, expected)
    centroid = [np.argwhere(m)[:, :3].mean(axis=0) for m in (mask, expected)]
    np.testing.assert_allclose(
        nib.affines.apply_affine(written.affine, centroid[0]),
        nib.affines.apply_affine(read.affine, centroid[1]),
    )


@pytest.mark.parametrize("is_4d", [True, False])
@pytest.mark.parametrize("handedness", [1, -1])
def test_a_stack_that_never_was_a_file(tmp_path: Path, is_4d: bool, handedness: int) -> None:
    affine = np.array([[0, 0, 8, 3], [-1.5, 0, 0, 9], [0, 1.4 * handedness, 0, -60], [0, 0, 0, 1]])
    stack = Stack(
        np.arange(5 * 6 * 7).reshape(1, 5, 6, 7), affine, frame_interval_s=0.03, is_4d=is_4d
    )
    written = nib.load(write_mask(tmp_path / "a.nii.gz", labels(1), like=stack))
    for form in (written.get_qform(coded=True), written.get_sform(coded=True)):
        np.testing.assert_allclose(form[0], affine, atol=1e-5)
        assert form[1] == 1
    assert written.shape == ((*SHAPE, 1) if is_4d else SHAPE)
    assert written.header.get_xyzt_units() == ("mm", "sec")
    assert float(written.header["pixdim"][4]) == pytest.approx(0.03)


def test_a_sheared_grid_has_no_quaternion(tmp_path: Path) -> None:
    affine = np.array([[1.0, 0, 3, 0], [0, 1, 0, 0], [0, 0, 8, 0], [0, 0, 0, 1]])
    stack = Stack(np.arange(5 * 6 * 7).reshape(1, 5, 6, 7), affine)
    written = nib.load(write_mask(tmp_path / "a.nii", labels(1), like=stack))
    assert int(written.header["qform_code"]) == 0
    np.testing.assert_allclose(written.affine, affine)


@pytest.fixture
def stack() -> Stack:
    return Stack(np.arange(2 * 5 * 6 * 7).reshape(2, 5, 6, 7), np.diag([1.5, 1.5, 9, 1]))


def test_labels_are_in_the_scheme_and_say_so(tmp_path: Path, stack: Stack) -> None:
    path = write_mask(tmp_path / "a.nii.gz", labels(2), like=stack, scheme=ACDC)
    written = nib.load(path)
    array = np.asarray(written.dataobj).T
    np.testing.assert_array_equal(array == 1, labels(2) == 3)
    assert written.header.get_intent()[0] == "label"
    assert written.header["descrip"].item() == b"acdc: 1 RV cavity, 2 myocardium"
    # No cavity is enclosed in it: the note in the header tells the scheme.
    np.testing.assert_array_equal(read_mask(path).labels, labels(2))


def test_the_same_mask_gives_the_same_bytes(tmp_path: Path, stack: Stack) -> None:
    one, other = (
        write_mask(tmp_path / name, labels(2), like=stack).read_bytes()
        for name in ("a.nii.gz", "b.nii.gz")
    )
    assert one == other


@pytest.mark.parametrize("order", "<>")
def test_maps(tmp_path: Path, order: str) -> None:
    header = nib.Nifti1Header(endianness=order)
    image = nib.Nifti1Image(
        np.arange(210, dtype=np.int16).reshape(SHAPE), np.diag([1.5, 1.5, 8, 1]), header
    )
    nib.save(image, tmp_path / "a.nii")
    stack = read_stack(tmp_path / "a.nii")
    values = np.random.default_rng(0).random(stack.image.shape)
    path = write_map(tmp_path / "c.nii.gz", values, like=stack, description="confidence")
    written = nib.load(path)
    np.testing.assert_array_equal(np.asarray(written.dataobj).T, values[0].astype(np.float32))
    assert written.get_data_dtype().kind == "f"
    assert written.header.endianness == order
    assert written.header["descrip"].item() == b"confidence"
    percent = (values * 100).astype(np.uint8)
    path = write_map(tmp_path / "d.nii", percent, like=stack, description="per cent")
    assert nib.load(path).get_data_dtype() == np.uint8


def test_some_frames_of_a_file(tmp_path: Path) -> None:
    cine = np.arange(420, dtype=np.int16).reshape(*SHAPE, 2)
    nib.save(nib.Nifti1Image(cine, np.diag([1.5, 1.5, 8, 1])), tmp_path / "a.nii")
    read = read_stack(tmp_path / "a.nii")
    first = Stack(read.image[:1], read.affine, header=read.header)
    path = write_mask(tmp_path / "m.nii", labels(1), like=first)
    assert nib.load(path).shape == (*SHAPE, 1)


def test_what_is_not_written(tmp_path: Path, stack: Stack) -> None:
    unknown = labels(2)
    unknown[0, 0, 0, 0] = 9
    atrium = labels(2)
    atrium[0, 0, 0, 0] = UKBB.code(Structure.LEFT_ATRIUM)
    for name, wrong, scheme, word in [
        ("a.nii", labels(1), UKBB, "does not fit"),
        ("a.nii", labels(2).astype(float), UKBB, "must be integers"),
        ("a.nii", unknown, UKBB, "unknown integer 9"),
        ("a.nii", atrium, ACDC, "no integer for the left atrium"),
        ("a.mha", labels(2), UKBB, "ends in .nii.gz or .nii"),
        ("", labels(2), UKBB, "ends in .nii.gz or .nii"),
    ]:
        with pytest.raises(InputError, match=word):
            write_mask(tmp_path / name, wrong, like=stack, scheme=scheme)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_mask(tmp_path: Path, stack: Stack) -> None:
    path = write_mask(tmp_path / "a.nii.gz", labels(2), like=stack)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="could not convert"):
        write_map(path, np.full(stack.image.shape, "x"), like=stack, description="")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.nii.gz"]


FULL_DISK = """
import resource, sys, warnings
import numpy as np
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import Stack, reordered
from napari_cardiac_ssl.writers.masks import write_map
warnings.simplefilter("error")
values = np.random.default_rng(0).random((1, 9, 100, 100)).astype(np.float32)
stack = Stack(values, np.eye(4))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_map(sys.argv[1], values, like=stack, description="noise")
except InputError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are POSIX's")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_no_room_is_one_line_and_no_half_file(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"refused: cannot write {tmp_path / name}: ")
    assert not list(tmp_path.iterdir())


def test_unwritable_places(tmp_path: Path, stack: Stack) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.nii").mkdir()
    for place in ("file/a.nii", "folder.nii"):
        with pytest.raises(InputError, match="cannot write"):
            write_mask(tmp_path / place, labels(2), like=stack)
    assert (tmp_path / "file").read_text() == "in the way"


# Tables


def test_tables(tmp_path: Path) -> None:
    rows = [{"file": "a, b", "dice": np.float64(1 / 3)}, {"dice": float("nan"), "frame": 2}]
    path = write_csv(tmp_path / "new" / "t.csv", rows)
    assert path.read_bytes() == b'file,dice,frame\n"a, b",0.333333,\n,,2\n'
    with pytest.raises(InputError, match="no rows"):
        write_csv(tmp_path / "u.csv", [])
    assert not (tmp_path / "u.csv").exists()
