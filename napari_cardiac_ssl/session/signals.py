"""What a session tells its front ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psygnal import Signal, SignalInstance

from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.runs import JobStatus
from napari_cardiac_ssl.study import Stack


class Signals:
    """What a session tells its front ends, in the past tense.

    Parts send; what they send while signals are `held` goes out at the end of that, in order: no
    listener ever sees one part ahead of another.

    Attributes
    ----------
    stack_opened
        ``(Stack)``.
    slices_changed
        ``(tuple of SliceIndex)``: state or provenance changed; labels too unless only confirmed.
    labels_refreshed
        ``(tuple of SliceIndex)``: the model's new prediction was written to these. Several times
        for one prediction where `Session.process_messages` was given little time.
    history_changed
        ``()``: what can be undone or redone is another.
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
        ``(tuple of Score)``: a prediction was scored against what was confirmed.
    uncertainty_changed
        ``()``: how sure the model is of its predictions is known, or known better.
    phases_changed
        ``()``: ED and ES were corrected. (Detected from the volumes they may change with any
        label.)
    study_changed
        ``()``: another stack is worked on, studies came or went, a view was corrected, or how the
        heart lies is known otherwise.
    measuring_changed
        ``()``: how the open stack is measured was changed: where papillary muscles are counted, the
        RV's insertion points, the person's size or sex.
    valve_changed
        ``()``: where the mitral valve and the apex lie is known, was corrected, or is looked for.
    """

    stack_opened = Signal(Stack)
    slices_changed = Signal(tuple)
    labels_refreshed = Signal(tuple)
    history_changed = Signal()
    project_opened = Signal(Project)
    said = Signal(str)
    trouble = Signal(str)
    job_changed = Signal(JobStatus)
    model_adopted = Signal(object)
    job_ended = Signal(str)
    validated = Signal(tuple)
    uncertainty_changed = Signal()
    phases_changed = Signal()
    study_changed = Signal()
    measuring_changed = Signal()
    valve_changed = Signal()

    def __init__(self) -> None:
        self._waiting: list[tuple[SignalInstance, tuple[Any, ...]]] | None = None

    def send(self, signal: SignalInstance, *args: Any) -> None:
        """Tell the front ends: now, or as soon as signals are not held any more."""
        if self._waiting is None:
            signal.emit(*args)
        else:
            self._waiting.append((signal, args))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold what is sent in the body until its end, when all parts are up to date."""
        if self._waiting is not None:  # within another
            yield
            return
        self._waiting = []
        try:
            yield
        finally:
            waiting, self._waiting = self._waiting, None
            for signal, args in waiting:
                signal.emit(*args)

    def disconnect(self) -> None:
        """Tell nobody any more."""
        for name, found in vars(Signals).items():
            if isinstance(found, Signal):
                getattr(self, name).disconnect()
