"""What a reader of labels finds in a file, and what the registry keeps of a reader."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.geometry.contours import Contour
from napari_cardiac_ssl.study import Stack


@dataclass(frozen=True, eq=False)
class Found:
    """Labels from a file that names its structures.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`; on the grid of the images where these were
        given.
    contours
        As they were drawn, finer than pixels, where the file holds some.
    notes
        What the user should know of how it was read, a line each.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm; None on the grid of the images.
    """

    labels: NDArray[np.uint8]
    contours: tuple[Contour, ...] = ()
    notes: tuple[str, ...] = ()
    affine: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Reader:
    """How labels come in from one format.

    Parameters
    ----------
    key, name
        In programs, and for people.
    recognises
        Whether a path is of the format, by its name and first bytes.
    read
        Reads it; the second argument is the images that it was drawn on, if they were named.
    """

    key: str
    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Stack | None], Found]
