"""Where projects that nobody named are kept."""

import os
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


def is_project(path: Path) -> bool:
    """Tell whether a path names a project file, there or to be made.

    Examples
    --------
    >>> is_project(Path("ward-3.cardiac")), is_project(Path("sax.nii.gz"))
    (True, False)
    """
    return path.suffix.lower() == ENDING and not path.is_dir()
