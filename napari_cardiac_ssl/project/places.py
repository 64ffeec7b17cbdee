"""Where projects that nobody named are kept."""

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

#: How the names of project files end.
ENDING = ".cardiac"


def home() -> Path:
    """Return the folder of projects that are kept by themselves.

    ``CARDIAC_SSL_HOME`` in the environment names another than the user's own.
    """
    named = os.environ.get("CARDIAC_SSL_HOME")
    folder = Path(named) if named else platformdirs.user_data_path("cardiac-ssl", appauthor=False)
    return folder.absolute() / "projects"


def automatic_path(digest: str) -> Path:
    """Return where the project of a stack is kept by itself."""
    return home() / f"{digest[:32]}{ENDING}"


def note_named(digest: str, path: Path) -> None:
    """Note in which project that somebody named a stack was worked on last.

    A note that cannot be written is none: it is a help, and nothing is lost without it.
    """
    note = _note(digest)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(str(path.absolute()), encoding="utf-8")


def named_path(digest: str) -> Path | None:
    """Return the project that somebody named in which a stack was worked on last, if there is one.

    It may have been moved or deleted since.
    """
    try:
        return Path(_note(digest).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _note(digest: str) -> Path:
    return automatic_path(digest).with_suffix(".named")


def is_project(path: Path) -> bool:
    """Tell whether a path names a project file, there or to be made.

    Examples
    --------
    >>> is_project(Path("ward-3.cardiac")), is_project(Path("sax.nii.gz"))
    (True, False)
    """
    return path.suffix.lower() == ENDING and not path.is_dir()
