"""What may be said to `cardiac-ssl`: the commands and their options.

No command's own module is imported here, so that help loads neither torch nor Qt.
"""

import argparse
import math
import re
from pathlib import Path
from typing import Any, NoReturn

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import SCHEMES, STRUCTURES_OF_VIEW
from napari_cardiac_ssl.cli.console import note

#: Which module a command lives in, its function there, what it does, and an example.
COMMANDS = {
    "demo": (
        "window",
        "demo",
        "Show the main job, whole.",
        "cardiac-ssl demo --headless --out demo-output",
    ),
    "open": (
        "window",
        "open_",
        "Open napari with the widget docked.",
        "cardiac-ssl open p1_sax.nii.gz",
    ),
    "info": (
        "studies",
        "info",
        "Tell what a study holds and what is missing.",
        "cardiac-ssl info p1",
    ),
    "synth": (
        "studies",
        "synth",
        "Write synthetic studies with their truth.",
        "cardiac-ssl synth studies --subjects 3",
    ),
    "positions": (
        "positions",
        "positions",
        "Write the nine anatomical positions as a label map.",
        "cardiac-ssl positions p1 -o p1_positions.nii.gz --png p1_positions.png",
    ),
    "pretrain": (
        "pretraining",
        "pretrain",
        "Learn anatomical positions from unlabelled studies.",
        "cardiac-ssl pretrain studies/* --landmarks landmarks.json --synthetic 45 --minutes 60 \\\n"
        "    -o ours.safetensors     (the same under: torchrun --nproc_per_node 2 -m "
        "napari_cardiac_ssl.cli)",
    ),
    "finetune": (
        "learning",
        "finetune",
        "Learn structures from a few annotated slices.",
        "cardiac-ssl finetune --images p1_ED.nii.gz --labels p1_ED_gt.nii.gz --slices 2,4,6 "
        "--scheme acdc \\\n    --seconds 20 -o p1.safetensors",
    ),
    "predict": (
        "learning",
        "predict",
        "Predict masks on the images' own grids.",
        "cardiac-ssl predict p1.safetensors p1_ED.nii.gz -o masks     (masks/p1_ED_seg.nii.gz)",
    ),
    "evaluate": (
        "studies",
        "evaluate",
        "Compare masks with their references.",
        "cardiac-ssl evaluate masks/p1_ED_seg.nii.gz --reference p1_ED_gt.nii.gz --scheme acdc \\\n"
        "    --without 2,4,6 --csv scores.csv",
    ),
    "loop": (
        "loop",
        "loop",
        "Have a simulated expert label what is suggested.",
        "cardiac-ssl loop p1_ED.nii.gz --reference p1_ED_gt.nii.gz --scheme acdc --rounds 5 \\\n"
        "    --json loop.json",
    ),
    "measure": (
        "measures",
        "measure",
        "Measure volumes, ejection fraction, mass and wall thickness.",
        "cardiac-ssl measure --ed p1_ED_gt.nii.gz --es p1_ES_gt.nii.gz --scheme acdc --csv p1.csv",
    ),
    "report": (
        "reports",
        "report",
        "Write one page about a study: contours, curve, bullseye, numbers.",
        "cardiac-ssl report p1_sax.nii.gz --mask p1_sax_seg.nii.gz -o p1.html",
    ),
}

#: The views that can be learned (those of `anatomy.STRUCTURES_OF_VIEW`).
_LEARNED = tuple(map(str, STRUCTURES_OF_VIEW))
#: As in `learning.suggestion`, which help need not load.
_STRATEGIES = ("suggest", "uncertainty", "uniform", "random")
_OF_MASKS = "of masks that do not say (predict's do); default: told from each mask's anatomy"


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        # Abbreviations that work today are ambiguous tomorrow: scripts depend on this.
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; argparse would print the usage as well."""
        note(f"{self.prog}: {message}; see {self.prog} --help")
        self.exit(2)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="cardiac-ssl",
        description="Contour cardiac MR: label a few slices, a U-Net learns the rest.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str) -> argparse.ArgumentParser:
        _, _, text, example = COMMANDS[name]
        return commands.add_parser(
            name, help=text.rstrip("."), description=text, epilog=f"example:\n  {example}"
        )

    sub = command("demo")
    sub.add_argument("--headless", action="store_true", help="run the whole loop by itself")
    sub.add_argument("--out", type=Path, metavar="DIR", help="where results go (demo-output)")
    sub.add_argument("--study", type=Path, metavar="PATH", help="instead of the built-in study")

    sub = command("open")
    sub.add_argument("study", type=Path, nargs="*", metavar="STUDY")
    sub.add_argument("--project", type=Path, metavar="FILE")

    sub = command("info")
    sub.add_argument("study", type=Path, metavar="STUDY", help="DICOM or NIfTI, file or folder")
    sub.add_argument("--nifti", type=Path, metavar="DIR", help="write every stack as NIfTI there")
    _add_json(sub)

    sub = command("synth")
    sub.add_argument("dir", type=Path, metavar="DIR", help="where a folder per subject goes")
    sub.add_argument("--subjects", type=_count, default=1, metavar="N", help="how many (1)")
    sub.add_argument(
        "--seed", type=_seed, default=1, metavar="S", help="of the first subject (1), then S + 1, …"
    )

    _add_positions(command("positions"))
    _add_pretrain(command("pretrain"))
    _add_finetune(command("finetune"))

    sub = command("predict")
    sub.add_argument(
        "model", type=Path, metavar="MODEL", help="made by finetune; default: the weights that ship"
    )
    sub.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGE", help="NIfTI, or a study with such a view"
    )
    _add_view(sub)
    sub.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="gets NAME_seg.nii.gz"
    )
    sub.add_argument("--scheme", choices=SCHEMES, help="default: that of the masks it was taught")
    sub.add_argument("--confidence", action="store_true", help="write the confidence too")
    _add_json(sub)

    sub = command("evaluate")
    sub.add_argument("predictions", type=Path, nargs="+", metavar="PREDICTION")
    sub.add_argument(
        "--reference", type=Path, nargs="+", required=True, metavar="F", help="one per prediction"
    )
    sub.add_argument("--scheme", choices=SCHEMES, help=_OF_MASKS)
    sub.add_argument(
        "--without", metavar="Z,Z", help="leave these slices out, in every frame: the learned ones"
    )
    sub.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV too")
    _add_json(sub)

    _add_loop(command("loop"))
    _add_measure(command("measure"))

    sub = command("report")
    sub.add_argument("study", type=Path, metavar="STUDY", help="NIfTI file, or a folder")
    sub.add_argument(
        "--mask", type=Path, nargs="+", required=True, metavar="MASK",
        help="of its short-axis stack: of every frame, of ED alone, or two files: ED and ES",
    )  # fmt: skip
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="FILE.html")
    _add_frames_and_body(sub)
    sub.add_argument("--scheme", choices=SCHEMES, help=_OF_MASKS)
    return parser


def _add_loop(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("image", type=Path, metavar="IMAGE", help="NIfTI, 3-D or 4-D")
    add("--reference", type=Path, required=True, metavar="MASK", help="what the expert would draw")
    add("--scheme", choices=SCHEMES, help=_OF_MASKS)
    add("--strategy", choices=_STRATEGIES, default=_STRATEGIES[0], help="what is labelled next")
    _add_start(sub)
    add("--rounds", type=_count, default=5, metavar="N", help="slices to label (5)")
    add(
        "--tolerance",
        type=_millimetres,
        default=2.0,
        metavar="MM",
        help="borders off by less stay (2)",
    )
    budget = sub.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=_seconds, metavar="S", help="of training a round (15)")
    budget.add_argument("--steps", type=_count, metavar="N", help="instead: repeatable")
    add("--seed", type=_seed, default=0, metavar="S", help="of all chance (0)")
    add("--json", type=Path, metavar="FILE", help="write the rounds for programs")


def _add_measure(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("masks", type=Path, nargs="*", metavar="MASK", help="3-D, or 4-D with time: one row each")
    add("--ed", type=Path, nargs="+", default=[], metavar="MASK", help="instead: masks at ED …")
    add("--es", type=Path, nargs="+", default=[], metavar="MASK", help="… and at ES, in pairs")
    for view in ("2ch", "4ch"):
        add(
            f"--{view}", type=Path, nargs="+", default=[], metavar="MASK", dest=f"view_{view}",
            help="long-axis masks: LV volume by area-length from 2CH and 4CH, in pairs",
        )  # fmt: skip
    _add_frames_and_body(sub)
    add("--scheme", choices=SCHEMES, help=_OF_MASKS)
    add("--csv", type=Path, metavar="FILE", help="write the table as CSV too, with every column")
    add("--curve", type=Path, metavar="FILE", help="write the volumes of every frame as CSV")
    add("--areas", type=Path, metavar="FILE", help="write the areas of every slice as CSV")
    _add_json(sub)


def _add_frames_and_body(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("--ed-frame", type=_frame, metavar="T", help="of 4-D masks, from 0 (largest LV cavity)")
    add("--es-frame", type=_frame, metavar="T", help="of 4-D masks, from 0 (smallest LV cavity)")
    add("--height-cm", type=_positive, metavar="CM", help="with the weight: indexed values too")
    add("--weight-kg", type=_positive, metavar="KG")


def _add_positions(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("study", type=Path, metavar="STUDY", help="DICOM or NIfTI, file or folder")
    _add_landmarks(sub)
    add("--view", choices=("SAX", "LAX_4CH"), default="SAX", help="on whose slices (SAX)")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="ends in .nii.gz")
    add("--png", type=Path, metavar="FILE|DIR", help="draw traces and boxes on the slices too")
    _add_json(sub)


def _add_pretrain(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("studies", type=Path, nargs="*", metavar="STUDY", help="DICOM or NIfTI, files or folders")
    _add_landmarks(sub)
    add(
        "--synthetic",
        type=_count,
        default=0,
        metavar="N",
        help="add N synthetic hearts, which teach structures too (0)",
    )
    add("--view", choices=_LEARNED, default="SAX", help="which view learns (SAX)")
    _add_start(sub)
    budget = sub.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_seconds, metavar="M", help="time for training (20)")
    budget.add_argument("--steps", type=_count, metavar="N", help="instead: repeatable")
    add("--batch-size", type=_count, default=8, metavar="N", help="slices a step and process (8)")
    add("--seed", type=_seed, default=0, metavar="S", help="of all chance (0)")
    add("--resume", action="store_true", help="go on where the run was killed or interrupted")
    add("-o", "--output", type=Path, required=True, metavar="MODEL", help="ends in .safetensors")
    _add_json(sub)


def _add_start(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--from",
        dest="start",
        default="default",
        metavar="default|scratch|MODEL",
        help="what to start from",
    )


def _add_finetune(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("--images", type=Path, nargs="+", required=True, metavar="F", help="NIfTI, or studies")
    add("--labels", type=Path, nargs="+", required=True, metavar="F", help="one mask per image")
    _add_view(sub)
    add(
        "--slices",
        default="labelled",
        metavar="SPEC",
        help="which are annotated: all, labelled (those with a label; the default), 2,4,6 or, of "
        "several frames, 0:2,0:4 (t:z); counted from 0",
    )
    add(
        "--extent",
        nargs="+",
        metavar="SPEC",
        help="first and last slice with heart: 2-9, or per frame 0:1-9,8:2-9 (t:first-last); the "
        "slices outside are examples of no heart, and are predicted empty. One for all images, or "
        "one per image",
    )
    _add_start(sub)
    add(
        "--mode",
        choices=("all", "decoder", "multitask"),
        default="all",
        help="what to train (all); decoder keeps the encoder of --from MODEL; multitask goes on "
        "predicting positions on all slices, labelled or not",
    )
    _add_landmarks(
        sub,
        "with --mode multitask: where the positions are, instead of where --from MODEL sees them: ",
    )
    add("--scheme", choices=SCHEMES, help=_OF_MASKS)
    budget = sub.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=_seconds, metavar="S", help="time for training (15)")
    budget.add_argument("--steps", type=_count, metavar="N", help="instead: repeatable")
    add("--seed", type=_seed, default=0, metavar="S", help="of all chance (0)")
    add("-o", "--output", type=Path, required=True, metavar="MODEL", help="ends in .safetensors")
    _add_json(sub)


def _add_view(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--view",
        choices=_LEARNED,
        help="what the images show (default: told by their names, else what the model knows)",
    )


def _add_landmarks(
    sub: argparse.ArgumentParser, what: str = "for studies without long-axis views: "
) -> None:
    sub.add_argument(
        "--landmarks",
        type=Path,
        metavar="JSON",
        help=what + '{"<study id>": {"lv_base": [x, y, z], "lv_apex": […], "rv_lateral": […]}, …}, '
        "RAS mm",
    )


def _add_json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="results for programs")


def _count(text: str) -> int:
    return _whole(text, 1, 10**9)


def _seed(text: str) -> int:
    return _whole(text, 0, 2**32 - 1)


def _frame(text: str) -> int:
    return _whole(text, 0, 10**6)


def _positive(text: str) -> float:
    return _number(text, "a number above 0")


def _whole(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")
    return int(text)


def _seconds(text: str) -> float:
    return _number(text, "a number of seconds above 0")


def _millimetres(text: str) -> float:
    return _number(text, "a number of millimetres above 0")


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    return value
