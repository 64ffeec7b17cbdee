"""The command convert."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from napari_cardiac_ssl.cli.options import (
    FRAME,
    LEARNED_VIEWS,
    SCHEME,
    Command,
    Json,
    Scheme,
    StudyOfMasks,
    option,
    scheme_name,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to convert."""

    masks: Annotated[
        Sequence[Path],
        option(
            metavar="MASK",
            help="NIfTI, DICOM SEG, .seg.nrrd, a folder of contours as text, .cvi42wsx",
        ),
    ]
    to: Annotated[
        Literal["nifti", "itk-snap", "dicom-seg", "contours", "seg-nrrd"],
        option("--to", help="the format to write"),
    ]
    output: Annotated[
        Path,
        option(
            "-o", "--output", metavar="OUT", help="a file; a folder for contours or several masks"
        ),
    ]
    study: StudyOfMasks = None
    view: Annotated[
        str | None,
        option("--view", choices=LEARNED_VIEWS, help="which stack of the study (SAX)"),
    ] = None
    frame: Annotated[
        int | None,
        option(
            "--frame",
            parse=FRAME,
            metavar="T",
            help="of a cine: whose masks they are, from 0",
        ),
    ] = None
    scheme: Scheme = None
    as_scheme: Annotated[
        str,
        option(
            "--as-scheme", parse=scheme_name, metavar=SCHEME, help="integers of NIfTI masks (ukbb)"
        ),
    ] = "ukbb"
    made: Annotated[
        Literal["manual", "semiautomatic", "automatic"] | None,
        option("--made", help="who drew them, for DICOM SEG (contours: manual)"),
    ] = None
    json: Json = False


def convert(options: Options) -> int:
    """Convert labels from one format to another, on the study's own grid."""
    from napari_cardiac_ssl.cli.console import each, say, say_json
    from napari_cardiac_ssl.cli.converting import converted, targets

    rows: list[dict[str, object]] = []
    target_of = targets(options)

    def one(mask: Path) -> None:
        row = converted(mask, target_of[mask], options)
        rows.append(row)
        if not options.json:
            say(str(row["summary"]))

    failed = each("convert", list(target_of), one)
    if options.json:
        say_json(rows)
    return 2 if failed else 0


COMMAND = Command(
    "convert",
    "Convert masks, segmentations and contours into each other.",
    "cardiac-ssl convert p1_seg.nii.gz --to dicom-seg -o p1_seg.dcm --study p1/dicom",
    Options,
    convert,
)
