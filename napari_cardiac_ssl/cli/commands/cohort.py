"""The command cohort."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import note, say, warn
from napari_cardiac_ssl.cli.options import (
    SCHEME,
    Command,
    InsertionFile,
    PapillaryMuscles,
    option,
    scheme_name,
)
from napari_cardiac_ssl.wording import count

#: Seconds between two lines of progress.
_EVERY_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to cohort."""

    studies: Annotated[
        Sequence[Path],
        option(
            metavar="STUDY",
            help="studies, folders of studies, or a list: LIST.csv with a column study",
        ),
    ]
    output: Annotated[
        Path, option("-o", "--output", metavar="DIR", help="gets cohort.csv, index.html, masks")
    ]
    model: Annotated[
        Path, option("--model", metavar="MODEL", help="default: the weights that ship")
    ] = Path("default")
    scheme: Annotated[
        str | None,
        option(
            "--scheme",
            parse=scheme_name,
            metavar=SCHEME,
            help="default: that of the masks it was taught",
        ),
    ] = None
    papillary: PapillaryMuscles = "cavity"
    landmarks: InsertionFile = None
    scheduler: Annotated[
        str | None,
        option(
            "--scheduler",
            metavar="ADDRESS|local[:N]",
            help="spread by Dask: a scheduler's address, or N workers here",
        ),
    ] = None
    resume: Annotated[bool, option("--resume", help="go on in DIR; what failed is tried again")] = (
        False
    )


def cohort(options: Options) -> int:
    """Predict, measure and report many studies."""
    from napari_cardiac_ssl.cli.images import check_scheme
    from napari_cardiac_ssl.cli.learning import called_model, model_named
    from napari_cardiac_ssl.cohort import run_cohort
    from napari_cardiac_ssl.cohort.work import DONE, Recipe, Row
    from napari_cardiac_ssl.errors import InputError
    from napari_cardiac_ssl.learning.checkpoint import model_to_bytes
    from napari_cardiac_ssl.readers.landmarks import read_landmarks

    model = model_named(options.model, View.SAX)
    if model.card.view is not View.SAX:
        raise InputError(f"{options.model} knows {model.card.view}; a cohort needs a SAX model")
    check_scheme(scheme_named(options.scheme or model.card.scheme), View.SAX)
    recipe = Recipe(
        model_to_bytes(model),
        called_model(options.model),
        options.scheme,
        options.output.absolute(),
        options.papillary,
        read_landmarks(options.landmarks) if options.landmarks else {},
    )
    begun = last = time.monotonic()
    rows = failed = 0

    def report(row: Row) -> None:
        nonlocal rows, failed, last
        rows += 1
        if row["status"] != DONE:
            failed += 1
            warn(f"{row['study']}: {row['reason']}")
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            note(f"{count(rows, 'study', 'studies')} in {now - begun:.0f} s, {failed} failed")

    table = run_cohort(
        options.studies,
        recipe,
        scheduler=options.scheduler,
        resume=options.resume,
        report=report,
    )
    say(str(table))
    note(
        f"{count(rows, 'study', 'studies')}, {failed} failed; unreviewed: look at index.html first"
    )
    return 0


COMMAND = Command(
    "cohort",
    "Predict, measure and report many studies: one row each.",
    "cardiac-ssl cohort studies/ -o cohort --scheduler local:2",
    Options,
    cohort,
)
