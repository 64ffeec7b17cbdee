"""The verbs that say where to look: uncertainty, the next slice and why, ED and ES."""

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.suggestion import Situation, Strategy, Suggestion
from napari_cardiac_ssl.learning.suggestion import suggest as worthwhile
from napari_cardiac_ssl.measures import Measured, Phases
from napari_cardiac_ssl.measures.wall import counted_from_base
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.helping import Helping
from napari_cardiac_ssl.session.runs import Run
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Died, Doubted, Job, Message, ModelFile, Predicted, Trainer

_LABELLED = (SliceState.EXPERT, SliceState.EDITING)


class Guiding(Helping):
    """A session that says which slice is worth looking at next."""

    uncertainty_changed = Signal()
    phases_changed = Signal()

    def __init__(
        self,
        project: Project | None = None,
        trainer: Trainer | None = None,
        who: str | None = None,
    ) -> None:
        super().__init__(project, trainer, who)
        self._uncertainty: NDArray[np.float32] | None = None
        self._doubted: str | None = None  # which model's doubts these are
        self._doubt_due: int | None = None  # the job whose last word is still to come
        self._measured: Measured | None = None
        self.slices_changed.connect(self._measure)
        self.labels_refreshed.connect(self._measure)

    # -- what is there ---------------------------------------------------------------------

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """The area in doubt on each slice, cm², shape ``(t, z)``; NaN where unknown.

        What the present model expects to be wrong of its prediction: at first told from its
        confidence, then, as soon as the trainer has found time for it, by looking at each slice
        turned as well.
        """
        if self._uncertainty is None:
            self._uncertainty = np.full(self.stack.image.shape[:2], np.nan, dtype=np.float32)
        view = self._uncertainty.view()
        view.flags.writeable = False
        return view

    @property
    def measured(self) -> Measured:
        """Areas and volumes of the labels as they are now."""
        if self._measured is None:
            stack = self.stack
            self._measured = Measured(
                self.annotations.labels, stack.affine, orientation_known=stack.orientation_known
            )
        return self._measured

    @property
    def phases(self) -> Phases:
        """ED and ES: as `set_phases` says, else told from the LV's volume over time."""
        if chosen := self._project.state("phases", self.stack.digest):
            return Phases(chosen["ed"], chosen["es"])
        return self.measured.phases(self.annotations.state)

    # -- verbs -----------------------------------------------------------------------------

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over."""
        self._uncertainty = self._measured = self._doubt_due = None
        super().open(stack, labels)

    def set_phases(self, ed: int | None, es: int | None) -> None:
        """Say which frames are ED and ES; with two None they are told from the volumes again.

        Raises
        ------
        InputError
            If there is no such frame, or the project is open to read only.
        """
        for frame in (ed, es):
            if frame is not None and not 0 <= frame < self.stack.frames:
                raise InputError(f"no frame {frame}: there are 0 to {self.stack.frames - 1}")
        chosen = None if ed is es is None else {"ed": ed, "es": es}
        self._project.set_state("phases", self.stack.digest, chosen)
        self.phases_changed.emit()

    def suggest(
        self,
        strategy: Strategy = "suggest",
        number: int = 1,
        *,
        among: NDArray[np.bool_] | None = None,
        seed: int = 0,
    ) -> list[Suggestion]:
        """Say which slices are worth looking at next, and why.

        Parameters
        ----------
        strategy
            ``suggest``, ``uncertainty``, ``uniform`` or ``random``.
        number
            How many; they differ from each other.
        among
            Shape ``(t, z)``: the slices to choose from; all by default. Slices that an expert has
            touched, and excluded ones, are never suggested.
        seed
            Of ``random``.

        Returns
        -------
        list of Suggestion
            The most worthwhile first; empty where nothing is left.
        """
        states = self.annotations
        shape = self.stack.image.shape[:2]
        labelled, closed = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        for index in states.slices(*_LABELLED):
            closed[index] = True
            # What lies outside the heart covers no part of it.
            labelled[index] = not states.is_outside(index)
        for index in states.slices(SliceState.EXCLUDED):
            closed[index] = True
        measured = self.measured
        ed, es = self.phases
        areas = np.stack([measured.areas_mm2(s) for s in SAX_STRUCTURES], axis=-1) / 100
        situation = Situation(
            labelled,
            ~closed if among is None else ~closed & among,
            areas,
            self.uncertainty,
            ed,
            es,
            counted_from_base(
                states.labels[ed or 0], self.stack.affine, self.stack.orientation_known
            ),
        )
        return worthwhile(situation, strategy=strategy, number=number, seed=seed)

    def wait(self, *, uncertainty: bool = False) -> None:
        """Process messages until neither job nor propagation runs.

        Parameters
        ----------
        uncertainty
            Whether to wait for the model's last word on its uncertainty, too.
        """
        super().wait()
        while uncertainty and self._doubt_due is not None:
            self.process_messages(timeout_s=0.2)

    # -- how it is known -------------------------------------------------------------------

    def _measure(self, slices: tuple[SliceIndex, ...]) -> None:
        if self._measured and slices:
            self._measured.update(*slices)

    def _begin(self, job: Job) -> Run:
        run = super()._begin(job)
        self._doubt_due = job.number if job.doubt else None
        return run

    def _take(self, message: Message) -> None:
        super()._take(message)
        if isinstance(message, Doubted):
            if message.number == self._doubt_due:
                self._doubt_due = None
                # Its predictions may still be on their way into the labels.
                of = self._run.candidate if self._run else self.model
                self._doubted = of.digest if of else None
                self._doubt(message.slices, message.areas_cm2)
        elif isinstance(message, Died) or not self.busy:
            # What ended otherwise than done has no last word.
            self._doubt_due = None

    def _doubt(self, slices: tuple[SliceIndex, ...], areas_cm2: NDArray[np.float32]) -> None:
        _ = self.uncertainty
        if self._uncertainty is not None:
            self._uncertainty[tuple(np.array(slices).T)] = areas_cm2
        self.uncertainty_changed.emit()

    def _write(
        self, step: int, part: Predicted, model: ModelFile, confidence: NDArray[np.uint8]
    ) -> tuple[SliceIndex, ...]:
        written = super()._write(step, part, model, confidence)
        if not (self._run and self._run.job.doubt and self._doubt_due is None):
            self._doubted = model.digest
            pixel_cm2 = float(np.prod(self.stack.spacing_mm[1:])) / 100
            left = (255 - part.confidence).sum(axis=(1, 2), dtype=np.int64)
            self._doubt(part.slices, (left * pixel_cm2 / 255).astype(np.float32))
        # else: the last word is there already
        return written

    def _set_model(self, model: ModelFile | None) -> None:
        if model is None or model.digest != self._doubted:
            self._uncertainty = None  # another model's
        super()._set_model(model)
