"""Several processes that train one network: torchrun starts them, here they meet.

Each draws batches of its own; gradients are averaged over all before the optimiser's step, so the
weights are the same everywhere at any time. Only rank 0 writes.

Why not torch's DistributedDataParallel: it would still need all that is done here. A rank's batch
may ask one head alone, the running statistics of batch normalisation are to be averaged and not
rank 0's, and the wrapped network has other names for its tensors. What it is made for, to exchange
while the gradients are still being computed, gains nothing with a network of a million weights.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from napari_cardiac_ssl.errors import InputError


@dataclass(frozen=True)
class Together:
    """One of several processes that train together.

    Parameters
    ----------
    rank
        Which of them, from 0.
    ranks
        How many there are.
    device
        Where this one computes.
    """

    rank: int
    ranks: int
    device: torch.device

    def average(self, network: nn.Module) -> None:
        """Average gradients and running statistics over all ranks, in one exchange."""
        trained = [p for p in network.parameters() if p.requires_grad]
        for parameter in trained:
            if parameter.grad is None:  # a head that this rank's batch did not ask
                parameter.grad = torch.zeros_like(parameter)
        parts = [p.grad for p in trained if p.grad is not None]
        parts += [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        flat = torch.cat([part.detach().reshape(-1) for part in parts])
        distributed.all_reduce(flat)
        flat /= self.ranks
        sizes = [part.numel() for part in parts]
        for part, mean in zip(parts, torch.split(flat, sizes), strict=True):
            part.detach().copy_(mean.view_as(part))

    def mean(self, *numbers: float) -> list[float]:
        """Return the means of some numbers over all ranks."""
        values = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(values)
        return [float(value) for value in (values / self.ranks).tolist()]

    def any(self, wish: bool) -> bool:
        """Tell whether any rank wishes something."""
        return self.mean(float(wish))[0] > 0

    def share(self, data: bytes) -> bytes:
        """Return rank 0's bytes on every rank."""
        length = torch.tensor([len(data)], device=self.device)
        distributed.broadcast(length, 0)
        content = torch.empty(int(length), dtype=torch.uint8, device=self.device)
        if self.rank == 0 and data:
            content.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        distributed.broadcast(content, 0)
        return content.cpu().numpy().tobytes()


@contextmanager
def together() -> Iterator[Together | None]:
    """Join the processes that torchrun started; None where there is but this one.

    Tensors go over NCCL where there are GPUs (one for each process of a machine), else over gloo.

    Raises
    ------
    InputError
        If torchrun's variables are not all there, or there are more processes than GPUs.
    """
    if "WORLD_SIZE" not in os.environ:
        yield None
        return
    try:
        rank, ranks, local = (int(os.environ[k]) for k in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    except (KeyError, ValueError) as error:
        raise InputError(
            f"WORLD_SIZE is set but not all of torchrun's variables ({error}); start with torchrun"
        ) from error
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise InputError(
                f"process {local} of this machine has no GPU of its own (there are "
                f"{torch.cuda.device_count()}); start as many processes as GPUs"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    # Its functions have the group of all ranks as a default argument, taken when they are imported.
    # The optimiser imports them; were the group there by then, they would keep it alive, and one of
    # its threads that drops a tensor while the interpreter ends aborts a process that did well.
    importlib.import_module("torch.distributed.nn")
    distributed.init_process_group("gloo" if device.type == "cpu" else "nccl")
    try:
        yield Together(rank, ranks, device)
    finally:
        distributed.destroy_process_group()
