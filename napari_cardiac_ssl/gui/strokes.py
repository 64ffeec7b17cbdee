"""What a finished stroke makes of a slice: contours that are closed and filled, walls that hold.

The myocardium is what lies between the endocardium and the epicardium. So a contour of the
myocardium is its outer one, and where the LV cavity is there is no myocardium.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage.draw import polygon2mask

from napari_cardiac_ssl.anatomy import UKBB, Structure

LV, MYOCARDIUM = UKBB.code(Structure.LV_CAVITY), UKBB.code(Structure.MYOCARDIUM)
RV = UKBB.code(Structure.RV_CAVITY)

#: What a contour of a structure does not write over.
_STAYS: dict[int, tuple[int, ...]] = {MYOCARDIUM: (LV,), RV: (LV, MYOCARDIUM)}
#: A contour round this share of a structure draws it anew, and so does one of which this share lies
#: within: it would add nothing. Any other adds to the structure.
_ROUND, _WITHIN = 0.5, 0.9
#: How far from a stroke its outline is smoothed, and how much, in pixels.
_NEAR, _SIGMA = 3, 1.2


def fill_contour(
    labels: NDArray[np.uint8], outline: NDArray[np.floating], code: int
) -> NDArray[np.uint8]:
    """Close a contour, fill it, and make it the structure's.

    Parameters
    ----------
    labels
        The slice before, ``(y, x)``, UKBB integers; never changed.
    outline
        Points of the contour, ``(n, 2)``: row and column, voxels.
    code
        The structure's integer; 0 takes labels away. The myocardium's contour is the epicardium.

    Returns
    -------
    ndarray
        The slice after.

    Examples
    --------
    >>> labels = np.zeros((7, 7), np.uint8)
    >>> labels[3, 3] = 1
    >>> fill_contour(labels, np.array([[2, 2], [2, 4], [4, 4], [4, 2]]), 2)[3]
    array([0, 0, 2, 1, 2, 0, 0], dtype=uint8)
    """
    inside = polygon2mask(labels.shape, outline)
    after = labels.copy()
    if code == 0:
        after[inside] = 0
        return after
    old = labels == code
    # The myocardium and its cavity are one: a new epicardium goes round both.
    whole = old | (labels == LV) if code == MYOCARDIUM else old
    both = np.count_nonzero(inside & whole)
    if both >= _ROUND * np.count_nonzero(whole) or both >= _WITHIN * np.count_nonzero(inside):
        # What the cavity no longer covers lies between the contours.
        has_wall = code == LV and (labels == MYOCARDIUM).any()
        after[old & ~inside] = MYOCARDIUM if has_wall else 0
    after[inside & ~np.isin(labels, _STAYS.get(code, ()))] = code
    return after


def keep_cavity(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the LV cavity back where myocardium was drawn over it: the epicardium cannot leak in.

    Parameters
    ----------
    before, after
        The slice before and after a stroke, ``(y, x)``, UKBB integers; never changed.

    Returns
    -------
    ndarray
        The slice as it should be.

    Examples
    --------
    >>> keep_cavity(np.array([[0, 1, 3]], np.uint8), np.array([[2, 2, 2]], np.uint8))
    array([[2, 1, 2]], dtype=uint8)
    """
    return np.where((before == LV) & (after == MYOCARDIUM), before, after)


def smooth(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Round the outline of what a stroke drew, near the stroke.

    Parameters
    ----------
    before, after
        The slice before and after a stroke, ``(y, x)``, UKBB integers; never changed.

    Returns
    -------
    ndarray
        The slice, smoothed. What the outline gives up becomes what it was; it takes only
        background.
    """
    changed = before != after
    result = after.copy()
    for code in np.unique(after[changed]):
        drawn = after == code
        near = binary_dilation(changed & drawn, iterations=_NEAR)
        rounded = gaussian_filter(drawn.astype(np.float32), _SIGMA) > 0.5
        given_up = near & drawn & ~rounded
        result[given_up] = np.where(before == code, 0, before)[given_up]
        result[near & rounded & (after == 0)] = code
    return result
