"""The slice map with its legend: what is done, what is doubtful, what is next."""

import math

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QTimer, Signal
from qtpy.QtWidgets import QLabel, QMenu, QWidget

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.gui.panels.controls import button, column, row, wrapped
from napari_cardiac_ssl.gui.slice_legend import SIGN_WORDS, Legend
from napari_cardiac_ssl.gui.slice_map import MapContent, SliceMap
from napari_cardiac_ssl.gui.slice_menu import slice_menu
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.learning.suggestion import Suggestion
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import local

#: Which share of the predictions stands out. How large an area in doubt is too large depends on the
#: heart and the scan; which slices to look at first does not.
_STANDS_OUT = 0.2
#: How long after the last change the next slice is suggested, in ms.
_THINK_MS = 250
#: Lines of why a slice is suggested.
_REASON_LINES = 2


class OverviewPanel(QWidget):
    """The slice map of the open stack. Clicking goes there.

    Attributes
    ----------
    shown
        ``(MapContent)``: what the map shows now.
    mosaic_asked
        The same slices are asked for as pictures.
    cine_asked
        The cine of the slice in view is asked for, beside the picture.
    """

    shown = Signal(object)
    mosaic_asked = Signal()
    cine_asked = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._suggested: Suggestion | None = None
        self.marks: dict[int, str] = {}  # ED and ES
        self.map, self.legend = SliceMap(self.describe), Legend()
        self.next = button("Next", "Go to the slice that is worth looking at next. Key N.")
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.reason.setMinimumHeight(_REASON_LINES * self.reason.fontMetrics().lineSpacing())
        self.reason.setAccessibleName("Which slice next, and why")
        self.mosaic = button("Mosaic", "All slices as pictures with contours, at one look. Key J.")
        self.cine = button(
            "Cine",
            "The slice in view plays beside the picture while you draw on a frame, or not. "
            "Key Shift-K.",
        )
        suggestion = row(self.next, self.reason, self.mosaic, self.cine)
        suggestion.setStretch(1, 1)
        layout = column(self)
        layout.addWidget(self.map)
        layout.addWidget(self.legend)
        layout.addLayout(suggestion)
        self._thinks = QTimer(self)
        self._thinks.setSingleShot(True)
        self._thinks.setInterval(_THINK_MS)
        self._thinks.timeout.connect(self.think)
        self.next.clicked.connect(self.go_on)
        self.mosaic.clicked.connect(self.mosaic_asked)
        self.cine.clicked.connect(self.cine_asked)
        self.map.chosen.connect(workspace.view.go_to)
        self.map.confirm_asked.connect(workspace.actions.confirm)
        self.map.menu_asked.connect(self._on_menu)
        self.map.end_asked.connect(self._on_end_asked)
        session = workspace.session
        for signal in (
            session.signals.stack_opened,
            session.signals.slices_changed,
            session.signals.labels_refreshed,
            session.signals.uncertainty_changed,
            session.signals.phases_changed,
        ):
            signal.connect(self._on_news)
        workspace.changed.connect(self._show)
        self._show()

    def go_on(self) -> None:
        """Go to the slice that is suggested."""
        self.think()
        self._workspace.actions.go_to_suggestion()

    def think(self) -> None:
        """Find the slice to look at next, and ED and ES."""
        self._thinks.stop()
        if not self._workspace.is_open:
            return
        session = self._workspace.session
        ed, es = session.measurement.phases
        self.marks = {t: word for t, word in ((es, "ES"), (ed, "ED")) if t is not None}
        suggested = session.suggestion.suggest()
        self._suggested = suggested[0] if suggested else None
        self._show()

    def _on_news(self, *_: object) -> None:
        if not self._thinks.isActive():  # not later and later while a refresh comes in portions
            self._thinks.start()

    def _show(self) -> None:
        suggested = self._suggested if self._workspace.is_open else None
        self.next.setEnabled(suggested is not None)
        if not self._workspace.is_open:
            self.reason.setText("")
            self._show_content(MapContent())
            return
        session = self._workspace.session
        annotations = session.annotations
        signs = np.full((session.stack.frames, session.stack.slices), SliceState.UNLABELLED, object)
        for index in annotations.slices(*SliceState):
            signs[index] = OUTSIDE if annotations.is_outside(index) else annotations.state(index)
        content = MapContent(
            signs,
            self._doubt(),
            self._workspace.view.in_view,
            suggested.index if suggested else None,
            self.marks,
        )
        self._show_content(content)
        words = "Nothing left to suggest: all slices are drawn, confirmed or excluded"
        if suggested:
            t, z = suggested.index
            words = f"Frame {t}, slice {z}: {suggested.reason}"
        self._tell(words)

    def _tell(self, words: str) -> None:
        """Say it in two lines, the last parts on demand: what is below is not to jump about."""
        self.reason.setToolTip(wrapped(words))
        most = self._height_of("\n".join("x" * _REASON_LINES))
        while self._height_of(words) > most and (shorter := _without_last(words)):
            words = shorter
        self.reason.setText(words)

    def _height_of(self, words: str) -> int:
        """Return how high words would be: by the label itself, for the theme gives it margins."""
        self.reason.setText(words)
        return int(self.reason.heightForWidth(self.reason.width()))

    def _show_content(self, content: MapContent) -> None:
        self.map.show_content(content)
        self.legend.show_counts(content.counts, doubted=content.is_doubted)
        self.shown.emit(content)

    def _doubt(self) -> NDArray[np.float64]:
        """Return how much each prediction stands out, 0 to 1, shape ``(t, z)``."""
        ranks = self._ranks()
        shown = _STANDS_OUT * max(1, int(np.isfinite(ranks).sum()))
        shares: NDArray[np.float64] = np.clip(1 - (ranks - 1) / shown, 0, 1)
        return shares

    def _ranks(self) -> NDArray[np.float64]:
        """Return the rank of each prediction, 1 the most doubtful; NaN where that is not known."""
        session = self._workspace.session
        areas = session.doubt.uncertainty
        known = np.zeros(areas.shape, dtype=bool)
        for index in session.annotations.slices(SliceState.PREDICTED):
            known[index] = np.isfinite(areas[index])
        ranks = np.full(areas.shape, np.nan)
        # The same area has the same rank, the lowest: where all are alike none stands out.
        ordered = np.sort(areas[known])
        ranks[known] = len(ordered) - np.searchsorted(ordered, areas[known], side="left")
        return ranks

    def describe(self, index: SliceIndex) -> str:
        """Tell of a slice: where it is, what it is worth, who, when, and from which model."""
        session = self._workspace.session
        record = session.annotations.record(index)
        words = SIGN_WORDS[record.state]
        if session.annotations.is_outside(index):
            words = f"{OUTSIDE} · marked by {record.who}"
        elif record.state in {SliceState.EDITING, SliceState.EXPERT}:
            if not session.annotations.labels[index].any():
                words += ", no heart here"
            words += f" · {record.how} by {record.who}" if record.how else f" · {record.who}"
        elif record.state is SliceState.PREDICTED:
            words += self._doubt_in_words(index)
        lines = [f"Frame {index.t}, slice {index.z}", words]
        if record.when:
            lines.append(f"{local(record.when):%Y-%m-%d %H:%M}")
        if record.model:
            lines.append(f"from model {record.model[:8]}")
        return "\n".join(lines)

    def _doubt_in_words(self, index: SliceIndex) -> str:
        """Return how early one should look at a prediction; nothing where that is not known."""
        ranks = self._ranks()
        if math.isnan(ranks[index]):
            return ""
        area = self._workspace.session.doubt.uncertainty[index]
        number, known = int(ranks[index]), np.isfinite(ranks).sum()
        return f" · number {number} of {known} in doubt ({area:.1f} cm²)"

    def _on_menu(self, index: SliceIndex, where: QPoint) -> None:
        self.menu(index).exec(where)

    def menu(self, *slices: SliceIndex) -> QMenu:
        """Return what can be done with slices."""
        return slice_menu(self._workspace, slices, self)

    def _on_end_asked(self, end: str, all_frames: bool) -> None:
        verb = (
            self._workspace.actions.set_first_slice
            if end == "first"
            else self._workspace.actions.set_last_slice
        )
        verb(all_frames=all_frames)


def _without_last(words: str) -> str:
    """Return words without their last part; empty where the slice and one reason are left."""
    if "; " in words:
        return words.rpartition("; ")[0]
    return words.rpartition(": ")[0] if words.count(": ") > 1 else ""
