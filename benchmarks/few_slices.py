"""Label k slices of a stack and see how well its others are segmented.

For every annotated patient and k, on one frame: our fine-tuning (as the window runs it), a random
forest on pixel features, and shape-based interpolation are given the same k slices and scored on
all others: Dice per structure over the volume, mean of LV cavity, myocardium and RV cavity. The
network is the last one trained, never a selected one.

    python benchmarks/few_slices.py --seconds 15            # resumes from benchmarks/results/
    python benchmarks/few_slices.py --steps 100 --k 3 --patients 4
    python benchmarks/few_slices.py --k 0 --from MODEL --arms ours      # before any label

The cases are found through CARDIAC_SSL_DATA (default: ../shared/data).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cases import DATA, RESULTS
from numpy.typing import NDArray
from runs import Row, Table
from scipy import ndimage
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.learning.checkpoint import Model, load_model
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.metrics import mean_defined, score
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import SliceIndex, Stack

#: What is said of a volume; hd95 and distance are means over structures, mm.
SCORES = (*map(str, SAX_STRUCTURES), "dice", "hd95_mm", "mean_surface_distance_mm", "seconds")
KEYS = {
    "arm": str,
    "weights": str,
    "budget": str,
    "seed": int,
    "frame": str,
    "k": int,
    "patient": str,
}
TABLE = Table(
    RESULTS / "few_slices.csv",
    {**KEYS, "slices": str, "steps": int, **dict.fromkeys(SCORES, float)},
)


def spread(labels: NDArray[np.uint8], k: int) -> list[int]:
    """Return k slices spread evenly over those that show the heart."""
    shown = np.flatnonzero(labels.any(axis=(1, 2)))
    return sorted({int(shown[int((i + 0.5) * len(shown) / k)]) for i in range(k)})


def ours(
    start: Model | None, budget: Budget, seed: int
) -> Callable[[Stack, NDArray[np.uint8], list[int]], tuple[NDArray[np.uint8], dict[str, object]]]:
    def segment(
        stack: Stack, labels: NDArray[np.uint8], chosen: list[int]
    ) -> tuple[NDArray[np.uint8], dict[str, object]]:
        if not chosen:
            if start is None:
                raise SystemExit("k = 0 needs a model: name one with --from")
            return predict_stack(start, stack)[0][0], {"steps": 0}
        example = ExpertSlices(stack, labels, tuple(SliceIndex(0, z) for z in chosen))
        steps = finetune([example], start=start, budget=budget, seed=seed)
        model = run(steps, lambda step: None)
        predicted, _ = predict_stack(model, stack, centre_yx=example.centre_yx())
        return predicted[0], {"steps": model.card.recipe["steps"]}

    return segment


def features(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return intensity, edges and texture at five scales, and place: ``(pixels, features)``."""
    seen = multiscale_basic_features(image.astype(np.float32), sigma_min=1, sigma_max=16)
    where = np.moveaxis(np.indices(image.shape), 0, -1)
    return np.concatenate([seen, where], axis=-1).reshape(image.size, -1).astype(np.float32)


def forest(
    stack: Stack, labels: NDArray[np.uint8], chosen: list[int]
) -> tuple[NDArray[np.uint8], dict[str, object]]:
    """Classify pixels as ilastik, convpaint and the like do."""
    known = np.concatenate([features(stack.image[0, z]) for z in chosen])
    answers = np.concatenate([labels[0, z].ravel() for z in chosen])
    classifier = RandomForestClassifier(
        100, max_depth=20, max_samples=0.2, n_jobs=2, random_state=0, class_weight="balanced"
    )
    classifier.fit(known, answers)
    rows = [classifier.predict(features(image)) for image in stack.image[0]]
    return np.stack(rows).reshape(stack.image.shape[1:]).astype(np.uint8), {}


def interpolation(
    stack: Stack, labels: NDArray[np.uint8], chosen: list[int]
) -> tuple[NDArray[np.uint8], dict[str, object]]:
    """Interpolate signed distances between slices (Raya & Udupa, 1990); copy beyond the last."""

    def inside(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not mask.any():
            return np.full(mask.shape, -50.0)
        to_background = ndimage.distance_transform_edt(mask)
        return np.asarray(to_background - ndimage.distance_transform_edt(~mask))

    depths = {
        z: [np.zeros(labels.shape[2:]), *(inside(labels[0, z] == code) for code in (1, 2, 3))]
        for z in chosen
    }
    result = np.zeros(labels.shape[1:], np.uint8)
    for z in range(len(result)):
        below = max((c for c in chosen if c <= z), default=min(chosen))
        above = min((c for c in chosen if c >= z), default=max(chosen))
        share = (z - below) / (above - below) if above > below else 0.0
        blended = [
            (1 - share) * a + share * b for a, b in zip(depths[below], depths[above], strict=True)
        ]
        result[z] = np.argmax(blended, axis=0)
    return result, {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patients", type=int, default=20, help="the first so many")
    parser.add_argument("--frame", default="ED", choices=["ED", "ES"])
    parser.add_argument("--from", dest="start", default="scratch", help="scratch or a model file")
    parser.add_argument("--arms", nargs="+", default=["ours", "forest", "interpolation"])
    options = parser.parse_args()
    cases = sorted((DATA / "acdc" / "annotated").glob("patient*"))[: options.patients]
    if not cases:
        raise SystemExit(f"no annotated cases under {DATA}; set CARDIAC_SSL_DATA")
    start = None if options.start == "scratch" else load_model(Path(options.start))
    budget = Budget(steps=options.steps, seconds=None if options.steps else options.seconds)
    said = f"{options.steps} steps" if options.steps else f"{options.seconds:g} s"
    how = (Path(options.start).stem, said, options.seed)
    arms = {
        "ours": ours(start, budget, options.seed),
        "forest": forest,
        "interpolation": interpolation,
    }
    done = {tuple(row[name] for name in KEYS) for row in TABLE.rows()}
    for case in cases:
        stack = read_stack(case / f"{case.name}_{options.frame}.nii.gz")
        labels = read_mask(case / f"{case.name}_{options.frame}_gt.nii.gz", like=stack).labels
        for k in options.k:
            chosen = spread(labels[0], k)
            for arm in options.arms:
                of_arm = (arm, *(how if arm == "ours" else ("", "", None)))
                key = (*of_arm, options.frame, k, case.name)
                if key in done or (k == 0 and arm != "ours"):
                    continue
                begun = time.perf_counter()
                predicted, extra = arms[arm](stack, labels, chosen)
                seconds = time.perf_counter() - begun
                scores = score(
                    predicted[None],
                    labels,
                    spacing_mm=stack.spacing_mm,
                    structures=SAX_STRUCTURES,
                    slices=[z for z in range(stack.slices) if z not in chosen],
                )
                row = dict(zip(KEYS, key, strict=True)) | {
                    "slices": " ".join(map(str, chosen)),
                    "seconds": seconds,
                    "steps": extra.get("steps"),
                    **{str(s.structure): s.dice for s in scores},
                    "dice": mean_defined(s.dice for s in scores),
                    "hd95_mm": mean_defined(s.hd95_mm for s in scores),
                    "mean_surface_distance_mm": mean_defined(
                        s.mean_surface_distance_mm for s in scores
                    ),
                }
                TABLE.add([row])
                print(
                    f"{group_of(row)} | {case.name}: {row['dice']:.3f} in {seconds:.1f} s",
                    flush=True,
                )
    table(TABLE.rows())


def group_of(row: Row) -> str:
    """Say what a row is one patient of."""
    how = ""
    if row["weights"]:
        how = f", {row['weights']}, {row['budget']}, seed {row['seed']}"
    return f"{row['arm']}{how} | {row['frame']} | k={row['k']}"


def table(rows: list[Row]) -> None:
    """Print means and spread over patients."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    print(f"{'':52} n  " + " ".join(f"{c[:12]:>12}" for c in SCORES) + "     sd dice   worst")
    for group, members in sorted(groups.items()):
        means = [mean_defined(member[c] for member in members) for c in SCORES]
        dices = [member["dice"] for member in members]
        print(
            f"{group:52} {len(members):2} "
            + " ".join(f"{mean:12.3f}" for mean in means)
            + f"{np.std(dices):12.3f}{min(dices):8.3f}"
        )


if __name__ == "__main__":
    main()
