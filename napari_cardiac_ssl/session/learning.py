"""The verbs that learn: train, predict, stop in three ways, go back to the model before."""

import numpy as np

from napari_cardiac_ssl.annotations import SliceContent, SliceState, Step, middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.session.jobs import Jobs
from napari_cardiac_ssl.session.runs import Start
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Job, Wish

#: How long a training lasts that the expert asked for.
ASKED_S = 15.0


class Learning(Jobs):
    """Labels, and a model that learns from them in another process."""

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

        Slices being edited are confirmed first: whoever asks for training has drawn what is there.

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
            Of all chance.

        Raises
        ------
        InputError
            If there is nothing to learn from, no weights ship for the view that were asked for, or
            a job is running.
        """
        self._refuse_if_busy()
        weights = self._weights(start)
        if editing := self.annotations.slices(SliceState.EDITING):
            self._each("confirmation", editing, self.annotations.confirm)
        if not self._teaches():
            raise InputError("nothing to learn from yet; draw the heart on a slice or two first")
        if seconds is None and steps is None:
            seconds = ASKED_S
        self._learn(weights, seconds=seconds, steps=steps, mode=mode, first=first, seed=seed)

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
        self._refuse_if_busy()
        weights = self._weights("present")
        if weights is None:
            raise InputError("no model to predict with yet; label a slice or two and train first")
        expert = self.annotations.slices(SliceState.EXPERT)
        labels = self.annotations.labels[tuple(np.array(expert).T)] if expert else None
        self._begin(
            Job(
                number=self._jobs + 1,
                examples=(),
                predict=(self.stack.digest, self._wanted(first)),
                start=weights,
                centre_yx=None if labels is None else middle_of(labels),
            )
        )

    def start_from(self, model: ModelFile) -> None:
        """Make a model from elsewhere the present one: the next training goes on from it.

        Raises
        ------
        InputError
            If a job is running.
        """
        self._refuse_if_busy()
        self._project.refuse_if_read_only()
        view = self.stack.view
        self._project.models.keep(model, view, self._digest())
        self._project.models.set_present(view, model.digest)
        self._set_model(model)

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

    def roll_back(self) -> None:
        """Go back to the model that was present before this one, and to what it predicted.

        Slices that an expert has touched since stay. It is one step, which undo takes back.

        Raises
        ------
        InputError
            If there is no model, or its predecessor is not kept any more.
        """
        self._finish_adopting()
        project, model = self._project, self.model
        if model is None or not project.models.is_kept(model.digest):
            raise InputError("no earlier model to go back to")
        previous = project.models.previous(model.digest)
        earlier = project.models.get(previous) if previous else None
        annotations = self.annotations
        before: dict[SliceIndex, SliceContent] = {}
        steps = [*project.refreshes(self.stack.digest, model.digest)]
        # With a model goes the glance that it was learned from.
        if model.parent and project.models.previous(model.parent) == previous:
            steps += project.refreshes(self.stack.digest, model.parent)
        for step in steps:
            for index, (old, new) in step.changes.items():
                if annotations.content(index) == new:
                    before.setdefault(index, new)
                    annotations.put(index, old)
        changes = self._changes(before)
        project.models.set_present(self.stack.view, previous)
        self._add(Step("rolling back", changes, (model.digest, previous)))
        self._set_model(earlier)
        self.slices_changed.emit(tuple(changes))
