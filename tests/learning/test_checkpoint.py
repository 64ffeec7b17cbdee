import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning import kinds
from napari_cardiac_ssl.learning.checkpoint import (
    Card,
    Model,
    TrainedOn,
    load_model,
    model_to_bytes,
    new_network,
    save_model,
    with_heads,
)
from napari_cardiac_ssl.learning.network import Architecture, UNet

KEY = "napari-cardiac-ssl"


@pytest.fixture
def model():
    small = Architecture(heads=(("structures", 4),), base_filters=2, levels=3)
    card = Card(
        small, scheme="acdc", recipe={"mode": "all", "steps": 3}, trained_on=(TrainedOn("ab", 2),)
    )
    return Model(new_network(small).eval(), card)


def rewritten(path, change_tensors=lambda t: t, change_card=lambda c: c):

    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()[KEY])
    save_file(change_tensors(load_file(path)), path, metadata={KEY: json.dumps(change_card(card))})
    return path


def test_a_model_comes_back_whole(tmp_path, model):
    back = load_model(save_model(tmp_path / "m.safetensors", model))
    assert back.card == model.card
    assert back.card.structures == SAX_STRUCTURES
    assert back.digest == model.digest
    image = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(back.network(image), model.network(image), rtol=0, atol=0)
    assert not back.network.training


def test_the_digest_tells_weights_and_cards_apart(model):
    other = Model(new_network(model.card.architecture, seed=1).eval(), model.card)
    renamed = Model(model.network, replace(model.card, recipe={"steps": 4}))
    assert len({model.digest, other.digest, renamed.digest}) == 3


def test_new_networks_are_repeatable_and_leave_chance_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    a, b = new_network(seed=3), new_network(seed=3)
    assert torch.rand(1) == expected
    for left, right in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(left, right)


def test_no_names_are_in_the_file(tmp_path, model):
    data = save_model(tmp_path / "patient007.safetensors", model).read_bytes()
    assert b"patient007" not in data


def test_what_is_no_model_is_refused(tmp_path, model):
    path = tmp_path / "m.safetensors"
    with pytest.raises(InputError, match="no model at"):
        load_model(path)
    for rubbish in (b"", b"not a model", b"\xff" * 200):
        path.write_bytes(rubbish)
        with pytest.raises(InputError, match="not a readable safetensors file"):
            load_model(path)
    save_model(path, model)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load_model(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="not a model of this program"):
        load_model(path)


@pytest.mark.parametrize(
    ("change_tensors", "change_card", "message"),
    [
        (lambda t: dict(list(t.items())[1:]), lambda c: c, "misses tensor"),
        (lambda t: t | {"x": torch.zeros(1)}, lambda c: c, "unknown tensor x"),
        (lambda t: {k: v.float() * float("nan") for k, v in t.items()}, lambda c: c, "not numbers"),
        (
            lambda t: t,
            lambda c: c | {"architecture": c["architecture"] | {"base_filters": 4}},
            "its card says",
        ),
        (
            lambda t: t,
            lambda c: c | {"architecture": c["architecture"] | {"levels": 99}},
            "1 to 8",
        ),
        (lambda t: t, lambda c: c | {"format": 99}, "newer version"),
        (lambda t: t, lambda c: {"format": 1}, "card cannot be read"),
        (lambda t: t, lambda c: c | {"view": "SIDEWAYS"}, "card cannot be read"),
        (lambda t: t, lambda c: c | {"structures": ["LV cavity"]}, "4 channels for 1 structures"),
        (lambda t: t, lambda c: c | {"scheme": "mine"}, "unknown label scheme 'mine'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, model, change_tensors, change_card, message):
    path = save_model(tmp_path / "m.safetensors", model)
    with pytest.raises(InputError, match=message):
        load_model(rewritten(path, change_tensors, change_card))


def test_half_precision_takes_half_the_room_and_reads_as_single(tmp_path):
    network = new_network(Architecture(heads=(("structures", 4),)), seed=3).eval()
    whole = Model(network, Card(network.architecture))
    small = load_model(save_model(tmp_path / "half.safetensors", whole, half=True))
    assert len(model_to_bytes(whole, half=True)) < 0.51 * len(model_to_bytes(whole))
    for name, value in network.state_dict().items():
        read = small.network.state_dict()[name]
        assert read.dtype == value.dtype
        torch.testing.assert_close(read, value, rtol=1e-3, atol=1e-4)


def test_other_heads_on_a_copy():
    network = new_network(Architecture((("positions", 10), ("structures", 4)), 2, 3))
    start = Model(network, Card(network.architecture))
    before, weights = start.digest, network.state_dict()
    heads = (("positions", 10), ("structures", 6))
    kept = with_heads(start, heads, keep=True, seed=9)
    new = with_heads(start, heads, keep=False, seed=9)
    for name, value in kept.state_dict().items():
        if name.startswith("heads.structures"):
            assert len(value) == 6
        else:
            assert torch.equal(value, weights[name])
    assert not torch.equal(new.heads["positions"].weight, weights["heads.positions.weight"])
    with torch.no_grad():
        kept.heads["positions"].weight += 1
    assert start.digest == before


def test_slices_found_empty_come_back_and_a_model_without_keeps_its_digest(tmp_path, model):
    digest, data = model.digest, model_to_bytes(model)
    assert b'\\"empty\\"' not in data
    assert b'\\"format\\": 1' in data
    told = Model(
        model.network, replace(model.card, trained_on=(TrainedOn("ab", 2, ((0, 1), (3, 0))),))
    )
    back = load_model(save_model(tmp_path / "m.safetensors", told))
    assert back.card == told.card
    assert back.digest == told.digest != digest
    assert back.card.empty_slices("ab") == {(0, 1), (3, 0)}


class _Plain(UNet):
    """Another network: one file would hold it."""


def test_another_kind_of_network_is_one_entry(tmp_path, monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "plain", kinds.Kind(Architecture, _Plain))
    shape = Architecture((("structures", 4),), 2, 3)
    made = Model(new_network(shape, kind="plain").eval(), Card(shape, kind="plain"))
    path = save_model(tmp_path / "m.safetensors", made)
    back = load_model(path)
    assert type(back.network) is type(with_heads(back, shape.heads, keep=True)) is _Plain
    assert (back.card.kind, back.digest) == ("plain", made.digest)
    monkeypatch.delitem(kinds.KINDS, "plain")
    with pytest.raises(InputError, match=r"kind 'plain', which this version does not know \(it"):
        load_model(path)


def test_the_usual_kind_is_not_said_so_that_digests_stay(model):
    assert b"kind" not in model_to_bytes(model)


def test_a_file_may_say_its_licence_and_is_the_same_model(tmp_path, model):
    path = save_model(
        tmp_path / "m.safetensors", model, half=True, about={"license": "BSD-3-Clause"}
    )
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["license"] == "BSD-3-Clause"
    plain = save_model(tmp_path / "plain.safetensors", model, half=True)
    assert load_model(path).digest == load_model(plain).digest
