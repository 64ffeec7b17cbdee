"""Drafts made from what an expert drew: interpolation, propagation through the cine, tidying.

Helps for the eye and hand: what comes out is looked at and corrected like anybody's draft. Labels
are integers in the scheme `UKBB`; pixels are taken to be square.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import optical_flow_ilk

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.pieces import largest_piece

#: Pixels around the heart in which its motion is looked for.
_MARGIN = 12
#: Neighbourhood over which motion is taken to be the same, pixels.
_FLOW_RADIUS = 6
_LV, _MYOCARDIUM = UKBB.code(Structure.LV_CAVITY), UKBB.code(Structure.MYOCARDIUM)

Labels = NDArray[np.uint8]


def interpolated(known: Mapping[int, Labels], wanted: Sequence[int]) -> dict[int, Labels]:
    """Draw slices that lie between known ones, by their signed distances.

    Shape-based interpolation (Raya & Udupa, IEEE TMI 1990): each structure's distance to its own
    border is blended between the two neighbours, which are first moved onto the line between their
    middles, since the heart's axis is never quite that of the stack. A structure that only one
    neighbour shows ends half-way.

    Parameters
    ----------
    known
        Labels ``(y, x)`` by slice number (or by any position along one axis).
    wanted
        Which numbers to draw. Those that are not between two known ones are left out.

    Returns
    -------
    dict
        Labels by number.

    Examples
    --------
    >>> below, above = np.zeros((2, 30, 30), np.uint8)
    >>> below[5:25, 5:25] = above[10:20, 10:20] = 1
    >>> middle = interpolated({0: below, 2: above}, [1, 3])
    >>> list(middle), int((middle[1] == 1).sum())
    ([1], 196)
    """
    drawn = {}
    for number in wanted:
        below = max((k for k in known if k < number), default=None)
        above = min((k for k in known if k > number), default=None)
        if below is not None and above is not None and number not in known:
            share = (number - below) / (above - below)
            drawn[number] = _between(known[below], known[above], share)
    return drawn


def _between(below: Labels, above: Labels, share: float) -> Labels:
    """Draw what lies a share of the way between two slices."""
    drawn = np.zeros_like(below)
    middles = [ndimage.center_of_mass(labels > 0) for labels in (below, above) if labels.any()]
    if not middles:
        return drawn
    first, last = np.array(middles[0]), np.array(middles[-1])
    moves = share * (last - first), (share - 1) * (last - first)
    deepest = np.zeros(drawn.shape)
    for code in np.union1d(below, above)[::-1]:
        if code == 0:
            continue
        depths = _depths(_filled(below, code), _filled(above, code))
        a, b = (
            ndimage.shift(depth, move, order=1, mode="nearest")
            for depth, move in zip(depths, moves, strict=True)
        )
        depth = (1 - share) * a + share * b
        # The cavity is drawn over what encloses it.
        inside = depth > (0 if code == _LV else deepest)
        drawn[inside], deepest[inside] = code, depth[inside]
    return drawn


def _filled(labels: Labels, code: int) -> NDArray[np.bool_]:
    """Return a structure's shape; the myocardium's with the cavity that it encloses.

    Rings of different sizes have little in common, their outlines have.
    """
    shape: NDArray[np.bool_] = labels == code
    return shape | (labels == _LV) if code == _MYOCARDIUM else shape


def _depths(
    below: NDArray[np.bool_], above: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how deep each pixel lies in a shape on two slices.

    Where only one slice shows it, each pixel of the other is as far outside as the shape is deep.
    """
    if not below.any():
        depth = _depth(above)
        return np.full(depth.shape, -depth.max()), depth
    if not above.any():
        depth = _depth(below)
        return depth, np.full(depth.shape, -depth.max())
    return _depth(below), _depth(above)


def _depth(shape: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far inside (positive) or outside a shape each pixel lies, in pixels."""
    inside = ndimage.distance_transform_edt(shape)
    outside = ndimage.distance_transform_edt(~shape)
    # Pixel centres are half a pixel from the border between them.
    return np.asarray(np.where(shape, inside - 0.5, 0.5 - outside))


def propagated(images: NDArray[np.generic], labels: Labels, t: int) -> Iterator[tuple[int, Labels]]:
    """Carry one slice's labels through the cine, with the motion between frames.

    From frame to frame the motion of the tissue is estimated (optical flow: iterative Lucas-Kanade,
    Le Besnerais & Champagnat, ICIP 2005) and composed, so that the labels are sampled once and do
    not wear off. A cine is one heartbeat: the last frame is followed by the first, and each frame
    is reached the shorter way round.

    Parameters
    ----------
    images
        Shape ``(t, y, x)``: one slice over time.
    labels
        Shape ``(y, x)``: what was drawn on frame `t`.
    t
        The frame that was drawn.

    Yields
    ------
    int
        A frame; all others come, in the order in which they are reached.
    NDArray
        The labels there.

    Raises
    ------
    InputError
        If there is nothing on the slice, or no other frame.
    """
    frames = len(images)
    if frames < 2:
        raise InputError("a single frame has nothing to propagate to; open a cine")
    if not labels.any():
        raise InputError(f"frame {t}: nothing is drawn on this slice that could be propagated")
    rows, columns = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    box = tuple(
        slice(max(0, part.start - _MARGIN), min(length, part.stop + _MARGIN))
        for part, length in zip((rows, columns), labels.shape, strict=True)
    )
    seen = np.asarray(images[(slice(None), *box)], dtype=np.float32)
    seen = (seen - seen.min()) / (float(np.ptp(seen)) or 1.0)
    drawn = labels[box]
    for direction, steps in ((1, frames // 2), (-1, (frames - 1) // 2)):
        came_from: NDArray[np.float64] = np.indices(drawn.shape).astype(np.float64)
        for step in range(1, steps + 1):
            here = (t + direction * step) % frames
            before = (here - direction) % frames
            flow = optical_flow_ilk(seen[here], seen[before], radius=_FLOW_RADIUS)
            where = np.indices(drawn.shape) + flow
            came_from = np.stack(
                [ndimage.map_coordinates(c, where, order=1, mode="nearest") for c in came_from]
            )
            carried = np.zeros_like(labels)
            carried[box] = _sampled(drawn, came_from)
            yield here, carried


def _sampled(labels: Labels, where: NDArray[np.float64]) -> Labels:
    """Return the label at places between pixels: that of the largest share."""
    codes = np.unique(labels)
    shares = [
        ndimage.map_coordinates((labels == code).astype(np.float32), where, order=1, mode="nearest")
        for code in codes
    ]
    return np.asarray(codes[np.argmax(shares, axis=0)], dtype=np.uint8)


def tidied(labels: Labels) -> Labels:
    """Keep the largest piece of each structure, and fill the holes in the heart.

    Pieces hang together over corners. A hole is what background, or a dropped piece, is enclosed by
    the heart; its pixels get the label of the nearest structure.

    Parameters
    ----------
    labels
        Shape ``(y, x)``.

    Returns
    -------
    NDArray
        Tidied labels; the input is not changed.

    Examples
    --------
    >>> labels = np.zeros((12, 12), np.uint8)
    >>> labels[2:9, 2:9], labels[4:7, 4:7], labels[5, 5], labels[11, 11] = 2, 1, 0, 2
    >>> tidy = tidied(labels)
    >>> int(tidy[5, 5]), int(tidy[11, 11]), int(labels[11, 11])
    (1, 0, 2)
    """
    kept = np.zeros_like(labels)
    for code in np.unique(labels[labels > 0]):
        kept[largest_piece(labels == code, np.ones((3, 3), bool))] = code
    heart = kept > 0
    holes = ndimage.binary_fill_holes(heart) & ~heart
    if holes.any():
        rows, columns = ndimage.distance_transform_edt(
            ~heart, return_distances=False, return_indices=True
        )
        kept[holes] = kept[rows[holes], columns[holes]]
    return kept
