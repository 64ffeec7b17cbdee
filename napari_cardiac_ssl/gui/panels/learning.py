"""What to learn with, how it goes, three ways to stop it, and what came of it."""

import psutil
from magicgui.widgets import ComboBox, SpinBox
from napari.layers import Image, Layer
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QStackedWidget,
    QWidget,
)

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import doubt_layer
from napari_cardiac_ssl.gui.panels.controls import (
    button,
    column,
    describe,
    menu_button,
    row,
    wrapped,
)
from napari_cardiac_ssl.gui.panels.curves import Curves
from napari_cardiac_ssl.gui.preferences import preferences
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.session import JobStatus, Start
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Progressed
from napari_cardiac_ssl.wording import count

#: Shares of a training after which the time left is told: by the pace since its first step, and by
#: the pace of all of it.
_TELLING, _SURELY = 0.05, 0.3
_PHASES = {
    "idle": "",
    "starting": "Starting…",
    "paused": "Paused",
    "finishing": "Finishing…",
    "predicting": "Predicting the other slices…",
}


class LearningPanel(QWidget):
    """What to learn with, how it goes, three ways to stop it, and what came of it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._offered: list[tuple[str, Start]] = []  # what training may start from
        self._paused = False
        self._step = 0
        self._first: Progressed | None = None  # of the job that runs
        self._layer: Image | None = None  # how sure the model is, if that is shown
        self._make_options()
        self._make_buttons()
        self.curves = Curves()
        layout = column(self)
        go = row(self.train, self.predict)
        go.setStretch(0, 2)
        go.setStretch(1, 1)
        layout.addLayout(go)
        layout.addWidget(self.bar)
        layout.addWidget(self.progress)
        layout.addWidget(self.steer)
        switches = row(self.while_drawing, self.how)
        switches.setStretch(0, 1)
        layout.addLayout(switches)
        layout.addWidget(self.options)
        layout.addWidget(self.curves)  # last: they come later, and nothing is to jump
        workspace.changed.connect(self._show)
        workspace.session.signals.job_changed.connect(self._show_job)
        workspace.session.signals.job_ended.connect(self._on_job_ended)
        workspace.session.signals.validated.connect(self._on_validated)
        workspace.session.signals.stack_opened.connect(self._drop_confidence)
        workspace.layers_changed.connect(self._on_layers)
        self._show()
        self._show_job(workspace.session.training.status)

    # -- making ----------------------------------------------------------------------------

    def _make_options(self) -> None:
        self.seconds = SpinBox(
            label="Seconds",
            value=preferences().seconds,
            min=1,
            max=3600,
            tooltip="How long to train.",
        )
        self.start = ComboBox(
            label="Start from",
            choices=self._starts(),
            value="present",
            tooltip=wrapped(
                "The first training starts from the supplied weights, if there are any for this "
                "view; later ones continue from the present model. Scratch discards all that was "
                "learned before."
            ),
        )
        self.mode = ComboBox(
            label="Train",
            choices=[("the whole network", "all"), ("the decoder only", "decoder")],
            value="all",
            tooltip=wrapped("The decoder alone is quicker; the features stay as they are."),
        )
        self.options = QWidget()
        form = QFormLayout(self.options)
        form.setContentsMargins(0, 0, 0, 0)
        for one in (self.seconds, self.start, self.mode):
            form.addRow(one.label, one.native)
            one.native.setAccessibleName(one.label)
        self.options.hide()
        self.how = button(
            "How to train", "How long to train, from which start, and how much of the network."
        )
        self.how.setCheckable(True)
        self.how.toggled.connect(self.options.setVisible)
        self.while_drawing = QCheckBox("Learn while I draw")
        self.while_drawing.setChecked(self._workspace.session.training.learn_while_drawing)
        describe(
            self.while_drawing,
            "Confirming a slice starts some seconds of training by itself, in the background, and "
            "refreshes the slices that you have not touched.",
        )
        self.while_drawing.toggled.connect(self._on_while_drawing)

    def _starts(self) -> list[tuple[str, Start]]:
        """Return the starts there are for this view; the first is taken unless another is asked."""
        session = self._workspace.session
        learned, shipped = session.model is not None, session.models.has_shipped_weights
        if not (learned or shipped):
            return [("scratch", "present")]
        present = "the present model" if learned else "the shipped weights"
        again: list[tuple[str, Start]] = [("the shipped weights", "default")]
        return [
            (present, "present"),
            *(again if learned and shipped else []),
            ("scratch", "scratch"),
        ]

    def _offer_starts(self) -> None:
        """Offer the starts that there are, and keep the one that was chosen if it is among them."""
        starts, chosen = self._starts(), self.start.value
        if starts == self._offered:
            return
        self._offered = starts
        self.start.choices = ()  # else what stays goes before what is new
        self.start.choices = starts
        self.start.value = chosen if chosen in [value for _, value in starts] else "present"

    def _make_buttons(self) -> None:
        workspace, session = self._workspace, self._workspace.session
        self.train = button("Train", "")
        self.predict = button("Predict", "")
        describe(
            self.predict,
            "Refresh every untouched slice without training, in some seconds: a first guess by "
            "the shipped weights before anything is drawn, later by the present model.",
        )
        for one in (self.train, self.predict):
            one.setMinimumHeight(28)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(6)
        self.bar.setAccessibleName("Training progress")
        self.progress = QLabel()
        self.progress.setAccessibleName("How learning goes, or what the model learned from")
        self.progress.setWordWrap(True)
        self.pause = button("Pause", "Hold training; nothing is lost, the time does not count.")
        self.finish = button("Finish now", "Stop soon, and use what was learned so far.")
        self.cancel = button("Cancel", "Stop at once; model and labels stay as they were.")
        self.accept = menu_button(
            "Accept",
            "Take predictions as right without change: the model learns them.",
            self._accept_menu(),
        )
        self.roll_back = button(
            "Roll back", "Go back to the model before this one and to what it predicted, at once."
        )
        self.confidence = button(
            "Confidence", "Show how sure the model is of each pixel, as a layer on the picture."
        )
        self.confidence.setCheckable(True)
        self.steer = QStackedWidget()
        for widgets in (
            (self.accept, self.roll_back, self.confidence),
            (self.pause, self.finish, self.cancel),
        ):
            page = QWidget()
            page.setLayout(row(*widgets))
            page.layout().setContentsMargins(0, 0, 0, 0)
            self.steer.addWidget(page)
        self.train.clicked.connect(self._on_train)
        self.predict.clicked.connect(workspace.actions.predict)
        self.pause.clicked.connect(self._on_pause)
        self.finish.clicked.connect(session.training.finish)
        self.cancel.clicked.connect(session.cancel)
        self.roll_back.clicked.connect(workspace.actions.roll_back)
        self.confidence.clicked.connect(self._on_confidence)

    def _accept_menu(self) -> QMenu:
        menu, workspace = QMenu(self), self._workspace
        here = menu.addAction("This slice")
        here.triggered.connect(lambda _: workspace.actions.accept())
        menu.addAction("This frame", lambda: workspace.actions.accept(*self._frame()))
        menu.addAction(
            "All slices", lambda: workspace.actions.accept(*workspace.session.stack.slice_indices())
        )
        menu.addSeparator()
        menu.addAction("Revert this frame to the model", lambda: self._revert(self._frame()))
        menu.addAction(
            "Revert all slices to the model",
            lambda: self._revert(list(workspace.session.stack.slice_indices())),
        )
        return menu

    def _revert(self, slices: list[SliceIndex]) -> None:
        states = self._workspace.session.annotations
        mine = set(states.slices(SliceState.EXPERT, SliceState.EDITING))
        chosen = [index for index in slices if index in mine]
        if chosen:
            self._workspace.actions.revert(*chosen)
        else:
            self._workspace.say("no slice there is drawn or confirmed by you")

    def _frame(self) -> list[SliceIndex]:
        t = self._workspace.view.in_view.t
        return [index for index in self._workspace.session.stack.slice_indices() if index.t == t]

    # -- showing ---------------------------------------------------------------------------

    def _show(self) -> None:
        """Say how many slices there are to learn from, and offer what is possible."""
        session, number = self._workspace.session, 0
        idle = self._workspace.is_open and not session.training.busy
        model = session.model
        if self._workspace.is_open:
            number = len(session.annotations.slices(SliceState.EXPERT))
            number += len(session.labelling.drawn)
        lacking = self._lacking(number)
        text = f"Train on {count(number, 'slice')}" if number and not lacking else "Train"
        self.train.setText(text)
        self.train.setAccessibleName(text)
        describe(self.train, lacking or self._of_training())
        can_start = idle and (model is not None or session.models.has_shipped_weights)
        self._offer_starts()
        self.train.setEnabled(idle and not lacking)
        self.predict.setEnabled(can_start)
        self.start.enabled = can_start
        self.roll_back.setEnabled(idle and model is not None)
        self.accept.setEnabled(idle and bool(session.annotations.slices(SliceState.PREDICTED)))
        self.confidence.setEnabled(idle and session.doubt.confidence is not None)
        if not session.training.busy:
            self.progress.setText(lacking if number and lacking else self._what())

    def _lacking(self, number: int) -> str:
        """Return why nothing can be learned from so many slices; empty if it can."""
        if not self._workspace.is_open:
            return "Nothing is open yet."
        if not number:
            return "Nothing to learn from yet: draw the heart on a slice or two, or confirm some."
        if not self._workspace.session.training.has_heart:
            slices = count(number, "slice")
            return f"No heart on the {slices} to learn from: draw it on one or two."
        return ""

    def _of_training(self) -> str:
        """Return what training does, for its button."""
        session = self._workspace.session
        drafts = len(session.annotations.slices(SliceState.EDITING)) - len(session.labelling.drawn)
        return (
            f"Learn from the labelled slices for {self.seconds.value} s, then predict all others. "
            "You can go on drawing meanwhile. Key T."
            + (f" Not from {count(drafts, 'draft')} that you have not confirmed." if drafts else "")
        )

    def _show_job(self, status: JobStatus) -> None:
        """Say how training goes."""
        phase, step = status.phase, status.progress
        words = _PHASES.get(phase, "")
        if step is not None and phase in {"training", "paused", "finishing"}:
            if self._first is None or self._first.number != step.number:
                self._first = step
            said = words or in_words(time_left(self._first, step))
            words = " · ".join(filter(None, (said, f"loss {step.loss:.2f}", step.note)))
            if step.step != self._step:
                self._step = step.step
                self.curves.add_loss(step.loss)
        elif phase == "starting":
            self._step = 0
            self.curves.start()
        self.progress.setText(words or self._what())
        if phase in {"idle", "starting"}:  # not at every step
            self.progress.setToolTip(self._machine())
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
        self.steer.setCurrentIndex(int(phase != "idle"))

    def _what(self) -> str:
        """Return what the present model learned from."""
        model = self._workspace.session.model
        if model is None:
            return "No model yet"
        if not model.slices_learned:  # it may have been tested nevertheless
            return "The shipped weights; nothing learned here yet"
        learned = count(model.slices_learned, "slice")
        verdict = self._workspace.session.validation.verdict
        return f"Learned from {learned} in {model.seconds:.0f} s; {verdict}"

    def _machine(self) -> str:
        """Return on what the trainer works, and how much memory it holds."""
        session = self._workspace.session
        if not session.training.compute or session.training.trainer_pid is None:
            return "The trainer is not running yet"
        try:
            memory = psutil.Process(session.training.trainer_pid).memory_info().rss / 2**30
        except psutil.Error:  # it has just ended
            return "The trainer has ended"
        return f"Trainer: {session.training.compute}, {memory:.1f} GiB of memory"

    # -- what happens ----------------------------------------------------------------------

    def try_to_train(self) -> None:
        """Train as the button does; where that is not offered, say why."""
        self._show()
        if self.train.isEnabled():
            self._on_train()
        elif self._workspace.session.training.busy:
            self._workspace.say("training or predicting already; this goes on to its end first")
        else:
            self._workspace.say(self.train.accessibleDescription())

    def _on_train(self) -> None:
        self._workspace.actions.train(float(self.seconds.value), self.start.value, self.mode.value)

    def _on_pause(self) -> None:
        session = self._workspace.session
        (session.training.resume if self._paused else session.training.pause)()

    def _on_while_drawing(self, on: bool) -> None:
        self._workspace.session.training.learn_while_drawing = on

    def _on_confidence(self, on: bool) -> None:
        session = self._workspace.session
        self._drop_confidence()
        if not on or session.doubt.confidence is None:
            return
        self._layer = Layer.create(*doubt_layer(session.doubt.confidence, session.stack))
        self._workspace.viewer.add_layer(self._layer)
        self.confidence.setChecked(True)
        if self._workspace.view.layer is not None:  # one goes on drawing
            self._workspace.viewer.layers.selection.active = self._workspace.view.layer

    def _drop_confidence(self, *_: object) -> None:
        layer, self._layer = self._layer, None
        self.confidence.setChecked(False)
        if layer is not None and layer in self._workspace.viewer.layers:
            self._workspace.viewer.layers.remove(layer)

    def _on_job_ended(self, how: str) -> None:
        confidence = self._workspace.session.doubt.confidence
        if self._layer is not None and confidence is not None:
            self._layer.data = 255 - confidence

    def _on_validated(self, *_: object) -> None:
        self.curves.show_dice([one.mean for one in self._workspace.session.validation.scores])
        self._show()

    def _on_layers(self, layer: Layer, came: bool) -> None:
        if not came and layer is self._layer:
            self._layer = None
            self.confidence.setChecked(False)


def time_left(first: Progressed, step: Progressed) -> float | None:
    """Return how long training will take from now on, in s; None where that is not known yet.

    The first step of a job takes far longer than the others: it warms up, and says nothing of them.
    """
    spent, seconds = step.spent - first.spent, step.seconds - first.seconds
    if spent >= _TELLING:
        return seconds * (1 - step.spent) / spent
    return step.seconds_left if step.spent >= _SURELY else None


def in_words(seconds: float | None) -> str:
    """Return how much time is left, as one would say it.

    Examples
    --------
    >>> in_words(3.2), in_words(41), in_words(200), in_words(None)
    ('3 s left', '41 s left', 'about 3 min left', 'Learning')
    """
    if seconds is None:
        return "Learning"
    seconds = max(0.0, seconds)
    return f"{seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"
