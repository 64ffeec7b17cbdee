"""A simulated expert: labels what the session suggests, from a reference, and counts the work.

It drives the same session as the window does. It looks at the slice that is suggested, corrects
what is wrong enough, confirms, and has the model learn; then the next slice. What it costs is
counted in slices and in pixels.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.suggestion import Strategy
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.session import Session, Start
from napari_cardiac_ssl.study import SliceIndex

#: An expert leaves a border that is off by less: about a pixel and a half.
TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class Round:
    """One slice labelled and learned from.

    Parameters
    ----------
    number
        From 1; 0 is what was there before any label.
    index
        The slice; None in round 0.
    reason
        Why it was suggested.
    dice
        Over the whole stack after the round: per structure and frame over the volume, then the
        mean. Of labels as they are seen, the expert's slices among them.
    corrected_pixels
        Pixels that were changed on the slice.
    seconds
        From the suggestion to refreshed predictions.
    """

    number: int
    index: SliceIndex | None
    reason: str
    dice: float
    corrected_pixels: int
    seconds: float


def corrected(
    labels: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    pixel_mm: tuple[float, float],
    tolerance_mm: float = TOLERANCE_MM,
) -> NDArray[np.uint8]:
    """Correct a slice as an expert would: what is wrong by more than a border's width.

    Wrong pixels that hang together are corrected together, if any of them lies farther from where
    its label would be right than the tolerance.

    Parameters
    ----------
    labels, reference
        Shape ``(y, x)``.
    pixel_mm
        Along ``(y, x)``.
    tolerance_mm
        How far a border may be off.

    Examples
    --------
    >>> reference = np.zeros((9, 9), np.uint8); reference[2:7, 2:7] = 1
    >>> labels = np.zeros((9, 9), np.uint8); labels[2:7, 3:7] = 1  # one column short
    >>> bool((corrected(labels, reference, (1.5, 1.5)) == labels).all())
    True
    >>> labels[2:7, 3:5] = 0  # three columns short
    >>> bool((corrected(labels, reference, (1.5, 1.5)) == reference).all())
    True
    """
    wrong = labels != reference
    off_mm = np.zeros(labels.shape)
    for code in np.unique(labels[wrong]):
        right = reference == code
        if right.any():
            off_mm[labels == code] = ndimage.distance_transform_edt(~right, sampling=pixel_mm)[
                labels == code
            ]
        else:
            off_mm[labels == code] = np.inf
    pieces, number = ndimage.label(wrong, structure=np.ones((3, 3)))
    worst = ndimage.maximum(off_mm, pieces, np.arange(number + 1))
    result = labels.copy()
    too_far = wrong & (np.asarray(worst)[pieces] > tolerance_mm)
    result[too_far] = reference[too_far]
    return result


def rounds(
    session: Session,
    reference: NDArray[np.uint8],
    *,
    number: int,
    strategy: Strategy = "suggest",
    start: Start = "present",
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    tolerance_mm: float = TOLERANCE_MM,
) -> Iterator[Round]:
    """Label the open stack, a suggested slice at a time.

    Parameters
    ----------
    session
        With the stack open and nothing labelled.
    reference
        Shape ``(t, z, y, x)``, in the scheme `UKBB`. Frames without any label are neither
        suggested nor scored.
    number
        So many rounds, or until every slice is labelled.
    strategy
        How slices are chosen.
    start
        What the first training starts from; later ones go on.
    seconds, steps
        Budget of each round, as in `Session.train`.
    seed
        Random seed. The same seed, steps and machine give the same rounds.
    tolerance_mm
        As in `corrected`.

    Yields
    ------
    Round
        Round 0, what the start predicts before any label, then one for each slice.

    Raises
    ------
    InputError
        If the reference is empty or of another shape.
    """
    stack = session.stack
    if reference.shape != stack.image.shape:
        raise InputError(
            f"the reference has shape {reference.shape}, {stack.name} {stack.image.shape}"
        )
    frames = np.asarray(reference.any(axis=(1, 2, 3)))
    if not frames.any():
        raise InputError("the reference has no label at all: there is nothing to learn from it")
    among = np.repeat(frames[:, None], stack.slices, axis=1)
    if start != "scratch":
        session.training.predict()
        session.wait(uncertainty=True)
    yield Round(0, None, "", _dice(session, reference, frames), 0, 0.0)
    for round_ in range(1, number + 1):
        begun = time.monotonic()
        found = session.suggestion.suggest(strategy, among=among, seed=1000 * seed + round_)
        if not found:
            return
        index = found[0].index
        before = session.annotations.labels[index].copy()
        after = corrected(before, reference[index], stack.spacing_mm[1:], tolerance_mm)
        if pixels := int((after != before).sum()):
            session.labelling.annotate(index, after)
        session.confirm(index)
        # Slices without a heart teach nothing as long as there are no others.
        expert = session.annotations.slices(SliceState.EXPERT)
        if any(reference[index].any() for index in expert):
            session.training.train(
                start=start, seconds=seconds, steps=steps, first=index, seed=seed
            )
            session.wait(uncertainty=True)
            start = "present"
        reached = _dice(session, reference, frames)
        took = round(time.monotonic() - begun, 2)
        yield Round(round_, index, found[0].reason, reached, pixels, took)


def _dice(session: Session, reference: NDArray[np.uint8], frames: NDArray[np.bool_]) -> float:
    labels = session.annotations.labels
    codes = map(UKBB.code, STRUCTURES_OF_VIEW.get(session.stack.view, ()))
    return mean_defined(
        dice(labels[t] == code, reference[t] == code)
        for code in codes
        for t in np.flatnonzero(frames)
    )
