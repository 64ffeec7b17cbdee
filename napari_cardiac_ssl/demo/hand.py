"""What a reader would draw and click where a reference says how the heart lies."""

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex

#: With how many points a hand follows an outline.
_POINTS = 24


def slices_to_draw(truth: NDArray[np.uint8]) -> list[SliceIndex]:
    """Return a basal, a middle and an apical slice of the first frame that shows a heart.

    Examples
    --------
    >>> truth = np.zeros((2, 10, 4, 4), np.uint8)
    >>> truth[1, 1:8] = 1
    >>> [tuple(index) for index in slices_to_draw(truth)]
    [(1, 2), (1, 4), (1, 6)]
    """
    labelled = np.asarray((truth > 0).any(axis=(2, 3)))
    if not labelled.any():
        raise InputError("the reference holds no label; give one with labelled slices")
    t = int(labelled.any(axis=1).argmax())
    z = np.flatnonzero(labelled[t])
    chosen = (z[round(share * (len(z) - 1))] for share in (0.2, 0.5, 0.8))
    return [SliceIndex(t, int(one)) for one in dict.fromkeys(chosen)]


def outlines_of(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the outlines of a mask's pieces as a hand would follow them, the largest first.

    Examples
    --------
    >>> mask = np.zeros((20, 20), bool)
    >>> mask[5:15, 5:15] = True
    >>> [len(outline) < 50 for outline in outlines_of(mask)]
    [True]
    """
    found = find_contours(np.pad(mask, 1).astype(float), 0.5)
    found.sort(key=len, reverse=True)
    return [
        outline[:: max(1, len(outline) // _POINTS)] - 1 for outline in found if len(outline) > 8
    ]


def landmarks_in(labels: NDArray[np.uint8]) -> list[tuple[SliceIndex, float, float]]:
    """Return where a reader would click: LV at the base, LV near the apex, the RV's outer wall.

    Of the first frame that shows a heart; the LV is wider at its base.

    Returns
    -------
    list of tuple
        Slice, row and column of each.

    Raises
    ------
    InputError
        If the labels show no RV, or the LV on one slice only.

    Examples
    --------
    >>> labels = np.zeros((1, 3, 9, 9), np.uint8)
    >>> labels[0, 0, 4, 4], labels[0, 2, 3:6, 3:6], labels[0, 1, 4, 7] = 1, 1, 3
    >>> [(index.z, row, column) for index, row, column in landmarks_in(labels)]
    [(2, 4.0, 4.0), (0, 4.0, 4.0), (1, 4.0, 7.0)]
    """
    t = slices_to_draw(labels)[0].t
    lv, rv = (labels[t] == UKBB.code(one) for one in (Structure.LV_CAVITY, Structure.RV_CAVITY))
    shows_lv = np.flatnonzero(lv.any(axis=(1, 2)))
    if len(shows_lv) < 2 or not rv.any():
        raise InputError("landmarks need an LV on two slices and an RV; the labels lack them")
    ends = sorted((int(shows_lv[0]), int(shows_lv[-1])), key=lambda z: -int(lv[z].sum()))
    centre = {z: np.argwhere(lv[z]).mean(axis=0) for z in ends}
    z = int(rv.sum(axis=(1, 2)).argmax())
    wall = np.argwhere(rv[z])
    middle = sum(centre.values()) / 2
    wall = wall[np.linalg.norm(wall - middle, axis=1).argmax()]
    return [
        (SliceIndex(t, at), float(row), float(column))
        for at, (row, column) in [*centre.items(), (z, wall)]
    ]
