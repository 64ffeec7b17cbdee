"""The command open."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.cli.console import note
from napari_cardiac_ssl.cli.options import Command, option
from napari_cardiac_ssl.errors import InputError, InputWarning


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to open."""

    study: Annotated[Sequence[Path], option(nargs="*", metavar="STUDY")] = ()
    project: Annotated[Path | None, option("--project", metavar="FILE")] = None


def open_(options: Options) -> int:
    """Open napari with the widget docked."""
    from napari_cardiac_ssl.cli.display import check_display
    from napari_cardiac_ssl.gui.demo import open_window
    from napari_cardiac_ssl.gui.preferences import preferred_session
    from napari_cardiac_ssl.project import NotWritableError, is_project
    from napari_cardiac_ssl.readers.studies import read_study

    check_display()
    masks = [path for path in options.study if not is_project(path) and _is_mask(path)]
    studies = [
        read_study(path) for path in options.study if not is_project(path) and path not in masks
    ]
    for mask in masks:
        note(
            f"{mask}: labels, shown as a layer; choose it in the panel and press Use to go on from "
            "it"
        )
    projects = [path for path in options.study if is_project(path)]
    if options.project:
        projects.append(options.project)
    if len(projects) > 1:
        raise InputError(f"{len(projects)} projects named; open one at a time")
    session = preferred_session()
    for project in projects:
        try:
            session.open_project(project)
        except NotWritableError as error:
            session.open_project(project, read_only=True)
            note(f"{error.why}: opened to read; save it under another name to work on it")
    return open_window(studies, session=session, masks=masks)


def _is_mask(path: Path) -> bool:
    from napari_cardiac_ssl.gui.opening import looks_like_mask
    from napari_cardiac_ssl.readers.nifti import load_stack
    from napari_cardiac_ssl.readers.studies import is_nifti

    if not path.is_file() or not is_nifti(path):
        return False
    with warnings.catch_warnings():  # said when it is read to be shown
        warnings.simplefilter("ignore", InputWarning)
        return looks_like_mask(load_stack(path).image)


COMMAND = Command(
    "open",
    "Open napari with the widget docked.",
    "cardiac-ssl open p1_sax.nii.gz",
    Options,
    open_,
)
