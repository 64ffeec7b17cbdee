"""The slice map with its legend: what is done, what is doubtful, what is next."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QMenu, QWidget

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.panels.controls import column
from napari_cardiac_ssl.gui.slice_map import STATE_WORDS, Legend, MapContent, SliceMap
from napari_cardiac_ssl.study import SliceIndex, Stack

#: A prediction of which this share is expected to be wrong is as doubtful as can be shown.
_DOUBTFUL = 0.3


class OverviewPanel(QWidget):
    """The slice map of the open stack. Clicking goes there."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._doubt: NDArray[np.float32] | None = None
        self.map, self.legend = SliceMap(self._describe), Legend()
        layout = column(self)
        layout.addWidget(self.map)
        layout.addWidget(self.legend)
        self.map.chosen.connect(desk.view.go_to)
        self.map.confirm_asked.connect(lambda: desk.confirm(desk.view.in_view))
        self.map.menu_asked.connect(self._on_menu)
        desk.session.stack_opened.connect(self._on_stack_opened)
        desk.session.labels_refreshed.connect(self._on_refreshed)
        desk.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        if not self._desk.is_open:
            self.map.show_content(MapContent())
            return
        stack, annotations = self._desk.session.stack, self._desk.session.annotations
        states = np.full((stack.frames, stack.slices), SliceState.UNLABELLED, dtype=object)
        counts = {}
        for state in STATE_WORDS:
            slices = annotations.slices(state)
            for index in slices:
                states[index] = state
            counts[state] = len(slices)
        counts[SliceState.UNLABELLED] = states.size - (
            sum(counts.values()) - counts[SliceState.UNLABELLED]
        )
        self.legend.show_counts(counts)
        self.map.show_content(MapContent(states, self._doubt, self._desk.view.in_view))

    def _on_stack_opened(self, stack: Stack) -> None:
        self._doubt = None

    def _on_refreshed(self, slices: tuple[SliceIndex, ...]) -> None:
        session = self._desk.session
        if session.confidence is None:
            return
        if self._doubt is None:
            doubt = np.full(session.confidence.shape[:2], np.nan, np.float32)
        else:
            doubt = self._doubt.copy()
        for index in slices:
            wrong = (255.0 - session.confidence[index]).sum() / 255
            size = max(100, np.count_nonzero(session.annotations.labels[index]))
            doubt[index] = wrong / size / _DOUBTFUL
        self._doubt = doubt  # another array: the map compares

    def _describe(self, index: SliceIndex) -> str:
        """Tell of a slice: where it is, what it is worth, who, when, and from which model."""
        session = self._desk.session
        record = session.annotations.record(index)
        words = STATE_WORDS[record.state]
        if record.state in {SliceState.EDITING, SliceState.EXPERT}:
            if not session.annotations.labels[index].any():
                words += ", no heart here"
            words += f" · {record.how} by {record.who}" if record.how else f" · {record.who}"
        elif record.state is SliceState.PREDICTED and self._doubt is not None:
            doubt = self._doubt[index]
            words += (
                " · doubtful" if doubt > 0.6 else " · fairly sure" if doubt > 0.3 else " · sure"
            )
        lines = [f"Frame {index.t}, slice {index.z}", words]
        if record.when:
            lines.append(record.when.replace("T", " ")[:16] + " UTC")
        if record.model:
            lines.append(f"from model {record.model[:8]}")
        return "\n".join(lines)

    def _on_menu(self, index: SliceIndex, where: QPoint) -> None:
        self.menu(index).exec(where)

    def menu(self, index: SliceIndex) -> QMenu:
        """Return what can be done with a slice."""
        desk, menu = self._desk, QMenu(self)
        state = desk.session.annotations.state(index)
        if state is SliceState.EXCLUDED:
            menu.addAction("Include", lambda: desk.include(index))
            return menu
        if state is SliceState.EXPERT:
            menu.addAction("Take confirmation back", lambda: desk.retract(index))
        elif state is SliceState.UNLABELLED:
            menu.addAction("No heart here", lambda: desk.confirm(index))
        else:
            words = "Accept prediction" if state is SliceState.PREDICTED else "Confirm"
            menu.addAction(words, lambda: desk.confirm(index))
        if state in {SliceState.EXPERT, SliceState.EDITING}:
            menu.addAction("Give back to the model", lambda: desk.revert(index))
        menu.addAction("Exclude", lambda: desk.exclude(index))
        return menu
