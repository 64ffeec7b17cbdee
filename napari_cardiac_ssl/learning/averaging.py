"""Halfway back: a fine-tuned network that keeps what its start knew.

Learning from a few slices forgets: weights move on after the slices fit, and what was right on all
other hearts is lost. The average of the weights before and after keeps both, where the two lie in
one valley of the loss, as they do after fine-tuning (Wortsman et al., "Robust fine-tuning of
zero-shot models", CVPR 2022, arXiv 2109.01903). Where a start knows little of such images, it is a
burden, and the expert's slices tell.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.network import UNet

#: How much of what was learned is kept, least first.
SHARES = (0.5, 0.75)
#: The Dice that a start must have on the expert's slices by itself to be worth keeping.
LEAST_KNOWN = 0.5
#: How much of the Dice on the expert's slices may be given up for it.
MOST_LOST = 0.05
_BATCH = 16


def keep_near(
    network: UNet,
    start: Mapping[str, Tensor],
    images: Tensor,
    structures: Tensor,
    compute: Compute,
) -> float:
    """Move a network back towards its start, as far as the expert's slices still fit.

    Parameters
    ----------
    network
        What was learned; changed in place, in evaluation mode.
    start
        The weights before, of the same shapes.
    images
        Shape ``(n, 1, size, size)``, slices that were learned from.
    structures
        Shape ``(n, size, size)``, their channels.
    compute
        Where the network is.

    Returns
    -------
    float
        The share of what was learned that is kept; the rest is the start.
    """
    learned = {name: value.clone() for name, value in network.state_dict().items()}
    reached = _fit(network, images, structures, compute)
    network.load_state_dict(start)
    knows = _fit(network, images, structures, compute) >= LEAST_KNOWN
    for share in SHARES if knows else ():
        network.load_state_dict(
            {
                name: start[name].to(value.device).lerp(value, share)
                if value.is_floating_point()
                else value
                for name, value in learned.items()
            }
        )
        if _fit(network, images, structures, compute) >= reached - MOST_LOST:
            return share
    network.load_state_dict(learned)
    return 1.0


@torch.inference_mode()
def _fit(network: UNet, images: Tensor, structures: Tensor, compute: Compute) -> float:
    """Return the mean Dice of the structures that are on these slices."""
    parts = []
    for begin in range(0, len(images), _BATCH):
        part = images[begin : begin + _BATCH]
        with compute.autocast():
            said = network(part.to(compute.device, memory_format=torch.channels_last))
        parts.append(said[STRUCTURES_HEAD].argmax(dim=1).cpu())
    predicted = torch.cat(parts)
    overlaps = [
        float(2 * ((predicted == code) & (structures == code)).sum() / total)
        for code in range(1, int(structures.max()) + 1)
        if (total := (predicted == code).sum() + (structures == code).sum())
    ]
    return sum(overlaps) / max(len(overlaps), 1)
