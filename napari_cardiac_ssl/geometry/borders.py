"""The borders of a slice's labels as lines, and what another line makes of the labels.

Borders lie one on top of another (`contours.WITHIN`): the LV cavity on the myocardium, both on the
RV cavity, that on the atria. A border takes what it comes to cover, but for what lies on top of it,
and leaves background where it goes back. The endocardium exchanges cavity and myocardium, as far as
there is myocardium: it stops at the epicardium. Where the wall is open, as at the valve, it is a
border like any other.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.contours import WITHIN, Border
from napari_cardiac_ssl.geometry.outlines import Line, filled, traced

_MYOCARDIUM = UKBB.code(Structure.MYOCARDIUM)
_CODES = {border: [UKBB.code(one) for one in within] for border, within in WITHIN.items()}
#: Which integers lie within a border: to look them up is much quicker than to compare.
_IS_WITHIN = {border: np.isin(np.arange(256), codes) for border, codes in _CODES.items()}


def lines_of(labels: NDArray[np.uint8]) -> dict[Border, list[Line]]:
    """Return the lines of a slice's labels: those of a border are filled to its very voxels.

    Parameters
    ----------
    labels
        Shape ``(y, x)``, UKBB integers.

    Returns
    -------
    dict
        The lines of each border that there is, pieces and holes; the endocardium comes last, to be
        drawn on top. A border round nothing of its own structure is none: an LV cavity without
        myocardium has an endocardium alone.

    Examples
    --------
    >>> labels = np.zeros((9, 9), np.uint8)
    >>> labels[2:7, 2:7], labels[4, 4] = 2, 1
    >>> {str(border): len(lines) for border, lines in lines_of(labels).items()}
    {'LV epicardium': 1, 'LV endocardium': 1}
    """
    there = np.flatnonzero(np.bincount(labels.ravel()))
    found = {}
    for border, codes in _CODES.items():
        if codes[0] in there:
            found[border] = traced(_IS_WITHIN[border][labels])
    return found


def redrawn(
    labels: NDArray[np.uint8], border: Border, before: Line, after: Line
) -> NDArray[np.uint8]:
    """Return the labels of a slice after one line of a border was moved.

    Only voxels that the line has passed over change.

    Parameters
    ----------
    labels
        Shape ``(y, x)``, UKBB integers; never changed.
    border
        What the line is of.
    before, after
        The line as it was, and as it is now, ``(n, 2)``: row and column, voxels.

    Returns
    -------
    NDArray
        The slice as it should be.

    Examples
    --------
    >>> labels = np.zeros((7, 9), np.uint8)
    >>> labels[1:6, 1:8], labels[2:5, 2:7] = 2, 1
    >>> [line] = lines_of(labels)[Border.ENDOCARDIUM]
    >>> redrawn(labels, Border.ENDOCARDIUM, line, np.clip(line, 0, 4.5))[3]
    array([0, 2, 1, 1, 1, 2, 2, 2, 0], dtype=uint8)
    """
    own, on_top = _CODES[border][0], _on_top_of(border)
    inside = np.isin(labels, _CODES[border])
    was, now = filled([before], labels.shape), filled([after], labels.shape)
    if _is_hole(was, inside):
        was, now = ~was, ~now
    # What the border goes back from it never takes: a papillary muscle that is passed over stays.
    taken = now & ~was & ~inside & ~np.isin(labels, on_top)
    left = was & ~now & (labels == own)
    result = labels.copy()
    if border is Border.ENDOCARDIUM:
        has_wall = _beyond(inside, labels) == _MYOCARDIUM
        result[left] = np.where(has_wall, _MYOCARDIUM, 0)[left]
        taken &= ~has_wall | (labels == _MYOCARDIUM)
    else:
        result[left] = 0
    result[taken] = own
    return result


def _is_hole(within: NDArray[np.bool_], inside: NDArray[np.bool_]) -> bool:
    """Tell whether a line goes round a hole: just within it nothing of the border's is."""
    rim = within & ~binary_erosion(within)
    return bool(2 * np.count_nonzero(rim & inside) < np.count_nonzero(rim))


def _on_top_of(border: Border) -> list[int]:
    """Return the integers of what a border does not take."""
    borders = list(WITHIN)
    return [_CODES[later][0] for later in borders[borders.index(border) + 1 :]]


def _beyond(inside: NDArray[np.bool_], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return, for every voxel, what is labelled just beyond the nearest part of a border."""
    rim = binary_dilation(inside) & ~inside
    nearest = distance_transform_edt(~rim, return_distances=False, return_indices=True)
    return np.asarray(labels[tuple(nearest)])
