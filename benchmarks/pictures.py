"""The documents' pictures of real hearts, taken from the window as it is now.

Those of the synthetic heart come from the demo; `make screenshots` takes all. Each needs an open
case: the multi-view one (biv-me) and SC-HF-I-05 of Sunnybrook, public domain. What is shown is what
the shipped weights say, with nothing corrected: weights that are made anew want new pictures.

    python benchmarks/pictures.py                      # all of them, into docs/images
    python benchmarks/pictures.py first-guess-4ch      # one
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cases import DATA, HERE

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.screen import virtual_screen
from napari_cardiac_ssl.study import SliceIndex

# napari reads its settings and Qt its platform when they are loaded: after the screen is there.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from qtpy.QtGui import QPixmap

    from napari_cardiac_ssl.gui.widget import CardiacWidget

#: A laptop's window.
WINDOW = (1280, 800)
MULTIVIEW, SUNNYBROOK = (
    DATA / "multiview" / "dicom",
    DATA / "sunnybrook_dicom" / "SC-HF-I-05" / "dicom",
)
#: End-systole of the multi-view case, as its reference has it.
ES = 9


def first_guess(widget: "CardiacWidget") -> "QPixmap":
    """Show what *Predict* says of a heart, before anything is drawn."""
    predict(widget, MULTIVIEW)
    widget.view.go_to(SliceIndex(0, 2))
    look_closer(widget)
    return window_of(widget)


def views(widget: "CardiacWidget") -> "QPixmap":
    """Show the long-axis views beside a slice, with planes and positions; two slices confirmed."""
    from napari_cardiac_ssl.gui.plane_lines import POSITIONS

    predict(widget, MULTIVIEW)
    widget.workspace.actions.accept(SliceIndex(0, 3), SliceIndex(0, 4))
    widget.view.go_to(SliceIndex(0, 3))
    widget.lines.show(POSITIONS, True)
    widget.show_tab("Measure")
    look_closer(widget)
    return window_of(widget)


def mosaic(widget: "CardiacWidget") -> "QPixmap":
    """Show the mosaic below a slice, with slices of every state."""
    predict(widget, SUNNYBROOK)
    widget.overview.think()
    ed, es = widget.session.measurement.phases
    actions = widget.workspace.actions
    actions.accept(*(SliceIndex(ed, z) for z in (4, 5, 6)))
    actions.exclude(SliceIndex(es, 0))
    actions.no_heart(SliceIndex(es, 10))
    labels = widget.session.annotations.labels[ed, 7].copy()
    labels[:2, :2] = 1  # a stroke, taken back by the next: the slice is being edited
    actions.redraw(SliceIndex(ed, 7), labels, "")
    labels[:2, :2] = 0
    actions.redraw(SliceIndex(ed, 7), labels, "")
    widget.view.go_to(SliceIndex(ed, 5))
    widget.show_mosaic()
    live(0.5)
    widget.studies.fit()
    widget.overview.think()
    widget.workspace.say(widget.overview.reason.toolTip().replace("\n", " "))
    return window_of(widget)


def valve_plane(widget: "CardiacWidget") -> "QPixmap":
    """Show valve and apex on the long-axis views, as they are found."""
    read(widget, MULTIVIEW)
    widget.session.valve.find()
    until(lambda: not widget.session.valve.searching)
    widget.view.go_to(SliceIndex(ES, 0))
    dock = widget.views.parent()
    dock.setFloating(True)
    dock.resize(900, 520)
    live(0.5)
    return side_by_side([slot.pane.grab() for slot in widget.views.slots])


def first_guess_4ch(widget: "CardiacWidget") -> "QPixmap":
    """Show what *Predict* says of a 4CH view at ED and at end-systole."""
    from napari_cardiac_ssl.gui.plane_lines import TRACES

    read(widget, MULTIVIEW)
    study = widget.session.study.current
    widget.studies.work_on(study.stack(View.LAX_4CH))
    widget.views.parent().hide()
    widget.lines.show(TRACES, False)
    live(0.5)
    predict(widget)
    found = []
    for t in (0, ES):
        widget.view.go_to(SliceIndex(t, 0))
        widget.studies.fit()
        found.append(middle_of(widget, 720))
    return side_by_side(found)


#: By the names of their files.
PICTURES: dict[str, Callable[["CardiacWidget"], "QPixmap"]] = {
    "first-guess": first_guess,
    "views": views,
    "mosaic": mosaic,
    "valve-plane": valve_plane,
    "first-guess-4ch": first_guess_4ch,
}


def read(widget: "CardiacWidget", study: Path) -> None:
    """Open a study, and learn nothing while it is looked at."""
    widget.open(study)
    until(lambda: widget.workspace.is_open and not widget.opening.busy)
    widget.learning.while_drawing.setChecked(False)


def predict(widget: "CardiacWidget", study: Path | None = None) -> None:
    """Press *Predict*, and look at the heart."""
    if study is not None:
        read(widget, study)
    widget.learning.predict.click()
    until(lambda: not widget.session.training.busy)
    widget.studies.fit()
    widget.overview.think()
    live(0.5)


def look_closer(widget: "CardiacWidget") -> None:
    """Fit the heart into the picture, and zoom in a little, as with Shift and the wheel."""
    from napari_cardiac_ssl.gui.display import camera_of

    widget.studies.fit()
    camera_of(widget.viewer).zoom *= 1.4


def window_of(widget: "CardiacWidget") -> "QPixmap":
    """Return a picture of the whole window."""
    from qtpy.QtGui import QPixmap

    live(1.0)
    return QPixmap.fromImage(widget.viewer.window._qt_window.grab().toImage())


def middle_of(widget: "CardiacWidget", side: int) -> "QPixmap":
    """Return the middle of napari's picture with what is painted over it, so many pixels wide."""
    from qtpy.QtCore import QPoint, QRect
    from qtpy.QtWidgets import QWidget

    canvases = [
        one
        for one in widget.window().findChildren(QWidget)
        if "Canvas" in type(one).__name__ and one.isVisible()
    ]
    canvas = max(canvases, key=lambda one: one.width() * one.height())
    corner = canvas.mapTo(widget.window(), canvas.rect().center() - QPoint(side // 2, side // 2))
    return window_of(widget).copy(QRect(corner.x(), corner.y(), side, side))


def side_by_side(pictures: list["QPixmap"]) -> "QPixmap":
    """Return pictures in a row, a little apart."""
    from qtpy.QtCore import Qt
    from qtpy.QtGui import QPainter, QPixmap

    width = sum(one.width() for one in pictures) + 8 * (len(pictures) - 1)
    whole = QPixmap(width, max(one.height() for one in pictures))
    whole.fill(Qt.GlobalColor.white)
    painter, left = QPainter(whole), 0
    for one in pictures:
        painter.drawPixmap(left, 0, one)
        left += one.width() + 8
    painter.end()
    return whole


def live(seconds: float) -> None:
    """Let the window live for a while."""
    from qtpy.QtTest import QTest

    QTest.qWait(round(1000 * seconds))


def until(done: Callable[[], bool]) -> None:
    """Let the window live until something is so."""
    while not done():
        live(0.05)
    live(0.3)


def take(name: str, out: Path) -> None:
    """Take one picture in a window of its own."""
    from qtpy.QtCore import Qt

    from napari_cardiac_ssl.gui.window import open_viewer
    from napari_cardiac_ssl.session import Session

    viewer, widget = open_viewer([], session=Session())
    try:
        window = widget.window()
        window.setWindowState(Qt.WindowState.WindowNoState)
        window.resize(*WINDOW)
        live(0.5)
        widget.hint.hide()
        file = out / f"{name}.png"
        PICTURES[name](widget).save(str(file))
        sys.stdout.write(f"{file}\n")
    finally:
        viewer.close()
        widget.close_session()


def main() -> None:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PICTURES), metavar="NAME")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "images")
    options = parser.parse_args()
    for name in set(options.names) - set(PICTURES):
        parser.error(f"no picture is named {name}: name some of {', '.join(PICTURES)}")
    for study in (MULTIVIEW, SUNNYBROOK):
        if not study.is_dir():
            raise SystemExit(f"no {study}; set CARDIAC_SSL_DATA")
    with tempfile.TemporaryDirectory() as home, virtual_screen() as note:
        sys.stderr.write(f"{note}\n" if note else "")
        os.environ["CARDIAC_SSL_HOME"] = home  # nothing is known of the studies yet
        for name in options.names:
            take(name, options.out)


if __name__ == "__main__":
    main()
