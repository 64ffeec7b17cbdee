"""The picture gets most of the first window, on small screens and large ones."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from qtpy.QtCore import QPoint

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.docks import make_room
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.synthetic import make_study

# Another process, since Qt heeds the scale when it starts.
LOOK = """
import json, os
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.synthetic import make_study
viewer, widget = open_viewer([make_study(1).study], session=Session())
QTest.qWait(1500)
def place(one):
    corner = one.mapTo(window, one.rect().topLeft())
    return [corner.x(), corner.y(), one.width(), one.height()]
window = widget.window()
[canvas] = [one for one in window.findChildren(QWidget) if "Canvas" in type(one).__name__]
room = QApplication.primaryScreen().availableGeometry()
print(json.dumps({
    "screen": [room.width(), room.height()], "window": [window.width(), window.height()],
    "picture": place(canvas), "status": place(widget.status), "views": place(widget.views),
    "panel": place(widget), "seen": not widget.status.visibleRegion().isEmpty(),
    "cut": widget.width() < widget.minimumSizeHint().width(),
}), flush=True)
widget.close_session()
viewer.close()
os._exit(0)
"""


def look(scale, home):
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ
        | {
            "QT_SCALE_FACTOR": str(scale),
            "OMP_NUM_THREADS": "1",
            "NAPARI_CONFIG": str(home / "napari.yaml"),  # a first start
        },
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("scale", [0.5, 1, 1.5, 2])
def test_picture_gets_most_of_the_first_window_and_the_status_line_is_in_sight(scale, home):
    seen = look(scale, home)
    width, height = seen["screen"]
    assert seen["window"] == seen["screen"]
    _, top, _, high = seen["status"]
    assert seen["seen"]
    assert top + high <= height
    assert not seen["cut"]
    left, top, wide, high = seen["picture"]
    for other in ("views", "panel") if width >= 1200 else ():
        assert wide * high > seen[other][2] * seen[other][3]
    assert wide > width * 0.5
    assert high > height * 0.45
    beside = seen["views"][0] >= left + wide
    assert beside == (width >= 1500)
    assert beside or seen["views"][1] >= top + high


@pytest.fixture
def small(make_napari_viewer_proxy, session, qtbot):
    """A laptop's window with a cine as large as most, fully drawn."""
    viewer = make_napari_viewer_proxy(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    viewer.window.resize(1280, 800)
    make_room(widget)
    viewer.window.resize(1280, 800)
    made = make_study(1, frames=20, slices=11, size=64)
    widget.studies.add(made.study)
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    widget.session.labelling.take_over(made.masks[View.SAX])
    qtbot.wait(300)
    yield widget
    widget.close_session()


def scrolls(widget):
    return widget.tabs.currentWidget().verticalScrollBar().maximum() > 0


def test_learning_needs_no_scrolling_in_a_small_window(small, trainer, qtbot):
    assert small.hint.isVisible()
    assert not scrolls(small)
    before = small.learning.train.mapTo(small, QPoint(0, 0))
    small.workspace.actions.confirm()
    small.learning.train.click()
    trainer.progress(0.3)
    qtbot.waitUntil(lambda: "loss" in small.learning.progress.text())
    qtbot.wait(300)
    assert not small.hint.isVisible()
    assert small.learning.curves.isVisible()
    assert not scrolls(small)
    assert small.learning.train.mapTo(small, QPoint(0, 0)) == before  # nothing jumps


def test_the_bullseye_is_seen_whole_in_a_small_window(small, qtbot):
    small.show_mosaic()
    small.show_wall()
    qtbot.wait(500)
    bullseye, panel = small.wall.bullseye, small.wall
    corner = bullseye.mapTo(panel, bullseye.rect().bottomRight())
    assert panel.rect().contains(corner)
    assert np.isclose(bullseye.visibleRegion().boundingRect().height(), bullseye.height())
    assert bullseye.height() >= 140
