"""What the trainer process does: one job after the other."""

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import Model, model_from_bytes, model_to_bytes
from napari_cardiac_ssl.learning.compute import Compute, is_device_lost
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import doubt, predict
from napari_cardiac_ssl.learning.training import Budget, Step, run
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.trainer.messages import (
    Ask,
    Cancelled,
    Died,
    Done,
    Doubted,
    Failed,
    Job,
    Keep,
    Labelled,
    Message,
    Predicted,
    Progressed,
    Ready,
    Trained,
    Wish,
)


class _CancelledError(Exception):
    """The running job is not wanted any more."""


class _Wishes:
    """What the parent has asked of jobs. Set by the reading thread, looked at between steps."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._of: dict[int, set[Wish]] = {}

    def add(self, ask: Ask) -> None:
        with self._changed:
            wishes = self._of.setdefault(ask.number, set())
            if ask.wish is Wish.RESUME:
                wishes.discard(Wish.PAUSE)
            else:
                wishes.add(ask.wish)
            self._changed.notify_all()

    def heed(self, number: int) -> bool:
        """Wait while paused; raise when cancelled; tell whether to finish soon."""
        with self._changed:
            wishes = self._of.setdefault(number, set())
            while Wish.PAUSE in wishes and not wishes & {Wish.CANCEL, Wish.FINISH}:
                self._changed.wait()
            if Wish.CANCEL in wishes:
                raise _CancelledError
            return Wish.FINISH in wishes


class Worker:
    """Does one job after the other.

    Parameters
    ----------
    said
        What the parent says.
    say
        Sends a message to it.
    folder
        Where the state of what is being trained is kept.
    """

    def __init__(
        self, said: "queue.SimpleQueue[object]", say: Callable[[Message], None], folder: Path
    ) -> None:
        self._said, self._say, self._folder = said, say, folder
        self._stacks: dict[str, Stack] = {}
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._wishes = _Wishes()

    def work(self) -> None:
        """Do jobs for ever."""
        threading.Thread(target=self._sort, daemon=True).start()
        compute = Compute.best()
        self._say(Ready(str(compute)))
        while True:
            job = self._jobs.get()
            try:
                self._do(job, compute)
            except _CancelledError:
                self._say(Cancelled(job.number))
            except InputError as error:
                self._say(Failed(job.number, str(error)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the user must be told
                reason = f"{type(error).__name__}: {error}"
                if is_device_lost(error):  # nothing works in this process any more
                    self._say(Died(f"ended by the graphics card ({reason})"))
                    os._exit(1)
                self._say(Failed(job.number, reason))
            self._state_of(job).unlink(missing_ok=True)

    def _sort(self) -> None:
        """Take in what the parent says while a job runs."""
        while True:
            said = self._said.get()
            if isinstance(said, Keep):
                self._stacks[said.stack.digest] = said.stack
            elif isinstance(said, Ask):
                self._wishes.add(said)
            elif isinstance(said, Job):
                self._jobs.put(said)

    def _state_of(self, job: Job) -> Path:
        return self._folder / f"job-{job.number}.state"

    def _do(self, job: Job, compute: Compute) -> None:
        model = self._learn(job, compute)
        digest, slices = job.predict
        predictions = predict(
            model,
            self._stacks[digest],
            slices,
            centre_yx=job.centre_yx,
            compute=compute,
            heed_empty=False,  # what experts say now may be another thing
        )
        for part in predictions:
            self._wishes.heed(job.number)
            confidence = np.round(part.confidence * 255).astype(np.uint8)
            self._say(Predicted(job.number, part.slices, part.labels, confidence))
        self._say(Done(job.number))
        if job.doubt:
            self._doubt(job, model, compute)

    def _doubt(self, job: Job, model: Model, compute: Compute) -> None:
        """Say how sure the model is, unless something else is wanted meanwhile."""
        digest, slices = job.predict
        areas = []
        for _, part in doubt(
            model, self._stacks[digest], slices, centre_yx=job.centre_yx, compute=compute
        ):
            self._wishes.heed(job.number)
            if not self._jobs.empty():
                return
            areas.append(part)
        if areas:
            self._say(Doubted(job.number, slices, np.concatenate(areas)))

    def _learn(self, job: Job, compute: Compute) -> Model:
        """Train, if there is something to learn from, and hand over the model."""
        start = model_from_bytes(job.start, "the present model") if job.start else None
        if job.examples:
            view = self._stacks[job.predict[0]].view  # as its user knows it; files may lie
            parts = [part for part in job.examples if self._has(part, view)]
            examples = [self._expert_slices(part, job) for part in parts]
            budget = Budget(job.steps, job.seconds, job.least_steps)
            steps = finetune(
                examples,
                start=start,
                mode=job.mode,
                budget=budget,
                seed=job.seed,
                compute=compute,
                resume=self._state_of(job),
            )
            self._wishes.heed(job.number)
            model = run(steps, lambda step: self._after(job, step))
        elif start is not None:
            model = start
        else:
            raise InputError("nothing to learn from and no model to predict with")
        file = ModelFile(
            digest=model.digest,
            data=model_to_bytes(model),
            slices_learned=model.card.slices_learned,
            parent=model.card.parent,
            seconds=float(model.card.recipe.get("seconds", 0.0)),
        )
        helped = model.card.recipe.get("share_learned") != 0
        self._say(Trained(job.number, file, helped))
        self._state_of(job).unlink(missing_ok=True)
        return model

    def _has(self, part: Labelled, view: View) -> bool:
        """Whether the stack is there; it is read if it is not. A file that has gone is passed over.

        It was there when the job was made, and of the open stack there is always the array.
        """
        for place in part.places:
            if part.stack in self._stacks:
                break
            with contextlib.suppress(InputError):
                for stack in read_study(place).stacks:
                    if stack.digest == part.stack:
                        self._stacks[part.stack] = replace(stack, view=view)
        return part.stack in self._stacks

    def _expert_slices(self, part: Labelled, job: Job) -> ExpertSlices:
        """Return what is learned; beside it those slices are looked at that are to be predicted."""
        stack = self._stacks[part.stack]
        labels = np.zeros(stack.image.shape, dtype=np.uint8)
        labels[tuple(np.array(part.slices).T)] = part.labels
        digest, predicted = job.predict
        return ExpertSlices(stack, labels, part.slices, predicted if digest == part.stack else ())

    def _after(self, job: Job, step: Step) -> bool:
        self._say(
            Progressed(
                job.number,
                step.index,
                step.loss,
                step.spent,
                step.seconds,
                step.seconds_left,
                step.note,
            )
        )
        return self._wishes.heed(job.number)
