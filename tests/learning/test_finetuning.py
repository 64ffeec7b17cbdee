import numpy as np
import pytest
import torch

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning import averaging, recall
from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import ExpertBatches, ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune, structure_loss
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.study import SliceIndex, Stack

SMALL = Architecture(heads=(("structures", 4),), base_filters=4, levels=3)
CPU = Compute(torch.device("cpu"), low_precision=False)


@pytest.fixture
def example(sax, truth):
    return ExpertSlices(sax, truth, (SliceIndex(0, 1), SliceIndex(0, 2)))


@pytest.fixture
def small():
    return Model(new_network(SMALL).eval(), Card(SMALL, size=64, spacing_mm=3.0))


def tuned(examples, **kwargs):
    kwargs.setdefault("budget", Budget(steps=3))
    kwargs.setdefault("batch_size", 2)
    return run(finetune(examples, compute=CPU, **kwargs), lambda step: None)


def weights(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def test_the_loss_falls(example, small):
    losses = []
    steps = finetune([example], start=small, budget=Budget(steps=150), compute=CPU, batch_size=2)
    run(steps, lambda step: losses.append(step.loss))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_labels_of_slices_that_are_not_annotated_are_not_looked_at(sax, truth, small):
    slices = (SliceIndex(0, 2),)
    other = np.array(truth)
    other[1] = 3
    other[0, [0, 1, 3, 4]] = 1
    a = tuned([ExpertSlices(sax, truth, slices)], start=small)
    b = tuned([ExpertSlices(sax, other, slices)], start=small)
    for name, value in weights(a).items():
        assert torch.equal(value, weights(b)[name])


def test_what_the_start_knows_of_other_slices_is_not_unlearned(sax, truth, monkeypatch):
    """An apex is learned; elsewhere the start's certainties stand, if they are recalled."""
    monkeypatch.setattr(averaging, "SHARES", (1.0,))
    monkeypatch.setattr(averaging, "MOST_WITHOUT_RECALL", 1.0)
    monkeypatch.setattr(recall, "SURE_OF_STRUCTURE", 0.8)  # so small a network is never surer
    larger = Architecture(heads=(("structures", 4),), base_filters=8, levels=4)
    start = Model(new_network(larger).eval(), Card(larger, size=64, spacing_mm=3.5))
    whole = ExpertSlices(sax, truth, tuple(sax.slice_indices()))
    start = tuned([whole], start=start, budget=Budget(steps=250), batch_size=4)
    apex = (SliceIndex(0, 4),)
    others = ExpertBatches([ExpertSlices(sax, truth, apex)], start.card, seed=0)
    seen = others.seen_by(start, CPU)
    overturned = {
        what: averaging.overturned(
            tuned([example], start=start, budget=Budget(steps=80)).network,
            others.as_recalled(seen, 16),
            others.as_drawn(16),
            CPU,
        )
        for what, example in {
            "recalled": ExpertSlices(sax, truth, apex),
            "alone": ExpertSlices(sax, truth, apex, others=()),
        }.items()
    }
    assert overturned["recalled"] < 0.5 * overturned["alone"]


def test_a_start_that_sees_hearts_elsewhere_is_kept_near_though_it_misses_one(sax, truth):
    """One slice that it does not know is no reason to unlearn all that it is sure of."""
    heart = torch.zeros(4, 96, 96)
    heart[0], heart[1, 40:56, 40:56] = 20.0, 40.0
    nothing = torch.zeros_like(heart)
    nothing[0] = 20.0

    def share_learned(elsewhere):
        start = Model(new_network(SMALL).eval(), Card(SMALL, size=64, spacing_mm=3.5))

        def say(module, given, said):  # the labelled slice comes alone, the others together
            answer = nothing if len(said) == 1 else elsewhere
            return answer[:, : said.shape[2], : said.shape[3]] + 0 * said

        start.network.heads["structures"].register_forward_hook(say)
        model = tuned([ExpertSlices(sax, truth, (SliceIndex(0, 2),))], start=start)
        return model.card.recipe["share_learned"]

    assert share_learned(heart) == 0  # nothing fits better, so the start stays
    assert share_learned(nothing) == 1  # it knows no such images: all of what was learned stays


def test_a_start_that_is_wrong_about_the_slices_is_not_recalled(sax, truth):
    """It is sure of the wrong thing everywhere: what the expert drew is learned all the same."""
    start = Model(new_network(SMALL).eval(), Card(SMALL, size=64, spacing_mm=3.5))
    with torch.no_grad():
        start.network.heads["structures"].bias[3] = 20.0
    model = tuned([ExpertSlices(sax, truth, (SliceIndex(0, 2),))], start=start)
    assert model.card.recipe["share_learned"] == 1


def test_slices_that_were_found_empty_are_in_the_card(sax, truth, small):
    nothing = np.array(truth)
    nothing[0, 0] = 0
    card = tuned(
        [ExpertSlices(sax, nothing, (SliceIndex(0, 0), SliceIndex(0, 2)))], start=small
    ).card
    assert card.empty_slices(sax.digest) == {(0, 0)}
    assert card.empty_slices("another") == frozenset()


def test_the_same_seed_and_steps_give_the_same_weights(example, small):
    a, b = (tuned([example], start=small, seed=3) for _ in "ab")
    c = tuned([example], start=small, seed=4)
    for name, value in weights(a).items():
        assert torch.equal(value, weights(b)[name])
    assert any(not torch.equal(v, weights(c)[k]) for k, v in weights(a).items())


def test_the_start_is_not_changed(example, small):
    before, digest = weights(small), small.digest
    model = tuned([example], start=small)
    for name, value in weights(small).items():
        assert torch.equal(value, before[name])
    assert model.card.parent == digest


def test_the_decoder_mode_leaves_the_encoder_alone(example, small):
    model = tuned([example], start=small, mode="decoder")
    before, after = weights(small), weights(model)
    encoder = [name for name in before if name.startswith("encoder")]
    assert encoder
    for name in encoder:
        assert torch.equal(before[name], after[name])
    assert not torch.equal(before["heads.structures.weight"], after["heads.structures.weight"])
    assert all(p.requires_grad for p in model.network.parameters())


def test_the_card_says_what_happened(example, small):
    card = tuned([example], start=small, seed=9, scheme="acdc").card
    assert card.recipe["steps"] == 3
    assert card.recipe["seed"] == 9
    assert 0 <= card.recipe["share_learned"] <= 1
    assert card.scheme == "acdc"
    assert card.slices_learned == 2
    assert card.trained_on[0].digest == example.stack.digest


def test_from_scratch_is_a_full_network(example):
    model = tuned([example], budget=Budget(steps=1))
    assert model.card.architecture.base_filters == 16
    assert model.card.architecture.levels == 5
    assert model.card.recipe["mode"] == "scratch"
    assert model.card.parent is None


def test_nothing_to_learn_from_is_an_error(sax, truth, small):
    with pytest.raises(InputError, match="no annotated slice to learn from"):
        tuned([ExpertSlices(sax, truth, ())])
    nothing = np.zeros_like(truth)
    with pytest.raises(InputError, match="no annotated slice holds a structure"):
        tuned([ExpertSlices(sax, nothing, (SliceIndex(0, 0),))])


def test_what_does_not_belong_together_is_refused(sax, truth, example, small):
    with pytest.raises(InputError, match="labels of shape"):
        ExpertSlices(sax, truth[:1], ())
    with pytest.raises(InputError, match="no slice 0 of frame 2; it has 2 frames and 5 slices"):
        ExpertSlices(sax, truth, (SliceIndex(2, 0),))
    with pytest.raises(InputError, match="needs one to start from"):
        tuned([example], mode="decoder")
    with pytest.raises(InputError, match="unknown mode 'sideways'"):
        tuned([example], mode="sideways")
    long_axis = Stack(sax.image, sax.affine, view="LAX_4CH")
    with pytest.raises(InputError, match="the model to start from knows SAX"):
        tuned([ExpertSlices(long_axis, truth, example.slices)], start=small)
    with pytest.raises(InputError, match="one model learns one view"):
        tuned([example, ExpertSlices(long_axis, truth, example.slices)])


def test_several_subjects_are_learned_in_larger_batches(sax, truth, example, small):
    whole = ExpertSlices(sax, truth, tuple(sax.slice_indices()))
    few = tuned([example], start=small, batch_size=None)
    many = tuned([whole, whole, whole], start=small, batch_size=None)
    assert (few.card.recipe["batch_size"], many.card.recipe["batch_size"]) == (2, 8)


def test_the_loss_looks_at_what_is_known_and_nowhere_else():
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 8, 8, generator=chance)
    shares = torch.zeros(3, 4, 8, 8)
    shares[0, 0, :4], shares[0, 1, 4:] = 1, 1  # drawn
    shares[1, 0, :, :3] = 1  # known in part; the third slice not at all

    def loss(logits, shares):
        return float(structure_loss({"structures": logits}, shares))

    other = logits.clone()
    other[1, :, :, 3:], other[2] = 7.0, -7.0
    assert loss(logits, shares) == loss(other, shares)
    other[1, 2, :, :3] += 5  # a structure where it is known that there is none
    assert loss(logits, shares) < loss(other, shares)
    # Slices of which nothing is known weigh nothing, and the others as much as without them.
    assert loss(logits[:1], shares[:1]) == pytest.approx(loss(logits[[0, 2]], shares[[0, 2]]))
    twice = [0, 1, 0, 1]
    assert loss(logits[:2], shares[:2]) == pytest.approx(
        loss(logits[twice], shares[twice]), rel=0.02
    )
