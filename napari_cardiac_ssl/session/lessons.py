"""The part of a session that decides what is learned, from where, and what is predicted first."""

from collections.abc import Iterator
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import SliceState, unpack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.project import KeptStack, Project
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.runs import Start
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer.messages import Labelled

#: From so many other stacks of the project at most is learned beside the open one.
MOST_OTHERS = 8
#: From so many of their slices, even if the open stack has fewer.
LEAST_FROM_OTHERS = 4


class Lessons(Models):
    """Labels and models, and what the next model is to learn from."""

    def __init__(self, project: Project | None = None, who: str | None = None) -> None:
        super().__init__(project, who)
        # Stacks that somebody still shows; others are read by the trainer, from their files.
        self._images: WeakValueDictionary[str, Stack] = WeakValueDictionary()

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over."""
        super().open(stack, labels)
        self._images[stack.digest] = stack

    @property
    def has_shipped_weights(self) -> bool:
        """Whether weights ship for the view of the open stack; False where no stack is open."""
        return self._stack is not None and default_weights(self._stack.view) is not None

    def _teaches(self) -> bool:
        """Whether some expert slice shows a heart."""
        labels = self.annotations.labels
        return any(labels[index].any() for index in self.annotations.slices(SliceState.EXPERT))

    def _wanted(self, first: SliceIndex | None) -> tuple[SliceIndex, ...]:
        """Return the slices to predict: those of the frame in view first, then its neighbours."""
        wanted = set(self.stack.slice_indices()) - set(self.annotations.slices(SliceState.EXCLUDED))
        if first is None:
            return tuple(sorted(wanted))
        t, z = first
        return tuple(sorted(wanted, key=lambda index: (abs(index.t - t), abs(index.z - z), index)))

    def _weights(self, start: Start) -> bytes | None:
        if start == "scratch":
            return None
        if start == "present" and self.model is not None:
            return self.model.data
        weights = default_weights(self.stack.view)
        if weights is None and start == "default":
            raise InputError(
                f"no weights ship for {self.stack.view}; start from the present model or scratch"
            )
        return weights

    def _lessons(self, seed: int) -> tuple[Labelled, ...]:
        """Return what there is to learn from: all expert slices of the open stack, and others.

        The project's other stacks of the same view have as many slices at most as the open one, by
        chance: what they teach is not forgotten, and this heart comes first. Round after round all
        of them have their turn.
        """
        slices = self.annotations.slices(SliceState.EXPERT)
        labels = self.annotations.labels[tuple(np.array(slices).T)]
        own = Labelled(self.stack.digest, slices, labels)
        chance = np.random.default_rng(seed)
        others = [kept for kept in self._project.stacks if self._is_alike(kept)][:MOST_OTHERS]
        found = [(kept, *lesson) for kept in others for lesson in self._expert_slices(kept)]
        with_heart = int(labels.any(axis=(1, 2)).sum())  # a cine's empty ends are many
        number = min(len(found), max(with_heart, LEAST_FROM_OTHERS))
        chosen = sorted(chance.choice(len(found), number, replace=False)) if found else []
        lessons = [own]
        for kept in others:
            those = [found[i] for i in chosen if found[i][0] is kept]
            if those:
                indices, masks = [one[1] for one in those], np.stack([one[2] for one in those])
                lessons.append(Labelled(kept.digest, tuple(indices), masks, kept.places))
        return tuple(lessons)

    def _is_alike(self, kept: KeptStack) -> bool:
        """Whether another stack can be learned from beside the open one."""
        there = kept.digest in self._images or any(map(is_there, kept.places))
        return (
            kept.digest != self.stack.digest
            and kept.view is self.stack.view
            and kept.expert > 0
            and there
        )

    def _expert_slices(self, kept: KeptStack) -> Iterator[tuple[SliceIndex, NDArray[np.uint8]]]:
        for index, content in sorted(self._project.contents(kept.digest).items()):
            if content.record.state is SliceState.EXPERT:
                yield index, unpack(content.mask, kept.shape[2:])
