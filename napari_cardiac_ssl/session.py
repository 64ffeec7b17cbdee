"""The label-and-retrain loop's rules. No Qt, no files of its own.

A session is the one owner of state: the stack, its annotations, the model, the running job. Front
ends call verbs; the session answers with signals in the past tense. It belongs to one thread, and
what the trainer says reaches it when the front end calls `process_messages`, so no signal ever
comes from elsewhere.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme, View
from napari_cardiac_ssl.annotations import OPEN_TO_MODEL, Annotations, SliceState, middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import (
    Cancelled,
    Died,
    Done,
    Failed,
    Job,
    Message,
    ModelFile,
    Predicted,
    Progressed,
    Ready,
    Trained,
    Trainer,
    Wish,
)
from napari_cardiac_ssl.trainer.messages import Labelled
from napari_cardiac_ssl.writers.masks import write_mask

#: What is learned in fewer steps is of no use, however slow the machine is.
LEAST_STEPS = 60
#: Where training starts from.
Start = Literal["present", "default", "scratch"]

Phase = Literal["idle", "starting", "training", "paused", "finishing", "predicting"]


@dataclass(frozen=True)
class JobStatus:
    """What the running job is doing.

    Parameters
    ----------
    phase
        ``idle`` when there is none.
    progress
        The last step's report; None before the first.
    slices
        Number of slices that it learns from.
    """

    phase: Phase = "idle"
    progress: Progressed | None = None
    slices: int = 0


class Session:
    """One person's work on one stack.

    Parameters
    ----------
    trainer
        Where jobs run; a new trainer process by default.
    who
        Who draws; the computer's user by default.

    Attributes
    ----------
    stack_opened
        ``(Stack)``.
    slices_changed
        ``(tuple of SliceIndex)``: state or provenance changed; labels too unless only confirmed.
    labels_refreshed
        ``(tuple of SliceIndex)``: the model's new prediction was written to these. Several times
        for one prediction where `process_messages` was given little time.
    job_changed
        ``(JobStatus)``.
    model_adopted
        ``(ModelFile)``.
    job_ended
        ``(str)``: how, in one line for the user: done, cancelled, failed and why.
    """

    stack_opened = Signal(Stack)
    slices_changed = Signal(tuple)
    labels_refreshed = Signal(tuple)
    job_changed = Signal(JobStatus)
    model_adopted = Signal(ModelFile)
    job_ended = Signal(str)

    def __init__(self, trainer: Trainer | None = None, who: str | None = None) -> None:
        self._trainer = trainer or Trainer()
        self._who = who
        self._stack: Stack | None = None
        self._annotations: Annotations | None = None
        self._confidence: NDArray[np.uint8] | None = None
        # What was done on each stack while it lives: going to another and back loses nothing.
        self._opened: WeakKeyDictionary[Stack, Annotations] = WeakKeyDictionary()
        self._pending: list[Predicted] = []
        self._adopting = False
        self._refreshed = 0
        self._candidate: ModelFile | None = None
        self._jobs = 0
        self.model: ModelFile | None = None
        self.status = JobStatus()
        self.compute = ""

    # -- what is there ---------------------------------------------------------------------

    @property
    def stack(self) -> Stack:
        """The stack that is open.

        Raises
        ------
        InputError
            If none is.
        """
        if self._stack is None:
            raise InputError("no stack is open; open a cine or a single frame first")
        return self._stack

    @property
    def annotations(self) -> Annotations:
        """Its labels and slice states. To be changed by the session's verbs only."""
        if self._annotations is None:
            raise InputError("no stack is open; open a cine or a single frame first")
        return self._annotations

    @property
    def confidence(self) -> NDArray[np.uint8] | None:
        """How sure the present model is of its prediction, ``(t, z, y, x)`` in 255ths."""
        return self._confidence

    @property
    def trainer_pid(self) -> int | None:
        """The trainer process' number; None while there is none."""
        return self._trainer.pid

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self.status.phase != "idle"

    # -- verbs: labels ---------------------------------------------------------------------

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; the model stays, what was learned carries over.

        Going back to a stack that was open before finds its labels and states as they were.

        Parameters
        ----------
        stack
            The images.
        labels
            Shape ``(t, z, y, x)``, UKBB: earlier work to go on from. Slices with a label on them
            count as being edited until they are confirmed. Slices that an expert has touched
            before stay as they are.
        """
        if self.busy:
            self.cancel()
        annotations = self._opened.get(stack) or Annotations(stack.image.shape, self._who)
        if labels is not None:
            if labels.shape != stack.image.shape:
                raise InputError(
                    f"labels of shape {labels.shape} do not fit {stack.name} "
                    f"{stack.image.shape} (t, z, y, x); choose labels made on this image"
                )
            for index in stack.slice_indices():
                if labels[index].any() and annotations.state(index) in OPEN_TO_MODEL:
                    annotations.annotate(index, labels[index])
        self._stack, self._annotations, self._confidence = stack, annotations, None
        self._opened[stack] = annotations
        self.stack_opened.emit(stack)

    def annotate(self, index: SliceIndex, labels: NDArray[np.integer]) -> None:
        """Take over what the expert drew on a slice."""
        self.annotations.annotate(index, labels)
        self.slices_changed.emit((index,))

    def restore(self, index: SliceIndex, labels: NDArray[np.integer]) -> None:
        """Take over what undo or redo brought back on a slice, with the state that it had."""
        self.annotations.restore(index, labels)
        self.slices_changed.emit((index,))

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from, as they are."""
        for index in slices:
            self.annotations.confirm(index)
        self.slices_changed.emit(slices)

    def retract(self, *slices: SliceIndex) -> None:
        """Take confirmations back; the slices stay protected."""
        for index in slices:
            self.annotations.retract(index)
        self.slices_changed.emit(slices)

    def revert(self, index: SliceIndex) -> None:
        """Give a slice back to the model: what was drawn on it goes."""
        self.annotations.release(index)
        self.slices_changed.emit((index,))

    # -- verbs: learning -------------------------------------------------------------------

    def warm_up(self) -> None:
        """Prepare for training while the expert draws, so that it starts at once."""
        self._trainer.warm_up()
        # A cine's digest takes a tenth of a second: not in the window's thread.
        stack = self.stack
        threading.Thread(target=lambda: stack.digest, daemon=True, name="digest").start()

    def train(
        self,
        *,
        seconds: float | None = None,
        steps: int | None = None,
        start: Start = "present",
        mode: Literal["all", "decoder"] = "all",
        first: SliceIndex | None = None,
        seed: int = 0,
    ) -> None:
        """Learn from all expert slices in the background, then refresh the predictions.

        Slices being edited are confirmed first: whoever asks for training has drawn what is there.

        Parameters
        ----------
        seconds, steps
            The budget: one of the two; 15 s without either. Seconds are stretched to `LEAST_STEPS`
            steps on a slow or busy machine; asking to finish ends them.
        start
            ``present``: go on from the present model, or from the shipped weights where there is
            none yet. ``default``: from the shipped weights again. ``scratch``: from nothing.
        mode
            ``all`` or ``decoder`` (the encoder stays as it is).
        first
            The slice in view: its frame is predicted first, its neighbours in time next.
        seed
            Of all chance.

        Raises
        ------
        InputError
            If there is nothing to learn from, or a job is running.
        """
        if self.busy:
            raise InputError("training is running; finish or cancel it first")
        editing = self.annotations.slices(SliceState.EDITING)
        if editing:
            self.confirm(*editing)
        slices = self.annotations.slices(SliceState.EXPERT)
        labels = self.annotations.labels
        if not any(labels[index].any() for index in slices):
            raise InputError("nothing to learn from yet; draw the heart on a slice or two first")
        if seconds is None and steps is None:
            seconds = 15.0
        where = tuple(np.array(slices).T)
        self._begin(
            slices,
            Job(
                number=self._jobs + 1,
                examples=(Labelled(self.stack.digest, slices, labels[where]),),
                predict=(self.stack.digest, self._wanted(first)),
                start=self._weights(start),
                mode=mode,
                seconds=seconds,
                steps=steps,
                least_steps=0 if seconds is None else LEAST_STEPS,
                seed=seed,
                centre_yx=middle_of(labels[where]),
            ),
        )

    def predict(self, *, first: SliceIndex | None = None) -> None:
        """Refresh the predictions without training: a first guess before anything is drawn.

        Parameters
        ----------
        first
            The slice in view, as in `train`.

        Raises
        ------
        InputError
            If there is neither a model nor shipped weights, or a job is running.
        """
        if self.busy:
            raise InputError("training is running; finish or cancel it first")
        weights = self._weights("present")
        if weights is None:
            raise InputError("no model to predict with yet; label a slice or two and train first")
        expert = self.annotations.slices(SliceState.EXPERT)
        centre = middle_of(self.annotations.labels[tuple(np.array(expert).T)]) if expert else None
        self._begin(
            (),
            Job(
                number=self._jobs + 1,
                examples=(),
                predict=(self.stack.digest, self._wanted(first)),
                start=weights,
                centre_yx=centre,
            ),
        )

    def _begin(self, slices: tuple[SliceIndex, ...], job: Job) -> None:
        self._jobs = job.number
        self._pending, self._candidate = [], None
        self._trainer.start(job, [self.stack])
        self._set_status(JobStatus("starting", slices=len(slices)))

    def _wanted(self, first: SliceIndex | None) -> tuple[SliceIndex, ...]:
        """Return the slices to predict: those of the frame in view first, then its neighbours."""
        wanted = set(self.stack.slice_indices()) - set(self.annotations.slices(SliceState.EXCLUDED))
        if first is None:
            return tuple(sorted(wanted))
        t, z = first
        return tuple(sorted(wanted, key=lambda index: (abs(index.t - t), abs(index.z - z), index)))

    def _weights(self, start: Start) -> bytes | None:
        if start == "scratch":
            return None
        if start == "present" and self.model is not None:
            return self.model.data
        # The shipped weights know the short axis.
        return default_weights() if self.stack.view is View.SAX else None

    def pause(self) -> None:
        """Hold training; nothing is lost, and the time does not count."""
        if self.status.phase == "training":
            self._trainer.ask(Wish.PAUSE)
            self._set_phase("paused")

    def resume(self) -> None:
        """Go on after a pause."""
        if self.status.phase == "paused":
            self._trainer.ask(Wish.RESUME)
            self._set_phase("training")

    def finish(self) -> None:
        """End training soon and keep what was learned."""
        if self.status.phase in {"starting", "training", "paused"}:
            self._trainer.ask(Wish.FINISH)
            self._set_phase("finishing")

    def cancel(self) -> None:
        """End training now and leave everything as it was before.

        Once predictions are being taken over it is too late, and this takes over the rest.
        """
        if self._adopting:
            self._adopt()
        elif self.busy:
            self._trainer.ask(Wish.CANCEL)
            self._end("cancelled: the model and all labels are as they were")

    def process_messages(self, timeout_s: float = 0.0, adopt_s: float | None = None) -> None:
        """Take in what the trainer has said. Front ends call this many times a second.

        Parameters
        ----------
        timeout_s
            How long to wait for a first message.
        adopt_s
            How long to take over predictions before giving way, for front ends that must not
            stall; the rest is for the next calls. 0 takes none over; by default all are at once.
        """
        if not self._adopting:
            for message in self._trainer.messages(timeout_s):
                self._take(message)
        if self._adopting:
            self._adopt(adopt_s)

    def wait(self) -> None:
        """Process messages until no job runs. For front ends that have nothing else to do."""
        while self.busy:
            self.process_messages(timeout_s=0.2)

    def close(self) -> None:
        """End the trainer process."""
        self._trainer.close()
        self.status = JobStatus()

    # -- verbs: results --------------------------------------------------------------------

    def export_mask(self, path: Path, scheme: LabelScheme = UKBB) -> Path:
        """Write the labels as seen, on the image's own grid with its own header."""
        return write_mask(path, self.annotations.labels, like=self.stack, scheme=scheme)

    def export_model(self, path: Path) -> Path:
        """Write the present model as a safetensors file."""
        if self.model is None:
            raise InputError("no model yet; train first")
        with replacing(Path(path)) as beside:
            beside.write_bytes(self.model.data)
        return Path(path)

    # -- what the trainer says -------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if isinstance(message, Ready):
            self.compute = message.compute
        elif not self.busy:
            return
        elif isinstance(message, Died):
            self._end(
                f"the trainer process was {message.reason}: all labels and the model are as they "
                "were; train again when you like"
            )
        elif message.number == self._jobs:  # else: of a job that nobody waits for any more
            self._follow(message)

    def _follow(
        self, message: Progressed | Trained | Predicted | Done | Cancelled | Failed
    ) -> None:
        """Take in what the running job says."""
        if isinstance(message, Progressed):
            phase = "training" if self.status.phase == "starting" else self.status.phase
            self._set_status(JobStatus(phase, message, self.status.slices))
        elif isinstance(message, Trained):
            self._candidate = message.model
            self._set_phase("predicting")
        elif isinstance(message, Predicted):
            self._pending.append(message)
        elif isinstance(message, Failed):
            self._end(f"training failed: {message.reason}; the model and all labels are as before")
        elif isinstance(message, Cancelled):
            self._end("cancelled: the model and all labels are as they were")
        elif self._candidate is None:
            self._end("training failed: no model came back; everything is as before")
        else:
            self._adopting, self._refreshed = True, 0

    def _adopt(self, seconds: float | None = None) -> None:
        """Take over a finished job's predictions and model: all of it, or nothing.

        Nothing in here can fail half-way. An expert may go on drawing between the portions:
        `Annotations.refresh` leaves what was touched alone.
        """
        model = self._candidate
        if model is None:  # never: `_follow` has looked
            raise RuntimeError("no model to adopt")
        if self._confidence is None:
            self._confidence = np.zeros(self.stack.image.shape, dtype=np.uint8)
        begun = time.monotonic()
        while self._pending and seconds != 0:
            part = self._pending.pop(0)
            written = self.annotations.refresh(part.slices, part.labels, model.digest)
            self._confidence[tuple(np.array(part.slices).T)] = part.confidence
            self._refreshed += len(written)
            self.labels_refreshed.emit(written)
            if seconds is not None and time.monotonic() - begun > seconds:
                break
        if self._pending:
            return
        self.model = model
        self.model_adopted.emit(model)
        refreshed = _count(self._refreshed, "slice")
        if self.status.slices:
            learned = _count(model.slices_learned, "slice")
            self._end(
                f"learned from {learned} in {model.seconds:.0f} s, refreshed {refreshed}; "
                "not validated yet"
            )
        else:
            self._end(f"predicted {refreshed}; not validated yet: correct, confirm and train")

    def _end(self, how: str) -> None:
        self._pending, self._candidate, self._adopting = [], None, False
        self._set_status(JobStatus())
        self.job_ended.emit(how)

    def _set_phase(self, phase: Phase) -> None:
        self._set_status(JobStatus(phase, self.status.progress, self.status.slices))

    def _set_status(self, status: JobStatus) -> None:
        self.status = status
        self.job_changed.emit(status)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
