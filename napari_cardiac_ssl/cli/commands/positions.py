"""The command positions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.console import count, note, say, say_json
from napari_cardiac_ssl.cli.options import Command, Json, LandmarksFile, option
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable
from napari_cardiac_ssl.geometry.frame import Landmarks, frame_of
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES, UNDEFINED
from napari_cardiac_ssl.study import Study


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to positions."""

    study: Annotated[Path, option(metavar="STUDY", help="DICOM or NIfTI, file or folder")]
    landmarks: LandmarksFile = None
    view: Annotated[
        str, option("--view", choices=("SAX", "LAX_4CH"), help="on whose slices (SAX)")
    ] = "SAX"
    output: Annotated[Path, option("-o", "--output", metavar="FILE", help="ends in .nii.gz")]
    png: Annotated[
        Path | None,
        option("--png", metavar="FILE|DIR", help="draw traces and boxes on the slices too"),
    ] = None
    json: Json = False


def positions(options: Options) -> int:
    """Write the nine anatomical positions of a study."""
    from napari_cardiac_ssl.geometry.positions import positions as positions_on
    from napari_cardiac_ssl.readers.studies import read_study
    from napari_cardiac_ssl.writers.masks import write_map
    from napari_cardiac_ssl.writers.pictures import write_positions_picture

    if not options.output.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"-o {options.output}: name a file that ends in .nii.gz or .nii")
    check_writable(options.output)
    study, view = read_study(options.study), View(options.view)
    stack = study.stack(view)
    landmarks = _landmarks(options, study)
    frame = frame_of(study, landmarks)
    labels = positions_on(stack, frame)
    alike = [other.name for other in study.stacks if other.view is view]
    if len(alike) > 1:
        note(f"{count(len(alike), f'{view} stack')}; the first is used: {alike[0]}")
    undefined = [z for z in range(stack.slices) if (labels[z] == UNDEFINED).all()]
    if undefined:
        note(
            f"slices {', '.join(map(str, undefined))}: the centre is outside the field of view; "
            f"undefined ({UNDEFINED}) there"
        )
    still = stack.first_frame
    said = f"anatomical positions of {view}: 1 to 9, {UNDEFINED} undefined"
    write_map(options.output, labels[None], like=still, description=said)
    pictures = write_positions_picture(options.png, still, frame) if options.png else []
    if options.json:
        say_json(
            {
                "file": str(options.output),
                "pictures": [str(picture) for picture in pictures],
                "view": str(view),
                "planes_from": "views" if landmarks is None else "landmarks",
                "angle_deg": round(_angle_deg(frame.towards_rv, frame.towards_anterior), 1),
                "names": dict(enumerate(POSITION_NAMES[view], start=1)),
                "undefined_slices": undefined,
            }
        )
    else:
        for file in (options.output, *pictures):
            say(str(file))
    return 0


def _landmarks(options: Options, study: Study) -> Landmarks | None:
    """Return the study's landmarks; None where its own views tell where the planes are."""
    from napari_cardiac_ssl.readers.landmarks import landmarks_of, read_landmarks, study_ids
    from napari_cardiac_ssl.readers.studies import missing_views

    if not options.landmarks:
        return None
    said = read_landmarks(options.landmarks)
    found = landmarks_of(said, options.study)
    if found is None:
        ids = " or ".join(f"'{name}'" for name in study_ids(options.study)[:3])
        lacks = f"{options.landmarks} has no study {ids} (it has {', '.join(list(said)[:3])}, …)"
        if set(missing_views(study)) & {View.LAX_2CH, View.LAX_4CH}:
            raise InputError(f"{lacks}; a file is known by its folder's name, or its own up to '_'")
        note(f"{lacks}; its own views are used")
    return found


def _angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(np.clip(one @ other, -1, 1))))


COMMAND = Command(
    "positions",
    "Write the nine anatomical positions as a label map.",
    "cardiac-ssl positions p1 -o p1_positions.nii.gz --png p1_positions.png",
    Options,
    positions,
)
