"""How well positions are found in studies that nothing was learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_cardiac_ssl.learning.checkpoint import POSITIONS_HEAD
from napari_cardiac_ssl.learning.compute import Compute

_BATCH = 16
#: A box of which less is in the crop is not scored.
_LEAST_SHOWN = 0.5


@dataclass(frozen=True)
class PositionScores:
    """How well the nine positions are found.

    Parameters
    ----------
    error_mm
        Per position, the mean distance between the middle of what was predicted and the middle of
        the box, over the slices where it was found; NaN where it never was.
    dice
        Per position, over all slices.
    centre_mm
        The median of that distance of position 1.
    found
        The share of boxes of which anything was predicted.
    slices
        How many slices were looked at.
    """

    error_mm: tuple[float, ...]
    dice: tuple[float, ...]
    centre_mm: float
    found: float
    slices: int

    @property
    def mean_error_mm(self) -> float:
        """The mean over positions that were found at all."""
        found = [error for error in self.error_mm if not np.isnan(error)]
        return float(np.mean(found)) if found else float("nan")

    @property
    def mean_dice(self) -> float:
        """The mean over positions."""
        return float(np.mean(self.dice))


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Slices of studies that are not learned from, cut out as the training's are.

    Parameters
    ----------
    images
        Shape ``(n, 1, size, size)``.
    positions
        Shape ``(n, size, size)``: 0 background, 1 to 9.
    spacing_mm
        Of the grid.
    box_mm
        Side of the boxes.
    """

    images: Tensor
    positions: NDArray[np.uint8]
    spacing_mm: float
    box_mm: float

    def scores(self, network: nn.Module, compute: Compute) -> PositionScores:
        """Score a network; whether it is in training is as before."""
        training = network.training
        network.eval()
        try:
            predicted = self._predicted(network, compute)
        finally:
            network.train(training)
        whole = (self.box_mm / self.spacing_mm) ** 2
        errors: list[list[float]] = []
        dice, asked = [], 0
        for code in range(1, 10):
            said, true = predicted == code, self.positions == code
            total = int(said.sum() + true.sum())
            dice.append(2 * int((said & true).sum()) / total if total else 1.0)
            shown = np.flatnonzero(true.sum((1, 2)) >= _LEAST_SHOWN * whole)
            asked += len(shown)
            errors.append(
                [
                    self.spacing_mm * float(np.linalg.norm(_middle(said[i]) - _middle(true[i])))
                    for i in shown
                    if said[i].any()
                ]
            )
        return PositionScores(
            error_mm=tuple(float(np.mean(e)) if e else float("nan") for e in errors),
            dice=tuple(dice),
            centre_mm=float(np.median(errors[0])) if errors[0] else float("nan"),
            found=sum(map(len, errors)) / max(asked, 1),
            slices=len(self.positions),
        )

    @torch.inference_mode()
    def _predicted(self, network: nn.Module, compute: Compute) -> NDArray[np.uint8]:
        parts = []
        for images in torch.split(self.images, _BATCH):
            with compute.autocast():
                said = network(images.to(compute.device, memory_format=torch.channels_last))
            parts.append(said[POSITIONS_HEAD].argmax(dim=1).to(torch.uint8).cpu().numpy())
        return np.concatenate(parts)


def chosen_by_digest(digests: Sequence[str], *, share: float = 0.1, most: int = 50) -> set[str]:
    """Return which of some studies are held out: the lowest digests, so the same ones every time.

    One in ten, at least one of four studies, none of fewer.

    Examples
    --------
    >>> sorted(chosen_by_digest(["ab", "0f", "77", "c2"])), chosen_by_digest(["ab", "0f", "77"])
    (['0f'], set())
    """
    several = sorted(set(digests))
    if len(several) < 4:
        return set()
    return set(several[: min(most, max(1, round(share * len(several))))])


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask).mean(axis=0))
