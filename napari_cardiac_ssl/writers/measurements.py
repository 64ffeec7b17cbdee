"""Measurements out: hearts in rows, their volumes over time, their areas slice by slice."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import AnatomyWarning, Measured, Measures
from napari_cardiac_ssl.measures.measured import StateOf
from napari_cardiac_ssl.review import NOT_KNOWN, Review
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.writers.tables import write_csv, write_json
from napari_cardiac_ssl.writers.work import Choice, Work, Writer, of_short_axis

Row = dict[str, object]


@dataclass(frozen=True)
class Measurement:
    """One heart, as it stands in a table.

    Parameters
    ----------
    file
        The mask's or the stack's name.
    heart
        Its numbers.
    doubts
        What is to be looked at again, each with the name of the file that it is about.
    more
        Further columns, or others' values.
    review
        What of the contours a person has confirmed, where that is known.

    Examples
    --------
    In a window: ``Measurement(stack.name, measured.measures(...), doubts)``.

    >>> row = Measurement("p1", Measures(lv_edv_ml=150, lv_esv_ml=60)).row()
    >>> list(row)[:4], row["lv_ef_percent"], row["method"]
    (['file', 'ed_frame', 'es_frame', 'lv_edv_ml'], 60.0, 'discs')
    """

    file: str
    heart: Measures
    doubts: Sequence[tuple[str, AnatomyWarning]] = ()
    more: Mapping[str, object] = field(default_factory=dict)
    review: Review | None = None

    def row(self) -> Row:
        """Return column to value, without the doubts."""
        told = {"review": NOT_KNOWN, "model": ""}
        if self.review:
            told = {"review": self.review.word, "model": self.review.model}
        return {"file": self.file, **self.heart.row(), "method": "discs", **told, **self.more}

    @property
    def remark(self) -> str:
        """What the numbers are not, in few words: reviewed, of a whole heart."""
        review = self.heart.review() if self.heart.ed else ""
        if not review and self.review and self.review.confirmed < self.review.contoured:
            review = self.review.word
        return "; ".join(filter(None, (review, self.heart.part())))

    def cells(self) -> Row:
        """Return the row of a flat table: doubts as their number and in words."""
        said = "; ".join(f"{file}: {doubt}" for file, doubt in self.doubts)
        return self.row() | {"warnings": len(self.doubts), "look_again": said}

    def for_json(self) -> Row:
        """Return the row for programs: doubts as objects."""
        doubts = [{"file": file, **asdict(doubt)} for file, doubt in self.doubts]
        return self.row() | {"warnings": doubts}


def write_measurements(path: str | Path, measurements: Sequence[Measurement]) -> Path:
    """Write hearts as a table, one row each: CSV, or JSON where the name ends in ``.json``.

    Parameters
    ----------
    path
        The file to be, ``.csv`` or ``.json``.
    measurements
        At least one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there are none, the name ends otherwise, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        return write_json(path, [one.for_json() for one in measurements])
    if path.suffix.lower() != ".csv":
        raise InputError(f"cannot write {path}: name a table that ends in .csv or .json")
    return write_csv(path, [one.cells() for one in measurements])


def frame_rows(file: str, measured: Measured, frame_interval_s: float | None = None) -> list[Row]:
    """Return volumes over time, one row for each frame.

    Examples
    --------
    >>> labels = np.ones((1, 2, 5, 5), np.uint8)
    >>> [row] = frame_rows("p1", Measured(labels, np.diag([2.0, 2, 10, 1])), 0.03)
    >>> row["frame"], row["time_ms"], round(row["lv_cavity_ml"], 6), row["myocardium_ml"]
    (0, 0.0, 2.0, nan)
    """
    structures = _structures(measured)
    return [
        {
            "file": file,
            "frame": t,
            "time_ms": None if frame_interval_s is None else round(1000 * frame_interval_s * t, 6),
            **{f"{column_of(s)}_ml": measured.counted_ml(s, t) for s in structures},
            "papillary": str(measured.papillary),
        }
        for t in range(len(measured.areas_mm2(structures[0])))
    ]


def slice_rows(file: str, measured: Measured, state_of: StateOf | None = None) -> list[Row]:
    """Return areas, one row for each slice of each frame, with its state where it is known."""
    structures = _structures(measured)
    frames, slices = measured.areas_mm2(structures[0]).shape
    return [
        {
            "file": file,
            "frame": t,
            "slice": z,
            **({} if state_of is None else {"state": str(state_of(SliceIndex(t, z)) or "")}),
            **{f"{column_of(s)}_mm2": float(of_frame[z]) for s, of_frame in areas.items()},
            "papillary": str(measured.papillary),
        }
        for t in range(frames)
        for areas in [{s: measured.counted_mm2(s, t) for s in structures}]
        for z in range(slices)
    ]


def column_of(structure: Structure) -> str:
    """Return how a structure is called in columns.

    Examples
    --------
    >>> column_of(Structure.LEFT_ATRIUM)
    'left_atrium'
    """
    return str(structure).lower().replace(" ", "_")


def _structures(measured: Measured) -> list[Structure]:
    """Return the structures of the short axis, and others where a mask has them."""
    return [s for s in UKBB.structures if UKBB.code(s) <= 3 or np.any(measured.areas_mm2(s) > 0)]


def _write_of(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    """Write the heart's numbers, and beside them those of frames and of slices."""
    work.check_short_axis("measured")
    stack, measured, state_of = work.stack, work.measured, work.annotations.state
    if work.phases.ed is None:
        raise InputError(f"{stack.name}: nothing to measure yet; label a cavity first")
    heart = work.measures(wall=True)
    name = path.name.removesuffix(WRITER.ending)  # tables of two patients can be put together
    doubts = [(name, doubt) for doubt in measured.warnings(phases=work.phases)]
    of_frames = frame_rows(name, measured, stack.frame_interval_s)
    of_slices = slice_rows(name, measured, state_of)
    return (
        write_measurements(path, [Measurement(name, heart, doubts, review=work.review)]),
        write_csv(path.with_name(f"{path.stem}_frames.csv"), of_frames),
        write_csv(path.with_name(f"{path.stem}_slices.csv"), of_slices),
    )


WRITER = Writer(
    "numbers",
    "Measurements",
    "Volumes, EF, mass and wall thickness as a table (CSV), and tables of frames and slices.",
    "_measurements.csv",
    _write_of,
    offered=of_short_axis,
    usual=True,
)
