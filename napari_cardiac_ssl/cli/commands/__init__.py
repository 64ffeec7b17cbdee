"""The commands, one file each: what may be said to it beside what it does.

A command's file imports the engine inside its function, so that help loads neither torch nor Qt.
"""

from importlib import import_module
from typing import Any

from napari_cardiac_ssl.cli.options import Command

#: In the order of help. A new command is a file here and its name in this list.
COMMANDS = (
    "demo",
    "open",
    "info",
    "synth",
    "positions",
    "pretrain",
    "finetune",
    "predict",
    "evaluate",
    "loop",
    "measure",
    "report",
    "convert",
    "cohort",
)


def command_named(name: str) -> Command[Any]:
    """Return a command by its name."""
    command: Command[Any] = import_module(f"{__name__}.{name}").COMMAND
    return command
