"""The part of a session that knows how sure the model is of what it predicted."""

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Doubted, Job, Predicted


class Doubt:
    """How sure the model is of what it predicted on the open stack."""

    def __init__(self, study: OpenStudy, signals: Signals) -> None:
        self._study, self._signals = study, signals
        self.reset()

    @property
    def confidence(self) -> NDArray[np.uint8] | None:
        """How sure the present model is of its prediction, ``(t, z, y, x)`` in 255ths."""
        return self._confidence

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """The area in doubt on each slice, cm², shape ``(t, z)``; NaN where unknown.

        What the present model expects to be wrong of its prediction: at first told from its
        confidence, then, as soon as the trainer has found time for it, by looking at each slice
        turned as well.
        """
        view = self._areas().view()
        view.flags.writeable = False
        return view

    @property
    def is_awaited(self) -> bool:
        """Whether the model's last word on its doubts is still to come."""
        return self._awaited is not None

    def reset(self) -> None:
        """Forget all: another stack is open."""
        self._confidence: NDArray[np.uint8] | None = None
        self._uncertainty: NDArray[np.float32] | None = None
        self._of: str | None = None  # which model's doubts these are
        self._awaited: int | None = None  # the job whose last word is still to come

    def expect(self, job: Job) -> None:
        """Wait for a job's last word, if it has one."""
        self._awaited = job.number if job.doubt else None

    def give_up(self) -> None:
        """Wait no longer: what ended otherwise than done has no last word."""
        self._awaited = None

    def note(self, part: Predicted, model: str, job: Job) -> None:
        """Take up how sure a model is of some slices that it predicted."""
        if self._confidence is None:
            self._confidence = np.zeros(self._study.stack.image.shape, dtype=np.uint8)
        self._confidence[tuple(np.array(part.slices).T)] = part.confidence
        if job.doubt and self._awaited is None:
            return  # the last word is there already
        pixel_cm2 = float(np.prod(self._study.stack.spacing_mm[1:])) / 100
        left = (255 - part.confidence).sum(axis=(1, 2), dtype=np.int64)
        self._put(model, part.slices, (left * pixel_cm2 / 255).astype(np.float32))

    def take(self, message: Doubted, model: str | None) -> None:
        """Take up a job's last word on what its model doubts."""
        if message.number == self._awaited:
            self._awaited = None
            self._put(model, message.slices, message.areas_cm2)

    def follow(self, model: ModelFile | None) -> None:
        """Forget the doubts of all models but the present one."""
        if model is None or model.digest != self._of:
            self._uncertainty = None

    def _areas(self) -> NDArray[np.float32]:
        if self._uncertainty is None:
            self._uncertainty = np.full(self._study.stack.image.shape[:2], np.nan, np.float32)
        return self._uncertainty

    def _put(
        self, model: str | None, slices: tuple[SliceIndex, ...], areas_cm2: NDArray[np.float32]
    ) -> None:
        self._of = model
        self._areas()[tuple(np.array(slices).T)] = areas_cm2
        self._signals.send(self._signals.uncertainty_changed)
