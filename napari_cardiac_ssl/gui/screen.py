"""A screen where there is none: Xvfb if it is installed, else Qt's own without one."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def has_screen() -> bool:
    """Tell whether a window could be shown to somebody."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Give this process a screen that nobody sees, and napari settings that nobody keeps.

    To be entered before napari is imported and before there is a QApplication.

    Yields
    ------
    str
        What the user should know about it; empty if all is well.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "settings.yaml")
        program = shutil.which("Xvfb") if sys.platform == "linux" else None
        if program is None:
            note = ""
            if not has_screen():
                os.environ["QT_QPA_PLATFORM"] = "offscreen"
                note = "no Xvfb found: Qt draws offscreen, screenshots may lack the picture"
            yield note
            return
        read, write = os.pipe()
        xvfb = subprocess.Popen(  # noqa: S603 - the program that `which` found
            [program, "-displayfd", str(write), "-screen", "0", "1920x1080x24", "-nolisten", "tcp"],
            pass_fds=(write,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        try:
            with open(read, encoding="ascii") as numbers:
                number = numbers.readline().strip()  # empty if Xvfb ended without a display
            if number:
                os.environ |= {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
                os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"
                yield ""
            else:
                os.environ["QT_QPA_PLATFORM"] = "offscreen"
                yield "Xvfb did not start: Qt draws offscreen, screenshots may lack the picture"
        finally:
            xvfb.terminate()
            xvfb.wait()
