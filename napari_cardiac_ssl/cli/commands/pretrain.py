"""The command pretrain."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.options import (
    COUNT,
    LEARNED_VIEWS,
    MINUTES,
    Command,
    Json,
    LandmarksFile,
    ModelFile,
    Seed,
    StartFrom,
    option,
)
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to pretrain."""

    studies: Annotated[
        Sequence[Path],
        option(nargs="*", metavar="STUDY", help="DICOM or NIfTI, files or folders"),
    ] = ()
    landmarks: LandmarksFile = None
    synthetic: Annotated[
        int,
        option(
            "--synthetic",
            parse=COUNT,
            metavar="N",
            help="add N synthetic hearts, which teach structures too (0)",
        ),
    ] = 0
    view: Annotated[
        str, option("--view", choices=LEARNED_VIEWS, help="which view learns (SAX)")
    ] = "SAX"
    start: StartFrom = "default"
    minutes: Annotated[
        float | None,
        option("--minutes", parse=MINUTES, metavar="M", help="time for training (20)"),
    ] = None
    steps: Annotated[
        int | None,
        option(
            "--steps", parse=COUNT, instead_of="minutes", metavar="N", help="instead: repeatable"
        ),
    ] = None
    batch_size: Annotated[
        int,
        option("--batch-size", parse=COUNT, metavar="N", help="slices a step and process (8)"),
    ] = 8
    seed: Seed = 0
    resume: Annotated[
        bool, option("--resume", help="go on where the run was killed or interrupted")
    ] = False
    output: ModelFile
    json: Json = False


def pretrain(options: Options) -> int:
    """Learn anatomical positions from unlabelled studies."""
    from napari_cardiac_ssl.cli.pretraining import run_pretraining, to_be_done
    from napari_cardiac_ssl.learning.distributed import together

    if not options.output.name.endswith(".safetensors"):
        raise InputError(f"-o {options.output}: name a file that ends in .safetensors")
    check_writable(options.output)
    if not options.studies and not options.synthetic:
        raise InputError("no study to learn from; name studies, or --synthetic N")
    if options.studies and View(options.view) not in POSITION_NAMES:
        raise InputError(
            f"the view {options.view} has no anatomical positions that studies could teach; name "
            "no study, synthetic hearts teach its structures (--synthetic N)"
        )
    state = options.output.with_name(options.output.name + ".resume")
    if not to_be_done(options, state):
        return 0
    with together() as ranks:
        return run_pretraining(options, state, ranks)


COMMAND = Command(
    "pretrain",
    "Learn anatomical positions from unlabelled studies.",
    "cardiac-ssl pretrain studies/* --landmarks landmarks.json --synthetic 45 --minutes 60 \\\n"
    "    -o ours.safetensors     (the same under: torchrun --nproc_per_node 2 -m "
    "napari_cardiac_ssl.cli)",
    Options,
    pretrain,
)
