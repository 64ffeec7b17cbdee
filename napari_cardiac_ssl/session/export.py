"""The part of a session that leaves as files: masks, measurements, provenance, report, model."""

from collections.abc import Collection
from pathlib import Path

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.measurement import Measurement
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.validation import Validation
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.tables import write_csv
from napari_cardiac_ssl.writers.work import Choice, Work


class Export:
    """The work on the open stack as files, each of them whole or absent."""

    def __init__(
        self,
        study: OpenStudy,
        history: History,
        measurement: Measurement,
        models: Models,
        validation: Validation,
    ) -> None:
        self._study, self._history, self._measurement = study, history, measurement
        self._models, self._validation = models, validation

    def work(self, study: str = "", notes: Collection[str] = ()) -> Work:
        """Return what there is to write of the open stack, as it is now.

        Parameters
        ----------
        study
            What users call the examination.
        notes
            What the reader of the study should know, a line each.
        """
        person = self._measurement.person
        return Work(
            self._study.stack,
            self._history.annotations,
            self._measurement.measured,
            self._measurement.phases,
            study,
            tuple(notes),
            self._study.landmarks,
            self._models.present,
            person.body_surface_m2,
            person.sex,
            self._measurement.insertion,
            [
                {
                    "t": one.index.t,
                    "z": one.index.z,
                    "model": one.model,
                    "when": one.when,
                    "dice": {str(structure): dice for structure, dice in one.dice.items()},
                }
                for one in self._validation.scores
                if one.stack == self._study.stack.digest
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

    def report(self, path: Path, study: str, notes: Collection[str] = ()) -> Path:
        """Write one page that can be read in a browser and printed: contours, curve, table.

        Parameters
        ----------
        path
            The file to be, ``.html``.
        study, notes
            As of `work`.

        Raises
        ------
        InputError
            If the stack is no short axis, no cavity is labelled, or it cannot be written.
        """
        [file] = WRITERS["report"].write(Path(path), self.work(study, notes), Choice())
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
