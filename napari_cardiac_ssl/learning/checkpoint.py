"""Weights that say what they are: one safetensors file, no pickle."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure, View, scheme_named
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.learning.grid import SIZE, SPACING_MM
from napari_cardiac_ssl.learning.kinds import USUAL, kind_named, kind_of
from napari_cardiac_ssl.learning.network import Architecture, UNet
from napari_cardiac_ssl.model_file import fits_digest, with_digest

#: 2: slices that were found empty are named.
FORMAT = 2
_KEY = "napari-cardiac-ssl"
STRUCTURES_HEAD = "structures"
POSITIONS_HEAD = "positions"


def current_versions() -> dict[str, str]:
    """Return the versions that a model made now is made with."""
    return {
        "napari-cardiac-ssl": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class TrainedOn:
    """One stack that a model has learned from: no names, only what identifies it.

    Parameters
    ----------
    digest
        The stack's digest.
    slices
        How many of its slices.
    empty
        Frame and slice of those among them on which an expert found no heart: the model predicts
        them empty, whatever the network says.
    """

    digest: str
    slices: int
    empty: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Card:
    """What a model is, beside its weights.

    Parameters
    ----------
    architecture
        The network's shape.
    view
        The view that it knows.
    structures
        What channel ``i + 1`` of the structures' head means; channel 0 is background.
    scheme
        Name of the label scheme of the masks that it was taught with, which users expect back.
        Inside, structures are named, not numbered.
    spacing_mm, size
        The grid that it was trained on.
    recipe
        How it was trained: mode, budget, steps done, seed, rates.
    trained_on
        What it learned from, its parents' examples not included.
    parent
        Digest of the model that it started from; None from scratch.
    versions
        Of this package, torch and Python.
    kind
        Of network, as `learning.kinds` calls it.
    """

    architecture: Architecture
    view: View = View.SAX
    structures: tuple[Structure, ...] = SAX_STRUCTURES
    scheme: str = UKBB.name
    spacing_mm: float = SPACING_MM
    size: int = SIZE
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trained_on: tuple[TrainedOn, ...] = ()
    parent: str | None = None
    versions: Mapping[str, str] = field(default_factory=current_versions)
    kind: str = USUAL

    @property
    def channels(self) -> NDArray[np.uint8]:
        """Which channel of the structures' head each UKBB integer is; 0 where it has none."""
        table = np.zeros(len(UKBB.structures) + 1, dtype=np.uint8)
        for channel, structure in enumerate(self.structures, start=1):
            table[UKBB.code(structure)] = channel
        return table

    def empty_slices(self, stack: str) -> frozenset[tuple[int, int]]:
        """Return frame and slice of those of a stack on which an expert found no heart."""
        return frozenset(
            at for part in self.trained_on if part.digest == stack for at in part.empty
        )

    @property
    def slices_learned(self) -> int:
        """How many expert slices it learned from; none, where it was only pre-trained."""
        if self.recipe.get("mode") == "positions":
            return 0
        return sum(part.slices for part in self.trained_on)


@dataclass(frozen=True)
class Model:
    """A network and what it is.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU unless it is being used.
    card
        What it is.
    """

    network: UNet
    card: Card

    @property
    def digest(self) -> str:
        """SHA-256 of weights and card: the model's identity.

        How long the training took is left out: the same seed and steps give the same digest.
        """
        recipe = {key: value for key, value in self.card.recipe.items() if key != "seconds"}
        sha = hashlib.sha256(_card_json(replace(self.card, recipe=recipe)).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            sha.update(name.encode())
            sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return sha.hexdigest()


def new_network(
    architecture: Architecture | None = None,
    *,
    classes: int = 4,
    seed: int = 0,
    kind: str = USUAL,
) -> UNet:
    """Return an untrained network, the same for the same seed; torch's own chance is not touched.

    Parameters
    ----------
    architecture
        What it looks like; the usual one, for structures, by default.
    classes
        Channels of the structures' head of the usual architecture.
    seed
        Of its weights.
    kind
        Of network.
    """
    made = kind_named(kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return made.network(architecture or made.architecture(heads=((STRUCTURES_HEAD, classes),)))


def with_heads(
    model: Model, heads: tuple[tuple[str, int], ...], *, keep: bool, seed: int = 0
) -> UNet:
    """Return a copy of a model's network with other heads.

    Parameters
    ----------
    model
        Its encoder and decoder are copied.
    heads
        Name and channels of each head that is wanted.
    keep
        Whether the model's heads of the same name and size are copied as well: they mean the same.
    seed
        Of the new heads' weights.
    """
    architecture = replace(model.network.architecture, heads=heads)
    network = new_network(architecture, seed=seed, kind=kind_of(model.network))
    wanted = network.state_dict()
    known = {
        name: tensor
        for name, tensor in model.network.state_dict().items()
        if name in wanted
        and wanted[name].shape == tensor.shape
        and (keep or not name.startswith("heads."))
    }
    network.load_state_dict(wanted | known)
    return network


def model_to_bytes(
    model: Model, *, half: bool = False, about: Mapping[str, str] | None = None
) -> bytes:
    """Return the content of the model's file.

    Parameters
    ----------
    model
        The model.
    half
        Whether weights are rounded to half precision.
    about
        What the file's metadata say besides: licence, data. It is no part of the model.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in model.network.state_dict().items()
    }
    if half:  # what is read becomes single precision again
        tensors = {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in tensors.items()
        }
    metadata = {**(about or {}), _KEY: _card_json(model.card)}
    return with_digest(bytes(save(tensors, metadata=metadata)))


def save_model(
    path: Path, model: Model, *, half: bool = False, about: Mapping[str, str] | None = None
) -> Path:
    """Write a model whole or not at all; `half` and `about` as in `model_to_bytes`.

    Raises
    ------
    InputError
        If it cannot be written there.
    """
    with replacing(Path(path)) as beside:
        beside.write_bytes(model_to_bytes(model, half=half, about=about))
    return Path(path)


def load_model(path: Path) -> Model:
    """Read a model, refusing what does not fit (see `model_from_bytes`)."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no model at {path}; name a .safetensors file made by finetune")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return model_from_bytes(data, str(path))


def model_from_bytes(data: bytes, origin: str) -> Model:
    """Make a model from the content of its file.

    Parameters
    ----------
    data
        A whole safetensors file.
    origin
        Where it comes from, for messages.

    Raises
    ------
    InputError
        If it is not a model of this program, comes from a newer version, has changed since it was
        written (files from before they carried a digest: as far as that can be seen), or its
        weights do not fit the architecture that it states.
    """
    try:
        tensors = load(data)
    except (SafetensorError, KeyError) as error:
        raise InputError(
            f"{origin}: not a readable safetensors file ({error}); damaged, or another format?"
        ) from error
    if not fits_digest(data):
        raise InputError(
            f"{origin}: damaged: its content does not fit its own digest; go back to a copy, or "
            "train it again"
        )
    # safetensors: eight bytes of length, then that much JSON; `load` has checked both.
    length = int.from_bytes(data[:8], "little")
    text = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get(_KEY)
    if text is None:
        raise InputError(
            f"{origin}: safetensors, but not a model of this program (no '{_KEY}' in its metadata)"
        )
    card = _card_of(origin, text)
    network = kind_named(card.kind).network(card.architecture)
    _check_tensors(origin, tensors, network)
    network.load_state_dict(tensors)
    network.eval()
    return Model(network, card)


def _check_tensors(origin: str, tensors: dict[str, torch.Tensor], network: UNet) -> None:
    wanted = network.state_dict()
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors or name not in wanted:
            what = "misses" if name not in tensors else "has an unknown"
            raise InputError(f"{origin}: {what} tensor {name}; the file does not fit its own card")
        if tensors[name].shape != wanted[name].shape:
            raise InputError(
                f"{origin}: tensor {name} has shape {tuple(tensors[name].shape)}, its card says "
                f"{tuple(wanted[name].shape)}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise InputError(f"{origin}: tensor {name} holds values that are not numbers")


def _card_json(card: Card) -> str:
    said = {"format": 1, **asdict(card)}
    if card.kind == USUAL:  # as files were before there were others: a model keeps its digest
        del said["kind"]
    for part in said["trained_on"]:
        if part["empty"]:
            said["format"] = FORMAT
        else:  # as files were before there was such a thing: a model keeps its digest
            del part["empty"]
    return json.dumps(said, sort_keys=True)


def _trained_on(said: Mapping[str, Any]) -> TrainedOn:
    empty = tuple((int(t), int(z)) for t, z in said.get("empty", ()))
    return TrainedOn(**{**said, "empty": empty})


def _card_of(origin: str, text: str) -> Card:
    try:
        said = json.loads(text)
        if int(said.pop("format")) > FORMAT:
            raise InputError(
                f"{origin}: made by a newer version ({said.get('versions')}); update this program"
            )
        architecture = said.pop("architecture")
        architecture["heads"] = tuple((str(n), int(c)) for n, c in architecture["heads"])
        card = Card(
            architecture=kind_named(said.get("kind", USUAL)).architecture(**architecture),
            view=View(said.pop("view")),
            structures=tuple(Structure(name) for name in said.pop("structures")),
            trained_on=tuple(map(_trained_on, said.pop("trained_on"))),
            **said,
        )
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{origin}: the model's card cannot be read ({error!r})") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{origin}: the model's card cannot be read ({error})") from error
    scheme_named(card.scheme)
    channels = dict(card.architecture.heads).get(STRUCTURES_HEAD, len(card.structures) + 1)
    if channels != len(card.structures) + 1:
        raise InputError(
            f"{origin}: {channels} channels for {len(card.structures)} structures and background"
        )
    return card
