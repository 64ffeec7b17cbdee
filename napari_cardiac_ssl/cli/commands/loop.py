"""The command loop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import count, note, say
from napari_cardiac_ssl.cli.options import (
    COUNT,
    MILLIMETRES,
    SECONDS,
    Command,
    Scheme,
    Seed,
    StartFrom,
    Steps,
    option,
)
from napari_cardiac_ssl.files import check_writable, replacing
from napari_cardiac_ssl.learning.suggestion import Strategy

if TYPE_CHECKING:
    from napari_cardiac_ssl.demo.simulated_expert import Round
    from napari_cardiac_ssl.session import Start


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to loop."""

    image: Annotated[Path, option(metavar="IMAGE", help="NIfTI, 3-D or 4-D")]
    reference: Annotated[
        Path, option("--reference", metavar="MASK", help="what the expert would draw")
    ]
    scheme: Scheme = None
    strategy: Annotated[
        Strategy,
        option("--strategy", help="what is labelled next"),
    ] = "suggest"
    start: StartFrom = "default"
    rounds: Annotated[
        int, option("--rounds", parse=COUNT, metavar="N", help="slices to label (5)")
    ] = 5
    tolerance: Annotated[
        float,
        option("--tolerance", parse=MILLIMETRES, metavar="MM", help="borders off by less stay (2)"),
    ] = 2.0
    seconds: Annotated[
        float | None,
        option("--seconds", parse=SECONDS, metavar="S", help="of training a round (15)"),
    ] = None
    steps: Steps = None
    seed: Seed = 0
    json: Annotated[
        Path | None, option("--json", metavar="FILE", help="write the rounds for programs")
    ] = None


def loop(options: Options) -> int:
    """Have a simulated expert label what is suggested."""
    from napari_cardiac_ssl.cli.studies import say_scheme
    from napari_cardiac_ssl.demo.simulated_expert import rounds
    from napari_cardiac_ssl.learning.checkpoint import load_model, model_to_bytes
    from napari_cardiac_ssl.learning.weights import default_weights
    from napari_cardiac_ssl.model_file import ModelFile
    from napari_cardiac_ssl.readers.nifti import name_of, read_mask, read_stack, view_of_name
    from napari_cardiac_ssl.session import Session

    if options.json:
        check_writable(options.json)
    model = None
    if options.start not in {"default", "scratch"}:
        model = load_model(Path(options.start))
    view = model.card.view if model else View.SAX
    stack = read_stack(options.image, view=view_of_name(name_of(options.image), view))
    scheme = scheme_named(options.scheme) if options.scheme else None
    mask = read_mask(options.reference, scheme=scheme, like=stack)
    say_scheme(mask)
    session = Session(who="simulated expert")
    done: list[Round] = []
    try:
        session.open(stack)
        start: Start = "scratch" if options.start == "scratch" else "default"
        if model:
            start = "present"
            data = model_to_bytes(model)
            session.start_from(
                ModelFile(model.digest, data, model.card.slices_learned, model.card.parent, 0.0)
            )
        elif start == "default" and default_weights(stack.view) is None:
            note(f"no pre-trained weights ship for {stack.view}: starting from scratch")
            start = "scratch"
        for one in rounds(
            session,
            mask.labels,
            number=options.rounds,
            strategy=options.strategy,
            start=start,
            seconds=options.seconds,
            steps=options.steps,
            seed=options.seed,
            tolerance_mm=options.tolerance,
        ):
            done.append(one)
            _say(one)
            if options.json:  # after each round: a long run that is stopped leaves what it did
                _write(options.json, done)
    finally:
        session.close()
    if len(done) <= options.rounds:
        note(f"every slice is labelled after {count(len(done) - 1, 'round')}")
    return 0


def _say(one: Round) -> None:
    if one.index is None:
        say(f"before any label: Dice {one.dice:.3f}")
        return
    pixels = count(one.corrected_pixels, "pixel")
    say(
        f"round {one.number}: frame {one.index.t}, slice {one.index.z} ({one.reason}), {pixels} "
        f"corrected; Dice {one.dice:.3f}, {one.seconds:.1f} s"
    )


def _write(path: Path, done: list[Round]) -> None:
    rows = [
        {
            "round": one.number,
            "t": one.index.t,
            "z": one.index.z,
            "reason": one.reason,
            "dice": round(one.dice, 6),
            "corrected_pixels": one.corrected_pixels,
            "seconds": one.seconds,
        }
        for one in done
        if one.index is not None
    ]
    with replacing(path) as beside:
        beside.write_text(json.dumps({"rounds": rows}, indent=1), encoding="utf-8")


COMMAND = Command(
    "loop",
    "Have a simulated expert label what is suggested.",
    "cardiac-ssl loop p1_ED.nii.gz --reference p1_ED_gt.nii.gz --scheme acdc --rounds 5 \\\n"
    "    --json loop.json",
    Options,
    loop,
)
