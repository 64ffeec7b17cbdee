"""The other views of the study beside the slices, each with the line of the slice in view on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QMenu,
    QToolButton,
    QWidget,
)

from napari_cardiac_ssl.anatomy import UKBB, View
from napari_cardiac_ssl.geometry.valve_motion import same_moment
from napari_cardiac_ssl.gui.cuts import Cut, cuts, nearest_slice
from napari_cardiac_ssl.gui.landmarks import LandmarkClicks
from napari_cardiac_ssl.gui.panels.controls import column, describe, menu_of_its_own, row
from napari_cardiac_ssl.gui.panels.pane import PaneLine, ViewPane
from napari_cardiac_ssl.gui.panels.valve import ValvePanel, valve_handles
from napari_cardiac_ssl.gui.plane_lines import POSITIONS, TRACES, PlaneLines
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.gui.zoom_link import ZoomLink
from napari_cardiac_ssl.study import SliceIndex, Stack

_LANDMARKS = "Landmarks (*.json)"
#: The slice in view, and the others.
_HERE, _ELSEWHERE = "#FFE45C", "#8A8A8A"
#: Which views are worth a pane, the best first.
_WORTH = sorted(View, key=lambda view: 2.5 if view is View.SAX else view.order)


class _Slot(QWidget):
    """A pane under the choice of what it shows."""

    corrected = Signal(object, object)  # the stack, and which view it is

    def __init__(self, workspace: Workspace, place: int) -> None:
        super().__init__()
        self._workspace = workspace
        self._cuts: tuple[Cut, ...] = ()
        self._cut_by: Stack | None = None
        self._frame = 0
        self.stack: Stack | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName(f"View in pane {place + 1}")
        describe(self.choice, "Which view of the study is shown here.")
        self.choice.setMinimumContentsLength(8)
        self.choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.wrong = menu_of_its_own(
            "Wrong view?",
            f"Correct the view in pane {place + 1}",
            "Say which view this picture shows, if it was told wrongly.",
        )
        menu = QMenu(self.wrong)
        for view in View.in_order():
            menu.addAction(f"It is the {view.short}", lambda view=view: self._on_corrected(view))
        self.wrong.setMenu(menu)
        self.pane = ViewPane()
        self.pane.setAccessibleName(f"Picture of pane {place + 1}")
        head = row(self.choice, self.wrong)
        head.setStretch(0, 1)
        layout = column(self)
        layout.addLayout(head)
        layout.addWidget(self.pane, 1)
        self.choice.activated.connect(lambda _: self.show_stack(self.choice.currentData()))
        self.pane.pointed.connect(self._on_pointed)
        self.pane.dragged.connect(self._on_dragged)
        self.pane.stepped.connect(self._on_stepped)

    def offer(self, stacks: list[Stack], shown: Stack | None) -> None:
        """Offer views, and show one of them."""
        self.choice.clear()
        for stack in stacks:
            self.choice.addItem(self._workspace.session.study.name_of(stack), stack)
            if stack is shown:
                self.choice.setCurrentIndex(self.choice.count() - 1)
        self.show_stack(shown)

    def show_stack(self, stack: Stack | None) -> None:
        """Show a view."""
        self.stack = stack
        frame = self._workspace.session.anatomy.frame
        self._cut_by = self._workspace.session.stack if stack is not None else None
        self._cuts = cuts(self._cut_by, stack) if stack is not None and self._cut_by else ()
        self.pane.show_stack(stack, frame.centre_mm if frame is not None else None)
        self.follow()

    def follow(self) -> None:
        """Show the moment and the slice that the viewer shows."""
        workspace, stack = self._workspace, self.stack
        if stack is None or not workspace.is_open or not self.isVisible():
            return
        main, here = workspace.session.stack, workspace.view.in_view
        if main is not self._cut_by:  # another one has just been opened: `show_stack` follows
            return
        labels = workspace.session.annotations.labels[here.t]
        lines: list[PaneLine] = []
        for cut in sorted(self._cuts, key=lambda cut: cut.z == here.z):  # that in view on top
            colour, width = (_HERE, 1.6) if cut.z == here.z else (_ELSEWHERE, 0.6)
            lines.append(PaneLine(cut.points_xy[[0, -1]], colour, width))
            for code, ends in cut.runs(labels[cut.z]):
                colour = UKBB.structures[code - 1].colour
                lines.append(PaneLine(ends, colour, 5.0 if cut.z == here.z else 2.5))
        self._frame = same_moment(here.t, main.frames, stack.frames)
        self.pane.show_frame(self._frame, tuple(lines))
        self.pane.show_handles(valve_handles(workspace.session.valve, stack, self._frame))

    def _on_pointed(self, point_mm: Any) -> None:
        workspace = self._workspace
        if workspace.is_open:
            z = nearest_slice(workspace.session.stack, point_mm)
            if z != workspace.view.in_view.z:
                workspace.view.go_to(SliceIndex(workspace.view.in_view.t, z))

    def _on_dragged(self, name: str, to_mm: Any) -> None:
        workspace, stack = self._workspace, self.stack
        if workspace.is_open and stack is not None:
            with workspace.reporting():
                workspace.session.valve.move(stack.view, self._frame, name, to_mm)
            self.follow()  # back to where it was, if it was refused

    def _on_stepped(self, step: int) -> None:
        workspace = self._workspace
        if workspace.is_open:
            t, z = workspace.view.in_view
            workspace.view.go_to(
                SliceIndex(t, min(max(z + step, 0), workspace.session.stack.slices - 1))
            )

    def _on_corrected(self, view: View) -> None:
        if self.stack is not None:
            self.corrected.emit(self.stack, view)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what went on unseen."""
        super().showEvent(event)
        self.follow()


class ViewsPanel(QWidget):
    """Two panes, side by side or one above the other as there is room.

    Parameters
    ----------
    workspace, lines, clicks, link
        The window's.
    """

    def __init__(
        self, workspace: Workspace, lines: PlaneLines, clicks: LandmarkClicks, link: ZoomLink
    ) -> None:
        super().__init__()
        self._workspace, self._lines, self._clicks = workspace, lines, clicks
        self.slots = (_Slot(workspace, 0), _Slot(workspace, 1))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setAccessibleName("What is known of the views")
        self._panes = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._panes.setSpacing(6)
        for slot in self.slots:
            self._panes.addWidget(slot, 1)
            slot.corrected.connect(self._on_corrected)
            link.add(slot.pane)
        self.planes = self._toggle(TRACES, "Planes", "Lines of the long-axis planes on the slices.")
        self.boxes = self._toggle(
            POSITIONS,
            "Positions",
            "The nine anatomical positions that the network was trained to find without labels: "
            "the LV's centre, four along the 4CH plane (septal, RV, lateral, far lateral) and four "
            "along the 2CH plane (anterior, far anterior, inferior, far inferior).",
        )
        self.landmarks = self._landmark_button()
        self.valve = ValvePanel(workspace)
        self.linked = link.box()
        foot = row(self.planes, self.boxes, self.linked)
        foot.addStretch(1)
        foot.addWidget(self.valve.menu)
        foot.addWidget(self.landmarks)
        layout = column(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(self._panes, 1)
        layout.addWidget(self.note)
        layout.addWidget(self.valve)
        layout.addLayout(foot)
        lines.changed.connect(self._mark)
        clicks.changed.connect(self._mark)
        workspace.session.signals.study_changed.connect(self._fill)
        workspace.changed.connect(self._follow)
        workspace.session.signals.valve_changed.connect(self._follow)
        self._fill()

    def _toggle(self, what: str, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setAccessibleName(what)
        describe(box, tip)
        box.toggled.connect(lambda shown: self._lines.show(what, shown))
        return box

    def _landmark_button(self) -> QToolButton:
        made = menu_of_its_own(
            "Landmarks",
            "Landmarks",
            "Three clicks on short-axis slices say how the heart lies, where there are no "
            "long-axis views, or where those do not fit.",
        )
        menu = QMenu(made)
        menu.addAction("Set by three clicks", self._clicks.start)
        anatomy = self._workspace.session.anatomy
        menu.addAction("Remove", lambda: self._do(lambda: anatomy.set_landmarks(None)))
        menu.addSeparator()
        menu.addAction("Load…", self._on_load)
        menu.addAction("Save as…", self._on_save)
        made.setMenu(menu)
        return made

    def _do(self, verb: Callable[[], None]) -> None:
        with self._workspace.reporting():
            verb()

    def _on_load(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Load landmarks", "", _LANDMARKS)
        if chosen:
            self._do(lambda: self._workspace.session.anatomy.load_landmarks(Path(chosen)))

    def _on_save(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            "Save landmarks",
            "landmarks.json",
            _LANDMARKS,
            options=QFileDialog.Option.DontConfirmOverwrite,  # it adds to what is there
        )
        if chosen:
            self._do(lambda: self._workspace.session.anatomy.save_landmarks(Path(chosen)))

    def _mark(self) -> None:
        """Show which lines are shown, and what can be asked for."""
        known = self._workspace.session.anatomy.frame is not None
        for box, what in ((self.planes, TRACES), (self.boxes, POSITIONS)):
            box.blockSignals(True)
            box.setChecked(self._lines.is_shown(what))
            box.blockSignals(False)
            box.setEnabled(known)
        workspace = self._workspace
        self.landmarks.setEnabled(workspace.is_open and workspace.session.stack.view is View.SAX)
        study = self._workspace.session.study.current
        others = len(study.stacks) - 1 if study is not None else 0
        self.note.setText(self._words(others))
        self.note.setVisible(bool(self.note.text()))

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Lay the panes out along the longer side."""
        wide = self.width() > 1.2 * self.height()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        self._panes.setDirection(direction)
        super().resizeEvent(event)

    def _fill(self) -> None:
        """Offer what is there, and keep showing what was shown if it still is."""
        study = self._workspace.session.study.current
        main = self._workspace.session.stack if study is not None else None
        stacks = [one for one in study.stacks if one is not main] if study is not None else []
        stacks.sort(key=lambda stack: _WORTH.index(stack.view))
        shown = [slot.stack for slot in self.slots]
        free = [stack for stack in stacks if stack not in shown]
        for slot in self.slots:
            keep = slot.stack if slot.stack in stacks else None
            best = keep or (free.pop(0) if free else None)
            slot.offer(stacks, best)
            slot.setVisible(best is not None)
        describe(self.note, "\n\n".join(study.notes) if study is not None else "")
        self._mark()

    def _words(self, others: int) -> str:
        study = self._workspace.session.study.current
        if study is None:
            return "Open a study to see its long-axis views here."
        if self._clicks.asking:
            return self._clicks.prompt
        words = []
        if self._workspace.session.anatomy.landmarks is not None:
            words.append("Planes are those of the landmarks.")
        elif not others:
            words.append("No long-axis views in this study: three landmarks can take their place.")
        elif self._workspace.session.anatomy.why_no_frame:
            words.append(f"Planes cannot be shown: {self._workspace.session.anatomy.why_no_frame}.")
        doubts = [note for note in study.notes if " says " in note]
        if doubts:
            number = "1 series is" if len(doubts) == 1 else f"{len(doubts)} series are"
            words.append(f"{number} not what the name says (hold the mouse here to read why).")
        return " ".join(words)

    def _follow(self) -> None:
        for slot in self.slots:
            slot.follow()

    def _on_corrected(self, stack: Stack, view: View) -> None:
        workspace = self._workspace
        with workspace.reporting():
            workspace.session.correct_view(stack, view)
            workspace.say(f"{stack.name} is taken for the {view.short} from now on")
