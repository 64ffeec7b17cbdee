"""Commands that open the window: demo, open."""

import argparse

from napari_cardiac_ssl.cli.studies import stack_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.demo import open_window, run_demo
from napari_cardiac_ssl.readers.studies import read_study


def demo(options: argparse.Namespace) -> int:
    """Show the main job, whole."""
    return run_demo(
        out=options.out,
        headless=options.headless,
        stack=stack_of(options.study) if options.study else None,
    )


def open_(options: argparse.Namespace) -> int:
    """Open napari with the widget docked."""
    if options.project:
        raise InputError(f"cannot open {options.project}: projects are not there yet; name images")
    return open_window([read_study(path) for path in options.study])
