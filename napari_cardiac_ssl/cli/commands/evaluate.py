"""The command evaluate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import scheme_named
from napari_cardiac_ssl.cli.console import count, each, note, say_json, say_scores, warn
from napari_cardiac_ssl.cli.options import Command, Json, Scheme, option
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable
from napari_cardiac_ssl.writers.tables import write_csv


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to evaluate."""

    predictions: Annotated[Sequence[Path], option(metavar="PREDICTION")]
    reference: Annotated[
        Sequence[Path], option("--reference", metavar="F", help="one per prediction")
    ]
    scheme: Scheme = None
    without: Annotated[
        str | None,
        option(
            "--without",
            metavar="Z,Z",
            help="leave these slices out, in every frame: the learned ones",
        ),
    ] = None
    csv: Annotated[
        Path | None, option("--csv", metavar="FILE", help="write the table as CSV too")
    ] = None
    json: Json = False


def evaluate(options: Options) -> int:
    """Compare masks with their references."""
    from napari_cardiac_ssl.cli.pairing import paired
    from napari_cardiac_ssl.cli.studies import (
        pair_of,
        rows_of,
        say_scheme,
        slices_without,
        structures_in,
        with_reference,
    )
    from napari_cardiac_ssl.metrics import score

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

    def one(pair: tuple[Path, Path]) -> None:
        path, reference_path = pair
        if path.resolve() == reference_path.resolve():
            warn(f"{path} is compared with itself")
        prediction, reference = pair_of(path, reference_path, scheme)
        slices = None
        if options.without is not None:
            slices = slices_without(options.without, reference)
            note(
                f"{path.name}: {count(len(slices), 'slice')} of each frame compared, without "
                f"{options.without}; volumes are of these alone"
            )
        scores = score(
            prediction.labels,
            reference.labels,
            spacing_mm=reference.spacing_mm,
            structures=structures_in(prediction, reference),
            slices=slices,
        )
        scores = with_reference(scores, reference)
        say_scheme(reference)
        say_scheme(prediction)
        rows.extend(rows_of(path.name if names.count(path.name) == 1 else str(path), scores))

    failed = each("evaluate", list(zip(options.predictions, references, strict=True)), one)
    if options.csv and rows:
        write_csv(options.csv, rows)
    if options.json:
        say_json(rows)
    else:
        say_scores(rows)
    return 2 if failed else 0


COMMAND = Command(
    "evaluate",
    "Compare masks with their references.",
    "cardiac-ssl evaluate masks/p1_ED_seg.nii.gz --reference p1_ED_gt.nii.gz --scheme acdc \\\n"
    "    --without 2,4,6 --csv scores.csv",
    Options,
    evaluate,
)
