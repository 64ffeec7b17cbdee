"""Which way a NIfTI file stores its slices."""

from collections.abc import Sequence

import numpy as np

#: By this factor the steps along one axis must be longer than along both others to tell that the
#: slices lie across it: short-axis slices are 5 to 20 mm apart, pixels 0.7 to 2 mm wide, and pixels
#: are hardly ever longer than wide by as much.
CLEARLY_COARSER = 1.6


def axes_of(sizes: Sequence[int], steps_mm: Sequence[float]) -> tuple[int, int, int]:
    """Tell which axes of a file are x, y and z: slices lie across the coarsest steps.

    The other two keep their order, and nothing is turned round. Where the steps do not tell, the
    slices are along the third axis, as nearly all files have them; a file of one slice has it along
    its only axis of size one.

    Parameters
    ----------
    sizes, steps_mm
        Of the file's three axes, in its order.

    Examples
    --------
    >>> axes_of((256, 208, 9), (1.4, 1.4, 10)), axes_of((9, 256, 208), (10, 1.4, 1.4))
    ((0, 1, 2), (1, 2, 0))
    >>> axes_of((256, 1, 208), (1.4, 1.4, 1.4)), axes_of((256, 208, 30), (1.4, 1.4, 1.2))
    ((0, 2, 1), (0, 1, 2))
    >>> axes_of((1, 208, 9), (1.4, 1.4, 10)), axes_of((256, 208, 1), (1.4, 2.8, 1))
    ((0, 1, 2), (0, 1, 2))
    """
    single = [axis for axis in range(3) if sizes[axis] == 1]
    across = int(np.argmax(steps_mm))
    others = max(steps_mm[axis] for axis in range(3) if axis != across)
    told = steps_mm[across] >= CLEARLY_COARSER * others
    if 2 in single or (single and not told):
        # The thickness of a single slice may be anything; a mask may be one voxel wide.
        across = across if told and across in single else single[-1]
    elif not told:
        across = 2
    x, y = (axis for axis in range(3) if axis != across)
    return x, y, across
