"""The parts of the widget: what each shows, and what the user asks for in it. No rules."""

from magicgui.widgets import ComboBox, SpinBox
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledSlider

from napari_cardiac_ssl.anatomy import SCHEMES, UKBB, LabelScheme, Structure
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import COLOURS
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.session import JobStatus
from napari_cardiac_ssl.study import SliceIndex

ERASER = 0

_WORDS = {
    SliceState.UNLABELLED: "not labelled",
    SliceState.PREDICTED: "the model's prediction",
    SliceState.EDITING: "editing, protected",
    SliceState.EXPERT: "confirmed, protected",
    SliceState.EXCLUDED: "excluded",
}


def button(text: str, tip: str) -> QPushButton:
    """Return a push button that says what it does."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAccessibleName(text)
    made.setAccessibleDescription(tip)
    return made


def heading(text: str) -> QLabel:
    """Return the heading of a part."""
    made = QLabel(text)
    made.setStyleSheet("font-weight: bold; margin-top: 6px;")
    return made


class StructurePanel(QWidget):
    """What to draw, and how thick."""

    chosen = Signal(int)  # the structure's UKBB integer, or ERASER
    brush_size_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[int, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.chosen)
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        self.brush = QLabeledSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(1, 40)
        self.brush.setValue(8)
        self.brush.setToolTip("Diameter of the brush in pixels. Keys [ and ] change it too.")
        self.brush.setAccessibleName("Brush size in pixels")
        self.brush.valueChanged.connect(self.brush_size_chosen)
        row = QHBoxLayout()
        row.addWidget(QLabel("Brush"))
        row.addWidget(self.brush)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._grid)
        layout.addLayout(row)

    def offer(self, structures: tuple[Structure, ...]) -> None:
        """Show one button for each structure, and the eraser."""
        for old in self.buttons.values():
            self._group.removeButton(old)
            old.deleteLater()
        self.buttons = {}
        for structure in structures:
            code = UKBB.code(structure)
            name = structure.value[0].upper() + structure.value[1:]
            made = button(f"{name}  ({code})", f"Draw the {structure}. Key {code} on the picture.")
            made.setIcon(swatch(COLOURS[structure]))
            self._add(code, made)
        self._add(ERASER, button("Erase  (0)", "Take labels away. Key 0 on the picture."))

    def _add(self, code: int, made: QPushButton) -> None:
        made.setCheckable(True)
        made.setMinimumHeight(34)
        made.setIconSize(QSize(16, 16))
        place = len(self.buttons)
        self._grid.addWidget(made, place // 2, place % 2)
        self._group.addButton(made, code)
        self.buttons[code] = made

    def mark(self, code: int, brush_size: int) -> None:
        """Show what is chosen."""
        if code in self.buttons:
            self.buttons[code].setChecked(True)
        self.brush.blockSignals(True)
        self.brush.setValue(brush_size)
        self.brush.blockSignals(False)


class SlicePanel(QWidget):
    """The state of the slice in view, and what can be done about it."""

    confirm_asked = Signal()
    retract_asked = Signal()
    revert_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setAccessibleName("State of the slice in view")
        self.counts = QLabel()
        self.counts.setWordWrap(True)
        self.counts.setAccessibleName("Slices by state")
        self.confirm = button("Confirm slice", "")
        self.revert = button(
            "Give back to model",
            "What is drawn on this slice goes, and the next prediction fills it. Ctrl-Z brings "
            "it back.",
        )
        self.confirm.clicked.connect(self._on_confirm)
        self.revert.clicked.connect(self.revert_asked)
        self._is_expert = False
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.confirm)
        row.addWidget(self.revert)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.state)
        layout.addLayout(row)
        layout.addWidget(self.counts)

    def show_slice(
        self, index: SliceIndex, of: tuple[int, int], state: SliceState, *, empty: bool
    ) -> None:
        """Say which slice is in view, of how many frames and slices, and what it is worth."""
        self._is_expert = state is SliceState.EXPERT
        words = _WORDS[state]
        if empty and state in {SliceState.EDITING, SliceState.EXPERT}:
            words = f"no heart here; {words}"
        self.state.setText(
            f"Frame {index.t} of 0–{of[0] - 1}, slice {index.z} of 0–{of[1] - 1}:\n"
            f"{words[0].upper()}{words[1:]}"
        )
        self.confirm.setEnabled(True)
        self.revert.setEnabled(state not in {SliceState.UNLABELLED, SliceState.PREDICTED})
        if self._is_expert:
            text, tip = "Take back", "Not an example any more; the slice stays protected."
        elif empty:
            text, tip = "No heart here", "Teach the model that this slice shows no heart."
        else:
            text, tip = "Confirm slice", "This slice is right: learn from it, never change it."
        self.confirm.setText(text)
        self.confirm.setToolTip(tip)
        self.confirm.setAccessibleName(text)
        self.confirm.setAccessibleDescription(tip)

    def show_counts(self, expert: int, editing: int, predicted: int, empty: int) -> None:
        """Say how far the stack is."""
        counts = {"confirmed": expert, "editing": editing, "predicted": predicted, "empty": empty}
        self.counts.setText(" · ".join(f"{n} {what}" for what, n in counts.items() if n))

    def show_nothing(self) -> None:
        """Say that no stack is open."""
        self.state.setText("No stack is open")
        self.counts.setText("")
        self.confirm.setEnabled(False)
        self.revert.setEnabled(False)

    def _on_confirm(self) -> None:
        (self.retract_asked if self._is_expert else self.confirm_asked).emit()


class TrainingPanel(QWidget):
    """What to learn with, how it goes, and three ways to stop it."""

    train_asked = Signal()
    predict_asked = Signal()
    pause_asked = Signal()
    resume_asked = Signal()
    finish_asked = Signal()
    cancel_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.seconds = SpinBox(
            label="Seconds", value=15, min=1, max=3600, tooltip="How long to train."
        )
        self._ships = default_weights() is not None
        self.start = ComboBox(
            label="Start from",
            choices=[
                ("the present model", "present"),
                *([("the shipped weights", "default")] if self._ships else []),
                ("scratch", "scratch"),
            ],
            value="present",
            tooltip="The first training starts from the shipped weights, those after it from what "
            "was learned. Scratch forgets all that was learned before.",
        )
        self.mode = ComboBox(
            label="Train",
            choices=[("the whole network", "all"), ("the decoder only", "decoder")],
            value="all",
            tooltip="The decoder alone is quicker; the features stay as they are.",
        )
        form = QFormLayout()
        for one in (self.seconds, self.start, self.mode):
            form.addRow(one.label, one.native)
            one.native.setAccessibleName(one.label)
        self.train = button("Train", "Learn from the labelled slices, then predict all others.")
        self.train.setMinimumHeight(34)
        self.train.clicked.connect(self.train_asked)
        self.predict = button(
            "Predict",
            "Refresh every untouched slice without training, in seconds: a first guess by the "
            "shipped weights before anything is drawn, later by the present model.",
        )
        self.predict.setMinimumHeight(34)
        self.predict.clicked.connect(self.predict_asked)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self.bar.setAccessibleName("Training progress")
        self.progress = QLabel()
        self.progress.setAccessibleName("Loss and time left")
        self.pause = button("Pause", "Hold training; nothing is lost, the time does not count.")
        self.finish = button("Finish now", "Stop soon, and use what was learned so far.")
        self.cancel = button("Cancel", "Stop at once; model and labels stay as they were.")
        self._paused = False
        self.pause.clicked.connect(self._on_pause)
        self.finish.clicked.connect(self.finish_asked)
        self.cancel.clicked.connect(self.cancel_asked)
        row = QHBoxLayout()
        row.setSpacing(4)
        for one in (self.pause, self.finish, self.cancel):
            row.addWidget(one)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(form)
        go = QHBoxLayout()
        go.setSpacing(4)
        go.addWidget(self.train, 2)
        go.addWidget(self.predict, 1)
        layout.addLayout(go)
        for part in (self.bar, self.progress):
            layout.addWidget(part)
        layout.addLayout(row)
        self.show_job(JobStatus())

    def show_examples(self, number: int, *, idle: bool, has_model: bool) -> None:
        """Say how many slices there are to learn from, and offer what is possible."""
        text = f"Train on {number} slice{'' if number == 1 else 's'}" if number else "Train"
        self.train.setText(text)
        self.train.setAccessibleName(text)
        can_start = idle and (has_model or self._ships)
        self.train.setEnabled(idle and number > 0)
        self.predict.setEnabled(can_start)
        self.start.enabled = can_start

    def show_job(self, status: JobStatus) -> None:
        """Say how training goes."""
        phase, step = status.phase, status.progress
        words = {
            "idle": "Not training",
            "starting": "Starting…",
            "paused": "Paused",
            "finishing": "Finishing…",
            "predicting": "Predicting the other slices…",
        }.get(phase, "")
        if step is not None and phase in {"training", "paused", "finishing"}:
            parts = [words or f"Step {step.step}", f"loss {step.loss:.2f}"]
            if phase == "training":
                parts.append(f"{max(0, step.seconds_left):.0f} s left")
            words = " · ".join(parts) + (f" · {step.note}" if step.note else "")
        self.progress.setText(words)
        share = step.spent if step is not None and phase != "idle" else 0.0
        # Nobody knows how long starting and predicting take: the bar runs to and fro.
        self.bar.setRange(0, 0 if phase in {"starting", "predicting"} else 1000)
        self.bar.setValue(round(1000 * share))
        self._paused = phase == "paused"
        self.pause.setText("Resume" if self._paused else "Pause")
        self.pause.setAccessibleName(self.pause.text())
        self.pause.setEnabled(phase in {"training", "paused"})
        self.finish.setEnabled(phase in {"starting", "training", "paused"})
        self.cancel.setEnabled(phase != "idle")

    def _on_pause(self) -> None:
        (self.resume_asked if self._paused else self.pause_asked).emit()


class ExportPanel(QWidget):
    """What leaves as files."""

    masks_asked = Signal()
    model_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._scheme = QComboBox()
        self._scheme.setToolTip("Which integer means which structure in the exported masks.")
        self._scheme.setAccessibleName("Label scheme of exported masks")
        for name, scheme in SCHEMES.items():
            codes = {structure: scheme.code(structure) for structure in scheme.structures}
            self._scheme.addItem(
                f"{name}: LV {codes[Structure.LV_CAVITY]}, myo {codes[Structure.MYOCARDIUM]}, "
                f"RV {codes[Structure.RV_CAVITY]}",
                name,
            )
        self.masks = button("Export masks…", "Write the labels as seen, on the image's own grid.")
        self.model = button("Export model…", "Write the present model as a safetensors file.")
        self.masks.clicked.connect(self.masks_asked)
        self.model.clicked.connect(self.model_asked)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.masks)
        row.addWidget(self.model)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._scheme)
        layout.addLayout(row)

    @property
    def scheme(self) -> LabelScheme:
        """The scheme that is chosen."""
        return SCHEMES[self._scheme.currentData()]


def swatch(colour: str) -> QIcon:
    """Return a disc of a colour."""
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(2, 2, 28, 28)
    painter.end()
    return QIcon(pixmap)
