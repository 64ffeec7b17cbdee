"""Whether a mask fits its image, as the image's own contrast tells.

A mask that was saved in another axis order under the image's header, or another person's on a grid
of the same size, says nothing wrong: only the picture shows it. In cine images blood is bright and
muscle dark. Where that is not so under the mask, or clearly truer of the mask mirrored, transposed
or with its slices reversed, it is said. Nothing is turned by itself.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, Structure, View
from napari_cardiac_ssl.study import Stack

#: In units of the standard deviation within cavity and myocardium. On 56 reference frames of three
#: hospitals cavity and myocardium are 1.28 or more apart (2.5 in the middle), and every other way
#: round at least 0.2 less; with the mask of another patient nine in ten are less than 0.7 apart.
_CLEAR, _BETTER, _LEAST = 1.2, 0.5, 0.7
_FEWEST = 50


def misfit(labels: NDArray[np.uint8], image: Stack) -> str | None:
    """Return why a mask seems not to be this image's, in words; None if it fits.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, that of the image; in the scheme `UKBB`.
    image
        The image. One that is a mask itself has no contrast, and only the short axis is measured.
    """
    codes = [UKBB.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM)]
    if image.view is not View.SAX or image.image.max() <= len(UKBB.structures):
        return None
    of_frames = ([np.argwhere(frame == code) for code in codes] for frame in labels)
    t, places = next(
        ((t, found) for t, found in enumerate(of_frames) if min(map(len, found)) >= _FEWEST),
        (0, None),
    )
    if places is None:
        return None
    contrasts = {
        said: _contrast(*(_at(image.image[t], zyx, *how) for zyx in places))
        for said, how in _ways(image.image.shape[1:]).items()
    }
    own = contrasts.pop("")
    best = max(contrasts, key=lambda said: contrasts[said])
    if contrasts[best] >= max(_CLEAR, own + _BETTER):
        return (
            f"blood and muscle in the image fit the mask better if it were {best} (contrast "
            f"{contrasts[best]:.1f}, as it is {own:.1f}): is it saved in another axis order?"
        )
    if own < _LEAST:
        return (
            f"under the mask blood is hardly brighter than muscle (contrast {own:.1f}, on cine "
            "images 1.3 and more): is it this image's mask?"
        )
    return None


def _ways(shape: tuple[int, ...]) -> dict[str, tuple[bool, tuple[bool, ...]]]:
    """Return the ways in which a mask fits an array of this shape: transposed, and flipped."""
    ways = {}
    z, y, x = shape
    for transposed, *flips in product([False, True], repeat=4):
        if (transposed and x != y) or (flips[0] and z == 1):
            continue
        words = ["transposed"] if transposed else []
        names = ("with its slices reversed", "mirrored top to bottom", "mirrored left to right")
        words += [word for word, flipped in zip(names, flips, strict=True) if flipped]
        ways[" and ".join(words)] = (transposed, tuple(flips))
    return ways


def _at(
    image: NDArray[np.generic],
    places: NDArray[np.intp],
    transposed: bool,
    flips: tuple[bool, ...],
) -> NDArray[np.float64]:
    """Return the image where the mask's voxels come to lie."""
    moved = places[:, [0, 2, 1]] if transposed else places.copy()
    for axis, flipped in enumerate(flips):
        if flipped:
            moved[:, axis] = image.shape[axis] - 1 - moved[:, axis]
    return np.asarray(image[tuple(moved.T)], dtype=np.float64)


def _contrast(blood: NDArray[np.float64], muscle: NDArray[np.float64]) -> float:
    spread = float(np.sqrt((blood.var() + muscle.var()) / 2))
    return float(blood.mean() - muscle.mean()) / spread if spread else 0.0
