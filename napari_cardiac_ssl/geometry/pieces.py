"""Pieces of a mask: what of it hangs together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def largest_piece(
    mask: NDArray[np.bool_], touching: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Return the largest piece of a mask.

    Parameters
    ----------
    mask
        Of any number of dimensions.
    touching
        Which neighbours hang together, shape 3 along each axis; those over a side by default.

    Returns
    -------
    NDArray
        Likewise; the mask itself if it is in one piece.

    Examples
    --------
    >>> largest_piece(np.array([[1, 0, 0], [0, 1, 1]], bool)).astype(int).tolist()
    [[0, 0, 0], [0, 1, 1]]
    >>> corners = np.ones((3, 3), bool)
    >>> largest_piece(np.array([[1, 0, 0], [0, 1, 1]], bool), corners).astype(int).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    pieces: Any
    pieces, number = ndimage.label(mask, touching)
    if number < 2:
        return mask
    return np.asarray(pieces == 1 + np.bincount(pieces[mask] - 1).argmax())
