"""A session: one person's work, whole."""

from napari_cardiac_ssl.session.exporting import Exporting


class Session(Exporting):
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
