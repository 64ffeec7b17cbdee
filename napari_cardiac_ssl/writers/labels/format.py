"""What there is to write of labels, and what the registry keeps of a format."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.contours import Contour, kept_beside
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.work import Choice, Work, Writer


class Made(StrEnum):
    """Who drew the labels, in DICOM's words."""

    MANUAL = "manual"
    SEMIAUTOMATIC = "semiautomatic"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, eq=False)
class Drawing:
    """Labels to be written.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, that of the image; in the scheme `UKBB`.
    like
        The image.
    contours
        As they were drawn, where that is known.
    scheme
        Which integers a mask gets.
    made
        Who drew them.
    review
        What of them a person has confirmed, where that is known.
    apart
        Where there is what is none of our structures, by name; only masks can hold it.
    """

    labels: NDArray[np.uint8]
    like: Stack
    contours: tuple[Contour, ...] = ()
    scheme: LabelScheme = UKBB
    made: Made = Made.SEMIAUTOMATIC
    review: Review | None = None
    apart: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the labels are the image's."""
        if self.labels.shape != self.like.image.shape:
            raise InputError(
                f"labels of shape {self.labels.shape} do not fit the image {self.like.name}, "
                f"which has shape {self.like.image.shape} (t, z, y, x)"
            )

    def keep_contours(self, path: Path) -> tuple[Path, ...]:
        """Write the contours as they were drawn beside a mask, which knows only their pixels."""
        beside = kept_beside(path)
        if not self.contours:
            # Those of an earlier mask by this name are not of this one.
            beside.unlink(missing_ok=True)
            return ()
        said = {"format": KEPT, "contours": [contour.record() for contour in self.contours]}
        with replacing(beside) as file:
            file.write_text(json.dumps(said) + "\n", encoding="utf-8")
        return (beside,)


#: What the file of kept contours says that it is.
KEPT = "napari-cardiac-ssl contours 1"


def _anywhere(_: Stack) -> bool:
    return True


@dataclass(frozen=True)
class LabelFormat:
    """How labels go out in one format.

    Parameters
    ----------
    key, name, about
        In programs, and for people.
    ending
        Of the file or folder, after the image's name.
    write
        Writes it, and returns the files.
    fits
        Whether labels of a stack can be written so.
    """

    key: str
    name: str
    about: str
    ending: str
    write: Callable[[Path, Drawing], tuple[Path, ...]]
    fits: Callable[[Stack], bool] = _anywhere

    def writer(self) -> Writer:
        """Return the entry that the window's export is drawn from."""

        def write(path: Path, work: Work, choice: Choice) -> tuple[Path, ...]:
            labels = choice.labels(work)
            drawing = Drawing(
                labels,
                work.stack,
                scheme=choice.scheme,
                made=made_by(work),
                review=choice.review(work),
            )
            return self.write(path, drawing)

        return Writer(
            self.key,
            self.name,
            self.about,
            self.ending,
            write,
            offered=lambda work: self.fits(work.stack),
        )


def made_by(work: Work) -> Made:
    """Tell who drew the labels: by what was predicted, and what a person has looked at."""
    annotations = work.annotations
    if not annotations.slices(SliceState.EXPERT, SliceState.EDITING):
        return Made.AUTOMATIC
    touched = annotations.slices(SliceState.EXPERT, SliceState.EDITING, SliceState.PREDICTED)
    by_hand = all(not annotations.record(index).model for index in touched)
    return Made.MANUAL if by_hand else Made.SEMIAUTOMATIC
