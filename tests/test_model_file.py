"""A model's file carries a digest of itself: a bit that has changed is noticed."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import (
    Card,
    Model,
    load_model,
    model_from_bytes,
    model_to_bytes,
    new_network,
)
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.model_file import DIGEST, fits_digest, with_digest

FLIPS = 500
#: SHA-256 of weights and card of what ships: a change of either is made on purpose, and said.
SHIPPED = {
    View.SAX: "59f07af9161e",
    View.LAX_4CH: "fafcb2fedefc",
    View.LAX_2CH: "410ce0ff9359",
}


@pytest.fixture(scope="module")
def data():
    small = Architecture(heads=(("structures", 4),), base_filters=2, levels=3)
    return model_to_bytes(Model(new_network(small).eval(), Card(small, parent="ab")))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def without_digest(data):
    """The same model as files were before."""
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    del metadata[DIGEST]
    return bytes(save(load(data), metadata=metadata))


def test_every_flipped_bit_is_noticed(data):
    bits = np.random.default_rng(0).choice(8 * len(data), FLIPS, replace=False)
    for bit in bits:
        with pytest.raises(InputError, match="m: "):
            model_from_bytes(flipped(data, int(bit)), "m")


def test_every_flipped_bit_of_the_header_is_noticed(data):
    header = 8 + int.from_bytes(data[:8], "little")
    for bit in range(8 * header):
        with pytest.raises(InputError, match="m: "):
            model_from_bytes(flipped(data, bit), "m")


def test_a_flipped_bit_in_a_file_is_told(tmp_path, data):
    path = tmp_path / "m.safetensors"
    path.write_bytes(flipped(data, 8 * len(data) - 20))
    with pytest.raises(InputError, match=r"m\.safetensors: damaged: .* go back to a copy"):
        load_model(path)


def test_files_from_before_there_was_a_digest_load(data):
    old = without_digest(data)
    assert fits_digest(old)
    assert DIGEST.encode() not in old
    assert model_from_bytes(old, "old").digest == model_from_bytes(data, "new").digest


def test_a_digest_changes_nothing_else(data):
    old = without_digest(data)
    new = with_digest(old)
    assert with_digest(new) == new
    before, after = load(old), load(new)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model_from_bytes(new, "new").card == model_from_bytes(data, "data").card


def test_what_is_no_safetensors_file_is_left_to_its_reader():
    for rubbish in (b"", b"not a model", b"\xff" * 200, (2).to_bytes(8, "little") + b"[]"):
        assert fits_digest(rubbish)


@pytest.mark.parametrize("view", SHIPPED)
def test_what_ships_carries_its_digest_and_is_what_it_was(view):
    data = default_weights(view)
    assert DIGEST.encode() in data[:10_000]
    assert model_from_bytes(data, "shipped").digest.startswith(SHIPPED[view])
    assert not fits_digest(flipped(data, 8 * len(data) - 5))
