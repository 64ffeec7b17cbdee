"""The part of a session that takes over what a job brings: predictions, doubts, and the model."""

import time

from napari_cardiac_ssl.annotations import REFRESH, SliceState, Step
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.session.doubt import Doubt
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.runs import Run
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.session.states import Event
from napari_cardiac_ssl.session.training import Training
from napari_cardiac_ssl.session.validation import NOT_VALIDATED, Validation
from napari_cardiac_ssl.trainer import Died, Doubted, Message
from napari_cardiac_ssl.wording import count


class Adoption:
    """What the running job brings, taken over once it has said all.

    Parameters
    ----------
    history
        Where predictions are written.
    models, validation, doubt
        What knows of the model, of how good it is, and of how sure.
    training
        Whose job it is.
    signals
        Held while one portion is taken over.
    """

    def __init__(
        self,
        history: History,
        *,
        models: Models,
        validation: Validation,
        doubt: Doubt,
        training: Training,
        signals: Signals,
    ) -> None:
        self._history, self._models, self._validation = history, models, validation
        self._doubt, self._training, self._signals = doubt, training, signals

    def take(self, message: Message) -> None:
        """Take in what the trainer has said."""
        training = self._training
        run = training.run
        training.take(message)
        if isinstance(message, Doubted):  # its predictions may still be on their way
            of = run.candidate if run else self._models.present
            self._doubt.take(message, of.digest if of else None)
        elif isinstance(message, Died) or not training.busy:
            self._doubt.give_up()

    def go_on(self, seconds: float | None = None) -> None:
        """Take over a finished job's predictions, portion by portion, and then its model.

        Nothing in here can fail half-way. An expert may go on drawing between the portions:
        `Annotations.refresh` leaves what was touched alone.

        Parameters
        ----------
        seconds
            After how long to leave the rest for the next call; by default all is taken over.
        """
        run = self._training.run
        if run is None or run.candidate is None or not self._training.is_complete:
            return
        model, begun = run.candidate, time.monotonic()
        if run.step is None:
            run.step = self._history.add(Step(REFRESH, {}, (self._models.digest, model.digest)))
        while run.predictions and seconds != 0:
            self._take_over_portion(run, model, run.step)
            if seconds is not None and time.monotonic() - begun > seconds:
                break
        if not run.predictions:
            self._take_over_model(run, model)

    def follow(self, model: ModelFile | None) -> None:
        """Go on with another present model."""
        self._models.follow(model)
        self._doubt.follow(model)

    def _take_over_portion(self, run: Run, model: ModelFile, step: int) -> None:
        with self._signals.held():
            part = run.predictions.pop(0)
            written = self._history.refresh(step, part, model.digest)
            self._validation.note(part, model.digest, written)
            self._doubt.note(part, model.digest, run.job)
            run.refreshed += len(written)

    def _take_over_model(self, run: Run, model: ModelFile) -> None:
        with self._signals.held():
            self._models.set_present(model)
            self._models.note_learned(model, run.job.slices, run.curve)
            self.follow(model)
            self._validation.forget_old()
            # What was confirmed while it learned is new to it and to the model before.
            self._validation.score(self._history.annotations.slices(SliceState.EXPERT))
            self._training.end(self._report(run, model), Event.ADOPTED)

    def _report(self, run: Run, model: ModelFile) -> str:
        refreshed, verdict = count(run.refreshed, "slice"), self._validation.verdict
        if not run.job.examples:
            what = ": correct, confirm and train" if verdict == NOT_VALIDATED else ""
            return f"predicted {refreshed}; {verdict}{what}"
        learned, seconds = count(model.slices_learned, "slice"), f"{model.seconds:.0f} s"
        return f"learned from {learned} in {seconds}, refreshed {refreshed}; {verdict}"
