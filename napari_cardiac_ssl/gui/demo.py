"""The main job, whole: a window ready to label, or the loop played by a simulated expert."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.screen import has_screen, virtual_screen
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.synthetic import make_study

# napari reads its settings and Qt its platform when they are loaded: after the screen is there.
# ruff: noqa: PLC0415


def run_demo(out: Path | None = None, headless: bool = False, stack: Stack | None = None) -> int:
    """Show the main job.

    With a screen, napari opens ready to label. Without one, or if asked for, a simulated expert
    goes through the whole loop in a real viewer on a virtual screen.

    Parameters
    ----------
    out
        Where the simulated expert's results go: ``demo-output`` by default.
    headless
        Let the simulated expert do it although there is a screen.
    stack
        Instead of the built-in study. The simulated expert needs a reference beside its file:
        ``NAME_gt.nii.gz``.

    Returns
    -------
    int
        0.

    Raises
    ------
    InputError
        If the simulated expert has nothing to draw from, or a result cannot be written.
    """
    truth: NDArray[np.uint8] | None = None
    shown: Study | Stack | None = stack
    if stack is None:
        made = make_study(1)
        stack, truth, shown = made.study.stack(View.SAX), made.masks[View.SAX], made.study
    if not headless and has_screen():
        return open_window([shown or stack], heart=truth)
    with virtual_screen() as note:
        from napari_cardiac_ssl.gui.rehearsal import rehearse

        if note:
            sys.stderr.write(f"{note}\n")
        if truth is None:
            truth = reference_beside(stack)
        rehearse(stack, truth, out or Path("demo-output"))
    return 0


def open_window(
    studies: Sequence[Study | Stack],
    heart: NDArray[np.uint8] | None = None,
    session: Session | None = None,
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
    """
    import napari

    from napari_cardiac_ssl.gui.window import open_viewer, zoom_to

    viewer, widget = open_viewer(studies, session=session)
    if heart is not None:
        zoom_to(viewer, heart, widget.session.stack)
    napari.run()
    return 0


def reference_beside(stack: Stack) -> NDArray[np.uint8]:
    """Return the reference mask that lies beside a stack's file.

    Raises
    ------
    InputError
        If there is none.
    """
    if stack.source is not None:
        for ending in ("_gt.nii.gz", "_gt.nii"):
            path = stack.source.parent / (stack.name + ending)
            if path.is_file():
                return read_mask(path, like=stack).labels
    raise InputError(
        f"no reference for {stack.name}: without a screen a simulated expert draws, and it needs "
        f"{stack.name}_gt.nii.gz beside the image; or run it with a screen and draw yourself"
    )
