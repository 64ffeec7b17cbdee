"""A session: one person's work on one stack after the other.

It is made of parts, each of which knows only those before it. What concerns one part alone is asked
of that part (`session.labelling.exclude(index)`); what concerns several is done here, in order.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project import KeptStack, Project
from napari_cardiac_ssl.session.adoption import Adoption
from napari_cardiac_ssl.session.anatomy import Anatomy
from napari_cardiac_ssl.session.doubt import Doubt
from napari_cardiac_ssl.session.drafting import Drafting
from napari_cardiac_ssl.session.examples import Examples
from napari_cardiac_ssl.session.export import Export
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.labelling import End, Labelling
from napari_cardiac_ssl.session.measurement import Measurement
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.persistence import KEPT_AGAIN, Persistence
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.session.suggestion import Suggesting
from napari_cardiac_ssl.session.training import Training
from napari_cardiac_ssl.session.validation import Validation
from napari_cardiac_ssl.session.valve import Valve
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Job, Trainer
from napari_cardiac_ssl.wording import count

Slices = tuple[SliceIndex, ...]


class Session:
    """One person's work: its parts, and what concerns several of them.

    Parameters
    ----------
    project
        What keeps all that is done; one in memory by default.
    trainer
        Where jobs run; a new trainer process by default.
    who
        Who draws; the computer's user by default.
    new_trainer
        Starts the process that looks for the valve in other views, while it looks.
    """

    def __init__(
        self,
        project: Project | None = None,
        trainer: Trainer | None = None,
        who: str | None = None,
        new_trainer: Callable[[], Trainer] = Trainer,
    ) -> None:
        self.signals = signals = Signals()
        self.persistence = Persistence(project, signals)
        kept = lambda: self.persistence.project  # noqa: E731
        self.study = study = OpenStudy(kept, signals)
        self.history = history = History(kept, study, signals, who)
        self.labelling = Labelling(study, history)
        self.drafting = Drafting(study, history)
        self.anatomy = Anatomy(kept, study, history)
        self.measurement = Measurement(kept, study, history)
        self.models = Models(kept, study, signals)
        self.valve = Valve(
            kept, study, history, self.models, signals=signals, new_trainer=new_trainer
        )
        self.examples = Examples(kept, study, history)
        self.validation = Validation(kept, study, history, self.models, signals)
        self.doubt = Doubt(study, signals)
        self.suggestion = Suggesting(study, history, self.measurement, self.doubt)
        self.training = Training(
            trainer or Trainer(),
            self.labelling,
            self.examples,
            self.models,
            signals=signals,
            before_job=self._before_job,
        )
        self.adoption = Adoption(
            history,
            models=self.models,
            validation=self.validation,
            doubt=self.doubt,
            training=self.training,
            signals=signals,
        )
        self.export = Export(
            study,
            history,
            anatomy=self.anatomy,
            measurement=self.measurement,
            models=self.models,
            validation=self.validation,
            project_of=self.persistence.project_of,
        )

    @property
    def stack(self) -> Stack:
        """The open stack; refused where none is (`OpenStudy.stack`)."""
        return self.study.stack

    @property
    def annotations(self) -> Annotations:
        """Its labels and slice states. To be changed by verbs only."""
        return self.history.annotations

    @property
    def project(self) -> Project:
        """What keeps all that is done."""
        return self.persistence.project

    @property
    def model(self) -> ModelFile | None:
        """The present model of the open stack's view."""
        return self.models.present

    @property
    def alert(self) -> str | None:
        """What is to be shown as long as it holds: not kept, damaged, or not used."""
        return self.persistence.alert or self.models.trouble

    # -- opening and closing ---------------------------------------------------------------

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over.

        A stack that the project knows has its labels, states and history as they were. Without a
        project that somebody named, and if `persistence` keeps by itself, the stack's own project
        is looked for, or made. A running job is cancelled.

        Parameters
        ----------
        stack
            The images.
        labels
            Shape ``(t, z, y, x)``, UKBB: earlier work to go on from (`Labelling.take_over`).

        Raises
        ------
        InputError
            If the labels do not fit, or the stack's project is damaged. Nothing is changed then.
        """
        if labels is not None:
            self.labelling.check(labels, stack.image.shape, stack.name)
        with self.signals.held():
            found = self.persistence.own_project(stack)
            self.cancel()
            self.persistence.keep_look()
            if found:
                same_study = self.study.is_open and self.study.of(stack) is self.study.current
                self._go_over_to(found.project, same_study=same_study)
                self.persistence.tell(found, stack)
            self.study.open(stack)
            self.history.open()
            self.persistence.note_place(stack)
            self.examples.remember()
            for part in (
                self.measurement,
                self.validation,
                self.doubt,
                self.valve,
                self.export,
            ):
                part.reset()
            if labels is not None:
                self.labelling.take_over(labels)
            if expert := len(self.annotations.slices(SliceState.EXPERT, SliceState.EDITING)):
                self._say(f"went on from {count(expert, 'slice')} of {stack.name}")

    def open_kept(self, kept: KeptStack, at: Path | None = None) -> None:
        """Open a stack of the project from its file, or from where it is now.

        Raises
        ------
        InputError
            As `Persistence.find`.
        """
        self.open(self.persistence.find(kept, at))

    def open_project(self, path: Path, *, read_only: bool = False) -> None:
        """Go over to a project: the file that is there, or a new one. No stack is open then.

        Raises
        ------
        InputError
            If it cannot be opened; nothing is changed then.
        NotWritableError
            If it cannot be written now, as where somebody else has it open (LockedError), but it
            may be opened to read.
        """
        path = Path(path)
        new = not is_there(path) and not read_only
        project = Project.create(path) if new else Project.open(path, read_only=read_only)
        with self.signals.held():
            self._go_over_to(project)
            images = f": {count(len(project.stacks), 'image')}" if project.stacks else ""
            how = ", to read only" if read_only else ""
            self._say(f"{'made' if new else 'opened'} {path.name}{images}{how}")

    def _go_over_to(self, project: Project, *, same_study: bool = False) -> None:
        self.cancel()
        self.valve.close()
        self.persistence.keep_look()
        before = self.persistence.go_over_to(project)
        if same_study:
            project.take_over_state(before)
        self.study.close()
        self.history.close()
        self.models.carry_over(before)
        before.close()
        self.signals.send(self.signals.project_opened, project)
        if self.models.trouble:
            self.signals.send(self.signals.trouble, self.models.trouble)

    def close(self) -> None:
        """End the trainer process and let go of the project: all is kept."""
        self.training.close()
        self.valve.close()
        self.persistence.close()

    def correct_view(self, stack: Stack, view: View) -> None:
        """Say which view a stack shows, where its reading was wrong.

        The open stack is opened anew with it.

        Raises
        ------
        InputError
            If no stack is open, a job runs on it, or the project is open to read only.
        """
        with self.signals.held():
            if stack.digest == self.stack.digest:  # it will be opened anew
                self.training.refuse_if_busy()
            self.history.set_state("view", "view", stack.digest, {"view": view})
            self._follow_views()

    def _follow_views(self) -> None:
        """Have the study show the views that hold now."""
        if (anew := self.study.correct_views()) is not None:
            self.open(anew)
        else:
            self.valve.reset()

    # -- slices that are learned from ------------------------------------------------------

    def confirm(self, *slices: SliceIndex) -> Slices:
        """Make slices examples to learn from, as they are."""
        with self.signals.held():
            changed = self.labelling.confirm(*slices)
            self._learn_from(slices)
        return changed

    def accept(self, *slices: SliceIndex) -> Slices:
        """Confirm predictions that are right as they are; slices that are none stay."""
        with self.signals.held():
            changed = self.labelling.accept(*slices)
            self._learn_from(slices)
        return changed

    def no_heart(self, *slices: SliceIndex) -> Slices:
        """Say that slices show no heart: what is labelled on them goes, and they are examples."""
        with self.signals.held():
            changed = self.labelling.no_heart(*slices)
            self._learn_from(slices)
        return changed

    def set_end(self, end: End, index: SliceIndex, *, all_frames: bool = False) -> Slices:
        """Say that a slice is the first, or last, with heart (`Labelling.set_end`)."""
        with self.signals.held():
            changed = self.labelling.set_end(end, index, all_frames=all_frames)
            self.training.learn_by_itself((SliceIndex(*index),) if changed else ())
        return changed

    def _learn_from(self, slices: Slices) -> None:
        self.validation.score(slices)  # before they are learned from
        self.training.learn_by_itself(slices)

    # -- back and forth --------------------------------------------------------------------

    def undo(self) -> Slices:
        """Take back what an expert did last: a stroke, a draft, a landmark, a roll-back.

        Its slices' states go with it. What a model wrote meanwhile stays: `roll_back` goes back to
        what it was before.
        """
        return self._step(undone=True)

    def redo(self) -> Slices:
        """Redo what was undone last."""
        return self._step(undone=False)

    def _step(self, *, undone: bool) -> Slices:
        self.project.refuse_if_read_only()
        with self.signals.held():
            self.adoption.go_on()
            step = self.history.next(undone=undone)
            if step is None:
                return ()
            views = [digest for kind, digest in step.step.state if kind == "view"]
            if self.stack.digest in views:  # it will be opened anew
                self.training.refuse_if_busy()
            moves, model = self.models.moving_with(step)
            present = (self.models.view, model.digest if model else None) if moves else None
            changed = self.history.move(step, present)
            if moves:
                self.adoption.follow(model)
            if views:
                self._follow_views()
            if any(kind == "valve" for kind, _ in step.step.state):
                self.valve.renew()
        return changed

    def roll_back(self) -> Slices:
        """Go back to the model that was present before this one, and to what it predicted.

        Slices that an expert has touched since stay. It is one step, which undo takes back.

        Raises
        ------
        InputError
            If there is no model, or its predecessor is not kept any more.
        """
        with self.signals.held():
            self.adoption.go_on()
            model, leaving = self.models.before_present()
            present = self.models.digest, model.digest if model else None
            self.models.set_present(model)
            changed = self.history.take_back(leaving, present)
            self.adoption.follow(model)
        return changed

    # -- the model -------------------------------------------------------------------------

    def start_from(self, model: ModelFile) -> None:
        """Make a model from elsewhere the present one: the next training goes on from it.

        Raises
        ------
        InputError
            If a job is running.
        """
        self.training.refuse_if_busy()
        self.project.refuse_if_read_only()
        with self.signals.held():
            self.models.keep(model, self.models.digest)
            self.models.set_present(model)
            self.adoption.follow(model)

    def cancel(self) -> None:
        """End training now and leave everything as it was before.

        Once predictions are being taken over it is too late, and this takes over the rest.
        """
        with self.signals.held():
            self.training.forget_confirmed()
            self.adoption.go_on()
            self.training.cancel()

    def process_messages(self, timeout_s: float = 0.0, adopt_s: float | None = None) -> None:
        """Take in what the trainer has said. Front ends call this many times a second.

        Parameters
        ----------
        timeout_s
            How long to wait for a first message.
        adopt_s
            How long to take over predictions before giving way, for front ends that must not
            stall; the rest is for the next calls. 0 takes none over; by default all are at once.
        """
        with self.signals.held():
            if not self.training.is_complete:
                for message in self.training.messages(timeout_s):
                    self.adoption.take(message)
        self.adoption.go_on(adopt_s)
        with self.signals.held():
            if (drafted := self.drafting.take_propagated()) is not None:
                self._say(
                    f"carried through the cine: {count(len(drafted), 'slice')} drafted; "
                    "confirm those that are right"
                )
            if (told := self.valve.take()) is not None:
                self._say(told)
            self.persistence.keep_up()
            project = None if self.training.busy else self.persistence.keep_at_last()
            if project:
                stack = self.stack
                self._go_over_to(project)
                self.open(stack)
                self._say(KEPT_AGAIN)

    def wait(self, *, uncertainty: bool = False) -> None:
        """Process messages until neither job nor propagation runs.

        Parameters
        ----------
        uncertainty
            Whether to wait for the model's last word on its uncertainty, too.
        """
        while self.training.busy or self.drafting.propagating:
            self.drafting.wait(0.05)
            self.process_messages(timeout_s=0.2 if self.training.busy else 0.0)
        while uncertainty and self.doubt.is_awaited:
            self.process_messages(timeout_s=0.2)

    # -- what the trainer brings -----------------------------------------------------------

    def _before_job(self, job: Job) -> None:
        self.project.refuse_if_read_only()
        self.validation.score(job.slices.get(self.stack.digest, ()))
        self.doubt.expect(job)

    def _say(self, text: str) -> None:
        self.signals.send(self.signals.said, text)
