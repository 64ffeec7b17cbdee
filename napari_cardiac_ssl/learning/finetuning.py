"""Fine-tuning on a few expert slices."""

import time
from collections.abc import Callable, Generator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.averaging import fit as fit_to
from napari_cardiac_ssl.learning.averaging import hearts_seen, keep_near
from napari_cardiac_ssl.learning.checkpoint import (
    POSITIONS_HEAD,
    STRUCTURES_HEAD,
    Card,
    Model,
    TrainedOn,
    current_versions,
    new_network,
)
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import ExpertBatches, ExpertSlices
from napari_cardiac_ssl.learning.grid import size_of
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.learning.multitask import RecalledPositions, beside
from napari_cardiac_ssl.learning.network import UNet
from napari_cardiac_ssl.learning.pretraining import POSITIONS, PositionBatches, Source
from napari_cardiac_ssl.learning.run_state import RunState
from napari_cardiac_ssl.learning.training import (
    Budget,
    Draw,
    Loss,
    Step,
    dice_and_cross_entropy,
    fit,
    new_optimiser,
)

#: Highest learning rates. What a model knows is kept better by a lower one, and large batches from
#: scratch do better with it too; small ones from scratch are in a hurry.
PEAK_FROM_SCRATCH = 5e-3
PEAK_FROM_MODEL = 2e-3
#: A short training goes on from a model more gently: it has no time to mend what haste breaks (ten
#: steps at the full rate cost 0.07 Dice, at a quarter of it they gain). So many steps are short.
SHORT_STEPS, GENTLEST = 150, 0.25
#: Slices a step. For a few slices and a budget of seconds, many small steps teach more than few
#: large ones; for several subjects, larger batches are steadier.
SMALL_BATCH, LARGE_BATCH, MANY_SLICES = 2, 8, 30
#: Seconds between two savings of a run's state, and the share of its time that saving may take.
SAVE_EVERY_S, SAVING_SHARE = 4.0, 0.05
#: Slices, of each kind, by which it is told what a start knows and how far to go back towards it.
MOST_LOOKED_AT = 16
#: The Dice that a start must have on the expert's slices by itself to be worth keeping near.
LEAST_KNOWN = 0.5
#: Or of how much of a heart it is sure on a slice that nobody labelled, at least and at most. On
#: images of a foreign contrast it is sure of none (docs/evidence.md).
LEAST_SEEN, MOST_SEEN = 0.1, 1.5


def finetune(
    examples: Sequence[ExpertSlices],
    *,
    start: Model | None = None,
    mode: Mode = "all",
    budget: Budget,
    seed: int = 0,
    compute: Compute | None = None,
    batch_size: int | None = None,
    scheme: str = UKBB.name,
    positions: Sequence[Source] = (),
    resume: Path | None = None,
) -> Generator[Step, bool | None, Model]:
    """Learn structures from a few expert slices, and keep near what the start knew.

    The weights at the end are averaged with the start's (`averaging.keep_near`). The starting
    model is copied, never changed. What does not fit is refused at once, before any
    step is asked for.

    Parameters
    ----------
    examples
        What experts drew. Of their stacks' other slices the loss sees what the start is sure of.
    start
        The model to go on from; None starts from scratch.
    mode
        ``all`` trains every weight, ``decoder`` leaves the encoder as it is (with its batch
        statistics), ``multitask`` goes on predicting positions on all slices, labelled or not.
        The latter two need a start, ``multitask`` one that knows positions.
    budget, seed, compute
        As in `fit`. The same seed, steps and machine give the same weights.
    batch_size
        By default `SMALL_BATCH`, and `LARGE_BATCH` from `MANY_SLICES` on.
    scheme
        Name of the scheme that the experts' files use; remembered in the model, nothing else.
    positions
        For ``multitask``: studies that say where their positions are. Without any, the positions
        that the start itself sees on the examples' stacks are what it is held to.
    resume
        Where the run's state is kept every few seconds, and found again; None keeps none.

    Returns
    -------
    generator
        Yields a `Step` after each step (sending True finishes early, see `fit`) and returns the
        new `Model`.

    Raises
    ------
    InputError
        If there is nothing to learn from, views are mixed, or the start does not fit.
    """
    examples = [example for example in examples if example.slices]
    card, network = _start(examples, start, mode, seed)
    parent = None if start is None else start.digest
    card = replace(
        card,
        architecture=network.architecture,
        scheme=scheme,
        recipe={"mode": mode if start else "scratch", "seed": seed},
        trained_on=tuple(
            TrainedOn(e.stack.digest, len(e.slices), tuple((i.t, i.z) for i in e.without_heart()))
            for e in examples
        ),
        parent=parent,
        versions=current_versions(),
    )
    compute = compute or Compute.best()
    if batch_size is None:
        many = sum(len(example.with_heart()) for example in examples) >= MANY_SLICES
        batch_size = LARGE_BATCH if many else SMALL_BATCH
    hurried = start is None and batch_size <= SMALL_BATCH
    network.train()
    if mode == "decoder":
        _freeze(network.encoder)
    compute.place(network)
    optimiser, done, saving = new_optimiser(network), (0, 0.0), None
    if resume is not None:
        stacks = [part.digest for part in card.trained_on]
        plan = {**card.recipe, "from": parent, "stacks": stacks, "budget": repr(budget)}
        state = RunState(resume, plan)
        done, saving = state.restore(network, optimiser), _Saving(state, optimiser)
    drawn = ExpertBatches(examples, card, seed=seed + done[0])
    settle = None if start is None else _keep_what_is_known(start, drawn, compute)
    batches: Draw = drawn
    loss: Loss = structure_loss
    if mode == "multitask" and start is not None:
        batches = beside(batches, _position_batches(examples, start, positions, seed, compute))
        loss = _loss_with_positions
    steps = fit(
        network,
        batches,
        loss,
        budget=budget,
        compute=compute,
        batch_size=batch_size,
        peak_rate=PEAK_FROM_SCRATCH if hurried else _peak_rate(start, budget),
        optimiser=optimiser,
        done=done,
    )
    return _finished(steps, network, card, compute, saving, settle=settle)


def _keep_what_is_known(
    start: Model, drawn: ExpertBatches, compute: Compute
) -> Callable[[UNet], float] | None:
    """Let batches recall what a start is sure of; return how a network is kept near it at the end.

    None, and nothing is recalled, where the start does not know such images: it is wrong about the
    expert's slices, and not sure of hearts on any others.
    """
    compute.place(start.network)
    of_expert = drawn.as_drawn(MOST_LOOKED_AT)
    seen = drawn.seen_by(start, compute)
    of_start = None if seen is None else drawn.as_recalled(seen, MOST_LOOKED_AT)
    if fit_to(start.network, of_expert, compute) < LEAST_KNOWN and (
        of_start is None or not LEAST_SEEN < hearts_seen(of_start, of_expert) < MOST_SEEN
    ):
        return None
    if seen is not None:
        drawn.recall(seen)
    weights = start.network.state_dict()
    return lambda network: keep_near(network, weights, of_expert, of_start, compute)


def _peak_rate(start: Model | None, budget: Budget) -> float:
    """Return the highest learning rate of a training that is in no hurry."""
    if start is None:
        return PEAK_FROM_MODEL
    # A second is about ten steps of a small batch on two cores.
    steps = budget.steps or 10 * (budget.seconds or 0.0)
    return PEAK_FROM_MODEL * min(1.0, max(GENTLEST, steps / SHORT_STEPS))


class _Saving:
    """Keeps a run's state now and then."""

    def __init__(self, state: RunState, optimiser: torch.optim.Optimizer) -> None:
        self._state, self._optimiser = state, optimiser
        self._due = time.monotonic() + SAVE_EVERY_S

    def after(self, network: UNet, step: Step) -> None:
        begun = time.monotonic()
        if begun < self._due or step.spent >= 1:
            return
        self._state.keep(network, self._optimiser, step)
        now = time.monotonic()
        self._due = now + max(SAVE_EVERY_S, (now - begun) / SAVING_SHARE)


def structure_loss(said: dict[str, Tensor], shares: Tensor) -> Tensor:
    """Return the loss of slices that an expert drew, and of what is known of others.

    Parameters
    ----------
    said
        By head, the logits of a batch.
    shares
        Shape ``(n, classes, h, w)``: the share of each class in each pixel; all zero where nothing
        is known.

    Returns
    -------
    Tensor
        A scalar: Dice and cross-entropy on slices that are known as a whole and show a structure;
        cross-entropy on the pixels known of the others, each slice weighing as much.
    """
    logits = said[STRUCTURES_HEAD]
    whole = shares.sum(dim=1).amin(dim=(1, 2)) > 0.99
    drawn = whole & (shares[:, 1:].sum(dim=(1, 2, 3)) > 0)
    loss = logits.new_zeros(())
    if drawn.any():
        loss = dice_and_cross_entropy(logits[drawn], shares[drawn])
    if not drawn.all():
        weight = (~drawn).sum() / drawn.sum().clamp(min=1)
        loss = loss + weight * functional.cross_entropy(logits[~drawn], shares[~drawn])
    return loss


def _loss_with_positions(said: dict[str, Tensor], shares: Tensor) -> Tensor:
    """Return the loss of slices whose positions are known, and of those with structures."""
    positions, structures = shares[:, :POSITIONS], shares[:, POSITIONS:]
    known = positions.sum(dim=(1, 2, 3)) > 0
    of_positions = dice_and_cross_entropy(said[POSITIONS_HEAD][known], positions[known])
    return of_positions + structure_loss(said, structures)


def _position_batches(
    examples: Sequence[ExpertSlices],
    start: Model,
    positions: Sequence[Source],
    seed: int,
    compute: Compute,
) -> Draw:
    """Return what draws positions: where they are known to be, or where the start sees them."""
    if positions:
        return PositionBatches(positions, start.card, seed=seed)
    stacks = [(example.stack, example.centre_yx()) for example in examples]
    return RecalledPositions(stacks, start, seed=seed, compute=compute)


def _finished(
    steps: Generator[Step, bool | None, None],
    network: UNet,
    card: Card,
    compute: Compute,
    saving: _Saving | None,
    *,
    settle: Callable[[UNet], float] | None,
) -> Generator[Step, bool | None, Model]:
    """Pass steps and wishes through, and return what was learned."""
    step = next(steps)
    while True:
        if saving:
            saving.after(network, step)
        wish = yield step
        try:
            step = steps.send(wish)
        except StopIteration:
            break
    network.eval()
    share = settle(network) if settle else 1.0
    network.requires_grad_(True)
    network.to("cpu")
    done = {
        "steps": step.index,
        "share_learned": share,
        "seconds": round(step.seconds, 2),
        "batch_size": step.batch_size,
        "compute": str(compute),
    }
    return Model(network, replace(card, recipe={**card.recipe, **done}))


def _start(
    examples: Sequence[ExpertSlices], start: Model | None, mode: Mode, seed: int
) -> tuple[Card, UNet]:
    """Check what is asked for; return card and network (a copy) to train."""
    if mode not in get_args(Mode):
        raise InputError(f"unknown mode '{mode}'; known are {', '.join(get_args(Mode))}")
    if not examples:
        raise InputError("no annotated slice to learn from; label and confirm at least one")
    if not any(example.centre_yx() for example in examples):
        raise InputError("no annotated slice holds a structure; label the heart on at least one")
    views = {example.stack.view for example in examples}
    if len(views) > 1:
        raise InputError(f"one model learns one view; these are {', '.join(sorted(views))}")
    view = views.pop()
    if view not in STRUCTURES_OF_VIEW:
        raise InputError(
            f"the view {view} cannot be learned; known: {', '.join(STRUCTURES_OF_VIEW)}"
        )
    if start is None:
        if mode != "all":
            raise InputError(
                f"mode '{mode}' keeps what a model has learned: it needs one to start from"
            )
        structures = STRUCTURES_OF_VIEW[view]
        network = new_network(classes=len(structures) + 1, seed=seed)
        card = Card(network.architecture, view=view, structures=structures, size=size_of(view))
        return card, network
    if start.card.view is not view:
        raise InputError(
            f"{examples[0].stack.name} is {view}, the model to start from knows "
            f"{start.card.view}; start from another model or from scratch"
        )
    if mode == "multitask" and POSITIONS_HEAD not in start.network.heads:
        raise InputError(
            "mode 'multitask' goes on predicting positions: it needs a model that was pre-trained "
            "on them, such as the shipped weights"
        )
    return start.card, deepcopy(start.network)


def _freeze(module: nn.Module) -> None:
    module.requires_grad_(False)
    module.eval()
