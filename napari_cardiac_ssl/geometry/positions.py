"""Nine anatomical positions, from where the long-axis views cut a slice: labels for free.

The idea is that of Bai et al., *Self-supervised learning for cardiac MR image segmentation by
anatomical position prediction*, MICCAI 2019 (arXiv 1907.02757). Sizes, spacing and layout of the
boxes are our reading of it. In a short-axis slice S, with ``c = 2CH ∩ 4CH ∩ S``:

    1 centre (c)
    2 septal (c + d·u4)     3 RV (c + 2d·u4)              4 lateral (c − d·u4)
    5 far lateral (c − 2d·u4)                             6 anterior (c + d·u2)
    7 far anterior (c + 2d·u2)   8 inferior (c − d·u2)    9 far inferior (c − 2d·u2)

u4 is the unit direction of the 4CH trace, towards the RV; u2 that of the 2CH trace, towards
anterior. The traces are seldom at right angles, so each box is a square with two of its sides
along the trace on which it lies (box 1: the 4CH trace). Where two boxes overlap, a pixel belongs
to the one whose centre is nearer.

In the 4CH view the traces are those of the SAX plane (u4, as above) and of the 2CH plane: the
long axis, positive towards the base. 1 to 5 are named as above, and 6 is basal, 7 far basal (about
the left atrium), 8 apical, 9 far apical (about the tip of the apex).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.geometry.planes import Plane, as_direction, meeting_point, outside_mm
from napari_cardiac_ssl.study import Stack

#: Distance between the centres of neighbouring boxes along a trace, and their side.
STEP_MM = 24.0
BOX_MM = 16.0
#: Of pixels in slices that carry no positions: to be ignored, not background.
UNDEFINED = 255
_SIDES = ("centre", "septal", "RV", "lateral", "far lateral")
#: What the positions 1 to 9 are called, per view.
POSITION_NAMES: dict[View, tuple[str, ...]] = {
    View.SAX: (*_SIDES, "anterior", "far anterior", "inferior", "far inferior"),
    View.LAX_4CH: (*_SIDES, "basal", "far basal", "apical", "far apical"),
}
#: On which trace each box lies, and how many steps from the centre.
_ON_TRACE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
_STEPS = np.array([0, 1, 2, -1, -2, 1, 2, -1, -2])


@dataclass(frozen=True, eq=False)
class Boxes:
    """The nine positions in the plane of one slice.

    Parameters
    ----------
    centre_mm
        Where box 1 is, RAS+ mm, shape ``(3,)``.
    axes
        Two unit directions at right angles that span the slice, RAS+, shape ``(2, 3)``.
    centres
        Of the boxes, along the axes from `centre_mm`, mm, shape ``(9, 2)``.
    directions
        Unit direction of a side of each box, along the axes, shape ``(9, 2)``.
    box_mm
        The length of a side.
    """

    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    centres: NDArray[np.float64]
    directions: NDArray[np.float64]
    box_mm: float

    def labels_at(self, points_mm: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return the position at each of some points: 0 background, 1 to 9.

        Parameters
        ----------
        points_mm
            RAS+ mm, shape ``(..., 3)``, of any grid in the slice's plane.

        Returns
        -------
        NDArray
            Shape ``(...)``.

        Examples
        --------
        >>> frame = AnatomicalFrame.from_planes(Plane([0, 0, 0], [1, 0, 0]),
        ...                                     Plane([0, 0, 0], [0, 1, 0]))
        >>> boxes = boxes_on(frame, Plane([0, 0, 0], [0, 0, 1]))
        >>> boxes.labels_at(np.array([[0, 0, 0], [24, 0, 0], [-48, 0, 0], [0, 24, 0], [9, 9, 0]]))
        array([1, 2, 5, 6, 0], dtype=uint8)
        """
        # About the centre, single precision is a thousand times finer than needed.
        offsets = np.asarray(points_mm - self.centre_mm, dtype=np.float32)
        p, q = (offsets @ axis for axis in self.axes.astype(np.float32))
        labels = np.zeros(p.shape, dtype=np.uint8)
        nearest = np.full(p.shape, np.inf, dtype=np.float32)
        half = np.float32(self.box_mm / 2)
        boxes = np.concatenate([self.centres, self.directions], axis=1).astype(np.float32)
        for code, (at_p, at_q, along_p, along_q) in enumerate(boxes, start=1):
            from_p, from_q = p - at_p, q - at_q
            along = np.abs(from_p * along_p + from_q * along_q)
            across = np.abs(from_q * along_p - from_p * along_q)
            square = along * along + across * across
            here = (np.maximum(along, across) <= half) & (square < nearest)
            labels[here] = code
            nearest[here] = square[here]
        return labels

    def outlines_mm(self) -> NDArray[np.float64]:
        """Return the corners of the nine boxes in order round each, RAS+ mm, ``(9, 4, 3)``."""
        along = self.directions * self.box_mm / 2
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        corners = [
            self.centres + a * along + b * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        return np.asarray(self.centre_mm + np.stack(corners, axis=1) @ self.axes)


def boxes_on(
    frame: AnatomicalFrame,
    slice_plane: Plane,
    view: View = View.SAX,
    *,
    step_mm: float = STEP_MM,
    box_mm: float = BOX_MM,
) -> Boxes:
    """Return the nine boxes in the plane of a slice.

    Parameters
    ----------
    frame
        How the heart lies.
    slice_plane
        Of a slice of that view.
    view
        ``SAX`` or ``LAX_4CH``.
    step_mm
        Distance between the centres of neighbouring boxes along a trace.
    box_mm
        The length of a side.

    Raises
    ------
    InputError
        If a length is not positive, the view has no positions, or the slice is nearly
        parallel to the line in which the two planes meet.

    Examples
    --------
    >>> frame = AnatomicalFrame.from_planes(Plane([0, 0, 0], [-1, 0, 0]),
    ...                                     Plane([0, 0, 0], [0, 1, 0]))
    >>> boxes_on(frame, Plane([0, 0, 30], [0, 0, 1])).centre_mm + 0.0
    array([ 0.,  0., 30.])
    """
    if not (0 < step_mm < np.inf and 0 < box_mm < np.inf):
        raise InputError(f"step_mm and box_mm must be positive lengths, got {step_mm} and {box_mm}")
    if view is View.SAX:
        first, second, positive = frame.four_chamber, frame.two_chamber, frame.towards_anterior
    elif view is View.LAX_4CH:
        first, second, positive = frame.short_axis, frame.two_chamber, -frame.towards_apex
    else:
        known = ", ".join(POSITION_NAMES)
        raise InputError(f"a {view} view has no anatomical positions; {known} have")
    centre = meeting_point(first, second, slice_plane)
    u = _trace_direction(first, slice_plane, frame.towards_rv)
    v = _trace_direction(second, slice_plane, positive)
    axes = np.stack([u, np.cross(slice_plane.normal, u)])
    directions = (np.stack([u, v]) @ axes.T)[_ON_TRACE]
    return Boxes(centre, axes, step_mm * _STEPS[:, None] * directions, directions, box_mm)


def positions(
    stack: Stack, frame: AnatomicalFrame, *, step_mm: float = STEP_MM, box_mm: float = BOX_MM
) -> NDArray[np.uint8]:
    """Label the nine positions on every slice of a short-axis or 4CH stack.

    Parameters
    ----------
    stack
        Its view says which positions.
    frame
        How the heart lies.
    step_mm, box_mm
        As in `boxes_on`.

    Returns
    -------
    NDArray
        Shape ``(z, y, x)``: 0 background, 1 to 9, and `UNDEFINED` all over a slice whose centre is
        outside its field of view.

    Raises
    ------
    InputError
        As `boxes_on`, or if the centre is outside on every slice.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 1, 9, 11)), np.diag([12.0, 12.0, 8.0, 1.0]))
    >>> frame = AnatomicalFrame.from_planes(Plane([60, 0, 0], [1, 0, 0]),
    ...                                     Plane([0, 48, 0], [0, 1, 0]))
    >>> positions(stack, frame)[0, 4]
    array([0, 5, 0, 4, 0, 1, 0, 2, 0, 3, 0], dtype=uint8)
    """
    labels = np.full(stack.image.shape[1:], UNDEFINED, dtype=np.uint8)
    missed_by = []
    for z in range(stack.slices):
        boxes = boxes_on(
            frame, Plane.of_slice(stack, z), stack.view, step_mm=step_mm, box_mm=box_mm
        )
        missed_by.append(outside_mm(stack, boxes.centre_mm))
        if missed_by[-1] == 0:
            labels[z] = boxes.labels_at(slice_points_mm(stack, z))
    if min(missed_by) > 0:
        raise InputError(
            f"{stack.name}: the view planes meet {min(missed_by):.1f} mm or more outside the field "
            "of view of every slice; check that they are of one study, scanned in one position"
        )
    return labels


def slice_points_mm(stack: Stack, z: int) -> NDArray[np.float64]:
    """Return where the pixel centres of a slice are, RAS+ mm, shape ``(y, x, 3)``.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 1, 2, 3)), np.diag([2.0, 3.0, 8.0, 1.0]))
    >>> slice_points_mm(stack, 0)[1, 2]
    array([4., 3., 0.])
    """
    height, width = stack.image.shape[2:]
    y, x = np.mgrid[:height, :width]
    return stack.world_mm(np.stack([x, y, np.full_like(x, z)], axis=-1).astype(np.float64))


def _trace_direction(
    plane: Plane, slice_plane: Plane, towards: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the unit direction of a plane's trace on a slice, on the side of a direction."""
    direction = as_direction(np.cross(plane.normal, slice_plane.normal), "a trace")
    return direction if direction @ towards > 0 else -direction
