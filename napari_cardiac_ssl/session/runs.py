"""The running job: what it is doing, and what it has brought so far."""

from dataclasses import dataclass, field
from typing import Literal

from napari_cardiac_ssl.trainer import Job, ModelFile, Predicted, Progressed

Phase = Literal["idle", "starting", "training", "paused", "finishing", "predicting"]
#: Where training starts from.
Start = Literal["present", "default", "scratch"]


@dataclass(frozen=True)
class JobStatus:
    """What the running job is doing.

    Parameters
    ----------
    phase
        ``idle`` when there is none.
    progress
        The last training step's report; None before the first.
    slices
        Number of slices that it learns from.
    """

    phase: Phase = "idle"
    progress: Progressed | None = None
    slices: int = 0


@dataclass
class Run:
    """A job that was started and has not ended.

    Parameters
    ----------
    job
        What was asked for.
    candidate
        The model that it brought; not the present one before it is adopted.
    predictions
        What is still to be taken over.
    step
        Number of the refresh in the history, once its first portion is taken over.
    refreshed
        Slices written so far.
    curve
        The loss after each step of training.
    """

    job: Job
    candidate: ModelFile | None = None
    predictions: list[Predicted] = field(default_factory=list)
    step: int | None = None
    refreshed: int = 0
    curve: list[float] = field(default_factory=list)
