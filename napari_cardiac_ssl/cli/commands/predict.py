"""The command predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import each, note, progress, say, say_json
from napari_cardiac_ssl.cli.options import (
    SCHEME,
    Command,
    ImageView,
    Json,
    LongAxisFrame,
    LongAxisStudy,
    option,
    scheme_name,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, keep_beside

if TYPE_CHECKING:
    from napari_cardiac_ssl.cli.valve import Bounds
    from napari_cardiac_ssl.learning.checkpoint import Model
    from napari_cardiac_ssl.study import Stack


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to predict."""

    model: Annotated[
        Path, option(metavar="MODEL", help="made by finetune; default: the weights that ship")
    ]
    images: Annotated[
        Sequence[Path], option(metavar="IMAGE", help="NIfTI, or a study with such a view")
    ]
    view: ImageView = None
    output: Annotated[Path, option("-o", "--output", metavar="DIR", help="gets NAME_seg.nii.gz")]
    scheme: Annotated[
        str | None,
        option(
            "--scheme",
            parse=scheme_name,
            metavar=SCHEME,
            help="default: that of the masks it was taught",
        ),
    ] = None
    long_axis: LongAxisStudy = None
    long_axis_frame: LongAxisFrame = None
    confidence: Annotated[bool, option("--confidence", help="write the confidence too")] = False
    json: Json = False


def predict(options: Options) -> int:
    """Predict masks on the images' own grids."""
    from napari_cardiac_ssl.cli.images import check_scheme
    from napari_cardiac_ssl.cli.learning import called_model, model_named, to_predict
    from napari_cardiac_ssl.cli.valve import bounds_by
    from napari_cardiac_ssl.readers.nifti import name_of
    from napari_cardiac_ssl.review import predicted
    from napari_cardiac_ssl.writers.masks import write_map, write_mask

    names = [name_of(path) for path in options.images]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"several images would be written to {twice[0]}_seg.nii.gz; predict them into "
            "different folders"
        )
    check_writable(options.output / f"{names[0]}_seg.nii.gz")
    model = model_named(options.model, View(options.view or View.SAX))
    scheme = scheme_named(options.scheme or model.card.scheme)
    # Refuses, before there is work to lose, a scheme that cannot say all that the model can.
    check_scheme(scheme, model.card.view)
    called = f"{called_model(options.model)} ({model.digest[:12]})"
    said = [structure for structure in model.card.structures if structure in scheme.structures]
    codes = {scheme.code(structure): structure for structure in said}
    bounds = bounds_by(options.long_axis, model.card.view, options.long_axis_frame)
    written: list[str] = []
    seen: set[str] = set()

    def one(path: Path) -> None:
        for name, stack in to_predict(path, options, model.card.view, seen):
            labels, confidence = _predicted(model, stack, name, path, bounds)
            target = options.output / f"{name}_seg.nii.gz"
            kept = keep_beside(target)  # somebody may have corrected it
            review = predicted(stack, called)
            labels = scheme.sayable(labels)
            write_mask(target, labels, like=stack, scheme=scheme, review=review)
            written.append(str(target))
            if kept and kept.read_bytes() == target.read_bytes():
                kept.unlink()
            elif kept:
                note(f"{target} was there already: what it held is kept as {kept.name}")
            if options.confidence:
                sure = options.output / f"{name}_confidence.nii.gz"
                written.append(
                    str(write_map(sure, confidence, like=stack, description="confidence"))
                )

    failed = each("predict", options.images, one)
    if options.json:
        said_failed = [{"file": str(path), "reason": why} for path, why in failed.items()]
        say_json({"scheme": scheme.name, "files": written, "failed": said_failed})
    else:
        for file in written:
            say(file)
        meaning = ", ".join(f"{code} {codes[code]}" for code in sorted(codes))
        note(f"scheme {scheme.name}: 0 background, {meaning}")
        note(f"unreviewed: nobody has confirmed these contours; they are predictions of {called}")
    return 2 if failed else 0


def _predicted(
    model: Model, stack: Stack, name: str, path: Path, bounds: Bounds | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Predict a stack, and say how far it is; out of memory is said as that."""
    if bounds is not None:
        bounds.planes(stack)  # refuses what it does not fit, before there is work to lose
    from napari_cardiac_ssl.learning.compute import is_out_of_memory
    from napari_cardiac_ssl.learning.prediction import predict_stack

    with progress(f"predicting {name}") as report:
        try:
            labels, confidence = predict_stack(model, stack, report=lambda done: report(done, ""))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(f"for predicting {path}") from error
            raise
    if bounds is not None:
        labels = bounds.emptied(labels, stack)
    return labels, np.asarray(confidence, dtype=np.float32)


COMMAND = Command(
    "predict",
    "Predict masks on the images' own grids.",
    "cardiac-ssl predict p1.safetensors p1_ED.nii.gz -o masks     (masks/p1_ED_seg.nii.gz)",
    Options,
    predict,
)
