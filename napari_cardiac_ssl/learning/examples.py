"""What a fine-tuning learns from: the slices that experts drew, and the rest of their stacks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_cardiac_ssl.annotations import middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.averaging import Evidence
from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD, Card, Model
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.grid import Augmentation, Intensities, grid_of
from napari_cardiac_ssl.learning.recall import BELIEVED, recalled, where_sure
from napari_cardiac_ssl.study import SliceIndex, Stack

#: The margin around the crop from which turned and shifted crops are drawn.
MARGIN = 1.5
#: So many slices of a stack that nobody labelled are recalled: more take time and teach little.
MOST_RECALLED = 32
#: So near to where the heart is on slices on both sides it may be expected between them.
NEAR_MM = 5.0
#: So near to the heart that a start sees its "no heart" is not believed.
NEAR_BORDER_MM = 7.0
#: On so many slices a structure must have been drawn for the expert alone to teach it.
SHOWN_OFTEN = 2


@dataclass(frozen=True, eq=False)
class ExpertSlices:
    """What an expert drew on one stack.

    Parameters
    ----------
    stack
        The images.
    labels
        Shape ``(t, z, y, x)``, `UKBB` integers. Only the slices named are looked at.
    slices
        The annotated ones. "No heart on this slice" is an annotation too; an untouched slice is
        not.
    others
        Slices that nobody annotated, whose images may be looked at; None: all that are left.
    """

    stack: Stack
    labels: NDArray[np.uint8]
    slices: tuple[SliceIndex, ...]
    others: tuple[SliceIndex, ...] | None = None

    def __post_init__(self) -> None:
        """Check that labels and slices belong to the stack."""
        if self.labels.shape != self.stack.image.shape:
            raise InputError(
                f"{self.stack.name}: labels of shape {self.labels.shape} on images of shape "
                f"{self.stack.image.shape} (t, z, y, x)"
            )
        for index in (*self.slices, *(self.others or ())):
            if not (0 <= index.t < self.stack.frames and 0 <= index.z < self.stack.slices):
                raise InputError(
                    f"{self.stack.name}: no slice {index.z} of frame {index.t}; it has "
                    f"{self.stack.frames} frames and {self.stack.slices} slices (from 0)"
                )

    def centre_yx(self) -> tuple[float, float] | None:
        """Return the middle of what was labelled, native voxels; None where nothing is."""
        return middle_of(self.labels[tuple(np.array(self.slices).T)])

    def with_heart(self) -> tuple[SliceIndex, ...]:
        """Return the annotated slices that show a structure."""
        return tuple(index for index in self.slices if self.labels[index].any())

    def without_heart(self) -> tuple[SliceIndex, ...]:
        """Return the annotated slices that show none."""
        return tuple(index for index in self.slices if not self.labels[index].any())

    def recallable(self, most: int = MOST_RECALLED) -> tuple[SliceIndex, ...]:
        """Return slices that nobody annotated: those of annotated frames first, others evenly."""
        others = self.stack.slice_indices() if self.others is None else self.others
        annotated, frames = set(self.slices), {index.t for index in self.slices}
        left = [index for index in others if index not in annotated]
        beside = [index for index in left if index.t in frames]
        apart = [index for index in left if index.t not in frames]
        first = _evenly(beside, most)
        return (*first, *_evenly(apart, most - len(first)))


class ExpertBatches:
    """Draws augmented batches from expert slices and from the rest of their stacks.

    Each slice is brought to the grid's spacing once, with a margin; a batch is then one
    interpolation. With every slice that shows a heart comes one of the *rest*, as long as there
    are as many: slices that an expert found empty, and slices that nobody annotated (`recall`).
    Of either kind slices are drawn without replacement, round after round.

    Parameters
    ----------
    examples
        What experts drew.
    card
        Grid and structures.
    seed
        Random seed.
    augmentation
        How slices are changed.
    """

    def __init__(
        self,
        examples: Sequence[ExpertSlices],
        card: Card,
        *,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._samplings = [_Sampling(example, card) for example in examples]
        self._size = card.size
        self._augment = augmentation or Augmentation()
        self._chance = torch.Generator().manual_seed(seed)
        drawn = [s.labelled(index) for s in self._samplings for index in s.example.with_heart()]
        empty = [s.labelled(index) for s in self._samplings for index in s.example.without_heart()]
        self._drawn = Slices.of(drawn)
        self._rest, self._empty = Slices.of(empty) if empty else None, len(empty)
        # How many slices show each structure: what the expert shows need not be recalled.
        shown = (self._drawn.shares[:, 1:].sum(dim=(2, 3)) > 1).sum(dim=0).tolist()
        channels = range(1, len(card.structures) + 1)
        self._always_believed = [c for c in channels if card.structures[c - 1] in BELIEVED]
        self._believed = [
            c for c in channels if c in self._always_believed or shown[c - 1] < SHOWN_OFTEN
        ]
        self._draw = _Rounds(len(drawn), self._chance)
        self._draw_rest = _Rounds(len(empty), self._chance)

    def seen_by(self, model: Model, compute: Compute) -> "Slices | None":
        """Return what a model says of slices that nobody annotated; None where there are none.

        What is not to be believed, however sure the model is, is left out: that there is no heart
        between slices that show it, and just outside the heart that the model itself sees, whose
        border the expert's slices move.
        """
        places = [(s, index) for s in self._samplings for index in s.example.recallable()]
        if not places:
            return None
        images = torch.stack([s.image(index) for s, index in places])
        said = recalled(model, STRUCTURES_HEAD, images, compute)
        heart = said[:, self._always_believed].sum(dim=1)
        within = torch.stack([s.within_heart(index) for s, index in places])
        doubtful = within | (_near(heart, NEAR_BORDER_MM, model.card.spacing_mm) > 0.5)
        return Slices(images, said * ~(doubtful & (said.argmax(dim=1) == 0))[:, None])

    def recall(self, seen: "Slices") -> None:
        """Let the rest hold slices that nobody annotated, with what a model is sure of there."""
        self._rest = seen if self._rest is None else self._rest.and_(seen)
        self._draw_rest = _Rounds(len(self._rest), self._chance)

    def __call__(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return a batch: so many slices that show a heart, then the rest.

        Images are ``(n, 1, size, size)``, shares ``(n, classes, size, size)``, all zero where
        nothing is known.
        """
        images, shares = self._drawn.at(self._draw(batch_size))
        seen = torch.zeros(batch_size, dtype=torch.bool)
        if self._rest is not None:
            each = min(1.0, len(self._rest) / len(self._drawn))
            chosen = self._draw_rest(max(1, round(batch_size * each)))
            beside = self._rest.at(chosen)
            images, shares = torch.cat([images, beside[0]]), torch.cat([shares, beside[1]])
            seen = torch.cat([seen, chosen >= self._empty])
        images, shares = self._augment(images, shares, self._size, self._chance)
        # Only now, when shares are mixed: a pixel beside one in doubt is in doubt as well.
        shares[seen] = where_sure(shares[seen], self._believed)
        return images, shares

    def as_drawn(self, most: int) -> Evidence:
        """Return slices that show a heart, unchanged; `most` of them, spread over all."""
        return self._evidence(self._drawn, most)

    def as_recalled(self, seen: "Slices", most: int) -> Evidence:
        """Return slices that nobody annotated, unchanged, with what is recalled of them."""
        sure = Slices(seen.images, where_sure(seen.shares, self._believed))
        return self._evidence(sure, most)

    def _evidence(self, slices: "Slices", most: int) -> Evidence:
        chosen = torch.linspace(0, len(slices) - 1, min(most, len(slices))).round().long()
        images, shares = slices.at(chosen)
        edge = (images.shape[-1] - self._size) // 2
        inner = slice(edge, edge + self._size)
        shares = shares[..., inner, inner]
        known = torch.where(shares.sum(dim=1) > 0, shares.argmax(dim=1), -1)
        return Evidence(images[..., inner, inner], known)


class _Sampling:
    """Brings slices of one stack to the grid, with a margin."""

    def __init__(self, example: ExpertSlices, card: Card) -> None:
        self.example, self._card = example, card
        multiple = card.architecture.multiple
        self._grid = grid_of(
            example.stack,
            example.centre_yx(),
            spacing_mm=card.spacing_mm,
            size=multiple * round(card.size * MARGIN / multiple),
        )
        self._intensities = Intensities.of(example.stack)

    def image(self, index: SliceIndex) -> Tensor:
        """Return a slice, ``(1, margin, margin)``."""
        image = self._grid.to_network(self.example.stack.image[index], self._intensities.apply)
        return torch.from_numpy(image)[None]

    def labelled(self, index: SliceIndex) -> tuple[Tensor, Tensor]:
        """Return a slice and its shares."""
        return self.image(index), self.shares(index)

    def shares(self, index: SliceIndex) -> Tensor:
        """Return the share of each class on a slice, ``(classes, margin, margin)``."""
        channels = self._card.channels[self.example.labels[index]]
        shares = self._grid.labels_to_network(channels, len(self._card.structures) + 1)
        return torch.from_numpy(shares)

    def within_heart(self, index: SliceIndex) -> Tensor:
        """Return where slices on both sides of one show the heart, or nearly, ``(margin, margin)``.

        Of its own frame alone: in others the base is elsewhere. Nowhere beyond the first and last.
        """
        drawn = [one for one in self.example.with_heart() if one.t == index.t]
        places = [one.z for one in drawn]
        if not places or not min(places) < index.z < max(places):
            return torch.zeros((self._grid.size, self._grid.size), dtype=torch.bool)
        before = max(one for one in drawn if one.z < index.z)
        after = min(one for one in drawn if one.z > index.z)
        heart = 1 - torch.minimum(self.shares(before)[0], self.shares(after)[0])
        return _near(heart[None], NEAR_MM, self._grid.spacing_mm)[0] > 0.5


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices on the grid with a margin, and the share of each class in their pixels."""

    images: Tensor
    shares: Tensor

    @classmethod
    def of(cls, slices: Sequence[tuple[Tensor, Tensor]]) -> "Slices":
        """Put slices together."""
        images, shares = zip(*slices, strict=True)
        return cls(torch.stack(images), torch.stack(shares))

    def __len__(self) -> int:
        return len(self.images)

    def and_(self, others: "Slices") -> "Slices":
        """Return these and others."""
        return Slices(
            torch.cat([self.images, others.images]), torch.cat([self.shares, others.shares])
        )

    def at(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return images and shares of some."""
        return self.images[chosen], self.shares[chosen]


class _Rounds:
    """Draws numbers without replacement, round after round."""

    def __init__(self, number: int, chance: torch.Generator) -> None:
        self._number, self._chance = number, chance
        self._queue = torch.empty(0, dtype=torch.long)

    def __call__(self, number: int) -> Tensor:
        while len(self._queue) < number:
            order = torch.randperm(self._number, generator=self._chance)
            self._queue = torch.cat([self._queue, order])
        chosen, self._queue = self._queue[:number], self._queue[number:]
        return chosen


def _near(shares: Tensor, mm: float, spacing_mm: float) -> Tensor:
    """Return the most of what lies within so many mm of each pixel, ``(n, h, w)``."""
    side = 2 * round(mm / spacing_mm) + 1
    return functional.max_pool2d(shares[:, None], side, stride=1, padding=side // 2)[:, 0]


def _evenly(slices: Sequence[SliceIndex], most: int) -> tuple[SliceIndex, ...]:
    """Return at most so many of some slices, spread over all."""
    chosen = np.linspace(0, len(slices) - 1, min(most, len(slices))).round().astype(int)
    return tuple(slices[i] for i in chosen)
