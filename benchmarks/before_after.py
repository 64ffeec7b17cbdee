"""What training on k slices of a frame is worth on its other slices: before and after.

For every annotated patient, frame (ED, ES), k and seed: the shipped weights predict the frame,
learn k of its slices (spread evenly over those that show the heart) as the window does, and predict
it again. Both predictions are scored on the slices that were not labelled: Dice per structure over
the volume, voxels predicted on slices without heart, and where along the heart the wrong voxels
lie. ``shared`` is Dice on the slices that no k labels, for comparing k with k.

    python benchmarks/before_after.py --steps 150                       # resumes from results/
    python benchmarks/before_after.py --seconds 15 --k 3 --patients decide
    python benchmarks/before_after.py --k 3 --arms "no recall" "no averaging" neither extent
    python benchmarks/before_after.py --k                               # tables of what is there
    python benchmarks/before_after.py --k --seeds 1                     # … with another seed

Every other patient of a set decides (``--patients decide``) what the defaults are; the others are
reported. The sets are found through CARDIAC_SSL_DATA (default: ../shared/data): ACDC, and patients
of M&Ms that Siemens and Philips scanners saw (Dice only: their spacing is not known).
"""

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cases import DATA, RESULTS
from few_slices import spread
from numpy.typing import NDArray
from runs import Row, Table

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, View
from napari_cardiac_ssl.learning import averaging, examples
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, model_from_bytes
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import SliceIndex, Stack

KS = (1, 3, 5)
PLACES = ("above", "base", "middle", "apex", "below")
#: What an arm does without, or with: all but the last are ablations.
ARMS = ("whole", "border recalled", "no recall", "no averaging", "neither", "extent")
NAMES = tuple(map(str, SAX_STRUCTURES))
#: What tells trials apart.
KEYS = {
    "weights": str,
    "budget": str,
    "arm": str,
    "set": str,
    "frame": str,
    "k": int,
    "patient": str,
    "seed": int,
}
#: A row for each scored prediction: before, and after. ``wrong`` are voxels, by place.
TABLE = Table(
    RESULTS / "before_after.csv",
    {
        **KEYS,
        "role": str,
        "slices": str,
        "seconds": float,
        "steps": int,
        "share": float,
        "when": str,
        **dict.fromkeys((*NAMES, "dice", "shared"), float),
        "false on empty": int,
        **{f"wrong {place} {name}": int for place in PLACES for name in NAMES},
    },
)
#: Who loses more mean Dice than that is counted.
LOSS = 0.01
SHARES = averaging.SHARES, averaging.MOST_WITHOUT_RECALL
BORDER_MM = examples.NEAR_BORDER_MM

Labels = NDArray[np.uint8]
Scores = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One frame of one patient, and whether it decides or is reported."""

    group: str
    patient: str
    frame: str
    image: Path
    reference: Path
    decides: bool


def cases(groups: list[str], frames: list[str]) -> Iterator[Case]:
    found = {
        "acdc": sorted((DATA / "acdc" / "annotated").glob("patient*")),
        "siemens": sorted((DATA / "other_vendors").glob("A_*")),
        "philips": sorted((DATA / "other_vendors").glob("B_*")),
    }
    for group in groups:
        for number, folder in enumerate(found[group]):
            for frame in frames:
                image = folder / f"{folder.name}_{frame}.nii.gz"
                reference = folder / f"{folder.name}_{frame}_gt.nii.gz"
                yield Case(group, folder.name, frame, image, reference, number % 2 == 0)


def place_of(reference: Labels) -> list[str]:
    """Name the place of each slice along the heart. The base is the end that shows more of it."""
    area = (reference > 0).sum(axis=(1, 2))
    shown = np.flatnonzero(area)
    places = ["above"] * len(reference)
    order = shown if area[shown[0]] >= area[shown[-1]] else shown[::-1]
    for rank, z in enumerate(order):
        places[z] = "base" if rank < 2 else "apex" if rank >= len(order) - 2 else "middle"
    beyond = range(order[-1] + 1, len(reference)) if order[0] < order[-1] else range(order[-1])
    for z in beyond:
        places[z] = "below"
    return places


def scores_of(predicted: Labels, reference: Labels, scored: list[int], shared: list[int]) -> Scores:
    """Score one frame, ``(z, y, x)``, on the slices that were not labelled."""

    def mean(slices: list[int]) -> tuple[dict[str, float], float]:
        each = {
            str(one): dice(predicted[slices] == UKBB.code(one), reference[slices] == UKBB.code(one))
            for one in SAX_STRUCTURES
        }
        return each, mean_defined(each.values())

    each, over_all = mean(scored)
    places, wrong = place_of(reference), predicted != reference
    empty = [z for z in scored if not reference[z].any()]
    return {
        **each,
        "dice": over_all,
        "shared": mean(shared)[1],
        "false on empty": int((predicted[empty] > 0).sum()),
        "wrong": {
            place: {
                str(one): int(
                    sum(
                        ((predicted[z] == UKBB.code(one)) != (reference[z] == UKBB.code(one))).sum()
                        for z in scored
                        if places[z] == place and wrong[z].any()
                    )
                )
                for one in SAX_STRUCTURES
            }
            for place in PLACES
        },
    }


def expert(stack: Stack, labels: Labels, chosen: list[int], arm: str) -> ExpertSlices:
    slices = [SliceIndex(0, z) for z in chosen]
    if arm == "extent":  # two clicks more
        shown = np.flatnonzero(labels[0].any(axis=(1, 2)))
        outside = [z for z in range(stack.slices) if not shown[0] <= z <= shown[-1]]
        slices += [SliceIndex(0, z) for z in outside]
    others = () if arm in {"no recall", "neither"} else None
    return ExpertSlices(stack, labels, tuple(slices), others)


@dataclass(frozen=True)
class Trial:
    """One training: what of, from what, for how long."""

    case: Case
    start: Path | None
    budget: Budget
    k: int
    seed: int
    arm: str


def outcome(trial: Trial) -> Scores:
    case, k, arm = trial.case, trial.k, trial.arm
    torch.set_num_threads(1)
    averages = arm not in {"no averaging", "neither"}
    averaging.SHARES, averaging.MOST_WITHOUT_RECALL = SHARES if averages else ((1.0,), 1.0)
    examples.NEAR_BORDER_MM = 0.0 if arm == "border recalled" else BORDER_MM
    model = _start(trial.start)
    stack = read_stack(case.image)
    labels = read_mask(case.reference, like=stack).labels
    chosen = spread(labels[0], k)
    labelled_by_any = {z for any_k in KS for z in spread(labels[0], any_k)}
    scored = [z for z in range(stack.slices) if z not in chosen]
    shared = [z for z in range(stack.slices) if z not in labelled_by_any]
    example = expert(stack, labels, chosen, arm)
    before, _ = predict_stack(model, stack)
    begun = time.perf_counter()
    steps = finetune([example], start=model, budget=trial.budget, seed=trial.seed)
    learned = run(steps, lambda step: None)
    after, _ = predict_stack(learned, stack, centre_yx=example.centre_yx())
    return {
        "slices": chosen,
        "seconds": round(time.perf_counter() - begun, 1),
        "steps": learned.card.recipe["steps"],
        "share": learned.card.recipe["share_learned"],
        "before": scores_of(before[0], labels[0], scored, shared),
        "after": scores_of(after[0], labels[0], scored, shared),
    }


def rows_of(trial: Row, result: Scores) -> list[Row]:
    """Return what is kept of a trial."""
    said = {**trial, **{name: result[name] for name in ("seconds", "steps", "share")}}
    said["slices"] = " ".join(map(str, result["slices"]))
    rows = []
    for when in ("before", "after"):
        wrong = {
            f"wrong {place} {name}": voxels
            for place, of in result[when]["wrong"].items()
            for name, voxels in of.items()
        }
        rows.append({**said, "when": when, **result[when], **wrong})
    return rows


def _start(path: Path | None) -> Model:
    if path is not None:
        return load_model(path)
    data = default_weights(View.SAX)
    if data is None:
        raise SystemExit("no weights ship for SAX: name a model with --from")
    return model_from_bytes(data, "the shipped weights")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float)
    budget.add_argument("--steps", type=int, default=150)
    parser.add_argument("--k", type=int, nargs="*", default=list(KS), choices=KS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--frames", nargs="+", default=["ED", "ES"], choices=["ED", "ES"])
    parser.add_argument("--sets", nargs="+", default=["acdc", "siemens", "philips"])
    parser.add_argument("--patients", default="all", choices=["all", "decide", "report"])
    parser.add_argument("--arms", nargs="+", default=["whole"], choices=ARMS)
    parser.add_argument("--from", dest="start", type=Path, help="a model (the shipped weights)")
    parser.add_argument("--processes", type=int, default=2, help="trials at a time, a core each")
    options = parser.parse_args()
    spent = Budget(seconds=options.seconds) if options.seconds else Budget(steps=options.steps)
    said = f"{options.seconds:g} s" if options.seconds else f"{options.steps} steps"
    name = "shipped" if options.start is None else options.start.stem
    found = [
        case
        for case in cases(options.sets, options.frames)
        if options.patients == "all" or case.decides == (options.patients == "decide")
    ]
    if options.k and not found:
        raise SystemExit(f"no annotated cases under {DATA}; set CARDIAC_SSL_DATA")
    done = {tuple(row[name] for name in KEYS) for row in TABLE.rows()}
    open_ = {}
    for arm, seed, k, case in product(options.arms, options.seeds, options.k, found):
        key = (name, said, arm, case.group, case.frame, k, case.patient, seed)
        if key not in done:
            open_[key] = Trial(case, options.start, spent, k, seed, arm)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        running = {key: pool.submit(outcome, trial) for key, trial in open_.items()}
        for number, (key, future) in enumerate(running.items(), start=1):
            one = future.result()
            role = "decide" if open_[key].case.decides else "report"
            TABLE.add(rows_of({**dict(zip(KEYS, key, strict=True)), "role": role}, one))
            print(
                f"{number}/{len(running)} {' | '.join(map(str, key))}: "
                f"{one['before']['dice']:.3f} -> {one['after']['dice']:.3f}",
                flush=True,
            )
    table([row for row in TABLE.rows() if row["seed"] in options.seeds], options.patients)


def table(results: list[Row], patients: str) -> None:
    """Print means over patients and seeds, the worst, who loses, and where voxels are wrong."""
    trials_of: dict[str, dict[tuple[str, int], dict[str, Row]]] = {}
    for row in results:
        if patients in {"all", row["role"]}:
            for group in [row["set"]] if row["set"] == "acdc" else [row["set"], "other vendors"]:
                name = f"{row['weights']}, {row['budget']}, {row['arm']} | {group}"
                name += f" | {row['frame']} | k={row['k']}"
                trial = trials_of.setdefault(name, {}).setdefault((row["patient"], row["seed"]), {})
                trial[row["when"]] = row
    rows = {name: list(trials.values()) for name, trials in sorted(trials_of.items())}
    print(
        f"{'':48} patients x seeds  before: LV   Myo    RV  mean    after: LV   Myo    RV  mean    "
        "sd  worst    gain least lose  shared before after worst  false before after"
    )
    for row, trials in rows.items():
        of_patients = [
            [one for one in trials if one["after"]["patient"] == patient]
            for patient in sorted({one["after"]["patient"] for one in trials})
        ]

        def mean(when: str, what: str) -> float:
            return mean_defined(one[when][what] for one in trials)  # noqa: B023

        def per_patient(what: Callable[[dict[str, Row]], float]) -> list[float]:
            return [mean_defined(map(what, one)) for one in of_patients]  # noqa: B023

        after = per_patient(lambda one: one["after"]["dice"])
        gains = per_patient(lambda one: one["after"]["dice"] - one["before"]["dice"])
        shared = per_patient(lambda one: one["after"]["shared"])
        names = [*NAMES, "dice"]
        print(
            f"{row:48} {len(of_patients):8} x {len(trials) // len(of_patients)}     "
            + "    ".join(" ".join(f"{mean(w, n):.3f}" for n in names) for w in ("before", "after"))
            + f"  {np.std(after):.3f} {min(after):.3f}  {np.mean(gains):+.3f} {min(gains):+.3f} "
            f"{sum(gain < -LOSS for gain in gains):4}  "
            f"{mean('before', 'shared'):.3f} {mean('after', 'shared'):.3f} {np.nanmin(shared):.3f}"
            f"  {mean('before', 'false on empty'):.0f} {mean('after', 'false on empty'):.0f}"
        )
    print(
        "\nwrong voxels a patient, and the share of each place (above, base, middle, apex, below)"
    )
    for row, trials in rows.items():
        for when in ("before", "after"):
            parts = []
            for one in NAMES:
                wrong = [
                    np.mean([t[when][f"wrong {place} {one}"] for t in trials]) for place in PLACES
                ]
                shares = " ".join(f"{w / max(sum(wrong), 1):.2f}" for w in wrong)
                parts.append(f"{one} {sum(wrong):.0f}: {shares}")
            print(f"{row:48} {when:6} " + " | ".join(parts))


if __name__ == "__main__":
    main()
