"""Which integer means which structure, as the window tells, offers and refuses it."""

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import (
    STRUCTURES_OF_VIEW,
    UKBB,
    LabelScheme,
    Structure,
    View,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.scheme_detection import detect_scheme
from napari_cardiac_ssl.study import SliceIndex


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


def codes_of(view: View) -> list[int]:
    """Return the UKBB integers of what is contoured in a view.

    Examples
    --------
    >>> codes_of(View.LAX_2CH)
    [1, 2, 4]
    """
    return [UKBB.code(one) for one in STRUCTURES_OF_VIEW.get(view, UKBB.structures)]


def refuse_unknown(found: NDArray[np.integer], view: View, index: SliceIndex) -> None:
    """Refuse integers that mean no structure of a view.

    Parameters
    ----------
    found
        What has been written on a slice.
    view
        Its view.
    index
        Which slice it is, for the message.

    Raises
    ------
    InputError
        If one means nothing.
    """
    unknown = sorted(set(np.unique(found).tolist()) - {0, *codes_of(view)})
    if unknown:
        known = ", ".join(f"{code} {UKBB.structures[code - 1]}" for code in codes_of(view))
        raise InputError(
            f"frame {index.t}, slice {index.z}: label {unknown[0]} means no structure of this "
            f"view (0 nothing, {known}); the slice is as it was before"
        )
