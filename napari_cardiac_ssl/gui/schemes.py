"""Label schemes as the window tells and offers them."""

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import LabelScheme, Structure, detect_scheme
from napari_cardiac_ssl.errors import InputError


class SchemeNotToldError(InputError):
    """The anatomy does not tell which integer means which structure: the user has to."""


def scheme_told(labels: NDArray[np.integer], name: str) -> LabelScheme:
    """Return the scheme that the anatomy tells.

    Parameters
    ----------
    labels
        Integers, shape ``(..., y, x)``.
    name
        Of the layer, for the message.

    Raises
    ------
    SchemeNotToldError
        If it does not tell.
    InputError
        If the labels are in no scheme that is known.
    """
    try:
        return detect_scheme(labels)
    except InputError as error:
        raise said_in_window(error, name) from error


def said_in_window(error: InputError, name: str) -> InputError:
    """Return an error in the window's words: nobody has a command line there."""
    if "--scheme" not in str(error):
        return error
    return SchemeNotToldError(
        f"{name}: no cavity is clearly enclosed by myocardium, so the anatomy does not tell the "
        "label scheme; choose it at Scheme, and press Use"
    )


def words_of(scheme: LabelScheme) -> str:
    """Return a scheme's name with its integers, for a list.

    Examples
    --------
    >>> from napari_cardiac_ssl.anatomy import ACDC
    >>> words_of(ACDC)
    'acdc: LV 3, myo 2, RV 1'
    """
    lv, myocardium, rv = map(
        scheme.code, (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
    )
    return f"{scheme.name}: LV {lv}, myo {myocardium}, RV {rv}"
