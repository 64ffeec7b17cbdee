"""Pre-training without contours: a U-Net learns where the nine anatomical positions are.

After Bai et al., MICCAI 2019 (arXiv 1907.02757). Where the long-axis planes cut a short-axis slice
labels nine boxes for free (`geometry.positions`); predicting them is ten-way segmentation. Studies
whose structures are known too (synthetic ones) may teach a second head at the same time.
"""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.positioned import PositionedStack, Source
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES
from napari_cardiac_ssl.learning.checkpoint import (
    POSITIONS_HEAD,
    STRUCTURES_HEAD,
    Card,
    Model,
    TrainedOn,
    new_network,
    with_heads,
)
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.distributed import Together
from napari_cardiac_ssl.learning.grid import Augmentation, size_of
from napari_cardiac_ssl.learning.held_out import PositionScores
from napari_cardiac_ssl.learning.kinds import kind_of
from napari_cardiac_ssl.learning.network import Architecture, UNet
from napari_cardiac_ssl.learning.partial_truth import loss_where_known, partly_known
from napari_cardiac_ssl.learning.positioned import (
    POSITIONS,
    PositionBatches,
    held_out,
)
from napari_cardiac_ssl.learning.run_state import RunState
from napari_cardiac_ssl.learning.training import (
    Budget,
    Step,
    dice_and_cross_entropy,
    fit,
    new_optimiser,
)

__all__ = [
    "POSITIONS",
    "PositionBatches",
    "PositionedStack",
    "PretrainingStep",
    "Source",
    "position_loss",
    "pretrain",
]


@dataclass(frozen=True)
class PretrainingStep(Step):
    """What one step of pre-training did.

    Parameters
    ----------
    validation
        How well positions are then found in studies held out, where that was looked at.
    """

    validation: PositionScores | None = None


def pretrain(
    sources: Sequence[Source],
    *,
    budget: Budget,
    seed: int = 0,
    compute: Compute | None = None,
    batch_size: int = 8,
    peak_rate: float = 2e-3,
    architecture: Architecture | None = None,
    resume: Path | None = None,
    save_every: int = 50,
    view: View = View.SAX,
    start: Model | None = None,
    validation: Sequence[Source] = (),
    validate_every: int = 250,
    trained_on: Sequence[TrainedOn] = (),
    knows_structures: bool = True,
    together: Together | None = None,
    augmentation: Augmentation | None = None,
) -> Generator[PretrainingStep, bool | None, Model]:
    """Learn positions (and structures where known); return the model.

    Parameters
    ----------
    sources
        Studies, each loaded when it is wanted.
    budget, seed, compute, batch_size, peak_rate
        As in `fit`. With a budget in steps the same arguments give the same weights, in one go or
        killed and resumed any number of times.
    architecture
        Default: the U-Net with both heads, of the shape of `start`.
    resume
        Where the run's state is kept, and found again; None keeps none. Closing the generator
        keeps it too.
    save_every
        Steps between two savings of the state.
    view
        The view of all stacks. One without positions (2CH) learns structures alone.
    start
        The model to go on from, of any view; None starts from scratch.
    validation
        Studies to validate positions by, not among the sources.
    validate_every
        Steps between two validations; there is one at the end too.
    trained_on
        What the sources are, for the model's card and to know the run again.
    knows_structures
        Whether any source says where structures are, or `start` knows.
    together
        The other processes that train this network, if there are any. Each draws batches of its
        own, of `batch_size` each; rank 0 alone keeps the state and validates.
    augmentation
        How slices are changed; None for the usual changes.

    Yields
    ------
    PretrainingStep
        After each step.

    Raises
    ------
    InputError
        If there is no study, the view cannot be learned, or the state at `resume` is of another
        run.
    """
    if view not in STRUCTURES_OF_VIEW:
        known = ", ".join(STRUCTURES_OF_VIEW)
        raise InputError(f"the view {view} cannot be learned; known: {known}")
    compute = compute or Compute.best()
    structures = STRUCTURES_OF_VIEW[view]
    network = _network(architecture, start, view, seed)
    card = Card(
        network.architecture,
        view=view,
        structures=structures,
        size=size_of(view),
        kind=kind_of(network),
    )
    compute.place(network)
    optimiser = new_optimiser(network)
    sha = hashlib.sha256("".join(part.digest for part in trained_on).encode()).hexdigest()[:16]
    plan: dict[str, object] = {
        "seed": seed,
        "batch_size": batch_size,
        "peak_rate": peak_rate,
        "studies": len(sources),
        "steps": budget.steps,
        "seconds": budget.seconds,
        "view": str(view),
        "from": None if start is None else start.digest,
        "digests": sha,
        "processes": together.ranks if together else 1,
    }
    if augmentation is not None:
        plan["augmentation"] = repr(augmentation)
    done, state = (0, 0.0), None
    if resume is not None:
        state = RunState(resume, plan)
        done = state.restore(network, optimiser, together)
    first = together is None or together.rank == 0
    looks = held_out(validation, card) if first and view in POSITION_NAMES else None
    part = (together.rank, together.ranks) if together else (0, 1)
    steps = fit(
        network.train(),
        PositionBatches(
            sources, card, seed=seed, first=done[0], augmentation=augmentation, part=part
        ),
        position_loss,
        budget=budget,
        compute=compute,
        batch_size=batch_size,
        peak_rate=peak_rate,
        optimiser=optimiser,
        done=done,
        together=together,
    )
    last = Step(done[0], float("nan"), 1.0, done[1], batch_size)
    wish: bool | None = None
    while True:
        try:
            last = steps.send(wish) if wish is not None else next(steps)
        except StopIteration:
            break
        if state and first and last.index % save_every == 0:
            state.keep(network, optimiser, last)
        scores = None
        if looks and (last.index % validate_every == 0 or last.spent >= 1):
            scores = looks.scores(network, compute)
        try:
            wish = yield PretrainingStep(**vars(last), validation=scores)
        except GeneratorExit:
            if state and first and last.index % save_every:
                state.keep(network, optimiser, last)
            raise
    network.to("cpu").eval()
    recipe = plan | {
        "mode": "positions",
        "steps": last.index,
        "seconds": round(last.seconds, 1),
        "compute": str(compute),
        "structures": knows_structures,
    }
    card = replace(
        card,
        recipe=recipe,
        trained_on=tuple(trained_on) or (TrainedOn("positions", len(sources)),),
        parent=None if start is None else start.digest,
    )
    return Model(network, card)


def _network(architecture: Architecture | None, start: Model | None, view: View, seed: int) -> UNet:
    """Return the network to train: that of the start as far as it goes, else a new one."""
    heads: tuple[tuple[str, int], ...] = ((STRUCTURES_HEAD, len(STRUCTURES_OF_VIEW[view]) + 1),)
    if view in POSITION_NAMES:
        heads = ((POSITIONS_HEAD, POSITIONS), *heads)
    if start is None:
        return new_network(architecture or Architecture(heads=heads), seed=seed)
    return with_heads(start, heads, keep=start.card.view is view, seed=seed)


def position_loss(said: dict[str, Tensor], shares: Tensor) -> Tensor:
    """Return the loss of positions and structures, each on the examples that know them."""
    losses = []
    for head, target in (
        (POSITIONS_HEAD, shares[:, :POSITIONS]),
        (STRUCTURES_HEAD, shares[:, POSITIONS:]),
    ):
        known = target.sum((1, 2, 3)) > 0
        if known.any():
            partly = head == STRUCTURES_HEAD and partly_known(target[known])
            loss = loss_where_known if partly else dice_and_cross_entropy
            losses.append(loss(said[head][known], target[known]))
    return torch.stack(losses).sum()
