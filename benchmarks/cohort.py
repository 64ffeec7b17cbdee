"""A cohort: two workers beside one process, with a killed worker, a damaged and an empty study.

    python benchmarks/cohort.py --studies 500

Small synthetic short axes (two frames of five slices) and the shipped weights. Printed are rows by
status, whether both ways came to the same numbers, the seconds of each, and the memory of the
workers over time. One process computes on one core, and so does each worker.
"""

import argparse
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map


def write_studies(folder: Path, number: int) -> None:
    """Write studies, the last but one damaged and the last empty."""
    heart = make_study(1, frames=2, slices=5, size=96, lax=False).study.stack(View.SAX)
    for n in range(number - 1):
        name = f"p{n:04}"
        one = replace(heart, image=np.roll(heart.image, n % 7 - 3, axis=3) + n % 11)
        path = folder / name / f"{name}_sax.nii.gz"
        path.parent.mkdir(parents=True)
        write_map(path, one.image, like=one, description="cine")
    path.write_bytes(path.read_bytes()[:1000])
    (folder / f"p{number - 1:04}").mkdir()


def rows_of(out: Path) -> list[dict[str, str]]:
    with open(out / "cohort.csv", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["study"])


def ran(studies: Path, out: Path, *more: str, kill: bool = False) -> tuple[float, list[float]]:
    """Run the command; return its seconds and the memory of its largest process over time."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "napari_cardiac_ssl.cli", "cohort", studies, "-o", out, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    used: list[float] = []
    while process.poll() is None:
        time.sleep(1)
        sizes = [0]
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                sizes.append(child.memory_info().rss)
                working = "spawn_main" in " ".join(child.cmdline())
            except psutil.Error:
                continue
            if kill and working and len(used) > 15:
                child.send_signal(signal.SIGKILL)
                kill = False
        used.append(max(sizes) / 2**20)
    return time.monotonic() - begun, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=500)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        studies = folder / "studies"
        write_studies(studies, options.studies)
        one, _ = ran(studies, folder / "one")
        two, _ = ran(studies, folder / "two", "--scheduler", "local:2")
        hurt, used = ran(studies, folder / "hurt", "--scheduler", "local:2", kill=True)
        print(
            f"one process {one:.0f} s; two workers {two:.0f} s ({one / two:.2f} x); one of them "
            f"killed {hurt:.0f} s"
        )
        first = rows_of(folder / "one")
        for name in ("one", "two", "hurt"):
            rows = rows_of(folder / name)
            same = all(
                {k: v for k, v in a.items() if k != "seconds"}
                == {k: v for k, v in b.items() if k != "seconds"}
                for a, b in zip(first, rows, strict=True)
            )
            print(name, dict(Counter(row["status"] for row in rows)), "same numbers:", same)
        thirds = np.array_split(used[10:], 3)
        print("MiB of the largest worker, peak of each third:", *(f"{max(p):.0f}" for p in thirds))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
