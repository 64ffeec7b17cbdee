"""What a mask's own file notes: its label scheme, and what of it a person has confirmed.

It stands as JSON among the header's extensions, for the header itself has no room for it.
"""

import hashlib
import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import LabelScheme, scheme_named
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.review import Review

#: What the note says that it is.
FORMAT = "napari-cardiac-ssl mask 1"


class Noted(NamedTuple):
    """What a mask's file says of it; None where it does not."""

    scheme: LabelScheme | None = None
    review: Review | None = None


def note_of(labels: NDArray[np.integer], scheme: LabelScheme, review: Review | None) -> str:
    """Return the note of a mask.

    Parameters
    ----------
    labels
        As they stand in the file, shape ``(t, z, y, x)``.
    scheme
        Theirs.
    review
        What of them a person has confirmed, where that is known.
    """
    said: dict[str, object] = {"format": FORMAT, "scheme": scheme.name}
    if review:
        said |= review.record() | {"labels_sha256": _digest(labels)}
    return json.dumps(said)


def read_note(text: str, labels: NDArray[np.integer]) -> Noted:
    """Return what a note says.

    A program that changes the labels may leave the note as it was: then what was reviewed is not
    known.

    Examples
    --------
    >>> labels = np.ones((1, 2, 3, 3), np.uint8)
    >>> note = note_of(labels, scheme_named("ukbb"), Review(("pc",), "a model"))
    >>> read_note(note, labels).review.word
    '1 of 2 slices confirmed'
    >>> read_note(note, 2 * labels).review is None
    True
    """
    try:
        said = json.loads(text) if text else None
    except ValueError:
        return Noted()
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return Noted()
    try:
        scheme = scheme_named(str(said.get("scheme")))
    except InputError:  # of a version to come
        scheme = None
    frames, slices = labels.shape[:2]
    review = None
    if said.get("labels_sha256") == _digest(labels):
        review = Review.from_record(said, (frames, slices))
    return Noted(scheme, review)


def _digest(labels: NDArray[np.integer]) -> str:
    """Return the SHA-256 of labels, whatever the type of their integers."""
    return hashlib.sha256(np.ascontiguousarray(labels, dtype="<u2").tobytes()).hexdigest()
