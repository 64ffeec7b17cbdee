"""Names that are no text, and errors of ours: neither may keep later work from the file."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceRecord, SliceState, Step
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import NiftiSource, SliceIndex, Stack

from .conftest import DIGEST, EMPTY, STACK, A, B, NoTrainer, content, reopened, stroke

LATIN = os.fsdecode(b"Gr\xfc\xdfe.nii.gz")  # as older computers wrote it


def test_names_survive_as_the_bytes_that_they_are(kept, path):
    source = path.parent / LATIN
    named = replace(
        STACK, image=STACK.image + 1, name=LATIN.split(".", 1)[0], source=NiftiSource(source)
    )
    kept.keep_stack(named)
    record = SliceRecord(SliceState.EDITING, LATIN, "2026", None, LATIN)
    drawn = replace(content(), record=record)
    number = kept.add_step(named.digest, Step(LATIN, {A: (EMPTY, drawn)}))
    kept = reopened(kept)
    (stack,) = [one for one in kept.stacks if one.digest == named.digest]
    assert (stack.name, stack.places[0]) == (named.name, source.absolute())
    assert os.fsencode(stack.places[0]).endswith(b"Gr\xfc\xdfe.nii.gz")
    assert kept.contents(named.digest)[A].record == record
    assert kept.step(number).what == LATIN
    kept.close()


@pytest.mark.skipif(sys.platform != "linux", reason="others allow no such names")
def test_the_image_of_such_a_name_is_found_again(kept, path):
    image = path.parent / LATIN
    image.write_bytes(b"")
    kept.keep_stack(replace(STACK, source=NiftiSource(image)))
    assert reopened(kept).stacks[0].places[0].exists()


def test_strokes_on_other_images_are_kept_after_such_a_name(path):
    session = Session(trainer=NoTrainer(), who="reader")
    session.open_project(path)
    odd = Stack(np.ones((1, 2, 4, 4)), np.eye(4), name=LATIN, source=NiftiSource(Path(LATIN)))
    for number in range(6):  # to and fro
        session.open(odd if number % 2 else STACK)
        session.labelling.annotate(SliceIndex(0, number % 2), np.full((4, 4), number % 4, np.uint8))
        assert session.project.trouble is None
    left = session.annotations.labels.copy()
    session.close()
    again = Session(trainer=NoTrainer(), who="reader")
    again.open_project(path)
    again.open(odd)
    assert np.array_equal(again.annotations.labels, left)
    again.open(STACK)
    assert again.annotations.slices(SliceState.EDITING)
    again.close()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("INSERT INTO stacks(digest) VALUES (?)", ("x",)),  # names are not null
        ("INSERT INTO no_such_table VALUES (1)", ()),
        ("UPDATE stacks SET name=?", (object(),)),
        ("UPDATE stacks SET frames=?", (2**70,)),
        ("UPDATE stacks SET name=?", ("a", "b")),
    ],
)
def test_no_error_leaves_the_writer_in_a_transaction(kept, statement, values):
    kept.add_step(DIGEST, stroke())
    with pytest.raises(Exception):  # noqa: B017, PT011 - ours to see, whatever it is
        kept._journal.commit([("UPDATE stacks SET name='half'", ()), (statement, values)])
    assert not kept._journal.db.in_transaction
    assert kept.stacks[0].name == "heart"
    kept.add_step(DIGEST, stroke(2, B))
    assert kept.trouble is None
    kept = reopened(kept)
    assert kept.contents(DIGEST) == {A: content(1), B: content(2)}
    kept.close()


class Interrupting:
    """A value at which somebody presses Ctrl-C, once."""

    pressed = False

    def __conform__(self, protocol):
        if not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt
        return "renamed"


def test_an_interruption_loses_nothing(kept):
    """In the middle of a transaction: it is rolled back, waits, and is written later."""
    with pytest.raises(KeyboardInterrupt):
        kept._journal.commit(
            [
                ("UPDATE stacks SET view='LAX_2CH'", ()),
                ("UPDATE stacks SET name=?", (Interrupting(),)),
            ]
        )
    assert not kept._journal.db.in_transaction
    assert kept.stacks[0].name == "heart"
    kept.add_step(DIGEST, stroke())
    assert (kept.stacks[0].name, kept.stacks[0].view) == ("renamed", "LAX_2CH")
    assert kept.contents(DIGEST) == {A: content(1)}
