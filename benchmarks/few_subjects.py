"""Teach N annotated patients, test on others: what pre-training is worth on real hearts.

The experiment of Bai et al. (MICCAI 2019) on the 20 annotated ACDC patients. A draw orders them at
random, the disease groups in turn (another first in each draw); its first N are taught (ED and ES,
every slice, those without heart too), its last ten are tested, whatever N is, and not seen before.
All arms have the same augmentation, budget, batch size and seeds; the network is the last one and
never a selected one. Dice is per structure over a volume, then the mean over both.

    python benchmarks/few_subjects.py --arms scratch default:all default:decoder default:multitask
    python benchmarks/few_subjects.py --arms acdc=MODEL:all --subjects 1 5
    python benchmarks/few_subjects.py --arms --figure few_subjects.png     # what is there so far

An arm is ``scratch`` or ``[NAME=]WEIGHTS:MODE``. With ``--subjects 0`` nobody is taught: what the
weights are worth as they are. The runs are kept in benchmarks/results/few_subjects.csv, so a
killed benchmark goes on where it was, and several may run side by side (``--worker 0/2``, ``1/2``).
The cases are found through CARDIAC_SSL_DATA (default: ../shared/data).
"""

import argparse
import csv
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
from cases import DATA, RESULTS
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runs import Runs, means_of

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, model_from_bytes
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import Mode, finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.metrics import dice
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import Stack

RUNS = Runs(
    RESULTS / "few_subjects.csv",
    {"arm": str, "subjects": int, "draw": int, "seed": int, "budget": str, "weights": str},
)
PHASES = ("ED", "ES")
#: Tested in every draw.
TESTED = 10


def order_of(draw: int) -> list[str]:
    """Return the annotated patients in the order of a draw, disease groups in turn."""
    with open(DATA / "acdc" / "index.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["role"] == "annotated"]
    groups = sorted({row["group"] for row in rows})
    chance = np.random.default_rng(draw)
    members = [
        chance.permutation(sorted({row["patient"] for row in rows if row["group"] == group}))
        for group in np.roll(groups, -draw)  # the first, alone where N is 1, is of another group
    ]
    return [str(patient) for patients in zip(*members, strict=True) for patient in patients]


@cache
def case(patient: str, phase: str) -> tuple[Stack, NDArray[np.uint8]]:
    folder = DATA / "acdc" / "annotated" / patient
    stack = read_stack(folder / f"{patient}_{phase}.nii.gz")
    return stack, read_mask(folder / f"{patient}_{phase}_gt.nii.gz", like=stack).labels


def arm_of(text: str) -> tuple[str, Model | None, Mode]:
    """Return an arm's name, start and mode."""
    if text == "scratch":
        return text, None, "all"
    weights, _, mode = text.rpartition(":")
    name, _, path = weights.rpartition("=")
    if mode not in get_args(Mode) or not path:
        raise SystemExit(f"{text}: neither scratch nor [NAME=]WEIGHTS:MODE")
    if path != "default":
        return f"{name or Path(path).stem}, {mode}", load_model(Path(path)), mode
    data = default_weights()
    if data is None:
        raise SystemExit("no weights ship with this version")
    return f"{name or 'shipped'}, {mode}", model_from_bytes(data, "the shipped weights"), mode


def taught_and_tested(
    start: Model | None, mode: Mode, *, subjects: int, draw: int, seed: int, steps: int, batch: int
) -> dict[str, Any]:
    """Run the experiment once."""
    order = order_of(draw)
    taught, tested = order[:subjects], order[-TESTED:]
    examples = []
    for stack, labels in (case(*which) for which in product(taught, PHASES)):
        examples.append(ExpertSlices(stack, labels, tuple(stack.slice_indices())))
    model, budget = start, Budget(steps=steps)
    if examples:
        learning = finetune(
            examples, start=start, mode=mode, budget=budget, seed=seed, batch_size=batch
        )
        model = run(learning, lambda step: None)
    if model is None:
        raise SystemExit("without subjects to learn from there is nothing from scratch")
    volumes = {}
    for patient, phase in product(tested, PHASES):
        stack, labels = case(patient, phase)
        predicted, _ = predict_stack(model, stack)
        volumes[f"{patient} {phase}"] = {
            str(s): dice(predicted == UKBB.code(s), labels == UKBB.code(s)) for s in SAX_STRUCTURES
        }
    return {
        "seconds": model.card.recipe.get("seconds", 0.0) if examples else 0.0,
        "volumes": volumes,
        **means_of(volumes),
    }


def results(budget: str) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return the runs that are done with a budget, by arm and number of subjects.

    Of an arm whose weights were others once, those of before are rows of their own.
    """
    runs = [one for one in RUNS.all() if one["budget"] == budget]
    newest = {one["arm"]: one["weights"] for one in runs}
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in runs:
        is_newest = one["weights"] == newest[one["arm"]]
        arm = one["arm"] if is_newest else f"{one['arm']} ({one['weights'][:8]})"
        found.setdefault((arm, one["subjects"]), []).append(one)
    return found


def table(budget: str) -> None:
    """Print means and spread over draws and seeds, and the gain over scratch, run by run."""
    found = results(budget)
    columns = [*map(str, SAX_STRUCTURES), "dice"]
    print(f"{budget}\n{'arm':32} N runs " + " ".join(f"{c:>11}" for c in columns), end="")
    print("      sd    worst   over scratch (sd)")
    for (arm, subjects), runs in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
        means = [np.mean([r[c] for r in runs]) for c in columns]
        dices = [r["dice"] for r in runs]
        control = {(r["draw"], r["seed"]): r["dice"] for r in found.get(("scratch", subjects), [])}
        gains = [
            r["dice"] - control[key] for r in runs if (key := (r["draw"], r["seed"])) in control
        ]
        gain = f"{np.mean(gains):+.3f} ({np.std(gains):.3f})" if gains else ""
        print(
            f"{arm:31} {subjects:2} {len(runs):4} "
            + " ".join(f"{mean:11.3f}" for mean in means)
            + f"{np.std(dices):8.3f} {min(dices):8.3f}   {gain}"
        )


def figure(budget: str, path: Path) -> None:
    """Draw mean Dice over the number of taught patients, with its spread."""
    found = results(budget)
    picture = Figure(figsize=(6, 4), layout="constrained")
    axes = picture.subplots()
    ticks = sorted({n for _, n in found})
    arms = sorted({arm for arm, _ in found})
    for number, arm in enumerate(arms):
        at = [place for place, subjects in enumerate(ticks) if (arm, subjects) in found]
        dices = [[r["dice"] for r in found[arm, ticks[place]]] for place in at]
        axes.errorbar(
            np.array(at) + 0.06 * (number - (len(arms) - 1) / 2),
            [np.mean(d) for d in dices],
            [np.std(d) for d in dices],
            marker="o",
            capsize=2,
            label=arm,
        )
    axes.set_xticks(range(len(ticks)), [str(n) for n in ticks])
    axes.set_xlabel("annotated patients (ED and ES)")
    axes.set_ylabel("mean Dice on ten other patients")
    axes.grid(alpha=0.3)
    axes.legend(title=budget)
    picture.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="*", default=["scratch", "default:all"])
    parser.add_argument("--subjects", type=int, nargs="+", default=[1, 2, 5, 10])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--worker", default="0/1", metavar="I/N")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args(arguments)
    if not (DATA / "acdc" / "index.csv").exists():
        raise SystemExit(f"no ACDC cases under {DATA}; set CARDIAC_SSL_DATA")
    arms = [arm_of(text) for text in options.arms]
    said = f"{options.steps} steps of {options.batch} slices"
    runs = list(product(range(options.seeds), range(options.draws), options.subjects, arms))
    worker, workers = (int(part) for part in options.worker.split("/"))
    for seed, draw, subjects, (arm, start, mode) in runs[worker::workers]:
        weights = start.digest[:12] if start else ""
        if (arm, subjects, draw, seed, said, weights) in RUNS:
            continue
        result = {
            "arm": arm,
            "subjects": subjects,
            "draw": draw,
            "seed": seed,
            "budget": said,
            "weights": weights,
            **taught_and_tested(
                start,
                mode,
                subjects=subjects,
                draw=draw,
                seed=seed,
                steps=options.steps,
                batch=options.batch,
            ),
        }
        RUNS.add(result)
        said_of = f"{arm}, N {subjects}, draw {draw}, seed {seed}, {said}"
        print(f"{said_of}: {result['dice']:.3f}", flush=True)
    table(said)
    if options.figure:
        figure(said, options.figure)


if __name__ == "__main__":
    main()
