"""The command demo."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.cli.options import Command, option


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to demo."""

    headless: Annotated[bool, option("--headless", help="run the whole loop by itself")] = False
    out: Annotated[
        Path | None, option("-o", "--out", metavar="DIR", help="where results go (demo-output)")
    ] = None
    study: Annotated[
        Path | None, option("--study", metavar="PATH", help="instead of the built-in study")
    ] = None


def demo(options: Options) -> int:
    """Show the main job, whole."""
    from napari_cardiac_ssl.cli.display import check_display

    if os.environ.get("DISPLAY") and not options.headless:
        check_display()
    from napari_cardiac_ssl.gui.demo import run_demo

    return run_demo(out=options.out, headless=options.headless, path=options.study)


COMMAND = Command(
    "demo",
    "Show the main job, whole.",
    "cardiac-ssl demo --headless --out demo-output",
    Options,
    demo,
)
