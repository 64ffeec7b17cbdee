"""What is drawn for a step of fine-tuning: expert slices, and the rest of their stacks."""

import numpy as np
import pytest
import torch

from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import NEAR_BORDER_MM, ExpertBatches, ExpertSlices
from napari_cardiac_ssl.learning.grid import grid_of
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.study import SliceIndex, Stack

SMALL = Architecture(heads=(("structures", 4),), base_filters=4, levels=3)
CARD = Card(SMALL, size=64, spacing_mm=3.0)
CPU = Compute(torch.device("cpu"), low_precision=False)


@pytest.fixture
def labels(truth):
    """A heart on slices 1 to 3 of frame 0, and a spot on one of them that tells it apart."""
    labels = np.zeros_like(truth)
    labels[0, 1:4, 20:30, 20:30] = 1
    labels[0, 1, 32:40, 20:30] = 3
    return labels


def sure_of(channel: int) -> Model:
    """A model that is sure of one class everywhere."""
    network = new_network(SMALL).eval()
    head = network.heads["structures"]
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        head.bias[channel] = 20.0
    return Model(network, CARD)


def recall(batches: ExpertBatches, model: Model):
    """Let batches recall what a model says; return what may be believed of it."""
    seen = batches.seen_by(model, CPU)
    batches.recall(seen)
    return seen


def indices(*places):
    return tuple(SliceIndex(t, z) for t, z in places)


def test_slices_with_heart_are_used_equally(sax, labels):
    """Slices are drawn round by round: after any number of batches none is two ahead."""
    example = ExpertSlices(sax, labels, indices((0, 1), (0, 2)))
    batches = ExpertBatches([example], CARD, seed=0)
    marked = sum(float(batches(1)[1][:, 3].sum() > 0) for _ in range(10))
    assert marked == 5


def test_empty_slices_come_beside_those_with_heart_and_never_instead(sax, labels):
    """However many frames an extent empties, half of a batch is heart."""
    empty = indices(*((1, z) for z in range(5)), (0, 0), (0, 4))
    batches = ExpertBatches([ExpertSlices(sax, labels, indices((0, 2)) + empty)], CARD, seed=0)
    images, shares = batches(2)
    assert images.shape == (4, 1, 64, 64)
    assert (shares[:2, 1].sum(dim=(1, 2)) > 0).all()
    assert not shares[2:, 1:].any()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4, 64, 64))  # all are known


def test_a_few_empty_slices_among_many_are_drawn_as_seldom_as_they_are(sax, labels):
    stacks = [ExpertSlices(sax, labels, indices((0, 1), (0, 2), (0, 3), (0, 0)))] * 2
    assert len(ExpertBatches(stacks, CARD, seed=0)(6)[0]) == 6 + 2


def test_what_a_model_is_sure_of_is_recalled_on_slices_that_nobody_annotated(sax, labels):
    example = ExpertSlices(sax, labels, indices((0, 2)))
    batches = ExpertBatches([example], CARD, seed=0)
    seen = recall(batches, sure_of(2))
    images, shares = batches(2)
    assert len(images) == 4
    assert (shares[2:, 2] > 0.99).all()
    assert (batches.as_recalled(seen, 9).known == 2).all()
    assert len(batches.as_recalled(seen, 3).images) == 3


def test_what_a_model_doubts_is_unknown(sax, labels):
    unsure = sure_of(2)
    with torch.no_grad():
        unsure.network.heads["structures"].bias[2] = 3.0  # 0.87
    batches = ExpertBatches([ExpertSlices(sax, labels, indices((0, 2)))], CARD, seed=0)
    seen = recall(batches, unsure)
    assert not batches(2)[1][2:].any()
    assert (batches.as_recalled(seen, 9).known == -1).all()


def test_only_slices_that_may_be_looked_at_are_recalled(sax, labels):
    """What an expert excluded is in no `others`; what is annotated is recalled by nobody."""
    example = ExpertSlices(sax, labels, indices((0, 2)), others=indices((0, 1), (0, 2), (1, 4)))
    assert example.recallable() == indices((0, 1), (1, 4))
    nothing = ExpertBatches([ExpertSlices(sax, labels, indices((0, 2)), others=())], CARD, seed=0)
    assert nothing.seen_by(sure_of(0), CPU) is None
    assert len(nothing(2)[0]) == 2


def test_the_annotated_frames_are_recalled_first(labels):
    cine = Stack(np.zeros((6, 5, 8, 8)), np.eye(4))
    example = ExpertSlices(cine, np.zeros((6, 5, 8, 8), np.uint8), indices((3, 2)))
    chosen = example.recallable(most=10)
    assert chosen[:4] == indices((3, 0), (3, 1), (3, 3), (3, 4))
    assert len(chosen) == len(set(chosen)) == 10
    assert {index.t for index in chosen} == set(range(6))
    assert len(example.recallable(most=3)) == 3


def test_no_heart_is_not_recalled_between_slices_that_show_it(sax, labels):
    """A start that misses a structure is not believed where it must go on; beyond it is."""
    example = ExpertSlices(sax, labels, indices((0, 1), (0, 3)))
    batches = ExpertBatches([example], CARD, seed=0)
    seen = recall(batches, sure_of(0))
    between, *others = batches.as_recalled(seen, 9).known[[1, 0, 2, 3]]  # (0, 2), then beyond
    assert all((known == 0).all() for known in others)
    assert set(between.unique().tolist()) == {-1, 0}
    grid = grid_of(sax, example.centre_yx(), spacing_mm=CARD.spacing_mm, size=CARD.size)
    drawn = torch.from_numpy(grid.to_network((labels[0, 1] > 0).astype(float)))
    assert (between[drawn > 0.5] == -1).all()
    assert (between == -1).sum() < 4 * (drawn > 0.5).sum()


def test_a_structure_that_was_hardly_drawn_is_recalled_too(sax, labels):
    """The RV is the expert's to teach once it is drawn on two slices; until then the start's."""

    def recalled_as_rv(slices):
        batches = ExpertBatches([ExpertSlices(sax, labels, slices)], CARD, seed=0)
        seen = recall(batches, sure_of(3))
        return bool((batches.as_recalled(seen, 9).known == 3).any())

    assert recalled_as_rv(indices((0, 1), (0, 2)))  # drawn on the first alone
    labels[0, 2, 32:40, 20:30] = 3
    assert not recalled_as_rv(indices((0, 1), (0, 2)))


def test_no_heart_is_not_recalled_just_outside_the_heart_that_is_seen(sax, labels):
    """Where the heart ends on a slice is the expert's to teach; far from it nothing is there."""
    sees = sure_of(0)
    head = sees.network.heads["structures"]
    answer = torch.zeros(1, 4, 96, 96)
    answer[:, 0], answer[:, 1, 40:56, 40:56] = 20.0, 40.0
    head.register_forward_hook(lambda module, given, said: answer.expand(len(said), -1, -1, -1))
    example = ExpertSlices(sax, labels, indices((0, 2)), others=indices((0, 0)))
    batches = ExpertBatches([example], CARD, seed=0)
    (known,) = batches.as_recalled(recall(batches, sees), 1).known
    edge = round(NEAR_BORDER_MM / CARD.spacing_mm)
    inner, outer = slice(24, 40), slice(24 - edge, 40 + edge)
    expected = torch.zeros(64, 64, dtype=torch.long)
    expected[outer, outer], expected[inner, inner] = -1, 1
    assert torch.equal(known, expected)
