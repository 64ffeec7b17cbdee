"""A trainer that says what the test wants, for all tests that need one."""

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.trainer import Done, ModelFile, Predicted, Progressed, Trained


class ScriptedTrainer:
    """Answers with what it is told to."""

    def __init__(self):
        self.jobs, self.wishes, self.script = [], [], []
        self.closed = self.warm = False
        self.pid = None

    def warm_up(self):
        self.warm = True

    def start(self, job, stacks):
        self.jobs.append(job)

    def ask(self, wish):
        self.wishes.append(wish)

    def messages(self, timeout_s=0.0):
        said, self.script = self.script, []
        return said

    def close(self):
        self.closed = True

    def progress(self, share=0.5):
        number = self.jobs[-1].number
        self.script.append(Progressed(number, 7, 0.5, share, 5.0, 5.0))

    def deliver(self, labels, digest="m1", part=2):
        """Send a model and its prediction, some slices at a time."""
        job = self.jobs[-1]
        self.script.append(Trained(job.number, ModelFile(digest, b"model", 1, None, 5.0)))
        slices = job.predict[1]
        for i in range(0, len(slices), part):
            some = slices[i : i + part]
            where = tuple(np.array(some).T)
            confidence = np.full((len(some), *labels.shape[2:]), 200, np.uint8)
            self.script.append(Predicted(job.number, some, labels[where], confidence))
        self.script.append(Done(job.number))


class Finders(list[ScriptedTrainer]):
    """The trainers that look for a valve, one for each search that a session has begun."""

    def new(self):
        """Begin a search, as a session does."""
        self.append(ScriptedTrainer())
        return self[-1]

    def session(self, monkeypatch, trainer=None):
        """Return a session that searches by these, in any view."""
        session = Session(trainer=trainer or ScriptedTrainer(), who="reader", new_trainer=self.new)
        monkeypatch.setattr(session.models, "weights_of", lambda view: b"weights")
        return session

    def answer(self, session, made, *views):
        """Have the newest predict the truth of views, one after the other: the 4CH and the 2CH."""
        for view in views or (View.LAX_4CH, View.LAX_2CH):
            stack = made.study.stack(view)
            assert self[-1].jobs[-1].predict[0] == stack.digest
            self[-1].deliver(made.masks[view])
            for _ in range(stack.frames + 2):
                session.process_messages()
