"""The whole loop in a real viewer, played by a simulated expert who draws the reference."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication, QPushButton
from skimage.measure import find_contours

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, STRUCTURES_OF_VIEW, UKBB, Structure
from napari_cardiac_ssl.annotations import OPEN_TO_MODEL
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.mouse import Mouse
from napari_cardiac_ssl.gui.panels.drawing import ERASER
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.gui.window import open_viewer, zoom_to
from napari_cardiac_ssl.metrics import mean_defined, score
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.writers.masks import write_map
from napari_cardiac_ssl.writers.tables import write_csv

#: With how many points a hand follows an outline.
_POINTS = 24
#: Seconds of training in the first and in the second round.
BUDGETS_S = (20, 20)


def rehearse(
    stack: Stack,
    truth: NDArray[np.uint8],
    out: Path,
    *,
    budgets_s: Sequence[int] = BUDGETS_S,
) -> None:
    """Go through the loop, and leave masks, model, metrics and screenshots.

    Parameters
    ----------
    stack
        The image.
    truth
        Shape of the image, UKBB integers: what the expert draws, and what results are held
        against. Frames without any label are not scored.
    out
        Folder of the results.
    budgets_s
        Seconds of training in each round.

    Raises
    ------
    InputError
        If there is nothing to draw, or a result cannot be written.
    """
    slices = slices_to_draw(truth)
    viewer, widget = open_viewer([stack], session=Session())
    try:
        play = _Rehearsal(viewer, widget, truth, out)
        play.open()
        play.draw(slices)
        rows = play.learn(1, budgets_s[0])
        play.correct(play.worst_slice())
        play.follow()
        rows += play.learn(2, budgets_s[1])
        play.export()
    finally:
        viewer.close()
        widget.close_session()
    write_csv(out / "metrics.csv", rows)
    _say_results(rows, slices, out)


def slices_to_draw(truth: NDArray[np.uint8]) -> list[SliceIndex]:
    """Return a basal, a middle and an apical slice of the first frame that shows a heart.

    Examples
    --------
    >>> truth = np.zeros((2, 10, 4, 4), np.uint8)
    >>> truth[1, 1:8] = 1
    >>> [tuple(index) for index in slices_to_draw(truth)]
    [(1, 2), (1, 4), (1, 6)]
    """
    labelled = np.asarray((truth > 0).any(axis=(2, 3)))
    if not labelled.any():
        raise InputError("the reference holds no label; give one with labelled slices")
    t = int(labelled.any(axis=1).argmax())
    z = np.flatnonzero(labelled[t])
    chosen = (z[round(share * (len(z) - 1))] for share in (0.2, 0.5, 0.8))
    return [SliceIndex(t, int(one)) for one in dict.fromkeys(chosen)]


def outlines_of(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the outlines of a mask's pieces as a hand would follow them, the largest first.

    Examples
    --------
    >>> mask = np.zeros((20, 20), bool)
    >>> mask[5:15, 5:15] = True
    >>> [len(outline) < 50 for outline in outlines_of(mask)]
    [True]
    """
    found = find_contours(np.pad(mask, 1).astype(float), 0.5)
    found.sort(key=len, reverse=True)
    return [
        outline[:: max(1, len(outline) // _POINTS)] - 1 for outline in found if len(outline) > 8
    ]


class _Rehearsal:
    """One run: what the expert does with mouse and buttons, step by step."""

    def __init__(
        self, viewer: napari.Viewer, widget: CardiacWidget, truth: NDArray[np.uint8], out: Path
    ) -> None:
        self._viewer = viewer
        self._widget = widget
        self._session = widget.session
        self._truth = truth
        self._out = out
        self._mouse = Mouse(viewer, widget, lambda: _pump(0.015))
        self._shots = 0
        self._drawn: list[SliceIndex] = []

    def open(self) -> None:
        widget, stack = self._widget, self._session.stack
        widget.window().resize(1280, 800)
        _pump(0.5)
        zoom_to(self._viewer, self._truth, stack)
        self.look_at(slices_to_draw(self._truth)[len(slices_to_draw(self._truth)) // 2])
        self.shoot("opened")
        widget.hint.hide()  # read

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
        wanted = self._truth[index]
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
        _until(lambda: self._share_spent() > 0.5 or not self._session.busy, 600 + seconds)
        if number == 1:
            self.shoot("training")
        _until(lambda: not self._session.busy, 1200 + seconds)
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
        if self._truth[index.t].any():
            self.paint(index)
            self.press(self._widget.slice.confirm)

    def worst_slice(self) -> SliceIndex:
        """Return the predicted slice with most wrong pixels, of those that show most structures.

        (Beyond base and apex there is much to be wrong about, and little to learn from.)
        """
        annotations = self._session.annotations
        worth = {
            index: (
                len(np.unique(self._truth[index])),
                int((annotations.labels[index] != self._truth[index]).sum()),
            )
            for index in self._session.stack.slice_indices()
            if self._truth[index].any() and annotations.state(index) in OPEN_TO_MODEL
        }
        if not worth:
            raise InputError("the reference shows no slice beside those that were drawn")
        return max(worth, key=lambda index: worth[index])

    def export(self) -> None:
        stack, out = self._session.stack, self._out
        self._widget.desk.export_model(out / "model.safetensors")
        self._widget.desk.export_masks(out / "masks" / f"{stack.name}_seg.nii.gz", UKBB)
        if stack.source is None:
            write_map(
                out / "masks" / f"{stack.name}.nii.gz", stack.image, like=stack, description="image"
            )
        self.shoot("exported")

    def scores(self, number: int) -> list[dict[str, object]]:
        """Score every frame on the slices that the expert has not drawn."""
        labels = self._session.annotations.labels
        rows: list[dict[str, object]] = []
        for t, frame in enumerate(self._truth):
            others = [z for z in range(len(frame)) if SliceIndex(t, z) not in self._drawn]
            if not frame.any() or not others:
                continue
            found = score(
                labels[t : t + 1],
                self._truth[t : t + 1],
                spacing_mm=self._session.stack.spacing_mm,
                structures=self.structures,
                slices=others,
            )
            rows += [
                {
                    "round": number,
                    "slices_drawn": len(self._drawn),
                    "frame": t,
                    "structure": one.structure.value,
                    "dice": one.dice,
                    "hd95_mm": one.hd95_mm,
                    "mean_surface_distance_mm": one.mean_surface_distance_mm,
                }
                for one in found
            ]
        return rows

    @property
    def structures(self) -> tuple[Structure, ...]:
        return STRUCTURES_OF_VIEW.get(self._session.stack.view, SAX_STRUCTURES)

    def press(self, button: QPushButton) -> None:
        button.click()
        _pump(0.05)

    def shoot(self, step: str) -> None:
        """Take a picture of the whole window."""
        self._shots += 1
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
        progress = self._session.status.progress
        return progress.spent if progress else 0.0

    def _neighbour(self, index: SliceIndex) -> SliceIndex:
        """Return a slice beside that shows the heart too, if there is one."""
        for z in (index.z - 1, index.z + 1):
            beside = SliceIndex(index.t, z)
            inside = 0 <= z < self._truth.shape[1]
            if inside and beside not in self._drawn and self._truth[beside].any():
                return beside
        return index


def _pump(seconds: float) -> None:
    """Let the window live for a while."""
    _until(lambda: False, seconds, strict=False)


def _until(done: Callable[[], bool], seconds: float, *, strict: bool = True) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            if strict:
                raise TimeoutError(f"the window did not get there in {seconds:.0f} s")
            return
        QApplication.processEvents()
        time.sleep(0.005)


def _say_results(rows: list[dict[str, object]], slices: list[SliceIndex], out: Path) -> None:
    """Say what came out, in a table."""
    lines = [
        f"drawn: frame {slices[0].t}, slices {', '.join(str(i.z) for i in slices)}; "
        "scored on all other slices, mean over frames",
        f"{'round':<7}{'structure':<14}{'Dice':>7}{'HD95 (mm)':>12}{'mean distance (mm)':>21}",
    ]
    for key in dict.fromkeys((row["round"], row["structure"]) for row in rows):
        mine = [row for row in rows if (row["round"], row["structure"]) == key]
        dice_, hd95, distance = (
            mean_defined(float(str(row[column])) for row in mine)
            for column in ("dice", "hd95_mm", "mean_surface_distance_mm")
        )
        lines.append(f"{key[0]!s:<7}{key[1]!s:<14}{dice_:>7.3f}{hd95:>12.1f}{distance:>21.2f}")
    lines.append(f"masks, model, metrics and screenshots are in {out}")
    sys.stdout.write("\n".join(lines) + "\n")
