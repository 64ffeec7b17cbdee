"""The part of a session that knows which model is present, for each view."""

from collections.abc import Mapping

from psygnal import Signal

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceContent, Step
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.labelling import Labelling
from napari_cardiac_ssl.study import SliceIndex


class Models(Labelling):
    """Labels, and the present model of each view, which goes with the history."""

    model_adopted = Signal(object)

    #: Why a model of the project is not used; None if all are.
    model_trouble: str | None = None

    def __init__(self, project: Project | None = None, who: str | None = None) -> None:
        super().__init__(project, who)
        self._present: dict[View, ModelFile] = {}
        self._load_models()

    @property
    def model(self) -> ModelFile | None:
        """The present model of the open stack's view."""
        return self._present.get(self._stack.view if self._stack else View.SAX)

    def _digest(self) -> str | None:
        return self.model.digest if self.model else None

    def _set_model(self, model: ModelFile | None) -> None:
        """Make a model the present one; with None there is none again."""
        if model is None:
            self._present.pop(self.stack.view, None)
        else:
            self._present[self.stack.view] = model
        self.model_adopted.emit(model)

    def _load_models(self) -> None:
        """Take up the project's models. A view without one keeps its own: learning carries over."""
        self.model_trouble = None
        for view in View:
            if digest := self._project.models.present(view):
                try:
                    self._present[view] = self._project.models.get(digest)
                except InputError as error:  # damaged: labels are worth as much without it
                    self._present.pop(view, None)
                    self.model_trouble = f"the model of {view} is not used: {error}"
            elif (model := self._present.get(view)) and not self._project.read_only:
                self._project.models.keep(model, view, None)
                self._project.models.set_present(view, model.digest)

    def _note_move(
        self, number: int, step: Step, contents: Mapping[SliceIndex, SliceContent], *, undone: bool
    ) -> None:
        """With a step goes the model that it brought, if that is the present one."""
        before, after = step.models or (None, None)
        left, wanted = (after, before) if undone else (before, after)
        moves = left != wanted and left == self._digest()
        moves = moves and (wanted is None or self._project.models.is_kept(wanted))
        model = None
        if moves and wanted:
            try:
                model = self._project.models.get(wanted)
            except InputError as error:  # damaged: the present one stays
                moves = False
                self.said.emit(str(error))
        present = (self.stack.view, wanted) if moves else None
        digest = self.stack.digest
        self._project.move(digest, number, undone=undone, contents=contents, present=present)
        if present:
            self._set_model(model)
