"""Which label scheme a mask is in, and what told it."""

import warnings
from enum import StrEnum
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, SCHEMES, UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.scheme_detection import detect_scheme, read_labels


class SchemeWarning(InputWarning):
    """A mask's label scheme was named, and its anatomy clearly says another."""


class ToldBy(StrEnum):
    """What told a mask's label scheme."""

    HEADER = "noted in its header"
    NAME = "named"
    ANATOMY = "told from the anatomy"
    FORMAT = "named in the file, structure by structure"


def noted_scheme(header: bytes) -> LabelScheme | None:
    """Return the scheme that `write_mask` noted in the header; None in files of others."""
    kind = nib.Nifti1Header if len(header) == 348 else nib.Nifti2Header
    noted = bytes(kind(header, check=False)["intent_name"]).decode("latin-1").strip("\0 ")
    return SCHEMES.get(noted)


def scheme_of(
    labels: NDArray[np.uint8], noted: LabelScheme | None, named: LabelScheme | None
) -> tuple[LabelScheme, ToldBy]:
    """Return a mask's scheme, and what told it."""
    if noted:
        return noted, ToldBy.HEADER
    if named:
        return named, ToldBy.NAME
    # Without any label every scheme says the same.
    return (detect_scheme(labels) if labels.any() else UKBB), ToldBy.ANATOMY


def _differ(seen: LabelScheme, scheme: LabelScheme, labels: NDArray[np.integer]) -> bool:
    """Tell whether two schemes mean different things by the integers that are there."""
    present = set(np.unique(labels).tolist()) - {one.integer for one in scheme.apart}
    return any(
        seen.meanings.get(code, meant) != meant and seen.meanings[code] in SAX_STRUCTURES
        for code, meant in scheme.meanings.items()
        if code in present
    )


def warn_of_another_scheme(
    labels: NDArray[np.integer], scheme: LabelScheme, told_by: ToldBy, path: Path
) -> bool:
    """Warn if the anatomy clearly says another scheme than the one that was named, or none.

    Returns whether it does.
    """
    try:
        seen = detect_scheme(labels)
    except InputError:  # it says nothing, or no scheme that is known
        seen = scheme
    reading = read_labels(labels)
    if _differ(seen, scheme, labels):
        line = (
            f"read as scheme {scheme.name}, as named, but its anatomy says {seen.name} (the cavity "
            "that the myocardium encloses is the LV): LV and RV may be swapped; if so, name "
            f"{seen.name}"
        )
    elif reading and reading.contradicts(scheme):
        line = f"read as scheme {scheme.name}, {told_by}, but {reading}; if so, {reading.advice}"
    else:
        return False
    warnings.warn(f"{path}: {line}", SchemeWarning, stacklevel=3)
    return True
