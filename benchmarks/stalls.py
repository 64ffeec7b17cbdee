"""Does the window stall while training runs? A probe on the event loop, and bare napari beside it.

The same steps, in the same run: scroll through frames and slices, paint strokes; in bare napari
first, then with the widget while it trains and takes the prediction over, then in bare napari
again while the trainer process trains on (two busy cores slow down everybody's drawing). A large
window does it with and without the mosaic of all slices: what that adds is said as a ratio. Gaps of
the event loop are those of `event_loop.py`; editing contours is measured by `editing_stalls.py`.

Then what a stroke costs: the same circles drawn with real mouse events, in bare napari and in the
widget on layers of the same shape, in this process' own computing time (which a busy machine
changes little).

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/stalls.py [--frames 30] [--seconds 15]
"""

import argparse
import os
import signal
import time

import napari
import numpy as np
from event_loop import Probe, pump
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui.display import image_layer, labels_layer
from napari_cardiac_ssl.gui.mouse import Mouse
from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study


def steps(window, truth, rng, spacing_z):
    """One turn of what a person does: another slice, three strokes, another frame."""
    viewer, layer, undo = window
    t, z = int(rng.integers(truth.shape[0])), int(rng.integers(truth.shape[1]))
    viewer.dims.set_point((0, 1), (t, z * spacing_z))
    pump(0.05)
    for _ in range(3):
        y, x = rng.integers(30, truth.shape[2] - 30, 2)
        with layer.block_history():
            for i in range(8):
                layer.paint((t, z, y + i, x + i), int(rng.integers(1, 4)))
                pump(0.012)
        undo()
        pump(0.05)


def work(window, truth, spacing_z, *, seconds=None, until=lambda: False):
    rng = np.random.default_rng(0)
    end = time.monotonic() + (600 if seconds is None else seconds)
    while time.monotonic() < end and not until():
        steps(window, truth, rng, spacing_z)


def probe_bare(stack, truth, seconds, what):
    """Do the steps in a viewer that knows nothing of us."""
    viewer = napari.Viewer()
    viewer.add_layer(Layer.create(*image_layer(stack)))
    data, meta, _ = labels_layer(np.zeros_like(truth), stack, name="labels")
    labels = viewer.add_layer(Labels(data, **meta))
    labels.mode = "paint"
    pump(1)
    work((viewer, labels, labels.undo), truth, stack.spacing_mm[0], seconds=2)
    with Probe() as probe:
        work((viewer, labels, labels.undo), truth, stack.spacing_mm[0], seconds=seconds)
    probe.say(what)
    viewer.close()


def stroke_cost(viewer, dock, layer, size_mm):
    """Return the computing time of a stroke, ms: the median of nine."""
    viewer.layers.selection.active = layer
    layer.mode, layer.brush_size, layer.selected_label = "paint", 8, 1
    mouse = Mouse(viewer, dock, lambda: pump(0.02))
    costs = []
    for turn in range(10):
        angle = np.linspace(0, 2 * np.pi, 40)
        middle, radius = size_mm / 2, size_mm * (0.05 + turn / 100)
        circle = np.stack([middle + radius * np.sin(angle), middle + radius * np.cos(angle)], 1)
        pump(0.3)
        begun = time.process_time()
        mouse.drag(circle)
        pump(0.05)
        costs.append(1000 * (time.process_time() - begun))
    return float(np.median(costs[1:]))


def compare_strokes(stack, truth, turns):
    """Draw in bare napari and in the widget, in turns, on layers of the same shape."""
    size_mm, costs = truth.shape[2] * stack.spacing_mm[1], {"bare": [], "widget": []}
    for _ in range(turns):
        viewer = napari.Viewer()
        viewer.add_layer(Layer.create(*image_layer(stack)))
        data, meta, _ = labels_layer(truth.copy(), stack, name="labels")
        labels = viewer.add_layer(Labels(data, **meta))
        dock = QWidget()
        viewer.window.add_dock_widget(dock, area="right")
        dock.setMinimumWidth(360)
        dock.window().resize(1280, 800)
        pump(1)
        costs["bare"].append(stroke_cost(viewer, dock, labels, size_mm))
        viewer.close()
        viewer, widget = open_viewer([stack], session=Session(who="benchmark"))
        widget.window().resize(1280, 800)
        widget.session.labelling.take_over(truth)
        pump(1)
        costs["widget"].append(stroke_cost(viewer, widget, widget.view.layer, size_mm))
        widget.close_session()
        viewer.close()
    bare, ours = np.median(costs["bare"]), np.median(costs["widget"])
    print(f"a stroke: bare napari {bare:.0f} ms, widget {ours:.0f} ms, ratio {ours / bare:.2f}")
    print(f"{'':10}each: {costs}")


def probe_training(viewer, widget, truth, seconds, what="widget"):
    """Do the same steps with the widget while it trains, then take its prediction over.

    Return the probes of both.
    """
    session, layer = widget.session, widget.view.layer
    spacing_z = session.stack.spacing_mm[0]
    for twelfth in (3, 5, 7):
        z = twelfth * truth.shape[1] // 12
        session.labelling.annotate(SliceIndex(0, z), truth[0, z])
    window = (viewer, layer, widget.workspace.actions.undo)
    work(window, truth, spacing_z, seconds=2)
    pump(until=lambda: bool(session.training.compute))
    widget.learning.seconds.value = seconds
    with Probe() as training:
        widget.learning.train.click()
        work(window, truth, spacing_z, until=lambda: has_trained(session))
    training.say(f"{what}, while it trains")
    with Probe() as taking_over:
        pump(until=lambda: not session.training.busy)
        pump(1)  # the mosaic follows
    taking_over.say(f"{what}, while it predicts and takes over")
    print(f"{'':44} {widget.status.text()}")
    with Probe() as probe:
        begun = time.perf_counter()
        session.undo()
        took = time.perf_counter() - begun
        pump(0.5)
    probe.say(f"undo of the whole prediction ({1000 * took:.0f} ms)")
    session.redo()
    pump(0.5)
    return training, taking_over


def has_trained(session):
    """Tell whether a training is over: a small study is predicted between two looks."""
    return not session.training.busy or session.training.status.phase == "predicting"


def compare_mosaic(stack, truth, seconds):
    """Train in a window with the mosaic of all slices, and in one like it without."""
    probes = []
    for is_open in (False, True):
        viewer, widget = open_viewer([stack], session=Session(who="benchmark"))
        widget.window().resize(1900, 1060)  # for nearly all of 30 × 12 to be seen
        pump(1)
        if is_open:
            show_mosaic(widget)
        what = "with the mosaic" if is_open else "a large window"
        probes.append(probe_training(viewer, widget, truth, seconds, what))
        widget.close_session()
        viewer.close()
    for name, before, after in zip(("training", "taking over"), *probes, strict=True):
        parts = (50, 99, 100)
        ratios = np.percentile(after.gaps_ms[:, :2], parts, axis=0)
        ratios /= np.maximum(np.percentile(before.gaps_ms[:, :2], parts, axis=0), 1)
        said = (f"{gap:.2f} ({computing:.2f} of computing)" for gap, computing in ratios)
        print(f"mosaic over none, {name}: median, 99 %, longest: {', '.join(said)}")


def show_mosaic(widget):
    """Open the mosaic of all slices in half of the window, and see how it fills."""
    tiles = widget.mosaic.tiles
    with Probe() as probe:
        begun = time.perf_counter()
        widget.show_mosaic()
        widget.mosaic.frames.setCurrentIndex(1)
        pump(0.1)
        half = widget.window().height() // 2
        widget.window().resizeDocks([widget.mosaic.parent()], [half], Qt.Orientation.Vertical)
        pump(until=lambda: tiles.seen() and not any(map(tiles.pictures.is_due, tiles.seen())))
        took = time.perf_counter() - begun
    probe.say(f"mosaic: {len(tiles.seen())} pictures in {took:.1f} s")


def train_on(widget):
    """Train for long, and wait until it does."""
    widget.learning.seconds.value = 600
    widget.learning.train.click()
    pump(until=lambda: widget.session.training.status.phase == "training")


def probe_cancel(widget):
    """Cancel, and see how long it takes."""
    begun = time.perf_counter()
    widget.learning.cancel.click()
    answered = time.perf_counter() - begun
    with Probe() as probe:
        pump(until=lambda: not widget.session.training._trainer.busy)
        stopped = time.perf_counter() - begun
        pump(0.5)
    probe.say(f"cancel: said in {1000 * answered:.0f} ms, stopped in {stopped:.2f} s")


def probe_kill(widget):
    """Kill the trainer process while it trains: another takes its place."""
    session, before = widget.session, widget.session.annotations.labels.copy()
    killed = session.training.trainer_pid
    with Probe() as probe:
        os.kill(killed, signal.SIGKILL)
        pump(
            60,
            until=lambda: (
                not session.training.busy or session.training.trainer_pid not in {None, killed}
            ),
        )
        pump(1)
    session.cancel()
    shown = widget.view.layer.data
    kept = np.array_equal(before, session.annotations.labels) and np.array_equal(before, shown)
    probe.say(f"SIGKILL of the trainer: labels {'intact' if kept else 'LOST'}")
    print(f"{'':44} {widget.status.text()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--turns", type=int, default=3, help="of drawing in bare napari and here")
    parser.add_argument("--strokes", action="store_true", help="only what a stroke costs")
    parser.add_argument("--mosaic", action="store_true", help="only what the mosaic adds")
    options = parser.parse_args()
    made = make_study(1, frames=options.frames, slices=options.slices, size=options.size, lax=False)
    stack, truth = made.study.stack(View.SAX), made.masks[View.SAX]
    if not options.mosaic:
        compare_strokes(stack, truth, options.turns)
    if not options.strokes:
        compare_mosaic(stack, truth, options.seconds)
    if options.strokes or options.mosaic:
        return
    probe_bare(stack, truth, options.seconds, "bare napari, nothing else running")
    begun = time.perf_counter()
    viewer, widget = open_viewer([stack], session=Session(who="benchmark"))
    QApplication.processEvents()
    print(f"{'open the study in the widget':44} {time.perf_counter() - begun:.2f} s")
    widget.window().resize(1280, 800)
    pump(1)
    probe_training(viewer, widget, truth, options.seconds)
    train_on(widget)
    probe_bare(stack, truth, options.seconds, "bare napari, while the trainer trains")
    probe_cancel(widget)
    train_on(widget)
    probe_kill(widget)
    viewer.close()
    widget.close_session()


if __name__ == "__main__":
    main()
