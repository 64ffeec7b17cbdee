"""A network goes back towards its start as far as it takes to do no harm."""

from copy import deepcopy

import pytest
import torch

from napari_cardiac_ssl.learning import averaging
from napari_cardiac_ssl.learning.averaging import Evidence, fit, keep_near, overturned
from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.network import Architecture, UNet

SIZE = 16
IMAGES = torch.zeros(3, 1, SIZE, SIZE)
ALL_LV = Evidence(IMAGES, torch.ones(3, SIZE, SIZE, dtype=torch.long))
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


def kept(network: UNet, start: UNet, recalled: Evidence | None = None) -> float:
    """Keep near the start; check that the weights are as said."""
    learned, before = deepcopy(network.state_dict()), start.state_dict()
    share = keep_near(network, before, ALL_LV, recalled, FLOAT32)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            expected = (1 - share) * before[name] + share * learned[name]
            torch.testing.assert_close(value, expected)
    return share


def test_most_of_what_fits_better_is_kept():
    assert kept(saying(0.0, 1.0), saying(0.5, 0.0), recalled=ALL_LV) == 0.75


def test_half_of_it_is_where_nothing_was_recalled():
    assert kept(saying(0.0, 3.0), saying(0.5, 0.0)) == 0.5


def test_what_fits_no_better_is_not_kept():
    assert kept(saying(0.0, 1.0), saying(0.0, 0.5)) == 0.0


@pytest.mark.parametrize(
    ("wrong", "share"),
    [([0.01], 0.75), ([0.2, 0.05], 0.5), ([0.3, 0.2, 0.1], 0.25), ([0.3, 0.2, 0.11], 0.0)],
)
def test_what_the_start_was_sure_of_must_stand(monkeypatch, wrong, share):
    overturns = iter(wrong)  # by each share that is tried, the largest first
    monkeypatch.setattr(averaging, "overturned", lambda *_: next(overturns))
    assert kept(saying(0.0, 3.0), saying(0.5, 0.0), recalled=ALL_LV) == share


def test_only_known_pixels_are_overturned_and_a_heart_is_the_measure():
    known = torch.full((3, SIZE, SIZE), -1)
    known[:, :4] = 1
    known[0, 4] = 0
    says_lv, says_nothing = saying(0.0, 1.0), saying(1.0, 0.0)
    recalled = Evidence(IMAGES, known)
    assert overturned(says_lv, recalled, ALL_LV, FLOAT32) == pytest.approx(1 / 16 / 3)
    assert overturned(says_nothing, recalled, ALL_LV, FLOAT32) == pytest.approx(1 / 4)
    assert fit(says_lv, ALL_LV, FLOAT32) == 1.0
    assert fit(says_nothing, ALL_LV, FLOAT32) == 0.0


def test_the_start_is_not_changed():
    start = saying(0.5, 0.0)
    before = deepcopy(start.state_dict())
    keep_near(saying(0.0, 1.0), start.state_dict(), ALL_LV, None, FLOAT32)
    torch.testing.assert_close(start.state_dict(), before)
