"""One bit that has changed in a project's file, in masks or in weights, is noticed."""

import contextlib

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceContent, SliceRecord, SliceState, Step, pack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

from .conftest import NoTrainer, model

FLIPS = 500
STACK = Stack(np.zeros((2, 4, 64, 64)), np.eye(4), name="heart")


def places_of(data, wanted):
    """Return where in a file the bytes of something lie, wherever its pages are."""
    found = []
    for start in range(0, len(wanted), 32):
        piece = wanted[start : start + 32]
        at = data.find(piece)
        while at >= 0:
            found += range(at, at + len(piece))
            at = data.find(piece, at + 1)
    return sorted(set(found))


def bits_of(places):
    rng = np.random.default_rng(1)
    return zip(rng.choice(places, FLIPS), rng.integers(0, 8, FLIPS), strict=True)


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    return {
        index: pack(np.kron(rng.integers(0, 4, (16, 16)), np.ones((4, 4))).astype(np.uint8))
        for index in STACK.slice_indices()
    }


def made(path, masks, *more):
    kept = Project.create(path)
    kept.keep_stack(STACK)
    record = SliceRecord(SliceState.EXPERT, "reader", "2026", None, "drawn")
    empty = SliceContent(SliceRecord(), pack(np.zeros((64, 64), np.uint8)))
    for index, mask in masks.items():
        kept.add_step(STACK.digest, Step("stroke", {index: (empty, SliceContent(record, mask))}))
    for one in more:
        kept.models.keep(one, View.SAX, None)
    kept.close()
    return path.read_bytes()


def test_in_kept_masks(path, masks):
    """Every mask lies there twice, as it is and in the history: all of it is read."""
    data = made(path, masks)
    places = [at for mask in masks.values() for at in places_of(data, mask)]
    assert len(places) >= 2 * sum(map(len, masks.values()))
    noticed = 0
    for at, bit in bits_of(places):
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
        try:
            with contextlib.closing(Project.open(path)) as kept:
                for number in range(1, len(masks) + 1):
                    kept.step(number)
                kept.contents(STACK.digest)
        except InputError:
            noticed += 1
    assert noticed == FLIPS


def test_in_kept_weights(path):
    whole = model(size=300_000)
    data = made(path, {}, whole)
    places = places_of(data, whole.data)
    assert len(places) > 0.9 * len(whole.data)  # the rest lies across the ends of pages
    for at, bit in bits_of(places):
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
        kept = Project.open(path)
        with pytest.raises(InputError, match="a model that is not as it was written"):
            kept.models.get("m1")
        kept.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE slices SET z=z+1 WHERE t=1 AND z=3",
        "UPDATE slices SET z=9 WHERE t=1 AND z=3",
        "UPDATE slices SET state='predicted' WHERE t=0 AND z=0",
        "UPDATE slices SET who='another' WHERE t=0 AND z=0",
        "UPDATE slices SET mask=(SELECT mask FROM slices WHERE z=1) WHERE t=0 AND z=0",
        "UPDATE slices SET seal=NULL WHERE t=0 AND z=0",
    ],
)
def test_a_mask_belongs_to_its_slice_and_its_record(path, masks, change):
    made(path, masks)
    kept = Project.open(path)
    kept._journal.db.execute(change)
    with pytest.raises(InputError, match=r"the project holds .*go back to a copy of it, .*cardiac"):
        kept.contents(STACK.digest)
    kept.close()


def test_the_last_part_of_a_model_is_missing(path):
    made(path, {}, model(size=2 * 512 * 1024 + 1))
    kept = Project.open(path)
    kept._journal.db.execute("DELETE FROM parts WHERE number=2")
    with pytest.raises(InputError, match="a model that is not as it was written"):
        kept.models.get("m1")
    kept.close()


def test_what_a_session_does_without_its_model(path, masks):
    made(path, masks, model())
    kept = Project.open(path)
    kept.models.set_present(View.SAX, "m1")
    kept._journal.db.execute("UPDATE parts SET data=zeroblob(5000)")
    kept.close()
    session, told = Session(trainer=NoTrainer(), who="reader"), []
    session.signals.trouble.connect(told.append)
    session.open_project(path)
    session.open(STACK)
    assert session.model is None
    assert "the model of SAX is not used" in told[0]
    assert session.models.trouble == told[0]
    assert len(session.annotations.slices(SliceState.EXPERT)) == len(masks)
    session.labelling.annotate(SliceIndex(0, 0), np.ones((64, 64), np.uint8))
    assert session.history.undoable == "stroke"
    session.close()
