"""What there is to write of one stack at one moment, and what writes it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme, View
from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.measures import InsertionPoints, Measured, Measures, Phases, Sex
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.review import Review, of_annotations
from napari_cardiac_ssl.study import SliceIndex, Stack, in_time
from napari_cardiac_ssl.wording import count


@dataclass(frozen=True, eq=False)
class Work:
    """The work on a stack, as writers see it.

    Parameters
    ----------
    stack, annotations
        The image and its labels, slice by slice.
    measured
        Of these labels.
    phases
        ED and ES.
    study
        What users call the examination.
    notes
        What was remarked when it was read, a line each.
    landmarks
        The heart's three points, where they are known.
    model
        The present one, if there is one.
    body_surface_m2, sex
        Of the person, where they are known.
    person_remark
        Where these are from, in a few words, unless somebody said them.
    insertion
        The RV's insertion points, where somebody has set them.
    validation
        How models did on this stack's slices before they learned from them, a row each.
    """

    stack: Stack
    annotations: Annotations
    measured: Measured
    phases: Phases
    study: str = ""
    notes: Sequence[str] = ()
    landmarks: Landmarks | None = None
    model: ModelFile | None = None
    body_surface_m2: float = nan
    sex: Sex | None = None
    person_remark: str = ""
    insertion: InsertionPoints | None = None
    validation: Sequence[Mapping[str, object]] = ()

    @property
    def review(self) -> Review:
        """What of the labels a person has confirmed."""
        records = map(self.annotations.record, self.annotations.slices(SliceState.PREDICTED))
        drew = sorted({record.model[:12] for record in records if record.model})
        called = f"{count(len(drew), 'model')} of the session ({', '.join(drew)})" if drew else ""
        return of_annotations(self.annotations, called)

    def measures(self, *, wall: bool = False) -> Measures:
        """Return the heart's numbers."""
        return self.measured.measures(
            phases=self.phases,
            state_of=self.annotations.state,
            wall=wall,
            body_surface_m2=self.body_surface_m2,
            sex=self.sex,
        )

    def check_short_axis(self, what: str) -> None:
        """Refuse views that cannot be measured.

        Raises
        ------
        InputError
            As said.
        """
        if self.stack.view is not View.SAX:
            raise InputError(
                f"{self.stack.name} is a {self.stack.view} view; only the short axis is {what}"
            )


def works_in_time(works: Sequence[Work], like: Work) -> Work:
    """Return work on stacks of one grid, such as ED and ES in files of their own, as one in time.

    Parameters
    ----------
    works
        In the order of time.
    like
        The one of them that tells what else is known of the heart.
    """
    stack = in_time([work.stack for work in works])
    annotations, begin = Annotations(stack.image.shape), 0
    for work in works:
        for index in work.stack.slice_indices():
            there = SliceIndex(begin + index.t, index.z)
            annotations.put(there, work.annotations.content(index))
        begin += work.stack.frames
    measured = Measured(
        annotations.labels,
        stack.affine,
        orientation_known=stack.orientation_known,
        image=stack.image,
        papillary=like.measured.papillary,
        insertion=like.insertion,
    )
    return replace(
        like,
        stack=stack,
        annotations=annotations,
        measured=measured,
        phases=measured.phases(annotations.state),
        validation=[row for work in works for row in work.validation],
    )


@dataclass(frozen=True)
class Choice:
    """How masks are written.

    Parameters
    ----------
    scheme
        Which integer means which structure.
    frames
        Whose labels; the others are empty. All by default.
    """

    scheme: LabelScheme = UKBB
    frames: Collection[int] | None = None

    def labels(self, work: Work) -> NDArray[np.uint8]:
        """Return the labels of the chosen frames.

        Raises
        ------
        InputError
            If there is no such frame.
        """
        labels = work.annotations.labels
        if self.frames is None:
            return labels
        for frame in self.frames:
            if not 0 <= frame < work.stack.frames:
                raise InputError(f"no frame {frame}: there are 0 to {work.stack.frames - 1}")
        chosen = np.zeros_like(labels)
        for frame in self.frames:
            chosen[frame] = labels[frame]
        return chosen

    def review(self, work: Work) -> Review:
        """Return what of the chosen frames a person has confirmed."""
        whole = work.review
        if self.frames is None:
            return whole
        none = "-" * work.stack.slices
        states = (s if t in self.frames else none for t, s in enumerate(whole.states))
        return replace(whole, states=tuple(states))


def _always(work: Work) -> bool:
    return True


def of_short_axis(work: Work) -> bool:
    """Tell whether the stack is one that can be measured."""
    return work.stack.view is View.SAX


@dataclass(frozen=True)
class Writer:
    """One kind of file that work leaves as.

    Parameters
    ----------
    key
        Its name in programs.
    name, about
        For people: what it is called, and what it is.
    ending
        Of its file, after the stack's name.
    write
        Writes it, and returns the files.
    offered
        Whether there is anything of the kind to write.
    usual
        Whether it is written unless one says otherwise.
    """

    key: str
    name: str
    about: str
    ending: str
    write: Callable[[Path, Work, Choice], tuple[Path, ...]]
    offered: Callable[[Work], bool] = _always
    usual: bool = False
