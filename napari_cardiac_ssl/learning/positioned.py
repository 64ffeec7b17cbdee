"""Slices with the nine positions as labels, drawn from studies that are loaded as they are wanted.

Studies are loaded a few at a time into a pool, which is drawn from and then replaced: memory does
not grow with their number. Which studies, slices and changes a step sees follows from the seed and
the step's number alone, so a run that was killed goes on exactly where it was.
"""

import warnings
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import middle_of
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.geometry.planes import Plane, outside_mm
from napari_cardiac_ssl.geometry.positioned import PositionedStack, Source
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES, Boxes, boxes_on
from napari_cardiac_ssl.learning.checkpoint import Card
from napari_cardiac_ssl.learning.grid import Augmentation, Intensities, grid_of
from napari_cardiac_ssl.learning.held_out import HeldOut
from napari_cardiac_ssl.learning.partial_truth import channels_of
from napari_cardiac_ssl.study import SliceIndex

#: Position boxes that the network learns, mm: wider apart and smaller than those that are shown,
#: so that neighbours do not touch.
STEP_MM = 20.0
BOX_MM = 14.0
#: How far planes may lie from where a good radiographer would put them; standard deviations.
JITTER_DEG = 8.0
JITTER_MM = 3.0
#: Loaded at a time; slices taken of each; steps until they are replaced.
POOL_STUDIES = 8
POOL_SLICES = 24
POOL_STEPS = 64
#: Taken of each stack that is held out.
HELD_OUT_SLICES = 8
#: Classes of the positions' head: background and nine.
POSITIONS = 1 + len(POSITION_NAMES[View.SAX])


class PositionBatches:
    """Draws augmented batches of positions, and of structures where they are known.

    Parameters
    ----------
    sources
        Studies, each loaded when it is wanted.
    card
        Grid and structures.
    seed
        With the step's number, the random seed.
    first
        Number of the first step to draw for.
    augmentation
        How slices are changed.
    part
        Rank and number of the processes that draw side by side, each its own part.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        card: Card,
        *,
        seed: int,
        first: int = 0,
        augmentation: Augmentation | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        if not sources:
            raise InputError("no study to learn positions from")
        self._part = part
        self._sources = sources
        self._card = card
        self._seed = seed
        self._step = first
        self._augment = augmentation or Augmentation(shift=0.15)
        self._pool: tuple[int, Tensor, Tensor] | None = None

    def __call__(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return images ``(n, 1, size, size)`` and shares ``(n, classes, size, size)``.

        The classes are the ten of positions, then those of structures; the latter are all zero
        where they are unknown.
        """
        rank, ranks = self._part
        images, shares = self._pool_of(self._step // POOL_STEPS * ranks + rank)
        chance = torch.Generator().manual_seed(_mixed(self._seed, 2, self._step * ranks + rank))
        self._step += 1
        chosen = torch.randint(len(images), (batch_size,), generator=chance)
        return self._augment(images[chosen], shares[chosen], self._card.size, chance)

    def _pool_of(self, number: int) -> tuple[Tensor, Tensor]:
        if self._pool is None or self._pool[0] != number:
            self._pool = None  # free the old before the new is loaded
            chance = np.random.default_rng((self._seed, 1, number))
            # Every study once before any a second time, in an order of each round's own.
            count = len(self._sources)
            wanted = range(number * POOL_STUDIES, (number + 1) * POOL_STUDIES)
            images, shares = [], []
            for place in wanted:
                order = np.random.default_rng((self._seed, 0, place // count)).permutation(count)
                try:
                    positioned = self._sources[order[place % count]]()
                except InputError as error:  # it was there when the run began
                    warnings.warn(f"left out this time: {error}", InputWarning, stacklevel=2)
                    continue
                for image, share in examples_of(positioned, self._card, chance):
                    images.append(image)
                    shares.append(share)
            if not images:
                raise InputError(
                    "the heart's centre is in view on no slice of these studies; check that planes "
                    "or landmarks belong to their images"
                )
            self._pool = (
                number,
                torch.from_numpy(np.stack(images))[:, None],
                torch.from_numpy(np.stack(shares)),
            )
        return self._pool[1], self._pool[2]


def examples_of(
    positioned: PositionedStack,
    card: Card,
    chance: np.random.Generator,
    *,
    most: int = POOL_SLICES,
    jitter: bool = True,
) -> Generator[tuple[NDArray[np.float32], NDArray[np.float32]], None, None]:
    """Draw slices of a stack, cut out with a margin around the heart's centre.

    Parameters
    ----------
    positioned
        The stack.
    card
        Grid and structures.
    chance
        Decides which slices, and how planes are jittered.
    most
        Slices to draw; fewer come where centres are outside the field of view.
    jitter
        Whether planes lie a little otherwise than said, as other radiographers' would.

    Yields
    ------
    image, shares
        Shapes ``(margin, margin)`` and ``(classes, margin, margin)``.
    """
    stack = positioned.stack
    intensities = Intensities.of(stack)
    picked = chance.permutation(len(positioned.slices))[:most]
    for index in (positioned.slices[i] for i in picked):
        boxes = _boxes(positioned, index, chance if jitter else None)
        centre = _centre_yx(positioned, index, boxes)
        if centre is None:
            continue  # no positions on this slice: ignored, not background
        grid = grid_of(stack, centre, spacing_mm=card.spacing_mm, size=2 * round(0.75 * card.size))
        classes = len(card.structures) + 1
        shares = np.zeros((POSITIONS + classes, grid.size, grid.size), dtype=np.float32)
        if boxes is not None:
            points = grid.points_yx()
            z = np.full(points.shape[:2], index.z, dtype=np.float64)
            voxels = np.stack([points[..., 1], points[..., 0], z], axis=-1)
            labels = boxes.labels_at(stack.world_mm(voxels))
            shares[:POSITIONS] = np.moveaxis(np.eye(POSITIONS, dtype=np.float32)[labels], -1, 0)
        if positioned.structures is not None:
            possible = channels_of(card)[positioned.structures[index]]
            shares[POSITIONS:] = grid.to_network(np.moveaxis(possible, -1, 0))
        yield grid.to_network(intensities.apply(stack.image[index])), shares


def _boxes(
    positioned: PositionedStack, index: SliceIndex, chance: np.random.Generator | None
) -> Boxes | None:
    """Return the boxes on a slice, with planes jittered if there is chance; None if unknown."""
    frame, stack = positioned.frame, positioned.stack
    if frame is None:
        return None
    plane = Plane.of_slice(stack, index.z)
    if chance is not None:
        moved = frame.moved(
            rotation_deg=chance.normal(0, JITTER_DEG, 3), shift_mm=chance.normal(0, JITTER_MM, 3)
        )
        with suppress(InputError):  # once in thousands so oblique that they hardly meet
            return boxes_on(moved, plane, stack.view, step_mm=STEP_MM, box_mm=BOX_MM)
    return boxes_on(frame, plane, stack.view, step_mm=STEP_MM, box_mm=BOX_MM)


def _centre_yx(
    positioned: PositionedStack, index: SliceIndex, boxes: Boxes | None
) -> tuple[float, float] | None:
    """Return where to cut out, native voxels: at box 1, else amid the structures."""
    if boxes is None:
        known = positioned.structures
        return None if known is None else middle_of(known[index][None])
    if outside_mm(positioned.stack, boxes.centre_mm) > 0:
        return None
    x, y, _ = positioned.stack.voxel_xyz(boxes.centre_mm)
    return float(y), float(x)


def held_out(sources: Sequence[Source], card: Card) -> HeldOut | None:
    """Cut out slices of studies that are not learned from; None if there are none.

    The heart is not in the middle of the crops, as it is not while learning.
    """
    chance, shifts = np.random.default_rng(0), torch.Generator().manual_seed(0)
    still = {field.name: 0.0 for field in fields(Augmentation)} | {"shift": 0.15}
    images, shares = [], []
    for source in sources:
        for image, share in examples_of(source(), card, chance, most=HELD_OUT_SLICES, jitter=False):
            moved = Augmentation(**still)(
                torch.from_numpy(image)[None, None],
                torch.from_numpy(share[:POSITIONS])[None],
                card.size,
                shifts,
            )
            images.append(moved[0])
            shares.append(moved[1].argmax(dim=1).to(torch.uint8).numpy())
    if not images:
        return None
    return HeldOut(torch.cat(images), np.concatenate(shares), card.spacing_mm, BOX_MM)


def _mixed(*numbers: int) -> int:
    """Return a seed for torch that differs wherever one of the numbers does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
