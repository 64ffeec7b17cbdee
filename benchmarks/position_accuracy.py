"""How near the position network comes to the LV's centre on real hearts that it has never seen.

On the mid slices (the middle third of those that show the LV cavity) of the 20 annotated ACDC
patients, ED and ES: the place where the probability of position 1, smoothed to the box's size, is
highest, against the middle of the reference's LV cavity. The network looks at the whole slice and
is told nothing of where the heart is.

    python benchmarks/position_accuracy.py [--from MODEL]

The cases are found through CARDIAC_SSL_DATA (default: ../shared/data).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from cases import DATA
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.learning.checkpoint import (
    POSITIONS_HEAD,
    Model,
    load_model,
    model_from_bytes,
)
from napari_cardiac_ssl.learning.grid import Intensities, covering_size, grid_of
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.readers.nifti import read_mask, read_stack
from napari_cardiac_ssl.study import Stack

#: About half of a box, mm.
SMOOTH_MM = 6.0


@torch.inference_mode()
def centres_yx(model: Model, stack: Stack, z: list[int]) -> NDArray[np.float64]:
    """Return where position 1 is on some slices of the first frame, native voxels, ``(n, 2)``."""
    spacing = model.card.spacing_mm
    size = covering_size(stack, spacing, model.network.architecture.multiple)
    grid = grid_of(stack, spacing_mm=spacing, size=size)
    images = grid.to_network(Intensities.of(stack).apply(stack.image[0, z]))
    said = model.network(torch.from_numpy(images)[:, None])[POSITIONS_HEAD].softmax(1)[:, 1]
    smoothed = ndimage.gaussian_filter(said.numpy(), (0, *[SMOOTH_MM / spacing] * 2))
    highest = smoothed.reshape(len(z), -1).argmax(axis=1)
    return np.asarray(grid.points_yx().reshape(-1, 2)[highest])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="start", type=Path, help="the shipped weights by default")
    options = parser.parse_args()
    if options.start:
        model = load_model(options.start)
    else:
        model = model_from_bytes(default_weights() or b"", "the shipped weights")
    files = sorted((DATA / "acdc" / "annotated").glob("patient*/*_gt.nii.gz"))
    if not files:
        raise SystemExit(f"no annotated cases under {DATA}; set CARDIAC_SSL_DATA")
    cavity = UKBB.code(Structure.LV_CAVITY)
    errors: dict[str, list[float]] = {"ED": [], "ES": []}
    for file in files:
        stack = read_stack(file.with_name(file.name.replace("_gt", "")))
        inside = read_mask(file, like=stack).labels[0] == cavity
        shown = np.flatnonzero(inside.any(axis=(1, 2)))
        middle = [int(z) for z in shown[len(shown) // 3 : len(shown) - len(shown) // 3]]
        truth = np.array([ndimage.center_of_mass(inside[z]) for z in middle])
        away = (centres_yx(model, stack, middle) - truth) * stack.spacing_mm[1:]
        errors["ED" if "_ED" in file.name else "ES"] += np.linalg.norm(away, axis=1).tolist()
    for name, values in (*errors.items(), ("both", errors["ED"] + errors["ES"])):
        median, most = np.percentile(values, (50, 90))
        over = np.mean(np.array(values) > 10)
        print(
            f"{name:4} {len(values):4} slices: median {median:.1f} mm, 90 % {most:.1f} mm, "
            f"worst {max(values):.1f} mm, over 10 mm {100 * over:.0f} %"
        )


if __name__ == "__main__":
    main()
