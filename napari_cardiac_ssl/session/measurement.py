"""The part of a session that measures the heart as it is labelled now, and knows ED and ES."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import Annotations
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured, Phases
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import SliceIndex, Stack


class Measurement:
    """Areas, volumes and phases of the open stack's labels."""

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        history: History,
    ) -> None:
        self._project, self._study, self._history = project, study, history
        self._measured: Measured | None = None
        self._versions: NDArray[np.int64] | None = None  # of the labels that were measured

    @property
    def measured(self) -> Measured:
        """Areas and volumes of the labels as they are now."""
        stack, annotations = self._study.stack, self._history.annotations
        if self._measured is None or self._versions is None:
            self._measured = measured_of(stack, annotations)
        else:
            changed = np.argwhere(self._versions != annotations.versions)
            if len(changed):
                self._measured.update(*(SliceIndex(int(t), int(z)) for t, z in changed))
        self._versions = annotations.versions.copy()
        return self._measured

    @property
    def phases(self) -> Phases:
        """ED and ES: as `set_phases` says, else detected from the LV's volume over time."""
        return phases_of(
            self._project(), self._study.stack, self.measured, self._history.annotations
        )

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
        self._history.set_state("ED and ES", "phases", stack.digest, chosen)

    def reset(self) -> None:
        """Forget what was measured: another stack is open."""
        self._measured = self._versions = None


def measured_of(stack: Stack, annotations: Annotations) -> Measured:
    """Return areas and volumes of a stack's labels."""
    return Measured(annotations.labels, stack.affine, orientation_known=stack.orientation_known)


def phases_of(
    project: Project, stack: Stack, measured: Measured, annotations: Annotations
) -> Phases:
    """Return ED and ES of a stack: as was said, else detected from its volumes."""
    if chosen := project.state("phases", stack.digest):
        return Phases(chosen["ed"], chosen["es"])
    return measured.phases(annotations.state)
