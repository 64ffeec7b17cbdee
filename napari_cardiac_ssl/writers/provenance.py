"""Provenance out: who drew what, when and from which model."""

from dataclasses import asdict
from pathlib import Path

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.writers.tables import write_json
from napari_cardiac_ssl.writers.work import Choice, Work, Writer


def write_provenance(path: Path, work: Work) -> Path:
    """Write who drew what, when and from which model, slice by slice, as JSON.

    Slices that nobody and nothing has touched are left out.
    """
    stack, annotations = work.stack, work.annotations
    touched = [s for s in stack.slice_indices() if annotations.record(s).when]
    return write_json(
        path,
        {
            "software": f"napari-cardiac-ssl {__version__}",
            "image": {"name": stack.name, "view": str(stack.view), "sha256": stack.digest},
            "phases": work.phases._asdict() if stack.view is View.SAX else None,
            "papillary": str(work.measured.papillary) if stack.view is View.SAX else None,
            "insertion_points": work.insertion.points() if work.insertion else None,
            "landmarks": work.landmarks.points() if work.landmarks else None,
            "present_model": work.model.digest if work.model else None,
            "slices": [{"t": s.t, "z": s.z, **asdict(annotations.record(s))} for s in touched],
            "validation": work.validation,
        },
    )


def _write(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    return (write_provenance(path, work),)


WRITER = Writer(
    "provenance",
    "Provenance",
    "Who drew which slice, when, and from which model's prediction (JSON).",
    "_provenance.json",
    _write,
)
