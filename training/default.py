"""Make the weights that ship: positions on public-domain hearts and synthetic ones.

Sunnybrook (45 people, public domain; Radau et al., MIDAS 2009): in each annotated slice the LV's
centre is the middle of its expert contour, and the RV's side is in `rv_side.csv`. The synthetic
heart knows its positions and its structures.

The first round learns positions of both and structures of synthetic hearts alone. In each further
round the network of the round before labels the Sunnybrook slices, and goes on learning from those
labels too, corrected by what is known: inside the expert's contour is LV cavity, outside is none,
the myocardium touches it and the RV is one piece beside them (self-training with partial truth).
Killed, it goes on where it was.

    python training/default.py -o default.safetensors
"""

import argparse
import csv
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.io import imread

from napari_cardiac_ssl.anatomy import UKBB, Structure, View
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, save_model
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.pretraining import PositionedStack, Source, pretrain
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
#: Side of the network's square when it labels, in its own pixels: the largest RV is inside.
WIDE = 144
LV, MYOCARDIUM, RV = (
    UKBB.code(part) for part in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
)


def sunnybrook(folder: Path, rv_angle_deg: float) -> tuple[PositionedStack, NDArray[np.bool_]]:
    """Cut each annotated slice out around its LV, so that one axis goes through all of them.

    The second value is where the expert saw the LV cavity, ``(z, y, x)``.
    """
    pictures, cavities = [], []
    for contour in sorted(folder.glob("*_lv.png")):
        marked = imread(contour)[..., 0] > 0
        if not marked.any():
            continue
        picture = imread(contour.with_name(contour.name.replace("_lv", "")))[..., 0]
        row, column = (round(float(at.mean())) for at in np.nonzero(marked))
        here = np.s_[row : row + SIDE, column : column + SIDE]
        pictures.append(np.pad(picture, SIDE // 2, mode="edge")[here])
        cavities.append(np.pad(marked, SIDE // 2)[here])
    stack = Stack(np.stack(pictures)[None], np.diag([PIXEL_MM, PIXEL_MM, 8.0, 1.0]))
    # x to the right and y downwards in the picture, so angles turn the other way round; with the
    # base at the far end of z, anterior comes out clockwise from the RV, as readers see it.
    middle = np.array([SIDE / 2 * PIXEL_MM] * 2)
    angle = np.deg2rad(rv_angle_deg)
    rv = middle + 60 * np.array([np.cos(angle), -np.sin(angle)])
    frame = AnatomicalFrame.from_landmarks(
        Landmarks(np.array([*middle, 80.0]), np.array([*middle, 0.0]), np.array([*rv, 40.0]))
    )
    return PositionedStack(stack, frame, tuple(stack.slice_indices())), np.stack(cavities)


def labelled_by(
    teacher: Model, positioned: PositionedStack, cavities: NDArray[np.bool_]
) -> PositionedStack:
    """Return a stack with the structures that a model sees, corrected by the known LV cavity."""
    wide = replace(teacher, card=replace(teacher.card, size=WIDE))
    labels, _ = predict_stack(wide, positioned.stack, centre_yx=(SIDE / 2, SIDE / 2))
    for drawn, cavity in zip(labels[0], cavities, strict=True):
        drawn[(drawn == LV) & ~cavity] = MYOCARDIUM
        drawn[cavity] = LV
        ventricle = _piece((drawn == LV) | (drawn == MYOCARDIUM), at=cavity)
        beside = ndimage.binary_dilation(ventricle, iterations=3)
        right = _piece(drawn == RV, at=beside)
        drawn[~(ventricle | right)] = 0
    return replace(positioned, structures=labels)


def _piece(mask: NDArray[np.bool_], *, at: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece of a mask that reaches a place."""
    pieces, number = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel(), minlength=number + 1)
    reaching = np.unique(pieces[at])
    reaching = reaching[reaching > 0]
    if not len(reaching):
        return np.zeros(mask.shape, dtype=bool)
    return np.asarray(pieces == reaching[sizes[reaching].argmax()])


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


def sources_of(teacher: Model | None, hearts: int) -> list[Source]:
    """Return what a round learns from; the first has no teacher."""
    with open(DATA / "sunnybrook" / "rv_side.csv", newline="") as file:
        sides = {row["subject"]: float(row["rv_angle_deg"]) for row in csv.DictReader(file)}
    sources: list[Source] = []
    for name, angle in sides.items():
        positioned, cavities = sunnybrook(DATA / "sunnybrook" / name, angle)
        if teacher is not None:
            positioned = labelled_by(teacher, positioned, cavities)
        sources.append(partial(_same, positioned))
    # Far from the seeds of the built-in study and of tests.
    further = teacher is not None
    return sources + [partial(synthetic, 10_000 + i, further=further) for i in range(hearts)]


def _same(positioned: PositionedStack) -> PositionedStack:
    return positioned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2500, help="of the first round")
    parser.add_argument("--further", type=int, default=1000, help="steps of each further round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--synthetic", type=int, default=45, help="number of synthetic hearts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    model: Model | None = None
    for number in range(1, options.rounds + 1):
        file = options.output.with_suffix(f".round{number}.safetensors")
        if file.exists():
            model = load_model(file)
            continue
        begun = time.monotonic()

        def report(step: Step, number: int = number, begun: float = begun) -> None:
            if step.index % 25 == 0:
                minutes = (time.monotonic() - begun) / 60
                print(
                    f"round {number}, step {step.index}: loss {step.loss:.3f}, {minutes:.1f} min",
                    flush=True,
                )

        steps = pretrain(
            sources_of(model, options.synthetic),
            budget=Budget(steps=options.further if model else options.steps),
            seed=options.seed + number - 1,
            start=model,
            resume=file.with_suffix(".resume"),
        )
        model = run(steps, report)
        save_model(file, model)
    if model is not None:
        save_model(options.output, model, half=True, about=ABOUT)


if __name__ == "__main__":
    main()
