"""What a model says of slices: what it is held to while it learns something else.

Learning without forgetting (Li & Hoiem, ECCV 2016, arXiv 1606.09282): a few labels pull a network
towards the few slices that carry them, and what it knew of all others is unlearned, where the heart
ends first. So while it learns it goes on saying what its start said of slices that nobody labelled.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.learning.checkpoint import Model
from napari_cardiac_ssl.learning.compute import Compute

#: How sure a start must be of a pixel for it to be held to: of no heart, and of a structure. Where
#: it is in doubt the expert's slices decide.
SURE_OF_NO_HEART, SURE_OF_STRUCTURE = 0.9, 0.98
#: The structures that are always believed. Others, the RV first of all, only as long as the expert
#: has not shown them: at the base a start takes the right atrium for the RV and is sure of it
#: (docs/evidence.md), but with nothing to go by it would be unlearned as a whole.
BELIEVED = (Structure.LV_CAVITY, Structure.MYOCARDIUM)
_BATCH = 16


@torch.inference_mode()
def recalled(model: Model, head: str, images: Tensor, compute: Compute) -> Tensor:
    """Return the probabilities that a model's head gives.

    Parameters
    ----------
    model
        Moved to the compute device.
    head
        Which of its heads.
    images
        Shape ``(n, 1, h, w)`` on the model's grid; h and w multiples of its network's.
    compute
        Where to run.

    Returns
    -------
    Tensor
        Shape ``(n, channels, h, w)``, on the CPU.
    """
    network = model.network.eval()
    compute.place(network)
    parts = []
    for batch in torch.split(images, _BATCH):
        with compute.autocast():
            logits = network(batch.to(compute.device, memory_format=torch.channels_last))[head]
        parts.append(logits.float().softmax(dim=1).cpu())
    return torch.cat(parts)


def where_sure(shares: Tensor, channels: Sequence[int]) -> Tensor:
    """Return probabilities where they leave little doubt, and zeros, "unknown", elsewhere.

    Parameters
    ----------
    shares
        Shape ``(n, classes, h, w)``; class 0 is no heart.
    channels
        The other classes that are believed.

    Examples
    --------
    >>> shares = torch.tensor([[0.92, 0.08], [0.08, 0.92], [0.01, 0.99]]).T[None, :, None]
    >>> where_sure(shares, [1]).sum(dim=1)[0, 0].tolist()
    [1.0, 0.0, 1.0]
    >>> where_sure(shares, []).sum(dim=1)[0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    sure = shares[:, :1] > SURE_OF_NO_HEART
    for channel in channels:
        sure = sure | (shares[:, channel : channel + 1] > SURE_OF_STRUCTURE)
    return shares * sure
