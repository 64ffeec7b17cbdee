"""Works on a project without end, and says so, until it is killed.

``python worker.py`` reads lines "PROJECT SEED" and does each in a fork, so that one import serves a
hundred deaths. It prints the fork's number, then "gone". A fork appends to ``PROJECT.acks``, before
a verb what it is about to do, after it what every slice is then.
"""

import json
import os
import sys
import zlib
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Done, ModelFile, Predicted, Trained

SHAPE = (2, 3, 48, 48)


def image():
    return Stack(np.arange(np.prod(SHAPE), dtype=np.float64).reshape(SHAPE), np.eye(4))


def state(session):
    """What every slice is, as JSON can hold it."""
    annotations = session.annotations
    return {
        f"{i.t} {i.z}": [
            zlib.crc32(annotations.labels[i].tobytes()),
            str(annotations.state(i)),
            annotations.record(i).model,
        ]
        for i in session.stack.slice_indices()
    }


class NoisyTrainer:
    """Answers every job with noise, in portions."""

    pid = None

    def __init__(self, rng):
        self.rng, self.script = rng, []

    def start(self, job, stacks):
        model = ModelFile(self.rng.bytes(8).hex(), self.rng.bytes(1_200_000), 1, None, 1.0)
        self.script = [Trained(job.number, model)]
        for index in job.predict[1]:
            labels = self.rng.integers(0, 4, (1, *SHAPE[2:]), np.uint8)
            self.script.append(Predicted(job.number, (index,), labels, labels))
        self.script.append(Done(job.number))

    def messages(self, timeout_s=0.0):
        said, self.script = self.script[:2], self.script[2:]
        return said

    def ask(self, wish):
        self.script = []

    def close(self):
        pass


def work(path, seed):
    rng = np.random.default_rng(seed)
    acks = os.open(f"{path}.acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ack(what):
        os.write(acks, json.dumps(what).encode() + b"\n")

    session = Session(trainer=NoisyTrainer(rng), who="reader")
    session.open_project(path)
    session.open(image())
    ack({"state": state(session)})
    while True:
        index = SliceIndex(int(rng.integers(SHAPE[0])), int(rng.integers(SHAPE[1])))
        verb = rng.choice(
            ["stroke"] * 6 + ["confirm", "confirm", "refresh", "undo", "redo", "export", "revert"]
        )
        ack({"verb": verb, "slice": f"{index.t} {index.z}"})
        if verb == "stroke":
            session.labelling.annotate(index, rng.integers(0, 4, SHAPE[2:], np.uint8))
        elif verb == "refresh":
            session.training.predict()
            while session.training.busy:
                session.process_messages(adopt_s=1e-9)
        elif verb == "export":
            session.export.masks(Path(f"{path}.nii.gz"))
        elif verb in {"undo", "redo"}:
            getattr(session, verb)()
        elif verb == "confirm":
            session.confirm(index)
        else:
            session.labelling.revert(index)
        ack({"state": state(session)})


def say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main():
    for line in sys.stdin:
        path, seed = line.split()
        pid = os.fork()
        if pid == 0:
            work(Path(path), int(seed))
        say(pid)
        os.waitpid(pid, 0)
        say("gone")


if __name__ == "__main__":
    main()
