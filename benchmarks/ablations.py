"""What the defaults of pre-training are worth: one changed at a time.

Each variant is pre-trained on positions alone, from nothing, on the 40 unlabelled ACDC patients
with their landmarks; then five annotated patients are taught (ED and ES, as in few_subjects.py) and
ten others tested. Short budgets, the same for all: what is compared is the variants with the
default, not with the shipped weights.

    python benchmarks/ablations.py
    python benchmarks/ablations.py --variants default "five positions" --draws 3

The runs are kept in benchmarks/results/ablations.csv, so a killed benchmark goes on where it was,
and several may run side by side (``--worker 0/2``, ``1/2``).
"""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from cases import DATA, RESULTS
from few_subjects import taught_and_tested
from runs import Runs
from torch import nn

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.positions import Boxes
from napari_cardiac_ssl.learning import network, positioned, pretraining
from napari_cardiac_ssl.learning.checkpoint import Card, Model
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.readers.landmarks import read_landmarks
from napari_cardiac_ssl.readers.unlabelled import find_all

RUNS = Runs(RESULTS / "ablations.csv", {"variant": str, "draw": int})
#: Of box 1 and the nearer box on each side.
NEARER = (1, 2, 4, 6, 8)


@contextmanager
def boxes(step_mm: float, box_mm: float) -> Iterator[None]:
    """Learn boxes of another size, at other distances."""
    with patch.multiple(positioned, STEP_MM=step_mm, BOX_MM=box_mm):
        yield


@contextmanager
def five_positions() -> Iterator[None]:
    """Learn box 1 and its four neighbours: the outer boxes lie where no image is."""
    real = positioned.boxes_on

    def nearer(*args: Any, **kwargs: Any) -> Boxes:
        found = real(*args, **kwargs)
        outer = [code - 1 for code in range(1, 10) if code not in NEARER]
        centres = found.centres.copy()
        centres[outer] = 1e6
        return replace(found, centres=centres)

    with patch.object(positioned, "boxes_on", nearer):
        yield


@contextmanager
def spacing(mm: float) -> Iterator[None]:
    """Learn on another grid, of as many pixels."""
    with patch.object(pretraining, "Card", partial(Card, spacing_mm=mm)):
        yield


@contextmanager
def group_norm() -> Iterator[None]:
    """Normalise over groups of channels instead of over the batch."""
    real = network._block

    def block(fan_in: int, width: int) -> nn.Sequential:
        layers = real(fan_in, width)
        norms = (nn.GroupNorm(8, width) if isinstance(x, nn.BatchNorm2d) else x for x in layers)
        return nn.Sequential(*norms)

    with patch.object(network, "_block", block):
        yield


@contextmanager
def filters(number: int) -> Iterator[None]:
    """Learn with another width."""
    with patch.object(pretraining, "Architecture", partial(Architecture, base_filters=number)):
        yield


VARIANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "default": partial(boxes, positioned.STEP_MM, positioned.BOX_MM),
    "boxes 16 mm, 24 mm apart": partial(boxes, 24.0, 16.0),
    "boxes 8 mm, 14 mm apart": partial(boxes, 14.0, 8.0),
    "five positions": five_positions,
    "spacing 1.4 mm": partial(spacing, 1.4),
    "spacing 2.2 mm": partial(spacing, 2.2),
    "group norm": group_norm,
    "8 filters": partial(filters, 8),
    "24 filters": partial(filters, 24),
}


def pretrained(steps: int, seed: int) -> Model:
    """Learn positions on the unlabelled patients, as the variant in force has it."""
    folders = sorted((DATA / "acdc" / "unlabelled").glob("patient*"))
    landmarks = read_landmarks(DATA / "acdc" / "landmarks.json")
    sources = find_all(
        folders, landmarks, View.SAX, lambda path, why: None, lambda done, said: None
    )
    learning = pretraining.pretrain(
        sources, budget=Budget(steps=steps), seed=seed, knows_structures=False
    )
    return run(learning, lambda step: None)


def table() -> None:
    """Print means over draws, and how far each variant is from the default, draw by draw."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for said in RUNS.all():
        found.setdefault(said["variant"], {})[said["draw"]] = said
    usual = found.get("default", {})
    print(f"{'variant':28} draws  dice  against the default (sd)")
    for variant in (name for name in VARIANTS if name in found):
        runs = found[variant]
        gains = [r["dice"] - usual[draw]["dice"] for draw, r in runs.items() if draw in usual]
        gain = f"{np.mean(gains):+.3f} ({np.std(gains):.3f})" if gains else ""
        print(
            f"{variant:28} {len(runs):5} {np.mean([r['dice'] for r in runs.values()]):.3f}  {gain}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--pretraining-steps", type=int, default=300)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--worker", default="0/1", help="which part of the variants: 0/2")
    options = parser.parse_args()
    os.nice(5)
    part, parts = map(int, options.worker.split("/"))
    for variant in options.variants[part::parts]:
        model = None
        for draw in range(options.draws):
            if (variant, draw) in RUNS:
                continue
            with VARIANTS[variant]():
                model = model or pretrained(options.pretraining_steps, seed=0)
            said = taught_and_tested(
                model, "all", subjects=5, draw=draw, seed=0, steps=options.steps, batch=4
            )
            said |= {"variant": variant, "draw": draw}
            RUNS.add(said)
            print(f"{variant}, draw {draw}: {said['dice']:.3f}", flush=True)
    table()


if __name__ == "__main__":
    main()
