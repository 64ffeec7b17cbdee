"""Where a NIfTI file says that its voxels lie: sform, qform, pixdim, and what they disagree on."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import Stack

#: sform and qform that differ by less, anywhere in the stack, say the same: far below a pixel,
#: above what rounding the quaternion and the spacing to float32 moves a corner.
SAME_TRANSFORM_MM = 0.01
#: Spacings that differ by a smaller share are the same, rounded: 0.1 % of a volume and less.
SAME_SPACING = 1e-3
#: What is further away than a kilometre was not in the scanner.
MOST_MM = 1e6
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}


def geometry(
    header: Any, shape: tuple[int, int, int, int], path: Path
) -> tuple[NDArray[np.float64], bool, str | None]:
    """Return the affine in mm, whether it says how the image lies, and a line if two differ."""
    pixdim = np.asarray(header["pixdim"], dtype=np.float64)
    if not ((pixdim[1:4] > 0) & (pixdim[1:4] < MOST_MM)).all():
        said = ", ".join(f"{size:g}" for size in pixdim[1:4])
        raise InputError(
            f"{path}: the voxel spacing is {said} mm; it must be positive and finite: correct "
            "the header's pixdim"
        )
    header = header.copy()
    header["pixdim"][0] = -1 if pixdim[0] < 0 else 1  # the standard reads 0 as 1
    mm = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    to_mm = np.array([[mm], [mm], [mm], [1.0]])
    forms = {name: to_mm * form for name, form in _forms(header).items()}
    if _is_empty(forms.get("sform"), mm * pixdim[1:4]):
        del forms["sform"]
        used = "qform" if forms else "pixdim"
        affine = forms.get("qform", to_mm * header.get_base_affine())
        if _is_invertible(affine):
            line = f"{path}: the sform is the identity, which says nothing; the {used} is used"
            return affine, bool(forms), f"{line}, and both are kept in what is exported"
    if not forms:
        return to_mm * header.get_base_affine(), False, None
    used, affine = next(iter(forms.items()))
    if not _is_invertible(affine):
        raise InputError(
            f"{path}: the {used} is not an invertible transform; correct it, or set "
            f"{used}_code to 0"
        )
    other = forms.get("qform", affine)
    if not _is_invertible(other):
        return affine, True, f"{path}: the qform is not a rotation; the sform is used"
    apart = apart_mm(affine, other, shape)
    if apart <= SAME_TRANSFORM_MM:
        return affine, True, _other_spacing(used, affine, mm * pixdim[1:4], path)
    line = f"{path}: sform and qform disagree by up to {apart:.3g} mm; the sform is used"
    return affine, True, f"{line}, and both are kept in what is exported"


def _is_empty(sform: NDArray[np.float64] | None, pixdim_mm: NDArray[np.float64]) -> bool:
    """Tell whether an sform is the identity that is written where nobody knew it."""
    if sform is None or sform[:3, 3].any() or not np.array_equal(np.abs(sform[:3, :3]), np.eye(3)):
        return False
    return not np.allclose(pixdim_mm, 1.0, rtol=SAME_SPACING, atol=0)


def _other_spacing(
    used: str, affine: NDArray[np.float64], pixdim_mm: NDArray[np.float64], path: Path
) -> str | None:
    """Return a line if the pixdim, by which others compute volumes, is not the affine's spacing."""
    steps_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(steps_mm, pixdim_mm, rtol=SAME_SPACING, atol=0):
        return None
    by_affine, by_pixdim = (" x ".join(f"{s:.4g}" for s in said) for said in (steps_mm, pixdim_mm))
    return (
        f"{path}: the {used} says that voxels are {by_affine} mm, the pixdim {by_pixdim} mm; the "
        f"{used} is used, and both are kept in what is exported"
    )


def _forms(header: Any) -> dict[str, NDArray[np.float64]]:
    """Return the transforms that have a code, the one to be used first."""
    forms = {}
    if int(header["sform_code"]) > 0:
        forms["sform"] = header.get_sform()
    if int(header["qform_code"]) > 0:
        _shorten_quaternion(header)
        try:
            forms["qform"] = header.get_qform()
        except ValueError:  # the quaternion is longer than 1
            forms["qform"] = np.full((4, 4), np.nan)
    return forms


def _shorten_quaternion(header: Any) -> None:
    """Bring a quaternion back to length 1 that rounding has made longer: nibabel refuses it."""
    names = [f"quatern_{part}" for part in "bcd"]
    length = float(np.linalg.norm([float(header[name]) for name in names]))
    if 1 < length < 1 + 1e-6:
        for name in names:
            header[name] = header[name] / length


def _is_invertible(affine: NDArray[np.float64]) -> bool:
    axes = affine[:3, :3]
    if not (np.abs(affine) < MOST_MM).all():  # so is NaN
        return False
    return bool(abs(np.linalg.det(axes)) > 1e-6 * np.prod(np.linalg.norm(axes, axis=0)))


def apart_mm(one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Return the most by which two affines place a corner of a stack apart, mm.

    Parameters
    ----------
    one, other
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to mm.
    shape
        ``(t, z, y, x)``.

    Examples
    --------
    >>> apart_mm(np.diag([1.5, 1.5, 10, 1]), np.diag([1.6, 1.5, 10, 1]), (1, 10, 256, 101))
    10.0
    """
    # A single slice has corners one voxel deep, lest a turned normal goes unseen.
    ends = [(0, max(size - 1, 1)) for size in (shape[3], shape[2], shape[1])]
    corners = np.array(list(product(*ends, (1,))), dtype=float)
    return round(float(np.linalg.norm((corners @ (one - other).T)[:, :3], axis=1).max()), 9)


def stacks_apart_mm(one: Stack, other: Stack) -> float:
    """Return the most by which two stacks of one shape lie apart; infinity if it is another, mm."""
    if one.image.shape != other.image.shape:
        return float("inf")
    return apart_mm(one.affine, other.affine, one.image.shape)
