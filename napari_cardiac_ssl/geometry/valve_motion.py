"""The mitral valve plane over a heartbeat: found in every frame, steadied, brought together.

The valve moves by a centimetre and more between ED and ES, so each frame has a plane of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.valve import (
    LongAxisPoints,
    ValvePlane,
    valve_plane,
)
from napari_cardiac_ssl.geometry.valve_labels import long_axis_points
from napari_cardiac_ssl.study import Stack

#: One frame each; None where the view does not tell.
Motion = tuple[LongAxisPoints | None, ...]


def same_moment(frame: int, frames: int, other_frames: int) -> int:
    """Return the frame of another cine that shows the same moment of the heartbeat.

    Examples
    --------
    >>> same_moment(5, 20, 20), same_moment(5, 20, 40), same_moment(19, 20, 4)
    (5, 10, 3)
    """
    return min(int(frame * other_frames / frames), other_frames - 1)


def points_over_time(labels: NDArray[np.integer], stack: Stack) -> Motion:
    """Return what labels of a long-axis cine show in each frame; None where they show no valve.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`.
    stack
        The view that they lie on: its middle slice.

    Examples
    --------
    >>> labels = np.zeros((2, 1, 30, 20), np.uint8)
    >>> labels[0, 0, 2:8, 4:16], labels[0, 0, 8:24, 5:15] = 4, 1
    >>> view = Stack(np.zeros((2, 1, 30, 20)), np.diag([2.0, 2.0, 6.0, 1.0]))
    >>> first, second = points_over_time(labels, view)
    >>> first.ring_mm, second
    (20.0, None)
    """
    found: list[LongAxisPoints | None] = []
    for frame in labels[:, stack.slices // 2]:
        try:
            found.append(long_axis_points(frame, stack))
        except InputError:
            found.append(None)
    return tuple(found)


def steadied(motion: Sequence[LongAxisPoints | None]) -> Motion:
    """Return points without the jumps that predictions make from frame to frame.

    Each point becomes the geometric median of itself and its neighbours two frames before and
    after, the heartbeat being a round; a frame that does not tell takes part in nothing, and gets
    the median of those that do. It moves with the patient, however that is turned.

    Parameters
    ----------
    motion
        One heartbeat, a frame each.

    Returns
    -------
    tuple
        As long. None where none of the five frames tells.

    Examples
    --------
    >>> right = [LongAxisPoints([[-15, 0, 0], [15, 0, 0]], [0, 0, 80], [0, 1, 0])] * 6
    >>> wrong = LongAxisPoints([[-15, 0, 40], [15, 0, 10]], [0, 0, 80], [0, 1, 0])
    >>> [points.hinges_mm[0].round(3).tolist() for points in steadied([*right, wrong, None])[-2:]]
    [[-15.0, 0.0, 0.0], [-15.0, 0.0, 0.0]]
    """
    if not any(motion):
        return tuple(motion)
    told, frames = in_one_order(motion), len(motion)
    near = np.array([sorted({(t + step) % frames for step in range(-2, 3)}) for t in range(frames)])
    tells = np.array([points is not None for points in told])[near]
    ends = np.stack([np.zeros((3, 3)) if one is None else _as_array(one) for one in told])
    medians = _medians(ends[near], tells)
    found: list[LongAxisPoints | None] = []
    for around, does, (*hinges, apex) in zip(near, tells, medians, strict=True):
        nearest = told[around[does][0]] if does.any() else None
        found.append(nearest and LongAxisPoints(np.stack(hinges), apex, nearest.normal))
    return tuple(found)


def corrected(
    motion: Sequence[LongAxisPoints | None], by_hand: Mapping[int, LongAxisPoints]
) -> Motion:
    """Return points that a person has corrected in some frames.

    There they lie where the person put them. In the frames between they are moved along: by what
    the corrections before and after moved them by, blended in time, the heartbeat being a round.

    Parameters
    ----------
    motion
        What was found, a frame each.
    by_hand
        What a person said, by frame.

    Examples
    --------
    >>> points = LongAxisPoints([[-15, 0, 0], [15, 0, 0]], [0, 0, 80], [0, 1, 0])
    >>> lower = LongAxisPoints([[-15, 0, 4], [15, 0, 0]], [0, 0, 80], [0, 1, 0])
    >>> moved = corrected([points] * 4, {0: lower, 2: points})
    >>> [float(each.hinges_mm[0, 2]) for each in moved]
    [4.0, 2.0, 0.0, 2.0]
    """
    frames = len(motion)
    moves: dict[int, NDArray[np.float64]] = {}
    for t, said in by_hand.items():
        found = motion[t] if t < frames else None
        if found is not None:
            ends = _as_array(said)
            if _apart(ends[1::-1], found.hinges_mm) < _apart(ends[:2], found.hinges_mm):
                ends = ends[[1, 0, 2]]
            moves[t] = ends - _as_array(found)
    result: list[LongAxisPoints | None] = []
    for t, points in enumerate(motion):
        if points is None or t in by_hand or not moves:
            result.append(by_hand.get(t, points))
            continue
        ago, before = min(((t - at) % frames, at) for at in moves)
        ahead, after = min(((at - t) % frames, at) for at in moves)
        share = ago / (ago + ahead)
        ends = _as_array(points) + (1 - share) * moves[before] + share * moves[after]
        try:
            result.append(LongAxisPoints(ends[:2], ends[2], points.normal))
        except InputError:  # moved along so far that they make no valve: as they were found
            result.append(points)
    return tuple(result)


def planes_over_time(
    views: Mapping[View, Sequence[LongAxisPoints | None]], frames: int
) -> tuple[ValvePlane | None, ...]:
    """Return the valve plane in each frame of the short axis; None where no view tells.

    Parameters
    ----------
    views
        What each long-axis view shows in its own frames.
    frames
        Of the short axis: the same moment of the heartbeat counts, not the same number.

    Examples
    --------
    >>> points = LongAxisPoints([[-15, 0, 0], [15, 0, 0]], [0, 0, 80], [0, 1, 0])
    >>> later = LongAxisPoints([[-15, 0, 12], [15, 0, 12]], [0, 0, 80], [0, 1, 0])
    >>> planes = planes_over_time({View.LAX_4CH: [points, later, None]}, 6)
    >>> [plane and float(plane.plane.point_mm[2]) for plane in planes]
    [0.0, 0.0, 12.0, 12.0, None, None]
    """
    planes: list[ValvePlane | None] = []
    for t in range(frames):
        found = {}
        for view, motion in views.items():
            points = motion[same_moment(t, frames, len(motion))] if motion else None
            if points is not None:
                found[view] = points
        planes.append(valve_plane(found) if found else None)
    return tuple(planes)


def in_one_order(motion: Sequence[LongAxisPoints | None]) -> Motion:
    """Return the points with their hinges in the same order in all frames."""
    found: list[LongAxisPoints | None] = []
    before: NDArray[np.float64] | None = None
    for points in motion:
        if points is None:
            found.append(None)
            continue
        hinges = points.hinges_mm
        if before is not None and _apart(hinges[::-1], before) < _apart(hinges, before):
            hinges = hinges[::-1]
        found.append(LongAxisPoints(hinges, points.apex_mm, points.normal))
        before = hinges
    return tuple(found)


def _as_array(points: LongAxisPoints) -> NDArray[np.float64]:
    """Return hinge points and apex, shape ``(3, 3)``."""
    return np.array([*points.hinges_mm, points.apex_mm])


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(one - other, axis=1).sum())


def _medians(points: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return geometric medians (Weiszfeld's iteration), of all frames at once.

    Parameters
    ----------
    points
        Shape ``(t, n, points, 3)``: in each frame `n` places of each point.
    counts
        Which of them count, ``(t, n)``. Where none does the result means nothing.
    """
    counted = counts[..., None].astype(np.float64)
    middle = _weighted_mean(points, counted)
    for _ in range(50):
        ways = np.linalg.norm(points - middle[:, None], axis=-1)
        middle = _weighted_mean(points, counted / np.maximum(ways, 1e-6))
    return middle


def _weighted_mean(
    points: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = np.maximum(weights.sum(axis=1), np.finfo(float).tiny)
    return np.asarray((weights[..., None] * points).sum(axis=1) / total[..., None])
