"""Make the weights that ship for the long-axis views, of synthetic hearts alone.

In the first round a network learns positions and structures of the 4CH view from plain hearts. In
the second, one network for each view goes on from it with hearts whose base is detailed (veins,
appendage, a tilted valve, blood that flows in, planes that miss the axis), shown as other scanners
would. That of the 2CH view, which has no positions, ships. That of the 4CH view goes on in a third
round with hearts of which every second has blood alike in LV and left atrium: where the valve is,
walls have to tell. It finds the valve better and draws the atrium too small, so the average of the
weights before and after that round ships. (For the 2CH view the third round did not pay.) Nothing
comes from a patient. Killed, it goes on where it was.

    python training/long_axis.py -o FOLDER
    python training/long_axis.py -o FOLDER --after-1 round1.safetensors
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from default import averaged

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.learning.checkpoint import Model, TrainedOn, load_model, save_model
from napari_cardiac_ssl.learning.pretraining import PretrainingStep, pretrain
from napari_cardiac_ssl.learning.scanners import OtherScanners
from napari_cardiac_ssl.learning.synthetic_hearts import Synthetic
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import NAMES

#: What files say of themselves.
ABOUT = {"license": "BSD-3-Clause", "data": "synthetic hearts; no other"}
FOUR, TWO = View.LAX_4CH, View.LAX_2CH


@dataclass(frozen=True)
class Round:
    """What is learned in one go.

    Parameters
    ----------
    steps, hearts
        How many of each.
    contrast
        By how much structures become brighter or darker (`OtherScanners`); None for plain hearts
        as they are.
    alike
        Whether every second heart has blood alike in LV and left atrium.
    """

    steps: int
    hearts: int
    contrast: float | None = None
    alike: bool = False


#: How much of what the third round changed is kept.
KEPT = 0.5
ROUNDS = (Round(900, 40), Round(900, 60, 0.4), Round(500, 60, 0.1, alike=True))


def learned(view: View, how: Round, start: Model | None, resume: Path) -> Model:
    """Return the model of one round, gone on with from `resume` if there is such a file."""

    def report(step: PretrainingStep) -> None:
        if step.index % 25 == 0:
            print(
                f"{view.short}, step {step.index}: loss {step.loss:.3f}, "
                f"{step.seconds / 60:.1f} min",
                flush=True,
            )

    scanners = None
    if how.contrast is not None:
        structures = len(STRUCTURES_OF_VIEW[view])
        scanners = OtherScanners(structures=structures, contrast=how.contrast)
    steps = pretrain(
        [
            Synthetic(n, view, detailed=scanners is not None, alike=how.alike and n % 2 == 1)
            for n in range(how.hearts)
        ],
        budget=Budget(steps=how.steps),
        view=view,
        start=start,
        resume=resume,
        trained_on=[TrainedOn(f"synthetic hearts of {view}", how.hearts)],
        augmentation=scanners,
    )
    return run(steps, report)


def made(file: Path, view: View, how: Round, start: Path | None) -> Path:
    """Make a file of a round, if it is not there; later rounds start from what it holds."""
    if not file.exists():
        before = load_model(start) if start else None
        model = learned(view, how, before, file.with_suffix(".resume"))
        save_model(file, model, half=True, about=ABOUT)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--after-1", type=Path, help="what the first round has made before")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    plain = options.after_1 or made(folder / "round1.safetensors", FOUR, ROUNDS[0], None)
    second = made(folder / "round2.safetensors", FOUR, ROUNDS[1], plain)
    third = made(folder / "round3.safetensors", FOUR, ROUNDS[2], second)
    model = averaged(load_model(second), load_model(third), KEPT)
    save_model(folder / NAMES[FOUR], model, half=True, about=ABOUT)
    made(folder / NAMES[TWO], TWO, ROUNDS[1], plain)


if __name__ == "__main__":
    main()
