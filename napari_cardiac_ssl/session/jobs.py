"""The running job, and how what it brings is taken over.

A failed, cancelled or superseded job leaves nothing. Of a job that is done, predictions and model
are adopted together, as one step of the history.
"""

import time

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.annotations import REFRESH, Step, middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.labelling import End
from napari_cardiac_ssl.session.lessons import Lessons
from napari_cardiac_ssl.session.runs import JobStatus, Phase, Run
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import (
    Cancelled,
    Died,
    Done,
    Doubted,
    Failed,
    Job,
    Message,
    ModelFile,
    Predicted,
    Progressed,
    Ready,
    Restarted,
    Trained,
    Trainer,
    Wish,
)
from napari_cardiac_ssl.wording import count

#: What is learned in fewer steps is of no use, however slow the machine is.
LEAST_STEPS = 60
#: How long a training lasts that a confirmation started, and the glance before it: a few steps,
#: after which the frame in view alone is predicted, so that something is seen within 3 s.
BY_ITSELF_S = 8.0
GLANCE_S, GLANCE_STEPS = 1.0, 8
#: What is said of a model that was not tested on anything.
NOT_VALIDATED = "not validated yet"
#: What is said when nothing was gained by training.
NO_HELP = (
    "training did not help: it fits your slices no better than the present model, which stays; "
    "correct and confirm another slice, then train again"
)


class Jobs(Lessons):
    """Labels, and jobs that learn from them and refresh the predictions.

    Parameters
    ----------
    project
        What keeps all that is done; one in memory by default.
    trainer
        Where jobs run; a new trainer process by default.
    who
        Who draws; the computer's user by default.
    """

    labels_refreshed = Signal(tuple)
    job_changed = Signal(JobStatus)
    job_ended = Signal(str)

    def __init__(
        self,
        project: Project | None = None,
        trainer: Trainer | None = None,
        who: str | None = None,
    ) -> None:
        super().__init__(project, who)
        self._trainer = trainer or Trainer()
        self._run: Run | None = None
        self._jobs = 0
        self._glanced: str | None = None  # the model of the last glance
        self._confirmed: SliceIndex | None = None  # while a job ran that does not know it
        self._confidence: NDArray[np.uint8] | None = None
        self.status = JobStatus()
        self.compute = ""
        #: Whether a confirmation starts or renews training by itself.
        self.learn_while_drawing = False

    # -- what is there ---------------------------------------------------------------------

    @property
    def confidence(self) -> NDArray[np.uint8] | None:
        """How sure the present model is of its prediction, ``(t, z, y, x)`` in 255ths."""
        return self._confidence

    @property
    def verdict(self) -> str:
        """What is known of how good the present model is, in words."""
        return NOT_VALIDATED

    @property
    def trainer_pid(self) -> int | None:
        """The trainer process' number; None while there is none."""
        return self._trainer.pid

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._run is not None

    # -- verbs -----------------------------------------------------------------------------

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over.

        Going back to a stack that was open before finds its labels and states as they were. A
        running job is cancelled.

        Parameters
        ----------
        stack
            The images.
        labels
            Shape ``(t, z, y, x)``, UKBB: earlier work to go on from. Slices with a label on them
            count as being edited until they are confirmed. Slices that an expert has touched
            before stay as they are.
        """
        self.cancel()
        self._confidence = None
        super().open(stack, labels)

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from, as they are."""
        super().confirm(*slices)
        self._learn_by_itself(slices)

    def accept(self, *slices: SliceIndex) -> None:
        """Confirm predictions that are right as they are; slices that are none stay."""
        super().accept(*slices)
        self._learn_by_itself(slices)

    def _set_end(self, end: End, index: SliceIndex, all_frames: bool) -> tuple[SliceIndex, ...]:
        slices = super()._set_end(end, index, all_frames)
        self._learn_by_itself((SliceIndex(*index),) if slices else ())
        return slices

    def undo(self) -> None:
        """Take the last step back: a stroke, a refresh, a help; its slices' states with it.

        With a refresh goes the model that it brought, if that is the present one.
        """
        self._finish_adopting()
        super().undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        self._finish_adopting()
        super().redo()

    def cancel(self) -> None:
        """End training now and leave everything as it was before.

        Once predictions are being taken over it is too late, and this takes over the rest.
        """
        self._confirmed = None
        self._finish_adopting()
        if self._run:
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
        if not (self._run and self._run.complete):
            for message in self._trainer.messages(timeout_s):
                self._take(message)
        if self._run and self._run.complete:
            self._adopt(self._run, adopt_s)

    def wait(self) -> None:
        """Process messages until no job runs. For front ends that have nothing else to do."""
        while self.busy:
            self.process_messages(timeout_s=0.2)

    def close(self) -> None:
        """End the trainer process."""
        self._trainer.close()
        self._run = self._confirmed = None
        self.status = JobStatus()

    # -- starting --------------------------------------------------------------------------

    def _learn(
        self,
        start: bytes | None,
        *,
        seconds: float | None = None,
        steps: int | None = None,
        mode: Mode = "all",
        first: SliceIndex | None = None,
        seed: int = 0,
        glance: bool = False,
    ) -> Run:
        """Start a job that learns from all expert slices."""
        examples, wanted, least_steps = self._lessons(self._jobs), self._wanted(first), LEAST_STEPS
        if glance and first is not None:  # this heart alone, the frame in view alone
            examples, least_steps = examples[:1], GLANCE_STEPS
            wanted = tuple(index for index in wanted if index.t == first[0])
        return self._begin(
            Job(
                number=self._jobs + 1,
                examples=examples,
                predict=(self.stack.digest, wanted),
                start=start,
                mode=mode,
                seconds=seconds,
                steps=steps,
                least_steps=0 if seconds is None else least_steps,
                seed=seed,
                centre_yx=middle_of(examples[0].labels),
                doubt=not glance,
            )
        )

    def _begin(self, job: Job) -> Run:
        self._project.refuse_if_read_only()
        self._jobs = job.number
        self._run = Run(job)
        shown = [self._images[p.stack] for p in job.examples if p.stack in self._images]
        self._trainer.start(job, [self.stack, *shown])
        slices = sum(len(part.slices) for part in job.examples)
        self._set_status(JobStatus("starting", slices=slices))
        return self._run

    def _learn_by_itself(self, slices: tuple[SliceIndex, ...]) -> None:
        """Learn from what was just confirmed: now, or as soon as the running job gives way."""
        if not (self.learn_while_drawing and slices and self._teaches()):
            return
        run, self._confirmed = self._run, slices[-1]
        if run is None:
            self._renew(glance=True)
        elif _gives_way(run) and self.status.phase in {"starting", "training"}:
            self._trainer.ask(Wish.FINISH)
            self._set_phase("finishing")

    def _is_behind(self) -> bool:
        """Whether something was confirmed that the running, or last, job does not know."""
        return self._confirmed is not None and self.learn_while_drawing and self._teaches()

    def _renew(self, *, glance: bool = False) -> None:
        """Start to learn from what was confirmed since the last job began."""
        first, self._confirmed = self._confirmed, None
        cut_short, candidate = self._run, None
        if cut_short:
            candidate = cut_short.candidate
            self._trainer.ask(Wish.CANCEL)  # its predictions would be old
        start = candidate.data if candidate else self._weights("present")
        seconds = GLANCE_S if glance else BY_ITSELF_S
        run = self._learn(start, seconds=seconds, first=first, glance=glance)
        run.by_itself, run.glance, run.renewing = True, glance, cut_short is not None

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise InputError("training is running; finish or cancel it first")

    # -- what the trainer says -------------------------------------------------------------

    def _take(self, message: Message) -> None:
        run = self._run
        if isinstance(message, Ready):
            self.compute = message.compute
        elif run is None or isinstance(message, Doubted):
            return  # of a job that is done
        elif isinstance(message, Died):
            self._end(
                f"the trainer process was {message.reason}: all labels and the model are as they "
                "were; train again when you like"
            )
        elif isinstance(message, Restarted):
            run.predictions.clear()
            self._set_status(JobStatus("starting", slices=self.status.slices))
            self.said.emit(
                f"the trainer process was {message.reason}; another goes on from where it was"
            )
        elif message.number == run.job.number:  # else: of one that nobody waits for any more
            self._follow(run, message)

    def _follow(
        self, run: Run, message: Progressed | Trained | Predicted | Done | Cancelled | Failed
    ) -> None:
        """Take in what the running job says."""
        if isinstance(message, Progressed):
            phase = "training" if self.status.phase == "starting" else self.status.phase
            run.curve.append(message.loss)
            self._set_status(JobStatus(phase, message, self.status.slices))
        elif isinstance(message, Trained):
            if not message.helped and self.model is not None:
                self._trainer.ask(Wish.CANCEL)  # its predictions would be those that are there
                run.complete = True
                self._end(NO_HELP)
                return
            run.candidate = message.model
            if _gives_way(run) and self._is_behind():
                self._note_lesson(run, message.model)
                self._renew()
                return
            before = self._digest()
            if before is not None and before == self._glanced:
                # Nobody wants to go back to a glance.
                before = self._project.models.previous(before)
            self._project.models.keep(message.model, self.stack.view, before)
            self._set_phase("predicting")
        elif isinstance(message, Predicted):
            run.predictions.append(message)
        elif isinstance(message, Failed):
            self._end(f"training failed: {message.reason}; the model and all labels are as before")
        elif isinstance(message, Cancelled):
            self._end("cancelled: the model and all labels are as they were")
        elif run.candidate is None:
            self._end("training failed: no model came back; everything is as before")
        else:
            run.complete = True

    # -- taking over -----------------------------------------------------------------------

    def _adopt(self, run: Run, seconds: float | None = None) -> None:
        """Take over a finished job's predictions and model: all of it, or nothing.

        Nothing in here can fail half-way. An expert may go on drawing between the portions:
        `Annotations.refresh` leaves what was touched alone.
        """
        model = run.candidate
        if model is None:  # never: `_follow` has looked
            raise RuntimeError("no model to adopt")
        if run.step is None:
            run.step = self._add(Step(REFRESH, {}, (self._digest(), model.digest)))
        if self._confidence is None:
            self._confidence = np.zeros(self.stack.image.shape, dtype=np.uint8)
        begun = time.monotonic()
        while run.predictions and seconds != 0:
            written = self._write(run.step, run.predictions.pop(0), model, self._confidence)
            run.refreshed += len(written)
            self.labels_refreshed.emit(written)
            if seconds is not None and time.monotonic() - begun > seconds:
                break
        if not run.predictions:
            self._project.models.set_present(self.stack.view, model.digest)
            self._set_model(model)
            self._note_lesson(run, model)
            self._end(self._report(run, model))

    def _write(
        self, step: int, part: Predicted, model: ModelFile, confidence: NDArray[np.uint8]
    ) -> tuple[SliceIndex, ...]:
        before = {index: self.annotations.content(index) for index in part.slices}
        written = self.annotations.refresh(part.slices, part.labels, model.digest)
        confidence[tuple(np.array(part.slices).T)] = part.confidence
        self._project.extend_step(step, self.stack.digest, self._changes(before))
        return written

    def _finish_adopting(self) -> None:
        if self._run and self._run.complete:
            self._adopt(self._run)

    def _note_lesson(self, run: Run, model: ModelFile) -> None:
        """Note what a model has learned, adopted or cut short: the next one goes on from it."""
        if run.curve:
            detail = {
                "model": model.digest,
                "slices": self.status.slices,
                "seconds": round(model.seconds, 1),
                "loss": [round(loss, 4) for loss in run.curve],
            }
            self._project.note("trained", detail, self.stack.digest)

    def _report(self, run: Run, model: ModelFile) -> str:
        refreshed = count(run.refreshed, "slice")
        if not self.status.slices:
            what = ": correct, confirm and train" if self.verdict == NOT_VALIDATED else ""
            return f"predicted {refreshed}; {self.verdict}{what}"
        learned = count(model.slices_learned, "slice")
        seconds = f"{model.seconds:.0f} s"
        return f"learned from {learned} in {seconds}, refreshed {refreshed}; {self.verdict}"

    def _end(self, how: str) -> None:
        run, self._run = self._run, None
        glanced = run is not None and run.glance and run.complete
        if glanced and run:  # it was but a glance: now learn
            if run.candidate:
                self._glanced = self._digest()
            self._confirmed = self._confirmed or next(iter(run.job.predict[1]), None)
        self._set_status(JobStatus())
        self.job_ended.emit(how)
        if self._is_behind():
            self._renew(glance=not glanced)

    def _set_phase(self, phase: Phase) -> None:
        self._set_status(JobStatus(phase, self.status.progress, self.status.slices))

    def _set_status(self, status: JobStatus) -> None:
        self.status = status
        self.job_changed.emit(status)


def _gives_way(run: Run) -> bool:
    """Whether a newer confirmation renews a training. A glance is over soon, and comes first."""
    return run.by_itself and not run.glance and not run.renewing
