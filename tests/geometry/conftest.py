import pytest

from napari_cardiac_ssl.synthetic import SyntheticStudy, make_study


@pytest.fixture(scope="session")
def hearts() -> list[SyntheticStudy]:
    """A few people, one of each pathology, in small pictures."""
    pathologies = ("normal", "dilated", "hypertrophic", "rv_dilated")
    return [
        make_study(seed, pathology=name, frames=1, slices=8, size=96)
        for seed, name in enumerate(pathologies, start=20)
    ]
