"""Commands that open the window: demo, open."""

import argparse

from napari_cardiac_ssl.cli.console import note
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.demo import open_window, run_demo
from napari_cardiac_ssl.project import NotWritableError, is_project
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.session import Session


def demo(options: argparse.Namespace) -> int:
    """Show the main job, whole."""
    return run_demo(out=options.out, headless=options.headless, path=options.study)


def open_(options: argparse.Namespace) -> int:
    """Open napari with the widget docked."""
    studies = [read_study(path) for path in options.study if not is_project(path)]
    projects = [path for path in options.study if is_project(path)]
    if options.project:
        projects.append(options.project)
    if len(projects) > 1:
        raise InputError(f"{len(projects)} projects named; open one at a time")
    session = Session()
    session.keeps_by_itself = True
    for project in projects:
        try:
            session.open_project(project)
        except NotWritableError as error:
            session.open_project(project, read_only=True)
            note(f"{error.why}: opened to read; save it under another name to work on it")
    return open_window(studies, session=session)
