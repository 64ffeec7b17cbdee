"""The command that shows the whole loop without a person: loop."""

import argparse
import json
from pathlib import Path

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cli.console import count, note, say
from napari_cardiac_ssl.cli.studies import say_scheme
from napari_cardiac_ssl.files import check_writable, replacing
from napari_cardiac_ssl.learning.checkpoint import load_model, model_to_bytes
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.readers.nifti import name_of, read_mask, read_stack, view_of_name
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.simulated_expert import Round, rounds


def loop(options: argparse.Namespace) -> int:
    """Have a simulated expert label what is suggested."""
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
        start = options.start
        if model:
            start = "present"
            data = model_to_bytes(model)
            session.start_from(
                ModelFile(model.digest, data, model.card.slices_learned, model.card.parent, 0.0)
            )
        elif start == "default" and stack.view is not View.SAX:
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
        f"round {one.number}: t={one.index.t} z={one.index.z} ({one.reason}), {pixels} corrected; "
        f"Dice {one.dice:.3f}, {one.seconds:.1f} s"
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
