"""The part of a session that leaves as files: masks, measurements, provenance, report, model."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme, Structure
from napari_cardiac_ssl.annotations import Annotations
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.readers.landmarks import study_ids
from napari_cardiac_ssl.session.anatomy import Anatomy
from napari_cardiac_ssl.session.history import History, kept_annotations
from napari_cardiac_ssl.session.measurement import (
    Conventions,
    Measurement,
    conventions_of,
    measured_of,
    phases_of,
)
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.validation import Validation, scores_in
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.tables import write_csv
from napari_cardiac_ssl.writers.work import Choice, Work, works_in_time


class Export:
    """The work on a stack as files, each of them whole or absent."""

    def __init__(
        self,
        study: OpenStudy,
        history: History,
        *,
        anatomy: Anatomy,
        measurement: Measurement,
        models: Models,
        validation: Validation,
        project_of: Callable[[Stack], AbstractContextManager[Project | None]],
    ) -> None:
        self._study, self._history, self._anatomy = study, history, anatomy
        self._measurement, self._models, self._validation = measurement, models, validation
        self._project_of = project_of
        self._other: Work | None = None  # the other phase, as it was left

    def work(self, stack: Stack | None = None) -> Work:
        """Return what there is to write of a stack, as it is now: of the open one by default.

        Another one is not opened for it: its labels are those that its project keeps.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        stack = stack or self._study.stack
        with self._project_of(stack) as kept:
            project = kept or Project.in_memory()
            said = conventions_of(project, stack)
            if stack is self._study.stack:
                annotations, measured = self._history.annotations, self._measurement.measured
            else:
                annotations = kept_annotations(project, stack)
                measured = measured_of(stack, annotations, said)
            return self._work(project, stack, annotations, measured, said)

    def both_phases(self) -> Work | None:
        """Return the work on ED and ES as one, where they are two stacks (`OpenStudy.other_phase`).

        The larger LV is ED, and comes first. None where there is one stack, or where the other
        phase shows no LV yet.

        Raises
        ------
        InputError
            If its labels cannot be read.
        """
        other = self._study.other_phase
        if other is None:
            return None
        if self._other is None or self._other.stack is not other:
            self._other = self.work(other)  # which does not change while this one is open
        works = [here := self.work(), self._other]
        volumes = [work.measured.volumes_ml(Structure.LV_CAVITY)[0] for work in works]
        if not np.isfinite(volumes).all():
            return None
        work = works_in_time([works[i] for i in np.argsort(volumes)[::-1]], like=here)
        path, name = here.stack.path, here.study
        if path is not None and name != self._other.study:  # two files, each a study by itself
            name = study_ids(path)[-1]
        return replace(work, study=name, stack=replace(work.stack, name=name))

    def reset(self) -> None:
        """Forget the other phase: another stack is open."""
        self._other = None

    def _work(
        self,
        project: Project,
        stack: Stack,
        annotations: Annotations,
        measured: Measured,
        said: Conventions,
    ) -> Work:
        study = self._study.of(stack)
        own = said.person == stack.person
        return Work(
            stack,
            annotations,
            measured,
            phases_of(project, stack, measured, annotations),
            study.name,
            study.notes,
            self._anatomy.landmarks if study is self._study.current else None,
            self._models.of(stack.view),
            said.person.body_surface_m2,
            said.person.sex,
            Person().completed(stack.person)[1] if own else "",
            said.insertion,
            [
                {
                    "t": one.index.t,
                    "z": one.index.z,
                    "model": one.model,
                    "when": one.when,
                    "dice": {str(structure): dice for structure, dice in one.dice.items()},
                }
                for one in scores_in(project)
                if one.stack == stack.digest
            ],
        )

    def masks(
        self, path: Path, scheme: LabelScheme = UKBB, frames: Collection[int] | None = None
    ) -> Path:
        """Write the labels as seen, on the image's own grid with its own header.

        Parameters
        ----------
        path
            The file to be.
        scheme
            Which integer means which structure.
        frames
            Whose labels to write; the others are empty. All by default.
        """
        [file] = WRITERS["masks"].write(Path(path), self.work(), Choice(scheme, frames))
        return file

    def measurements(self, path: Path) -> tuple[Path, ...]:
        """Write the heart's numbers as a table, and beside it those of frames and of slices.

        Parameters
        ----------
        path
            ``NAME.csv``; ``NAME_frames.csv`` and ``NAME_slices.csv`` stand beside it.

        Raises
        ------
        InputError
            If the stack is no short axis, nothing is labelled, or a file cannot be written.
        """
        return WRITERS["numbers"].write(Path(path), self.work(), Choice())

    def provenance(self, path: Path) -> Path:
        """Write who drew what, when and from which model, slice by slice, as JSON.

        Slices that nobody and nothing has touched are left out.
        """
        [file] = WRITERS["provenance"].write(Path(path), self.work(), Choice())
        return file

    def report(
        self, path: Path, study: str | None = None, notes: Collection[str] | None = None
    ) -> Path:
        """Write one page that can be read in a browser and printed: contours, curve, table.

        Parameters
        ----------
        path
            The file to be, ``.html``.
        study
            What users call the examination; by default as it was opened.
        notes
            What the reader of the page should know, a line each; by default what was remarked when
            the study was read.

        Raises
        ------
        InputError
            If the stack is no short axis, no cavity is labelled, or it cannot be written.
        """
        work = self.work()
        work = replace(
            work,
            study=work.study if study is None else study,
            notes=work.notes if notes is None else tuple(notes),
        )
        [file] = WRITERS["report"].write(Path(path), work, Choice())
        return file

    def model(self, path: Path) -> Path:
        """Write the present model as a safetensors file."""
        [file] = WRITERS["model"].write(Path(path), self.work(), Choice())
        return file

    def validation(self, path: Path) -> Path:
        """Write all scores as a table (CSV): slice, model, Dice per structure, when."""
        rows = [
            {
                "stack": one.stack[:12],
                "t": one.index.t,
                "z": one.index.z,
                "model": one.model[:12],
                **{f"dice_{s.replace(' ', '_')}": value for s, value in one.dice.items()},
                "dice": one.mean,
                "when": one.when,
            }
            for one in self._validation.scores
        ]
        if not rows:
            raise InputError("no model was tested yet; confirm slices that one has predicted")
        return write_csv(path, rows)
