"""How much of what was learned is kept: as much as does no harm.

Learning from a few slices forgets: weights move on after the slices fit, and what was right on all
other hearts is lost. The average of the weights before and after keeps both, where the two lie in
one valley of the loss, as they do after fine-tuning (Wortsman et al., "Robust fine-tuning of
zero-shot models", CVPR 2022, arXiv 2109.01903). How far back it goes is decided on this stack: what
the start was sure of where nobody labelled must stand, and the expert's slices must fit better.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.network import UNet

#: How much of what was learned may be kept, most first. Three quarters are as good as all, and
#: better where a single slice was labelled; where nothing was recalled while it was learned, half
#: generalises better (docs/evidence.md).
SHARES = (0.75, 0.5, 0.25)
MOST_WITHOUT_RECALL = 0.5
#: So much of a heart may be called something else on each slice where the start was sure.
MOST_OVERTURNED = 0.1
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Evidence:
    """Slices on the network's grid by which it is told what training was worth.

    Parameters
    ----------
    images
        Shape ``(n, 1, size, size)``.
    known
        Shape ``(n, size, size)``: the channel of each pixel, -1 where none is known.
    """

    images: Tensor
    known: Tensor


def keep_near(
    network: UNet,
    start: Mapping[str, Tensor],
    drawn: Evidence,
    recalled: Evidence | None,
    compute: Compute,
) -> float:
    """Move a network back towards its start, as far as it takes to do no harm.

    Parameters
    ----------
    network
        What was learned; changed in place, in evaluation mode.
    start
        The weights before, of the same shapes.
    drawn
        What the expert drew.
    recalled
        What the start is sure of on other slices; None where there are none.
    compute
        Where the network is.

    Returns
    -------
    float
        The share of what was learned that is kept; the rest is the start. 0 where no share of it
        fits the expert's slices better than the start did.
    """
    learned = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(start)
    before = fit(network, drawn, compute)
    for share in SHARES:
        if recalled is None and share > MOST_WITHOUT_RECALL:
            continue
        network.load_state_dict(
            {
                name: start[name].to(value.device).lerp(value, share)
                if value.is_floating_point()
                else value
                for name, value in learned.items()
            }
        )
        stands = (
            recalled is None or overturned(network, recalled, drawn, compute) <= MOST_OVERTURNED
        )
        if stands and fit(network, drawn, compute) > before:
            return share
    network.load_state_dict(start)
    return 0.0


def fit(network: UNet, drawn: Evidence, compute: Compute) -> float:
    """Return the mean Dice of the structures that are on slices which an expert drew."""
    said, known = _said(network, drawn.images, compute), drawn.known
    overlaps = [
        float(2 * ((said == code) & (known == code)).sum() / total)
        for code in range(1, int(known.max()) + 1)
        if (total := (said == code).sum() + (known == code).sum())
    ]
    return sum(overlaps) / max(len(overlaps), 1)


def overturned(network: UNet, recalled: Evidence, drawn: Evidence, compute: Compute) -> float:
    """Return how much of what is known on other slices a network calls something else.

    In hearts a slice: pixels, over those of heart on a slice that an expert drew, in the mean.
    """
    said = _said(network, recalled.images, compute)
    wrong = ((said != recalled.known) & (recalled.known >= 0)).sum() / len(said)
    return float(wrong / _heart(drawn))


def hearts_seen(seen: Evidence, drawn: Evidence) -> float:
    """Return how much heart is known on slices, in the mean: 1 as much as on those drawn."""
    return float((seen.known > 0).sum() / len(seen.known) / _heart(drawn))


def _heart(drawn: Evidence) -> Tensor:
    """Return the pixels of heart on a slice that an expert drew, in the mean."""
    return (drawn.known > 0).sum() / len(drawn.known)


@torch.inference_mode()
def _said(network: UNet, images: Tensor, compute: Compute) -> Tensor:
    """Return the channel that wins in each pixel, ``(n, size, size)``, on the CPU."""
    network.eval()
    parts = []
    for part in torch.split(images, _BATCH):
        with compute.autocast():
            said = network(part.to(compute.device, memory_format=torch.channels_last))
        parts.append(said[STRUCTURES_HEAD].argmax(dim=1).cpu())
    return torch.cat(parts)
