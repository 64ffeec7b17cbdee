"""The part of a session that measures the heart as it is labelled now, and knows ED and ES.

It knows what else numbers depend on, too: where papillary muscles are counted, where the RV meets
the LV, and whose heart it is.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.annotations import Annotations
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import InsertionPoints, Measured, Measures, Papillary, Phases
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.project import Kind, Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import SliceIndex, Stack


class Conventions(NamedTuple):
    """What numbers depend on beside labels, as somebody has said it of a stack.

    Parameters
    ----------
    papillary
        Where papillary muscles and trabeculae are counted.
    insertion
        The RV's insertion points; None where the labels tell them.
    person
        Whose heart it is; what the stack's files say where nobody has said otherwise.
    """

    papillary: Papillary = Papillary.CAVITY
    insertion: InsertionPoints | None = None
    person: Person = Person()


class Measurement:
    """Areas, volumes, wall and phases of the open stack's labels."""

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        history: History,
    ) -> None:
        self._project, self._study, self._history = project, study, history
        self._measured: Measured | None = None
        self._versions: NDArray[np.int64] | None = None  # of the labels that were measured
        self._by = Conventions()  # it was measured
        self._phases: tuple[tuple[object, ...], Phases] | None = None  # what they rest on, and they

    @property
    def measured(self) -> Measured:
        """Areas and volumes of the labels as they are now."""
        stack, annotations = self._study.stack, self._history.annotations
        if self._measured is None or self._versions is None:
            self._by = self.conventions
            self._measured = measured_of(stack, annotations, self._by)
        else:
            changed = np.argwhere(self._versions != annotations.versions)
            if len(changed):
                self._measured.update(*(SliceIndex(int(t), int(z)) for t, z in changed))
            self._follow_conventions(self._measured)
        self._versions = annotations.versions.copy()
        return self._measured

    def _follow_conventions(self, measured: Measured) -> None:
        before, self._by = self._by, self.conventions
        if self._by.papillary is not before.papillary:
            measured.count_papillary(self._by.papillary)
        if _points(self._by) != _points(before):
            measured.walls.set_insertion(self._by.insertion)

    @property
    def phases(self) -> Phases:
        """ED and ES: as `set_phases` says, else detected from the LV's volume over time."""
        project, stack, annotations = self._project(), self._study.stack, self._history.annotations
        said = project.state("phases", stack.digest)
        rest_on = (annotations, annotations.changes, said, self.papillary)
        if self._phases is None or self._phases[0] != rest_on:  # asked for many times a stroke
            self._phases = rest_on, phases_of(project, stack, self.measured, annotations)
        return self._phases[1]

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

    @property
    def conventions(self) -> Conventions:
        """What the open stack's numbers depend on beside its labels."""
        return conventions_of(self._project(), self._study.stack)

    @property
    def papillary(self) -> Papillary:
        """Where papillary muscles and trabeculae of the open stack are counted."""
        return self.conventions.papillary

    @property
    def insertion(self) -> InsertionPoints | None:
        """The RV's insertion points, if somebody has set them."""
        return self.conventions.insertion

    @property
    def person(self) -> Person:
        """Whose heart the open stack shows, as far as somebody or the stack's files have said."""
        return self.conventions.person

    def count_papillary(self, papillary: Papillary) -> None:
        """Count papillary muscles and trabeculae in the cavity, or as myocardium.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._say("papillary muscles", "papillary", {"counted": papillary.value})

    def set_insertion(self, insertion: InsertionPoints | None) -> None:
        """Turn the wall's segments by the RV's insertion points; with None the labels tell them.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        points = insertion.points() if insertion else None
        self._say("RV insertion points", "insertion", points)

    def set_person(self, person: Person) -> None:
        """Say whose heart it is: for indexed values and reference ranges.

        It takes the place of what the stack's files say.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        said = None if person == self._study.stack.person else person.said()
        self._say("height, weight and sex", "person", said)

    def _say(self, what: str, kind: Kind, value: Mapping[str, object] | None) -> None:
        self._history.set_state(what, kind, self._study.stack.digest, value)

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

    def reset(self) -> None:
        """Forget what was measured: another stack is open."""
        self._measured = self._versions = self._phases = None


def conventions_of(project: Project, stack: Stack) -> Conventions:
    """Return what a project knows of how a stack is measured."""
    counted = (project.state("papillary", stack.digest) or {}).get("counted")
    points, person = (project.state(kind, stack.digest) for kind in ("insertion", "person"))
    return Conventions(
        Papillary.MASS if counted == Papillary.MASS else Papillary.CAVITY,
        InsertionPoints.of(points) if points else None,
        Person.of(person) if person else stack.person,
    )


def _points(conventions: Conventions) -> object:
    return conventions.insertion.points() if conventions.insertion else None


def measured_of(stack: Stack, annotations: Annotations, conventions: Conventions) -> Measured:
    """Return areas, volumes and wall of a stack's labels."""
    return Measured(
        annotations.labels,
        stack.affine,
        orientation_known=stack.orientation_known,
        image=stack.image,
        papillary=conventions.papillary,
        insertion=conventions.insertion,
    )


def phases_of(
    project: Project, stack: Stack, measured: Measured, annotations: Annotations
) -> Phases:
    """Return ED and ES of a stack: as was said, else detected from its volumes."""
    if chosen := project.state("phases", stack.digest):
        return Phases(chosen["ed"], chosen["es"])
    return measured.phases(annotations.state)
