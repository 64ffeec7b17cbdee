"""The part of a session that trains: the running job, and which job follows it.

A failed, cancelled or superseded job leaves nothing. Of a job that is done, the session adopts
predictions and model together, as one step of the history.
"""

from collections.abc import Callable

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.session.examples import Examples
from napari_cardiac_ssl.session.labelling import Labelling
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.runs import JobStatus, Phase, Run, Start
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.session.states import Event, State, after
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import (
    Cancelled,
    Died,
    Done,
    Doubted,
    Failed,
    Job,
    Message,
    Predicted,
    Progressed,
    Ready,
    Restarted,
    Trained,
    Trainer,
    Wish,
)

#: How long a training lasts that the expert asked for.
ASKED_S = 15.0
#: How long a training lasts that a confirmation started, and the glance before it: a few steps,
#: after which the frame in view alone is predicted, so that something is seen within 3 s.
BY_ITSELF_S = 8.0
GLANCE_S = 1.0
#: What is said when no slice that is learned from shows a heart.
NOTHING_TO_LEARN = "nothing to learn from yet; draw the heart on a slice or two first"
#: What is said when nothing was gained by training.
NO_HELP = (
    "training did not help: the present model stays; correct and confirm another slice, then "
    "train again"
)
_AS_BEFORE = "all labels and the model are as they were"


class Training:
    """The running job. `states.TRANSITIONS` says what follows what.

    Parameters
    ----------
    trainer
        Where jobs run.
    labelling, examples, models
        What is drawn, what is learned from, and what is started from.
    signals
        Where it is told how a job goes.
    before_job
        Called with each job before it starts.

    Attributes
    ----------
    state
        What it is about.
    run
        The running job; None where there is none.
    status
        What that is doing, for front ends.
    compute
        What the trainer computes on, in words; empty before it is known.
    learn_while_drawing
        Whether a confirmation starts or renews training by itself.
    """

    def __init__(
        self,
        trainer: Trainer,
        labelling: Labelling,
        examples: Examples,
        models: Models,
        *,
        signals: Signals,
        before_job: Callable[[Job], None],
    ) -> None:
        self._trainer, self._labelling = trainer, labelling
        self._examples, self._models = examples, models
        self._signals, self._before_job = signals, before_job
        self.state = State.IDLE
        self.run: Run | None = None
        self.status = JobStatus()
        self.compute = ""
        self.learn_while_drawing = False
        self._jobs = 0
        self._glanced: str | None = None  # the model of the last glance
        self._confirmed: SliceIndex | None = None  # while a job ran that does not know it

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self.run is not None

    @property
    def has_heart(self) -> bool:
        """Whether a slice that is learned from shows a heart: empty ones alone teach nothing."""
        return self._examples.teach or self._examples.show_heart(self._labelling.drawn)

    @property
    def is_complete(self) -> bool:
        """Whether the running job has said all: from now on it is being adopted."""
        return self.state in {State.ADOPTING, State.ADOPTING_GLANCE}

    @property
    def trainer_pid(self) -> int | None:
        """The trainer process' number; None while there is none."""
        return self._trainer.pid

    # -- verbs -----------------------------------------------------------------------------

    def refuse_if_busy(self) -> None:
        """Refuse what cannot be done while a job runs.

        Raises
        ------
        InputError
            If one does.
        """
        after(self.state, Event.TRAIN)

    def warm_up(self) -> None:
        """Prepare for training while the expert draws, so that it starts at once."""
        self._trainer.warm_up()

    def train(
        self,
        *,
        seconds: float | None = None,
        steps: int | None = None,
        start: Start = "present",
        mode: Mode = "all",
        first: SliceIndex | None = None,
        seed: int = 0,
    ) -> None:
        """Learn from all expert slices in the background, then refresh the predictions.

        Slices that are being drawn are confirmed first: whoever asks for training has drawn what
        is there. Drafts that nobody touched are not (`Labelling.drawn`).

        Parameters
        ----------
        seconds, steps
            The budget: one of the two; 15 s without either. Seconds are stretched to `LEAST_STEPS`
            steps on a slow or busy machine; asking to finish ends them.
        start
            ``present``: go on from the present model, or from the shipped weights where there is
            none yet, or from nothing where none ship for the view. ``default``: from the shipped
            weights again. ``scratch``: from nothing.
        mode
            ``all``, ``decoder`` (the encoder stays as it is) or ``multitask`` (positions are
            predicted beside structures).
        first
            The slice in view: its frame is predicted first, its neighbours in time next.
        seed
            Random seed.

        Raises
        ------
        InputError
            If there is nothing to learn from, no weights ship for the view that were asked for, or
            a job is running.
        """
        state = after(self.state, Event.TRAIN)
        weights = self._models.weights(start)
        if not self.has_heart:
            raise InputError(NOTHING_TO_LEARN)
        self._labelling.confirm(*self._labelling.drawn)
        if seconds is None and steps is None:
            seconds = ASKED_S
        job = self._examples.training(
            self._jobs + 1,
            weights,
            seconds=seconds,
            steps=steps,
            mode=mode,
            first=first,
            seed=seed,
        )
        self._begin(job, state)

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
        state = after(self.state, Event.PREDICT)
        weights = self._models.weights("present")
        if weights is None:
            raise InputError("no model to predict with yet; label a slice or two and train first")
        self._begin(self._examples.prediction(self._jobs + 1, weights, first), state)

    def learn_by_itself(self, slices: tuple[SliceIndex, ...]) -> None:
        """Learn from what was just confirmed: now, or as soon as the running job gives way."""
        if not (self.learn_while_drawing and slices and self._examples.teach):
            return
        self._confirmed = slices[-1]
        if self.run is None:
            self._renew(Event.CONFIRMED)
            return
        gives_way = self.state is State.LEARNING
        self.state = after(self.state, Event.CONFIRMED)
        if gives_way and self.status.phase in {"starting", "training"}:
            self._trainer.ask(Wish.FINISH)
            self._set_phase("finishing")

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

    def forget_confirmed(self) -> None:
        """Let nothing follow the running job."""
        self._confirmed = None

    def cancel(self) -> None:
        """End the running job now; one that is being adopted is not cancelled (`is_complete`)."""
        if self.run:
            self._trainer.ask(Wish.CANCEL)
            self.end(f"cancelled: {_AS_BEFORE}", Event.STOPPED)

    def close(self) -> None:
        """End the trainer process."""
        self._trainer.close()
        self.run = self._confirmed = None
        self.state, self.status = State.IDLE, JobStatus()

    # -- what the trainer says -------------------------------------------------------------

    def messages(self, timeout_s: float) -> list[Message]:
        """Return what the trainer has said; wait so long for a first message."""
        return self._trainer.messages(timeout_s)

    def take(self, message: Message) -> None:
        """Follow the running job."""
        run = self.run
        if isinstance(message, Ready):
            self.compute = message.compute
        elif run is None or isinstance(message, Doubted):
            return  # of a job that is done
        elif isinstance(message, Died):
            why = f"the trainer process was {message.reason}"
            self.end(f"{why}: {_AS_BEFORE}; train again when you like", Event.STOPPED)
        elif isinstance(message, Restarted):
            run.predictions.clear()
            self._set_status(JobStatus("starting", slices=self.status.slices))
            why = f"the trainer process was {message.reason}"
            self._signals.send(self._signals.said, f"{why}; another goes on from where it was")
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
            self._take_model(run, message)
        elif isinstance(message, Predicted):
            run.predictions.append(message)
        elif isinstance(message, Failed):
            self.end(f"training failed: {message.reason}; {_AS_BEFORE}", Event.STOPPED)
        elif isinstance(message, Cancelled):
            self.end(f"cancelled: {_AS_BEFORE}", Event.STOPPED)
        elif run.candidate is None:
            self.end(f"training failed: no model came back; {_AS_BEFORE}", Event.STOPPED)
        else:
            self.state = after(self.state, Event.COMPLETE)

    def _take_model(self, run: Run, message: Trained) -> None:
        if not message.helped and self._models.present is not None:
            self._trainer.ask(Wish.CANCEL)  # its predictions would be those that are there
            self.end(NO_HELP, Event.NO_HELP)
            return
        run.candidate = message.model
        if self.state is State.YIELDING and not self._is_behind:
            self.state = after(self.state, Event.WITHDRAWN)
        if self.state is State.YIELDING:
            self._models.note_learned(message.model, run.job.slices, run.curve)
            self._renew(Event.TRAINED)
            return
        self.state = after(self.state, Event.TRAINED)
        before = self._models.digest
        if before is not None and before == self._glanced:
            before = self._models.previous  # nobody wants to go back to a glance
        self._models.keep(message.model, before)
        self._set_phase("predicting")

    # -- from job to job -------------------------------------------------------------------

    def end(self, how: str, event: Event) -> None:
        """Let go of the running job, and begin the one that is to follow.

        Parameters
        ----------
        how
            What became of it, for the user.
        event
            The same for `states.TRANSITIONS`.
        """
        run, self.run = self.run, None
        glanced = self.state is State.ADOPTING_GLANCE or (
            self.state is State.GLANCING and event is Event.NO_HELP
        )
        self.state = after(self.state, event)
        if run and glanced:  # it was but a glance: now learn
            if run.candidate:
                self._glanced = run.candidate.digest
            self._confirmed = self._confirmed or next(iter(run.job.predict[1]), None)
        self._set_status(JobStatus())
        self._signals.send(self._signals.job_ended, how)
        if self._is_behind:
            self._renew(Event.GLANCED if glanced else Event.CONFIRMED)

    @property
    def _is_behind(self) -> bool:
        """Whether something was confirmed that the running, or last, job does not know."""
        return self._confirmed is not None and self.learn_while_drawing and self._examples.teach

    def _renew(self, event: Event) -> None:
        """Start to learn from what was confirmed since the last job began."""
        state = after(self.state, event)
        glance = state is State.GLANCING
        first, self._confirmed = self._confirmed, None
        start = self._models.weights("present")
        if self.run:  # it was cut short
            self._trainer.ask(Wish.CANCEL)  # its predictions would be old
            start = self.run.candidate.data if self.run.candidate else start
        seconds = GLANCE_S if glance else BY_ITSELF_S
        job = self._examples.training(
            self._jobs + 1, start, seconds=seconds, first=first, glance=glance
        )
        self._begin(job, state)

    def _begin(self, job: Job, state: State) -> None:
        self._before_job(job)
        self._jobs, self.run, self.state = job.number, Run(job), state
        self._trainer.start(job, self._examples.images(job))
        slices = sum(len(part.slices) for part in job.examples)
        self._set_status(JobStatus("starting", slices=slices))

    def _set_phase(self, phase: Phase) -> None:
        self._set_status(JobStatus(phase, self.status.progress, self.status.slices))

    def _set_status(self, status: JobStatus) -> None:
        self.status = status
        self._signals.send(self._signals.job_changed, status)
