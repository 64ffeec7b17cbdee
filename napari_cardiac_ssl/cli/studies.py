"""Commands about studies and masks: info, synth, evaluate. No torch."""

import argparse
import json
import re
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import (
    SAX_STRUCTURES,
    UKBB,
    LabelScheme,
    Structure,
    View,
    scheme_named,
)
from napari_cardiac_ssl.cli.console import count, note, progress, say, say_json, say_scores, warn
from napari_cardiac_ssl.cli.images import SHORT
from napari_cardiac_ssl.cli.pairing import paired
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, replacing
from napari_cardiac_ssl.geometry.frame import along_patient_axes
from napari_cardiac_ssl.measures import Measured
from napari_cardiac_ssl.metrics import Score, mean_defined, score
from napari_cardiac_ssl.readers.nifti import Mask, read_mask
from napari_cardiac_ssl.readers.studies import masks_in, missing_views, read_study
from napari_cardiac_ssl.study import SliceIndex, Stack, Study
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask
from napari_cardiac_ssl.writers.tables import write_csv


def info(options: argparse.Namespace) -> int:
    """Tell what a study holds."""
    study = read_study(options.study)
    series = [
        {
            **({"uids": stack.series_uids} if stack.series_uids else {"file": str(stack.source)}),
            "name": stack.name,
            "view": str(stack.view),
            "frames": stack.frames,
            "slices": stack.slices,
            "rows": stack.image.shape[2],
            "columns": stack.image.shape[3],
            "spacing_mm": [round(value, 4) for value in stack.spacing_mm],
            "frame_interval_s": stack.frame_interval_s,
            "orientation_known": stack.orientation_known,
            "data_type": str(stack.image.dtype),
            "remarks": _remarks(stack),
        }
        for stack in study.stacks
    ]
    missing = [str(view) for view in missing_views(study)]
    masks = [file.name for file in masks_in(options.study)] if options.study.is_dir() else []
    written = _write_images(study, options.nifti) if options.nifti else []
    if options.json:
        said = {"study": study.name, "series": series, "missing": missing, "notes": study.notes}
        said |= {"masks": masks}
        say_json(said | ({"written": written} if written else {}))
        return 0
    say(f"study {study.name}: {count(len(series), 'series', 'series')}")
    for part in series:
        z, y, x = part["spacing_mm"]
        interval = part["frame_interval_s"]
        timing = f", {1000 * interval:.1f} ms apart" if interval else ""
        uids = part.get("uids", ())
        where = f"from {len(uids)} series" if uids else Path(part["file"]).name
        apart = f"slices {z:.2f} mm apart" if part["slices"] > 1 else f"slice {z:.2f} mm thick"
        say(
            f"  {part['view']:8} {where}: {count(part['slices'], 'slice')} of "
            f"{part['rows']} x {part['columns']}, {count(part['frames'], 'frame')}{timing}; "
            f"pixels {y:.3f} x {x:.3f} mm, {apart}; {part['data_type']}"
        )
        for remark in part["remarks"]:
            say(f"           {remark}")
    for line in study.notes:
        say(f"  note: {line}")
    if masks:
        say(f"  masks, which are no views: {', '.join(masks)}")
    if missing:
        say(f"  missing: {', '.join(missing)} (anatomical positions need SAX, LAX_2CH, LAX_4CH)")
    for file in written:
        say(file)
    return 0


def _write_images(study: Study, folder: Path) -> list[str]:
    """Write every stack as NIfTI where it lies in the patient."""
    written = []
    for stack in study.stacks:
        image = stack.image
        if image.dtype == np.uint16 and image.max() < 2**15:
            image = image.astype(np.int16)
        name = f"{study.name}_{SHORT.get(stack.view, stack.name)}"
        if f"{folder / name}.nii.gz" in written:
            name = f"{study.name}_{stack.name}"
        file = folder / f"{name}.nii.gz"
        written.append(str(write_map(file, image, like=stack, description=str(stack.view))))
    return written


def _remarks(stack: Stack) -> list[str]:
    """Return what is doubtful about a stack, a line each."""
    remarks = []
    if not stack.orientation_known:
        remarks.append(
            "orientation unknown: neither sform nor qform has a code, so left and right, and where "
            "it lies among other views, are not said"
        )
    elif stack.view is View.SAX and along_patient_axes(stack.affine):
        remarks.append(
            "orientation doubtful: its axes are said to be the patient's, which no short axis's "
            "are; left and right are taken to be as usual on a screen, seen from the apex"
        )
    interval = stack.frame_interval_s
    if stack.frames > 1 and interval is not None and not 0.005 <= interval <= 0.2:
        remarks.append(f"frames {1000 * interval:.3g} ms apart: doubtful, check the header")
    return remarks


def synth(options: argparse.Namespace) -> int:
    """Write synthetic studies with their truth."""
    check_writable(options.dir / f"synthetic-{options.seed:04}" / "truth.json")
    with progress("making studies") as report:
        for number in range(options.subjects):
            subject = make_study(options.seed + number)
            name = subject.study.name
            for stack in subject.study.stacks:
                stem = options.dir / name / f"{name}_{SHORT[stack.view]}"
                write_map(
                    stem.with_name(stem.name + ".nii.gz"),
                    stack.image,
                    like=stack,
                    description="synthetic cine",
                )
                write_mask(
                    stem.with_name(stem.name + "_gt.nii.gz"), subject.masks[stack.view], like=stack
                )
            truth = {
                "pathology": subject.pathology,
                "seed": subject.seed,
                "scheme": "ukbb",
                "ed_frame": 0,
                "es_frame": subject.es_frame,
                "lv_ef_percent": subject.lv_ef_percent,
                "lv_volume_ml": subject.lv_volume_ml.tolist(),
                "myocardium_ml": subject.myocardium_ml,
                "landmarks": {key: point.tolist() for key, point in subject.landmarks.items()},
            }
            with replacing(options.dir / name / "truth.json") as beside:
                beside.write_text(json.dumps(truth, indent=1) + "\n")
            report((number + 1) / options.subjects, f"{name} ({subject.pathology})")
            say(str(options.dir / name))
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Compare masks with their references."""
    if len(options.predictions) != len(options.reference):
        raise InputError(
            f"{count(len(options.predictions), 'prediction')} but "
            f"{count(len(options.reference), 'reference')}; give one reference for each "
            "prediction, in the same order"
        )
    if options.csv:
        check_writable(options.csv)
    scheme = scheme_named(options.scheme) if options.scheme else None
    names = [path.name for path in options.predictions]
    rows: list[dict[str, object]] = []
    references = paired(
        options.predictions,
        options.reference,
        called=("the prediction", "the reference"),
        check=False,
    )
    for path, reference_path in zip(options.predictions, references, strict=True):
        if path.resolve() == reference_path.resolve():
            warn(f"{path} is compared with itself")
        prediction, reference = _pair(path, reference_path, scheme)
        slices = None
        if options.without is not None:
            slices = _slices_without(options.without, reference)
            note(
                f"{path.name}: {count(len(slices), 'slice')} of each frame compared, without "
                f"{options.without}; volumes are of these alone"
            )
        scores = score(
            prediction.labels,
            reference.labels,
            spacing_mm=reference.spacing_mm,
            structures=_structures_in(prediction, reference),
            slices=slices,
        )
        scores = _with_reference(scores, reference)
        say_scheme(reference)
        say_scheme(prediction)
        rows += _rows(path.name if names.count(path.name) == 1 else str(path), scores)
    if options.csv:
        write_csv(options.csv, rows)
    if options.json:
        say_json(rows)
    else:
        say_scores(rows)
    return 0


def stack_of(path: Path) -> Stack:
    """Return the stack of a study that can be labelled: its SAX stack, else its first."""
    study = read_study(path)
    views = [stack.view for stack in study.stacks]
    return study.stack(View.SAX) if View.SAX in views else study.stacks[0]


def parse_slices(spec: str, frames: int) -> list[SliceIndex]:
    """Parse ``z,z,…`` (every frame's, where there is one frame) and ``t:z,…``."""
    slices = []
    for part in spec.split(","):
        said = re.fullmatch(r"\s*(?:([0-9]{1,6}):)?([0-9]{1,6})\s*", part)
        if not said:
            raise InputError(
                f"--slices '{spec}': '{part}' is not a slice; write all, labelled, 2,4,6 or t:z "
                "as in 0:2,0:4 (counted from 0)"
            )
        t, z = said.groups()
        if t is None and frames > 1:
            raise InputError(
                f"--slices '{spec}': the image has {frames} frames; name them as t:z, such as 0:{z}"
            )
        slices.append(SliceIndex(int(t or 0), int(z)))
    return list(dict.fromkeys(slices))


def parse_extent(spec: str, frames: int, slices: int) -> dict[int, tuple[int, int]]:
    """Parse ``first-last`` (of every frame) and ``t:first-last,…``; return them by frame.

    Raises
    ------
    InputError
        If it is no such thing, or not within the image.
    """
    extent: dict[int, tuple[int, int]] = {}
    parts = spec.split(",")
    for part in parts:
        said = re.fullmatch(r"\s*(?:([0-9]{1,6}):)?([0-9]{1,6})-([0-9]{1,6})\s*", part)
        if not said or (said[1] is None and len(parts) > 1):
            raise InputError(
                f"--extent '{spec}': '{part}' is no extent; write the first and the last slice "
                "with heart as 2-9, or per frame as 0:1-9,8:2-9 (counted from 0)"
            )
        first, last = int(said[2]), int(said[3])
        if not first <= last < slices:
            raise InputError(
                f"--extent '{spec}': {first}-{last} is not within the image's slices 0 to "
                f"{slices - 1}, first before last"
            )
        of = range(frames) if said[1] is None else [int(said[1])]
        if of[-1] >= frames:
            raise InputError(
                f"--extent '{spec}': no frame {of[-1]}; the image has {frames} (counted from 0)"
            )
        extent |= dict.fromkeys(of, (first, last))
    return extent


def _pair(prediction: Path, reference: Path, scheme: LabelScheme | None) -> tuple[Mask, Mask]:
    """Read two masks, each in its own scheme, on the reference's grid."""
    of_reference = read_mask(reference, scheme=scheme)
    of_prediction = read_mask(prediction, scheme=scheme, like=of_reference.grid, allow_empty=True)
    return of_prediction, of_reference


def _with_reference(scores: list[Score], reference: Mask) -> list[Score]:
    """Leave out frames that the reference does not label, or labels in part; say which."""
    measured = Measured(reference.labels, reference.affine)
    empty = [t for t, frame in enumerate(reference.labels) if not frame.any()]
    if empty:
        note(
            f"{reference.source.name}: {count(len(empty), 'frame')} of {len(reference.labels)} "
            "without reference: not scored"
        )
    partial = measured.partial_frames()
    for t, (slices, most) in partial.items():
        warn(
            f"{reference.source.name}: t={t}: partly labelled ({count(slices, 'slice')}, in "
            f"the fullest frame {most}): not scored"
        )
    left_out = {*empty, *partial}
    return [part for part in scores if part.frame not in left_out]


def _slices_without(spec: str, mask: Mask) -> list[int]:
    """Return the slices that are left when those of ``z,z,…`` are left out."""
    slices = mask.labels.shape[1]
    left_out = spec.split(",")
    if not all(re.fullmatch(r"\s*[0-9]{1,6}\s*", z) and int(z) < slices for z in left_out):
        raise InputError(
            f"--without '{spec}': write slices as in 2,4,6, counted from 0; {mask.source} has 0 to "
            f"{slices - 1}"
        )
    left = sorted(set(range(slices)) - {int(z) for z in left_out})
    if not left:
        raise InputError(f"--without '{spec}' leaves no slice of {mask.source}; leave some in")
    return left


def _structures_in(prediction: Mask, reference: Mask) -> list[Structure]:
    """Return the structures of the SAX view, and the atria where a mask has them."""
    codes = set(prediction.labels[prediction.labels > 3]) | set(
        reference.labels[reference.labels > 3]
    )
    return [s for s in UKBB.structures if s in SAX_STRUCTURES or UKBB.code(s) in codes]


def _rows(file: str, scores: list[Score]) -> list[dict[str, object]]:
    """Return one row per structure and frame, and the frame's mean over its structures."""
    rows: list[dict[str, object]] = []
    for frame in sorted({part.frame for part in scores}):
        of_frame = [part for part in scores if part.frame == frame]
        rows += [
            {
                "file": file,
                "frame": frame,
                "structure": str(part.structure),
                "dice": part.dice,
                "hd95_mm": part.hd95_mm,
                "mean_surface_distance_mm": part.mean_surface_distance_mm,
                "volume_ml": part.volume_ml,
                "reference_volume_ml": part.reference_volume_ml,
                "absent_in": part.absent_in,
            }
            for part in of_frame
        ]
        means = {
            column: mean_defined(getattr(part, column) for part in of_frame)
            for column in ("dice", "hd95_mm", "mean_surface_distance_mm")
        }
        rows.append({"file": file, "frame": frame, "structure": "mean", **means})
    return rows


def say_scheme(mask: Mask) -> None:
    """Say which scheme was told from a mask. One that was named needs no saying."""
    if mask.detected and mask.labels.any():
        note(f"{mask.source.name}: label scheme {mask.scheme.name} ({mask.told_by})")
