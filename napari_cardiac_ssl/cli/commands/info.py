"""The command info."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.cli.console import count, say, say_json
from napari_cardiac_ssl.cli.listing import few, series_lines
from napari_cardiac_ssl.cli.options import Command, Json, option
from napari_cardiac_ssl.geometry.frame import along_patient_axes
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.study import Stack, Study


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to info."""

    study: Annotated[Path, option(metavar="STUDY", help="DICOM or NIfTI, file or folder")]
    nifti: Annotated[
        Path | None, option("--nifti", metavar="DIR", help="write every stack as NIfTI there")
    ] = None
    valve: Annotated[
        bool,
        option("--valve", help="find the mitral valve plane and the apex on the long-axis views"),
    ] = False
    json: Json = False


def info(options: Options) -> int:
    """Tell what a study holds."""
    from napari_cardiac_ssl.readers.studies import masks_in, missing_views, read_study

    if options.valve:
        from napari_cardiac_ssl.cli.valve import valve_lines, valve_rows

    study = read_study(options.study)
    series = [
        {
            **({"uids": stack.series_uids} if stack.series_uids else {"file": str(stack.path)}),
            "name": stack.name,
            "view": str(stack.view),
            "contrast": stack.contrast,
            "frames": stack.frames,
            "slices": stack.slices,
            "rows": stack.image.shape[2],
            "columns": stack.image.shape[3],
            "spacing_mm": [round(value, 4) for value in stack.spacing_mm],
            "frame_interval_s": stack.frame_interval_s,
            "orientation_known": stack.orientation_known,
            "data_type": str(stack.image.dtype),
            "remarks": _remarks(stack),
        }
        for stack in study.stacks
    ]
    missing = [str(view) for view in missing_views(study)]
    masks = [file.name for file in masks_in(options.study)] if options.study.is_dir() else []
    valve = valve_rows(study) if options.valve else []
    written = _write_images(study, options.nifti) if options.nifti else []
    if options.json:
        said = {"study": study.name, "series": series, "missing": missing, "notes": study.notes}
        said |= {"masks": masks} | ({"valve": valve} if options.valve else {})
        say_json(said | ({"written": written} if written else {}))
        return 0
    say(f"study {study.name}: {count(len(series), 'series', 'series')}")
    for line in series_lines(series):
        say(line)
    for line in few(study.notes, "notes"):
        say(f"  note: {line}")
    if known := _of_person(study.stacks[0].person):
        say(f"  person, for indexed values and reference ranges: {known}")
    if masks:
        say(f"  masks, which are no views: {', '.join(masks)}")
    if missing:
        say(f"  missing: {', '.join(missing)} (anatomical positions need SAX, LAX_2CH, LAX_4CH)")
    for line in valve_lines(valve) if options.valve else ():
        say(line)
    for file in written:
        say(file)
    return 0


def _write_images(study: Study, folder: Path) -> list[str]:
    """Write every stack as NIfTI where it lies in the patient."""
    from napari_cardiac_ssl.writers.masks import write_map

    written = []
    for stack in study.stacks:
        image = stack.image
        if image.dtype == np.uint16 and image.max() < 2**15:
            image = image.astype(np.int16)
        known = stack.view in STRUCTURES_OF_VIEW
        name = f"{study.name}_{stack.view.file_name if known else stack.name}"
        if f"{folder / name}.nii.gz" in written:
            name = f"{study.name}_{stack.name}"
        file = folder / f"{name}.nii.gz"
        written.append(str(write_map(file, image, like=stack, description=str(stack.view))))
    return written


def _of_person(person: Person) -> str:
    """Say what the files say of a person's size and sex; "" if nothing."""
    parts = [
        f"{person.height_cm:g} cm" if person.height_cm else "",
        f"{person.weight_kg:g} kg" if person.weight_kg else "",
        person.sex or "",
    ]
    return ", ".join(filter(None, parts))


def _remarks(stack: Stack) -> list[str]:
    """Return what is doubtful about a stack, a line each."""
    remarks = []
    if not stack.orientation_known:
        remarks.append(
            "orientation unknown: neither sform nor qform has a code, so left and right, and where "
            "it lies among other views, are not said"
        )
    elif stack.view is View.SAX and along_patient_axes(stack.affine):
        remarks.append(
            "orientation doubtful: its axes are said to be the patient's, which no short axis's "
            "are; left and right are taken to be as usual on a screen, seen from the apex"
        )
    interval = stack.frame_interval_s
    if stack.frames > 1 and interval is not None and not 0.005 <= interval <= 0.2:
        remarks.append(f"frames {1000 * interval:.3g} ms apart: doubtful, check the header")
    return remarks


COMMAND = Command(
    "info",
    "Tell what a study holds and what is missing.",
    "cardiac-ssl info p1",
    Options,
    info,
)
