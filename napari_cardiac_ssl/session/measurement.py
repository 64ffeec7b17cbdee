"""The part of a session that measures the heart as it is labelled now, and knows ED and ES."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured, Phases
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex


class Measurement:
    """Areas, volumes and phases of the open stack's labels."""

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        history: History,
        signals: Signals,
    ) -> None:
        self._project, self._study, self._history = project, study, history
        self._signals = signals
        self._measured: Measured | None = None
        self._versions: NDArray[np.int64] | None = None  # of the labels that were measured

    @property
    def measured(self) -> Measured:
        """Areas and volumes of the labels as they are now."""
        stack, annotations = self._study.stack, self._history.annotations
        if self._measured is None or self._versions is None:
            self._measured = Measured(
                annotations.labels, stack.affine, orientation_known=stack.orientation_known
            )
        else:
            changed = np.argwhere(self._versions != annotations.versions)
            if len(changed):
                self._measured.update(*(SliceIndex(int(t), int(z)) for t, z in changed))
        self._versions = annotations.versions.copy()
        return self._measured

    @property
    def phases(self) -> Phases:
        """ED and ES: as `set_phases` says, else detected from the LV's volume over time."""
        if chosen := self._project().state("phases", self._study.stack.digest):
            return Phases(chosen["ed"], chosen["es"])
        return self.measured.phases(self._history.annotations.state)

    def set_phases(self, ed: int | None, es: int | None) -> None:
        """Say which frames are ED and ES; with two None they are detected from the volumes again.

        Raises
        ------
        InputError
            If there is no such frame, or the project is open to read only.
        """
        stack = self._study.stack
        for frame in (ed, es):
            if frame is not None and not 0 <= frame < stack.frames:
                raise InputError(f"no frame {frame}: there are 0 to {stack.frames - 1}")
        chosen = None if ed is es is None else {"ed": ed, "es": es}
        self._project().set_state("phases", stack.digest, chosen)
        self._signals.send(self._signals.phases_changed)

    def reset(self) -> None:
        """Forget what was measured: another stack is open."""
        self._measured = self._versions = None
