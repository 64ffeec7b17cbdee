"""What to learn with, how it goes, and three ways to stop it."""

from magicgui.widgets import ComboBox, SpinBox
from qtpy.QtWidgets import QFormLayout, QLabel, QProgressBar, QWidget

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.panels.controls import button, column, row
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.session import JobStatus


class LearningPanel(QWidget):
    """What to learn with, how it goes, and three ways to stop it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._ships = default_weights() is not None
        self._paused = False
        self._make_options()
        self._make_buttons()
        form = QFormLayout()
        for one in (self.seconds, self.start, self.mode):
            form.addRow(one.label, one.native)
            one.native.setAccessibleName(one.label)
        layout = column(self)
        layout.addLayout(form)
        go = row(self.train, self.predict)
        go.setStretch(0, 2)
        go.setStretch(1, 1)
        layout.addLayout(go)
        layout.addWidget(self.bar)
        layout.addWidget(self.progress)
        layout.addLayout(row(self.pause, self.finish, self.cancel))
        desk.changed.connect(self._show)
        desk.session.job_changed.connect(self._show_job)
        self._show()
        self._show_job(desk.session.status)

    def _make_options(self) -> None:
        self.seconds = SpinBox(
            label="Seconds", value=15, min=1, max=3600, tooltip="How long to train."
        )
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

    def _make_buttons(self) -> None:
        session = self._desk.session
        self.train = button("Train", "Learn from the labelled slices, then predict all others.")
        self.predict = button(
            "Predict",
            "Refresh every untouched slice without training, in seconds: a first guess by the "
            "shipped weights before anything is drawn, later by the present model.",
        )
        for one in (self.train, self.predict):
            one.setMinimumHeight(34)
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
        self.train.clicked.connect(self._on_train)
        self.predict.clicked.connect(self._desk.predict)
        self.pause.clicked.connect(self._on_pause)
        self.finish.clicked.connect(session.finish)
        self.cancel.clicked.connect(session.cancel)

    def _show(self) -> None:
        """Say how many slices there are to learn from, and offer what is possible."""
        session, number = self._desk.session, 0
        idle = self._desk.is_open and not session.busy
        if self._desk.is_open:
            number = len(session.annotations.slices(SliceState.EXPERT, SliceState.EDITING))
        text = f"Train on {number} slice{'' if number == 1 else 's'}" if number else "Train"
        self.train.setText(text)
        self.train.setAccessibleName(text)
        can_start = idle and (session.model is not None or self._ships)
        self.train.setEnabled(idle and number > 0)
        self.predict.setEnabled(can_start)
        self.start.enabled = can_start

    def _show_job(self, status: JobStatus) -> None:
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

    def _on_train(self) -> None:
        self._desk.train(float(self.seconds.value), self.start.value, self.mode.value)

    def _on_pause(self) -> None:
        session = self._desk.session
        (session.resume if self._paused else session.pause)()
