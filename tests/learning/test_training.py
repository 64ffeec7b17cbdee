import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning import training
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.training import (
    LANDING_STEPS,
    Budget,
    dice_and_cross_entropy,
    fit,
    one_cycle,
    run,
)

CPU = Compute(torch.device("cpu"), low_precision=False)


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return {"y": self.conv(x)}


def draw_from(generator):
    def draw(batch_size):
        x = torch.randn(batch_size, 1, 4, 4, generator=generator)
        return x, 3 * x - 1

    return draw


def squared(said, target):
    return ((said["y"] - target) ** 2).mean()


def fitted(network=None, **kwargs):
    torch.manual_seed(0)
    network = network or Line()
    draw = kwargs.pop("draw", None) or draw_from(torch.Generator().manual_seed(1))
    kwargs.setdefault("budget", Budget(steps=150))
    return network, fit(network, draw, squared, compute=CPU, peak_rate=0.1, **kwargs)


def test_it_learns_a_line():
    network, steps = fitted(weight_decay=0.0)
    losses = [step.loss for step in steps]
    assert len(losses) == 150
    assert losses[-1] < 1e-2 < losses[0]
    assert network.conv.weight.item() == pytest.approx(3, abs=0.1)
    assert network.conv.bias.item() == pytest.approx(-1, abs=0.1)


def test_nothing_happens_until_a_step_is_asked_for():
    network, steps = fitted()
    before = network.conv.weight.item()
    assert network.conv.weight.item() == before
    step = next(steps)
    assert (step.index, network.conv.weight.item() != before) == (1, True)
    steps.close()  # cancelling


def test_finishing_early_brings_the_rate_down_over_a_few_steps():
    _, steps = fitted(budget=Budget(steps=1000))
    seen = []

    def after(step):
        seen.append(step)
        return step.index >= 10

    run(steps, after)
    assert len(seen) == 10 + LANDING_STEPS
    assert seen[-1].spent == 1


def test_finishing_never_lengthens_a_run():
    _, steps = fitted(budget=Budget(steps=12))
    seen = []
    run(steps, lambda step: seen.append(step) or step.index >= 10)
    assert len(seen) == 12


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves on."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def taking(seconds, clock):
    """Return what draws batches, so long each by the test's clock."""
    inner = draw_from(torch.Generator().manual_seed(1))

    def draw(batch_size):
        clock.now += next(seconds)
        return inner(batch_size)

    return draw


def test_seconds_count_only_time_in_steps(clock):
    _, steps = fitted(budget=Budget(seconds=10), draw=taking(itertools.repeat(2.5), clock))
    seen = []
    for step in steps:
        seen.append((step.index, step.seconds, step.spent))
        clock.now += 1000  # paused
    assert seen == [(1, 2.5, 0.25), (2, 5, 0.5), (3, 7.5, 0.75), (4, 10, 1)]


def test_a_slow_machine_still_gets_its_least_steps():
    _, steps = fitted(budget=Budget(seconds=1e-9, least_steps=7))
    seen = list(steps)
    assert len(seen) == 7
    assert [round(step.spent * 7) for step in seen] == [1, 2, 3, 4, 5, 6, 7]


def test_finishing_now_does_not_wait_for_the_least_steps(clock):
    draw = taking(itertools.repeat(1.0), clock)
    _, steps = fitted(budget=Budget(seconds=3, least_steps=10_000), draw=draw)
    seen = []
    run(steps, lambda step: seen.append(step) or step.index >= 10)
    assert len(seen) == 10 + LANDING_STEPS


def test_out_of_memory_halves_the_batch_and_says_so():
    inner, asked = draw_from(torch.Generator()), []

    def draw(batch_size):
        asked.append(batch_size)
        if batch_size > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inner(batch_size)

    _, steps = fitted(draw=draw, budget=Budget(steps=3), batch_size=16)
    seen = list(steps)
    assert asked == [16, 8, 4, 4, 4]
    assert "batches of 4" in seen[0].note
    assert seen[1].note == ""


def test_no_memory_at_all_is_an_error():
    def draw(batch_size):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")

    _, steps = fitted(draw=draw)
    with pytest.raises(MemoryError, match="even one slice"):
        next(steps)


def test_other_errors_are_not_taken_for_memory():
    def draw(batch_size):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    _, steps = fitted(draw=draw)
    with pytest.raises(RuntimeError, match="mat1"):
        next(steps)


def test_a_loss_that_is_not_a_number_stops():
    def draw(batch_size):
        return torch.full((2, 1, 4, 4), float("nan")), torch.zeros(2, 1, 4, 4)

    _, steps = fitted(draw=draw)
    with pytest.raises(FloatingPointError, match="step 1"):
        next(steps)


@pytest.mark.parametrize("kwargs", [{}, {"steps": 1, "seconds": 1.0}])
def test_a_budget_is_one_of_two(kwargs):
    with pytest.raises(InputError, match="either steps or seconds"):
        Budget(**kwargs)


@pytest.mark.parametrize("kwargs", [{"steps": 0}, {"seconds": -1.0}, {"seconds": float("inf")}])
def test_a_budget_is_positive(kwargs):
    with pytest.raises(InputError, match="must be positive"):
        Budget(**kwargs)


def test_the_rate_rises_once_and_falls_once():
    rates = np.array([one_cycle(share) for share in np.linspace(0, 1, 101)])
    peak = rates.argmax()
    assert np.all(np.diff(rates[: peak + 1]) >= 0)
    assert np.all(np.diff(rates[peak:]) <= 0)
    assert rates.max() == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_a_perfect_answer_costs_nothing():
    shares = torch.zeros(2, 3, 8, 8)
    shares[:, 0] = 1
    shares[:, 0, 2:5], shares[:, 1, 2:5] = 0, 1  # structure 2 is absent
    right = dice_and_cross_entropy(40 * shares, shares)
    wrong = dice_and_cross_entropy(40 * shares.roll(1, dims=1), shares)
    assert right.item() == pytest.approx(0, abs=1e-3)
    assert wrong.item() > 1


def test_empty_slices_are_an_annotation_too():
    empty = torch.zeros(1, 3, 8, 8)
    empty[:, 0] = 1
    logits = torch.zeros(1, 3, 8, 8, requires_grad=True)
    dice_and_cross_entropy(logits, empty).backward()
    assert logits.grad[:, 0].max() < 0  # background is pushed up
