"""The kinds of network: what learning asks of one, and how each is called in a model's file.

Another network is a file beside `network`, and an entry here. Learning asks of it what follows:

- made of an architecture, a dataclass of numbers that goes into the model's card, with ``heads``
  (name and channels of each) and ``multiple`` (what input sides must be multiples of);
- called with images ``(n, in_channels, h, w)``, it returns the logits of each head,
  ``(n, channels, h, w)``, by its name;
- it has ``architecture``, ``encoder`` (what mode ``decoder`` keeps) and ``heads``
  (`torch.nn.ModuleDict`), and tensors of heads, and of heads alone, are named ``heads.…``.
"""

from dataclasses import dataclass

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.network import Architecture, UNet


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Parameters
    ----------
    architecture
        What it can look like.
    network
        The network itself, made of an architecture.
    """

    architecture: type[Architecture]
    network: type[UNet]


#: The kind of models whose card names none.
USUAL = "unet"
KINDS = {USUAL: Kind(Architecture, UNet)}


def kind_named(name: str) -> Kind:
    """Return a kind of network.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in KINDS:
        raise InputError(
            f"a network of the kind '{name}', which this version does not know (it knows "
            f"{', '.join(KINDS)}); update this program"
        )
    return KINDS[name]


def kind_of(network: UNet) -> str:
    """Return how a network's kind is called."""
    return next(name for name, kind in KINDS.items() if type(network) is kind.network)
