"""The weights that ship: U-Nets that were pre-trained on anatomical positions, one a view.

Reading them needs no torch.
"""

from importlib.resources import files

from napari_cardiac_ssl.anatomy import View

NAMES = {
    View.SAX: "default.safetensors",
    View.LAX_4CH: "lax_4ch.safetensors",
    View.LAX_2CH: "lax_2ch.safetensors",
}


def default_weights(view: View = View.SAX) -> bytes | None:
    """Return the content of the file of the shipped model of a view; None where none ships."""
    file = files(__name__) / NAMES.get(view, "")
    return file.read_bytes() if file.is_file() else None
