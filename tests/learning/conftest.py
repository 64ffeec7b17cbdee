import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.synthetic import make_study


@pytest.fixture(scope="session")
def heart():
    """A small synthetic study: two frames of five slices."""
    return make_study(1, frames=2, slices=5, size=64, lax=False)


@pytest.fixture(scope="session")
def sax(heart):
    return heart.study.stack(View.SAX)


@pytest.fixture(scope="session")
def truth(heart):
    return heart.masks[View.SAX]
