"""The state of a long run, on disk: killed at any moment, it goes on to the same weights."""

import glob
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.learning.distributed import Together
from napari_cardiac_ssl.learning.training import Step
from napari_cardiac_ssl.model_file import fits_digest, with_digest

_STATE = "napari-cardiac-ssl pre-training"


@dataclass(frozen=True)
class RunState:
    """Where a run's state is kept, and what makes it this run.

    Parameters
    ----------
    path
        The file.
    plan
        All that decides what the run comes to; the state of another plan is refused.
    """

    path: Path
    plan: Mapping[str, object]

    def keep(self, network: nn.Module, optimiser: torch.optim.Optimizer, step: Step) -> None:
        """Write the state after a step, whole or not at all."""
        tensors = {
            f"network.{k}": v.detach().cpu().contiguous() for k, v in network.state_dict().items()
        }
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= {
                f"optimiser.{number}.{k}": v.detach().cpu().contiguous() for k, v in state.items()
            }
        said = {"plan": self.plan, "steps": step.index, "seconds": step.seconds}
        with replacing(self.path) as beside:
            beside.write_bytes(with_digest(save(tensors, metadata={_STATE: json.dumps(said)})))

    def restore(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        together: Together | None = None,
    ) -> tuple[int, float]:
        """Take up the state; return the steps and seconds that the run has behind it.

        Of several processes the first one's file counts. Where there is none, the run begins.

        Raises
        ------
        InputError
            If it is the state of another run, or damaged.
        """
        data = b""
        if together is None or together.rank == 0:
            # Half a file that a kill left, under the name that `replacing` writes to.
            for half in self.path.parent.glob(f".????????-{glob.escape(self.path.name)}"):
                half.unlink(missing_ok=True)
            if self.path.exists():
                data = self.path.read_bytes()
        if together is not None:
            data = together.share(data)
        if not data:
            return 0, 0.0
        if not fits_digest(data):
            raise InputError(f"{self.path}: does not fit its own digest; remove it to start anew")
        try:
            tensors = load(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            said = json.loads(header["__metadata__"][_STATE])
            plan, done = said["plan"], (int(said["steps"]), float(said["seconds"]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.path}: not the state of a run ({error}); remove it to start anew"
            ) from error
        self._check(plan)
        self._take_up(tensors, network, optimiser)
        return done

    def _check(self, plan: Mapping[str, object]) -> None:
        wanted = json.loads(json.dumps(self.plan))
        other = sorted(key for key in plan.keys() | wanted if plan.get(key) != wanted.get(key))
        if other:
            said = ", ".join(f"{key} {plan.get(key)}, not {wanted.get(key)}" for key in other)
            raise InputError(
                f"{self.path} is the state of another run ({said}); name the same studies and "
                "options, or remove it to start anew"
            )

    def _take_up(
        self, tensors: dict[str, Tensor], network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> None:
        weights = {
            k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")
        }
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".", 2)
                states.setdefault(int(number), {})[key] = value
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(
                f"{self.path}: its weights do not fit this network; remove it to start anew"
            ) from error
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": states, "param_groups": groups})
