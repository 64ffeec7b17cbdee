"""What weights are worth before any label: Dice, and how large the structures are drawn.

Every annotated frame is predicted by the weights alone, which find the heart themselves. Dice is
over the whole volume of a frame, every slice of it. The ratio of the predicted to the reference's
volume is over the middle slices, where what belongs to the heart is no convention: it tells whether
borders are off to one side.

    python benchmarks/no_label.py                                   # the shipped weights
    python benchmarks/no_label.py new.safetensors --patients decide

Patients decide or are reported as in `before_after`; the sets are those of `before_after`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from before_after import Case, _start, cases, place_of

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB
from napari_cardiac_ssl.learning.checkpoint import Model
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack

CODES = [UKBB.code(one) for one in SAX_STRUCTURES]


@dataclass(frozen=True)
class Score:
    """One frame: Dice and volume ratio of each structure, voxels on slices without heart."""

    dice: list[float]
    ratio: list[float]
    false: int


def score(model: Model, case: Case) -> Score:
    stack = read_stack(case.image)
    reference = read_mask(case.reference, like=stack).labels[0]
    predicted = predict_stack(model, stack)[0][0]
    middle = [z for z, place in enumerate(place_of(reference)) if place == "middle"]
    drawn = [((predicted[middle] == c).sum(), (reference[middle] == c).sum()) for c in CODES]
    return Score(
        dice=[dice(predicted == code, reference == code) for code in CODES],
        ratio=[float(p / r) if r else float("nan") for p, r in drawn],
        false=int((predicted[~reference.any(axis=(1, 2))] > 0).sum()),
    )


def row(name: str, scores: list[Score]) -> str:
    def means(values: list[list[float]]) -> list[float]:
        return [mean_defined(column) for column in zip(*values, strict=True)]

    each = [mean_defined(one.dice) for one in scores]
    dices, ratios = means([s.dice for s in scores]), means([s.ratio for s in scores])
    return (
        f"{name:14} {len(scores):4}   "
        + " ".join(f"{value:.3f}" for value in dices)
        + f"  {np.mean(each):.3f} {np.std(each):.3f} {min(each):.3f}   "
        + " ".join(f"{value:4.2f}" for value in ratios)
        + f"   {np.mean([s.false for s in scores]):6.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="*", help="the shipped weights by default")
    parser.add_argument("--frames", nargs="+", default=["ED", "ES"], choices=["ED", "ES"])
    parser.add_argument("--sets", nargs="+", default=["acdc", "siemens", "philips"])
    parser.add_argument("--patients", default="all", choices=["all", "decide", "report"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for path in options.model or [None]:
        model = _start(path)
        print(f"{path or 'the shipped weights'}: {options.patients}")
        print(
            f"{'':14}    n   Dice: LV  Myo    RV   mean   sd  worst   "
            "volume: LV Myo RV    false on empty"
        )
        for group in options.sets:
            for frame in options.frames:
                found = [
                    score(model, case)
                    for case in cases([group], [frame])
                    if options.patients == "all" or case.decides == (options.patients == "decide")
                ]
                if found:
                    print(row(f"{group} {frame}", found), flush=True)


if __name__ == "__main__":
    main()
