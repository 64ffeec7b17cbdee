"""Where the built release lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def dist() -> Path:
    """The folder of the built wheel and sdist, which `make release-check` names."""
    folder = os.environ.get("RELEASE_DIST")
    if not folder:
        pytest.skip("nothing is built: make release-check")
    return Path(folder)
