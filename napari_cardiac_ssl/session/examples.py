"""The part of a session that decides what is learned from, and what is predicted first."""

from collections.abc import Callable, Iterable, Iterator
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import SliceState, middle_of, unpack
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.project import KeptStack, Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Job
from napari_cardiac_ssl.trainer.messages import Labelled

#: From so many other stacks of the project at most is learned beside the open one.
MOST_OTHERS = 8
#: From so many of their slices, even if the open stack has fewer.
LEAST_FROM_OTHERS = 4
#: What is learned in fewer steps is of no use, however slow the machine is.
LEAST_STEPS = 60
#: Of a glance fewer are enough.
GLANCE_STEPS = 8


class Examples:
    """What there is to learn from: the expert's slices of the open stack and of those before."""

    def __init__(self, project: Callable[[], Project], study: OpenStudy, history: History) -> None:
        self._project, self._study, self._history = project, study, history
        # Stacks that somebody still shows; others are read by the trainer, from their files.
        self._images: WeakValueDictionary[str, Stack] = WeakValueDictionary()

    @property
    def teach(self) -> bool:
        """Whether some expert slice shows a heart."""
        return self.show_heart(self._history.annotations.slices(SliceState.EXPERT))

    def show_heart(self, slices: Iterable[SliceIndex]) -> bool:
        """Tell whether a heart is labelled on some of these slices."""
        labels = self._history.annotations.labels
        return any(labels[index].any() for index in slices)

    def remember(self) -> None:
        """Remember the open stack's image for as long as somebody shows it."""
        stack = self._study.stack
        self._images[stack.digest] = stack

    def images(self, job: Job) -> list[Stack]:
        """Return the images of a job that are in memory, the open stack's first."""
        shown = [self._images[p.stack] for p in job.examples if p.stack in self._images]
        return [self._study.stack, *shown]

    # -- jobs ------------------------------------------------------------------------------

    def training(
        self,
        number: int,
        start: bytes | None,
        *,
        seconds: float | None = None,
        steps: int | None = None,
        mode: Mode = "all",
        first: SliceIndex | None = None,
        seed: int = 0,
        glance: bool = False,
    ) -> Job:
        """Return a job that learns from all expert slices.

        Parameters
        ----------
        number
            Of the job.
        start
            The weights to start from.
        seconds, steps, mode, first, seed
            As of `Session.train`.
        glance
            Whether it is to learn this heart alone in a few steps, and to predict the frame in
            view alone.
        """
        found, wanted, least_steps = self._found(number - 1), self._wanted(first), LEAST_STEPS
        if glance and first is not None:
            found, least_steps = found[:1], GLANCE_STEPS
            wanted = tuple(index for index in wanted if index.t == first[0])
        return Job(
            number=number,
            examples=found,
            predict=(self._study.stack.digest, wanted),
            start=start,
            mode=mode,
            seconds=seconds,
            steps=steps,
            least_steps=0 if seconds is None else least_steps,
            seed=seed,
            centre_yx=middle_of(found[0].labels),
            doubt=not glance,
        )

    def prediction(self, number: int, start: bytes, first: SliceIndex | None) -> Job:
        """Return a job that predicts and learns nothing."""
        annotations = self._history.annotations
        expert = annotations.slices(SliceState.EXPERT)
        labels = annotations.labels[tuple(np.array(expert).T)] if expert else None
        return Job(
            number=number,
            examples=(),
            predict=(self._study.stack.digest, self._wanted(first)),
            start=start,
            centre_yx=None if labels is None else middle_of(labels),
        )

    def _wanted(self, first: SliceIndex | None) -> tuple[SliceIndex, ...]:
        """Return the slices to predict: those of the frame in view first, then its neighbours."""
        excluded = self._history.annotations.slices(SliceState.EXCLUDED)
        wanted = set(self._study.stack.slice_indices()) - set(excluded)
        if first is None:
            return tuple(sorted(wanted))
        t, z = first
        return tuple(sorted(wanted, key=lambda index: (abs(index.t - t), abs(index.z - z), index)))

    # -- what is learned from --------------------------------------------------------------

    def _found(self, seed: int) -> tuple[Labelled, ...]:
        """Return what there is to learn from: all expert slices of the open stack, and others.

        The project's other stacks of the same view have as many slices at most as the open one, at
        random: what they teach is not forgotten, and this heart comes first. Round after round all
        of them have their turn.
        """
        annotations = self._history.annotations
        slices = annotations.slices(SliceState.EXPERT)
        labels = annotations.labels[tuple(np.array(slices).T)]
        own = Labelled(self._study.stack.digest, slices, labels)
        rng = np.random.default_rng(seed)
        others = [kept for kept in self._project().stacks if self._is_alike(kept)][:MOST_OTHERS]
        found = [(kept, *one) for kept in others for one in self._expert_slices(kept)]
        with_heart = int(labels.any(axis=(1, 2)).sum())  # a cine's empty ends are many
        number = min(len(found), max(with_heart, LEAST_FROM_OTHERS))
        chosen = sorted(rng.choice(len(found), number, replace=False)) if found else []
        examples = [own]
        for kept in others:
            those = [found[i] for i in chosen if found[i][0] is kept]
            if those:
                indices, masks = [one[1] for one in those], np.stack([one[2] for one in those])
                examples.append(Labelled(kept.digest, tuple(indices), masks, kept.places))
        return tuple(examples)

    def _is_alike(self, kept: KeptStack) -> bool:
        """Whether another stack can be learned from beside the open one."""
        there = kept.digest in self._images or any(map(is_there, kept.places))
        return (
            kept.digest != self._study.stack.digest
            and kept.view is self._study.stack.view
            and kept.expert > 0
            and there
        )

    def _expert_slices(self, kept: KeptStack) -> Iterator[tuple[SliceIndex, NDArray[np.uint8]]]:
        for index, content in sorted(self._project().contents(kept.digest).items()):
            if content.record.state is SliceState.EXPERT:
                yield index, unpack(content.mask, kept.shape[2:])
