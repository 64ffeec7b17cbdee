"""The part of a session that measures the heart as it is labelled now, and knows ED and ES.

It knows what else numbers depend on, too: where papillary muscles are counted, where the RV meets
the LV, and whose heart it is. What is said of a stack is kept with the project until it is said
otherwise; it is no step to undo.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import InsertionPoints, Measured, Measures, Papillary, Phases
from napari_cardiac_ssl.measures.person import Person
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.project.project import Kind
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex


class Measurement:
    """Areas, volumes, wall and phases of the open stack's labels."""

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
                annotations.labels,
                stack.affine,
                orientation_known=stack.orientation_known,
                image=stack.image,
                papillary=self.papillary,
                insertion=self.insertion,
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

    @property
    def papillary(self) -> Papillary:
        """Where papillary muscles and trabeculae of the open stack are counted."""
        said = self._project().state("papillary", self._study.stack.digest) or {}
        return Papillary.MASS if said.get("counted") == Papillary.MASS else Papillary.CAVITY

    def count_papillary(self, papillary: Papillary) -> None:
        """Count papillary muscles and trabeculae in the cavity, or as myocardium.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._keep("papillary", {"counted": papillary.value})
        if self._measured is not None:
            self._measured.count_papillary(papillary)
        self._signals.send(self._signals.measuring_changed)

    @property
    def insertion(self) -> InsertionPoints | None:
        """The RV's insertion points, if somebody has set them."""
        points = self._project().state("insertion", self._study.stack.digest)
        return InsertionPoints.of(points) if points else None

    def set_insertion(self, insertion: InsertionPoints | None) -> None:
        """Turn the wall's segments by the RV's insertion points; with None the labels tell them.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._keep("insertion", insertion.points() if insertion else None)
        if self._measured is not None:
            self._measured.walls.set_insertion(insertion)
        self._signals.send(self._signals.measuring_changed)

    @property
    def person(self) -> Person:
        """Whose heart the open stack shows, as far as somebody has said."""
        said = self._project().state("person", self._study.stack.digest)
        return Person.of(said) if said else Person()

    def set_person(self, person: Person) -> None:
        """Say whose heart it is: for indexed values and reference ranges.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._keep("person", person.said() or None)
        self._signals.send(self._signals.measuring_changed)

    def measures(self, *, wall: bool = False) -> Measures:
        """Return the heart's numbers, with all that is said of the open stack."""
        person = self.person
        return self.measured.measures(
            phases=self.phases,
            state_of=self._history.annotations.state,
            wall=wall,
            body_surface_m2=person.body_surface_m2,
            sex=person.sex,
        )

    def _keep(self, kind: Kind, value: Mapping[str, object] | None) -> None:
        self._project().set_state(kind, self._study.stack.digest, value)

    def reset(self) -> None:
        """Forget what was measured: another stack is open."""
        self._measured = self._versions = None
