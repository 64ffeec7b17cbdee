"""`cardiac-ssl`: the engine from a shell.

Exit code 0 is done, 2 wrong use or bad input (one line says what, where and what to do), 130
interrupted. Here are only the parser and the way to the commands, so that help loads neither torch
nor Qt; a command's own module is imported when it runs.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import SCHEMES
from napari_cardiac_ssl.errors import InputError

#: Which module a command lives in, its function there, and what it does.
COMMANDS = {
    "demo": ("window", "demo", "Show the main job, whole."),
    "open": ("window", "open_", "Open napari with the widget docked."),
    "info": ("studies", "info", "Tell what a study holds and what is missing."),
    "synth": ("studies", "synth", "Write synthetic studies with their truth."),
    "finetune": ("learning", "finetune", "Learn structures from a few annotated slices."),
    "predict": ("learning", "predict", "Predict masks on the images' own grids."),
    "evaluate": ("studies", "evaluate", "Compare masks with their references."),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; argparse would print the usage as well."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cardiac-ssl",
        description="Contour cardiac MR: label a few slices, a U-Net learns the rest.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str) -> argparse.ArgumentParser:
        text = COMMANDS[name][2]
        return commands.add_parser(name, help=text.rstrip("."), description=text)

    sub = command("demo")
    sub.add_argument("--headless", action="store_true", help="run the whole loop by itself")
    sub.add_argument("--out", type=Path, metavar="DIR", help="where results go (demo-output)")
    sub.add_argument("--study", type=Path, metavar="PATH", help="instead of the built-in study")

    sub = command("open")
    sub.add_argument("study", type=Path, nargs="*", metavar="STUDY")
    sub.add_argument("--project", type=Path, metavar="FILE")

    sub = command("info")
    sub.add_argument("study", type=Path, metavar="STUDY", help="NIfTI file, or a folder of them")
    _add_json(sub)

    sub = command("synth")
    sub.add_argument("dir", type=Path, metavar="DIR")
    sub.add_argument("--subjects", type=int, default=1, metavar="N")
    sub.add_argument("--seed", type=int, default=1, metavar="S", help="of the first subject")

    _add_finetune(command("finetune"))

    sub = command("predict")
    sub.add_argument("model", type=Path, metavar="MODEL")
    sub.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    sub.add_argument("--scheme", choices=SCHEMES, help="default: that of the masks it was taught")
    sub.add_argument("--confidence", action="store_true", help="write the confidence too")
    _add_json(sub)

    sub = command("evaluate")
    sub.add_argument("predictions", type=Path, nargs="+", metavar="PREDICTION")
    sub.add_argument("--reference", type=Path, nargs="+", required=True, metavar="F")
    sub.add_argument("--scheme", choices=SCHEMES, help="of both; default: told from each mask")
    sub.add_argument("--without", metavar="Z,Z", help="leave these slices out: the learned ones")
    sub.add_argument("--csv", type=Path, metavar="FILE")
    _add_json(sub)
    return parser


def _add_finetune(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("--images", type=Path, nargs="+", required=True, metavar="F")
    add("--labels", type=Path, nargs="+", required=True, metavar="F", help="one mask per image")
    add(
        "--slices", default="labelled", metavar="SPEC", help="all, labelled, 2,4,6 or 0:2,0:4 (t:z)"
    )
    add("--from", dest="start", default="default", metavar="default|scratch|MODEL")
    add("--mode", choices=("all", "decoder", "multitask"), default="all")
    add("--scheme", choices=SCHEMES, help="of the masks; default: told from each mask")
    budget = sub.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, metavar="S", help="time for training (15)")
    budget.add_argument("--steps", type=int, metavar="N", help="instead: repeatable")
    add("--seed", type=int, default=0, metavar="S")
    add("-o", "--output", type=Path, required=True, metavar="MODEL", help="ends in .safetensors")
    _add_json(sub)


def _add_json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="results for programs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    # Libraries warn for developers; what a reader of ours has to say is for the user.
    warnings.showwarning = lambda message, *_, **__: _note(f"warning: {message}")
    module, function, _ = COMMANDS[options.command]
    try:
        command = getattr(import_module(f"napari_cardiac_ssl.cli.{module}"), function)
        return int(command(options))
    except InputError as error:
        _note(f"cardiac-ssl {options.command}: {error}")
        return 2
    except MemoryError as error:
        _note(f"cardiac-ssl {options.command}: not enough memory ({error}); close other programs")
        return 2
    except KeyboardInterrupt:
        _note("interrupted")
        return 130
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
