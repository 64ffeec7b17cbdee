"""Which way up a view is looked at: decided from how it lies in the patient, for the eye alone.

Short-axis slices are looked at from the apex, the RV on the left and the inferior wall below; the
4CH view with the apex up and the RV on the left; others as pictures of the plane that they are
nearest to: transverse ones from below, sagittal ones from the left, coronal ones from the front.
Pictures are only mirrored and turned by right angles. Nothing here touches a voxel on disk.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import along_patient_axes
from napari_cardiac_ssl.study import Stack

#: To the right of and down a picture that is looked at as usual, RAS+.
_SAX = np.array([[-0.8, -0.2, 0.55], [-0.45, -0.65, -0.6]])
_FOUR_CHAMBER = np.array([[-1.0, 0.0, 0.0], [0.3, -0.75, 0.6]])
#: By the patient's axis that the plane is across: sagittal, coronal, transverse.
_PLAIN = np.array(
    [
        [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0]],
        [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]],
        [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]],
    ]
)
#: What the ends of the patient's axes are called: right, anterior, head; and their opposites.
_POSITIVE, _NEGATIVE = "RAH", "LPF"


@dataclass(frozen=True)
class Orientation:
    """How rows and columns of a stored slice become a picture.

    Parameters
    ----------
    transposed
        Whether stored rows run across the picture and stored columns down it.
    flipped
        Whether the picture's (rows, columns) run against the stored ones.
    sides
        The patient's side at the left, right, top and bottom of the picture: ``R L A P H F``;
        empty where the file does not say how it lies.

    Examples
    --------
    >>> turn = Orientation(transposed=True, flipped=(False, True), sides="")
    >>> turn.picture(np.array([[1, 2, 3], [4, 5, 6]]))
    array([[4, 1],
           [5, 2],
           [6, 3]])
    >>> turn.to_picture(np.array([[2.0, 1.0]]), (2, 3))  # where the 6 went: x, y
    array([[0., 2.]])
    >>> turn.from_picture(np.array([[0.0, 2.0]]), (2, 3))
    array([[2., 1.]])
    """

    transposed: bool = False
    flipped: tuple[bool, bool] = (False, False)
    sides: str = ""

    def picture(self, slice_yx: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return a stored slice ``(y, x)`` as it is looked at: a view of it."""
        turned = slice_yx.T if self.transposed else slice_yx
        rows, columns = (-1 if flip else 1 for flip in self.flipped)
        return turned[::rows, ::columns]

    def to_picture(
        self, points_xy: NDArray[np.floating], shape_yx: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Map stored pixel coordinates ``(..., (x, y))`` to those of the picture."""
        points = np.array(points_xy, dtype=np.float64)
        height, width = shape_yx
        if self.transposed:
            points, height, width = points[..., ::-1].copy(), width, height
        if self.flipped[1]:
            points[..., 0] = width - 1 - points[..., 0]
        if self.flipped[0]:
            points[..., 1] = height - 1 - points[..., 1]
        return points

    def from_picture(
        self, points_xy: NDArray[np.floating], shape_yx: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Map picture coordinates ``(..., (x, y))`` to stored ones: the inverse."""
        points = np.array(points_xy, dtype=np.float64)
        height, width = shape_yx[::-1] if self.transposed else shape_yx
        if self.flipped[1]:
            points[..., 0] = width - 1 - points[..., 0]
        if self.flipped[0]:
            points[..., 1] = height - 1 - points[..., 1]
        return points[..., ::-1].copy() if self.transposed else points


def usual_orientation(stack: Stack) -> Orientation:
    """Return how a stack is usually looked at; as stored, where the file does not say how it lies.

    Examples
    --------
    >>> transverse = Stack(np.zeros((1, 1, 4, 4)), np.array(  # as NIfTI tools like to store it
    ...     [[1.5, 0, 0, 0], [0, 1.5, 0.1, 0], [0, 0.1, 8, 0], [0, 0, 0, 1]]), View.OTHER)
    >>> usual_orientation(transverse)
    Orientation(transposed=False, flipped=(True, True), sides='RLAP')
    """
    axes = stack.affine[:3, :3] / np.linalg.norm(stack.affine[:3, :3], axis=0)
    right, down = axes[:, 0], axes[:, 1]
    # A short axis along the patient's axes is an affine of the spacing alone: it says nothing.
    if not stack.orientation_known or (stack.view is View.SAX and along_patient_axes(stack.affine)):
        return Orientation()
    wanted_right, wanted_down = _wanted(stack.view, np.cross(right, down))
    candidates = [
        (Orientation(transposed, (rows, columns)), across, along)
        for transposed in (False, True)
        for rows in (False, True)
        for columns in (False, True)
        for across in [(down if transposed else right) * (-1 if columns else 1)]
        for along in [(right if transposed else down) * (-1 if rows else 1)]
    ]
    best, across, along = max(
        candidates, key=lambda one: float(one[1] @ wanted_right + one[2] @ wanted_down)
    )
    sides = "".join(_side(direction) for direction in (-across, across, -along, along))
    return Orientation(best.transposed, best.flipped, sides)


def _wanted(view: View, normal: NDArray[np.float64]) -> NDArray[np.float64]:
    if view is View.SAX:
        return _SAX
    if view is View.LAX_4CH:
        return _FOUR_CHAMBER
    return np.asarray(_PLAIN[int(np.abs(normal).argmax())])


def _side(direction: NDArray[np.float64]) -> str:
    axis = int(np.abs(direction).argmax())
    return (_POSITIVE if direction[axis] > 0 else _NEGATIVE)[axis]
