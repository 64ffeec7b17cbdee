"""Learning from slices of which only a part is known.

An expert who drew the LV cavity alone has said of every pixel whether it is LV cavity, and nothing
about what else it is. Such a pixel counts for the cavity and for nothing else: the network may call
it anything but that.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.geometry.positioned import NOT_LV
from napari_cardiac_ssl.learning.checkpoint import Card

#: A pixel whose shares sum to more than one may be any of several classes.
_ONE = 1.01


def channels_of(card: Card) -> NDArray[np.float32]:
    """Return which channels of the structures' head a label may be, ``(256, classes)``.

    A structure's label is one channel; `NOT_LV` is all of them but the LV cavity's.
    """
    classes = len(card.structures) + 1
    table = np.zeros((256, classes), dtype=np.float32)
    table[:, 0] = 1  # what the model does not know is background to it
    table[: len(card.channels)] = np.eye(classes, dtype=np.float32)[card.channels]
    table[NOT_LV] = 1
    if Structure.LV_CAVITY in card.structures:
        table[NOT_LV, card.structures.index(Structure.LV_CAVITY) + 1] = 0
    return table


def partly_known(shares: Tensor) -> bool:
    """Return whether some pixel of a batch may be any of several classes."""
    return bool((shares.sum(dim=1) > _ONE).any())


def loss_where_known(logits: Tensor, shares: Tensor) -> Tensor:
    """Return cross-entropy plus soft Dice, each as far as the truth is known.

    Parameters
    ----------
    logits
        Shape ``(n, classes, h, w)``.
    shares
        Shape ``(n, classes, h, w)``: the share of each class in each pixel; or, where they sum to
        more than one, how far the pixel may be each class.

    Returns
    -------
    Tensor
        A scalar. Where several classes are possible, the cross-entropy is that of their sum
        (marginal likelihood), and Dice leaves the pixel out for each of them. All else is
        `training.dice_and_cross_entropy`.
    """
    logs = logits.log_softmax(dim=1)
    probabilities = logs.exp()
    several = shares.sum(dim=1, keepdim=True) > _ONE
    of_one = -(shares * logs).sum(dim=1)
    of_several = -(shares * probabilities).sum(dim=1).clamp(1e-6, 1).log()
    cross_entropy = torch.where(several[:, 0], of_several, of_one).mean()
    counts = ~(several & (shares > 0))[:, 1:]
    wanted, said = shares[:, 1:] * counts, probabilities[:, 1:] * counts
    overlap = (said * wanted).sum((0, 2, 3))
    total = (said + wanted).sum((0, 2, 3))
    present = wanted.sum((0, 2, 3)) > 1
    if not present.any():
        return cross_entropy
    dice = (2 * overlap + 1) / (total + 1)
    return cross_entropy + 1 - dice[present].mean()
