"""The state of the slice in view, and what can be done about it."""

from typing import Any

from qtpy.QtWidgets import QLabel, QMenu, QPushButton, QWidget

from napari_cardiac_ssl.annotations import OUTSIDE, SliceState
from napari_cardiac_ssl.geometry.valve import Place
from napari_cardiac_ssl.gui.panels.controls import (
    button,
    column,
    describe,
    menu_button,
    row,
    wrapped,
)
from napari_cardiac_ssl.gui.workspace import Workspace

_WORDS = {
    SliceState.UNLABELLED: "not labelled",
    SliceState.PREDICTED: "the model's prediction",
    SliceState.EDITING: "editing, protected",
    SliceState.EXPERT: "confirmed, protected",
    SliceState.EXCLUDED: "excluded",
}


class SlicePanel(QWidget):
    """The state of the slice in view, and what can be done about it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._is_expert = False
        self.state = QLabel()
        self.state.setAccessibleName("State of the slice in view")
        self.state.setWordWrap(True)
        self.confirm = _Once("Confirm slice")
        self.no_heart = button(
            "No heart",
            "This slice shows no heart: delete what is labelled on it, and learn it as empty. Key "
            "Shift-C. Ctrl-Z undoes it.",
        )
        self.revert = button(
            "Revert to model",
            "Delete your labels on this slice; the next prediction fills it. Ctrl-Z brings them "
            "back.",
        )
        self.help = self._make_help()
        self.confirm.clicked.connect(self._on_confirm)
        self.no_heart.clicked.connect(self._on_no_heart)
        self.revert.clicked.connect(self._on_revert)
        layout = column(self)
        layout.addWidget(self.state)
        buttons = row(self.confirm, self.no_heart, self.revert, self.help)
        for place in range(3):
            buttons.setStretch(place, 1)
        layout.addLayout(buttons)
        workspace.changed.connect(self._show)
        workspace.session.signals.valve_changed.connect(self._show)
        self._show()

    def _make_help(self) -> QPushButton:
        """Return the menu of what drafts slices."""
        workspace, menu = self._workspace, QMenu(self)
        for words, verb, tip in (
            (
                "Interpolate this frame  (I)",
                workspace.actions.interpolate,
                "Between slices that you drew.",
            ),
            (
                "Copy the nearest drawn slice  (U)",
                workspace.actions.copy_neighbour,
                "Here or in time.",
            ),
            (
                "Carry through the cine  (R)",
                workspace.actions.propagate,
                "This slice in all frames, by the motion between them. Some seconds.",
            ),
            ("Tidy  (Y)", workspace.actions.tidy, "Keep the largest pieces, fill holes."),
        ):
            menu.addAction(words, verb).setToolTip(wrapped(tip))
        menu.setToolTipsVisible(True)
        return menu_button(
            "Draft",
            "Drafts to be looked at and corrected; nothing is learned from them yet.",
            menu,
        )

    def _show(self) -> None:
        if self._workspace.is_open:
            self._show_slice()
        else:
            self.state.setText("No stack is open")
            self._enable(False)
        seen = self._workspace.is_open and self._workspace.view.shows_slice
        self.help.setEnabled(seen)
        if self._workspace.is_open and not seen:
            self.state.setText("No single slice is in view: this is 3-D, or a cut across slices")
            self._enable(False)

    def _enable(self, on: bool) -> None:
        for one in (self.confirm, self.no_heart, self.revert):
            one.setEnabled(on)

    def _show_slice(self) -> None:
        """Say which slice is in view, of how many frames and slices, and what it is worth."""
        session, index = self._workspace.session, self._workspace.view.in_view
        state = session.annotations.state(index)
        empty = not session.annotations.labels[index].any()
        self._is_expert = state is SliceState.EXPERT
        words = _WORDS[state]
        if session.annotations.is_outside(index):
            words = f"{OUTSIDE}, protected"
        elif empty and state in {SliceState.EDITING, SliceState.EXPERT}:
            words = f"no heart here; {words}"
        place = session.valve.place(index)
        if place not in {None, Place.WITHIN}:
            words = f"{words}; {place}"
        self.state.setText(f"Frame {index.t}, slice {index.z}: {words}")
        self.confirm.setEnabled(True)
        self.no_heart.setVisible(not empty)  # else it is what the first button says
        self.no_heart.setEnabled(True)
        self.revert.setEnabled(state not in {SliceState.UNLABELLED, SliceState.PREDICTED})
        if self._is_expert:
            text, tip = (
                "Unconfirm",
                "The model learns from it no longer, and still does not change it.",
            )
        elif empty:
            text, tip = "No heart here", "Teach the model that this slice shows no heart. Key C."
        else:
            text = "Confirm slice"
            tip = "This slice is right: learn from it, never change it. Key C."
        self.confirm.setText(text)
        self.confirm.setAccessibleName(text)
        describe(self.confirm, tip)

    def _on_confirm(self) -> None:
        (
            self._workspace.actions.unconfirm
            if self._is_expert
            else self._workspace.actions.confirm
        )()

    def _on_no_heart(self) -> None:
        self._workspace.actions.no_heart()

    def _on_revert(self) -> None:
        self._workspace.actions.revert()


class _Once(QPushButton):
    """A button for which a double click is one: the second would take back what the first did."""

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells of the second press."""
        event.accept()
