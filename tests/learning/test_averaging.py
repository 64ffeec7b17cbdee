"""A network goes back towards its start as far as the expert's slices still fit."""

from copy import deepcopy

import pytest
import torch

from napari_cardiac_ssl.learning.averaging import keep_near
from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.network import Architecture, UNet

SIZE = 16
IMAGES = torch.zeros(3, 1, SIZE, SIZE)
ALL_LV = torch.ones(3, SIZE, SIZE, dtype=torch.long)
FLOAT32 = Compute(torch.device("cpu"), low_precision=False)


def saying(background: float, lv: float) -> UNet:
    """Return a network that says the same of every pixel, as sure as it is told."""
    torch.manual_seed(0)
    shape = Architecture(levels=2, base_filters=2, heads=((STRUCTURES_HEAD, 2),))
    network = UNet(shape).eval()
    head = network.heads[STRUCTURES_HEAD]
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([background, lv]))
    return network


@pytest.mark.parametrize(
    ("doubt_before", "share"),
    [(0.5, 0.5), (2.0, 0.75), (9.0, 1.0)],
    ids=["knew", "half is a burden", "knew nothing"],
)
def test_the_start_weighs_as_much_as_the_slices_bear(doubt_before, share):
    start, network = saying(doubt_before, 0.0), saying(0.0, 1.0)
    learned, before = deepcopy(network.state_dict()), start.state_dict()
    assert keep_near(network, before, IMAGES, ALL_LV, FLOAT32) == share
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            expected = (1 - share) * before[name] + share * learned[name]
            torch.testing.assert_close(value, expected)


def test_the_start_is_not_changed():
    start = saying(0.5, 0.0)
    before = deepcopy(start.state_dict())
    keep_near(saying(0.0, 1.0), start.state_dict(), IMAGES, ALL_LV, FLOAT32)
    torch.testing.assert_close(start.state_dict(), before)
