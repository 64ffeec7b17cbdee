"""The command measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import each, say_json
from napari_cardiac_ssl.cli.options import (
    Command,
    EdFrame,
    EsFrame,
    HeightCm,
    InsertionFile,
    Json,
    LongAxisFrame,
    LongAxisStudy,
    PapillaryMuscles,
    Scheme,
    StudyOfMasks,
    WeightKg,
    option,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable
from napari_cardiac_ssl.writers.tables import write_csv

_LONG_AXIS = "long-axis masks: LV volume by area-length from 2CH and 4CH, in pairs"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to measure."""

    masks: Annotated[
        Sequence[Path],
        option(nargs="*", metavar="MASK", help="3-D, or 4-D with time: one row each"),
    ] = ()
    ed: Annotated[
        Sequence[Path], option("--ed", metavar="MASK", help="instead: masks at ED …")
    ] = ()
    es: Annotated[Sequence[Path], option("--es", metavar="MASK", help="… and at ES, in pairs")] = ()
    view_2ch: Annotated[Sequence[Path], option("--2ch", metavar="MASK", help=_LONG_AXIS)] = ()
    view_4ch: Annotated[Sequence[Path], option("--4ch", metavar="MASK", help=_LONG_AXIS)] = ()
    ed_frame: EdFrame = None
    es_frame: EsFrame = None
    height_cm: HeightCm = None
    weight_kg: WeightKg = None
    patients: Annotated[
        Path | None,
        option(
            "--patients",
            metavar="FILE.csv",
            help="instead, of many: a table with the columns study, height_cm, weight_kg",
        ),
    ] = None
    papillary: PapillaryMuscles = "cavity"
    landmarks: InsertionFile = None
    images: Annotated[
        Sequence[Path],
        option(
            "--images",
            metavar="IMAGE",
            help="what the masks were drawn on, for --papillary mass; of pairs those of ED, then "
            "those of ES",
        ),
    ] = ()
    scheme: Scheme = None
    study: StudyOfMasks = None
    long_axis: LongAxisStudy = None
    long_axis_frame: LongAxisFrame = None
    csv: Annotated[
        Path | None,
        option("--csv", metavar="FILE", help="write the table as CSV too, with every column"),
    ] = None
    curve: Annotated[
        Path | None,
        option("--curve", metavar="FILE", help="write the volumes of every frame as CSV"),
    ] = None
    areas: Annotated[
        Path | None,
        option("--areas", metavar="FILE", help="write the areas of every slice as CSV"),
    ] = None
    json: Json = False


def measure(options: Options) -> int:
    """Measure masks: one row each, or one for each pair."""
    from napari_cardiac_ssl.cli.images import image_of, images_of, stack_of_view
    from napari_cardiac_ssl.cli.measures import (
        Found,
        not_measured,
        of_mask,
        of_pair,
        of_views,
        say_doubts,
        say_rows,
        write_details,
    )
    from napari_cardiac_ssl.cli.pairing import PHASE, VIEW, paired
    from napari_cardiac_ssl.cli.patients import persons_of, surface_m2
    from napari_cardiac_ssl.readers.labels.registry import read_labels_at
    from napari_cardiac_ssl.readers.landmarks import insertion_of, read_landmarks

    _check(options)
    scheme = scheme_named(options.scheme) if options.scheme else None
    like = stack_of_view(options.study, None, View.SAX) if options.study else None
    es = paired(
        options.ed, options.es, called=("the ED mask", "the ES mask"), differ=PHASE, again=True
    )
    called = ("the 2CH mask", "the 4CH mask")
    view_4ch = paired(options.view_2ch, options.view_4ch, called=called, differ=VIEW, again=True)
    files = (*options.masks, *options.ed, *options.view_2ch)
    images = images_of(options.images, options.masks, options.ed, options.es)
    said = read_landmarks(options.landmarks) if options.landmarks else {}
    second = dict(zip(files, (*es, *view_4ch), strict=False))  # of pairs
    person = persons_of(files, options.patients, options.height_cm, options.weight_kg)
    bounds = None
    if options.long_axis or options.long_axis_frame is not None:
        from napari_cardiac_ssl.cli.valve import bounds_by

        bounds = bounds_by(options.long_axis, View.SAX, options.long_axis_frame)
    done: dict[Path, Found] = {}

    def one(path: Path) -> None:
        if options.masks:
            image = image_of(path, images) or like
            mask = read_labels_at(path, scheme=scheme, like=image)
            mask = bounds.within(mask) if bounds is not None else mask
            surface = surface_m2(person(path), image)
            done[path] = of_mask(mask, options, surface, image, insertion_of(said, path))
        elif options.ed:
            both = [image_of(part, images) for part in (path, second[path])]
            surface, points = surface_m2(person(path), both[0]), insertion_of(said, path)
            done[path] = of_pair(path, second[path], scheme, surface, both, insertion=points)
        else:
            surface = surface_m2(person(path), None)
            done[path] = of_views(path, second[path], scheme, surface)

    failed = each("measure", files, one)
    found = [
        done[path] if path in done else not_measured(path.name, failed[path]) for path in files
    ]
    rows = [part.one.row() for part in found]
    for part, row in zip(found, rows, strict=True):
        say_doubts(part.one.doubts, {row["ed_frame"], row["es_frame"]}, "--json")
    if options.csv:
        write_csv(options.csv, [part.one.cells() for part in found])
    write_details(options, found)
    if options.json:
        say_json([part.one.for_json() for part in found])
    else:
        say_rows([part.one for part in found])
    return 2 if failed else 0


def _check(options: Options) -> None:
    """Refuse what does not go together."""
    from napari_cardiac_ssl.cli.measures import check_pairs

    kinds = [
        bool(options.masks),
        bool(options.ed or options.es),
        bool(options.view_2ch or options.view_4ch),
    ]
    if sum(kinds) != 1:
        raise InputError(
            "name masks, or --ed and --es, or --2ch and --4ch: one of the three, in one go"
        )
    check_pairs("--ed", options.ed, "--es", options.es)
    check_pairs("--2ch", options.view_2ch, "--4ch", options.view_4ch)
    if not options.masks and (options.ed_frame, options.es_frame) != (None, None):
        raise InputError("--ed-frame and --es-frame are for 4-D masks, not for pairs of masks")
    of_single_masks = {
        "--curve and --areas are": options.curve or options.areas,
        "--study is": options.study,
        "--long-axis is": options.long_axis,
    }
    for called, asked in of_single_masks.items():
        if asked and not options.masks:
            raise InputError(f"{called} for masks named one by one, not for pairs")
    _check_images(options, of_long_axis=kinds[2])
    for path in (options.csv, options.curve, options.areas):
        if path:
            check_writable(path)


def _check_images(options: Options, *, of_long_axis: bool) -> None:
    """Refuse images and what asks for them where these do not go together."""
    if options.papillary == "mass" and not (options.images or options.study):
        raise InputError("--papillary mass needs what the masks were drawn on: name it, --images …")
    if options.papillary != "mass" and options.images:
        raise InputError("--images are for --papillary mass; leave them out, or say that")
    if options.images and of_long_axis:
        raise InputError("--papillary is for short-axis masks, not for 2CH and 4CH")


COMMAND = Command(
    "measure",
    "Measure volumes, ejection fraction, mass and wall thickness.",
    "cardiac-ssl measure --ed p1_ED_gt.nii.gz --es p1_ES_gt.nii.gz --scheme acdc --csv p1.csv",
    Options,
    measure,
)
