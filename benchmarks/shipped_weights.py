"""Make the weights that ship: positions on public-domain hearts and synthetic ones.

Sunnybrook (45 people, public domain; Radau et al., MIDAS 2009): in each annotated slice the LV's
centre is the middle of its expert contour, and the RV's side is in `rv_side.csv`. The synthetic
heart knows its positions and its structures. Killed, it goes on where it was.

    python benchmarks/shipped_weights.py --steps 2500 -o weights.safetensors
"""

import argparse
import csv
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
from skimage.io import imread

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
from napari_cardiac_ssl.learning.checkpoint import save_model
from napari_cardiac_ssl.learning.pretraining import PositionedStack, Source, pretrain
from napari_cardiac_ssl.learning.training import Budget, Step, run
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

HERE = Path(__file__).parent
DATA = Path(os.environ.get("CARDIAC_SSL_DATA", HERE / ".." / ".." / "shared" / "data"))
#: The pictures do not say their pixel size; it is 1.25 to 1.4 mm.
PIXEL_MM = 1.3
SIDE = 224


def sunnybrook(folder: Path, rv_angle_deg: float) -> PositionedStack:
    """Cut each annotated slice out around its LV, so that one axis goes through all of them."""
    pictures = []
    for contour in sorted(folder.glob("*_lv.png")):
        marked = imread(contour)[..., 0] > 0
        if not marked.any():
            continue
        picture = imread(contour.with_name(contour.name.replace("_lv", "")))[..., 0]
        row, column = (round(float(at.mean())) for at in np.nonzero(marked))
        wide = np.pad(picture, SIDE // 2, mode="edge")
        pictures.append(wide[row : row + SIDE, column : column + SIDE])
    stack = Stack(np.stack(pictures)[None], np.diag([PIXEL_MM, PIXEL_MM, 8.0, 1.0]))
    # x to the right and y downwards in the picture, so angles turn the other way round; with the
    # base at the far end of z, anterior comes out clockwise from the RV, as readers see it.
    middle = np.array([SIDE / 2 * PIXEL_MM] * 2)
    angle = np.deg2rad(rv_angle_deg)
    rv = middle + 60 * np.array([np.cos(angle), -np.sin(angle)])
    frame = AnatomicalFrame.from_landmarks(
        Landmarks(np.array([*middle, 80.0]), np.array([*middle, 0.0]), np.array([*rv, 40.0]))
    )
    return PositionedStack(stack, frame, tuple(stack.slice_indices()))


def synthetic(seed: int) -> PositionedStack:
    """Make a synthetic heart at four times of its beat, with its structures."""
    heart = make_study(seed, frames=4, lax=False)
    stack, masks = heart.study.stack(View.SAX), heart.masks[View.SAX]
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(heart.landmarks))
    shown = tuple(index for index in stack.slice_indices() if masks[index].any())
    return PositionedStack(stack, frame, shown, masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--synthetic", type=int, default=45, help="number of synthetic hearts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    with open(DATA / "sunnybrook" / "rv_side.csv", newline="") as file:
        sides = {row["subject"]: float(row["rv_angle_deg"]) for row in csv.DictReader(file)}
    sources: list[Source] = [
        partial(sunnybrook, DATA / "sunnybrook" / name, angle) for name, angle in sides.items()
    ]
    # Far from the seeds of the built-in study and of tests.
    sources += [partial(synthetic, 10_000 + i) for i in range(options.synthetic)]
    begun = time.monotonic()

    def report(step: Step) -> None:
        if step.index % 25 == 0:
            minutes = (time.monotonic() - begun) / 60
            print(f"step {step.index}: loss {step.loss:.3f}, {minutes:.1f} min", flush=True)

    model = run(
        pretrain(
            sources,
            budget=Budget(steps=options.steps),
            seed=options.seed,
            resume=options.output.with_suffix(".resume"),
        ),
        report,
    )
    save_model(options.output, model)


if __name__ == "__main__":
    main()
