import numpy as np
import pytest
import torch

from napari_cardiac_ssl.anatomy import UKBB, Structure, View
from napari_cardiac_ssl.geometry.positioned import NOT_LV, PositionedStack
from napari_cardiac_ssl.learning.checkpoint import Card
from napari_cardiac_ssl.learning.grid import Augmentation
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.partial_truth import channels_of, loss_where_known, partly_known
from napari_cardiac_ssl.learning.positioned import POSITIONS, PositionBatches
from napari_cardiac_ssl.learning.pretraining import position_loss
from napari_cardiac_ssl.learning.scanners import OtherScanners
from napari_cardiac_ssl.learning.training import dice_and_cross_entropy

CARD = Card(Architecture(heads=(("structures", 4),)))
BACKGROUND, LV, MYOCARDIUM, RV = range(4)


def one_hot(classes):
    return torch.eye(4)[torch.as_tensor(classes)].permute(0, 3, 1, 2).contiguous()


@pytest.fixture
def classes():
    """Two slices: background, cavity, wall, RV in quarters."""
    one = np.zeros((2, 8, 8), dtype=np.int64)
    one[:, :4, 4:], one[:, 4:, :4], one[:, 4:, 4:] = LV, MYOCARDIUM, RV
    return one


def test_a_pixel_that_is_not_cavity_may_be_all_else():
    table = channels_of(CARD)
    assert table[NOT_LV].tolist() == [1, 0, 1, 1]
    assert table[UKBB.code(Structure.RV_CAVITY)].tolist() == [0, 0, 0, 1]
    assert table[0].tolist() == [1, 0, 0, 0]
    long_axis = Card(CARD.architecture, view=View.LAX_4CH, structures=(Structure.RV_CAVITY,))
    assert channels_of(long_axis)[NOT_LV].tolist() == [1, 1]


def test_where_all_is_known_the_loss_is_the_usual_one(classes):
    logits, shares = torch.randn(2, 4, 8, 8), one_hot(classes)
    assert not partly_known(shares)
    torch.testing.assert_close(
        loss_where_known(logits, shares), dice_and_cross_entropy(logits, shares)
    )


def test_what_may_be_several_classes_is_pushed_out_of_the_others_alone(classes):
    shares = one_hot(classes)
    open_ = torch.tensor([1.0, 0, 1, 1])
    shares[0, :, :4, :4] = open_[:, None, None]
    assert partly_known(shares)
    logits = torch.zeros(2, 4, 8, 8, requires_grad=True)
    loss_where_known(logits, shares).backward()
    there = logits.grad[0, :, 0, 0]
    assert there[LV] > 0  # less of it
    torch.testing.assert_close(there[BACKGROUND], there[MYOCARDIUM])
    torch.testing.assert_close(there[MYOCARDIUM], there[RV])
    # Whichever of the possible classes the network is sure of costs nothing.
    costs = []
    for believed in (BACKGROUND, MYOCARDIUM, RV, LV):
        said = 20 * shares.clone()
        said[0, :, :4, :4] = 20 * torch.eye(4)[believed][:, None, None]
        costs.append(float(loss_where_known(said, shares)))
    assert max(costs[:3]) < 0.01
    assert costs[3] > 1


def test_slices_drawn_in_part_are_drawn_and_learned_from(heart, sax, truth):
    labels = truth.copy()
    lv = labels == UKBB.code(Structure.LV_CAVITY)
    labels[~lv] = NOT_LV
    positioned = PositionedStack(sax, None, tuple(sax.slice_indices()), labels)
    batches = PositionBatches(
        [lambda: positioned],
        Card(Architecture(heads=(("structures", 4),)), size=32, spacing_mm=4.0),
        seed=0,
        augmentation=Augmentation(0, 0, 0, 0, 0, 0, 0, 0),
    )
    _, shares = batches(8)
    structures = shares[:, POSITIONS:]
    torch.testing.assert_close(structures[:, BACKGROUND] + structures[:, LV], torch.ones(8, 32, 32))
    torch.testing.assert_close(structures[:, MYOCARDIUM], structures[:, RV])
    logits = torch.zeros(8, 4, 32, 32, requires_grad=True)
    positions = torch.zeros(8, POSITIONS, 32, 32)
    position_loss({"positions": positions, "structures": logits}, shares).backward()
    torch.testing.assert_close(logits.grad[:, MYOCARDIUM], logits.grad[:, RV])


def test_other_scanners_change_structures_as_a_whole_and_nothing_undecided(classes):
    shares = one_hot(classes)
    shares[0, :, :4, :4] = torch.tensor([1.0, 0, 1, 1])[:, None, None]
    images = torch.zeros(2, 1, 8, 8)
    scanner = OtherScanners(0, 0, 0, 0, 0, 0, 0, 0, contrast=1.0, blur=0.0)
    changed = []
    for seed in range(8):
        seen, moved = scanner(images, shares, 8, torch.Generator().manual_seed(seed))
        torch.testing.assert_close(moved, shares)
        assert seen[:, :, :4, :4].abs().max() < 1e-5  # background, and what is undecided
        for part in (seen[..., :4, 4:], seen[..., 4:, :4], seen[..., 4:, 4:]):
            assert part.std(dim=(2, 3)).max() < 1e-5
        changed.append(seen[:, 0, 0, 7])
    moved = torch.stack(changed).abs() > 0.01
    assert 0 < moved.sum() < moved.numel()  # every second slice or so


def test_other_scanners_blur_and_sharpen():
    step = torch.zeros(64, 1, 16, 16)
    step[..., 8:] = 1
    shares = torch.zeros(64, 4, 16, 16)
    scanner = OtherScanners(0, 0, 0, 0, 0, 0, 0, 0, contrast=0.0, blur=1.0)
    seen, _ = scanner(step, shares, 16, torch.Generator().manual_seed(0))
    jump = seen[:, 0, 8, 8] - seen[:, 0, 8, 7]
    assert jump.min() < 0.5
    assert jump.max() > 1.2
