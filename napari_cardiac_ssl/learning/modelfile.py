"""A model for those who only keep it: needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFile:
    """A model as the bytes of its file.

    Parameters
    ----------
    digest
        The model's identity.
    data
        Content of its safetensors file.
    slices_learned
        Slices that it learned from.
    parent
        Digest of the model it started from; None from scratch.
    seconds
        Time that its training took.
    """

    digest: str
    data: bytes
    slices_learned: int
    parent: str | None
    seconds: float
