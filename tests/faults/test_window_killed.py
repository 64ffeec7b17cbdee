"""The window, killed with strokes just made: opened again, it is as it was."""

import os
import signal
import subprocess
import sys

import nibabel as nib
import numpy as np

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.readers.nifti import read_stack
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex

WINDOW = """
import sys
import numpy as np
from qtpy.QtWidgets import QApplication
from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.readers.nifti import read_stack

viewer, widget = open_viewer([read_stack(sys.argv[1])], show=False)
QApplication.processEvents()
layer = widget.workspace.view.layer
for number in range(10_000):
    t, z, row = number % 2, number // 2 % 3, number % 28
    rows, columns = (part.ravel() for part in np.mgrid[row : row + 4, 3:9])
    where = (np.full(rows.size, t), np.full(rows.size, z), rows, columns)
    with layer.block_history():
        layer.data_setitem(where, 1 + number % 3)
    if number % 10 == 5:
        widget.workspace.actions.undo()
    QApplication.processEvents()
    print(number, int(layer.data.sum()), flush=True)
"""


def test_strokes_just_made_are_there_when_it_is_opened_again(tmp_path):
    path = tmp_path / "heart.nii.gz"
    image = np.random.default_rng(0).random((32, 32, 3, 2)).astype(np.float32)
    nib.save(nib.Nifti1Image(image, np.diag([1.5, 1.5, 8, 1])), path)
    said = []
    for strokes in (1, 30):
        with subprocess.Popen(
            [sys.executable, "-c", WINDOW, str(path)], stdout=subprocess.PIPE, text=True
        ) as window:
            for line in window.stdout:
                said.append(tuple(map(int, line.split())))
                if said[-1][0] >= strokes:
                    os.kill(window.pid, signal.SIGKILL)
        session = Session()
        session.persistence.keeps_by_itself = True
        session.open(read_stack(path))
        assert session.annotations.state(SliceIndex(0, 0)) is SliceState.EDITING
        assert session.history.undoable == "stroke"
        # What had been said, or one step further: what was under way when it was killed.
        found = [int(session.annotations.labels.sum())]
        for step in (session.undo, session.redo, session.redo):
            step()
            found.append(int(session.annotations.labels.sum()))
        assert said[-1][1] in found
        session.close()
