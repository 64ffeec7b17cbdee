"""What a session's process holds after 5 rounds of train and refresh, and after 200.

The expert draws and confirms a slice, a model is trained, all slices are refreshed; the project is
a file. Once with a trainer that only plays back predictions and models (of the size of real ones),
once with the real one, which trains a few steps a round; and once in the window, where the mosaic
of all slices and the cine are open and each round looks at, edits and fills another slice. At the
end, what is left behind after closing: processes, threads, files, shared memory.

    python benchmarks/memory.py [--rounds 200] [--real] [--json FILE]
    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/memory.py --window
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.trainer import Done, ModelFile, Predicted, Trained

#: The slice that stays an expert's throughout.
FIRST = SliceIndex(0, 1)


class Playback:
    """A trainer that answers each job at once, with the truth and some noise."""

    pid = None

    def __init__(self, truth):
        self.truth, self.script, self.chance = truth, [], np.random.default_rng(0)

    # As `Trainer` has them.
    def start(self, job, stacks):
        """Answer a job."""
        digest = self.chance.bytes(16).hex()
        model = ModelFile(digest, self.chance.bytes(7_270_000), len(job.examples), None, 1.0)
        self.script = [Trained(job.number, model)]
        slices = job.predict[1]
        for i in range(0, len(slices), 8):
            part = slices[i : i + 8]
            labels = self.truth[tuple(np.array(part).T)].copy()
            labels[self.chance.random(labels.shape) < 0.002] = 0
            self.script.append(Predicted(job.number, part, labels, labels))
        self.script.append(Done(job.number))

    def messages(self, timeout_s=0.0):
        """Return the answer."""
        said, self.script = self.script, []
        return said

    def ask(self, wish):
        """Stop."""
        self.script = []

    def warm_up(self):
        """Need nothing."""

    def close(self):
        """Need nothing."""


def held_mib():
    """Memory of this process that no file stands for, and that is in use."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


def left():
    """List what could be left behind."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "children": children.read_text().split() if children.exists() else [],
        "open": sorted(
            target
            for fd in Path("/proc/self/fd").iterdir()
            if (target := _target(fd)).startswith("/") and not target.startswith("/dev")
        ),
        "shared": sorted(Path("/dev/shm").iterdir()),
        "temporary": sorted(Path(tempfile.gettempdir()).glob("cardiac-ssl-*")),
    }


def _target(fd):
    try:
        return str(fd.readlink())
    except OSError:
        return ""


class Window:
    """A window on a session, with all open that follows its labels."""

    def __init__(self, session, stack):
        # Here, since a session without a window needs no screen and holds no Qt.
        from event_loop import pump  # noqa: PLC0415
        from stalls import show_mosaic  # noqa: PLC0415

        from napari_cardiac_ssl.gui.window import open_viewer  # noqa: PLC0415

        self._pump = pump
        self.viewer, self.widget = open_viewer([stack], session=session)
        self.widget.window().resize(1900, 1060)
        pump(1)
        self.widget.toggle_cine_beside()
        show_mosaic(self.widget)

    def look_at(self, index):
        """Go to a slice, hold its labels filled and not, and wait until all is drawn."""
        tiles = self.widget.mosaic.tiles
        self.widget.view.go_to(index)
        self.widget.drawing.toggle_fill()
        self._pump(0.1)
        self.widget.drawing.toggle_fill()
        self._pump(30, until=lambda: not any(map(tiles.pictures.is_due, tiles.seen())))
        self._pump(0.2)

    def close(self):
        """End it, and its session."""
        self.widget.close_session()
        self.viewer.close()
        self._pump(0.5)


def rounds(session, truth, number, real, look_at=lambda index: None):
    """Yield what is held after each round."""
    chance = np.random.default_rng(1)
    slices = [i for i in session.stack.slice_indices() if i != FIRST]
    for _ in range(number):
        index = slices[chance.integers(len(slices))]
        session.labelling.annotate(index, truth[index])
        session.confirm(index)
        session.training.train(steps=3 if real else 300)
        while session.training.busy:
            session.process_messages(0.2 if real else 0.0, adopt_s=0.01)
        for _ in range(20):  # the parts of the model
            session.process_messages()
        if chance.random() < 0.2:
            session.undo()
            session.redo()
        look_at(index)
        session.labelling.revert(index)
        yield held_mib()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--real", action="store_true", help="with the real trainer")
    parser.add_argument("--window", action="store_true", help="in the window, mosaic and cine open")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    heart = make_study(
        1, frames=options.frames, slices=options.slices, size=options.size, lax=False
    )
    stack, truth = heart.study.stack(View.SAX), heart.masks[View.SAX]
    del heart
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # nobody else's files beside ours
        before = left()
        session = Session(trainer=None if options.real else Playback(truth))
        session.open_project(Path(folder) / "work.cardiac")
        window = Window(session, stack) if options.window else None
        if window is None:
            session.open(stack)
        session.labelling.annotate(FIRST, truth[FIRST])
        held, begun = [], time.monotonic()
        look_at = (window.look_at,) if window else ()
        each = rounds(session, truth, options.rounds, options.real, *look_at)
        for number, mib in enumerate(each, 1):
            held.append(mib)
            if number in {1, 5} or number % 20 == 0:
                print(f"round {number:4d}: {mib:7.1f} MiB, {time.monotonic() - begun:6.0f} s")
        size = session.project.path.stat().st_size / 2**20
        window.close() if window else session.close()
        after = left()
    found = {
        "trainer": "real" if options.real else "playback",
        "shape": stack.image.shape,
        "after_5_mib": round(early := float(np.median(held[3:6])), 1),
        "after_all_mib": round(late := float(np.median(held[-3:])), 1),
        "ratio": round(late / early, 3),
        "project_mib": round(size, 1),
        "left_behind": {k: [str(x) for x in v if x not in before[k]] for k, v in after.items()},
    }
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
