"""What long-axis views say: areas, the LV's length, and its volume from two of them.

Area-length
    V = 8 A₂ A₄ / (3π L), with the areas of the LV cavity in the 2CH and the 4CH view and the
    shorter of its two lengths (Dodge et al., Am Heart J 1960;60:762, with the shorter length as
    usual since). It is exact for ellipsoids that the views cut along their axis.
Length
    From the middle of the mitral plane to the furthest point of the cavity. The mitral plane is
    where the cavity borders on the left atrium or, in masks without one, on no myocardium.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures.ring import plane_mm
from napari_cardiac_ssl.measures.volumes import pixel_area_mm2

_LV, _MYO, _LA = (
    UKBB.code(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.LEFT_ATRIUM)
)


def view_areas_mm2(
    labels: NDArray[np.integer], affine: NDArray[np.float64]
) -> dict[Structure, float]:
    """Return the area of every structure that a long-axis view shows in one frame.

    Parameters
    ----------
    labels
        Shape ``(y, x)``, in the scheme `UKBB`.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to mm.

    Examples
    --------
    >>> view_areas_mm2(np.array([[0, 1, 1], [4, 4, 4]]), np.diag([2.0, 2, 8, 1]))
    {<Structure.LV_CAVITY: 'LV cavity'>: 8.0, <Structure.LEFT_ATRIUM: 'left atrium'>: 12.0}
    """
    pixel = pixel_area_mm2(affine)
    counts = {s: int(np.count_nonzero(labels == UKBB.code(s))) for s in UKBB.structures}
    return {structure: count * pixel for structure, count in counts.items() if count}


def lv_length_mm(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> float:
    """Return the length of the LV cavity in a long-axis view; NaN without one.

    Parameters
    ----------
    labels
        Shape ``(y, x)``, in the scheme `UKBB`.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to mm.

    Examples
    --------
    >>> labels = np.zeros((30, 9), np.uint8)
    >>> labels[5:25, 2:7], labels[:5, 2:7], labels[25:27, 2:7] = 1, 4, 2
    >>> lv_length_mm(labels, np.diag([1.0, 1, 8, 1])).__round__(1)
    20.1
    """
    cavity = labels == _LV
    if not cavity.any():
        return float("nan")
    around = ndimage.binary_dilation(cavity) & ~cavity
    mitral = around & (labels == _LA)
    if not mitral.any():
        mitral = around & (labels != _MYO)
    to_mm = plane_mm(affine)
    y, x = np.nonzero(cavity)
    places = np.stack([x, y], axis=1) @ to_mm.T
    if not mitral.any():  # all round myocardium: from end to end
        y, x = np.nonzero(cavity & ~ndimage.binary_erosion(cavity))
        rim = np.stack([x, y], axis=1) @ to_mm.T
        apart = np.linalg.norm(rim[:, np.newaxis] - rim[np.newaxis], axis=2)
        return float(apart.max() + np.sqrt(pixel_area_mm2(affine)))
    y, x = np.nonzero(mitral)
    middle = np.stack([x, y], axis=1).mean(axis=0) @ to_mm.T
    # From centre to centre of pixels on either side of the cavity, whose border is half a pixel on.
    return float(np.linalg.norm(places - middle, axis=1).max())


def area_length_ml(
    area_2ch_mm2: float, area_4ch_mm2: float, length_2ch_mm: float, length_4ch_mm: float
) -> float:
    """Return the volume of the LV from its areas and lengths in two long-axis views.

    Raises
    ------
    InputError
        If an area or a length is not positive.

    Examples
    --------
    An ellipsoid of 80 mm by 50 mm by 40 mm: 4/3 π abc.

    >>> volume = area_length_ml(np.pi * 40 * 25, np.pi * 40 * 20, 80, 80)
    >>> round(volume, 3), round(4 / 3 * np.pi * 40 * 25 * 20 / 1000, 3)
    (83.776, 83.776)
    """
    numbers = (area_2ch_mm2, area_4ch_mm2, length_2ch_mm, length_4ch_mm)
    if not all(number > 0 for number in numbers):
        raise InputError(
            "areas and lengths of the LV cavity must be above 0, got "
            + ", ".join(f"{number:g}" for number in numbers)
            + "; label the LV cavity in both views"
        )
    length = min(length_2ch_mm, length_4ch_mm)
    return float(8 * area_2ch_mm2 * area_4ch_mm2 / (3 * np.pi * length) / 1000)
