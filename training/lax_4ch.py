"""Make the weights that ship for the 4CH view: positions and structures of synthetic hearts.

    python training/lax_4ch.py -o lax_4ch.safetensors

Nothing in them comes from a patient. Killed, it goes on where it was.
"""

import argparse
from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.learning.checkpoint import TrainedOn, save_model
from napari_cardiac_ssl.learning.pretraining import PretrainingStep, pretrain
from napari_cardiac_ssl.learning.synthetic_hearts import Synthetic
from napari_cardiac_ssl.learning.training import Budget, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--synthetic", type=int, default=40, help="number of synthetic hearts")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    hearts = [Synthetic(number, View.LAX_4CH) for number in range(options.synthetic)]

    def report(step: PretrainingStep) -> None:
        if step.index % 25 == 0:
            print(
                f"step {step.index}: loss {step.loss:.3f}, {step.seconds / 60:.1f} min", flush=True
            )

    model = run(
        pretrain(
            hearts,
            budget=Budget(steps=options.steps),
            view=View.LAX_4CH,
            resume=options.output.with_suffix(".resume"),
            trained_on=[TrainedOn("synthetic hearts of LAX_4CH", options.synthetic)],
        ),
        report,
    )
    about = {"license": "BSD-3-Clause", "data": "synthetic hearts; no other"}
    save_model(options.output, model, half=True, about=about)


if __name__ == "__main__":
    main()
