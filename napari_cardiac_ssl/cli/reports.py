"""What report shows: a stack, its masks, where they come from. No torch."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.console import count
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import AnatomyWarning
from napari_cardiac_ssl.readers.nifti import SAME_GRID_MM, Mask
from napari_cardiac_ssl.readers.nifti_geometry import stacks_apart_mm
from napari_cardiac_ssl.study import Stack, Study, in_time
from napari_cardiac_ssl.writers.report import Source


def stack_of(study: Study, mask: Path, masks: Sequence[Path]) -> Stack:
    """Return the stack that a mask belongs to: the one it is named after, else the SAX stack."""
    sax = [stack for stack in study.stacks if stack.view is View.SAX]
    named = [stack for stack in sax if stack.path and mask.name.startswith(stack.name)]
    if named:
        return max(named, key=lambda stack: len(stack.name))
    if not sax:
        return study.stack(View.SAX)  # says what there is instead
    if len(sax) > 1 or len(masks) > 1:
        names = ", ".join(stack.name for stack in sax)
        raise InputError(
            f"{mask} is named after none of the short-axis images ({names}); name the image as "
            "STUDY, or the mask after its image"
        )
    return sax[0]


def one_of(stacks: list[Stack], masks: list[Mask]) -> tuple[Stack, Mask]:
    """Return ED and ES, where they are files of their own, as one stack of two frames."""
    if len(masks) == 1:
        return stacks[0], masks[0]
    if len(masks) > 2 or any(stack.frames != 1 for stack in stacks):
        said = ", ".join(f"{mask.source.name} {count(len(mask.labels), 'frame')}" for mask in masks)
        raise InputError(f"--mask takes one mask, or two of one frame each: ED and ES; got {said}")
    (ed, es), (mask, other) = stacks, masks
    apart = stacks_apart_mm(ed, es)
    if not apart <= SAME_GRID_MM:
        shapes = ed.image.shape, es.image.shape
        raise InputError(
            f"{es.name} {shapes[1]} does not lie on the grid of {ed.name} {shapes[0]}: they are "
            f"up to {apart:.3g} mm apart (limit {SAME_GRID_MM} mm); report them one by one"
        )
    if mask.scheme != other.scheme:
        raise InputError(
            f"{mask.source.name} is of the scheme {mask.scheme.name}, {other.source.name} of "
            f"{other.scheme.name}; name one with --scheme"
        )
    labels = np.concatenate([mask.labels, other.labels])
    return in_time([ed, es]), replace(mask, labels=labels)


def sources_of(study: Study, stacks: list[Stack], masks: list[Mask]) -> list[Source]:
    """Return which files a report is of, each with its digest."""
    sources = []
    for stack in stacks:
        number = len(stack.series_uids)
        remark = f"voxels and affine, of {number} DICOM series" if number else "voxels and affine"
        name = stack.path.name if stack.path else study.name
        sources.append(Source("image", name, stack.digest, remark))
    for mask in masks:
        digest = hashlib.sha256(mask.source.read_bytes()).hexdigest()
        told = f"scheme {mask.told_by}"
        sources.append(Source("mask", mask.source.name, digest, told))
    return sources


def frame_names(masks: list[Mask]) -> list[str]:
    """Return what each frame is called: by its number in its own file, as `measure` counts it."""
    if len(masks) == 1:
        return [f"frame {t}" for t in range(len(masks[0].labels))]
    return [f"frame {t} of {m.source.name}" for m in masks for t in range(len(m.labels))]


def doubts_of(
    masks: list[Mask], warnings: Sequence[AnatomyWarning]
) -> list[tuple[str, AnatomyWarning]]:
    """Return what is to be looked at again, each with its file and the frame's number in it."""
    if len(masks) == 1:
        return [(masks[0].source.name, warning) for warning in warnings]
    return [(masks[w.t].source.name, replace(w, t=0)) for w in warnings]
