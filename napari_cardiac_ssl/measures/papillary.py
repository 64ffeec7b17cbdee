"""Papillary muscles and trabeculae: counted with the blood around them, or as muscle.

Contours as most readers draw them run round the papillary muscles, which so lie in the cavity. Both
ways of counting are in use, and their numbers differ by more than readers do: a number is worth
little without the convention that it was counted by. Labels are never changed; it is a way of
counting them, from the labels and the image.

Method
    On every slice, what is darker than half way between muscle and blood is muscle: a pixel that
    is half one and half the other lies there. Muscle is the median of the labelled myocardium;
    blood the median of what is brighter than half way in the cavity, found by repeating both until
    they stand (as Ridler & Calvard, IEEE Trans SMC 1978;8:630, with one of the two means known).
What is left in the blood
    The rim of one pixel along the contour is blurred by it, and says nothing of muscle unless it
    hangs together with muscle further in. Pieces below `LEAST_MM2` are noise. Blood that muscle
    encloses in less than `HOLE_MM2` is counted as muscle, as readers do.
Where it is not told
    On a slice without labelled myocardium, or where blood and muscle are not clearly of different
    brightness, nothing is taken out of the cavity.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.study import SliceIndex

#: Smaller pieces of muscle, and larger enclosed pools of blood, are left as they are.
LEAST_MM2, HOLE_MM2 = 6.0, 20.0
#: Fewer pixels than these tell nothing of the brightness of blood or muscle.
_FEWEST = 12
#: Blood has to be brighter than muscle by so many times the muscle's spread.
_CLEAR = 3.0
#: Of a normal distribution: standard deviation over median absolute deviation.
_SD_PER_MAD = 1.4826

_LV, _MYO, _RV = (
    UKBB.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
)
_EIGHT = np.ones((3, 3), dtype=bool)


class Papillary(StrEnum):
    """Where papillary muscles and trabeculae are counted."""

    CAVITY = "cavity"
    MASS = "mass"

    @property
    def words(self) -> str:
        """What it is called for people.

        Examples
        --------
        >>> Papillary("mass").words
        'papillary muscles and trabeculae counted as myocardium'
        """
        if self is Papillary.CAVITY:
            return "papillary muscles and trabeculae counted in the cavity"
        return "papillary muscles and trabeculae counted as myocardium"


@dataclass(frozen=True)
class Inside:
    """How much muscle lies inside the cavities of one slice.

    Parameters
    ----------
    lv, rv
        Pixels.
    told
        Whether blood and muscle could be told apart; if not, the pixels are 0.
    """

    lv: int = 0
    rv: int = 0
    told: bool = True


def muscle_inside(
    image: NDArray[np.generic], labels: NDArray[np.integer], pixel_mm2: float
) -> NDArray[np.bool_] | None:
    """Return which pixels of the LV and RV cavity are muscle.

    Parameters
    ----------
    image
        One slice, shape ``(y, x)``; blood is bright, as in bSSFP cine.
    labels
        Shape ``(y, x)``, in the scheme `UKBB`.
    pixel_mm2
        Area of a pixel.

    Returns
    -------
    array or None
        Shape ``(y, x)``, only within the cavities; None where nothing tells muscle from blood.

    Examples
    --------
    A cavity with a papillary muscle of nine pixels in it, and a rim that the contour blurs.

    >>> labels = np.full((24, 24), 2); labels[4:20, 4:20] = 1
    >>> image = np.where(labels == 1, 200.0, 80.0); image[9:12, 9:12] = 85; image[4, 6:12] = 100
    >>> int(muscle_inside(image, labels, 2.0).sum())
    9
    """
    cavities = (labels == _LV) | (labels == _RV)
    myocardium = labels == _MYO
    if not cavities.any() or np.count_nonzero(myocardium) < _FEWEST:
        return None
    [box] = ndimage.find_objects(cavities.astype(np.uint8))
    box = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    found = np.zeros(labels.shape, dtype=bool)
    muscle = image[myocardium].astype(np.float64)
    within, part = labels[box], image[box].astype(np.float64)
    told = False
    for code in (_LV, _RV):
        cavity = within == code
        threshold = _half_way(part[cavity], muscle)
        if threshold is not None:
            told = True
            found[box] |= _thick(part < threshold, cavity, pixel_mm2)
    return found if told else None


def inside(image: NDArray[np.generic], labels: NDArray[np.integer], pixel_mm2: float) -> Inside:
    """Count the muscle inside the cavities of a slice (`muscle_inside`)."""
    found = muscle_inside(image, labels, pixel_mm2)
    if found is None:
        return Inside(told=not np.isin(labels, (_LV, _RV)).any())
    lv, rv = (int(np.count_nonzero(found & (labels == code))) for code in (_LV, _RV))
    return Inside(lv, rv)


def _half_way(cavity: NDArray[np.float64], muscle: NDArray[np.float64]) -> float | None:
    """Return the brightness half way between muscle and blood; None if they are not told apart."""
    if cavity.size < _FEWEST:
        return None
    dark = float(np.median(muscle))
    spread = _SD_PER_MAD * float(np.median(np.abs(muscle - dark)))
    threshold = (dark + float(np.percentile(cavity, 90))) / 2
    for _ in range(20):
        blood = cavity[cavity > threshold]
        if not blood.size:
            return None
        before, threshold = threshold, (dark + float(np.median(blood))) / 2
        if threshold == before:
            break
    return threshold if 2 * (threshold - dark) > _CLEAR * spread else None


def _thick(
    dark: NDArray[np.bool_], cavity: NDArray[np.bool_], pixel_mm2: float
) -> NDArray[np.bool_]:
    """Return the dark part of a cavity without the rim that the contour blurs, nor noise."""
    core = ndimage.binary_erosion(cavity, _EIGHT)
    muscle = dark & core
    muscle |= dark & cavity & ndimage.binary_dilation(muscle, _EIGHT)
    pieces, number = ndimage.label(muscle, _EIGHT)
    sizes = np.bincount(pieces.ravel(), minlength=number + 1) * pixel_mm2
    muscle &= (sizes >= LEAST_MM2)[pieces]
    pools, number = ndimage.label(ndimage.binary_fill_holes(muscle) & cavity & ~muscle)
    sizes = np.bincount(pools.ravel(), minlength=number + 1) * pixel_mm2
    small = sizes < HOLE_MM2
    small[0] = False
    return np.asarray(muscle | small[pools])


class InsideCounts:
    """The muscle inside the cavities of a stack, counted when it is asked for (some 1 ms a slice).

    Parameters
    ----------
    image
        Shape ``(t, z, y, x)``.
    labels
        Of the same shape, in the scheme `UKBB`. Not copied: it may be drawn on.
    pixel_mm2
        Area of a pixel.
    """

    def __init__(
        self, image: NDArray[np.generic], labels: NDArray[np.integer], pixel_mm2: float
    ) -> None:
        self._image, self._labels, self._pixel_mm2 = image, labels, pixel_mm2
        self._known: dict[SliceIndex, Inside] = {}

    def forget(self, index: SliceIndex) -> None:
        """Count a slice again when it is asked for: its labels have changed."""
        self._known.pop(index, None)

    def of(self, index: SliceIndex) -> Inside:
        """Return the count of a slice."""
        if index not in self._known:
            self._known[index] = inside(self._image[index], self._labels[index], self._pixel_mm2)
        return self._known[index]

    def to_do(self, t: int) -> Iterator[Callable[[], object]]:
        """Yield what is left to be counted before a frame's counts take no time."""
        for z in range(len(self._labels[t])):
            index = SliceIndex(t, z)
            if index not in self._known:
                yield partial(self.of, index)

    def added_mm2(self, structure: Structure, t: int) -> NDArray[np.float64]:
        """Return by how much muscle inside makes a structure larger, slice by slice, ``(z,)``."""
        counts = [self.of(SliceIndex(t, z)) for z in range(len(self._labels[t]))]
        if structure is Structure.RV_CAVITY:
            pixels = [-one.rv for one in counts]
        elif structure is Structure.LV_CAVITY:
            pixels = [-one.lv for one in counts]
        else:
            pixels = [one.lv if structure is Structure.MYOCARDIUM else 0 for one in counts]
        return np.array(pixels) * self._pixel_mm2

    def untold(self, t: int) -> tuple[int, ...]:
        """Return the slices of a frame on which nothing tells muscle from blood."""
        slices = range(len(self._labels[t]))
        return tuple(z for z in slices if not self.of(SliceIndex(t, z)).told)
