from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cohort.work import Recipe
from napari_cardiac_ssl.learning.checkpoint import Card, Model, model_to_bytes, new_network
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map

SMALL = Architecture(heads=(("structures", 4),), base_filters=4, levels=3)


@pytest.fixture(scope="session")
def model() -> bytes:
    """A model that sees an LV cavity wherever it looks."""
    network = new_network(SMALL).eval()
    with torch.no_grad():
        network.heads["structures"].weight.zero_()
        network.heads["structures"].bias.copy_(torch.tensor([0.0, 9.0, 0.0, 0.0]))
    return model_to_bytes(Model(network, Card(SMALL, size=32, spacing_mm=3.0)))


@pytest.fixture
def recipe(model, tmp_path) -> Recipe:
    return Recipe(model, "a model that sees LV", None, tmp_path / "out")


@pytest.fixture(scope="session")
def make_studies() -> Callable[[Path, int], Path]:
    """Write so many small studies into a folder, one folder each, no two alike."""
    stack = make_study(1, frames=2, slices=3, size=48, lax=False).study.stack(View.SAX)

    def make(folder: Path, number: int) -> Path:
        for n in range(number):
            one = replace(stack, image=stack.image + n)
            path = folder / f"p{n:03}" / f"p{n:03}_sax.nii.gz"
            path.parent.mkdir(parents=True)
            write_map(path, one.image, like=one, description="cine")
        return folder

    return make
