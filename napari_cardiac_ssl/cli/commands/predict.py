"""The command predict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import note, progress, say, say_json
from napari_cardiac_ssl.cli.options import SCHEME, Command, ImageView, Json, option, scheme_name
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, keep_beside


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
    confidence: Annotated[bool, option("--confidence", help="write the confidence too")] = False
    json: Json = False


def predict(options: Options) -> int:
    """Predict masks on the images' own grids."""
    from napari_cardiac_ssl.cli.images import check_scheme
    from napari_cardiac_ssl.cli.learning import called_model, model_named, to_predict
    from napari_cardiac_ssl.learning.compute import is_out_of_memory
    from napari_cardiac_ssl.learning.prediction import predict_stack
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
    written: list[str] = []
    for path, name, stack in to_predict(options, model.card.view):
        with progress(f"predicting {name}") as report:
            try:
                labels, confidence = predict_stack(
                    model, stack, report=lambda done: report(done, "")
                )
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise MemoryError(f"for predicting {path}") from error
                raise
        target = options.output / f"{name}_seg.nii.gz"
        kept = keep_beside(target)  # somebody may have corrected it
        review = predicted(stack, called)
        labels = scheme.sayable(labels)
        mask = write_mask(target, labels, like=stack, scheme=scheme, review=review)
        written.append(str(mask))
        if kept and kept.read_bytes() == target.read_bytes():
            kept.unlink()
        elif kept:
            note(f"{target} was there already: what it held is kept as {kept.name}")
        if options.confidence:
            sure = options.output / f"{name}_confidence.nii.gz"
            share = np.asarray(confidence, dtype=np.float32)
            written.append(str(write_map(sure, share, like=stack, description="confidence")))
    if options.json:
        say_json({"scheme": scheme.name, "files": written})
    else:
        for file in written:
            say(file)
        meaning = ", ".join(f"{code} {codes[code]}" for code in sorted(codes))
        note(f"scheme {scheme.name}: 0 background, {meaning}")
        note(f"unreviewed: nobody has confirmed these contours; they are predictions of {called}")
    return 0


COMMAND = Command(
    "predict",
    "Predict masks on the images' own grids.",
    "cardiac-ssl predict p1.safetensors p1_ED.nii.gz -o masks     (masks/p1_ED_seg.nii.gz)",
    Options,
    predict,
)
