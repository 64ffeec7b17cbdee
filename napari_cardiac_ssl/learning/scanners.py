"""Slices as other scanners would show them: other contrast between tissues, other sharpness.

The idea of SynthSeg (Billot et al., Medical Image Analysis 2023), on real slices: what is known to
be one structure is made brighter or darker as a whole, so that a network does not learn one
scanner's contrast.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_cardiac_ssl.learning.grid import Augmentation


@dataclass(frozen=True)
class OtherScanners(Augmentation):
    """Stronger random changes, and two more kinds. Standard deviations unless said otherwise.

    Parameters
    ----------
    structures
        How many of the last channels of the shares are structures, background not among them.
    contrast
        By how much each structure becomes brighter or darker as a whole, for every second slice.
    blur
        The largest share of a slice that is replaced by its mean over 3 × 3 pixels of the grid;
        half as much of it may be taken away instead, which sharpens.
    """

    rotation_deg: float = 25.0
    log_scale: float = 0.18
    shift: float = 0.15
    log_gamma: float = 0.4
    gain: float = 0.2
    offset: float = 0.2
    noise: float = 0.25
    bias: float = 0.2
    structures: int = 3
    contrast: float = 0.25
    blur: float = 1.0

    def __call__(
        self, images: Tensor, shares: Tensor, size: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw one changed crop of each slice, as `Augmentation` does."""
        n = len(images)
        by = self.contrast * torch.randn(n, self.structures, generator=generator)
        by = by * (torch.rand(n, 1, generator=generator) < 0.5)
        parts = shares[:, -self.structures :]
        # Where a pixel may be several structures, nothing is changed: it is not known which.
        known = shares[:, -self.structures - 1 :].sum(dim=1, keepdim=True) <= 1.01
        images = images + (by[:, :, None, None] * parts).sum(dim=1, keepdim=True) * known
        smooth = functional.avg_pool2d(
            functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1
        )
        amount = self.blur * (1.5 * torch.rand(n, 1, 1, 1, generator=generator) - 0.5)
        return super().__call__(images + amount * (smooth - images), shares, size, generator)
