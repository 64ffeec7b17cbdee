"""Does the window stall while contours are edited by keys and dragged? Bare napari beside it.

What a person does, again and again: a point of a contour is chosen, moved by six keys and kept; a
point is dragged with the mouse; the next frame is gone to; every fourth slice is confirmed. It is
done in the widget alone, with the cine playing beside it, with the mosaic of all slices too, and
with all of that while it trains; then the valve is looked for. Bare napari does what of it there
is, on the same image and labels: each key reaches the picture, a stroke of the mouse paints as
many voxels, the next frame is gone to. It does so before all else, and while the trainer trains on.

Of each it is said how long the event loop stood still, what this thread and what the whole process
(OpenGL in software is part of it) computed in such a gap, how long a drag took from the mouse's
move to the picture, and what was on the stack in the worst gap (`event_loop.py`). Runs are added to
benchmarks/results/stalls.csv.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/editing_stalls.py [--seconds 15]
    xvfb-run -a -s "-screen 0 3840x2160x24" python benchmarks/editing_stalls.py --window 3800x2100
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
from cases import RESULTS
from counted_hand import Hand
from event_loop import FIGURES, Probe, pump
from napari.layers import Labels, Layer
from qtpy.QtCore import QPointF
from qtpy.QtWidgets import QWidget
from runs import Table
from stalls import show_mosaic, train_on

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.gui.display import image_layer, labels_layer
from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack, Study
from napari_cardiac_ssl.synthetic import make_study

PARTS = ("bare", "alone", "cine", "mosaic", "training", "valve")
#: Keys that move a point before it is kept; frames before a slice is confirmed; how far a point is
#: dragged, pixels.
_MOVES, _FRAMES, _DRAG = 6, 4, np.array([24, 32])
_DRAWN = ("drawn_median_ms", "drawn_p95_ms", "drawn_longest_ms")
TABLE = Table(
    RESULTS / "stalls.csv",
    {"what": str, "window": str, "load": float, **FIGURES, **dict.fromkeys(_DRAWN, float)},
)


class Ours:
    """Editing in the widget."""

    def __init__(
        self, study: Study, truth: np.ndarray, size: tuple[int, int], folder: Path
    ) -> None:
        self.session = Session(who="benchmark")
        self.session.open_project(folder / "work.cardiac")
        self.viewer, self.widget = open_viewer([study], session=self.session)
        self.widget.window().resize(*size)
        self.session.labelling.take_over(truth)
        pump(2)
        self.hand = Hand(self.widget.window(), _picture_of(self.widget.window()))
        self.widget.studies.fit()
        self.widget.view.go_to(SliceIndex(0, truth.shape[1] // 2))
        self.widget.drawing.use("edit")
        pump(1)

    def turns(self) -> Iterator[None]:
        """Edit a slice, and go on; a part of it each time that it is asked for more."""
        turn = 0
        while True:
            for key in ("Period", *["Right", "Down"] * (_MOVES // 2), "Enter"):
                self.hand.key(key)
            yield
            self.hand.drag(self._way())
            yield
            turn += 1
            if turn % _FRAMES == 0:
                self.hand.key("C")
            self.hand.key("D")
            yield

    def _way(self) -> np.ndarray:
        """Return where a point of the endocardium is on the picture, and where it is dragged to."""
        lines = self.widget.contours.lines.get(Border.ENDOCARDIUM)
        row, column = lines[0][0] if lines else (1.0, 1.0)
        at = self.widget.overlay.to_canvas().map(QPointF(column, row))
        start = np.array([at.x(), at.y()])
        return np.array([start, start + _DRAG])

    def close(self) -> None:
        """End it."""
        self.widget.close_session()
        self.viewer.close()


class Bare:
    """What there is of it in bare napari."""

    def __init__(self, stack: Stack, truth: np.ndarray, size: tuple[int, int]) -> None:
        self.viewer = napari.Viewer()
        self.viewer.add_layer(Layer.create(*image_layer(stack)))
        data, meta, _ = labels_layer(truth.copy(), stack, name="labels")
        self._labels = self.viewer.add_layer(Labels(data, **meta))
        self._labels.mode, self._labels.brush_size = "paint", 6
        self._frames = stack.frames
        dock = QWidget()
        self.viewer.window.add_dock_widget(dock, area="right")
        dock.setMinimumWidth(360)
        dock.window().resize(*size)
        pump(2)
        self.hand = Hand(dock.window(), _picture_of(dock.window()))
        pump(1)

    def turns(self) -> Iterator[None]:
        """Do what of `Ours.turns` there is."""
        while True:
            for key in ["F13"] * (_MOVES + 2):
                self.hand.key(key)
            yield
            middle = np.array([self.hand.picture.width(), self.hand.picture.height()]) / 2
            self.hand.drag(np.array([middle, middle + _DRAG]))
            yield
            now = self.viewer.dims.current_step[0]
            self.viewer.dims.set_current_step(0, (now + 1) % self._frames)
            pump(0.05)
            yield

    def close(self) -> None:
        """End it."""
        self.viewer.close()


class Report:
    """Says what was measured, each thing over what bare napari takes, and keeps it."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._window = "{}x{}".format(*size)
        self._bare: dict[str, Any] = {}

    def add(self, what: str, probe: Probe, delays_ms: list[float]) -> None:
        """Add a probe; what it is compared with is the first."""
        drawn = np.percentile(delays_ms, (50, 95, 100)).tolist() if delays_ms else [None] * 3
        row = {"what": what, "window": self._window, **probe.figures()}
        row |= dict(zip(_DRAWN, drawn, strict=True))
        TABLE.add([row])
        self._bare = self._bare or row
        print(f"{what} (load {row['load']:.1f}; {row['turns']} turns, {row['stalls']} stalls)")
        for words, names in (
            ("gap", ("median_ms", "p99_ms", "longest_ms")),
            ("this thread computes", ("p99_computing_ms", "longest_computing_ms")),
            ("the process does", ("p99_process_ms", "longest_process_ms")),
            ("from move to picture", _DRAWN),
        ):
            said = [self._words(name, row[name]) for name in names if row[name] is not None]
            if said:
                print(f"    {words:22}{'  '.join(said)}")
        print(f"    {'the worst':22}{row['worst']}", flush=True)

    def _words(self, name: str, value: float) -> str:
        bare, parts = self._bare.get(name), name.removesuffix("_ms").split("_")
        ratio = f" ({value / bare:.2f})" if bare else ""
        return f"{parts[name in _DRAWN]} {value:.0f} ms{ratio}"


def measure(report: Report, what: str, window: Ours | Bare, seconds: float) -> None:
    """Edit in a window for some seconds."""
    turns = window.turns()
    for _ in range(3):
        next(turns)  # what is done once is done
    window.hand.delays_ms.clear()
    with Probe() as probe:
        pump(seconds, until=lambda: bool(next(turns)))
    report.add(what, probe, window.hand.delays_ms)


def measure_bare(report: Report, what: str, make: Callable[[], Bare], seconds: float) -> None:
    """Do it in a bare napari of its own."""
    bare = make()
    measure(report, what, bare, seconds)
    bare.close()


def _picture_of(window: QWidget) -> QWidget:
    found = [one for one in window.findChildren(QWidget) if "Canvas" in type(one).__name__]
    return max((one for one in found if one.isVisible()), key=lambda one: one.width())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--size", type=int, default=256, help="of a slice")
    parser.add_argument("--window", default="1900x1060")
    parser.add_argument("--seconds", type=float, default=15, help="of each part")
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS)
    options = parser.parse_args()
    made = make_study(1, frames=options.frames, slices=options.slices, size=options.size)
    stack, truth = made.study.stack(View.SAX), made.masks[View.SAX]
    width, height = map(int, options.window.split("x"))
    report, seconds = Report((width, height)), options.seconds

    def bare() -> Bare:
        return Bare(stack, truth, (width, height))

    if "bare" in options.only:
        measure_bare(report, "bare napari", bare, seconds)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(made.study, truth, (width, height), Path(folder))
        widget, session = ours.widget, ours.session
        if "alone" in options.only:
            measure(report, "editing", ours, seconds)
        if "cine" in options.only:
            widget.toggle_cine_beside()
            pump(1)
            measure(report, "editing, cine beside", ours, seconds)
        if "mosaic" in options.only:
            show_mosaic(widget)
            widget.mouse.give_keyboard()
            measure(report, "editing, cine and mosaic", ours, seconds)
        if "training" in options.only:
            train_on(widget)
            measure(report, "editing, cine and mosaic, training", ours, seconds)
            if "bare" in options.only:
                measure_bare(report, "bare napari, while the trainer trains", bare, seconds)
            session.cancel()
            pump(until=lambda: not session.training.busy)
        if "valve" in options.only:
            with Probe() as probe:
                session.valve.find()
                pump(until=lambda: not session.valve.searching)
                pump(0.5)
            report.add("looking for the valve", probe, [])
        ours.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
