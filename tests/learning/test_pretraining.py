import numpy as np
import pytest
import torch

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
from napari_cardiac_ssl.learning.checkpoint import Card
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.grid import Augmentation
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.positioned import POOL_STEPS
from napari_cardiac_ssl.learning.pretraining import (
    POSITIONS,
    PositionBatches,
    PositionedStack,
    position_loss,
    pretrain,
)
from napari_cardiac_ssl.learning.training import Budget, run

CPU = Compute(torch.device("cpu"), low_precision=False)
SMALL = Architecture(heads=(("positions", POSITIONS), ("structures", 4)), base_filters=2, levels=3)
STILL = Augmentation(0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def positioned(heart, sax, truth):
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(heart.landmarks))
    return PositionedStack(sax, frame, tuple(sax.slice_indices()), truth)


@pytest.fixture
def unlabelled(positioned):
    return PositionedStack(positioned.stack, positioned.frame, positioned.slices)


def pretrained(sources, **kwargs):
    kwargs.setdefault("budget", Budget(steps=8))
    return run(
        pretrain(sources, compute=CPU, architecture=SMALL, batch_size=2, **kwargs),
        lambda step: None,
    )


def weights(model):
    return model.network.state_dict()


def test_batches_hold_positions_where_structures_say_they_are(positioned):
    batches = PositionBatches(
        [lambda: positioned], Card(SMALL, size=64, spacing_mm=3.0), seed=0, augmentation=STILL
    )
    images, shares = batches(16)
    assert images.shape == (16, 1, 64, 64)
    assert shares.shape == (16, POSITIONS + 4, 64, 64)
    torch.testing.assert_close(shares[:, :POSITIONS].sum(1), torch.ones(16, 64, 64))
    centre, lv = shares[:, 1], shares[:, POSITIONS + 1]
    shown = lv.sum((1, 2)) > 20
    assert shown.any()
    inside = (centre * lv).sum((1, 2))[shown] / centre.sum((1, 2))[shown]
    assert inside.median() > 0.6  # planes are jittered


def test_unknown_structures_teach_nothing(unlabelled):
    batches = PositionBatches([lambda: unlabelled], Card(SMALL, size=64), seed=0)
    _, shares = batches(4)
    assert not shares[:, POSITIONS:].any()
    logits = {
        "positions": torch.zeros(4, POSITIONS, 64, 64, requires_grad=True),
        "structures": torch.zeros(4, 4, 64, 64, requires_grad=True),
    }
    position_loss(logits, shares).backward()
    assert logits["positions"].grad.abs().sum() > 0
    assert logits["structures"].grad is None


def test_what_a_step_draws_follows_from_its_number(positioned):
    card = Card(SMALL, size=32)
    early = PositionBatches([lambda: positioned], card, seed=5)
    for _ in range(3):
        early(2)
    late = PositionBatches([lambda: positioned], card, seed=5, first=3)
    torch.testing.assert_close(early(2), late(2), rtol=0, atol=0)


def test_studies_are_loaded_a_few_at_a_time_and_all_in_turn(positioned):
    loaded = []
    sources = [lambda i=i: loaded.append(i) or positioned for i in range(20)]
    batches = PositionBatches(sources, Card(SMALL, size=32), seed=0)
    batches(1)
    assert len(loaded) == 8
    for first in (POOL_STEPS, 2 * POOL_STEPS):
        PositionBatches(sources, Card(SMALL, size=32), seed=0, first=first)(1)
    assert sorted(loaded[:20]) == list(range(20))


def test_a_killed_run_goes_on_to_the_same_weights(positioned, tmp_path):
    whole = pretrained([lambda: positioned])
    state = tmp_path / "state.resume"
    for stop in (3, 5):
        steps = pretrain(
            [lambda: positioned],
            budget=Budget(steps=8),
            compute=CPU,
            architecture=SMALL,
            batch_size=2,
            resume=state,
            save_every=2,
        )
        for step in steps:
            if step.index >= stop:
                break  # as a kill: nothing is tidied up
    again = pretrained([lambda: positioned], resume=state, save_every=2)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name
    assert again.card.recipe["steps"] == 8
    assert again.card.slices_learned == 0  # of experts


def test_the_state_of_another_run_is_refused(positioned, tmp_path):
    state = tmp_path / "state.resume"
    pretrained([lambda: positioned], resume=state, save_every=2)
    with pytest.raises(InputError, match="state of another run"):
        pretrained([lambda: positioned], resume=state, seed=1)


def test_no_studies_is_an_error():
    with pytest.raises(InputError, match="no study"):
        pretrained([])


def test_slices_whose_centre_is_out_of_view_are_left_out(positioned):
    away = positioned.frame.moved(shift_mm=np.array([1000.0, 0, 0]))
    mixed = [
        lambda: positioned,
        lambda: PositionedStack(positioned.stack, away, positioned.slices, positioned.structures),
    ]
    batches = PositionBatches(mixed, Card(SMALL, size=32), seed=0)
    images, _ = batches._pool_of(0)
    assert len(images) == 4 * len(positioned.slices)  # eight studies, half of them away


def test_positions_are_learned(positioned):
    losses = []
    run(
        pretrain(
            [lambda: positioned],
            budget=Budget(steps=60),
            compute=CPU,
            architecture=SMALL,
            batch_size=4,
            peak_rate=1e-2,
        ),
        lambda step: losses.append(step.loss),
    )
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_planes_that_miss_every_slice_are_an_error(positioned):
    away = positioned.frame.moved(shift_mm=np.array([1000.0, 0, 0]))
    with pytest.raises(InputError, match="in view on no slice"):
        pretrained([lambda: PositionedStack(positioned.stack, away, positioned.slices)])
