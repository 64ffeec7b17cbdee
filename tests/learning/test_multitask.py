import numpy as np
import pytest
import torch

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.multitask import RecalledPositions, beside
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.pretraining import POSITIONS, PositionedStack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.study import SliceIndex

BOTH = Architecture(heads=(("positions", POSITIONS), ("structures", 4)), base_filters=4, levels=3)
CPU = Compute(torch.device("cpu"), low_precision=False)


@pytest.fixture
def start():
    return Model(new_network(BOTH).eval(), Card(BOTH, size=32, spacing_mm=3.0))


@pytest.fixture
def example(sax, truth):
    return ExpertSlices(sax, truth, (SliceIndex(0, 2),))


def tuned(example, start, mode="multitask", steps=3, **kwargs):
    asked = finetune(
        [example], start=start, mode=mode, budget=Budget(steps=steps), compute=CPU, **kwargs
    )
    return run(asked, lambda step: None)


def head(model, name="positions"):
    return model.network.state_dict()[f"heads.{name}.weight"]


def test_both_heads_learn_and_nothing_else_teaches_positions(example, start):
    together, alone = tuned(example, start), tuned(example, start, mode="all")
    assert not torch.equal(head(together), head(start))
    assert not torch.equal(head(together, "structures"), head(start, "structures"))
    assert torch.equal(head(alone), head(start))
    assert together.card.recipe["mode"] == "multitask"


def test_what_the_start_saw_is_kept(example, start, sax):
    """Trained on structures, the positions drift; held to them at the same time, they do less."""

    def drift(model):
        batches = RecalledPositions([(sax, (20, 20))], start, seed=5, compute=CPU)
        images, shares = batches(16)
        with torch.inference_mode():
            said = model.network(images)["positions"].softmax(1)
        return float((said - shares[:, :POSITIONS]).abs().mean())

    apart, held = (
        drift(tuned(example, start, mode=mode, steps=300)) for mode in ("all", "multitask")
    )
    assert held < 0.8 * apart


def test_unlabelled_slices_teach_positions(sax, truth, start, example):
    """Another image on a slice that nobody labelled changes what is learned."""
    image = np.array(sax.image)
    image[1, 4] = image[1, 4].T
    other = ExpertSlices(type(sax)(image, sax.affine), truth, example.slices)
    a, b = tuned(example, start, steps=8), tuned(other, start, steps=8)
    assert not torch.equal(head(a), head(b))


def test_the_same_seed_gives_the_same_weights(example, start):
    a, b = (tuned(example, start, seed=3) for _ in "ab")
    for name, value in a.network.state_dict().items():
        assert torch.equal(value, b.network.state_dict()[name])


def test_known_positions_are_learned_instead_of_recalled_ones(example, start, sax, heart):
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(heart.landmarks))
    loaded = []

    def source():
        loaded.append(1)
        return PositionedStack(sax, frame, tuple(sax.slice_indices()))

    known = tuned(example, start, positions=[source])
    assert loaded
    assert not torch.equal(head(known), head(tuned(example, start)))


def test_batches_keep_their_tasks_apart(start, example, sax):
    recalled = RecalledPositions([(sax, None)], start, seed=0, compute=CPU)
    structures = torch.rand(2, 4, 32, 32).softmax(1)
    images, shares = beside(lambda n: (torch.zeros(n, 1, 32, 32), structures), recalled)(2)
    assert images.shape == (4, 1, 32, 32)
    assert torch.equal(shares[:2, POSITIONS:], structures)
    assert not shares[:2, :POSITIONS].any()
    assert not shares[2:, POSITIONS:].any()
    assert torch.allclose(shares[2:, :POSITIONS].sum(1), torch.tensor(1.0), atol=1e-2)


def test_a_start_that_knows_no_positions_is_refused(example):
    only = Architecture(heads=(("structures", 4),), base_filters=4, levels=3)
    model = Model(new_network(only).eval(), Card(only, size=32, spacing_mm=3.0))
    with pytest.raises(InputError, match="'multitask' goes on predicting positions"):
        tuned(example, model)
    with pytest.raises(InputError, match="mode 'multitask' keeps what a model has learned"):
        tuned(example, None)
