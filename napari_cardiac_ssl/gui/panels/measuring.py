"""Numbers as one draws: volumes, ejection fraction, mass, their curve, and where to look again."""

from math import isnan
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QLabel, QListWidget, QListWidgetItem, QWidget

from napari_cardiac_ssl.anatomy import Structure, View
from napari_cardiac_ssl.gui.panels.controls import button, column, describe, row, wrapped
from napari_cardiac_ssl.gui.panels.convention import ConventionPanel
from napari_cardiac_ssl.gui.panels.curves import StillPlot
from napari_cardiac_ssl.gui.panels.numbers import NumbersTable, number
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.measures import (
    MEASURES,
    AnatomyWarning,
    Basis,
    Measured,
    Measures,
    Papillary,
    Phases,
    stroke_volumes,
)
from napari_cardiac_ssl.study import SliceIndex, Stack

#: How long after a change numbers are counted again: a stroke ends, a cine does not stop.
_SOON_MS = 15
#: Warnings are sought later: they look at shapes, and nobody reads them within a stroke.
_LATER_MS = 250
#: How long may be counted at a time.
_STEP_S = 0.008
#: Seen on light and on dark.
_ED, _ES, _NOW = "#56B4E9", "#D55E00", "#8A8A8A"


class MeasuringPanel(QWidget):
    """The heart's numbers, of the labels as they are now. Clicking on a warning goes there.

    Parameters
    ----------
    workspace
        The window's.

    Attributes
    ----------
    summarised
        ``(str)``: the most important numbers in one line; empty while there are none.
    wall_asked
        Somebody wants to see the bullseye.
    """

    summarised = Signal(str)
    wall_asked = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.convention, self.numbers = ConventionPanel(workspace), NumbersTable()
        self._cells = self.numbers.cells
        self.bullseye = button("Bullseye…", "The wall's thickness by segment, beside the picture.")
        self.strokes = QLabel()
        self.strokes.setWordWrap(True)
        self.strokes.setAccessibleName("Stroke volumes of LV and RV")
        self.basis = QLabel()
        self.basis.setWordWrap(True)
        self.basis.setAccessibleName("What the numbers rest on")
        self.curve = VolumeCurve()
        self.warnings = QListWidget()
        self.warnings.setAccessibleName("Where to look again")
        describe(
            self.warnings,
            "Findings that are anatomically impossible. Click one to go to its slice.",
        )
        self.warnings.setMaximumHeight(84)
        self.warnings.setWordWrap(True)
        self.warnings.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.ed = button("This is ED", "The frame in view is end-diastole.")
        self.es = button("This is ES", "The frame in view is end-systole.")
        self.auto = button(
            "Detect ED and ES", "ED and ES from the largest and smallest volume of the curve."
        )
        layout = column(self)
        layout.addWidget(self.numbers)
        layout.addWidget(self.convention)
        layout.addWidget(self.bullseye)
        layout.addWidget(self.basis)
        layout.addWidget(self.strokes)
        layout.addWidget(self.curve)
        layout.addLayout(row(self.ed, self.es, self.auto))
        layout.addWidget(self.warnings)
        self._soon, self._later = _timer(self, _SOON_MS), _timer(self, _LATER_MS)
        self._soon.timeout.connect(self._show)
        self._later.timeout.connect(self._show_warnings)
        self.ed.clicked.connect(lambda: self._set(ed=self._frame))
        self.es.clicked.connect(lambda: self._set(es=self._frame))
        self.auto.clicked.connect(self._on_auto)
        self.bullseye.clicked.connect(self.wall_asked)
        self.curve.dragged.connect(lambda phase, frame: self._set(**{phase: frame}))
        self.curve.pointed.connect(self._go_to_frame)
        self.warnings.itemClicked.connect(self._on_warning)
        workspace.changed.connect(self._on_changed)
        workspace.session.signals.phases_changed.connect(self._on_changed)
        workspace.session.signals.measuring_changed.connect(self._on_changed)
        self._show()

    # -- showing ---------------------------------------------------------------------------

    @property
    def _frame(self) -> int:
        return self._workspace.view.in_view.t

    def _on_changed(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start(_SOON_MS)
        if not self._later.isActive():
            self._later.start()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what went on unseen."""
        super().showEvent(event)
        self._on_changed()

    def _is_seen(self) -> bool:
        return bool(self.isVisibleTo(self.window()))

    def _measurable(self) -> bool:
        return self._workspace.is_open and self._workspace.session.stack.view is View.SAX

    def _show(self) -> None:
        measurable = self._measurable()
        over_time = (self.curve, self.ed, self.es, self.auto)
        for part in (*over_time, self.warnings, self.convention):
            part.setEnabled(measurable)
        for part in over_time:  # of one frame they would tell nothing
            part.setVisible(not measurable or self._workspace.session.stack.frames > 1)
        if not measurable:
            self.numbers.show_nothing()
            self.strokes.hide()
            self.basis.setText(
                "Numbers are measured on the short axis." if self._workspace.is_open else ""
            )
            self.summarised.emit("")
            return
        session = self._workspace.session
        phases = session.measurement.phases
        frames = [t for t in phases if t is not None]
        if not session.measurement.measured.count_ahead(frames, seconds=_STEP_S, wall=False):
            self._soon.start(0)  # papillary muscles, a little at a time
            return
        both = session.export.both_phases()
        heart = both.measures() if both else session.measurement.measures()
        self.numbers.show_measures(heart)
        other = session.study.other_phase if both is None else None
        self.basis.setText(_rests_on(heart, session.stack.frames, other, of_both=both is not None))
        self.strokes.setText(said := stroke_volumes(heart))
        self.strokes.setVisible(bool(said))
        self.summarised.emit(_summary(heart))
        if self._is_seen():
            self._show_curve(session.measurement.measured, phases)

    def _show_curve(self, measured: Measured, phases: Phases) -> None:
        """Show volumes as they are counted, once all frames are."""
        stack = self._workspace.session.stack
        if not measured.count_ahead(range(stack.frames), seconds=_STEP_S, wall=False):
            self._soon.start(0)
            return
        volumes = measured.counted_volumes_ml(Structure.LV_CAVITY)
        if np.isnan(volumes).all():
            volumes = measured.counted_volumes_ml(Structure.RV_CAVITY)
        self.curve.show_volumes(volumes, phases.ed, phases.es, self._frame)

    def _show_warnings(self) -> None:
        if not self._is_seen() or not self._measurable():
            return
        session = self._workspace.session
        phases = session.measurement.phases
        frames = {t for t in (*phases, self._frame) if t is not None}
        found = session.measurement.measured.warnings(*sorted(frames), phases=phases)
        before = [self.warnings.item(i).text() for i in range(self.warnings.count())]
        said = [_words(warning) for warning in found]
        if said != before:  # not under the mouse of somebody who reads
            self.warnings.clear()
            for words, warning in zip(said, found, strict=True):
                item = QListWidgetItem(words)
                z = self._workspace.view.in_view.z if warning.z is None else warning.z
                item.setData(Qt.ItemDataRole.UserRole, (warning.t, z))
                item.setToolTip(wrapped(f"{words}. Click to go there."))
                self.warnings.addItem(item)
        self.warnings.setVisible(bool(said))

    # -- asking ----------------------------------------------------------------------------

    def _set(self, ed: int | None = None, es: int | None = None) -> None:
        """Correct one of the two phases; the other stays as it is."""
        with self._workspace.reporting():
            now = self._workspace.session.measurement.phases
            self._workspace.session.measurement.set_phases(
                now.ed if ed is None else ed, now.es if es is None else es
            )
            which, frame = ("ED", ed) if ed is not None else ("ES", es)
            self._workspace.say(f"frame {frame} is {which} from now on")

    def _on_auto(self) -> None:
        with self._workspace.reporting():
            self._workspace.session.measurement.set_phases(None, None)
            self._workspace.say("ED and ES are told from the volumes again")

    def _go_to_frame(self, frame: int) -> None:
        if self._workspace.is_open:
            self._workspace.view.go_to(SliceIndex(frame, self._workspace.view.in_view.z))

    def _on_warning(self, item: QListWidgetItem) -> None:
        self._workspace.view.go_to(SliceIndex(*item.data(Qt.ItemDataRole.UserRole)))


class VolumeCurve(StillPlot):
    """The cavity's volume over the frames; ED and ES can be dragged, a click goes to a frame.

    Attributes
    ----------
    dragged
        ``(phase, frame)``: ``ed`` or ``es`` was put to another frame.
    pointed
        ``(frame)``: somebody clicked there.
    """

    dragged = Signal(str, int)
    pointed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Volume over time")
        describe(
            self,
            "Volume (ml) over the frames, papillary muscles counted as in the numbers. Drag ED and "
            "ES; click to go to a frame.",
        )
        self.setFixedHeight(110)
        colour = Structure.LV_CAVITY.colour
        self._line = self.plot(
            pen=pg.mkPen(colour, width=1.5),
            symbol="o",
            symbolSize=4,
            symbolBrush=colour,
            symbolPen=None,
            antialias=True,
        )
        self._frames = 0
        self._now = pg.InfiniteLine(angle=90, pen=pg.mkPen(_NOW, style=Qt.PenStyle.DashLine))
        self.addItem(self._now)
        self._marks = {
            phase: pg.InfiniteLine(
                angle=90,
                movable=True,
                pen=pg.mkPen(shade, width=2),
                label=phase.upper(),
                labelOpts={"position": 0.92, "color": shade, "movable": False},
            )
            for phase, shade in (("ed", _ED), ("es", _ES))
        }
        for phase, mark in self._marks.items():
            self.addItem(mark)
            mark.sigPositionChangeFinished.connect(
                lambda line, phase=phase: self.dragged.emit(phase, self._nearest(line.value()))
            )
        self.scene().sigMouseClicked.connect(self._on_click)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a small size: there is little room."""
        return QSize(260, 110)

    def show_volumes(self, volumes: Any, ed: int | None, es: int | None, now: int) -> None:
        """Show the volumes (NaN where unknown), the frames of ED and ES, and the one in view."""
        self._frames = len(volumes)
        known = np.flatnonzero(np.isfinite(volumes))
        self._line.setData(known, np.asarray(volumes, dtype=float)[known])
        self.setXRange(0, max(1, len(volumes) - 1), padding=0.04)
        self._now.setValue(now)
        for phase, frame in (("ed", ed), ("es", es)):
            self._marks[phase].setVisible(frame is not None)
            if frame is not None:
                self._marks[phase].setValue(frame)

    def _nearest(self, place: float) -> int:
        return int(np.clip(round(place), 0, max(0, self._frames - 1)))

    def _on_click(self, event: Any) -> None:
        place = self.getPlotItem().getViewBox().mapSceneToView(event.scenePos())
        if self._frames:
            self.pointed.emit(self._nearest(place.x()))


def _timer(parent: QWidget, interval_ms: int) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    return timer


def _words(warning: AnatomyWarning) -> str:
    place = "" if warning.z is None else f", slice {warning.z}"
    return f"Frame {warning.t}{place}: {warning.text}"


def _rests_on(heart: Measures, frames: int, other: Stack | None, *, of_both: bool) -> str:
    """Return which slices the numbers rest on, in words.

    Where ED and ES are two files, `other` is the one that the numbers lack, and `of_both` tells
    that they are of both.
    """
    basis = heart.ed or heart.es
    if basis is None:
        return "Nothing is labelled yet."
    if other is not None:
        return f"This file alone: {_slices(basis)}; label {other.name} as well for ED, ES and EF."
    parts = [
        f"{name}{'' if of_both else f' (frame {basis.frame})'}: {_slices(basis)}"
        for name, basis in (("ED", heart.ed), ("ES", heart.es))
        if basis is not None
    ]
    if heart.es is None and frames > 1:
        parts.append("label another frame for ES and EF")
    if heart.papillary_untold:
        parts.append(heart.counted())
    return "; ".join(parts) + "."


def _slices(basis: Basis) -> str:
    said = str(basis)
    if said.endswith(("slice", "slices")):
        return said
    alone = said.startswith("1 ") and "," not in said
    return f"{said} {'slice' if alone else 'slices'}"


def _summary(heart: Measures) -> str:
    shown = [m for m in MEASURES if m.rank and m.short.startswith("LV ")]
    parts = [
        f"{measure.short.removeprefix('LV ')} {number(value)} {measure.unit}"
        for measure in shown
        if (value := measure.of(heart)) is not None and not isnan(value)
    ]
    counted = "" if heart.papillary is Papillary.CAVITY else " (papillary muscles as mass)"
    part = f"; {part}" if (part := heart.part()) else ""
    return f"LV: {', '.join(parts)}{counted}{part}" if parts else ""
