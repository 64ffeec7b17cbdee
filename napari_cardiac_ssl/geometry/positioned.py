"""A stack that says where its positions are: what readers find and networks learn from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.study import SliceIndex, Stack

#: In `PositionedStack.structures`: not LV cavity, and which of all else nobody has said.
NOT_LV = 255


@dataclass(frozen=True, eq=False)
class PositionedStack:
    """A short-axis or 4CH stack that says where its positions are.

    Parameters
    ----------
    stack
        The images.
    frame
        How the heart lies; None where there are no positions to know, as in the 2CH view: then
        its structures are known.
    slices
        Those to learn from.
    structures
        Shape ``(t, z, y, x)``, UKBB integers or `NOT_LV`, where they are known; None where not.
    """

    stack: Stack
    frame: AnatomicalFrame | None
    slices: tuple[SliceIndex, ...]
    structures: NDArray[np.uint8] | None = None


#: Loads one study.
Source = Callable[[], PositionedStack]
