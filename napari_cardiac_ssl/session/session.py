"""A session: one person's work, whole."""

from pathlib import Path

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.frame import Landmarks
from napari_cardiac_ssl.session.keeping import Keeping
from napari_cardiac_ssl.writers.masks import write_mask


class Session(Keeping):
    """One person's work on one stack after the other.

    Parameters
    ----------
    project
        What keeps all that is done; one in memory by default.
    trainer
        Where jobs run; a new trainer process by default.
    who
        Who draws; the computer's user by default.

    Attributes
    ----------
    stack_opened
        ``(Stack)``.
    slices_changed
        ``(tuple of SliceIndex)``: state or provenance changed; labels too unless only confirmed.
    labels_refreshed
        ``(tuple of SliceIndex)``: the model's new prediction was written to these. Several times
        for one prediction where `process_messages` was given little time.
    history_changed
        ``()``: what can be undone or done again is another.
    project_opened
        ``(Project)``: another project keeps what is done from now on.
    said
        ``(str)``: what happened, in one line for the user.
    trouble
        ``(str)``: why what is done cannot be saved, and what to do; or that it is saved again.
    job_changed
        ``(JobStatus)``.
    model_adopted
        ``(ModelFile or None)``: which model is present now.
    job_ended
        ``(str)``: how, in one line for the user: done, cancelled, failed and why.
    validated
        ``(tuple of Validation)``: a prediction was scored against what was confirmed.
    uncertainty_changed
        ``()``: how sure the model is of its predictions is known, or known better.
    phases_changed
        ``()``: ED and ES were corrected. (Told from the volumes they may change with any label.)
    """

    @property
    def landmarks(self) -> Landmarks | None:
        """Where the heart of the open stack lies, if somebody has said so by three points."""
        notes = self._project.notes("landmarks", self.stack.digest)
        return Landmarks.of(notes[-1]) if notes and notes[-1] else None

    def set_landmarks(self, landmarks: Landmarks | None) -> None:
        """Keep three points that say where the heart lies, or that they hold no more.

        Raises
        ------
        InputError
            If the project is open to read only.
        """
        self._project.refuse_if_read_only()
        self._project.note("landmarks", landmarks.points() if landmarks else {}, self.stack.digest)

    def export_mask(self, path: Path, scheme: LabelScheme = UKBB) -> Path:
        """Write the labels as seen, on the image's own grid with its own header."""
        return write_mask(path, self.annotations.labels, like=self.stack, scheme=scheme)

    def export_model(self, path: Path) -> Path:
        """Write the present model as a safetensors file."""
        if self.model is None:
            raise InputError("no model yet; train first")
        with replacing(Path(path)) as beside:
            beside.write_bytes(self.model.data)
        return Path(path)
