"""A network goes back towards its start as far as the expert's slices still fit."""

from copy import deepcopy

import pytest
import torch

from napari_cardiac_ssl.learning import averaging
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


def kept(network: UNet, start: UNet) -> float:
    """Keep near the start; check that the weights are as said."""
    learned, before = deepcopy(network.state_dict()), start.state_dict()
    share = keep_near(network, before, IMAGES, ALL_LV, FLOAT32)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            expected = (1 - share) * before[name] + share * learned[name]
            torch.testing.assert_close(value, expected)
    return share


def test_a_start_that_knows_such_images_is_half_of_it():
    assert kept(saying(0.0, 1.0), saying(0.0, 0.5)) == 0.5


def test_a_start_that_knows_nothing_is_left():
    assert kept(saying(0.0, 1.0), saying(0.5, 0.0)) == 1.0


@pytest.mark.parametrize(
    ("at_half", "at_three_quarters", "share"),
    [(0.86, 0.89, 0.5), (0.84, 0.86, 0.75), (0.7, 0.84, 1.0)],
)
def test_it_goes_back_as_far_as_the_slices_bear(monkeypatch, at_half, at_three_quarters, share):
    fits = iter([0.9, 0.6, at_half, at_three_quarters])  # what was learned, the start, between
    monkeypatch.setattr(averaging, "_fit", lambda *_: next(fits))
    assert kept(saying(0.0, 1.0), saying(0.0, 0.5)) == share


def test_the_start_is_not_changed():
    start = saying(0.5, 0.0)
    before = deepcopy(start.state_dict())
    keep_near(saying(0.0, 1.0), start.state_dict(), IMAGES, ALL_LV, FLOAT32)
    torch.testing.assert_close(start.state_dict(), before)
