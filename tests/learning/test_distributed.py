"""How several processes find each other, and what they compute on."""

import pytest
import torch

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.distributed import together


@pytest.fixture
def second_of_two(monkeypatch):
    """This process, as torchrun would have started it."""
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)


def test_a_process_alone_has_nobody_to_meet(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with together() as ranks:
        assert ranks is None


@pytest.mark.usefixtures("second_of_two")
def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match=r"no GPU of its own \(there are 1\)"), together():
        pytest.fail("it went on")


@pytest.mark.usefixtures("second_of_two")
def test_half_of_what_torchrun_says_is_refused(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(InputError, match=r"'LOCAL_RANK'.*start with torchrun"), together():
        pytest.fail("it went on")
