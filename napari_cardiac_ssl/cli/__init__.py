"""`cardiac-ssl`: the engine from a shell.

Exit code 0 is done, 2 wrong use or bad input (one line says what, where and what to do), 130
interrupted. Here is only the way to the commands, which are in `commands`, one file each.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.cli.commands import COMMANDS, command_named
from napari_cardiac_ssl.cli.console import note, warn
from napari_cardiac_ssl.cli.options import Parser
from napari_cardiac_ssl.errors import InputError, InputWarning

__all__ = ["COMMANDS", "main", "make_parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        with _warnings_in_a_line():
            return _run(make_parser().parse_args(arguments))
    except KeyboardInterrupt:
        note("interrupted")
        return 130
    finally:
        _let_go_of_output()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="cardiac-ssl",
        description="Contour cardiac MR: label a few slices, a U-Net learns the rest.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command_named(name).add_to(commands)
    return parser


def _run(options: argparse.Namespace) -> int:
    try:
        return command_named(options.command)(options)
    except BrokenPipeError:  # whoever read our output has had enough
        return 0
    except InputError as error:
        what = str(error)
    except MemoryError as error:
        what = f"not enough memory ({error}); close other programs"
    except OSError as error:
        what = f"{error.filename or 'a file'}: {error.strerror or error}; check it and try again"
    note(f"cardiac-ssl {options.command}: {what}")
    return 2


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Say warnings as users read them. Ours are said each time, libraries' as Python decides."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message).partition("\n")[0])
        yield


def _let_go_of_output() -> None:
    """Flush; where that fails, spare Python's exit from failing at it again."""
    try:
        if sys.stdout:  # None where a shell has closed it
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
