"""A frame shows one heart: what of a prediction hangs together with nothing else is not of it."""

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.pieces import largest_piece

#: Pieces that touch at a corner are one: slices lie 8 to 10 mm apart, and breath-holds differ.
_TOUCHING = np.ones((3, 3, 3), dtype=bool)
#: The cavities; a wall may be in pieces where it is thin.
_CAVITIES = [UKBB.code(one) for one in UKBB.structures if one is not Structure.MYOCARDIUM]


def one_heart(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return labels with the largest piece of the heart, and of each cavity, alone.

    Pieces are looked for in space, over all slices of the frame. A slice without a structure does
    not part what lies on its two sides: there the network has missed it.

    Parameters
    ----------
    labels
        Shape ``(z, y, x)``, `UKBB` integers, slices in their order; some of them may be missing.

    Returns
    -------
    NDArray
        Likewise; background where a piece was.

    Examples
    --------
    >>> labels = np.zeros((3, 6, 6), np.uint8)
    >>> labels[:, 1:4, 1:4] = UKBB.code(Structure.LV_CAVITY)
    >>> labels[0, 5, 5] = UKBB.code(Structure.RV_CAVITY)  # far from all the rest
    >>> one_heart(labels)[0].max(), one_heart(labels)[1:].tolist() == labels[1:].tolist()
    (np.uint8(1), True)
    """
    kept = labels.copy()
    _keep_largest(kept, kept > 0)
    for code in _CAVITIES:
        _keep_largest(kept, kept == code)
    return kept


def _keep_largest(labels: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    shown = where.any(axis=(1, 2))
    apart = where.copy()
    apart[shown] &= ~largest_piece(where[shown], _TOUCHING)
    labels[apart] = 0
