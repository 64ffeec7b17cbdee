import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex, Stack, Study

numbers = st.floats(-100, 100)


def stack(view: View = View.SAX, affine: np.ndarray | None = None) -> Stack:
    image = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    return Stack(image, np.diag([1.5, 1.25, 10, 1]) if affine is None else affine, view=view)


@given(arrays(np.float64, (3, 4), elements=numbers), arrays(np.float64, (6, 3), elements=numbers))
def test_world_and_voxel_are_inverse(top: np.ndarray, voxels: np.ndarray) -> None:
    affine = np.vstack([top, [0, 0, 0, 1]])
    if np.linalg.cond(affine[:3, :3]) > 1e4:
        affine[:3, :3] = np.diag([1.5, -2, 9])
    made = stack(affine=affine)
    world = made.world_mm(voxels)
    homogeneous = np.column_stack([voxels, np.ones(6)])
    np.testing.assert_allclose(world, (homogeneous @ affine.T)[:, :3], atol=1e-9)
    np.testing.assert_allclose(made.voxel_xyz(world), voxels, atol=1e-6)


def test_spacing_of_an_oblique_stack() -> None:
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    affine = np.eye(4)
    affine[:3, :3] = turn * [1.5, 1.25, 10]
    assert stack(affine=affine).spacing_mm == pytest.approx((10, 1.25, 1.5))


def test_a_stack_cannot_be_changed() -> None:
    image = np.zeros((1, 2, 3, 4))
    affine = np.eye(4)
    made = Stack(image, affine)
    with pytest.raises(ValueError, match="read-only"):
        made.image[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        made.affine[0] = 1
    image[0, 0, 0, 0] = affine[0, 3] = 5  # the caller's own stay writeable
    assert made.affine[0, 3] == 0


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 3, 4, 5), (1, 1, 3, 4, 5)])
def test_shapes_that_are_no_stack(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="an array"):
        Stack(np.zeros(shape), np.eye(4))


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.eye(3), np.full((4, 4), np.nan)])
def test_affines_that_are_none(affine: np.ndarray) -> None:
    with pytest.raises(InputError, match="invertible"):
        Stack(np.zeros((1, 2, 3, 4)), affine)


def test_digest_is_of_voxels_and_place_alone() -> None:
    one, moved = stack(), stack(affine=np.diag([1.5, 1.25, 9, 1]))
    assert one.digest == stack(view=View.OTHER).digest
    assert one.digest != moved.digest
    assert Stack(one.image * 2, one.affine).digest != one.digest
    strided = Stack(np.asfortranarray(one.image), one.affine)
    assert strided.digest == one.digest


def test_slices_in_order() -> None:
    made = stack()
    assert (made.frames, made.slices) == (2, 3)
    assert made.slice_indices()[:4] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert made.slice_indices()[-1] == SliceIndex(t=1, z=2)


def test_views_of_a_study() -> None:
    sax, four = stack(), stack(View.LAX_4CH)
    study = Study("one", (sax, four))
    assert study.stack(View.SAX) is sax
    assert study.stack(View.LAX_4CH) is four
    with pytest.raises(InputError, match="no LAX_2CH stack; found SAX, LAX_4CH"):
        study.stack(View.LAX_2CH)
