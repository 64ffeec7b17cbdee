"""What one real case costs the hand: a reader does it in the window, in each of five ways.

An open DICOM study (Sunnybrook; one cine, expert contours published) is opened in the real window.
A simulated reader asks for a first guess, goes to five slices of the frame on which the expert has
drawn both borders of the LV, corrects them until no place of a border is further than `--tolerance`
from the expert's line, confirms each, trains, waits until all is predicted anew, and exports. It is
done with mouse and keyboard: `counted_hand.py` sends the events and counts them. The ways
(`simulated_readers.py`):

- ``edit``: contours are edited (Q). A border of which nine tenths are off to one side is first
  moved as a whole (Ctrl), by the mean of that. Then each stretch that is off is drawn anew (Shift),
  along the expert's line.
- ``points``: the point that is furthest from the expert's line is dragged onto it, and where points
  are right and the line between them is not, the line is pulled there.
- ``disc``: as ``points``, but where a border is off on a long stretch, a disc beside it is pushed
  along.
- ``brush``: what is wrong is painted and erased, piece by piece, with the largest brush of a few
  that stays within the expert's border.
- ``contour``: a border that is off anywhere is drawn anew along the expert's line, in one stroke.

The reader never misses and has no tremor, so what is compared is how much a hand has to do, and not
how well. Nobody has drawn the RV here: it stays as it was predicted, but for what the epicardium
takes of it. *Learn while I draw* is switched off: else slices would be better predicted for whoever
is slower. Seconds of a person are those of a model, not measured.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/recorded_case.py
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cases import DATA
from counted_hand import Hand, Tally, live
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QWidget
from simulated_readers import ENDO, EPI, WAYS, Labels, Off, furthest

from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.metrics import dice
from napari_cardiac_ssl.readers.labels.contour_text import read_contour_text
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.study import SliceIndex


@dataclass
class Record:
    """What one way has cost."""

    steps: dict[str, tuple[Tally, float]] = field(default_factory=dict)
    dice: dict[str, float] = field(default_factory=dict)
    delays_ms: list[float] = field(default_factory=list)
    by_slice: list[str] = field(default_factory=list)
    exact: bool = False


class Case:
    """The window with the study, and a hand on it."""

    def __init__(self, study: Path, out: Path) -> None:
        self.out, self.record = out, Record()
        self.viewer, self.widget = open_viewer([])
        self.widget.window().resize(1920, 1080)
        live(0.5)
        begun = time.monotonic()
        self.widget.open(study / "dicom")
        until(lambda: not self.widget.opening.busy)
        self.session, self.stack = self.widget.session, self.widget.session.stack
        found = read_contour_text(study / "contours", like=self.stack)
        self.expert = found.labels
        both = [{c.index for c in found.contours if c.border is border} for border in (ENDO, EPI)]
        self.contoured = sorted(both[0] & both[1])
        self.hand = Hand(self.widget.window(), self._picture())
        self._shots, self._since = 0, begun
        self.done("open")

    def _picture(self) -> QWidget:
        canvases = [
            one
            for one in self.widget.window().findChildren(QWidget)
            if "Canvas" in type(one).__name__ and one.isVisible()
        ]
        return max(canvases, key=lambda one: one.width() * one.height())

    @property
    def index(self) -> SliceIndex:
        """The slice in view."""
        return self.widget.view.in_view

    @property
    def labels(self) -> Labels:
        """What is labelled on it."""
        return self.session.annotations.labels[self.index].copy()

    def px(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where rows and columns are on the picture, x and y."""
        transform = self.widget.overlay.to_canvas()
        found = [transform.map(QPointF(column, row)) for row, column in np.atleast_2d(places)]
        return np.array([[place.x(), place.y()] for place in found])

    def done(self, step: str) -> None:
        """End a step: what it cost is kept."""
        tally, now = self.hand.take_tally(), time.monotonic()
        before, seconds = self.record.steps.get(step, (Tally(), 0.0))
        self.record.steps[step] = before + tally, seconds + now - self._since
        self._since = time.monotonic()

    def shoot(self, what: str) -> None:
        """Take a picture of the window; the clock stands still meanwhile."""
        begun, self._shots = time.monotonic(), self._shots + 1
        live(0.3)
        path = self.out / f"{self._shots:02d}-{what}.png"
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)
        self._since += time.monotonic() - begun

    def said(self) -> str:
        """Return what the window said last."""
        return self.widget.status.text()

    def go_to(self, index: SliceIndex) -> None:
        """Go to a slice by keys, the short way round the cycle."""
        frames = self.stack.frames
        on = (index.t - self.index.t) % frames
        keys = ["D"] * on if on <= frames / 2 else ["A"] * (frames - on)
        slices = index.z - self.index.z
        for number, key in enumerate(keys + ["S" if slices > 0 else "W"] * abs(slices)):
            self.hand.key(key, thinks=number == 0)
        if self.index != index:
            raise RuntimeError(f"keys led to {self.index} and not to {index}")

    def off(self) -> list[Off]:
        """Return where each border of the slice in view is furthest off, the worst first."""
        now, wanted = self.widget.contours.lines, lines_of(self.expert[self.index])
        spacing = self.stack.spacing_mm[1:]
        found = [furthest(now.get(b, []), wanted[b], b, spacing) for b in (ENDO, EPI)]
        return sorted(found, key=lambda one: -one.mm)

    def score(self, slices: list[SliceIndex]) -> float:
        """Return Dice of LV cavity and myocardium, the mean over slices."""
        labels = self.session.annotations.labels
        return float(
            np.mean(
                [dice(labels[i] == code, self.expert[i] == code) for i in slices for code in (1, 2)]
            )
        )


def read_case(way: str, study: Path, options: argparse.Namespace) -> Record:
    """Do the whole case in one way."""
    out = options.out.absolute() / way
    shutil.rmtree(out, ignore_errors=True)
    (out / "masks").mkdir(parents=True)
    os.environ["CARDIAC_SSL_HOME"] = str(out / "home")  # nothing is known of the study yet
    case = Case(study, out)
    record, hand, widget, session = case.record, case.hand, case.widget, case.session
    try:
        if options.seconds:
            widget.learning.seconds.value = options.seconds
        case.shoot("opened")
        hand.click(widget.learning.while_drawing)
        hand.click(widget.learning.predict)
        until(lambda: not session.training.busy)
        hand.click(hand.picture, button=Qt.MouseButton.MiddleButton, times=2)  # fits the heart
        case.done("predict")
        case.shoot("first guess")
        spread = np.linspace(0, len(case.contoured) - 1, options.slices).round().astype(int)
        corrected = [case.contoured[place] for place in spread]
        others = [index for index in case.contoured if index not in corrected]
        record.dice = {"before": case.score(corrected), "others before": case.score(others)}
        confirmed = correct_slices(case, WAYS[way], corrected, options.tolerance)
        record.dice["after"] = case.score(corrected)
        hand.key("T")
        until(lambda: session.model is not None and not session.training.busy)
        case.done("train")
        record.dice["others after"] = case.score(others)
        case.shoot("trained")
        export(case)
        case.shoot("exported")
        [mask] = (out / "masks").glob("*_seg.nii.gz")
        written = read_mask(mask, like=case.stack).labels
        record.exact = all(np.array_equal(written[i], was) for i, was in confirmed.items())
        record.delays_ms = hand.delays_ms
    finally:
        case.viewer.close()
        widget.close_session()
    return record


def correct_slices(
    case: Case, way: type, slices: list[SliceIndex], tolerance_mm: float
) -> dict[SliceIndex, Labels]:
    """Correct slices and confirm them; return what was confirmed."""
    reader, confirmed = None, {}
    for index in slices:
        case.go_to(index)
        reader = reader or way(case, tolerance_mm)
        before, off = case.score([index]), [one.mm for one in case.off()]
        case.shoot(f"slice {index.z} predicted")
        was = Tally() + case.hand.tally
        reader.correct(lambda z=index.z: case.shoot(f"slice {z} on the way"))
        hand = case.hand.tally
        case.shoot(f"slice {index.z} corrected")
        said = case.said()
        case.hand.key("C")
        confirmed[index] = case.labels
        case.record.by_slice.append(
            f"slice {index.z}: drags {hand.drags - was.drags}, keys {hand.keys - was.keys}; Dice "
            f"{before:.3f} to {case.score([index]):.3f}, worst {max(off):.1f} to "
            f"{case.off()[0].mm:.1f} mm; said last: {said}"
        )
    case.done("correct")
    return confirmed


def export(case: Case) -> None:
    """Write the mask with the Export tab's button, and type the folder's name."""
    tabs = case.widget.tabs
    names = [tabs.tabText(place) for place in range(tabs.count())]
    bar = tabs.tabBar()
    case.hand.click(bar, bar.tabRect(names.index("Export")).center())

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        line = dialog.findChild(QLineEdit) if dialog is not None else None
        if line is None:
            QTimer.singleShot(100, answer)
            return
        line.setText(str(case.out / "masks"))  # as if pasted
        QTest.keyClick(line, Qt.Key.Key_Return)

    QTimer.singleShot(100, answer)
    case.hand.click(case.widget.export.go)
    until(lambda: QApplication.activeModalWidget() is None)
    live(0.5)
    case.done("export")


def until(done: Callable[[], bool], seconds: float = 900) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not done():
        live(0.02)
        if time.monotonic() > end:
            raise TimeoutError(f"the window did not get there in {seconds:.0f} s")
    live(0.2)


def table(records: dict[str, Record]) -> None:
    """Print the ways side by side; ratios are over the first."""
    rows: dict[str, list[float]] = {}
    for record in records.values():
        work = record.steps["correct"][0]
        whole = sum((tally for tally, _ in record.steps.values()), Tally())
        shown = {
            "clicks": work.clicks,
            "drags and strokes": work.drags,
            "keys": work.keys,
            "pointer travel, px": work.travel_px,
            "a person's seconds, by the model": work.model_s,
            "the same, of the whole case": whole.model_s,
            **{f"seconds here: {step}": took for step, (_, took) in record.steps.items()},
            "Dice before": record.dice["before"],
            "Dice after": record.dice["after"],
            "Dice of the other slices before": record.dice["others before"],
            "Dice of the other slices, trained": record.dice["others after"],
            "the mask is what was confirmed": float(record.exact),
        }
        for name, value in shown.items():
            rows.setdefault(name, []).append(value)
    print(f"{'':36}" + "".join(f"{way:>12}" for way in records) + "   ratios")
    for name, values in rows.items():
        digits = 3 if "Dice" in name else 1 if "seconds" in name else 0
        ratios = [f"{v / values[0]:.2f}" if values[0] else "-" for v in values[1:]]
        print(f"{name:36}" + "".join(f"{v:12.{digits}f}" for v in values), *ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--person", default="SC-HF-I-01", help="a folder of sunnybrook_dicom")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--tolerance", type=float, default=1.5, help="mm")
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--seconds", type=int, help="of training; the window's own by default")
    parser.add_argument("--out", type=Path, default=Path("recorded-case"))
    options = parser.parse_args()
    study = DATA / "sunnybrook_dicom" / options.person
    if not study.is_dir():
        raise SystemExit(f"no {study}; set CARDIAC_SSL_DATA")
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"{options.person}, load {load:.1f} on {cores} cores", flush=True)
    records = {}
    for way in options.ways:
        record = records[way] = read_case(way, study.absolute(), options)
        print(way, *record.by_slice, sep="\n  ")
        delays = np.percentile(record.delays_ms, (50, 95, 100))
        print(
            "  from a move to the picture: median {:.0f}, 95 % {:.0f}, most {:.0f} ms".format(
                *delays
            )
        )
        sys.stdout.flush()
    table(records)


if __name__ == "__main__":
    main()
