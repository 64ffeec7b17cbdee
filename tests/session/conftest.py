"""A session on a small stack, and what its trainer is to say."""

import numpy as np
import pytest
from scripted import ScriptedTrainer

from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Done, ModelFile, Predicted, Trained

SHAPE = (2, 3, 8, 8)
A, B = SliceIndex(0, 1), SliceIndex(1, 2)


@pytest.fixture
def trainer():
    return ScriptedTrainer()


@pytest.fixture
def session(trainer):
    session = Session(trainer=trainer, who="reader")
    session.open(Stack(np.random.default_rng(0).random(SHAPE), np.diag([1.4, 1.4, 10, 1])))
    return session


@pytest.fixture
def heard(session):
    """Everything that the session said, in order."""
    heard = []
    session.signals.slices_changed.connect(lambda slices: heard.append(("changed", slices)))
    session.signals.labels_refreshed.connect(lambda slices: heard.append(("refreshed", slices)))
    session.signals.job_changed.connect(lambda status: heard.append(("job", status.phase)))
    session.signals.model_adopted.connect(lambda model: heard.append(("model", model.digest)))
    session.signals.job_ended.connect(lambda how: heard.append(("ended", how)))
    return heard


def square(code=1):
    labels = np.zeros(SHAPE[2:], np.uint8)
    labels[2:5, 3:6] = code
    return labels


def model(digest="m1", learned=1):
    return ModelFile(digest, b"weights of " + digest.encode(), learned, None, 12.0)


def result(job, code=2, digest="m1"):
    slices = job.predict[1]
    labels = np.stack([square(code)] * len(slices))
    return [
        Trained(job.number, model(digest, sum(len(e.slices) for e in job.examples))),
        Predicted(job.number, slices, labels, np.full(labels.shape, 200, np.uint8)),
        Done(job.number),
    ]


def say(session, trainer, *messages):
    trainer.script = list(messages)
    session.process_messages()


def train(session, trainer, code=2, **kwargs):
    session.training.train(**kwargs)
    say(session, trainer, *result(trainer.jobs[-1], code))
