"""Which slice next? A simulated expert labels what each strategy suggests; count what it costs.

For every annotated patient (ED and ES as a cine of two frames), strategy and start: the expert of
`cardiac-ssl loop` labels one slice a round, the model learns so many steps from all labels so far,
and the whole stack is scored as it is seen, the expert's slices among it. A run ends when its mean
Dice reaches 0.90; what is compared is the number of slices, and of corrected pixels, that this
took. Beside it the same loop with a random forest on pixel features, as an outside control: it is
labelled from the middle outwards (``uniform``).

    python benchmarks/loop.py --strategies suggest uncertainty uniform random
    python benchmarks/loop.py --start scratch --patients 0:20:2
    python benchmarks/loop.py --sets siemens philips --frames ES
    python benchmarks/loop.py --strategies --forest          # the control alone
    python benchmarks/loop.py --strategies --figure loop.png # what is there so far

The rule of ``suggest`` was chosen on every other patient (``--patients 1:20:2`` shows the others
alone). What a round cost at most is said beside. Every run goes into benchmarks/results/loop.csv,
so a killed benchmark goes on where it was. The cases are found through CARDIAC_SSL_DATA.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from cases import DATA, RESULTS
from few_slices import features
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runs import Row, Table
from sklearn.ensemble import RandomForestClassifier

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB
from napari_cardiac_ssl.demo.simulated_expert import TOLERANCE_MM, corrected, rounds
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.learning.suggestion import STRATEGIES, Situation, suggest
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Ready, Trainer

#: What tells runs apart; without steps, the random forest.
KEYS = {
    "learner": str,
    "strategy": str,
    "start": str,
    "steps": int,
    "frames": str,
    "seed": int,
    "patient": str,
}
#: A row for each round of a run; round 0 is before any label.
TABLE = Table(
    RESULTS / "loop.csv",
    {
        **KEYS,
        "round": int,
        "t": int,
        "z": int,
        "dice": float,
        "pixels": int,
        "reason": str,
    },
)
GOAL = 0.90
#: Where the annotated patients of each set lie.
SETS = {
    "acdc": "acdc/annotated/patient*",
    "siemens": "other_vendors/A_*",
    "philips": "other_vendors/B_*",
}

Result = dict[str, Any]
Key = tuple[Any, ...]


def read(case: Path, frames: list[str]) -> tuple[Stack, NDArray[np.uint8]]:
    """Return a patient's frames as one stack, and their reference."""
    stacks = [read_stack(case / f"{case.name}_{frame}.nii.gz") for frame in frames]
    masks = [
        read_mask(case / f"{case.name}_{frame}_gt.nii.gz", like=stack).labels
        for frame, stack in zip(frames, stacks, strict=True)
    ]
    image = np.concatenate([stack.image for stack in stacks])
    return Stack(image, stacks[0].affine, name=case.name), np.concatenate(masks)


def trainer_at(nice: int) -> Trainer:
    """Start a trainer beside others' work: by itself it stays behind it."""
    trainer = Trainer()
    trainer.warm_up()
    while not any(isinstance(message, Ready) for message in trainer.messages(1.0)):
        pass
    if trainer.pid and hasattr(os, "setpriority"):
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, trainer.pid, nice)
    return trainer


def loop(
    trainer: Trainer, stack: Stack, reference: NDArray[np.uint8], options: argparse.Namespace, **how
) -> Result:
    """Run the product's own loop until the goal is reached."""
    session = Session(trainer=trainer, who="simulated expert")
    session.open(stack)
    result: Result = {"before": None, "rounds": []}
    number, steps = options.rounds, options.steps
    for one in rounds(session, reference, number=number, steps=steps, **how):
        if one.index is None:
            result["before"] = one.dice
            continue
        result["rounds"].append(
            {
                "t": one.index.t,
                "z": one.index.z,
                "dice": one.dice,
                "pixels": one.corrected_pixels,
                "reason": one.reason,
            }
        )
        if one.dice >= GOAL:
            break
    return result


def middle_out(reference: NDArray[np.uint8]) -> Iterator[SliceIndex]:
    """Yield slices far from those before: the middle of each frame, their ends, between."""
    shown = reference.any(axis=(2, 3))
    areas = np.repeat(shown[..., None], 3, axis=-1).astype(float)
    nothing = np.zeros(shown.shape, dtype=bool)
    situation = Situation(nothing, ~nothing, areas, np.full(shown.shape, np.nan), ed=0)
    for one in suggest(situation, strategy="uniform", number=shown.size):
        yield one.index


def forest(stack: Stack, reference: NDArray[np.uint8], most: int) -> Result:
    """Do the same with a pixel classifier, as ilastik, convpaint and the like have."""
    seen = {index: features(stack.image[index]) for index in stack.slice_indices()}
    labels = np.zeros_like(reference)
    known: list[SliceIndex] = []
    result: Result = {"before": None, "rounds": []}
    for index in middle_out(reference):
        if len(known) == most:
            break
        after = corrected(labels[index], reference[index], stack.spacing_mm[1:], TOLERANCE_MM)
        pixels = int((after != labels[index]).sum())
        labels[index] = after
        known.append(index)
        classifier = RandomForestClassifier(
            50, max_depth=20, max_samples=0.1, random_state=0, class_weight="balanced"
        )
        classifier.fit(
            np.concatenate([seen[one] for one in known]),
            np.concatenate([labels[one].ravel() for one in known]),
        )
        for other in seen.keys() - set(known):
            labels[other] = classifier.predict(seen[other]).reshape(after.shape)
        reached = mean_defined(
            dice(labels[t] == UKBB.code(s), reference[t] == UKBB.code(s))
            for s in SAX_STRUCTURES
            for t in range(stack.frames)
        )
        result["rounds"].append(
            {**index._asdict(), "dice": reached, "pixels": pixels, "reason": ""}
        )
        if reached >= GOAL:
            break
    return result


def slices_to_goal(result: Result) -> float:
    """Return how many slices it took; NaN if the goal was not reached."""
    if (result["before"] or 0) >= GOAL:
        return 0
    numbers = [n for n, one in enumerate(result["rounds"], start=1) if one["dice"] >= GOAL]
    return numbers[0] if numbers else float("nan")


def pixels_to_goal(result: Result) -> float:
    return sum(one["pixels"] for one in result["rounds"])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES), choices=STRATEGIES)
    parser.add_argument("--start", default="default", choices=["default", "scratch"])
    parser.add_argument("--forest", action="store_true")
    parser.add_argument("--rounds", type=int, default=8, help="at most so many slices")
    parser.add_argument("--steps", type=int, default=60, help="of training a round")
    parser.add_argument("--seeds", type=int, default=2, help="of random; others have one")
    parser.add_argument("--frames", nargs="+", default=["ED", "ES"], choices=["ED", "ES"])
    parser.add_argument("--sets", nargs="+", default=["acdc"], choices=SETS)
    parser.add_argument("--patients", default=":", help="as a slice of the list: 0::2")
    parser.add_argument("--tag", default="", help="tells trials of a strategy apart")
    parser.add_argument("--nice", type=int, default=5)
    parser.add_argument("--figure", type=Path)
    return parser.parse_args()


def main() -> None:
    options = parse()
    os.nice(options.nice)
    everywhere = [case for places in SETS.values() for case in sorted(DATA.glob(places))]
    everyone = [case.name for case in everywhere]
    cases = [case for name in options.sets for case in sorted(DATA.glob(SETS[name]))]
    if not cases:
        raise SystemExit(f"no annotated cases under {DATA}; set CARDIAC_SSL_DATA")
    cases = cases[slice(*(int(part) if part else None for part in options.patients.split(":")))]
    frames = "+".join(options.frames)
    arms = [
        ("ours", name + options.tag, options.start, options.steps, frames, seed)
        for name in options.strategies
        for seed in range(options.seeds if name == "random" else 1)
    ]
    if options.forest:
        arms.append(("random forest", "uniform", "", None, frames, 0))
    done = results_of(TABLE.rows())
    trainer = trainer_at(options.nice)
    try:
        for case in cases:
            stack, reference = read(case, options.frames)
            for arm in arms:
                key = (*arm, case.name)
                if key in done:
                    continue
                learner, strategy, start, _, _, seed = arm
                if learner == "ours":
                    # Chance draws anew for each patient: one draw for all would be one draw.
                    own = 100 * seed + everyone.index(case.name)
                    strategy = strategy.removesuffix(options.tag)
                    how = {"strategy": strategy, "start": start, "seed": own}
                    result = loop(trainer, stack, reference, options, **how)
                else:
                    result = forest(stack, reference, options.rounds)
                TABLE.add(rows_of(key, result))
                curve = " ".join(
                    f"{one['t']}.{one['z']}:{one['dice']:.3f}" for one in result["rounds"]
                )
                said = f"{arm_of(key)} | {seed} | {case.name}"
                print(f"{said}: {result['before'] or 0:.3f} {curve}", flush=True)
    finally:
        trainer.close()
    results = results_of(TABLE.rows())
    table(results, [case.name for case in cases])
    comparison(results, [case.name for case in cases])
    if options.figure:
        draw(results, options.figure)


def rows_of(key: Key, result: Result) -> list[Row]:
    """Return what is kept of a run."""
    run = dict(zip(KEYS, key, strict=True))
    rounds = [{**run, "round": n, **one} for n, one in enumerate(result["rounds"], start=1)]
    if result["before"] is None:
        return rounds
    nothing = {"t": None, "z": None, "pixels": None, "reason": ""}
    return [{**run, "round": 0, "dice": result["before"], **nothing}, *rounds]


def results_of(rows: list[Row]) -> dict[Key, Result]:
    """Return the runs that are done, each with its rounds."""
    results: dict[Key, Result] = {}
    for row in rows:
        key = tuple(row[name] for name in KEYS)
        result = results.setdefault(key, {"before": None, "rounds": []})
        if row["round"]:
            result["rounds"].append(row)
        else:
            result["before"] = row["dice"]
    return results


def arm_of(key: Key) -> str:
    """Say what a run is one patient and seed of."""
    learner, strategy, start, steps, frames, *_ = key
    how = f"{strategy} | {start} | {steps} steps"
    return f"{how if learner == 'ours' else f'{learner} | {strategy}'} | {frames}"


def groups_of(
    results: dict[Key, Result], patients: list[str]
) -> dict[str, dict[str, list[Result]]]:
    """Return results by arm and patient (one for each seed)."""
    groups: dict[str, dict[str, list[Result]]] = {}
    for key, result in results.items():
        if key[-1] in patients:
            groups.setdefault(arm_of(key), {}).setdefault(key[-1], []).append(result)
    return dict(sorted(groups.items()))


def costs_of(of: dict[str, list[Result]]) -> dict[str, float]:
    """Return each patient's slices to the goal; a miss counts as one slice more than it had."""
    return {
        patient: float(
            np.mean(
                [
                    len(run["rounds"]) + 1 if np.isnan(slices) else slices
                    for run in runs
                    for slices in [slices_to_goal(run)]
                ]
            )
        )
        for patient, runs in of.items()
    }


def table(results: dict[Key, Result], patients: list[str]) -> None:
    """Print what the goal cost. A run that missed it counts one slice more than it had."""
    costly = "slices and pixels to Dice 0.90"
    print(
        f"{costly:46} n   mean   sd  median  worst  missed   pixels  Dice before / 1 / 3 / all"
        "  worst round"
    )
    for arm, of in groups_of(results, patients).items():
        costs = list(costs_of(of).values())
        missed = sum(np.isnan(slices_to_goal(run)) for runs in of.values() for run in runs)
        pixels = [np.mean([pixels_to_goal(run) for run in runs]) for runs in of.values()]
        curves = curves_of(of)[0]
        dice, worst_round = curves.mean(axis=0), np.diff(curves, axis=1).min()
        print(
            f"{arm:46} {len(costs):2} {np.mean(costs):6.2f} {np.std(costs):5.2f} "
            f"{np.median(costs):6.1f} {max(costs):6.1f} {missed:6d} {np.mean(pixels):9.0f}"
            f"  {dice[0]:.3f} / {dice[1]:.3f} / {dice[min(3, len(dice) - 1)]:.3f} / {dice[-1]:.3f}"
            f"  {worst_round:+.3f}"
        )


def comparison(results: dict[Key, Result], patients: list[str]) -> None:
    """Print how many slices ``suggest`` saves against each other arm, patient by patient.

    The interval of the saving is of patients drawn anew, p of signs turned at random.
    """
    chance = np.random.default_rng(0)
    groups = groups_of(results, patients)
    for arm, of in groups.items():
        ours = arm.replace(arm.split(" | ")[0], "suggest", 1)
        if ours == arm or ours not in groups:
            continue
        suggested, others = costs_of(groups[ours]), costs_of(of)
        both = sorted(suggested.keys() & others.keys())
        a, b = (np.array([costs[name] for name in both]) for costs in (suggested, others))
        drawn = chance.integers(0, len(both), (20_000, len(both)))
        low, high = np.percentile(1 - a[drawn].mean(axis=1) / b[drawn].mean(axis=1), [2.5, 97.5])
        turned = (chance.choice([-1, 1], (20_000, len(both))) * (b - a)).mean(axis=1)
        p = np.mean(np.abs(turned) >= abs((b - a).mean()) - 1e-9)
        print(
            f"suggest against {arm}: {1 - a.mean() / b.mean():.0%} fewer ({low:.0%} to {high:.0%}, "
            f"p = {p:.3f}); fewer in {(a < b).sum()}, as many in {(a == b).sum()}, "
            f"more in {(a > b).sum()}"
        )


def curves_of(of: dict[str, list[Result]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Dice and pixels by run and slices labelled; a run that has ended keeps its last."""
    runs = [run for seeds in of.values() for run in seeds]
    longest = max(len(run["rounds"]) for run in runs)
    dices = np.full((len(runs), longest + 1), np.nan)
    pixels = np.zeros((len(runs), longest + 1))
    for row, run in enumerate(runs):
        said = [run["before"] or 0.0, *(one["dice"] for one in run["rounds"])]
        dices[row] = said + [said[-1]] * (longest + 1 - len(said))
        work = np.cumsum([0, *(one["pixels"] for one in run["rounds"])])
        pixels[row] = np.append(work, [work[-1]] * (longest + 1 - len(work)))
    return dices, pixels


def draw(results: dict[Key, Result], path: Path) -> None:
    """Draw mean Dice over slices and over pixels; a run that has ended keeps its last value.

    Tagged arms, trials of something else, are left out.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    everyone = sorted({key[-1] for key in results})
    for arm, of in groups_of(results, everyone).items():
        if "(" in arm:
            continue
        dices, pixels = curves_of(of)
        name = f"{arm} (n = {len(of)})"
        left.plot(dices.mean(axis=0), marker="o", markersize=3, label=name)
        right.plot(pixels.mean(axis=0), dices.mean(axis=0), marker="o", markersize=3)
    for axes, what in ((left, "slices labelled"), (right, "pixels corrected")):
        axes.axhline(GOAL, color="grey", linewidth=0.5)
        axes.set_xlabel(what)
        axes.set_ylim(0.5, 0.96)
    right.set_xlim(left=0)
    left.set_ylabel("mean Dice of the whole stack")
    left.legend(fontsize=7)
    with replacing(path) as beside:
        figure.savefig(beside, format=path.suffix[1:] or "png", dpi=120)


if __name__ == "__main__":
    main()
