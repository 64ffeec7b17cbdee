"""The whole loop in a real viewer, played by a simulated expert who draws the reference.

Without a reference, the expert draws what the model says at first: a walk through the window on any
study, which says nothing of how good the results are. It stands beside the window, whose buttons it
presses; what the expert draws and how the results are scored is in `demo`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication, QPushButton

from napari_cardiac_ssl.anatomy import (
    SAX_STRUCTURES,
    STRUCTURES_OF_VIEW,
    UKBB,
    Structure,
    View,
)
from napari_cardiac_ssl.annotations import OPEN_TO_MODEL
from napari_cardiac_ssl.demo.hand import landmarks_in, outlines_of, slices_to_draw
from napari_cardiac_ssl.demo.results import rows_of, said_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.mouse import Mouse
from napari_cardiac_ssl.gui.panels.drawing import ERASER
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.gui.window import open_viewer, zoom_to
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Study
from napari_cardiac_ssl.writers.masks import write_map
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.tables import write_csv
from napari_cardiac_ssl.writers.work import Choice

#: A laptop's window.
_WINDOW = (1280, 800)
#: Seconds after which a study is not read, or a trainer not there, where others work the machine.
_READING_S, _TRAINER_S = 300, 1200
#: Seconds of training in the first and in the second round.
BUDGETS_S = (20, 20)


def rehearse(
    study: Study | Path,
    out: Path,
    truth: NDArray[np.uint8] | None = None,
    *,
    budgets_s: Sequence[int] = BUDGETS_S,
) -> None:
    """Go through the loop, and leave masks, model, metrics and screenshots.

    Parameters
    ----------
    study
        What is worked on, or where the window shall open it from.
    out
        Folder of the results.
    truth
        Shape of the study's first stack, UKBB integers: what the expert draws, and what results
        are held against. Frames without any label are not scored. By default the model's first
        guess is drawn, and nothing is scored.
    budgets_s
        Seconds of training in each round.

    Raises
    ------
    InputError
        If there is nothing to draw, or a result cannot be written.
    """
    viewer, widget = open_viewer([], session=Session())
    try:
        play = _Rehearsal(viewer, widget, out)
        play.open(study, truth)
        play.set_landmarks()
        slices = slices_to_draw(play.truth)
        play.draw(slices)
        rows = play.learn(1, budgets_s[0])
        play.correct(play.worst_slice())
        play.follow()
        rows += play.learn(2, budgets_s[1])
        play.look_round()
        play.export()
    finally:
        viewer.close()
        widget.close_session()
    if truth is not None:
        write_csv(out / "metrics.csv", rows)
    sys.stdout.write(said_of(rows if truth is not None else [], slices, out) + "\n")


class _Rehearsal:
    """One run: what the expert does with mouse and buttons, step by step."""

    def __init__(self, viewer: napari.Viewer, widget: CardiacWidget, out: Path) -> None:
        self._viewer = viewer
        self._widget = widget
        self._session = widget.session
        self._out = out
        widget.window().resize(*_WINDOW)
        _pump(0.5)
        self._mouse = Mouse(viewer, widget, lambda: _pump(0.015))
        self._shots = 0
        self._begun = time.monotonic()
        self._drawn: list[SliceIndex] = []

    def open(self, study: Study | Path, truth: NDArray[np.uint8] | None) -> None:
        """Open a study, look at the heart, and know what is to be drawn."""
        if isinstance(study, Study):
            self._widget.studies.add(study)
        else:
            self._widget.open(study)
            _until(lambda: not self._widget.opening.busy, _READING_S)
            if not self._widget.workspace.is_open:
                raise InputError(f"{study}: no image to work on in it")
        self._look_at_heart(truth)
        self.shoot("opened")
        self._widget.hint.hide()  # read
        self.truth = self._first_guess() if truth is None else truth

    def _look_at_heart(self, labels: NDArray[np.uint8] | None) -> None:
        """Go to a slice that shows it; where nobody knows better, to the middle one."""
        stack = self._session.stack
        if labels is None:
            self.look_at(SliceIndex(0, stack.slices // 2))
            return
        if self._session.anatomy.frame is None:  # else the window knows where the heart is
            zoom_to(self._viewer, labels, stack)
        slices = slices_to_draw(labels)
        self.look_at(slices[len(slices) // 2])

    def _first_guess(self) -> NDArray[np.uint8]:
        """Ask the model for a first guess, look at it, and take it back."""
        self.press(self._widget.learning.predict)
        _until(lambda: not self._session.training.busy, _TRAINER_S)
        labels = self._session.annotations.labels.copy()
        if not labels.any():
            raise InputError(
                f"{self._session.stack.name}: no reference, and the model finds no heart; there "
                f"is nothing to draw ({self._widget.status.text()})"
            )
        self._look_at_heart(labels)
        self.shoot("first-guess")
        self._widget.workspace.actions.roll_back()
        return labels

    def set_landmarks(self) -> None:
        """Click three landmarks where no long-axis views tell how the heart lies."""
        if self._session.anatomy.frame is not None or self._session.stack.view is not View.SAX:
            return
        self._widget.clicks.start()
        for index, row, column in landmarks_in(self.truth):
            self.look_at(index)
            self._mouse.drag(np.array([[row, column]]) * self._session.stack.spacing_mm[1:])
            _pump(0.1)
        if self._widget.clicks.asking:
            raise InputError(f"landmarks were not taken: {self._widget.status.text()}")
        self.shoot("landmarks")

    def look_at(self, index: SliceIndex) -> None:
        self._widget.view.go_to(index)
        _pump(0.1)

    def draw(self, slices: list[SliceIndex]) -> None:
        """Draw slices and confirm all but the middle one, which is left in view."""
        middle = slices[len(slices) // 2]
        for index in [one for one in slices if one != middle] + [middle]:
            self.paint(index)
            if index != middle:
                self.press(self._widget.slice.confirm)
        self.shoot("labelled")

    def paint(self, index: SliceIndex) -> None:
        """Draw what the reference shows on a slice, contour by contour, with the mouse."""
        self.look_at(index)
        layer = self._widget.view.layer or self._widget.view.show()
        self._widget.drawing.use("contour")
        wanted = self.truth[index]
        for structure in self.structures:
            code = UKBB.code(structure)
            inside = wanted == code
            if structure is Structure.MYOCARDIUM:  # its contour is the epicardium
                inside |= wanted == UKBB.code(Structure.LV_CAVITY)
            outlines = outlines_of(inside) if (wanted == code).any() else []
            if not outlines and (layer.data[index] == code).any():
                outlines, code = outlines_of(layer.data[index] == code), ERASER
            self.press(self._widget.drawing.buttons[code])
            for outline in outlines:
                self._mouse.drag(outline * self._session.stack.spacing_mm[1:])
        self._drawn.append(index)
        _pump(0.1)

    def learn(self, number: int, seconds: int) -> list[dict[str, object]]:
        """Train for a round; return how good the result is."""
        self._widget.learning.seconds.value = seconds
        self.press(self._widget.learning.train)
        _until(lambda: self._share_spent() > 0.5 or not self._session.training.busy, 600 + seconds)
        if number == 1:
            self.shoot("training")
        _until(lambda: not self._session.training.busy, _TRAINER_S + seconds)
        if self._session.model is None:
            raise InputError(f"the demo's training ended early: {self._widget.status.text()}")
        self.look_at(self._neighbour(self._drawn[-1]))  # where nobody has drawn
        self.shoot("refreshed" if number == 1 else "second-round")
        return self.scores(number)

    def correct(self, index: SliceIndex) -> None:
        """Make a predicted slice as the reference shows it, and confirm it."""
        self.look_at(index)
        self.shoot("to-correct")
        self.paint(index)
        self.press(self._widget.slice.confirm)
        self.shoot("corrected")

    def follow(self) -> None:
        """Go where the window suggests, and draw there if the reference knows the slice."""
        self.press(self._widget.overview.next)
        self.shoot("suggested")
        index = self._widget.view.in_view
        if self.truth[index.t].any():
            self.paint(index)
            self.press(self._widget.slice.confirm)

    def worst_slice(self) -> SliceIndex:
        """Return the predicted slice with most wrong pixels, of those that show most structures.

        (Beyond base and apex there is much to be wrong about, and little to learn from.)
        """
        annotations = self._session.annotations
        worth = {
            index: (
                len(np.unique(self.truth[index])),
                int((annotations.labels[index] != self.truth[index]).sum()),
            )
            for index in self._session.stack.slice_indices()
            if self.truth[index].any() and annotations.state(index) in OPEN_TO_MODEL
        }
        if not worth:
            raise InputError("the reference shows no slice beside those that were drawn")
        return max(worth, key=lambda index: worth[index])

    def look_round(self) -> None:
        """Look at the contours' points, at all slices of ED and ES, and at the wall."""
        self.look_at(self._drawn[0])
        self._widget.drawing.use("edit")
        self.shoot("points")
        self._widget.drawing.use("paint")
        self._widget.show_mosaic()
        self.shoot("mosaic")
        if self._session.stack.view is View.SAX:
            self._widget.show_tab("Measure")
            self._widget.show_wall()
            _pump(0.5)
            _until(lambda: not self._widget.wall.busy, _READING_S)
            self.shoot("bullseye")

    def export(self) -> None:
        stack, out = self._session.stack, self._out
        self._widget.show_tab("Export")
        self._widget.workspace.actions.export_model(out / "model.safetensors")
        self._widget.export.export(out / "masks")
        if stack.source is None:
            write_map(
                out / "masks" / f"{stack.name}.nii.gz", stack.image, like=stack, description="image"
            )
        report = WRITERS["report"]
        if report.offered(self._session.export.work()):
            report.write(out / "report.html", self._session.export.work(), Choice())
        self.shoot("exported")

    def scores(self, number: int) -> list[dict[str, object]]:
        """Score every frame on the slices that the expert has not drawn."""
        return rows_of(
            number,
            self._session.annotations.labels,
            self.truth,
            self._drawn,
            spacing_mm=self._session.stack.spacing_mm,
            structures=self.structures,
        )

    @property
    def structures(self) -> tuple[Structure, ...]:
        return STRUCTURES_OF_VIEW.get(self._session.stack.view, SAX_STRUCTURES)

    def press(self, button: QPushButton) -> None:
        button.click()
        _pump(0.05)

    def shoot(self, step: str) -> None:
        """Take a picture of the whole window."""
        self._shots += 1
        sys.stderr.write(f"{time.monotonic() - self._begun:4.0f} s: {step.replace('-', ' ')}\n")
        folder = self._out / "screenshots"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _pump(0.6)
            path = folder / f"{self._shots}-{step}.png"
            self._viewer.screenshot(str(path), canvas_only=False, flash=False)
        except OSError as error:
            raise InputError(
                f"cannot write {folder}: {error.strerror}; name another --out"
            ) from error

    def _share_spent(self) -> float:
        progress = self._session.training.status.progress
        return progress.spent if progress else 0.0

    def _neighbour(self, index: SliceIndex) -> SliceIndex:
        """Return a slice beside that shows the heart too, if there is one."""
        for z in (index.z - 1, index.z + 1):
            beside = SliceIndex(index.t, z)
            inside = 0 <= z < self.truth.shape[1]
            if inside and beside not in self._drawn and self.truth[beside].any():
                return beside
        return index


def _pump(seconds: float) -> None:
    """Let the window live for a while."""
    _until(lambda: False, seconds, strict=False)


def _until(done: Callable[[], bool], seconds: float, *, strict: bool = True) -> None:
    """Let the window live until something is so; at least once, however busy the machine is."""
    end = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        if done():
            return
        if time.monotonic() > end:
            if strict:
                raise TimeoutError(f"the window did not get there in {seconds:.0f} s")
            return
        time.sleep(0.005)
