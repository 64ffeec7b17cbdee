"""The U-Net (Ronneberger et al., MICCAI 2015), 2-D, with one head per task."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_cardiac_ssl.errors import InputError


@dataclass(frozen=True)
class Architecture:
    """What a U-Net looks like.

    Parameters
    ----------
    heads
        Name and number of output channels of each head, as ``(("structures", 4),)``.
    base_filters
        Filters at full resolution; doubled at each level down.
    levels
        Resolutions. Images are padded to multiples of ``2 ** (levels - 1)`` by the caller.
    in_channels
        Channels of the input.
    """

    heads: tuple[tuple[str, int], ...]
    base_filters: int = 16
    levels: int = 5
    in_channels: int = 1

    def __post_init__(self) -> None:
        """Check the numbers; they may come from a file."""
        if not (1 <= self.levels <= 8 and 1 <= self.base_filters <= 256 and self.in_channels >= 1):
            raise InputError(
                f"not an architecture: levels {self.levels} (1 to 8), base_filters "
                f"{self.base_filters} (1 to 256), in_channels {self.in_channels} (1 or more)"
            )

    @property
    def multiple(self) -> int:
        """Input sides must be a multiple of this."""
        return int(2 ** (self.levels - 1))


class UNet(nn.Module):
    """Encoder, decoder and heads.

    The decoder narrows the coarser features before it enlarges them (a 1 × 1 convolution at the
    coarse level), which saves a quarter of the multiplications of the usual concatenation.

    Parameters
    ----------
    architecture
        What it looks like.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = [architecture.base_filters * 2**i for i in range(architecture.levels)]
        self.encoder = nn.ModuleList(
            _block(fan_in, width)
            for fan_in, width in zip([architecture.in_channels, *widths], widths, strict=False)
        )
        self.narrow = nn.ModuleList(nn.Conv2d(deep, width, 1) for width, deep in pairwise(widths))
        self.decoder = nn.ModuleList(_block(2 * width, width) for width in widths[:-1])
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(widths[0], channels, 1) for name, channels in architecture.heads}
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the features of each level, finest first.

        Parameters
        ----------
        images
            Shape ``(n, in_channels, h, w)``; h and w multiples of ``architecture.multiple``.
        """
        features: list[Tensor] = []
        x = images
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            features.append(x)
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        """Return the finest decoder features, ``(n, base_filters, h, w)``."""
        x = features[-1]
        for level in reversed(range(len(self.decoder))):
            x = functional.interpolate(
                self.narrow[level](x), scale_factor=2, mode="bilinear", align_corners=False
            )
            x = self.decoder[level](torch.cat([features[level], x], dim=1))
        return x

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head, ``(n, channels, h, w)``."""
        features = self.decode(self.encode(images))
        return {name: head(features) for name, head in self.heads.items()}


def _block(fan_in: int, width: int) -> nn.Sequential:
    """Two 3 × 3 convolutions, each normalised over the batch and rectified."""
    return nn.Sequential(
        nn.Conv2d(fan_in, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
