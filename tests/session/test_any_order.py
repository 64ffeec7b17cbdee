"""Any order of verbs: experts' pixels stay, undo is exact, a project reopened is as it was left."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Done, Failed, ModelFile, Predicted, Trained

from .conftest import ScriptedTrainer

SHAPE = (1, 3, 2, 2)
STACK = Stack(np.arange(12.0).reshape(SHAPE), np.eye(4))
PROTECTED = (SliceState.EDITING, SliceState.EXPERT, SliceState.EXCLUDED)
indices = st.integers(0, 2).map(lambda z: SliceIndex(0, z))
codes = st.integers(0, 3)


def verb_of(session, name):
    """Return a verb on slices: of the session, or of the part that it concerns alone."""
    return getattr(session if name in {"confirm", "accept"} else session.labelling, name)


class Work(RuleBasedStateMachine):
    """A session driven at random, beside a list of everything that was seen."""

    folder: Path | None = None

    def __init__(self):
        super().__init__()
        self.trainer = ScriptedTrainer()
        self.models = 0
        self.session = Session(trainer=self.trainer, who="reader")

    @initialize()
    def open(self):
        if self.folder:
            self.file = Path(tempfile.mkdtemp(dir=self.folder)) / "work.cardiac"
            self.session.open_project(self.file)
        self.session.open(STACK)
        self.states, self.at = [self.by_expert()], 0

    def teardown(self):
        self.session.close()

    def seen(self):
        annotations = self.session.annotations
        records = tuple(annotations.record(i) for i in STACK.slice_indices())
        model = self.session.model and self.session.model.digest
        return annotations.labels.tobytes(), records, model

    def drawn(self):
        """What experts drew, or took as right."""
        annotations = self.session.annotations
        return {i: annotations.labels[i].tobytes() for i in annotations.slices(*PROTECTED)}

    def by_expert(self):
        """What undo is of: the slices that are an expert's, as they are."""
        annotations = self.session.annotations
        return [(i, annotations.record(i), drawn) for i, drawn in self.drawn().items()]

    def done(self, before=None):
        """A verb was called: what is seen now is one step further, if anything is another."""
        if before != self.seen():
            self.states[self.at + 1 :] = [self.by_expert()]
            self.at += 1

    # -- an expert's verbs -----------------------------------------------------------------

    @rule(index=indices, code=codes)
    def annotate(self, index, code):
        before = self.seen()
        self.session.labelling.annotate(index, np.full((2, 2), code, np.uint8))
        self.done(before)

    @rule(
        slices=st.sets(indices, min_size=1),
        verb=st.sampled_from(["confirm", "accept", "unconfirm", "exclude", "include"]),
    )
    def mark(self, slices, verb):
        before = self.seen()
        verb_of(self.session, verb)(*slices)
        assert self.seen()[0] == before[0]
        self.done(before)

    @rule(slices=st.sets(indices, min_size=1))
    def no_heart(self, slices):
        before, was = self.session.annotations.labels.copy(), self.seen()
        self.session.no_heart(*slices)
        after = self.session.annotations.labels
        for index in STACK.slice_indices():
            if index in slices:
                assert not after[index].any()
                assert self.session.annotations.state(index) is SliceState.EXPERT
            else:
                np.testing.assert_array_equal(after[index], before[index])
        self.done(was)

    @rule(index=indices, end=st.sampled_from(["first", "last"]), every=st.booleans())
    def set_end(self, index, end, every):
        before, was = self.drawn(), self.seen()
        try:
            changed = self.session.set_end(end, index, all_frames=every)
        except InputError:
            assert self.seen() == was
            return
        annotations, after = self.session.annotations, self.drawn()
        empty = bytes(SHAPE[2] * SHAPE[3])
        kept = {i: labels for i, labels in before.items() if i not in changed}
        assert kept.items() <= after.items()
        assert all(before.get(i, empty) == empty for i in changed)  # nothing drawn is lost
        for z in range(index.z) if end == "first" else range(index.z + 1, SHAPE[1]):
            beyond = SliceIndex(0, z)
            excluded = annotations.state(beyond) is SliceState.EXCLUDED
            assert excluded or after[beyond] == empty
        assert not annotations.is_outside(index)
        self.done(was)

    @rule(index=indices)
    def revert(self, index):
        others = {i: labels for i, labels in self.drawn().items() if i != index}
        before = self.seen()
        self.session.labelling.revert(index)
        assert others.items() <= self.drawn().items()
        self.done(before)

    # -- what is not the expert's ----------------------------------------------------------

    @rule(code=codes, touched=st.none() | indices, whole=st.booleans())
    def refresh(self, code, touched, whole):
        """A model predicts, while the expert may draw on one slice more."""
        self.session.training.predict()
        number, wanted = self.trainer.jobs[-1].number, self.trainer.jobs[-1].predict[1]
        if touched:
            self.annotate(touched, code)
        drawn, before = self.drawn(), self.seen()
        self.models += 1
        labels = np.full((1, 2, 2), code, np.uint8)
        said = [Trained(number, ModelFile(f"m{self.models}", b"weights", 1, None, 1.0))]
        said += [Predicted(number, (index,), labels, labels) for index in wanted]
        self.trainer.script = [*said, Done(number) if whole else Failed(number, "no memory")]
        while self.session.training.busy:
            self.session.process_messages(adopt_s=1e-9)
        assert drawn.items() <= self.drawn().items()
        assert self.by_expert() == self.states[self.at]  # it is no step: undo and redo stay
        assert whole or self.seen() == before

    @precondition(lambda self: self.session.model)
    @rule()
    def roll_back(self):
        drawn = self.drawn()
        previous = self.session.project.models.previous(self.session.model.digest)
        if previous is None or self.session.project.models.is_kept(previous):
            before = self.seen()
            self.session.roll_back()
            assert drawn.items() <= self.drawn().items()
            self.done()
            after, kept = self.seen(), self.session.project.models.is_kept(before[2])
            self.session.undo()
            assert self.seen()[:2] == before[:2]
            assert not kept or self.seen() == before
            self.session.redo()
            assert self.seen()[:2] == after[:2]

    # -- back and forth --------------------------------------------------------------------

    @rule(times=st.integers(1, 6))
    def undo(self, times):
        for _ in range(times):
            self.session.undo()
            self.at = max(self.at - 1, 0)
            assert self.by_expert() == self.states[self.at]
        assert (self.session.history.undoable is None) == (self.at == 0)

    @rule(times=st.integers(1, 6))
    def redo(self, times):
        for _ in range(times):
            self.session.redo()
            self.at = min(self.at + 1, len(self.states) - 1)
            assert self.by_expert() == self.states[self.at]
        assert (self.session.history.redoable is None) == (self.at == len(self.states) - 1)

    @precondition(lambda self: self.folder)
    @rule()
    def reopen(self):
        left = self.seen(), self.session.history.undoable, self.session.history.redoable
        self.session.close()
        self.session = Session(trainer=self.trainer, who="reader")
        self.session.open_project(self.file)
        self.session.open(STACK)
        assert (self.seen(), self.session.history.undoable, self.session.history.redoable) == left


class WorkInAFile(Work):
    """The same, in a project that is closed and opened in between."""


TestWork = Work.TestCase
TestWork.settings = settings(max_examples=1000, stateful_step_count=20, deadline=None)
TestWorkInAFile = WorkInAFile.TestCase
TestWorkInAFile.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def setup_module():
    WorkInAFile.folder = Path(tempfile.mkdtemp())


def teardown_module():
    import shutil

    shutil.rmtree(WorkInAFile.folder)
