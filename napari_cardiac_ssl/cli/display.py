"""Whether a window can be shown, asked before Qt is: Qt ends the process where it cannot."""

import os
import re
import socket
import sys
from pathlib import Path

from napari_cardiac_ssl.errors import InputError

_INSTEAD = (
    "start it where there is one (on a server: ssh -X, a remote desktop), or use "
    "the commands that need none: predict, finetune, measure, report, cohort"
)


def check_display() -> None:
    """Refuse to open a window where there is no screen for it.

    Raises
    ------
    InputError
        If no display is named, or nobody answers at the one that is.
    """
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "xcb") not in {"xcb", ""}:
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise InputError(f"no display to open a window on; {_INSTEAD}")
    named = re.fullmatch(r"(?:unix)?:([0-9]+)(?:\.[0-9]+)?", display)
    if named and not _answers(named[1]):
        raise InputError(f"the display {display} does not answer; {_INSTEAD}")


def _answers(number: str) -> bool:
    """Tell whether an X server of this machine listens."""
    place = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where X servers put it
    for address in (f"\0{place}", place):
        if address == place and not Path(place).exists():
            continue
        with socket.socket(socket.AF_UNIX) as attempt:
            try:
                attempt.connect(address)
            except OSError:
                continue
            return True
    return False
