"""The other views of the study beside the slices, each with the line of the slice in view on it."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QBoxLayout, QComboBox, QLabel, QMenu, QToolButton, QWidget

from napari_cardiac_ssl.anatomy import UKBB, View
from napari_cardiac_ssl.gui.cuts import Cut, cuts, nearest_slice, same_moment
from napari_cardiac_ssl.gui.display import COLOURS
from napari_cardiac_ssl.gui.panels.controls import column, describe, row
from napari_cardiac_ssl.gui.panels.pane import PaneLine, ViewPane
from napari_cardiac_ssl.gui.studies import VIEW_NAMES, Studies
from napari_cardiac_ssl.study import SliceIndex, Stack

#: The slice in view, and the others.
_HERE, _ELSEWHERE = "#FFE45C", "#8A8A8A"
#: Which views are worth a pane, the best first.
_WORTH = (View.LAX_4CH, View.LAX_2CH, View.SAX, View.LAX_3CH, View.RV_2CH, View.RVOT, View.OTHER)


class _Slot(QWidget):
    """A pane under the choice of what it shows."""

    corrected = Signal(object, object)  # the stack, and which view it is

    def __init__(self, studies: Studies, place: int) -> None:
        super().__init__()
        self._studies = studies
        self._cuts: tuple[Cut, ...] = ()
        self.stack: Stack | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName(f"View in pane {place + 1}")
        describe(self.choice, "Which view of the study is shown here.")
        self.choice.setMinimumContentsLength(8)
        self.choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.wrong = QToolButton()
        self.wrong.setText("Wrong view?")
        self.wrong.setAccessibleName(f"Correct the view in pane {place + 1}")
        describe(self.wrong, "Say which view this picture shows, if it was told wrongly.")
        self.wrong.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.wrong)
        for view, name in VIEW_NAMES.items():
            menu.addAction(f"It is the {name}", lambda view=view: self._on_corrected(view))
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
        self.pane.stepped.connect(self._on_stepped)

    def offer(self, stacks: list[Stack], shown: Stack | None) -> None:
        """Offer views, and show one of them."""
        self.choice.clear()
        for stack in stacks:
            self.choice.addItem(self._studies.name_of(stack), stack)
            if stack is shown:
                self.choice.setCurrentIndex(self.choice.count() - 1)
        self.show_stack(shown)

    def show_stack(self, stack: Stack | None) -> None:
        """Show a view."""
        self.stack = stack
        frame = self._studies.frame
        self._cuts = cuts(self._studies.desk.session.stack, stack) if stack is not None else ()
        self.pane.show_stack(stack, frame.centre_mm if frame is not None else None)
        self.follow()

    def follow(self) -> None:
        """Show the moment and the slice that the viewer shows."""
        desk, stack = self._studies.desk, self.stack
        if stack is None or not desk.is_open or not self.isVisible():
            return
        main, here = desk.session.stack, desk.view.in_view
        labels = desk.session.annotations.labels[here.t]
        lines: list[PaneLine] = []
        for cut in sorted(self._cuts, key=lambda cut: cut.z == here.z):  # that in view on top
            colour, width = (_HERE, 1.6) if cut.z == here.z else (_ELSEWHERE, 0.6)
            lines.append(PaneLine(cut.points_xy[[0, -1]], colour, width))
            for code, ends in cut.runs(labels[cut.z]):
                colour = COLOURS[UKBB.structures[code - 1]]
                lines.append(PaneLine(ends, colour, 5.0 if cut.z == here.z else 2.5))
        self.pane.show_frame(same_moment(here.t, main.frames, stack.frames), tuple(lines))

    def _on_pointed(self, point_mm: Any) -> None:
        desk = self._studies.desk
        if desk.is_open:
            z = nearest_slice(desk.session.stack, point_mm)
            if z != desk.view.in_view.z:
                desk.view.go_to(SliceIndex(desk.view.in_view.t, z))

    def _on_stepped(self, step: int) -> None:
        desk = self._studies.desk
        if desk.is_open:
            t, z = desk.view.in_view
            desk.view.go_to(SliceIndex(t, min(max(z + step, 0), desk.session.stack.slices - 1)))

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
    studies
        The window's.
    """

    def __init__(self, studies: Studies) -> None:
        super().__init__()
        self._studies = studies
        self.slots = (_Slot(studies, 0), _Slot(studies, 1))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setAccessibleName("What is known of the views")
        self._panes = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._panes.setSpacing(6)
        for slot in self.slots:
            self._panes.addWidget(slot, 1)
            slot.corrected.connect(self._on_corrected)
        self.layout_ = column(self)
        self.layout_.setContentsMargins(4, 4, 4, 4)
        self.layout_.addLayout(self._panes, 1)
        self.layout_.addWidget(self.note)
        studies.changed.connect(self._fill)
        studies.desk.changed.connect(self._follow)
        self._fill()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Lay the panes out along the longer side."""
        wide = self.width() > 1.2 * self.height()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        self._panes.setDirection(direction)
        super().resizeEvent(event)

    def _fill(self) -> None:
        """Offer what is there, and keep showing what was shown if it still is."""
        study = self._studies.current
        main = self._studies.desk.session.stack if study is not None else None
        stacks = [one for one in study.stacks if one is not main] if study is not None else []
        stacks.sort(key=lambda stack: _WORTH.index(stack.view))
        shown = [slot.stack for slot in self.slots]
        free = [stack for stack in stacks if stack not in shown]
        for slot in self.slots:
            keep = slot.stack if slot.stack in stacks else None
            best = keep or (free.pop(0) if free else None)
            slot.offer(stacks, best)
            slot.setVisible(best is not None)
        self.note.setText(self._words(len(stacks)))
        describe(self.note, "\n\n".join(study.notes) if study is not None else "")
        self.note.setVisible(bool(self.note.text()))

    def _words(self, others: int) -> str:
        study = self._studies.current
        if study is None:
            return "Open a study to see its long-axis views here."
        words = []
        if not others:
            words.append("No other views in this study.")
        doubts = [note for note in study.notes if " says " in note]
        if doubts:
            number = f"{len(doubts)} series is" if len(doubts) == 1 else f"{len(doubts)} series are"
            words.append(f"{number} named otherwise than where the plane lies: look here why.")
        return " ".join(words)

    def _follow(self) -> None:
        for slot in self.slots:
            slot.follow()

    def _on_corrected(self, stack: Stack, view: View) -> None:
        self._studies.correct(stack, view)
        self._studies.desk.say(f"{stack.name} is taken for the {VIEW_NAMES[view]} from now on")
