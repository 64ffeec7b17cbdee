"""The main job, whole: a window ready to label, or the loop played by a simulated expert."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.screen import has_screen, virtual_screen
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.synthetic import make_study

# napari reads its settings and Qt its platform when they are loaded: after the screen is there.
# ruff: noqa: PLC0415


def run_demo(out: Path | None = None, headless: bool = False, path: Path | None = None) -> int:
    """Show the main job.

    With a screen, napari opens ready to label. Without one, or if asked for, a simulated expert
    goes through the whole loop in a real viewer on a virtual screen.

    Parameters
    ----------
    out
        Where the simulated expert's results go: ``demo-output`` by default.
    headless
        Let the simulated expert do it although there is a screen.
    path
        A study instead of the built-in one. The simulated expert draws the reference beside its
        file, ``NAME_gt.nii.gz``; the model's first guess where there is none.

    Returns
    -------
    int
        0.

    Raises
    ------
    InputError
        If the simulated expert has nothing to draw, or a result cannot be written.
    """
    truth: NDArray[np.uint8] | None = None
    if path is None:
        made = make_study(1)
        study, truth = made.study, made.masks[View.SAX]
    else:
        study = read_study(path)
    if not headless and has_screen():
        return open_window([study], heart=truth)
    with virtual_screen() as note:
        from napari_cardiac_ssl.gui.rehearsal import rehearse
        from napari_cardiac_ssl.gui.studies import first_stack

        if note:
            sys.stderr.write(f"{note}\n")
        if truth is None:
            truth = reference_beside(first_stack(study))
        rehearse(path or study, out or Path("demo-output"), truth)
    return 0


def open_window(
    studies: Sequence[Study | Stack],
    heart: NDArray[np.uint8] | None = None,
    session: Session | None = None,
    masks: Sequence[Path] = (),
) -> int:
    """Open napari with the widget docked; return when the window is closed.

    Parameters
    ----------
    studies
        What to show; the first one is worked on.
    heart
        Labels that tell where the heart is, to zoom in on.
    session
        The window's; by default a new one. Without studies, what its project knows is opened.
    masks
        Files of labels to be shown as layers.
    """
    import napari

    from napari_cardiac_ssl.gui.window import open_viewer, zoom_to

    viewer, widget = open_viewer(studies, session=session)
    if heart is not None:
        zoom_to(viewer, heart, widget.session.stack)
    for mask in masks:
        widget.open(mask)
    napari.run()
    return 0


def reference_beside(stack: Stack) -> NDArray[np.uint8] | None:
    """Return the reference mask that lies beside a stack's file, if there is one."""
    if stack.path is not None:
        for ending in ("_gt.nii.gz", "_gt.nii"):
            path = stack.path.parent / (stack.name + ending)
            if path.is_file():
                return read_mask(path, like=stack).labels
    return None
