"""The command report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import scheme_named
from napari_cardiac_ssl.cli.console import say
from napari_cardiac_ssl.cli.options import (
    Command,
    EdFrame,
    EsFrame,
    HeightCm,
    InsertionFile,
    PapillaryMuscles,
    Scheme,
    SexOf,
    WeightKg,
    option,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to report."""

    study: Annotated[Path, option(metavar="STUDY", help="NIfTI file, or a folder")]
    mask: Annotated[
        Sequence[Path],
        option(
            "--mask",
            metavar="MASK",
            help="of its short-axis stack: of every frame, of ED alone, or two files: ED and ES",
        ),
    ]
    output: Annotated[Path, option("-o", "--output", metavar="FILE", help="FILE.html")]
    ed_frame: EdFrame = None
    es_frame: EsFrame = None
    height_cm: HeightCm = None
    weight_kg: WeightKg = None
    sex: SexOf = None
    papillary: PapillaryMuscles = "cavity"
    landmarks: InsertionFile = None
    scheme: Scheme = None


def report(options: Options) -> int:
    """Write one page about a study."""
    from napari_cardiac_ssl.cli.measures import phases_of, say_doubts
    from napari_cardiac_ssl.cli.patients import person_of
    from napari_cardiac_ssl.cli.reports import doubts_of, frame_names, one_of, sources_of, stack_of
    from napari_cardiac_ssl.cli.studies import say_scheme
    from napari_cardiac_ssl.measures import Measured, Papillary
    from napari_cardiac_ssl.person import Sex
    from napari_cardiac_ssl.readers.landmarks import insertion_of, read_landmarks
    from napari_cardiac_ssl.readers.nifti import read_mask
    from napari_cardiac_ssl.readers.studies import read_study
    from napari_cardiac_ssl.review import in_time
    from napari_cardiac_ssl.writers.report import report_of, write_report

    if not options.output.name.lower().endswith((".html", ".htm")):
        raise InputError(f"-o {options.output}: name a file that ends in .html")
    check_writable(options.output)
    size = person_of(options.height_cm, options.weight_kg)
    given = replace(size, sex=Sex(options.sex) if options.sex else None)
    scheme = scheme_named(options.scheme) if options.scheme else None
    said = read_landmarks(options.landmarks) if options.landmarks else {}
    study = read_study(options.study)
    stacks, masks = [], []
    for path in options.mask:
        stack = stack_of(study, path, options.mask)
        stacks.append(stack)
        masks.append(read_mask(path, scheme=scheme, like=stack))
    stack, mask = one_of(stacks, masks)
    for part in masks:
        say_scheme(part)
    person, remark = given.completed(stack.person)
    measured = Measured(mask.labels, stack.affine, orientation_known=stack.orientation_known)
    phases = phases_of(mask, measured, options.ed_frame, options.es_frame)
    page = report_of(
        study.name,
        stack,
        mask.labels,
        scheme=mask.scheme,
        sources=sources_of(study, stacks, masks),
        notes=study.notes,
        phases=phases,
        review=in_time([(part.review, part.labels.shape[:2]) for part in masks]),
        names=frame_names(masks),
        body_surface_m2=person.body_surface_m2,
        sex=person.sex,
        person_remark=remark,
        papillary=Papillary(options.papillary),
        insertion=insertion_of(said, options.mask[0]) or insertion_of(said, options.study),
    )
    frames: set[object] = {0} if len(masks) > 1 else set(phases)
    say_doubts(doubts_of(masks, page.warnings), frames, "cardiac-ssl measure --json")
    say(str(write_report(options.output, page)))
    return 0


COMMAND = Command(
    "report",
    "Write one page about a study: contours, curve, bullseye, numbers.",
    "cardiac-ssl report p1_sax.nii.gz --mask p1_sax_seg.nii.gz -o p1.html",
    Options,
    report,
)
