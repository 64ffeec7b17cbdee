"""Pre-training without contours: a U-Net learns where the nine anatomical positions are.

After Bai et al., MICCAI 2019 (arXiv 1907.02757). Where the long-axis planes cut a short-axis slice
labels nine boxes for free (`geometry.positions`); predicting them is ten-way segmentation. Studies
whose structures are known too (synthetic ones) may teach a second head at the same time.

Studies are loaded a few at a time into a pool, which is drawn from and then replaced: memory does
not grow with their number. Which studies, slices and changes a step sees follows from the seed and
the step's number alone, so a run that was killed goes on exactly where it was.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.geometry.planes import Plane, outside_mm
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES, boxes_on
from napari_cardiac_ssl.learning.checkpoint import (
    POSITIONS_HEAD,
    STRUCTURES_HEAD,
    Card,
    Model,
    TrainedOn,
    new_network,
)
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.grid import Augmentation, Intensities, grid_of
from napari_cardiac_ssl.learning.network import Architecture, UNet
from napari_cardiac_ssl.learning.training import (
    Budget,
    Step,
    dice_and_cross_entropy,
    fit,
    new_optimiser,
)
from napari_cardiac_ssl.study import SliceIndex, Stack

#: Position boxes that the network learns, mm: wider apart and smaller than those that are shown,
#: so that neighbours do not touch.
STEP_MM = 20.0
BOX_MM = 14.0
#: How far planes may lie from where a good radiographer would put them; standard deviations.
JITTER_DEG = 8.0
JITTER_MM = 3.0
#: Loaded at a time; slices taken of each; steps until they are replaced.
POOL_STUDIES = 8
POOL_SLICES = 24
POOL_STEPS = 64


@dataclass(frozen=True, eq=False)
class PositionedStack:
    """A short-axis stack that says where its positions are.

    Parameters
    ----------
    stack
        The images.
    frame
        How the heart lies.
    slices
        Those to learn from.
    structures
        Shape ``(t, z, y, x)``, UKBB integers, where they are known; None where not.
    """

    stack: Stack
    frame: AnatomicalFrame
    slices: tuple[SliceIndex, ...]
    structures: NDArray[np.uint8] | None = None


#: Loads one study.
Source = Callable[[], PositionedStack]


class PositionBatches:
    """Draws augmented batches of positions, and of structures where they are known.

    Parameters
    ----------
    sources
        Studies, each loaded when it is wanted.
    card
        Grid and structures.
    seed
        With the step's number, of all chance.
    first
        Number of the first step to draw for.
    augmentation
        How slices are changed.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        card: Card,
        *,
        seed: int,
        first: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        if not sources:
            raise InputError("no study to learn positions from")
        self._sources = sources
        self._card = card
        self._seed = seed
        self._step = first
        self._augment = augmentation or Augmentation(shift=0.15)
        self._pool: tuple[int, Tensor, Tensor] | None = None

    def __call__(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return images ``(n, 1, size, size)`` and shares ``(n, classes, size, size)``.

        The classes are the ten of positions, then those of structures; the latter are all zero
        where they are unknown.
        """
        images, shares = self._pool_of(self._step // POOL_STEPS)
        chance = torch.Generator().manual_seed(_mixed(self._seed, 2, self._step))
        self._step += 1
        chosen = torch.randint(len(images), (batch_size,), generator=chance)
        return self._augment(images[chosen], shares[chosen], self._card.size, chance)

    def _pool_of(self, number: int) -> tuple[Tensor, Tensor]:
        if self._pool is None or self._pool[0] != number:
            self._pool = None  # free the old before the new is loaded
            chance = np.random.default_rng((self._seed, 1, number))
            # Every study once before any a second time, in an order of each round's own.
            count = len(self._sources)
            wanted = range(number * POOL_STUDIES, (number + 1) * POOL_STUDIES)
            images, shares = [], []
            for place in wanted:
                order = np.random.default_rng((self._seed, 0, place // count)).permutation(count)
                positioned = self._sources[order[place % count]]()
                for image, share in self._slices_of(positioned, chance):
                    images.append(image)
                    shares.append(share)
            if not images:
                raise InputError(
                    "the heart's centre is in view on no slice of these studies; check that planes "
                    "or landmarks belong to their images"
                )
            self._pool = (
                number,
                torch.from_numpy(np.stack(images))[:, None],
                torch.from_numpy(np.stack(shares)),
            )
        return self._pool[1], self._pool[2]

    def _slices_of(
        self, positioned: PositionedStack, chance: np.random.Generator
    ) -> Generator[tuple[NDArray[np.float32], NDArray[np.float32]], None, None]:
        stack, card = positioned.stack, self._card
        intensities = Intensities.of(stack)
        picked = chance.permutation(len(positioned.slices))[:POOL_SLICES]
        channels = card.channels
        for index in (positioned.slices[i] for i in picked):
            frame = positioned.frame.moved(
                rotation_deg=chance.normal(0, JITTER_DEG, 3),
                shift_mm=chance.normal(0, JITTER_MM, 3),
            )
            boxes = boxes_on(
                frame, Plane.of_slice(stack, index.z), stack.view, step_mm=STEP_MM, box_mm=BOX_MM
            )
            if outside_mm(stack, boxes.centre_mm) > 0:
                continue  # no positions on this slice: ignored, not background
            x, y, _ = stack.voxel_xyz(boxes.centre_mm)
            grid = grid_of(
                stack, (y, x), spacing_mm=card.spacing_mm, size=2 * round(0.75 * card.size)
            )
            points = grid.points_yx()
            z = np.full(points.shape[:2], index.z, dtype=np.float64)
            voxels = np.stack([points[..., 1], points[..., 0], z], axis=-1)
            labels = boxes.labels_at(stack.world_mm(voxels))
            positions = np.moveaxis(np.eye(POSITIONS, dtype=np.float32)[labels], -1, 0)
            classes = len(card.structures) + 1
            if positioned.structures is None:
                structures = np.zeros((classes, grid.size, grid.size), dtype=np.float32)
            else:
                drawn = channels[positioned.structures[index]]
                structures = grid.labels_to_network(drawn, classes)
            image = grid.to_network(intensities.apply(stack.image[index]))
            yield image, np.concatenate([positions, structures])


#: Classes of the positions' head: background and nine.
POSITIONS = 1 + len(POSITION_NAMES[next(iter(POSITION_NAMES))])


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
) -> Generator[Step, bool | None, Model]:
    """Learn positions (and structures where known); return the model.

    Parameters
    ----------
    sources
        Studies, each loaded when it is wanted.
    budget, seed, compute, batch_size, peak_rate
        As in `fit`. With a budget in steps the same arguments give the same weights, in one go or
        killed and resumed any number of times.
    architecture
        Default: the U-Net with both heads.
    resume
        Where the run's state is kept, and found again; None keeps none.
    save_every
        Steps between two savings of the state.

    Yields
    ------
    Step
        After each step.

    Raises
    ------
    InputError
        If there is no study, or the state at `resume` is of another run.
    """
    compute = compute or Compute.best()
    architecture = architecture or Architecture(
        heads=((POSITIONS_HEAD, POSITIONS), (STRUCTURES_HEAD, 4))
    )
    network = new_network(architecture, seed=seed)
    card = Card(architecture)
    compute.place(network)
    optimiser = new_optimiser(network)
    plan: dict[str, object] = {
        "seed": seed,
        "batch_size": batch_size,
        "peak_rate": peak_rate,
        "studies": len(sources),
    }
    plan |= {"steps": budget.steps, "seconds": budget.seconds}
    done = (0, 0.0)
    if resume is not None and resume.exists():
        done = _restore(resume, network, optimiser, plan)
    batches = PositionBatches(sources, card, seed=seed, first=done[0])
    steps = fit(
        network.train(),
        batches,
        position_loss,
        budget=budget,
        compute=compute,
        batch_size=batch_size,
        peak_rate=peak_rate,
        optimiser=optimiser,
        done=done,
    )
    last = Step(done[0], float("nan"), 1.0, done[1], batch_size)
    wish: bool | None = None
    while True:
        try:
            last = steps.send(wish) if wish is not None else next(steps)
        except StopIteration:
            break
        if resume is not None and last.index % save_every == 0:
            _keep(resume, network, optimiser, plan, last)
        wish = yield last
    network.to("cpu").eval()
    recipe = plan | {"mode": "positions", "steps": last.index, "seconds": round(last.seconds, 1)}
    trained_on = (TrainedOn("positions", len(sources)),)
    return Model(network, Card(architecture, recipe=recipe, trained_on=trained_on))


def position_loss(said: dict[str, Tensor], shares: Tensor) -> Tensor:
    """Return the loss of positions and structures, each on the examples that know them."""
    losses = []
    for head, target in (
        (POSITIONS_HEAD, shares[:, :POSITIONS]),
        (STRUCTURES_HEAD, shares[:, POSITIONS:]),
    ):
        known = target.sum((1, 2, 3)) > 0
        if known.any():
            losses.append(dice_and_cross_entropy(said[head][known], target[known]))
    return torch.stack(losses).sum()


def _mixed(*numbers: int) -> int:
    """Return a seed for torch that differs wherever one of the numbers does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


_STATE = "napari-cardiac-ssl pre-training"


def _keep(
    path: Path,
    network: UNet,
    optimiser: torch.optim.Optimizer,
    plan: Mapping[str, object],
    step: Step,
) -> None:
    """Write the run's state whole or not at all."""
    tensors = {
        f"network.{k}": v.detach().cpu().contiguous() for k, v in network.state_dict().items()
    }
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{number}.{k}": v.detach().cpu().contiguous() for k, v in state.items()
        }
    said = {"plan": plan, "steps": step.index, "seconds": step.seconds}
    with replacing(path) as beside:
        beside.write_bytes(save(tensors, metadata={_STATE: json.dumps(said)}))


def _restore(
    path: Path, network: UNet, optimiser: torch.optim.Optimizer, plan: Mapping[str, object]
) -> tuple[int, float]:
    """Take up a run's state; return the steps and seconds that it has behind it."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    said = json.loads(header["__metadata__"][_STATE])
    if said["plan"] != json.loads(json.dumps(plan)):
        raise InputError(
            f"{path} is the state of another run ({said['plan']}, this one is {plan}); name the "
            "same studies and options, or start without --resume"
        )
    tensors = load(data)
    weights = {
        k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")
    }
    network.load_state_dict(weights)
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".", 2)
            states.setdefault(int(number), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})
    return int(said["steps"]), float(said["seconds"])
