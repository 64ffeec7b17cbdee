"""`cardiac-ssl`: the engine from a shell.

Exit code 0 is done, 2 wrong use or bad input (one line says what, where and what to do), 130
interrupted. Here is only the way to the commands: a command's own module is imported when it runs,
so that help loads neither torch nor Qt.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from napari_cardiac_ssl.cli.console import note, warn
from napari_cardiac_ssl.cli.parser import COMMANDS, make_parser
from napari_cardiac_ssl.errors import InputError, InputWarning

__all__ = ["COMMANDS", "main"]


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


def _run(options: argparse.Namespace) -> int:
    module, function, *_ = COMMANDS[options.command]
    try:
        command = getattr(import_module(f"napari_cardiac_ssl.cli.{module}"), function)
        return int(command(options))
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
