"""A small stack, slices and models, and a project that holds them."""

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceContent, SliceRecord, SliceState, Step, pack
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.study import SliceIndex, Stack

A, B = SliceIndex(0, 0), SliceIndex(0, 1)
STACK = Stack(np.arange(32.0).reshape(1, 2, 4, 4), np.eye(4), name="heart")
DIGEST = STACK.digest
EMPTY = SliceContent(SliceRecord(), pack(np.zeros((4, 4), np.uint8)))


class NoTrainer:
    """Takes jobs, and never answers."""

    pid = None

    def start(self, job, stacks):
        pass

    def ask(self, wish):
        pass

    def messages(self, timeout_s=0.0):
        return []

    def close(self):
        pass


def content(code=1, state=SliceState.EDITING):
    record = SliceRecord(state, "reader", "2026-01-01T10:00:00+00:00", "m0", "corrected")
    return SliceContent(record, pack(np.full((4, 4), code, np.uint8)))


def stroke(code=1, index=A, before=EMPTY):
    return Step("stroke", {index: (before, content(code))})


def model(digest="m1", size=5000, previous=None):
    return ModelFile(digest, np.random.default_rng(0).bytes(size), 3, previous, 8.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heart.cardiac"


@pytest.fixture
def kept(path):
    kept = Project.create(path)
    kept.keep_stack(STACK)
    yield kept
    kept.close()


def reopened(kept):
    kept.close()
    return Project.open(kept.path)
