"""What the machine can do: device, number format, memory layout."""

import contextlib
import os
from collections import deque
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn


@dataclass(frozen=True)
class Compute:
    """Where and how a network runs.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` (or one of several, ``cuda:1``) or ``mps``.
    low_precision
        Whether convolutions run in bfloat16 (weights stay float32).
    """

    device: torch.device
    low_precision: bool

    @classmethod
    def best(cls, name: str | None = None) -> "Compute":
        """Choose the fastest of what is there.

        bfloat16 pays where the processor multiplies it in hardware (AVX-512 BF16, AMX, CUDA from
        Ampere on: up to twice as fast). Without, it is emulated and ten times *slower* than
        float32 (``benchmarks/speed.py``), so it is asked for, not assumed.
        """
        if name is None:
            if torch.cuda.is_available():
                name = "cuda"
            elif torch.backends.mps.is_available():
                name = "mps"
            else:
                name = "cpu"
        if name.startswith("cuda"):
            low = torch.cuda.is_bf16_supported(including_emulation=False)
        elif name == "cpu":
            low = _cpu_multiplies_bfloat16()
        else:
            low = False
        return cls(torch.device(name), low)

    def place(self, network: nn.Module) -> None:
        """Move a network here, in the memory layout that convolutions like (channels last)."""
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which forward passes run."""
        if not self.low_precision:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def __str__(self) -> str:
        """Say it for people."""
        if self.device.type == "cuda":
            what = torch.cuda.get_device_name(self.device)
        else:
            what = f"{self.device.type.upper()}, {torch.get_num_threads()} threads"
        return f"{what}, {'bfloat16' if self.low_precision else 'float32'}"


class ThreadPace:
    """Chooses between all threads and half of them by the time that steps take.

    Threads that wait for one another spin. On a quiet machine all cores are fastest; where other
    programs hold one, steps with all threads can take ten times as long as steps with half. No
    figure that the system gives tells the two apart, so now and then one step tries the other.
    Where steps can be smaller, that one may be: what counts is the time for each part of it.

    Parameters
    ----------
    most
        Threads on a quiet machine.

    Examples
    --------
    >>> pace, used = ThreadPace(2), []
    >>> for step in range(12):
    ...     used.append(pace.choose())
    ...     pace.took(1.0 if used[-1] == 2 else 0.1)  # somebody holds a core
    >>> used
    [2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """

    _EVERY = 16

    def __init__(self, most: int) -> None:
        self._best, self._other = most, max(1, most // 2)
        self._steps = 0
        self._recent: deque[float] = deque(maxlen=5)
        self._trying = False

    def choose(self) -> int:
        """Return the number of threads for the next step."""
        self._trying = self._best != self._other and self._steps % self._EVERY == 3
        self._steps += 1
        return self._other if self._trying else self._best

    @property
    def is_trying(self) -> bool:
        """Whether the step that was chosen for last tries what is not thought best."""
        return self._trying

    def took(self, seconds: float) -> None:
        """Take in how long that step took."""
        if not self._trying:
            self._recent.append(seconds)
        elif seconds < median(self._recent):
            self._best, self._other = self._other, self._best
            self._recent.clear()
            self._recent.append(seconds)


def use_threads(number: int) -> None:
    """Compute with so many threads. To say so anew would cost some ms, even if nothing changes."""
    if torch.get_num_threads() != number:
        torch.set_num_threads(number)


def _cpu_multiplies_bfloat16() -> bool:
    # torch has no public question for this; the capability string is public but too coarse.
    wish = os.environ.get("CARDIAC_SSL_BFLOAT16")
    if wish is not None:
        return wish == "1"
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, ask, bool)() for ask in asks)


def is_device_lost(error: Exception) -> bool:
    """Return whether the graphics card has failed: no later call in this process would work."""
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory, here or on the GPU, ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)
