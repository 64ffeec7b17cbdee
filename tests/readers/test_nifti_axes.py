"""Slices wherever they are stored: read right, and written back on the input's own grid."""

from itertools import permutations
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.eulerangles import euler2mat

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import DoubtWarning, read_mask, read_stack
from napari_cardiac_ssl.readers.nifti_axes import axes_of
from napari_cardiac_ssl.study import Stack, reordered
from napari_cardiac_ssl.writers.masks import write_mask

#: Frames, slices, rows and columns: all different, so that no exchange goes unseen.
FRAMES, SLICES, ROWS, COLUMNS = 4, 6, 20, 25
TURNS = {
    "scanner": np.diag([-1.0, -1.0, 1.0]),
    "oblique": euler2mat(0.3, -0.8, 1.9),
    "oblique, left-handed": euler2mat(-1.1, 0.4, 0.2) @ np.diag([1.0, -1.0, 1.0]),
    "nearly coronal": euler2mat(0.1, 0.05, 1.5),
    "apex first": euler2mat(0.7, 0.2, -0.4) @ np.diag([1.0, 1.0, -1.0]),
}


def image_at(turn: np.ndarray, frames: int | None) -> nib.Nifti1Image:
    """A cine that is stored as usual, slices last; every voxel of a frame is different."""
    affine = nib.affines.from_matvec(turn * [1.3, 1.4, 9.6], [11, -42, 97])
    shape = (COLUMNS, ROWS, SLICES)
    smooth = np.arange(np.prod(shape)).reshape(shape, order="F").astype(np.int16)
    array = smooth if frames is None else np.stack([smooth + t for t in range(frames)], axis=-1)
    return nib.Nifti1Image(array, affine)


def stored(image: nib.Nifti1Image, order: tuple[int, ...]) -> nib.Nifti1Image:
    """The same image at the same place, with its axes stored in another order."""
    ornt = np.array([[order.index(axis), 1] for axis in range(3)])
    return image.as_reoriented(ornt)


def test_reordering_there_and_back() -> None:
    values = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    for axes in permutations(range(3)):
        back = reordered(reordered(values, axes), np.argsort(axes))
        np.testing.assert_array_equal(back, values)


@given(st.permutations(range(3)), st.floats(0.7, 2), st.floats(1.0, 1.3), st.floats(4.2, 20))
def test_slices_lie_across_the_coarsest_steps(
    order: list[int], pixel: float, longer: float, slices: float
) -> None:
    steps = [pixel, pixel * longer, slices]
    axes = axes_of([200, 180, 10], [steps[axis] for axis in order])
    assert order[axes[2]] == 2
    assert axes[0] < axes[1]


@pytest.mark.parametrize("frames", [None, FRAMES], ids=["3-D", "4-D"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("turn", TURNS)
def test_every_layout_lies_where_it_lay(
    tmp_path: Path, turn: str, order: tuple[int, ...], frames: int | None
) -> None:
    """60 layouts: the stack, and the mask that is written, overlay in the world to 0.1 mm."""
    usual = image_at(TURNS[turn], frames)
    file = stored(usual, order)
    nib.save(file, tmp_path / "a.nii.gz")

    stack = read_stack(tmp_path / "a.nii.gz")
    assert stack.image.shape[:2] == (frames or 1, SLICES)
    assert stack.spacing_mm[0] == pytest.approx(9.6, rel=1e-5)
    # Every voxel has its number: where nibabel puts it, there it lies.
    zyx = np.argwhere(stack.image[0] >= 0)
    here_mm = stack.world_mm(zyx[:, ::-1])
    first = np.asarray(usual.dataobj).reshape(COLUMNS, ROWS, SLICES, -1)[..., 0]
    xyz = np.stack(np.unravel_index(stack.image[0].ravel(), first.shape, order="F"), axis=1)
    np.testing.assert_array_equal(first[tuple(xyz.T)], stack.image[0].ravel())
    there_mm = nib.affines.apply_affine(usual.affine, xyz)
    assert np.linalg.norm(here_mm - there_mm, axis=1).max() < 0.1

    labels = np.zeros(stack.image.shape, np.uint8)
    labels[:, 2:5, 4:9, 3:12], labels[0, 1, 2, 3] = 2, 1
    path = write_mask(tmp_path / "m.nii.gz", labels, like=stack)
    written = nib.load(path)
    assert written.shape == file.shape
    np.testing.assert_array_equal(written.affine, nib.load(tmp_path / "a.nii.gz").affine)
    voxels = np.asarray(written.dataobj)
    marked = np.argwhere(voxels == 1)[:, :3]
    wanted = stack.world_mm(np.argwhere(labels[0] == 1)[:, ::-1])
    np.testing.assert_allclose(nib.affines.apply_affine(written.affine, marked), wanted, atol=0.1)
    np.testing.assert_array_equal(read_mask(path, like=stack).labels, labels)
    np.testing.assert_array_equal(read_mask(path).labels, labels)


def test_a_mask_in_another_order_than_its_image(tmp_path: Path) -> None:
    image = image_at(TURNS["oblique"], None)
    nib.save(stored(image, (2, 0, 1)), tmp_path / "a.nii")
    stack = read_stack(tmp_path / "a.nii")
    labels = np.zeros((COLUMNS, ROWS, SLICES), np.uint8)
    labels[3:9, 4:11, 1:5] = 2
    labels[5:7, 6:9, 1:5] = 1
    mask = nib.Nifti1Image(labels, image.affine)
    nib.save(nib.as_closest_canonical(mask), tmp_path / "m.nii")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii", like=stack).labels[0], labels.T)


def test_one_slice_wherever_it_is_stored(tmp_path: Path) -> None:
    affine = np.diag([1.4, 1.4, 1.4, 1])
    array = np.arange(20 * 25).reshape(20, 25).astype(np.int16)
    for axis in range(3):
        nib.save(nib.Nifti1Image(np.expand_dims(array, axis), affine), tmp_path / "4ch.nii")
        stack = read_stack(tmp_path / "4ch.nii")
        np.testing.assert_array_equal(stack.image[0, 0], array.T)


def test_trailing_axes_of_one_say_nothing(tmp_path: Path) -> None:
    image = image_at(TURNS["oblique"], FRAMES)
    nib.save(
        nib.Nifti1Image(np.asarray(image.dataobj)[..., None, None], image.affine),
        tmp_path / "a.nii",
    )
    stack = read_stack(tmp_path / "a.nii")
    assert stack.image.shape == (FRAMES, SLICES, ROWS, COLUMNS)
    labels = np.ones(stack.image.shape, np.uint8)
    written = nib.load(write_mask(tmp_path / "m.nii", labels, like=stack))
    read = nib.load(tmp_path / "a.nii")
    assert written.header["dim"].tolist() == read.header["dim"].tolist()
    np.testing.assert_array_equal(written.affine, read.affine)


def test_numpy_order_under_an_affine_that_says_nothing_is_refused(tmp_path: Path) -> None:
    array = np.arange(10 * 64 * 60).reshape(10, 64, 60).astype(np.int16)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="slices seem to lie along the first axis"):
        read_stack(tmp_path / "a.nii")


def test_an_identity_that_tells_no_spacing_is_said(tmp_path: Path) -> None:
    array = np.arange(64 * 60 * 10).reshape(64, 60, 10).astype(np.int16)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii")
    with pytest.warns(DoubtWarning, match="its affine is the identity, which says nothing"):
        read_stack(tmp_path / "a.nii")


def test_an_array_on_the_grid_as_the_file_stores_it() -> None:
    stack = Stack(np.zeros((1, 6, 20, 25)), np.eye(4), stored_axes=(1, 2, 0))
    assert stack.as_stored(stack.image).shape == (1, 20, 25, 6)  # so that x has the slices
