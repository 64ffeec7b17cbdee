"""The loop: a generator of steps, for pre-training and fine-tuning alike.

Cancelling is not asking for the next step. Pausing is asking later. Progress is what it yields.
"""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.compute import Compute, ThreadPace, is_out_of_memory, use_threads
from napari_cardiac_ssl.learning.distributed import Together

Result = TypeVar("Result")
AStep = TypeVar("AStep", bound="Step")
#: Draws a batch of so many examples: input and target, on the CPU.
Draw = Callable[[int], tuple[Tensor, Tensor]]
#: From what the network says and the target, the loss.
Loss = Callable[[dict[str, Tensor], Tensor], Tensor]


@dataclass(frozen=True)
class Budget:
    """How long to train: exactly one of steps and seconds.

    Parameters
    ----------
    steps
        Number of optimiser steps: repeatable.
    seconds
        Time spent in steps; pauses between them do not count.
    least_steps
        With seconds: goes on until so many steps are done, however long they take. A slow or busy
        machine then gives a late answer instead of a useless one.
    """

    steps: int | None = None
    seconds: float | None = None
    least_steps: int = 0

    def __post_init__(self) -> None:
        """Check that there is one budget, and that it is positive."""
        if (self.steps is None) == (self.seconds is None):
            raise InputError("give a budget of either steps or seconds, not both or neither")
        limit = self.steps if self.steps is not None else self.seconds
        if limit is None or not limit > 0 or not math.isfinite(limit):
            raise InputError(f"the training budget must be positive, got {limit}")

    def spent(self, steps: int, seconds: float) -> float:
        """Return the share of the budget that is spent; 1 or more when it is used up."""
        if self.steps is not None:
            return steps / self.steps
        of_time = seconds / (self.seconds or math.inf)
        return min(of_time, steps / self.least_steps) if self.least_steps else of_time


@dataclass(frozen=True)
class Step:
    """What one step of training did.

    Parameters
    ----------
    index
        From 1.
    loss
        The batch's loss before the step.
    spent
        Share of the budget that is spent, 0 to 1.
    seconds
        Time in steps so far.
    batch_size
        Examples in the batch.
    note
        What a user should know: "out of memory: …". Empty as a rule.
    """

    index: int
    loss: float
    spent: float
    seconds: float
    batch_size: int
    note: str = ""

    @property
    def seconds_left(self) -> float:
        """Time that the rest of the budget will take at the pace so far."""
        return self.seconds * (1 - self.spent) / max(self.spent, 1e-9)


#: Steps in which training that is asked to finish brings its learning rate down.
LANDING_STEPS = 5


def fit(
    network: nn.Module,
    draw: Draw,
    loss: Loss,
    *,
    budget: Budget,
    compute: Compute,
    batch_size: int = 8,
    peak_rate: float = 5e-3,
    weight_decay: float = 1e-4,
    optimiser: torch.optim.Optimizer | None = None,
    done: tuple[int, float] = (0, 0.0),
    together: Together | None = None,
) -> Generator[Step, bool | None, None]:
    """Train a network in place, one step for each value asked for.

    Adam with one cycle of the learning rate (Smith & Topin, 2019) over the budget. Sending True
    instead of asking for the next step finishes early, but gently: the rate comes down over
    `LANDING_STEPS` more steps.

    Parameters
    ----------
    network
        Trained in place; modules whose parameters do not ask for gradients stay as they are.
    draw
        Draws a batch of a given size.
    loss
        Its mean over the batch is minimised.
    budget
        Steps or seconds.
    compute
        Where and how it runs.
    batch_size
        Halved, and said so, whenever memory runs out.
    peak_rate
        Highest learning rate.
    weight_decay
        Decoupled (AdamW).
    optimiser
        Of a run that goes on; a new one by default.
    done
        Steps and seconds that a run that goes on has behind it.
    together
        The other processes that train this network, if there are any.

    Yields
    ------
    Step
        After each step.

    Raises
    ------
    MemoryError
        If memory does not suffice for a single slice.
    FloatingPointError
        If the loss is not a number; the network is then of no use.
    """
    compute.place(network)
    optimiser = optimiser or new_optimiser(network, weight_decay)
    threads = torch.get_num_threads()
    # A budget of steps is repeatable, so its sums are always made by as many threads.
    pace = ThreadPace(threads if budget.seconds is not None else 1)
    landing: tuple[float, float] | None = None  # where the rate starts to come down: spent, rate
    (steps, seconds), note = done, ""
    spent = budget.spent(steps, seconds)
    try:
        while spent < 1:
            if budget.seconds is not None:
                use_threads(pace.choose())
            begun = time.perf_counter()
            rate = peak_rate * one_cycle(spent)
            if landing is not None:
                rate = landing[1] * (1 - spent) / (1 - landing[0])
            for group in optimiser.param_groups:
                group["lr"] = rate
            try:
                value = _step(
                    network, draw(batch_size), loss, optimiser, compute, together=together
                )
            except (RuntimeError, MemoryError) as error:
                if together:  # the others wait for this step: no smaller one can take its place
                    raise
                batch_size = _smaller(batch_size, error)
                note = f"out of memory: going on with batches of {batch_size}"
                optimiser.zero_grad(set_to_none=True)
                continue
            took = time.perf_counter() - begun
            if together:  # all must agree when the budget is spent
                value, took = together.mean(value, took)
            pace.took(took)
            steps, seconds = steps + 1, seconds + took
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"the loss became {value} at step {steps}; training stopped"
                )
            spent = budget.spent(steps, seconds)
            finish = yield Step(steps, value, min(spent, 1.0), seconds, batch_size, note)
            note = ""
            if finish and landing is None:
                budget = _landing(budget, steps, seconds)
                spent = budget.spent(steps, seconds)
                landing = (spent, rate)
    finally:
        use_threads(threads)


def _smaller(batch_size: int, error: RuntimeError | MemoryError) -> int:
    """Return the batch size to go on with after an error of memory; raise any other."""
    if not is_out_of_memory(error):
        raise error
    if batch_size == 1:
        raise MemoryError("even one slice does not fit into memory") from error
    return batch_size // 2


def new_optimiser(network: nn.Module, weight_decay: float = 1e-4) -> torch.optim.AdamW:
    """Return AdamW over the parameters that are to be trained."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(parameters, weight_decay=weight_decay)


def run(
    steps: Generator[AStep, bool | None, Result], after: Callable[[AStep], bool | None]
) -> Result:
    """Ask for all steps and return the result.

    Parameters
    ----------
    steps
        A generator of steps, as `fit` and those built on it.
    after
        Called with each step; True finishes early. What it raises stops the training.
    """
    try:
        step = next(steps)
        while True:
            step = steps.send(after(step))
    except StopIteration as end:
        result: Result = end.value
        return result


def _landing(budget: Budget, steps: int, seconds: float) -> Budget:
    """Return the budget of a run that is to finish soon."""
    if budget.steps is not None:
        return replace(budget, steps=min(budget.steps, steps + LANDING_STEPS))
    pace = seconds / steps
    soon = seconds + LANDING_STEPS * pace
    return Budget(seconds=soon if budget.least_steps else min(budget.seconds or 0.0, soon))


def one_cycle(spent: float, warm_up: float = 0.1) -> float:
    """Return the learning rate as a share of its peak.

    Half a cosine up over `warm_up` of the budget, half a cosine down to zero over the rest.

    Examples
    --------
    >>> [round(one_cycle(share), 2) for share in (0, 0.05, 0.1, 0.55, 1)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    if spent < warm_up:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * spent / warm_up)) / 2
    return (1 + math.cos(math.pi * (spent - warm_up) / (1 - warm_up))) / 2


def _step(
    network: nn.Module,
    batch: tuple[Tensor, Tensor],
    loss: Loss,
    optimiser: torch.optim.Optimizer,
    compute: Compute,
    *,
    together: Together | None,
) -> float:
    images, targets = (part.to(compute.device, memory_format=torch.channels_last) for part in batch)
    optimiser.zero_grad(set_to_none=True)
    with compute.autocast():
        said = network(images)
    value = loss({head: logits.float() for head, logits in said.items()}, targets)
    value.backward()  # type: ignore[no-untyped-call]
    if together:
        together.average(network)
    optimiser.step()
    return float(value.detach())


def dice_and_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Return the loss of structures: cross-entropy plus soft Dice over the batch.

    Parameters
    ----------
    logits
        Shape ``(n, classes, h, w)``.
    shares
        Shape ``(n, classes, h, w)``: the share of each class in each pixel; sums to 1.

    Returns
    -------
    Tensor
        A scalar. Dice (Milletari et al., 3DV 2016) leaves out the background, and structures that
        the batch does not hold: predicting them wrongly is cross-entropy's business.
    """
    cross_entropy = functional.cross_entropy(logits, shares)
    probabilities = logits.softmax(dim=1)[:, 1:]
    wanted = shares[:, 1:]
    overlap = (probabilities * wanted).sum((0, 2, 3))
    total = (probabilities + wanted).sum((0, 2, 3))
    present = wanted.sum((0, 2, 3)) > 1
    dice = (2 * overlap + 1) / (total + 1)
    if not present.any():
        return cross_entropy
    return cross_entropy + 1 - dice[present].mean()
