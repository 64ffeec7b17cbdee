"""The part of a session that leaves as files: masks, measurements, provenance, report, model."""

from collections.abc import Collection
from pathlib import Path

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.session.keeping import Keeping
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.work import Choice, Work


class Exporting(Keeping):
    """A session whose work leaves as files, each of them whole or absent."""

    def work(self, study: str = "", notes: Collection[str] = ()) -> Work:
        """Return what there is to write of the open stack, as it is now.

        Parameters
        ----------
        study
            What users call the examination.
        notes
            What the reader of the study should know, a line each.
        """
        return Work(
            self.stack,
            self.annotations,
            self.measured,
            self.phases,
            study,
            tuple(notes),
            self.landmarks,
            self.model,
            [
                {
                    "t": one.index.t,
                    "z": one.index.z,
                    "model": one.model,
                    "when": one.when,
                    "dice": {str(structure): dice for structure, dice in one.dice.items()},
                }
                for one in self.validation
                if one.stack == self.stack.digest
            ],
        )

    def export_mask(
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

    def export_measurements(self, path: Path) -> tuple[Path, ...]:
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

    def export_provenance(self, path: Path) -> Path:
        """Write who drew what, when and from which model, slice by slice, as JSON.

        Slices that nobody and nothing has touched are left out.
        """
        [file] = WRITERS["provenance"].write(Path(path), self.work(), Choice())
        return file

    def export_report(self, path: Path, study: str, notes: Collection[str] = ()) -> Path:
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

    def export_model(self, path: Path) -> Path:
        """Write the present model as a safetensors file."""
        [file] = WRITERS["model"].write(Path(path), self.work(), Choice())
        return file
