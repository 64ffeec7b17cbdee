"""Validation that cannot lie, for free: what the model predicted, against what was confirmed.

Before a confirmed slice is learned from, the present model's prediction on it is scored (the
*prequential* Dice). A slice that a model, or one that it came from, has learned from says nothing
of it and is never scored. Where the model before made a prediction on the same slice as well, the
two are compared: a model that does worse than its parent is said to, and `Session.roll_back` is
one call.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB, Structure
from napari_cardiac_ssl.annotations import SliceState, pack, unpack
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.trainer import Predicted
from napari_cardiac_ssl.wording import count, now

#: What is said of a model that was not tested on anything.
NOT_VALIDATED = "not validated yet"
#: What the project's notes of scores are called.
_SCORED = "validation"
#: A model is said to do worse than its parent from this loss of mean Dice on.
_WORSE = 0.01


@dataclass(frozen=True)
class Score:
    """One prediction, scored against what an expert confirmed before it was learned from.

    Parameters
    ----------
    stack
        Digest of the stack.
    index
        The slice.
    model
        Digest of the model that predicted it.
    dice
        Per structure; NaN where neither shows it.
    before
        Likewise for the model before, on the same slice; None where it made no prediction there
        or had learned from it.
    when
        UTC time, ISO 8601.
    """

    stack: str
    index: SliceIndex
    model: str
    dice: Mapping[Structure, float]
    before: Mapping[Structure, float] | None
    when: str

    @property
    def mean(self) -> float:
        """Mean Dice of the structures that are there."""
        return mean_defined(self.dice.values())


class Validation:
    """What models predicted, scored against what was confirmed before they learned from it."""

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        history: History,
        models: Models,
        signals: Signals,
    ) -> None:
        self._project, self._study, self._history = project, study, history
        self._models, self._signals = models, signals
        # By model: what it predicted on the open stack, wherever an expert's labels stayed.
        self._predicted: dict[str, dict[SliceIndex, bytes]] = {}

    @property
    def scores(self) -> tuple[Score, ...]:
        """All scores so far, the oldest first. A slice corrected once more is scored once."""
        return scores_in(self._project())

    @property
    def verdict(self) -> str:
        """What is known of how good the present model is, in words."""
        scores = [one for one in self.scores if one.model == self._models.digest]
        scores = [one for one in scores if not np.isnan(one.mean)]
        if not scores:
            return NOT_VALIDATED
        pairs = [(one.mean, mean_defined(one.before.values())) for one in scores if one.before]
        pairs = [pair for pair in pairs if not np.isnan(pair).any()]
        if pairs:
            present, previous = np.mean(pairs, axis=0)
            if present < previous - _WORSE:
                return (
                    f"worse than the model before: Dice {present:.2f} against {previous:.2f} on "
                    f"{count(len(pairs), 'slice')} that neither has learned from; roll back to "
                    "have it again"
                )
        mean = np.mean([one.mean for one in scores])
        return f"Dice {mean:.2f} on {count(len(scores), 'slice')} that it had not learned from"

    # -- following the session -------------------------------------------------------------

    def reset(self) -> None:
        """Forget predictions: another stack is open."""
        self._predicted = {}

    def note(self, part: Predicted, model: str, written: Iterable[SliceIndex]) -> None:
        """Note what a model predicted on slices where it was not written."""
        known, written = self._predicted.setdefault(model, {}), set(written)
        for index, labels in zip(part.slices, part.labels, strict=True):
            if index not in written:
                known[index] = pack(labels)

    def forget_old(self) -> None:
        """Forget the predictions of all models but the present one and the one before."""
        kept = {self._models.digest, self._models.previous}
        self._predicted = {d: known for d, known in self._predicted.items() if d in kept}

    def score(self, slices: Iterable[SliceIndex]) -> None:
        """Score the present model on confirmed slices that it has not learned from."""
        model = self._models.digest
        if model is None or self._project().read_only:
            return
        known = {(one.stack, one.index, one.model): one for one in self.scores}
        parent, annotations = self._models.previous, self._history.annotations
        learned, learned_before = self._models.learned(model), self._models.learned(parent)
        new, digest = [], self._study.stack.digest
        for index in map(SliceIndex._make, slices):
            if annotations.state(index) is not SliceState.EXPERT:
                continue
            if annotations.is_outside(index):  # a mark says nothing of any structure
                continue
            found = None if index in learned else self._dice(model, index)
            before = None
            if found and parent and index not in learned_before:
                before = self._dice(parent, index)
            if found:
                score = Score(digest, index, model, found, before, now())
                old = known.get((score.stack, index, model))
                if old is None or str(old.dice) != str(score.dice):  # NaN is not equal to itself
                    self._project().note(_SCORED, asdict(score), score.stack)
                    new.append(score)
        if new:
            self._signals.send(self._signals.validated, tuple(new))

    def _dice(self, model: str, index: SliceIndex) -> dict[Structure, float] | None:
        """Return a model's Dice on a slice; None where it made no prediction."""
        mask = self._prediction(model, index)
        if mask is None:
            return None
        true = self._history.annotations.labels[index]
        predicted = unpack(mask, true.shape)
        structures = STRUCTURES_OF_VIEW.get(self._study.stack.view, ())
        return {s: dice(predicted == UKBB.code(s), true == UKBB.code(s)) for s in structures}

    def _prediction(self, model: str, index: SliceIndex) -> bytes | None:
        known = self._predicted.get(model, {}).get(index)
        if known is None:
            for step in self._project().refreshes(self._study.stack.digest, model):
                if index in step.changes:
                    return step.changes[index][1].mask
        return known


def scores_in(project: Project) -> tuple[Score, ...]:
    """Return a project's scores, the oldest first; of a slice scored again the last one."""
    found: dict[tuple[str, SliceIndex, str], Score] = {}
    for note in project.notes(_SCORED):
        score = _score(note)
        found.pop(key := (score.stack, score.index, score.model), None)
        found[key] = score
    return tuple(found.values())


def _score(note: Mapping[str, Any]) -> Score:
    """Return a score as a project holds it."""
    dices = [
        None if values is None else {Structure(s): float(value) for s, value in values.items()}
        for values in (note["dice"], note["before"])
    ]
    index = SliceIndex(*note["index"])
    return Score(note["stack"], index, note["model"], dices[0] or {}, dices[1], note["when"])
