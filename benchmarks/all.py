"""Run every published figure's command, one after the other.

    python benchmarks/all.py                 # all of them: make benchmarks
    python benchmarks/all.py --quick         # each on few cases: make benchmarks-quick
    python benchmarks/all.py --only "Speed" "Cohorts"
    python benchmarks/all.py --index         # benchmarks/README.md anew

Quick runs go on two at a time with one thread each; the others one by one, for they measure time.
Everything goes into benchmarks-output/: what a command printed, its runs and its pictures. The runs
that published figures are made of (benchmarks/results) are neither used nor changed. A command that
has ended well with the same weights is not run again, and one that was killed goes on where it was.
"""

import argparse
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cases import DATA, HERE
from figures import FIGURES, WEIGHTS, Figure

ROOT = HERE.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="each on few cases")
    parser.add_argument(
        "--only", nargs="+", metavar="SECTION", choices=[f.section for f in FIGURES]
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks-output")
    parser.add_argument("--index", action="store_true", help="write benchmarks/README.md")
    options = parser.parse_args()
    if options.index:
        (HERE / "README.md").write_text(index(), encoding="utf-8")
        return 0
    out = options.out.absolute() / ("quick" if options.quick else "full")
    out.mkdir(parents=True, exist_ok=True)
    done = Done(out / "done.json")
    wanted = [f for f in FIGURES if not options.only or f.section in options.only]
    with ThreadPoolExecutor(2 if options.quick else 1) as rows:
        of_each = rows.map(lambda figure: run_figure(figure, out, done, options.quick), wanted)
        ended = [one for figure in of_each for one in figure]
    print(f"\n{'seconds':>7}  command")
    for one in ended:
        print(f"{one.seconds:7.1f}  {one.command}{'' if one.well else '  (failed)'}")
    print(f"{sum(one.seconds for one in ended):7.1f}  all of them")
    failed = [one.command for one in ended if not one.well]
    for command in failed:
        print(f"failed: {command}")
    print(f"results are in {out}")
    return 1 if failed else 0


class Done:
    """The commands that have ended well, with the seconds that they took."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._done: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        weights = (ROOT / WEIGHTS).read_bytes()
        self._weights = hashlib.sha256(weights).hexdigest()[:12]

    def seconds(self, command: str) -> float | None:
        """Return what a command took; None if it has not ended well."""
        return self._done.get(self._key(command))

    def add(self, command: str, seconds: float) -> None:
        """Keep that a command has ended well."""
        with self._lock:
            self._done[self._key(command)] = round(seconds, 1)
            beside = self._path.with_suffix(".new")
            beside.write_text(json.dumps(self._done, indent=1), encoding="utf-8")
            beside.replace(self._path)

    def _key(self, command: str) -> str:
        return f"{command}  # weights {self._weights}"


@dataclass(frozen=True)
class Ended:
    """A command that has been run, now or before."""

    command: str
    seconds: float
    well: bool


def run_figure(figure: Figure, out: Path, done: Done, quick: bool) -> list[Ended]:
    """Run the commands of a figure in their order: one may need what another has made."""
    if figure.needs_data and not DATA.is_dir():
        print(f"{figure.section}: skipped, no open cases in {DATA} (CARDIAC_SSL_DATA)")
        return []
    return [
        run(figure, command, out, done, quick)
        for command in (figure.quick if quick else figure.commands)
    ]


def run(figure: Figure, command: str, out: Path, done: Done, quick: bool) -> Ended:
    """Run a command, unless it is done."""
    before = done.seconds(command)
    if before is not None:
        print(f"{figure.section}: done before: {command}")
        return Ended(command, before, True)
    print(f"{figure.section}: {command}", flush=True)
    begun = time.monotonic()
    name = hashlib.sha256(command.encode()).hexdigest()[:6]
    section = re.sub("[^a-z0-9]+", "-", figure.section.lower())
    log = out / f"{section}-{name}.txt"
    environment = {**os.environ, "CARDIAC_SSL_RESULTS": str(out), "PYTHONPATH": str(ROOT)}
    if quick:
        environment["OMP_NUM_THREADS"] = "1"
    with open(log, "w", encoding="utf-8") as file:
        file.write(f"$ {command}\n")
        file.flush()
        ended = subprocess.run(
            words_of(command, out, screen=figure.needs_screen),
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    seconds = time.monotonic() - begun
    if ended.returncode:
        said = f"failed with exit code {ended.returncode} after {seconds:.0f} s: {log}"
    else:
        said = f"{seconds:.0f} s: {log.name}"
        done.add(command, seconds)
    print(f"{figure.section}: {said}", flush=True)
    return Ended(command, seconds, not ended.returncode)


def words_of(command: str, out: Path, *, screen: bool) -> list[str]:
    """Return the words to run: with this Python, and on a virtual screen if one is needed."""
    words: list[str] = []
    for word in shlex.split(command):
        filled = word.replace("{data}", str(DATA)).replace("{out}", str(out))
        words += sorted(glob.glob(filled)) if "*" in filled else [filled]  # noqa: PTH207
    if words[0] == "cardiac-ssl":
        words = [sys.executable, "-m", "napari_cardiac_ssl.cli", *words[1:]]
    else:
        words = [sys.executable, str(HERE / words[0]), *words[1:]]
    no_screen = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if screen and no_screen and shutil.which("xvfb-run"):
        words = ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", *words]
    return words


def index() -> str:
    """Return the list of figures with their commands, as Markdown."""
    lines = [
        "# Which command makes which figure",
        "",
        "*Written by `python benchmarks/all.py --index` from `figures.py`; do not edit.*",
        "",
        "`make benchmarks` runs all of these one after the other, `make benchmarks-quick` each of",
        "them on few cases, to see that it still runs. Both go on where they were, and write into",
        "`benchmarks-output/`. The runs that published figures are made of lie in `results/`.",
        "The open cases are looked for in `CARDIAC_SSL_DATA` (`{data}` below); they are no part",
        "of the project. `{out}` is the folder of results.",
    ]
    for figure in FIGURES:
        place = figure.section.lower().replace("'", "").replace(",", "").replace(" ", "-")
        document = "guide" if figure.section == "What is read, and how" else "evidence"
        lines += ["", f"## [{figure.section}](../docs/{document}.md#{place})", ""]
        if figure.results:
            lines += [f"Published runs: [`results/{figure.results}`](results/{figure.results})", ""]
        lines += ["```sh", *map(_typed, figure.commands), "```"]
    return "\n".join(lines) + "\n"


def _typed(command: str) -> str:
    return command if command.startswith("cardiac-ssl") else f"python benchmarks/{command}"


if __name__ == "__main__":
    sys.exit(main())
