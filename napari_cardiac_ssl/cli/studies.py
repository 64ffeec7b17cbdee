"""Slices as they are named, and masks as they are compared. No torch."""

import re
from pathlib import Path

from napari_cardiac_ssl.anatomy import (
    SAX_STRUCTURES,
    UKBB,
    LabelScheme,
    Structure,
)
from napari_cardiac_ssl.cli.console import count, note, warn
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import Measured
from napari_cardiac_ssl.metrics import Score, mean_defined
from napari_cardiac_ssl.readers.nifti import Mask, read_mask
from napari_cardiac_ssl.study import SliceIndex


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


def pair_of(prediction: Path, reference: Path, scheme: LabelScheme | None) -> tuple[Mask, Mask]:
    """Read two masks, each in its own scheme, on the reference's grid."""
    of_reference = read_mask(reference, scheme=scheme)
    of_prediction = read_mask(prediction, scheme=scheme, like=of_reference.grid, allow_empty=True)
    return of_prediction, of_reference


def with_reference(scores: list[Score], reference: Mask) -> list[Score]:
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
            f"{reference.source.name}: frame {t}: partly labelled ({count(slices, 'slice')}, in "
            f"the fullest frame {most}): not scored"
        )
    left_out = {*empty, *partial}
    return [part for part in scores if part.frame not in left_out]


def slices_without(spec: str, mask: Mask) -> list[int]:
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


def structures_in(prediction: Mask, reference: Mask) -> list[Structure]:
    """Return the structures of the SAX view, and the atria where a mask has them."""
    codes = set(prediction.labels[prediction.labels > 3]) | set(
        reference.labels[reference.labels > 3]
    )
    compared = [s for s in UKBB.structures if s in SAX_STRUCTURES or UKBB.code(s) in codes]
    for mask in (prediction, reference):  # what a scheme leaves out is not compared
        if not mask.scheme.is_preset:
            compared = [s for s in compared if s in mask.scheme.structures]
    return compared


def rows_of(file: str, scores: list[Score]) -> list[dict[str, object]]:
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
