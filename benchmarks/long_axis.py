"""The 4CH view: before any label, and after one labelled frame.

The real case is the open multi-view one (biv-me); its ED and end-systolic frames were outlined
roughly by eye for this benchmark, so its figures say little below a few per cent. The synthetic
hearts were not learned from, but are of the kind that the shipped weights know.

    python benchmarks/long_axis.py
"""

import argparse

import numpy as np
from cases import DATA
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.learning.checkpoint import model_from_bytes
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.synthetic import make_study

VIEW = View.LAX_4CH
#: Corners x, y of what was outlined, by frame and integer; what comes later lies on top. The
#: myocardium (2) is given by the epicardium.
OUTLINES = {
    0: {
        5: "68 131 98 118 96 108 92 104 86 102 78 104 72 108 66 114 64 120 64 126",
        4: "102 111 134 101 133 96 128 90 126 84 120 84 112 86 104 88 98 90 90 88 84 84 82 "
        "88 86 96 92 102 98 107",
        3: "98 118 100 124 101 134 108 146 115 157 122 166 130 173 128 177 118 174 105 168 "
        "92 160 80 149 72 140 68 131",
        2: "98 111 100 122 102 133 110 145 117 156 124 165 131 171 141 174 149 170 155 160 "
        "158 150 158 138 156 126 151 113 144 104 137 99",
        1: "102 112 104 122 106 132 113 142 119 151 127 161 135 170 141 172 146 168 149 160 "
        "151 150 152 140 151 130 148 120 143 108 137 101 134 101",
    },
    9: {
        5: "103 123 86 142 76 142 68 136 64 126 65 116 70 108 78 104 84 104 92 108 98 114 101 119",
        4: "108 119 130 108 134 100 131 92 132 84 126 82 118 84 108 88 98 92 88 90 78 86 76 "
        "90 82 98 92 104 97 110 102 116",
        3: "103 123 105 130 110 142 116 153 125 163 131 170 122 170 112 162 100 154 90 146 86 142",
        2: "104 120 106 128 110 140 117 152 126 162 133 168 143 169 150 163 155 153 156 142 "
        "153 130 149 120 145 112 138 107 132 106",
        1: "108 120 113 130 120 141 128 153 134 162 141 166 143 160 141 150 141 142 138 132 "
        "135 122 132 112 130 109",
    },
}


def real() -> tuple[Stack, NDArray[np.uint8], int]:
    stack = read_study(DATA / "multiview" / "dicom").stack(VIEW)
    labels = np.zeros(stack.image.shape, dtype=np.uint8)
    for t, parts in OUTLINES.items():
        for code, corners in parts.items():
            xy = np.array(corners.split(), dtype=float).reshape(-1, 2)
            labels[t, 0][polygon2mask(labels.shape[2:], xy[:, ::-1])] = code
    return stack, labels, 9


def synthetic(seed: int) -> tuple[Stack, NDArray[np.uint8], int]:
    made = make_study(seed, frames=8, slices=2)
    return made.study.stack(VIEW), made.masks[VIEW], made.es_frame


def dice(predicted: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[float]:
    """Return the Dice of each structure, and their mean."""
    of = [
        2 * float(((predicted == code) & (labels == code)).sum())
        / float((predicted == code).sum() + (labels == code).sum())
        for code in range(1, len(STRUCTURES_OF_VIEW[VIEW]) + 1)
    ]  # fmt: skip
    return [*of, float(np.mean(of))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=75)
    options = parser.parse_args()
    shipped = model_from_bytes(default_weights(VIEW) or b"", "the shipped weights")
    cases = {"real": real} | {f"synthetic {n}": lambda n=n: synthetic(n) for n in (60, 61, 62)}
    print("case, what was labelled, frame: LV cavity, myocardium, RV cavity, LA, RA, mean")
    for name, make in cases.items():
        stack, labels, es = make()

        def say(what: str, predicted: NDArray[np.uint8], *frames: int) -> None:
            for t in frames:
                of = " ".join(f"{value:.2f}" for value in dice(predicted[t], labels[t]))  # noqa: B023
                print(f"{name}, {what}, frame {t}: {of}", flush=True)  # noqa: B023

        say("nothing, shipped", predict_stack(shipped, stack)[0], 0, es)
        example = ExpertSlices(stack, labels, (SliceIndex(0, 0),))
        for arm, start in (("scratch", None), ("shipped", shipped)):
            steps = finetune([example], start=start, budget=Budget(steps=options.steps))
            say(f"frame 0, {arm}", predict_stack(run(steps, lambda step: None), stack)[0], es)


if __name__ == "__main__":
    main()
