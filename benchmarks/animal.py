"""A heart unlike those that were learned from: a pig's, before any label and after three slices.

The open animal (`pig/`): four phases of a contiguous short-axis stack, with automatic LV contours
that its publishers know to be wrong on the most basal slices: looked at, they go round the aorta
from slice 14 on, so the slices before it are all that is learned from and scored. Its LV cavity and
myocardium are the reference; the RV has none, counts as background and is learned as such. Each
phase by itself: what the shipped weights see, then k slices spread over the heart are learned and
the **other** slices are scored, beside the same training from scratch.

    python benchmarks/animal.py
    python benchmarks/animal.py --k 3 --seeds 0 1 2
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from before_after import _start
from cases import DATA
from few_slices import spread
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import ACDC, UKBB, Structure, View
from napari_cardiac_ssl.learning.checkpoint import Model
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.metrics import dice
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import SliceIndex, Stack

Labels = NDArray[np.uint8]
KNOWN = (Structure.LV_CAVITY, Structure.MYOCARDIUM)
#: Slices from the apex whose contours are those of the LV, in all phases.
RIGHT = 14


def phases() -> list[tuple[Stack, Labels]]:
    """Return each phase as a stack of one frame, with its labels."""
    stack = read_stack(DATA / "pig" / "sax_4phases.nii.gz")
    stack = replace(stack, view=View.SAX)
    labels = read_mask(DATA / "pig" / "sax_4phases_auto_lv.nii.gz", like=stack, scheme=ACDC)
    return [
        (replace(stack, image=stack.image[[t], :RIGHT]), labels.labels[[t], :RIGHT])
        for t in range(stack.frames)
    ]


def scores(predicted: Labels, labels: Labels, slices: list[int]) -> list[float]:
    return [
        dice(predicted[slices] == UKBB.code(one), labels[slices] == UKBB.code(one)) for one in KNOWN
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = phases()
    model = _start(None)
    print(f"{'':24} phases   LV    Myo   (worst phase)")

    def row(name: str, each: list[list[float]]) -> None:
        lv, wall = np.array(each).T
        print(
            f"{name:24} {len(found):4}   {lv.mean():.3f} {wall.mean():.3f}   "
            f"({lv.min():.3f} {wall.min():.3f})",
            flush=True,
        )

    whole = [
        scores(predict_stack(model, stack)[0][0], labels[0], list(range(stack.slices)))
        for stack, labels in found
    ]
    row("no label, all slices", whole)
    for k in options.k:
        arms: list[tuple[str, Model | None]] = [("shipped", model), ("from scratch", None)]
        before: list[list[float]] = []
        after: dict[str, list[list[float]]] = {name: [] for name, _ in arms}
        for stack, labels in found:
            chosen = spread(labels[0], k)
            others = [z for z in range(stack.slices) if z not in chosen]
            example = ExpertSlices(stack, labels, tuple(SliceIndex(0, z) for z in chosen))
            before.append(scores(predict_stack(model, stack)[0][0], labels[0], others))
            for name, start in arms:
                for seed in options.seeds:
                    steps = finetune(
                        [example], start=start, budget=Budget(steps=options.steps), seed=seed
                    )
                    learned = run(steps, lambda step: None)
                    drawn = predict_stack(learned, stack, centre_yx=example.centre_yx())[0][0]
                    after[name].append(scores(drawn, labels[0], others))
        row(f"k = {k}, before", before)
        for name, each in after.items():
            row(f"k = {k}, after, {name}", each)


if __name__ == "__main__":
    main()
