"""The weights that ship: a U-Net that was pre-trained on anatomical positions.

Reading them needs no torch.
"""

from importlib.resources import files

NAME = "default.safetensors"


def default_weights() -> bytes | None:
    """Return the content of the shipped model's file; None where none ships."""
    file = files(__name__) / NAME
    return file.read_bytes() if file.is_file() else None
