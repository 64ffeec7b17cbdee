"""What finetune and predict read: images, masks, models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_cardiac_ssl.anatomy import LabelScheme, View, scheme_named
from napari_cardiac_ssl.cli.console import count, note, warn
from napari_cardiac_ssl.cli.images import check_scheme, stack_of_view, stacks_of
from napari_cardiac_ssl.cli.pairing import paired
from napari_cardiac_ssl.cli.studies import parse_extent, parse_slices, say_scheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, model_from_bytes
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.pretraining import PositionedStack, Source
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.measures.anatomy_checks import LEAST_AREA_MM2
from napari_cardiac_ssl.measures.volumes import pixel_area_mm2
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.readers.landmarks import landmarks_of, read_landmarks, study_ids
from napari_cardiac_ssl.readers.nifti import Mask
from napari_cardiac_ssl.study import SliceIndex, Stack

if TYPE_CHECKING:
    from napari_cardiac_ssl.cli.commands.finetune import Options as FinetuneOptions
    from napari_cardiac_ssl.cli.commands.predict import Options as PredictOptions


def model_named(path: Path, view: View) -> Model:
    """Return a file's model, or the weights that ship for a view for the name ``default``."""
    if str(path) != "default":
        return load_model(path)
    data = default_weights(view)
    if data is None:
        raise InputError(
            f"no weights ship for {view}; teach a model (cardiac-ssl finetune --view {view}) and "
            "name its .safetensors file"
        )
    return model_from_bytes(data, "the shipped weights")


def called_model(path: Path) -> str:
    """Return what users call the model of a path: no folder, which may tell of a person."""
    return "the shipped weights" if str(path) == "default" else path.name


def to_predict(
    path: Path, options: PredictOptions, view: View, seen: set[str]
) -> Iterator[tuple[str, Stack]]:
    """Yield the stacks of a path, each with the name that its mask gets.

    Parameters
    ----------
    path, options
        As they were said.
    view
        The model's.
    seen
        Names that were given before; those that are yielded are added.
    """
    named = View(options.view) if options.view else None
    for name, stack in stacks_of(path, named, view):
        if stack.view is not view:
            how = "--view" if named else "the name"
            raise InputError(
                f"{path}: {how} says {stack.view}, the model {options.model} knows {view}; use "
                f"a model of that view, or --view {view} if the name misleads"
            )
        if name in seen:
            raise InputError(
                f"{path}: another image was written to {name}_seg.nii.gz before; predict them "
                "into different folders"
            )
        seen.add(name)
        yield name, stack


def start_model(name: str, view: View, *, quiet: bool = False) -> Model | None:
    """Return the model to start from by its name on the command line; None from scratch.

    Of the shipped weights only those that know the view; it is said where there are none.
    """
    if name == "scratch":
        return None
    if name != "default":
        return load_model(Path(name))
    data = default_weights(view)
    if data is not None:
        return model_from_bytes(data, "the shipped weights")
    if not quiet:
        note(f"no pre-trained weights ship for {view}: starting from scratch")
    return None


def examples_of(options: FinetuneOptions, start: Model | None) -> tuple[list[ExpertSlices], str]:
    """Read what is to be learned; return it with the name of the masks' scheme."""
    scheme = scheme_named(options.scheme) if options.scheme else None
    named = View(options.view) if options.view else None
    extents: list[str | None] = [*options.extent] if options.extent else [None]
    if len(extents) not in {1, len(options.images)}:
        raise InputError(
            f"{count(len(extents), 'extent')} for {count(len(options.images), 'image')}; give "
            "--extent one for all, or one per image in the same order"
        )
    extents = extents * (len(options.images) if len(extents) == 1 else 1)
    labels_of = paired(options.images, options.labels, called=("the image", "the mask"))
    examples, masks = [], []
    for image, labels, extent in zip(options.images, labels_of, extents, strict=True):
        stack = stack_of_view(image, named, start.card.view if start else View.SAX)
        example, mask = _expert_slices(stack, labels, options.slices, extent, scheme)
        examples.append(example)
        masks.append(mask)
    schemes = {mask.scheme.name for mask in masks}
    if len(schemes) > 1:
        said = ", ".join(f"{mask.source.name} {mask.scheme.name}" for mask in masks)
        raise InputError(f"the masks are of different schemes ({said}); teach one at a time")
    for mask in masks:
        say_scheme(mask)
    for example in examples:
        check_scheme(masks[0].scheme, example.stack.view)
    return examples, schemes.pop()


def position_sources(options: FinetuneOptions, examples: Sequence[ExpertSlices]) -> list[Source]:
    """Return the images with where their positions are; none where no landmarks are given."""
    if not options.landmarks:
        return []
    said = read_landmarks(options.landmarks)
    sources: list[Source] = []
    for image, example in zip(options.images, examples, strict=True):
        landmarks = landmarks_of(said, image)
        if landmarks is None:
            ids = " or ".join(study_ids(image))
            raise InputError(
                f"{options.landmarks} has no study {ids}, to which {image} belongs; add its three "
                "points, or leave --landmarks out"
            )
        frame = AnatomicalFrame.from_landmarks(landmarks)
        slices = tuple(example.stack.slice_indices())
        sources.append(partial(PositionedStack, example.stack, frame, slices))
    return sources


def _expert_slices(
    stack: Stack, labels: Path, spec: str, extent: str | None, scheme: LabelScheme | None
) -> tuple[ExpertSlices, Mask]:
    """Read a stack's mask; return the annotated slices, those outside the heart too, and it."""
    mask = read_labels_at(labels, scheme=scheme, like=stack)
    _say_strays(mask)
    if mask.review and mask.review.confirmed < mask.review.contoured:
        warn(f"{labels} is taught as it is, and {mask.review}")
    if spec == "all":
        slices = stack.slice_indices()
    elif spec == "labelled":
        slices = [index for index in stack.slice_indices() if mask.labels[index].any()]
    else:
        slices = parse_slices(spec, stack.frames)
    taught = mask.labels
    if extent is not None:
        outside = _outside(extent, stack)
        for index in sorted(outside.intersection(slices)):
            if mask.labels[index].any():
                raise InputError(
                    f"{labels}: slice {index.z} of frame {index.t} is labelled and lies outside "
                    f"--extent {extent}; widen the extent, or leave the slice out of --slices"
                )
        slices = [*slices, *sorted(outside.difference(slices))]
        taught = mask.labels.copy()
        taught[tuple(np.array(sorted(outside), dtype=int).reshape(-1, 2).T)] = 0
    return ExpertSlices(stack, taught, tuple(slices)), mask


def _say_strays(mask: Mask) -> None:
    """Warn of slices with a few labelled pixels: slips of the brush that would be learned from."""
    areas = (mask.labels > 0).sum(axis=(2, 3)) * pixel_area_mm2(mask.affine)
    for t, z in np.argwhere((areas > 0) & (areas < LEAST_AREA_MM2)):
        warn(
            f"{mask.source}: frame {t}, slice {z}: {areas[t, z]:.0f} mm² are labelled, less "
            "than any part of a heart: a slip of the brush? Correct it, or leave the slice out "
            "with --slices"
        )


def _outside(extent: str, stack: Stack) -> set[SliceIndex]:
    """Return the slices that lie outside the heart's extent, in the frames that it names."""
    extents = parse_extent(extent, stack.frames, stack.slices)
    return {
        index
        for index in stack.slice_indices()
        if index.t in extents and not extents[index.t][0] <= index.z <= extents[index.t][1]
    }
