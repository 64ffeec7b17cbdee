"""Validation that cannot lie, for free: what the model predicted, against what was confirmed.

Before a confirmed slice is learned from, the present model's prediction on it is scored (the
*prequential* Dice). A slice that a model, or one that it came from, has learned from says nothing
of it and is never scored. Where the model before made a prediction on the same slice as well, the
two are compared: a model that does worse than its parent is said to, and `roll_back` is one call.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB, Structure
from napari_cardiac_ssl.annotations import SliceState, pack, unpack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.metrics import dice, mean_defined
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.jobs import NOT_VALIDATED
from napari_cardiac_ssl.session.learning import Learning
from napari_cardiac_ssl.session.runs import Run
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Job, ModelFile, Predicted, Trainer
from napari_cardiac_ssl.wording import count, now
from napari_cardiac_ssl.writers.tables import write_csv

#: What the project's notes of scores are called.
_SCORED = "validation"
#: A model is said to do worse than its parent from this loss of mean Dice on.
_WORSE = 0.01


@dataclass(frozen=True)
class Validation:
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


class Validating(Learning):
    """A session whose models are tested on every slice that is confirmed."""

    validated = Signal(tuple)

    def __init__(
        self,
        project: Project | None = None,
        trainer: Trainer | None = None,
        who: str | None = None,
    ) -> None:
        super().__init__(project, trainer, who)
        # By model: what it predicted on the open stack, wherever an expert's labels stayed.
        self._predicted: dict[str, dict[SliceIndex, bytes]] = {}

    @property
    def validation(self) -> tuple[Validation, ...]:
        """All scores so far, the oldest first. A slice corrected once more is scored once."""
        found: dict[tuple[str, SliceIndex, str], Validation] = {}
        for note in self._project.notes(_SCORED):
            score = _score(note)
            found.pop(key := (score.stack, score.index, score.model), None)
            found[key] = score
        return tuple(found.values())

    @property
    def verdict(self) -> str:
        """What is known of how good the present model is, in words."""
        scores = [one for one in self.validation if one.model == self._digest()]
        scores = [one for one in scores if not np.isnan(one.mean)]
        if not scores:
            return NOT_VALIDATED
        pairs = [(one.mean, mean_defined(one.before.values())) for one in scores if one.before]
        pairs = [pair for pair in pairs if not np.isnan(pair).any()]
        if pairs:
            now, before = np.mean(pairs, axis=0)
            if now < before - _WORSE:
                return (
                    f"worse than the model before: Dice {now:.2f} against {before:.2f} on "
                    f"{count(len(pairs), 'slice')} that neither has learned from; roll back to "
                    "have it again"
                )
        mean = np.mean([one.mean for one in scores])
        return f"Dice {mean:.2f} on {count(len(scores), 'slice')} that it had not learned from"

    def open(self, stack: Stack, labels: NDArray[np.uint8] | None = None) -> None:
        """Work on a stack; what was learned carries over."""
        super().open(stack, labels)
        self._predicted = {}

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from, as they are."""
        super().confirm(*slices)
        self._validate(slices)

    def accept(self, *slices: SliceIndex) -> None:
        """Confirm predictions that are right as they are; slices that are none stay."""
        super().accept(*slices)
        self._validate(slices)

    def export_validation(self, path: Path) -> Path:
        """Write all scores as a table (CSV): slice, model, Dice per structure, when."""
        rows = [
            {
                "stack": one.stack[:12],
                "t": one.index.t,
                "z": one.index.z,
                "model": one.model[:12],
                **{f"dice_{s.replace(' ', '_')}": value for s, value in one.dice.items()},
                "dice": one.mean,
                "when": one.when,
            }
            for one in self.validation
        ]
        if not rows:
            raise InputError("no model was tested yet; confirm slices that one has predicted")
        return write_csv(path, rows)

    # -- how it is known -------------------------------------------------------------------

    def _validate(self, slices: Iterable[SliceIndex]) -> None:
        """Score the present model on slices that are confirmed and that it has not learned from."""
        model = self._digest()
        if model is None or self._project.read_only:
            return
        known = {(one.stack, one.index, one.model): one for one in self.validation}
        parent = self._project.models.previous(model)
        learned, learned_before = self._learned(model, parent)
        new = []
        for index in map(SliceIndex._make, slices):
            if self.annotations.state(index) is not SliceState.EXPERT:
                continue
            if self.annotations.is_outside(index):  # a mark says nothing of any structure
                continue
            found = None if index in learned else self._dice(model, index)
            before = None
            if found and parent and index not in learned_before:
                before = self._dice(parent, index)
            if found:
                score = Validation(self.stack.digest, index, model, found, before, now())
                old = known.get((score.stack, index, model))
                if old is None or str(old.dice) != str(score.dice):  # NaN is not equal to itself
                    self._project.note(_SCORED, asdict(score), score.stack)
                    new.append(score)
        if new:
            self.validated.emit(tuple(new))

    def _dice(self, model: str, index: SliceIndex) -> dict[Structure, float] | None:
        """Return a model's Dice on a slice; None where it made no prediction."""
        mask = self._prediction(model, index)
        if mask is None:
            return None
        true = self.annotations.labels[index]
        said = unpack(mask, true.shape)
        structures = STRUCTURES_OF_VIEW.get(self.stack.view, ())
        return {s: dice(said == UKBB.code(s), true == UKBB.code(s)) for s in structures}

    def _prediction(self, model: str, index: SliceIndex) -> bytes | None:
        known = self._predicted.get(model, {}).get(index)
        if known is None:
            for step in self._project.refreshes(self.stack.digest, model):
                if index in step.changes:
                    return step.changes[index][1].mask
        return known

    def _learned(self, *models: str | None) -> list[set[SliceIndex]]:
        """Return for each model the open stack's slices that it, or one it came from, learned."""
        return [
            self._project.learned(model).get(self.stack.digest, set()) if model else set()
            for model in models
        ]

    def _write(
        self, step: int, part: Predicted, model: ModelFile, confidence: NDArray[np.uint8]
    ) -> tuple[SliceIndex, ...]:
        written = super()._write(step, part, model, confidence)
        self._predicted.setdefault(model.digest, {}).update(
            (index, pack(labels))
            for index, labels in zip(part.slices, part.labels, strict=True)
            if index not in written
        )
        return written

    def _begin(self, job: Job) -> Run:
        confirmed = {(part.stack, index) for part in job.examples for index in part.slices}
        self._validate(sorted(index for at, index in confirmed if at == self.stack.digest))
        return super()._begin(job)

    def _note_lesson(self, run: Run, model: ModelFile) -> None:
        super()._note_lesson(run, model)
        if run.job.examples:
            slices = {part.stack: part.slices for part in run.job.examples}
            self._project.note_learned(model.digest, model.parent, slices)
        if model.digest != self._digest():  # cut short
            return
        kept = {model.digest, self._project.models.previous(model.digest)}
        self._predicted = {d: known for d, known in self._predicted.items() if d in kept}
        # What was confirmed while it learned is new to it and to the model before.
        self._validate(self.annotations.slices(SliceState.EXPERT))


def _score(note: Mapping[str, Any]) -> Validation:
    """Return a score as a project holds it."""
    dices = [
        None if values is None else {Structure(s): float(value) for s, value in values.items()}
        for values in (note["dice"], note["before"])
    ]
    index = SliceIndex(*note["index"])
    return Validation(note["stack"], index, note["model"], dices[0] or {}, dices[1], note["when"])
