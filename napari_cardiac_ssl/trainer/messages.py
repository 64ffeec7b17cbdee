"""What the viewer's process and the trainer process say to each other.

Plain frozen data without torch, pickled between a parent and the child that it started itself
(never read from a file or a network).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.study import SliceIndex, Stack


@dataclass(frozen=True, eq=False)
class Labelled:
    """The expert slices of one stack, frozen when the job was made.

    Parameters
    ----------
    stack
        Digest of the stack.
    slices
        Which slices; ``n``.
    labels
        Shape ``(n, y, x)``, UKBB integers.
    places
        Where the stack may be read from, if it was not handed over.
    """

    stack: str
    slices: tuple[SliceIndex, ...]
    labels: NDArray[np.uint8]
    places: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Job:
    """Learn from these slices, then predict those. A frozen snapshot.

    Parameters
    ----------
    number
        Counts up; only the newest job's results are taken over.
    examples
        What to learn from. Empty: predict only.
    start
        Model to go on from (its file); None from scratch.
    mode
        ``all``, ``decoder`` or ``multitask``.
    seconds, steps, least_steps
        The budget: one of the first two; with seconds, at least so many steps.
    seed
        Random seed.
    predict
        Digest of the stack to predict, and the slices, first wanted first.
    centre_yx
        Where the heart is on that stack, native voxels; None lets the model find it.
    doubt
        Whether to say, after all else, how much of each prediction is in doubt.
    """

    number: int
    examples: tuple[Labelled, ...]
    predict: tuple[str, tuple[SliceIndex, ...]]
    start: bytes | None = None
    mode: Literal["all", "decoder", "multitask"] = "all"
    seconds: float | None = None
    steps: int | None = None
    least_steps: int = 0
    seed: int = 0
    centre_yx: tuple[float, float] | None = None
    doubt: bool = True

    @property
    def slices(self) -> dict[str, tuple[SliceIndex, ...]]:
        """The slices that are learned from, by their stack's digest."""
        return {part.stack: part.slices for part in self.examples}


class Wish(StrEnum):
    """What can be asked of a running job: three ways to stop are three different things."""

    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


@dataclass(frozen=True, eq=False)
class Keep:
    """To the trainer: a stack that jobs will name by its digest."""

    stack: Stack


@dataclass(frozen=True)
class Ask:
    """To the trainer: a wish about a job."""

    number: int
    wish: Wish


@dataclass(frozen=True)
class Ready:
    """The process runs and torch is loaded; `compute` says on what."""

    compute: str


@dataclass(frozen=True)
class Progressed:
    """One training step is done."""

    number: int
    step: int
    loss: float
    spent: float
    seconds: float
    seconds_left: float
    note: str = ""


@dataclass(frozen=True)
class Trained:
    """Training is done; predictions follow.

    Parameters
    ----------
    number
        The job.
    model
        What was learned.
    helped
        Whether it fits what it learned from better than its start; if not, its weights are those
        of the start.
    """

    number: int
    model: ModelFile
    helped: bool = True


@dataclass(frozen=True, eq=False)
class Predicted:
    """Some slices are predicted.

    Parameters
    ----------
    number
        The job.
    slices
        Which; ``n``.
    labels
        Shape ``(n, y, x)``, UKBB integers.
    confidence
        Shape ``(n, y, x)``, in 255ths.
    """

    number: int
    slices: tuple[SliceIndex, ...]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True)
class Done:
    """The job is over, all its predictions are sent."""

    number: int


@dataclass(frozen=True, eq=False)
class Doubted:
    """How sure the model is of each slice; comes after the job is done, unless another began.

    Parameters
    ----------
    number
        The job.
    slices
        Which; ``n``.
    areas_cm2
        Shape ``(n,)``: the area in doubt on each.
    """

    number: int
    slices: tuple[SliceIndex, ...]
    areas_cm2: NDArray[np.float32]


@dataclass(frozen=True)
class Cancelled:
    """The job was stopped as wished; it leaves nothing."""

    number: int


@dataclass(frozen=True)
class Failed:
    """The job could not be done; the reason in one line."""

    number: int
    reason: str


@dataclass(frozen=True)
class Alive:
    """The process goes on, whatever it is doing. For the handle alone."""


@dataclass(frozen=True)
class Restarted:
    """The process is gone; a new one goes on with the job from where its state was kept.

    Parameters
    ----------
    number
        The job: what it has predicted so far will be said again.
    reason
        How the old process ended, in words.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class Died:
    """The process is gone without having been asked.

    Parameters
    ----------
    reason
        How it ended, in words: "killed by signal 9 (SIGKILL)".
    """

    reason: str


Message = (
    Ready
    | Progressed
    | Trained
    | Predicted
    | Done
    | Doubted
    | Cancelled
    | Failed
    | Restarted
    | Died
)
