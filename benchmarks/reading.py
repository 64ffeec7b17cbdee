"""Every voxel of DICOM folders against an oracle that is not ours, and what reading them costs.

dcm2niix converts the same files. Of every slice and frame of its output it is asked where ours has
the pixels of that place: at the same world coordinates (to 0.1 mm), with the same values.

It is handed one series at a time. Of a short axis whose slices are series of their own it makes,
left to itself (and with `-m n` too), one image with frames and slices exchanged and an affine of
determinant 0; alone, each of them is converted right.

    python benchmarks/reading.py FOLDER… [--json FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import dcm2niix
import nibabel as nib
import numpy as np

from napari_cardiac_ssl.readers.dicom_files import read_frames
from napari_cardiac_ssl.readers.dicom_finding import find_dicom
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack


@dataclass
class Agreement:
    """How one image of the oracle lies in a study of ours.

    Parameters
    ----------
    image
        The oracle's file.
    slices, frames
        Of it.
    stack
        Ours that holds it; "" if none does.
    off_mm
        The largest distance between the two places of a voxel.
    differing
        How many voxels have other values.
    """

    image: str
    slices: int
    frames: int
    stack: str = ""
    off_mm: float = np.inf
    differing: int = -1


def convert(folder: Path, out: Path) -> list[Path]:
    """Convert the DICOM files in a folder by the oracle, one series after the other."""
    series = defaultdict(list)
    for file in find_dicom(folder).files:
        series[read_frames(file)[0].series_uid].append(file)
    for number, files in enumerate(series.values()):
        alone, made = out / f"series{number}", out / f"nifti{number}"
        alone.mkdir()
        made.mkdir()
        for i, file in enumerate(files):
            (alone / f"{i}.dcm").symlink_to(file.resolve())
        subprocess.run(
            [dcm2niix.bin, "-b", "n", "-z", "n", "-f", "%s", "-o", made, alone],
            check=True,
            capture_output=True,
        )
    return sorted(out.glob("nifti*/*.nii"))


def compare(folder: Path) -> list[Agreement]:
    """Compare all that the oracle finds in a folder with what is read here."""
    study = read_study(folder)
    with tempfile.TemporaryDirectory() as out:
        return [_best(file, study.stacks) for file in convert(folder, Path(out))]


def _best(file: Path, stacks: tuple[Stack, ...]) -> Agreement:
    image = nib.load(file)
    voxels = np.asarray(image.dataobj)
    voxels = voxels[..., None] if voxels.ndim == 3 else voxels
    voxels = voxels.transpose(3, 2, 1, 0)
    found = Agreement(file.name, voxels.shape[1], voxels.shape[0])
    for stack in stacks:
        placed = _placed(voxels.shape, image.affine, stack)
        if placed is None or len(voxels) != stack.frames:
            continue
        at, off_mm = placed
        ours = stack.image[:, at[2], at[1], at[0]]
        differing = int((ours != voxels).sum())
        if found.differing < 0 or differing < found.differing:
            found.stack, found.off_mm, found.differing = stack.name, off_mm, differing
    return found


def _placed(shape, affine, stack: Stack):
    """Return the indices (x, y, z) in a stack of all voxels of a grid, and how far off they are.

    None if the grid does not lie on the stack's own.
    """
    z, y, x = np.indices(shape[1:])
    world = np.stack([x, y, z], axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    at = stack.voxel_xyz(world)
    nearest = np.rint(at)
    size = np.array(stack.image.shape[:0:-1])
    if (nearest < 0).any() or (nearest >= size).any():
        return None
    off_mm = float(np.linalg.norm((at - nearest) @ stack.affine[:3, :3].T, axis=-1).max())
    return (tuple(np.moveaxis(nearest.astype(int), -1, 0)), off_mm) if off_mm <= 1 else None


def cost(folder: Path) -> dict[str, float]:
    """Read a folder in a process of its own: seconds, and peak memory over the pixels'."""
    said = subprocess.run(
        [sys.executable, __file__, "--cost", folder], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(said)


def own_cost(folder: Path) -> dict[str, float]:
    """Read a folder in this process, which has read nothing yet."""
    idle = _held("VmRSS")
    start = time.perf_counter()
    study = read_study(folder)
    seconds = time.perf_counter() - start
    pixels = sum(stack.image.nbytes for stack in study.stacks)
    peak = (_held("VmHWM") - idle) / pixels
    return {"seconds": seconds, "memory_over_pixels": peak, "pixels_mb": pixels / 1e6}


def _held(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(what))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cost", action="store_true", help="only what reading the first costs")
    options = parser.parse_args()
    if options.cost:
        print(json.dumps(own_cost(options.folders[0])))
        return 0
    report = {}
    for folder in options.folders:
        start = time.perf_counter()
        rows = compare(folder)
        costs = cost(folder)
        report[str(folder)] = {"images": [asdict(row) for row in rows], **costs}
        print(
            f"{folder}: {costs['seconds']:.2f} s, peak memory {costs['memory_over_pixels']:.2f} × "
            f"the pixels' {costs['pixels_mb']:.0f} MB (compared in "
            f"{time.perf_counter() - start:.0f} s)"
        )
        for row in rows:
            print(
                f"  {row.image}: {row.slices} × {row.frames} in {row.stack or 'NOTHING'}: "
                f"{row.off_mm:.4f} mm off at most, {row.differing} voxels differ"
            )
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    agree = all(
        row["differing"] == 0 and row["off_mm"] < 0.1
        for one in report.values()
        for row in one["images"]
    )
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
