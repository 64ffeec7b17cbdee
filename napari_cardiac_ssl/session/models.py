"""The part of a session that knows which model is present, for each view."""

from collections.abc import Callable, Mapping, Sequence

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.history import Move
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.runs import Start
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex


class Models:
    """The present model of each view, what it came from, and what it has learned from."""

    def __init__(self, project: Callable[[], Project], study: OpenStudy, signals: Signals) -> None:
        self._project, self._study, self._signals = project, study, signals
        self._present: dict[View, ModelFile] = {}
        #: Why a model of the project is not used; None if all are.
        self.trouble: str | None = None
        self.load()

    @property
    def view(self) -> View:
        """The open stack's view; the short axis where none is open."""
        return self._study.stack.view if self._study.is_open else View.SAX

    @property
    def present(self) -> ModelFile | None:
        """The present model of the open stack's view."""
        return self._present.get(self.view)

    def of(self, view: View) -> ModelFile | None:
        """Return the present model of a view."""
        return self._present.get(view)

    @property
    def digest(self) -> str | None:
        """The digest of that."""
        return self.present.digest if self.present else None

    @property
    def previous(self) -> str | None:
        """The digest of the model before the present one; None if there was none."""
        return self._project().models.previous(self.digest) if self.digest else None

    @property
    def has_shipped_weights(self) -> bool:
        """Whether weights ship for the view of the open stack; False where no stack is open."""
        return self._study.is_open and default_weights(self.view) is not None

    def weights_of(self, view: View) -> bytes | None:
        """Return the weights that know a view best: the present model's, else those that ship."""
        present = self._present.get(view)
        return present.data if present is not None else default_weights(view)

    def weights(self, start: Start) -> bytes | None:
        """Return the weights to start from; None for none.

        Raises
        ------
        InputError
            If the shipped ones are asked for and none ship for the view.
        """
        if start == "scratch":
            return None
        if start == "present" and self.present is not None:
            return self.present.data
        weights = default_weights(self.view)
        if weights is None and start == "default":
            raise InputError(
                f"no weights ship for {self.view}; start from the present model or scratch"
            )
        return weights

    # -- going from one to another ---------------------------------------------------------

    def load(self) -> None:
        """Take up the project's models. A view without one keeps its own: learning carries over."""
        self.trouble, kept = None, self._project().models
        for view in View:
            if digest := kept.present(view):
                try:
                    self._present[view] = kept.get(digest)
                except InputError as error:  # damaged: labels are worth as much without it
                    self._present.pop(view, None)
                    self.trouble = f"the model of {view} is not used: {error}"
            elif (model := self._present.get(view)) and not self._project().read_only:
                kept.keep(model, view, None)
                kept.set_present(view, model.digest)

    def carry_over(self, before: Project) -> None:
        """Take up the models of a project that is gone over to.

        What models that come along have learned from is no better known than it was before.
        """
        known = {model.digest: before.learned(model.digest) for model in self._present.values()}
        self.load()
        project = self._project()
        for digest in (model.digest for model in self._present.values()):
            if known.get(digest) and not (project.read_only or project.learned(digest)):
                project.note_learned(digest, None, known[digest])

    def keep(self, model: ModelFile, previous: str | None) -> None:
        """Keep a model of the open stack's view; it is not the present one yet."""
        self._project().models.keep(model, self.view, previous)

    def get(self, digest: str) -> ModelFile:
        """Return a model that is kept."""
        return self._project().models.get(digest)

    def before_present(self) -> tuple[ModelFile | None, list[str]]:
        """Return the model before the present one, and whose predictions go with going back to it.

        None where there was none.

        Raises
        ------
        InputError
            If no model is present, or its predecessor is not kept any more.
        """
        kept, model = self._project().models, self.present
        if model is None or not kept.is_kept(model.digest):
            raise InputError("no earlier model to go back to")
        leaving, previous = [model.digest], kept.previous(model.digest)
        # With a model goes the glance that it was learned from.
        if model.parent and kept.previous(model.parent) == previous:
            leaving.append(model.parent)
        return (self.get(previous) if previous else None), leaving

    def set_present(self, model: ModelFile | None) -> None:
        """Keep that a model is the present one; with None there is none again."""
        self._project().models.set_present(self.view, model.digest if model else None)

    def follow(self, model: ModelFile | None) -> None:
        """Go on with the model that is kept as the present one."""
        if model is None:
            self._present.pop(self.view, None)
        else:
            self._present[self.view] = model
        self._signals.send(self._signals.model_adopted, model)

    def moving_with(self, move: Move) -> tuple[bool, ModelFile | None]:
        """Tell whether the present model goes with a step that is undone or redone, and to which.

        It does if the step brought the present one, or is to bring one again.
        """
        before, after = move.step.models or (None, None)
        left, wanted = (after, before) if move.undone else (before, after)
        if left == wanted or left != self.digest:
            return False, None
        if wanted is None:
            return True, None
        if not self._project().models.is_kept(wanted):
            return False, None
        try:
            return True, self.get(wanted)
        except InputError as error:  # damaged: the present one stays
            self._signals.send(self._signals.said, str(error))
            return False, None

    # -- what they have learned from -------------------------------------------------------

    def note_learned(
        self,
        model: ModelFile,
        slices: Mapping[str, Sequence[SliceIndex]],
        curve: Sequence[float],
    ) -> None:
        """Note what a model has learned from, by stack, and how: its loss after each step."""
        if curve:
            detail = {
                "model": model.digest,
                "slices": sum(map(len, slices.values())),
                "seconds": round(model.seconds, 1),
                "loss": [round(loss, 4) for loss in curve],
            }
            self._project().note("trained", detail, self._study.stack.digest)
        if slices:
            self._project().note_learned(model.digest, model.parent, slices)

    def learned(self, model: str | None) -> set[SliceIndex]:
        """Return the open stack's slices that a model, or one it came from, has learned from."""
        if model is None:
            return set()
        return self._project().learned(model).get(self._study.stack.digest, set())
