"""The rows that measure writes: of a mask, of a pair, of two views. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_cardiac_ssl.anatomy import LabelScheme, Structure, View
from napari_cardiac_ssl.cli.console import Column, count, note, number_or_dash, say, say_table, warn
from napari_cardiac_ssl.cli.images import one_grid
from napari_cardiac_ssl.cli.studies import say_scheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import (
    AnatomyWarning,
    Check,
    InsertionPoints,
    Measured,
    Papillary,
    Phases,
)
from napari_cardiac_ssl.measures.limits import long_axis_warnings, number_warnings
from napari_cardiac_ssl.measures.long_axis import area_length_ml, lv_length_mm, view_areas_mm2
from napari_cardiac_ssl.measures.summary import Basis, Measures
from napari_cardiac_ssl.measures.table import MEASURES
from napari_cardiac_ssl.measures.volumes import told_phases
from napari_cardiac_ssl.readers.nifti import Mask, name_of, read_mask, view_of_name
from napari_cardiac_ssl.review import in_time
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.measurements import (
    Measurement,
    column_of,
    frame_rows,
    slice_rows,
)
from napari_cardiac_ssl.writers.tables import write_csv

if TYPE_CHECKING:
    from napari_cardiac_ssl.cli.commands.measure import Options

#: Of frames that are labelled in part, so many are said in full.
_PARTIAL_SAID = 3


class Found(NamedTuple):
    """One row, and what volumes over time and areas are taken from, if there are any."""

    one: Measurement
    measured: Measured | None = None
    frame_interval_s: float | None = None


def not_measured(file: str, why: str) -> Found:
    """Return the row of a mask that cannot be measured: its reason, and no number."""
    return Found(Measurement(file, Measures(), more={"method": "", "error": why}))


def write_details(options: Options, found: Sequence[Found]) -> None:
    """Write volumes over time and areas slice by slice, if they are asked for."""
    stacks = [
        (part.one.file, part.measured, part.frame_interval_s) for part in found if part.measured
    ]
    if options.curve:
        write_csv(options.curve, [row for stack in stacks for row in frame_rows(*stack)])
    if options.areas:
        write_csv(options.areas, [row for stack in stacks for row in slice_rows(*stack[:2])])


def say_doubts(
    doubts: Sequence[tuple[str, AnatomyWarning]], frames: set[object], listed_by: str
) -> None:
    """Warn of what is doubtful at ED and ES, and of how much there is elsewhere.

    Frames that are labelled in part are said wherever they are: they were not taken for ED or ES.
    What lists all of them is said as well.
    """
    shown = [(file, doubt) for file, doubt in doubts if doubt.t in frames]
    partial = [pair for pair in doubts if pair[1].check is Check.PARTIAL and pair not in shown]
    for file, doubt in [*partial[:_PARTIAL_SAID], *shown]:
        warn(f"{file}: {doubt}")
    if len(partial) > _PARTIAL_SAID:
        others = ", ".join(str(doubt.t) for _, doubt in partial[_PARTIAL_SAID:])
        warn(f"{doubts[0][0]}: partly labelled too: frames {others}")
    shown += partial
    more = len(doubts) - len(shown)
    if more:
        warn(f"{doubts[0][0]}: {count(more, 'doubt')} more in other frames; {listed_by} lists them")


def check_pairs(one: str, first: Sequence[Path], other: str, second: Sequence[Path]) -> None:
    """Refuse lists that are not of the same length."""
    if len(first) != len(second):
        raise InputError(
            f"{count(len(first), 'mask')} after {one} but {len(second)} after {other}; give them "
            "in pairs, in the same order"
        )


def of_mask(
    mask: Mask,
    options: Options,
    surface_m2: float,
    image: Stack | None = None,
    insertion: InsertionPoints | None = None,
) -> Found:
    """Return one mask's row."""
    view = view_of_name(mask.name)
    if view is not View.SAX:
        return _of_view(mask, view, options, surface_m2)
    if mask.labels.shape[1] == 1:
        warn(f"{mask.source}: one slice, so its volumes are those of a slice and not of a heart")
    papillary = Papillary(options.papillary)
    measured = Measured(
        mask.labels,
        mask.affine,
        orientation_known=mask.orientation_known,
        image=image.image if image and papillary is Papillary.MASS else None,
        papillary=papillary,
        insertion=insertion,
    )
    phases = phases_of(mask, measured, options.ed_frame, options.es_frame)
    say_scheme(mask)
    state_of = mask.review.state if mask.review else None
    heart = measured.measures(
        phases=phases, state_of=state_of, wall=True, body_surface_m2=surface_m2
    )
    doubts = measured.warnings(*_labelled_frames(mask), phases=phases)
    name = mask.source.name
    said = [(name, doubt) for doubt in doubts]
    row = Measurement(name, heart, said, apart_ml(mask, phases), mask.review)
    return Found(row, measured, mask.frame_interval_s)


def apart_ml(mask: Mask, phases: Phases) -> dict[str, object]:
    """Return volumes at ED and ES of what is none of our structures: a column each."""
    voxel_ml = abs(float(np.linalg.det(mask.affine[:3, :3]))) / 1000
    return {
        f"{name}_{phase}_ml": float(where[frame].sum() * voxel_ml)
        for name, where in mask.apart.items()
        for phase, frame in (("ed", phases.ed), ("es", phases.es))
        if frame is not None
    }


def phases_of(mask: Mask, measured: Measured, ed: int | None, es: int | None) -> Phases:
    """Return the frames that were named, and for those that were not what the LV's curve tells."""
    told = measured.phases()
    if told.ed is None:
        raise InputError(
            f"{mask.source}: neither an LV nor an RV cavity in any frame; name a mask that has one "
            "(with its --scheme)"
        )
    ed = told.ed if ed is None else _frame_of(mask, ed)
    es = told.es if es is None else _frame_of(mask, es)
    return Phases(ed, es if es != ed else None)


def _frame_of(mask: Mask, frame: int) -> int:
    if frame >= len(mask.labels):
        raise InputError(
            f"no frame {frame}: {mask.source} has {count(len(mask.labels), 'frame')}, counted "
            "from 0"
        )
    if not mask.labels[frame].any():
        raise InputError(f"frame {frame} of {mask.source} has no label; name one that has some")
    return frame


def _labelled_frames(mask: Mask) -> list[int]:
    return np.flatnonzero(mask.labels.any(axis=(1, 2, 3))).tolist()


def of_pair(
    ed_path: Path,
    es_path: Path,
    scheme: LabelScheme | None,
    surface_m2: float,
    images: Sequence[Stack | None] = (None, None),
    *,
    insertion: InsertionPoints | None = None,
) -> Found:
    """Return the row of an ED mask and an ES mask of one heart.

    With their images, papillary muscles and trabeculae are counted as mass.
    """
    _warn_of_exchanged(ed_path, es_path)
    named = [image for image in images if image is not None]
    ed = read_mask(ed_path, scheme=scheme, like=images[0])
    _check_one_frame(ed)
    es = read_mask(es_path, scheme=scheme, like=ed.grid)
    say_scheme(ed)
    say_scheme(es)
    labels = np.concatenate([ed.labels, es.labels])
    measured = Measured(
        labels,
        ed.affine,
        orientation_known=ed.orientation_known,
        image=one_grid(named).image if named else None,
        papillary=Papillary.MASS if named else Papillary.CAVITY,
        insertion=insertion,
    )
    review = in_time([(mask.review, mask.labels.shape[:2]) for mask in (ed, es)])
    state_of = review.state if review else None
    heart = measured.measures(
        phases=(0, 1), state_of=state_of, wall=True, body_surface_m2=surface_m2
    )
    names = (ed_path.name, es_path.name)
    doubts = [(names[doubt.t], replace(doubt, t=0)) for doubt in measured.warnings(phases=(0, 1))]
    more = {"es_frame": 0, "es_file": es_path.name}
    return Found(Measurement(ed_path.name, heart, doubts, more, review))


def _check_one_frame(mask: Mask) -> None:
    """Refuse what is no short-axis mask of one frame."""
    if len(mask.labels) != 1:
        raise InputError(
            f"{mask.source} has {len(mask.labels)} frames, a pair's masks have one each; name it "
            "alone, with --ed-frame and --es-frame if need be"
        )
    view = view_of_name(mask.name)
    if view is not View.SAX:
        raise InputError(
            f"{mask.source}: its name says {view}, and --ed and --es are short-axis stacks; name "
            "it alone for its areas, or --2ch and --4ch for volumes"
        )
    if mask.labels.shape[1] == 1:
        warn(f"{mask.source}: one slice, so its volumes are those of a slice and not of a heart")


def _warn_of_exchanged(ed: Path, es: Path) -> None:
    """Warn if the names say that ED and ES are exchanged."""
    words = [set(re.split("[^a-z]+", name_of(path).lower())) & {"ed", "es"} for path in (ed, es)]
    if words == [{"es"}, {"ed"}]:
        warn(
            f"{ed.name} is given as ED and {es.name} as ES, and their names say the opposite: are "
            "they exchanged?"
        )


def _of_view(mask: Mask, view: View, options: Options, surface_m2: float) -> Found:
    """Return the row of a long-axis view: areas, but no volume."""
    if mask.labels.shape[1] != 1:
        raise InputError(
            f"{mask.source} has {mask.labels.shape[1]} slices; its name says {view}, and a "
            "long-axis view has one: call a short-axis stack sax"
        )
    areas = np.array(
        [view_areas_mm2(frame[0], mask.affine).get(Structure.LV_CAVITY, 0) for frame in mask.labels]
    )
    told = told_phases(areas)
    ed = told.ed if options.ed_frame is None else _frame_of(mask, options.ed_frame)
    es = told.es if options.es_frame is None else _frame_of(mask, options.es_frame)
    say_scheme(mask)
    more: dict[str, object] = {"ed_frame": ed, "es_frame": es, "method": f"areas in {view}"}
    name, doubts = mask.source.name, list[tuple[str, AnatomyWarning]]()
    for phase, frame in (("ed", ed), ("es", es)):
        if frame is not None:
            found = view_areas_mm2(mask.labels[frame, 0], mask.affine)
            length = lv_length_mm(mask.labels[frame, 0], mask.affine)
            more |= {f"{column_of(s)}_{phase}_area_mm2": area for s, area in found.items()}
            more[f"lv_{phase}_length_mm"] = length
            area = found.get(Structure.LV_CAVITY, 0.0)
            doubts += [(name, doubt) for doubt in long_axis_warnings(frame, area, length)]
    heart = Measures(body_surface_m2=surface_m2)
    return Found(Measurement(name, heart, doubts, more, mask.review))


def of_views(
    path_2ch: Path, path_4ch: Path, scheme: LabelScheme | None, surface_m2: float
) -> Found:
    """Return the row of a 2CH and a 4CH mask: the LV's volume by area-length."""
    views = [read_mask(path, scheme=scheme) for path in (path_2ch, path_4ch)]
    for mask, view in zip(views, (View.LAX_2CH, View.LAX_4CH), strict=True):
        if mask.labels.shape[1] != 1:
            raise InputError(
                f"{mask.source} has {mask.labels.shape[1]} slices; a long-axis view has one"
            )
        if (named := view_of_name(mask.name, view)) is not view:
            raise InputError(f"{mask.source} is given as {view}, but its name says {named}")
    frames = [len(mask.labels) for mask in views]
    if frames[0] != frames[1]:
        raise InputError(
            f"{path_2ch} has {count(frames[0], 'frame')}, {path_4ch} {frames[1]}; name masks of "
            "the same heartbeats"
        )
    volumes = np.full(frames[0], nan)
    for t in range(frames[0]):
        areas = [
            view_areas_mm2(m.labels[t, 0], m.affine).get(Structure.LV_CAVITY, 0) for m in views
        ]
        if all(areas):
            lengths = [lv_length_mm(m.labels[t, 0], m.affine) for m in views]
            volumes[t] = area_length_ml(areas[0], areas[1], lengths[0], lengths[1])
    ed, es = told_phases(volumes)
    if ed is None:
        raise InputError(f"no frame of {path_2ch} and {path_4ch} has an LV cavity in both")
    for mask in views:
        say_scheme(mask)
    heart = Measures(
        lv_edv_ml=float(volumes[ed]),
        lv_esv_ml=nan if es is None else float(volumes[es]),
        body_surface_m2=surface_m2,
    )
    more = {
        "ed_frame": ed,
        "es_frame": es,
        "method": "area-length of 2CH and 4CH",
        "file_4ch": path_4ch.name,
    }
    bases = Basis(ed, ()), None if es is None else Basis(es, ())
    doubts = number_warnings(replace(heart, ed=bases[0], es=bases[1]))
    name = path_2ch.name
    review = in_time([(mask.review, mask.labels.shape[:2]) for mask in views])
    return Found(Measurement(name, heart, [(name, doubt) for doubt in doubts], more, review))


#: What is shown to people; the rest is in --csv and --json.
_SHOWN = [measure for measure in MEASURES if measure.head]


def say_rows(found: Sequence[Measurement]) -> None:
    """Print a table for people; behind each row what its numbers are not."""
    rows = [one.row() for one in found]
    say_table(
        [
            Column("file", right=False),
            Column("ED", 3),
            Column("ES", 3),
            *(Column(measure.head, 7) for measure in _SHOWN),
        ],
        [
            [
                str(row["file"]),
                *("-" if row[key] is None else str(row[key]) for key in ("ed_frame", "es_frame")),
                *(number_or_dash(row.get(measure.column), 1) for measure in _SHOWN),
            ]
            for row in rows
        ],
        ["not measured" if "error" in one.more else one.remark for one in found],
    )
    if any(one.heart.papillary is Papillary.MASS for one in found):
        note(Papillary.MASS.words)
    for one, row in zip(found, rows, strict=True):
        if "error" in one.more:
            continue
        if one.review and one.review.confirmed < one.review.contoured:
            note(f"{one.file}: {one.review}")
        areas = [key for key in row if key.endswith(("_area_mm2", "_length_mm"))]
        if areas:
            said = ", ".join(f"{key.replace('_', ' ')} {row[key]:.0f}" for key in areas)
            say(f"{row['file']}, {row['method']}: {said}")
