"""What convert does with each file of labels. No torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import count, note
from napari_cardiac_ssl.cli.images import stack_of_view
from napari_cardiac_ssl.cli.studies import say_scheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import contours_of
from napari_cardiac_ssl.readers.file_names import name_of
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.readers.nifti import Mask
from napari_cardiac_ssl.review import UNREVIEWED
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.labels.format import Drawing, Made
from napari_cardiac_ssl.writers.labels.registry import FORMATS

if TYPE_CHECKING:
    from napari_cardiac_ssl.cli.commands.convert import Options


def targets(options: Options) -> dict[Path, Path]:
    """Return what each file becomes.

    Raises
    ------
    InputError
        If two would become the same, or one itself.
    """
    ending = FORMATS[options.to].ending
    found: dict[Path, Path] = {}
    for mask in options.masks:
        target = options.output
        to_folder = options.to == "contours"
        if len(options.masks) > 1 or (target.is_dir() and not to_folder):
            target = target / f"{_stem(mask)}{ending}"
        if target in found.values():
            raise InputError(f"two masks would become {target}; convert them one by one")
        if target.resolve() == mask.resolve():
            raise InputError(f"{mask} would be replaced by itself; name another file with -o")
        found[mask] = target
    return found


def _stem(mask: Path) -> str:
    name = name_of(mask)
    for ending in (".seg.nrrd", ".cvi42wsx", ".xml", ".dcm"):
        name = name.removesuffix(ending)
    return name


def converted(path: Path, target: Path, options: Options) -> dict[str, object]:
    """Convert one file; return what was done."""
    scheme = scheme_named(options.scheme) if options.scheme else None
    like = None
    if options.study is not None:
        view = View(options.view) if options.view else None
        like = stack_of_view(options.study, view, View.SAX)
    elif options.frame is not None:
        raise InputError("--frame says which frame of a study; name it with --study")
    if like is not None and options.frame is not None:
        mask = _of_frame(path, like, options.frame, options)
    else:
        mask = read_labels_at(path, scheme=scheme, like=like)
    say_scheme(mask)
    drawing = Drawing(
        mask.labels,
        like or mask.grid,
        mask.contours,
        scheme_named(options.as_scheme),
        _made(options, mask),
        mask.review,
        mask.apart,
    )
    _say_left_aside(mask, options)
    files = FORMATS[options.to].write(target, drawing)
    indices = [index for index in drawing.like.slice_indices() if mask.labels[index].any()]
    summary = f"{target}: {count(len(indices), 'slice')}"
    row: dict[str, object] = {"mask": str(path), "files": [str(f) for f in files]}
    row["slices"] = [{"t": index.t, "z": index.z} for index in indices]
    if options.to == "contours":
        found, traced = contours_of(mask.labels, mask.contours)
        row |= {"contours": len(found), "traced": traced}
        summary += f", {count(len(found), 'contour')}"
        summary += f", {traced} traced from the mask" if traced else ", all as they were drawn"
    return row | {"summary": summary}


def _of_frame(path: Path, like: Stack, t: int, options: Options) -> Mask:
    """Read the mask of one frame, and set it into all frames."""
    if t >= like.frames:
        raise InputError(
            f"--frame {t}: {like.name} has {count(like.frames, 'frame')}, counted from 0"
        )
    scheme = scheme_named(options.scheme) if options.scheme else None
    frame = replace(like, image=like.image[t : t + 1], source=None)
    mask = read_labels_at(path, scheme=scheme, like=frame)
    labels = np.zeros(like.image.shape, dtype=np.uint8)
    labels[t] = mask.labels[0]
    contours = [replace(c, index=c.index._replace(t=t)) for c in mask.contours]
    review = mask.review
    if review:
        none = "-" * like.slices
        states = (review.states[0] if at == t else none for at in range(like.frames))
        review = replace(review, states=tuple(states))
    apart = {}
    for name, where in mask.apart.items():
        apart[name] = np.zeros(like.image.shape, dtype=np.bool_)
        apart[name][t] = where[0]
    return replace(mask, labels=labels, contours=tuple(contours), review=review, apart=apart)


def _say_left_aside(mask: Mask, options: Options) -> None:
    """Say what of a mask the other format has no place for."""
    scheme = scheme_named(options.as_scheme)
    kept = {o.name for o in scheme.apart} if options.to in {"nifti", "itk-snap"} else set()
    for name, where in mask.apart.items():
        if name not in kept:
            how = f"; name it in --as-scheme to keep it: {mask.scheme.name}" if kept else ""
            what = f"{mask.source}: {name} ({count(int(where.sum()), 'voxel')})"
            note(f"{what} is none of our structures: left aside{how}")


def _made(options: Options, mask: Mask) -> Made:
    if options.made is not None:
        return Made(options.made)
    if mask.contours:
        return Made.MANUAL
    if mask.review and mask.review.word == UNREVIEWED:
        return Made.AUTOMATIC
    if options.to == "dicom-seg":
        note(
            f"{mask.source}: who drew it is not known: written as semiautomatic; say --made manual "
            "or --made automatic if you know better"
        )
    return Made.SEMIAUTOMATIC
