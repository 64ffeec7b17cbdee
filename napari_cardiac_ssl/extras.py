"""Libraries that only some users need: used where they are, and said where they are not."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from napari_cardiac_ssl.errors import InputError

#: What each library is needed for, and the extra that brings it.
_EXTRAS = {"highdicom": ("DICOM SEG", "dicom-seg"), "nrrd": (".seg.nrrd files", "slicer")}


def is_there(library: str) -> bool:
    """Tell whether a library is installed, without loading it."""
    return find_spec(library) is not None


def needed(library: str) -> Any:
    """Return a library.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(library)
    except ImportError as error:
        what, extra = _EXTRAS[library]
        raise InputError(
            f"{what} need the library {library}, which is not here: pip install "
            f"'napari-cardiac-ssl[{extra}]'"
        ) from error
