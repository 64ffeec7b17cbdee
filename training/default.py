"""Make the weights that ship: positions on public-domain hearts and synthetic ones.

Sunnybrook (45 people, public domain; Radau et al., MIDAS 2009): in each annotated slice the LV's
centre is the middle of its expert contour, and the RV's side is in `rv_side.csv`. The synthetic
heart knows its positions and its structures.

The first round learns positions of both and structures of synthetic hearts alone. In each further
round the network of the round before labels the Sunnybrook slices, and goes on learning from those
labels too, corrected by what is known (self-training with partial truth). The second round labels
at one look. The last two are anchored (`teacher`): averaged looks, the expert's epicardium, walls
corrected by the bias that it shows, and nothing said where the teacher is not sure; images as other
scanners would show them. They find more of the RV and of other scanners' hearts, but move the LV's
border outwards at end-systole, as self-training does: what comes out is the average of the weights
before and after them (`KEPT`). Killed, it goes on where it was.

    python training/default.py -o default.safetensors
    python training/default.py -o default.safetensors --after-2 round2.safetensors
"""

import argparse
import copy
import csv
import os
import time
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.io import imread
from teacher import LV, MYOCARDIUM, RV, WIDE, Drawn, piece_at, taught

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, save_model
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.pretraining import PositionedStack, Source, pretrain
from napari_cardiac_ssl.learning.scanners import OtherScanners
from napari_cardiac_ssl.learning.training import Budget, Step, run
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

HERE = Path(__file__).parent
DATA = Path(os.environ.get("CARDIAC_SSL_DATA", HERE / ".." / ".." / "shared" / "data"))
#: What the file itself says of its licence and of what it learned from.
ABOUT = {
    "license": "BSD-3-Clause",
    "data": "Sunnybrook Cardiac Data (public domain; Radau et al., MIDAS Journal 2009) and "
    "synthetic hearts; no other",
}
#: The pictures do not say their pixel size; it is 1.25 to 1.4 mm.
PIXEL_MM = 1.3
SIDE = 224


@dataclass(frozen=True)
class Round:
    """What is learned in one go: so many steps, from so many synthetic hearts beside the real."""

    steps: int
    hearts: int
    anchored: bool = False


#: How much of what the anchored rounds changed is kept: chosen on the open patients that decide
#: (docs/evidence.md, "Before any label").
KEPT = 0.2
ROUNDS = (Round(2500, 45), Round(1000, 45), Round(2000, 15, True), Round(3000, 15, True))


def sunnybrook(folder: Path, rv_angle_deg: float) -> Drawn:
    """Cut each annotated slice out around its LV, so that one axis goes through all of them."""
    pictures, cavities, wholes = [], [], []
    for contour in sorted(folder.glob("*_lv.png")):
        marked = grey(contour) > 0
        if not marked.any():
            continue
        picture = grey(contour.with_name(contour.name.replace("_lv", "")))
        row, column = (round(float(at.mean())) for at in np.nonzero(marked))
        here = np.s_[row : row + SIDE, column : column + SIDE]
        pictures.append(np.pad(picture, SIDE // 2, mode="edge")[here])
        cavities.append(np.pad(marked, SIDE // 2)[here])
        outer = contour.with_name(contour.name.replace("_lv", "_epi"))
        whole = grey(outer) > 0 if outer.exists() else np.zeros_like(marked)
        wholes.append(np.pad(whole, SIDE // 2)[here])
    stack = Stack(np.stack(pictures)[None], np.diag([PIXEL_MM, PIXEL_MM, 8.0, 1.0]))
    # x to the right and y downwards in the picture, so angles turn the other way round; with the
    # base at the far end of z, anterior comes out clockwise from the RV, as readers see it.
    middle = np.array([SIDE / 2 * PIXEL_MM] * 2)
    angle = np.deg2rad(rv_angle_deg)
    rv = middle + 60 * np.array([np.cos(angle), -np.sin(angle)])
    frame = AnatomicalFrame.from_landmarks(
        Landmarks(np.array([*middle, 80.0]), np.array([*middle, 0.0]), np.array([*rv, 40.0]))
    )
    positioned = PositionedStack(stack, frame, tuple(stack.slice_indices()))
    return Drawn(positioned, np.stack(cavities), np.stack(wholes))


def grey(file: Path) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = imread(file)
    return picture[..., 0] if picture.ndim == 3 else picture


def labelled_by(teacher: Model, drawn: Drawn) -> PositionedStack:
    """Return a person's stack with what a model sees at one look, corrected by the known cavity."""
    wide = replace(teacher, card=replace(teacher.card, size=WIDE))
    labels, _ = predict_stack(wide, drawn.positioned.stack, centre_yx=(SIDE / 2, SIDE / 2))
    for label, cavity in zip(labels[0], drawn.cavities, strict=True):
        label[(label == LV) & ~cavity] = MYOCARDIUM
        label[cavity] = LV
        ventricle = piece_at((label == LV) | (label == MYOCARDIUM), cavity)
        beside = ndimage.binary_dilation(ventricle, iterations=3)
        right = piece_at(label == RV, beside)
        label[~(ventricle | right)] = 0
    return replace(drawn.positioned, structures=labels)


@cache
def synthetic(seed: int, *, further: bool) -> PositionedStack:
    """Make a synthetic heart at four times of its beat, with its structures.

    In further rounds one of the times is end-systole, and slices beyond the heart are shown too.
    """
    heart = make_study(seed, frames=11 if further else 4, lax=False)
    stack, masks = heart.study.stack(View.SAX), heart.masks[View.SAX]
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(heart.landmarks))
    times = (0, 2, 4, 6) if further else (0, 1, 2, 3)
    shown = (
        index
        for index in stack.slice_indices()
        if index.t in times and (further or masks[index].any())
    )
    return PositionedStack(stack, frame, tuple(shown), masks)


def sources_of(teacher: Model | None, how: Round) -> list[Source]:
    """Return what a round learns from; the first has no teacher."""
    with open(DATA / "sunnybrook" / "rv_side.csv", newline="") as file:
        sides = {row["subject"]: float(row["rv_angle_deg"]) for row in csv.DictReader(file)}
    people = [sunnybrook(DATA / "sunnybrook" / name, angle) for name, angle in sides.items()]
    if teacher is None:
        stacks = [drawn.positioned for drawn in people]
    elif how.anchored:
        stacks = taught(teacher, people)
    else:
        stacks = [labelled_by(teacher, drawn) for drawn in people]
    sources: list[Source] = [partial(_same, positioned) for positioned in stacks]
    # Far from the seeds of the built-in study and of tests.
    further = teacher is not None
    return sources + [partial(synthetic, 10_000 + i, further=further) for i in range(how.hearts)]


def _same(positioned: PositionedStack) -> PositionedStack:
    return positioned


def learned(how: Round, number: int, model: Model | None, seed: int, resume: Path) -> Model:
    """Return the model of one round, gone on with from `resume` if there is such a file."""
    begun = time.monotonic()

    def report(step: Step) -> None:
        if step.index % 25 == 0:
            minutes = (time.monotonic() - begun) / 60
            print(
                f"round {number}, step {step.index}: loss {step.loss:.3f}, {minutes:.1f} min",
                flush=True,
            )

    steps = pretrain(
        sources_of(model, how),
        budget=Budget(steps=how.steps),
        seed=seed + number - 1,
        start=model,
        resume=resume,
        augmentation=OtherScanners() if how.anchored else None,
    )
    return run(steps, report)


def averaged(before: Model, after: Model, share: float) -> Model:
    """Return a model that has moved a share of the way from one to another, weight by weight."""
    network = copy.deepcopy(after.network)
    weights, last = before.network.state_dict(), after.network.state_dict()
    network.load_state_dict(
        {
            name: torch.lerp(weights[name], value, share) if value.is_floating_point() else value
            for name, value in last.items()
        }
    )
    return replace(after, network=network)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs=len(ROUNDS), help="of each round")
    parser.add_argument("--after-2", type=Path, help="what the first two rounds have made before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    rounds = ROUNDS
    if options.steps:
        rounds = tuple(
            replace(how, steps=steps) for how, steps in zip(ROUNDS, options.steps, strict=True)
        )
    model: Model | None = None
    unanchored: Model | None = None
    for number, how in enumerate(rounds, start=1):
        file = options.output.with_suffix(f".round{number}.safetensors")
        if number <= 2 and options.after_2 is not None:
            model = load_model(options.after_2)
        elif file.exists():
            model = load_model(file)
        else:
            model = learned(how, number, model, options.seed, file.with_suffix(".resume"))
            save_model(file, model)
        if not how.anchored:
            unanchored = model
    if model is not None and unanchored is not None:
        model = averaged(unanchored, model, KEPT)
        save_model(options.output, model, half=True, about=ABOUT)


if __name__ == "__main__":
    main()
