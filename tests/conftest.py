"""Fixtures that several tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cases; they are not part of the project."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("CARDIAC_SSL_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real cases in {folder}; set CARDIAC_SSL_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch) -> Path:
    """A folder of its own for projects that are kept by themselves."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CARDIAC_SSL_HOME", str(folder))
    return folder
