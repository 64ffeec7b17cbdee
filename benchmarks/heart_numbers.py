"""How far the heart's numbers are off when k slices a frame are drawn and the rest is predicted.

For every annotated patient: k slices at ED and k at ES are labelled from the reference, one model
learns from them, and the mask that a user would have (those slices as drawn, all others predicted)
is measured like the reference. k = 0 is the shipped weights' first guess.

    python benchmarks/heart_numbers.py --k 0
    python benchmarks/heart_numbers.py --k 3 --steps 100      # resumes from benchmarks/results/

The cases are found through CARDIAC_SSL_DATA (default: ../shared/data).
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from cases import DATA, RESULTS
from few_slices import spread
from runs import Row, Table

from napari_cardiac_ssl.learning.checkpoint import load_model, model_from_bytes
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.measures import Measured
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import SliceIndex, Stack

#: Columns, their unit, and whether an error is also said in percent of the reference.
COLUMNS = {
    "lv_edv_ml": True,
    "lv_esv_ml": True,
    "lv_ef_percent": False,
    "lv_mass_g": True,
    "rv_edv_ml": True,
    "rv_esv_ml": True,
    "rv_ef_percent": False,
    "wall_ed_mean_mm": False,
}

TABLE = Table(
    RESULTS / "heart_numbers.csv",
    {
        "k": int,
        "steps": int,
        "seed": int,
        "weights": str,
        "patient": str,
        "measure": str,
        "measured": float,
        "reference": float,
    },
)


def two_frames(case: Path) -> tuple[Stack, np.ndarray]:
    """Return ED and ES as one stack, and their reference."""
    frames, labels = [], []
    for phase in ("ED", "ES"):
        frames.append(read_stack(case / f"{case.name}_{phase}.nii.gz"))
        mask = read_mask(case / f"{case.name}_{phase}_gt.nii.gz", like=frames[-1])
        labels.append(mask.labels[0])
    both = np.concatenate([frame.image for frame in frames])
    return replace(frames[0], image=both, header=None, is_4d=True), np.stack(labels)


def numbers(stack: Stack, labels: np.ndarray) -> dict[str, float]:
    measured = Measured(labels, stack.affine, orientation_known=stack.orientation_known)
    row = measured.measures(phases=(0, 1), wall=True).row()
    return {column: float(row[column] if row[column] is not None else "nan") for column in COLUMNS}


def table(rows: list[Row]) -> None:
    """Print the errors' mean and spread over patients, group by group."""
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        how = f"{row['steps']} steps, seed {row['seed']}" if row["k"] else "no label"
        group = groups.setdefault(f"k={row['k']} | {how} | {row['weights']}", {})
        group.setdefault(row["measure"], []).append(row)
    for name, group in groups.items():
        print(f"\n{name}: {len(next(iter(group.values())))} patients")
        print(f"{'':18} reference    error: mean     sd  mean |error|  median |error|   worst")
        for column, relative in COLUMNS.items():
            true = np.array([row["reference"] for row in group[column]])
            error = np.array([row["measured"] for row in group[column]]) - true
            percent = f"  ({100 * np.nanmean(np.abs(error) / true):.0f} %)" if relative else ""
            print(
                f"{column:18} {np.nanmean(true):9.1f} {np.nanmean(error):14.1f} "
                f"{np.nanstd(error):6.1f} {np.nanmean(np.abs(error)):13.1f} "
                f"{np.nanmedian(np.abs(error)):15.1f} "
                f"{error[np.nanargmax(np.abs(error))]:7.1f}{percent}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, nargs="+", default=[0, 3])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="start", help="a model file; the shipped weights by default")
    options = parser.parse_args()
    cases = sorted((DATA / "acdc" / "annotated").glob("patient*"))
    if not cases:
        raise SystemExit(f"no annotated cases under {DATA}; set CARDIAC_SSL_DATA")
    if options.start:
        start = load_model(Path(options.start))
    else:
        start = model_from_bytes(default_weights() or b"", "the shipped weights")
    names = ("k", "steps", "seed", "weights", "patient")
    done = {tuple(row[name] for name in names) for row in TABLE.rows()}
    for k in options.k:
        how = (options.steps, options.seed) if k else (None, None)
        for case in cases:
            key = (k, *how, start.digest[:12], case.name)
            if key in done:
                continue
            stack, reference = two_frames(case)
            chosen = [SliceIndex(t, z) for t in (0, 1) if k for z in spread(reference[t], k)]
            model, centre = start, None
            if chosen:
                example = ExpertSlices(stack, reference, tuple(chosen))
                budget = Budget(steps=options.steps)
                steps = finetune([example], start=start, budget=budget, seed=options.seed)
                model, centre = run(steps, lambda step: None), example.centre_yx()
            labels = predict_stack(model, stack, centre_yx=centre)[0].copy()
            for index in chosen:
                labels[index] = reference[index]
            measured, true = numbers(stack, labels), numbers(stack, reference)
            TABLE.add(
                dict(zip(names, key, strict=True))
                | {"measure": column, "measured": measured[column], "reference": true[column]}
                for column in COLUMNS
            )
            print(key, {c: round(v, 1) for c, v in measured.items()}, flush=True)
    table(TABLE.rows())


if __name__ == "__main__":
    main()
