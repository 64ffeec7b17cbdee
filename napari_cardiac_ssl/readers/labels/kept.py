"""Contours as they were drawn, kept beside a mask that was made of them."""

import json
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import Contour, kept_beside


def kept_contours(path: Path) -> tuple[Contour, ...]:
    """Return the contours that are kept beside a mask, as they were drawn; none if there are none.

    Raises
    ------
    InputError
        If the file beside it is damaged.
    """
    beside = kept_beside(path)
    if not beside.is_file():
        return ()
    try:
        said = json.loads(beside.read_text(encoding="utf-8"))
        return tuple(Contour.of_record(one) for one in said["contours"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(
            f"{beside}: not the contours that were kept beside {path.name} ({error}); delete it to "
            "trace them from the mask"
        ) from error
