"""Make the weights that ship for the long-axis views, of synthetic hearts alone.

Two rounds. In the first a network learns positions and structures of the 4CH view from plain
hearts. In the second, one network for each view goes on from it with hearts whose base is detailed
(veins, appendage, a tilted valve, planes that miss the axis), shown as other scanners would. The
2CH view has no positions. Nothing comes from a patient. Killed, it goes on where it was.

    python training/long_axis.py -o FOLDER
    python training/long_axis.py -o FOLDER --after-1 round1.safetensors
"""

import argparse
from pathlib import Path

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.learning.checkpoint import Model, TrainedOn, load_model, save_model
from napari_cardiac_ssl.learning.pretraining import PretrainingStep, pretrain
from napari_cardiac_ssl.learning.scanners import OtherScanners
from napari_cardiac_ssl.learning.synthetic_hearts import Synthetic
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import NAMES

#: What files say of themselves.
ABOUT = {"license": "BSD-3-Clause", "data": "synthetic hearts; no other"}
VIEWS = (View.LAX_2CH, View.LAX_4CH)
#: Synthetic hearts in either round.
PLAIN, DETAILED = 40, 60
#: Blood that flows in is bright in one structure and not in the next.
CONTRAST = 0.4


def first_round(steps: int, resume: Path) -> Model:
    """Return what plain hearts teach of the 4CH view."""
    return _learned(View.LAX_4CH, steps, PLAIN, None, resume)


def second_round(view: View, steps: int, start: Model, resume: Path) -> Model:
    """Return what detailed hearts teach of a view beyond the first round."""
    return _learned(view, steps, DETAILED, start, resume)


def _learned(view: View, steps: int, hearts: int, start: Model | None, resume: Path) -> Model:
    """Return a model, gone on with from `resume` if there is such a file."""

    def report(step: PretrainingStep) -> None:
        if step.index % 25 == 0:
            print(
                f"{view.short}, step {step.index}: loss {step.loss:.3f}, "
                f"{step.seconds / 60:.1f} min",
                flush=True,
            )

    further = start is not None
    scanners = OtherScanners(structures=len(STRUCTURES_OF_VIEW[view]), contrast=CONTRAST)
    steps_of = pretrain(
        [Synthetic(number, view, detailed=further) for number in range(hearts)],
        budget=Budget(steps=steps),
        view=view,
        start=start,
        resume=resume,
        trained_on=[TrainedOn(f"synthetic hearts of {view}", hearts)],
        augmentation=scanners if further else None,
    )
    return run(steps_of, report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs=2, default=(900, 900), help="of either round")
    parser.add_argument("--after-1", type=Path, help="what the first round has made before")
    parser.add_argument("--views", type=View, nargs="+", default=VIEWS, choices=VIEWS)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    plain = options.after_1 or options.output / "round1.safetensors"
    if not plain.exists():
        model = first_round(options.steps[0], plain.with_suffix(".resume"))
        save_model(plain, model, half=True, about=ABOUT)
    for view in options.views:
        file = options.output / NAMES[view]
        if not file.exists():
            resume = file.with_suffix(".resume")
            model = second_round(view, options.steps[1], load_model(plain), resume)
            save_model(file, model, half=True, about=ABOUT)


if __name__ == "__main__":
    main()
