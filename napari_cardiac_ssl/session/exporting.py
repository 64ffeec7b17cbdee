"""The part of a session that leaves as files: masks, measurements, provenance, report, model."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import UKBB, LabelScheme, View
from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.session.keeping import Keeping
from napari_cardiac_ssl.writers.masks import write_mask
from napari_cardiac_ssl.writers.measurements import (
    Measurement,
    frame_rows,
    slice_rows,
    write_measurements,
)
from napari_cardiac_ssl.writers.report import Source, report_of, write_report
from napari_cardiac_ssl.writers.tables import write_csv, write_json


class Exporting(Keeping):
    """A session whose work leaves as files, each of them whole or absent."""

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
        return write_mask(path, self._labels_of(frames), like=self.stack, scheme=scheme)

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
        self._refuse_other_views("measured")
        path, stack, measured = Path(path), self.stack, self.measured
        phases, state_of = self.phases, self.annotations.state
        if phases.ed is None:
            raise InputError(f"{stack.name}: nothing to measure yet; label a cavity first")
        heart = measured.measures(phases=phases, state_of=state_of, wall=True)
        doubts = [(stack.name, doubt) for doubt in measured.warnings(phases=phases)]
        of_frames = frame_rows(stack.name, measured, stack.frame_interval_s)
        return (
            write_measurements(path, [Measurement(stack.name, heart, doubts)]),
            write_csv(path.with_name(f"{path.stem}_frames.csv"), of_frames),
            write_csv(
                path.with_name(f"{path.stem}_slices.csv"),
                slice_rows(stack.name, measured, state_of),
            ),
        )

    def export_provenance(self, path: Path) -> Path:
        """Write who drew what, when and from which model, slice by slice, as JSON.

        Slices that nobody and nothing has touched are left out.
        """
        stack, annotations = self.stack, self.annotations
        touched = [s for s in stack.slice_indices() if annotations.record(s).when]
        return write_json(
            Path(path),
            {
                "software": f"napari-cardiac-ssl {__version__}",
                "image": {"name": stack.name, "view": str(stack.view), "sha256": stack.digest},
                "phases": self.phases._asdict() if stack.view is View.SAX else None,
                "landmarks": self.landmarks.points() if self.landmarks else None,
                "present_model": self.model.digest if self.model else None,
                "slices": [{"t": s.t, "z": s.z, **asdict(annotations.record(s))} for s in touched],
                "validation": [
                    {
                        "t": one.index.t,
                        "z": one.index.z,
                        "model": one.model,
                        "when": one.when,
                        "dice": {str(structure): dice for structure, dice in one.dice.items()},
                    }
                    for one in self.validation
                    if one.stack == stack.digest
                ],
            },
        )

    def export_report(self, path: Path, study: str, notes: Collection[str] = ()) -> Path:
        """Write one page that can be read in a browser and printed: contours, curve, table.

        Parameters
        ----------
        path
            The file to be, ``.html``.
        study
            What the page is headed with.
        notes
            What the reader of the study should know, a line each.

        Raises
        ------
        InputError
            If the stack is no short axis, no cavity is labelled, or it cannot be written.
        """
        self._refuse_other_views("reported")
        stack, states = self.stack, self.annotations
        experts = states.slices(SliceState.EXPERT)
        outside = sum(map(states.is_outside, experts))
        predicted = len(states.slices(SliceState.PREDICTED))
        remark = f"{len(experts) - outside} slices confirmed by an expert, {predicted} predicted"
        if outside:
            remark += f", {outside} marked by an expert as {OUTSIDE}"
        name = stack.path.name if stack.path else stack.name
        report = report_of(
            study,
            stack,
            states.labels,
            scheme=UKBB,
            sources=(Source("image", name, stack.digest, remark),),
            notes=tuple(notes),
            phases=self.phases,
            state_of=states.state,
        )
        return write_report(Path(path), report)

    def export_model(self, path: Path) -> Path:
        """Write the present model as a safetensors file."""
        if self.model is None:
            raise InputError("no model yet; train first")
        with replacing(Path(path)) as beside:
            beside.write_bytes(self.model.data)
        return Path(path)

    def _labels_of(self, frames: Collection[int] | None) -> NDArray[np.uint8]:
        labels = self.annotations.labels
        if frames is None:
            return labels
        for frame in frames:
            if not 0 <= frame < self.stack.frames:
                raise InputError(f"no frame {frame}: there are 0 to {self.stack.frames - 1}")
        chosen = np.zeros_like(labels)
        for frame in frames:
            chosen[frame] = labels[frame]
        return chosen

    def _refuse_other_views(self, what: str) -> None:
        if self.stack.view is not View.SAX:
            raise InputError(
                f"{self.stack.name} is a {self.stack.view} view; only the short axis is {what}"
            )
