"""Positions beside structures: what a model knows of where things are is kept while it learns.

Few labels pull a network towards the few slices that carry them. In ``multitask`` fine-tuning it
goes on predicting the nine positions on all slices, labelled or not, as in Bai et al., MICCAI 2019.
Where planes or landmarks say where the positions are, `pretraining.PositionBatches` draws them;
where nothing does, the start model's own predictions are the targets (`RecalledPositions`), as in
learning without forgetting (Li & Hoiem, ECCV 2016).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_cardiac_ssl.learning.checkpoint import POSITIONS_HEAD, Model
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.grid import Augmentation, Intensities, grid_of
from napari_cardiac_ssl.learning.pretraining import POSITIONS
from napari_cardiac_ssl.learning.recall import recalled
from napari_cardiac_ssl.learning.training import Draw
from napari_cardiac_ssl.study import Stack

#: Slices of a stack whose positions are recalled: more take memory and teach little more.
SLICES_OF_STACK = 48


class RecalledPositions:
    """Draws augmented batches of slices with the positions that a model sees on them.

    Parameters
    ----------
    stacks
        Images, each with the heart's centre, native voxels ``(y, x)``; None: the slices' middle.
    model
        Knows positions; its softmax is the target. Run once, here.
    seed
        Random seed.
    compute
        Where to run it.
    """

    def __init__(
        self,
        stacks: Sequence[tuple[Stack, tuple[float, float] | None]],
        model: Model,
        *,
        seed: int,
        compute: Compute,
    ) -> None:
        chance = np.random.default_rng((seed, 3))
        card = model.card
        multiple = model.network.architecture.multiple
        margin = int(np.ceil(1.5 * card.size / multiple)) * multiple
        images = []
        for stack, centre in stacks:
            grid = grid_of(stack, centre, spacing_mm=card.spacing_mm, size=margin)
            intensities = Intensities.of(stack)
            indices = stack.slice_indices()
            picked = chance.permutation(len(indices))[:SLICES_OF_STACK]
            native = stack.image[tuple(np.array([indices[i] for i in picked]).T)]
            images.append(grid.to_network(intensities.apply(native)))
        self._images = torch.from_numpy(np.concatenate(images))[:, None]
        self._shares = recalled(model, POSITIONS_HEAD, self._images, compute).half()
        self._structures = len(card.structures) + 1
        self._size = card.size
        self._augment = Augmentation()
        self._chance = torch.Generator().manual_seed(seed)

    def __call__(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return images and shares as `pretraining.PositionBatches` does; structures unknown."""
        chosen = torch.randint(len(self._images), (batch_size,), generator=self._chance)
        shares = self._shares[chosen].float()
        images, shares = self._augment(self._images[chosen], shares, self._size, self._chance)
        return images, functional.pad(shares, (0, 0, 0, 0, 0, self._structures))


def beside(structures: Draw, positions: Draw) -> Draw:
    """Return batches of structures with as many slices for positions beside them.

    Parameters
    ----------
    structures
        Draws images and shares of structures.
    positions
        Draws images and shares of positions, then structures (all zero where unknown).
    """

    def draw(batch_size: int) -> tuple[Tensor, Tensor]:
        images, shares = structures(batch_size)
        more_images, more_shares = positions(batch_size)
        shares = functional.pad(shares, (0, 0, 0, 0, POSITIONS, 0))
        return torch.cat([images, more_images]), torch.cat([shares, more_shares])

    return draw
