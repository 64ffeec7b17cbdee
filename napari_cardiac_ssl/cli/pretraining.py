"""A run of pretrain: positions from unlabelled studies; alone or under torchrun."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.console import Report, count, note, progress, say, say_json
from napari_cardiac_ssl.cli.learning import start_model
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES
from napari_cardiac_ssl.learning.checkpoint import Model, TrainedOn, save_model
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.distributed import Together
from napari_cardiac_ssl.learning.held_out import PositionScores, chosen_by_digest
from napari_cardiac_ssl.learning.pretraining import PretrainingStep, Source
from napari_cardiac_ssl.learning.pretraining import pretrain as steps_of
from napari_cardiac_ssl.learning.synthetic_hearts import Synthetic
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.readers.landmarks import read_landmarks
from napari_cardiac_ssl.readers.unlabelled import Unlabelled, find_all

if TYPE_CHECKING:
    from napari_cardiac_ssl.cli.commands.pretrain import Options

_MINUTES = 20.0
#: Synthetic hearts to validate by where there are too few studies.
_SYNTHETIC_HELD_OUT = 4


def to_be_done(options: Options, state: Path) -> bool:
    """Tell whether there is a run to begin or to go on with."""
    if state.exists() and not options.resume:
        raise InputError(
            f"{state} is the state of a run that did not end; add --resume to go on with it, or "
            "remove it"
        )
    if options.resume and not state.exists():
        if options.output.exists():
            note(
                f"{options.output} is there and no state of a run beside it: nothing is left to do"
            )
            return False
        note(f"no {state.name} to go on from: the run begins")
    return True


def run_pretraining(options: Options, state: Path, ranks: Together | None) -> int:
    """Learn from the studies that are named, and write the model."""
    first = ranks is None or ranks.rank == 0
    left_out: list[dict[str, str]] = []
    studies = _studies(options, left_out, say=first)
    view = View(options.view)
    start = start_model(options.start, view, quiet=not first)
    learned, kept = _divided(studies)
    held_out: list[Source] = list(kept)
    if not kept and options.synthetic and view in POSITION_NAMES:
        more = range(options.synthetic, options.synthetic + _SYNTHETIC_HELD_OUT)
        held_out = [Synthetic(n, view) for n in more]
    if first:
        _say_sources(options, learned, kept, held_out)
    with progress("pre-training") if first else _silence() as report:
        curves = _Curves(options.output, report, _tried_on(kept)) if first else None
        model = _train(options, start, learned, held_out, state=state, ranks=ranks, curves=curves)
    if curves:
        save_model(options.output, model)
        state.unlink(missing_ok=True)
        _say_result(options, model, left_out, kept, curves.last)
    return 0


def _train(
    options: Options,
    start: Model | None,
    learned: list[Unlabelled],
    held_out: list[Source],
    *,
    state: Path,
    ranks: Together | None,
    curves: _Curves | None,
) -> Model:
    view = View(options.view)
    sources: list[Source] = [*learned, *(Synthetic(n, view) for n in range(options.synthetic))]
    trained_on = [TrainedOn(stack.digest, len(stack.slices)) for stack in learned]
    if options.synthetic:
        trained_on.append(TrainedOn(f"synthetic hearts of {view}", options.synthetic))
    seconds = None if options.steps else 60 * (options.minutes or _MINUTES)
    steps = steps_of(
        sources,
        budget=Budget(steps=options.steps, seconds=seconds),
        seed=options.seed,
        compute=None if ranks is None else Compute.best(str(ranks.device)),
        batch_size=options.batch_size,
        resume=state,
        view=view,
        start=start,
        validation=held_out,
        trained_on=trained_on,
        knows_structures=bool(options.synthetic) or _knows_structures(start, view),
        together=ranks,
    )
    with _interruptible() as wished:

        def after(step: PretrainingStep) -> None:
            if curves:
                curves.add(step)
            if wished() if ranks is None else ranks.any(wished()):
                raise KeyboardInterrupt

        try:
            with closing(steps):  # keeps the state of a run that is left
                return run(steps, after)
        except KeyboardInterrupt:
            if curves:
                note(f"the run is kept in {state}: the same command and --resume go on with it")
            raise
        except FloatingPointError as error:
            raise InputError(f"{error}; {state.name} holds the last good state, if any") from error


def _studies(options: Options, left_out: list[dict[str, str]], *, say: bool) -> list[Unlabelled]:
    """Find all that can be learned from, saying what cannot."""
    if not options.studies:
        return []
    landmarks = read_landmarks(options.landmarks) if options.landmarks else {}

    def leave(path: Path, why: str) -> None:
        left_out.append({"study": str(path), "why": why})
        if say:
            note(f"left out: {why if str(path) in why else f'{path}: {why}'}")

    with progress("reading studies") if say else _silence() as report:
        studies = find_all(options.studies, landmarks, View(options.view), leave, report)
    if not studies:
        raise InputError(
            f"none of {count(len(left_out), 'study', 'studies')} can be used; the last: "
            f"{left_out[-1]['study']}: {left_out[-1]['why']}"
        )
    return studies


def _divided(studies: list[Unlabelled]) -> tuple[list[Unlabelled], list[Unlabelled]]:
    """Return what is learned from, and what is held out: whole studies."""
    chosen = chosen_by_digest([stack.study for stack in studies])
    return (
        [stack for stack in studies if stack.study not in chosen],
        [stack for stack in studies if stack.study in chosen],
    )


def _knows_structures(start: Model | None, view: View) -> bool:
    return (
        start is not None
        and start.card.view is view
        and start.card.recipe.get("structures") is not False
    )


def _say_sources(
    options: Options,
    learned: list[Unlabelled],
    kept: list[Unlabelled],
    held_out: list[Source],
) -> None:
    studies = len({stack.study for stack in learned})
    parts = []
    if learned:
        parts.append(f"{count(len(learned), 'stack')} of {count(studies, 'study', 'studies')}")
    if options.synthetic:
        parts.append(count(options.synthetic, "synthetic heart"))
    by = f"{count(len(held_out), 'synthetic heart')} more" if held_out else "nothing"
    if kept:
        by = ", ".join(sorted({stack.path.name for stack in kept})[:5])
        by = f"{count(len({stack.study for stack in kept}), 'study', 'studies')} held out ({by})"
    note(f"learning from {' and '.join(parts)}; validated by {by}")


def _say_result(
    options: Options,
    model: Model,
    left_out: list[dict[str, str]],
    kept: list[Unlabelled],
    scores: PositionScores | None,
) -> None:
    card = model.card
    if options.json:
        said = {
            "model": str(options.output),
            "digest": model.digest,
            "left_out": left_out,
            "held_out": sorted({str(stack.path) for stack in kept}),
            "validation": None if scores is None else _row(scores),
            **card.recipe,
        }
        say_json(said)
        return
    result = f"; {_words(scores, _tried_on(kept))}" if scores else "; not validated"
    say(
        f"{options.output}: {card.recipe['steps']} steps, {card.recipe['seconds']:.0f} s on "
        f"{card.recipe['compute']}{result}"
    )


def _tried_on(kept: Sequence[Unlabelled]) -> str:
    return "studies held out" if kept else "synthetic hearts that were not learned from"


def _words(scores: PositionScores, by: str) -> str:
    return (
        f"in {by} the centre is {scores.centre_mm:.1f} mm off (median), the positions "
        f"{scores.mean_error_mm:.1f} mm (mean), {scores.found:.0%} found, Dice "
        f"{scores.mean_dice:.2f}"
    )


def _row(scores: PositionScores) -> dict[str, Any]:
    def defined(numbers: Sequence[float]) -> list[float | None]:
        return [None if math.isnan(number) else round(number, 4) for number in numbers]

    return {
        "centre_mm": defined([scores.centre_mm])[0],
        "mean_error_mm": defined([scores.mean_error_mm])[0],
        "error_mm": defined(scores.error_mm),
        "mean_dice": round(scores.mean_dice, 4),
        "dice": defined(scores.dice),
        "found": round(scores.found, 4),
        "slices": scores.slices,
    }


class _Curves:
    """Progress for people, and a file of JSON lines beside the model, one a step."""

    def __init__(self, model: Path, report: Report, tried_on: str) -> None:
        self._tried_on = tried_on
        self._path = model.with_name(model.name + ".curves.jsonl")
        self._report = report
        self._begun = False
        self.last: PositionScores | None = None

    def add(self, step: PretrainingStep) -> None:
        """Note a step."""
        if not self._begun:
            self._cut(step.index)
        row: dict[str, Any] = {
            "step": step.index,
            "loss": round(step.loss, 5),
            "seconds": round(step.seconds, 2),
        }
        if step.validation:
            self.last = step.validation
            row["validation"] = _row(step.validation)
            note(f"step {step.index}: {_words(step.validation, self._tried_on)}")
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if step.note:
            note(f"warning: {step.note}")
        left = f", {step.seconds_left / 60:.1f} min left" if step.spent < 1 else ""
        self._report(step.spent, f"step {step.index}, loss {step.loss:.3f}{left}")

    def _cut(self, step: int) -> None:
        """Forget what a run that was killed wrote after its state was kept, or an older run."""
        self._begun = True
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        with replacing(self._path) as beside:
            beside.write_text("".join(f"{line}\n" for line in lines[: step - 1]), encoding="utf-8")


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Let SIGINT and SIGTERM end a run between two steps; a second one ends it at once."""
    wished = False

    def wish(number: int, frame: FrameType | None) -> None:
        nonlocal wished
        wished = True
        signal.signal(number, before[number])

    before: dict[int, Any] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        for number in before:
            signal.signal(number, wish)
        yield lambda: wished
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _silence() -> Iterator[Report]:
    yield lambda done, text: None
