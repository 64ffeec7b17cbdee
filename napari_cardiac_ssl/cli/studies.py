"""Commands about studies and masks: info, synth, evaluate. No torch."""

import argparse
import json
from pathlib import Path

from napari_cardiac_ssl.anatomy import (
    SAX_STRUCTURES,
    UKBB,
    LabelScheme,
    Structure,
    View,
    scheme_named,
)
from napari_cardiac_ssl.cli.console import count, note, progress, say, say_json, say_scores
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.metrics import Score, mean_defined, score
from napari_cardiac_ssl.readers.nifti import Mask, read_mask
from napari_cardiac_ssl.readers.studies import missing_views, read_study
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask
from napari_cardiac_ssl.writers.tables import write_csv

_SHORT = {"SAX": "sax", "LAX_2CH": "2ch", "LAX_4CH": "4ch"}


def info(options: argparse.Namespace) -> int:
    """Tell what a study holds."""
    study = read_study(options.study)
    series = [
        {
            "file": str(stack.source),
            "view": str(stack.view),
            "frames": stack.frames,
            "slices": stack.slices,
            "rows": stack.image.shape[2],
            "columns": stack.image.shape[3],
            "spacing_mm": [round(value, 4) for value in stack.spacing_mm],
            "frame_interval_s": stack.frame_interval_s,
            "data_type": str(stack.image.dtype),
        }
        for stack in study.stacks
    ]
    missing = [str(view) for view in missing_views(study)]
    if options.json:
        say_json({"study": study.name, "series": series, "missing": missing})
        return 0
    say(f"study {study.name}: {count(len(series), 'series', 'series')}")
    for part in series:
        z, y, x = part["spacing_mm"]
        interval = part["frame_interval_s"]
        timing = f", {1000 * interval:.1f} ms apart" if interval else ""
        say(
            f"  {part['view']:8} {Path(part['file']).name}: {count(part['slices'], 'slice')} of "
            f"{part['rows']} x {part['columns']}, {count(part['frames'], 'frame')}{timing}; "
            f"pixels {y:.3f} x {x:.3f} mm, slices {z:.2f} mm apart; {part['data_type']}"
        )
    if missing:
        say(f"  missing: {', '.join(missing)} (anatomical positions need SAX, LAX_2CH, LAX_4CH)")
    return 0


def synth(options: argparse.Namespace) -> int:
    """Write synthetic studies with their truth."""
    if options.subjects < 1:
        raise InputError(f"--subjects must be 1 or more, got {options.subjects}")
    with progress("making studies") as report:
        for number in range(options.subjects):
            subject = make_study(options.seed + number)
            name = subject.study.name
            for stack in subject.study.stacks:
                stem = options.dir / name / f"{name}_{_SHORT[stack.view]}"
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
    scheme = scheme_named(options.scheme) if options.scheme else None
    rows: list[dict[str, object]] = []
    for path, reference_path in zip(options.predictions, options.reference, strict=True):
        prediction, reference = _pair(path, reference_path, scheme)
        slices = None
        if options.without:
            left_out = {index.z for index in parse_slices(options.without, 1)}
            slices = [z for z in range(reference.labels.shape[1]) if z not in left_out]
        scores = score(
            prediction.labels,
            reference.labels,
            spacing_mm=reference.spacing_mm,
            structures=_structures_in(prediction, reference),
            slices=slices,
        )
        rows += _rows(path.name, scores)
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
        t, colon, z = part.rpartition(":")
        if not z.strip().isdigit() or (colon and not t.strip().isdigit()):
            raise InputError(
                f"--slices '{spec}': '{part}' is not a slice; write all, labelled, 2,4,6 or t:z "
                "as in 0:2,0:4 (counted from 0)"
            )
        if not colon and frames > 1:
            raise InputError(
                f"--slices '{spec}': the image has {frames} frames; name them as t:z, such as "
                f"0:{z.strip()}"
            )
        slices.append(SliceIndex(int(t or 0), int(z)))
    return list(dict.fromkeys(slices))


def _pair(prediction: Path, reference: Path, scheme: LabelScheme | None) -> tuple[Mask, Mask]:
    """Read two masks of the same grid, each in its own scheme."""
    of_reference = read_mask(reference, scheme=scheme, allow_empty=True)
    of_prediction = read_mask(prediction, scheme=scheme, allow_empty=True)
    if of_prediction.labels.shape != of_reference.labels.shape:
        raise InputError(
            f"{prediction} has shape {of_prediction.labels.shape}, its reference {reference} "
            f"{of_reference.labels.shape} (t, z, y, x); compare masks of the same image"
        )
    say_scheme(of_reference)
    say_scheme(of_prediction)
    return of_prediction, of_reference


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
    if mask.detected:
        note(f"{mask.source.name}: label scheme {mask.scheme.name} (told from the mask)")
