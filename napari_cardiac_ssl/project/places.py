"""Where projects that nobody named are kept."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Return the folder of projects that are kept by themselves.

    ``CARDIAC_SSL_HOME`` in the environment names another than the user's own.
    """
    named = os.environ.get("CARDIAC_SSL_HOME")
    folder = Path(named) if named else platformdirs.user_data_path("cardiac-ssl", appauthor=False)
    return folder.absolute() / "projects"
