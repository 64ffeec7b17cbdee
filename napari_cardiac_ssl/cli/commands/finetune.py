"""The command finetune."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.console import count, progress, say, say_json, warn
from napari_cardiac_ssl.cli.options import (
    SECONDS,
    Command,
    ImageView,
    Json,
    ModelFile,
    Scheme,
    Seed,
    StartFrom,
    Steps,
    landmarks_option,
    option,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable
from napari_cardiac_ssl.learning.modes import Mode


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to finetune."""

    images: Annotated[Sequence[Path], option("--images", metavar="F", help="NIfTI, or studies")]
    labels: Annotated[Sequence[Path], option("--labels", metavar="F", help="one mask per image")]
    view: ImageView = None
    slices: Annotated[
        str,
        option(
            "--slices",
            metavar="SPEC",
            help="which are annotated: all, labelled (those with a label; the default), 2,4,6 or, "
            "of several frames, 0:2,0:4 (t:z); counted from 0",
        ),
    ] = "labelled"
    extent: Annotated[
        Sequence[str] | None,
        option(
            "--extent",
            nargs="+",
            metavar="SPEC",
            help="first and last slice with heart: 2-9, or per frame 0:1-9,8:2-9 (t:first-last); "
            "the slices outside are examples of no heart, and are predicted empty. One for all "
            "images, or one per image",
        ),
    ] = None
    start: StartFrom = "default"
    mode: Annotated[
        Mode,
        option(
            "--mode",
            help="what to train (all); decoder keeps the encoder of --from MODEL; multitask goes "
            "on predicting positions on all slices, labelled or not",
        ),
    ] = "all"
    landmarks: Annotated[
        Path | None,
        landmarks_option(
            "with --mode multitask: where the positions are, instead of where --from MODEL sees "
            "them: "
        ),
    ] = None
    scheme: Scheme = None
    seconds: Annotated[
        float | None,
        option("--seconds", parse=SECONDS, metavar="S", help="time for training (15)"),
    ] = None
    steps: Steps = None
    seed: Seed = 0
    output: ModelFile
    json: Json = False


def finetune(options: Options) -> int:
    """Learn structures from a few annotated slices."""
    from napari_cardiac_ssl.cli.learning import examples_of, position_sources, start_model
    from napari_cardiac_ssl.learning.checkpoint import save_model
    from napari_cardiac_ssl.learning.finetuning import finetune as steps_of
    from napari_cardiac_ssl.learning.training import Budget, Step, run

    if options.landmarks and options.mode != "multitask":
        raise InputError(
            f"--landmarks say where positions are, which --mode {options.mode} does not look at; "
            "use --mode multitask"
        )
    if len(options.images) != len(options.labels):
        raise InputError(
            f"{count(len(options.images), 'image')} but {count(len(options.labels), 'mask')}; "
            "give one mask for each image, in the same order"
        )
    if not options.output.name.endswith(".safetensors"):
        raise InputError(f"-o {options.output}: name a file that ends in .safetensors")
    check_writable(options.output)
    given = None if options.start == "default" else start_model(options.start, View.SAX)
    examples, scheme = examples_of(options, given)
    start = given or start_model(options.start, examples[0].stack.view)
    positions = position_sources(options, examples)
    seconds = 15.0 if options.steps is None and options.seconds is None else options.seconds
    budget = Budget(steps=options.steps, seconds=seconds)

    with progress("fine-tuning") as report:

        def after(step: Step) -> None:
            if step.note:
                warn(step.note)
            left = f", {step.seconds_left:.0f} s left" if step.spent < 1 else ""
            report(step.spent, f"step {step.index}, loss {step.loss:.3f}{left}")

        steps = steps_of(
            examples,
            start=start,
            mode=options.mode,
            budget=budget,
            seed=options.seed,
            scheme=scheme,
            positions=positions,
        )
        try:
            model = run(steps, after)
        except FloatingPointError as error:
            raise InputError(
                f"{error}; nothing was written: look at the images and masks, or try another --seed"
            ) from error
    save_model(options.output, model)
    card = model.card
    if card.recipe["share_learned"] == 0:
        warn(
            "training did not help: it fits the annotated slices no better than its start, whose "
            "weights these are; annotate another slice, or look at images and masks"
        )
    if options.json:
        say_json({"model": str(options.output), "digest": model.digest, **card.recipe})
    else:
        say(
            f"{options.output}: learned from {count(card.slices_learned, 'slice')} of "
            f"{count(len(examples), 'stack')} in {card.recipe['steps']} steps, "
            f"{card.recipe['seconds']:.1f} s on {card.recipe['compute']}"
        )
    return 0


COMMAND = Command(
    "finetune",
    "Learn structures from a few annotated slices.",
    "cardiac-ssl finetune --images p1_ED.nii.gz --labels p1_ED_gt.nii.gz --slices 2,4,6 "
    "--scheme acdc \\\n    --seconds 20 -o p1.safetensors",
    Options,
    finetune,
)
