"""Masks onto their images: as the affines say, or refused."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.eulerangles import euler2mat

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import DoubtWarning, GeometryWarning, read_mask
from napari_cardiac_ssl.study import Stack

AFFINE = nib.affines.from_matvec(euler2mat(0.3, -0.8, 1.9) * [1.4, 1.5, 9.0], [11, -42, 97])
SHAPE = (30, 26, 7)  # x, y, z


def heart() -> np.ndarray:
    """Shape (x, y, z): off the centre, other on every slice."""
    labels = np.zeros(SHAPE, np.uint8)
    for z in range(1, 6):
        labels[6:19, 5:17, z], labels[9 + z // 2 : 16, 8:14, z] = 2, 1
    labels[19:24, 7:15, 2:5] = 3
    return labels


def stack(affine: np.ndarray = AFFINE, **fields: object) -> Stack:
    return Stack(picture().image, affine, name="p1", **fields)


def save(path: Path, labels: np.ndarray, affine: np.ndarray | None) -> Path:
    image = nib.Nifti1Image(labels, affine)
    if affine is None:
        image.header.set_zooms((1.4, 1.5, 9.0))
        image.header["sform_code"] = image.header["qform_code"] = 0
    nib.save(image, path)
    return path


@given(
    st.permutations(range(3)),
    st.tuples(*[st.booleans()] * 3),
    st.tuples(*[st.integers(0, 5)] * 3),
    st.tuples(*[st.integers(-3, 0)] * 3),
)
def test_any_order_and_crop_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[int],
    flips: tuple[bool, ...],
    low: tuple[int, ...],
    high: tuple[int, ...],
) -> None:
    """Whatever another program does to axes and extent: the same voxels, or a refusal."""
    labels = heart()
    drawn = np.argwhere(labels)
    first = np.minimum(low, drawn.min(axis=0))
    last = np.maximum(np.array(SHAPE) + high, drawn.max(axis=0) + 1)
    image = nib.Nifti1Image(labels, AFFINE)
    cut = image.slicer[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    ornt = np.array([[to, -1 if flip else 1] for to, flip in zip(order, flips, strict=True)])
    path = tmp_path_factory.mktemp("m") / "m.nii"
    nib.save(cut.as_reoriented(ornt), path)
    # Reading puts z last again; a copied affine and a true one are then the same.
    same_affine = not first.any() and order[0] < order[1] and not any(flips)
    if same_affine and cut.shape != SHAPE:
        with pytest.raises(InputError, match="one was cropped, and does not say where"):
            read_mask(path, like=stack())
    else:
        np.testing.assert_array_equal(read_mask(path, like=stack()).labels[0], labels.T)


def test_a_padded_mask_is_cut_and_labels_outside_are_refused(tmp_path: Path) -> None:
    larger = np.pad(heart(), 3)
    affine = AFFINE.copy()
    affine[:3, 3] -= AFFINE[:3, :3] @ [3, 3, 3]
    read = read_mask(save(tmp_path / "m.nii", larger, affine), like=stack())
    np.testing.assert_array_equal(read.labels[0], heart().T)
    larger[1, 1, 1] = 1
    with pytest.raises(InputError, match="1 labelled voxels lie outside p1 by its affine"):
        read_mask(save(tmp_path / "m.nii", larger, affine), like=stack())


@pytest.mark.parametrize("voxels", [0.2, 0.5])
def test_between_the_voxels_is_refused(tmp_path: Path, voxels: float) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ [4 + voxels, 4, 0]
    path = save(tmp_path / "m.nii", heart()[4:, 4:], affine)
    said = rf"it lies {1.4 * voxels:.2g} mm off the image's voxels \(limit 0\.14 mm\)"
    with pytest.raises(InputError, match=said):
        read_mask(path, like=stack())


def test_a_whole_stack_moved_by_whole_voxels_is_of_another_place(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ [2, 0, 0]
    with pytest.raises(InputError, match=r"lies up to 2\.8 mm from p1, which has the same shape"):
        read_mask(save(tmp_path / "m.nii", heart(), affine), like=stack())


def test_other_spacing_is_refused(tmp_path: Path) -> None:
    affine = AFFINE @ np.diag([2, 2, 1, 1])
    path = save(tmp_path / "m.nii", heart()[::2, ::2], affine)
    with pytest.raises(InputError, match="they are not of one grid"):
        read_mask(path, like=stack())


def test_an_identity_is_not_believed(tmp_path: Path) -> None:
    for affine in (np.eye(4), np.diag([-1.0, -1, 1, 1])):
        path = save(tmp_path / "m.nii", heart(), affine)
        with pytest.warns(GeometryWarning, match="is the identity, which says nothing"):
            read = read_mask(path, like=stack())
        np.testing.assert_array_equal(read.labels[0], heart().T)
        np.testing.assert_array_equal(read.affine, AFFINE)
    # Of an image whose slices are stored first the mask has them first too.
    path = save(tmp_path / "m.nii", np.moveaxis(heart(), 2, 0), np.eye(4))
    with pytest.warns(GeometryWarning, match="voxel by voxel"):
        read = read_mask(path, like=stack(stored_axes=(1, 2, 0)))
    np.testing.assert_array_equal(read.labels[0], heart().T)


def test_an_identity_that_was_cropped_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "m.nii", heart()[2:], np.eye(4))
    with pytest.raises(InputError, match="the mask does not say where it lies"):
        read_mask(path, like=stack())


def test_a_mask_without_any_transform(tmp_path: Path) -> None:
    path = save(tmp_path / "m.nii", heart(), None)
    with pytest.warns(GeometryWarning, match="its header does not say where it lies"):
        read = read_mask(path, like=stack())
    np.testing.assert_array_equal(read.labels[0], heart().T)
    wide = AFFINE @ np.diag([1.2, 1, 1, 1])
    with pytest.raises(InputError, match=r"9 x 1\.5 x 1\.4 mm.*9 x 1\.5 x 1\.68 mm"):
        read_mask(path, like=stack(wide))


def test_no_advice_to_take_the_image_s_header(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] += 5
    with pytest.raises(InputError) as caught:
        read_mask(save(tmp_path / "m.nii", heart(), affine), like=stack())
    assert "header" not in str(caught.value)
    assert "export it on the image's own grid" in str(caught.value)


def picture(noise: float = 20.0) -> Stack:
    """Bright blood, dark muscle, all else between."""
    values = np.choose(heart(), [250, 600, 100, 580]).astype(float)
    values += np.random.default_rng(0).normal(0, noise, SHAPE)
    return Stack(values.T[None].astype(np.int16), AFFINE, name="p1")


@pytest.mark.parametrize(
    ("turned", "said"),
    [
        (heart()[::-1], "mirrored left to right"),
        (heart()[:, ::-1], "mirrored top to bottom"),
        (heart()[:, :, ::-1], "with its slices reversed"),
        (heart()[::-1, ::-1], "mirrored top to bottom and mirrored left to right"),
    ],
)
def test_a_mask_the_wrong_way_round_under_the_image_s_header_is_said(
    tmp_path: Path, turned: np.ndarray, said: str
) -> None:
    path = save(tmp_path / "m.nii", np.ascontiguousarray(turned), AFFINE)
    with pytest.warns(DoubtWarning, match=said):
        read = read_mask(path, like=picture(), scheme=UKBB)
    np.testing.assert_array_equal(read.labels[0], turned.T)  # said, and not turned


def test_a_transposed_mask_of_square_slices_is_said(tmp_path: Path) -> None:
    square = picture()
    labels = heart()[:26]
    image = Stack(square.image[..., :26], AFFINE, name="p1")
    with pytest.warns(DoubtWarning, match="if it were transposed"):
        read_mask(save(tmp_path / "m.nii", labels.swapaxes(0, 1), AFFINE), like=image)


def test_a_mask_of_another_heart_is_said(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(300, 90, (1, *SHAPE[::-1])).astype(np.int16)
    path = save(tmp_path / "m.nii", heart(), AFFINE)
    with pytest.warns(DoubtWarning, match="hardly brighter than muscle .* is it this image's mask"):
        read_mask(path, like=Stack(values, AFFINE, name="p2"))


def test_axes_in_another_order_than_the_affine_says(tmp_path: Path) -> None:
    path = save(tmp_path / "m.nii", np.moveaxis(heart(), 2, 0), AFFINE)
    with pytest.raises(InputError, match="axes are stored in another order than its affine says"):
        read_mask(path, like=stack())


def test_a_mask_that_fits_is_not_doubted(tmp_path: Path) -> None:
    for noise in (5.0, 40.0, 120.0):
        read_mask(save(tmp_path / "m.nii", heart(), AFFINE), like=picture(noise))
