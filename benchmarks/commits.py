"""What it costs to keep everything: verbs with a project in a file, and what a commit could cost.

First, how long a small transaction takes with SQLite's ways of syncing (what `synchronous` is set
to decides whether the window waits for the disk). Then, on a cine of 20 x 10 x 256 x 256, the
processor time of verbs with all that they write: strokes, confirmations, the portions in which a
refresh of 200 slices is taken over, its undo; and opening again.

    python benchmarks/commits.py [--folder FOLDER] [--json FILE]
"""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from memory import Playback

from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack

SHAPE = (20, 10, 256, 256)


def summary(times):
    ms = np.array(times) * 1e3
    return {
        "median_ms": round(float(np.median(ms)), 2),
        "p95_ms": round(float(np.quantile(ms, 0.95)), 2),
        "max_ms": round(float(ms.max()), 2),
    }


def commit(folder, synchronous):
    """Wall time of transactions of 2 KB."""
    connection = sqlite3.connect(folder / f"{synchronous}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE t(i INTEGER PRIMARY KEY, b BLOB)")
    times = []
    for _ in range(200):
        data, begun = os.urandom(2000), time.perf_counter()
        connection.execute("INSERT INTO t(b) VALUES (?)", (data,))
        times.append(time.perf_counter() - begun)
    connection.close()
    return summary(times)


def masks():
    """Hearts that differ."""
    y, x = np.mgrid[: SHAPE[2], : SHAPE[3]]
    for i in range(50):
        distance = np.hypot(y - 128 - i % 7, x - 120 + i % 5)
        mask = np.where(distance < 20 + i % 13, 1, 0).astype(np.uint8)
        mask[(distance >= 20 + i % 13) & (distance < 28 + i % 13)] = 2
        yield mask


def verbs(path):
    """Processor time of verbs."""
    drawn = list(masks())
    truth = np.stack(drawn)[np.arange(SHAPE[0] * SHAPE[1]) % 50].reshape(SHAPE)
    image = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.int16)
    stack = Stack(image, np.diag([1.4, 1.4, 10, 1]))
    session = Session(trainer=Playback(truth))
    session.open_project(path)
    session.open(stack)
    slices = stack.slice_indices()

    def timed(verb, *values):
        begun = time.thread_time()
        verb(*values)
        return time.thread_time() - begun

    found = {
        "stroke": [timed(session.labelling.annotate, slices[i], drawn[i % 50]) for i in range(100)]
    }
    found["confirmation"] = [timed(session.confirm, slices[i]) for i in range(4)]
    session.labelling.revert(*slices[4:])
    found["portion"] = []
    for _ in range(5):
        session.training.train(steps=1)
        while session.training.busy:
            found["portion"].append(timed(lambda: session.process_messages(adopt_s=0.01)))
        for _ in range(20):
            found["portion"].append(timed(session.process_messages))
    found["undo of a refresh"] = [timed(session.undo) for _ in range(5)]
    session.close()
    begun = time.thread_time()
    Project.open(path).close()
    again = {"open_again_ms": round((time.thread_time() - begun) * 1e3, 1)}
    size = {"project_mib": round(path.stat().st_size / 2**20, 1)}
    return {verb: summary(times) for verb, times in found.items()} | again | size


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to be looked at")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ways = {way: commit(Path(folder), way) for way in ("OFF", "NORMAL", "FULL")}
        found = {"commit": ways, "verbs": verbs(Path(folder) / "work.cardiac")}
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
