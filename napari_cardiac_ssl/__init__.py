"""Contour cardiac MR: label a few slices, let a pre-trained U-Net learn the rest.

What a script needs stands here (`napari_cardiac_ssl.api`), and is loaded when it is first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Those of `napari_cardiac_ssl.api`.
_PUBLIC = (
    "ExpertSlices",
    "InputError",
    "LabelScheme",
    "Mask",
    "Measures",
    "Model",
    "Session",
    "SliceIndex",
    "Stack",
    "Structure",
    "Study",
    "View",
    "learn",
    "load_model",
    "measure",
    "predict",
    "read_labels",
    "read_stack",
    "read_study",
    "save_model",
    "scheme_named",
    "shipped_model",
    "write_mask",
    "write_report",
)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: importing the package stays quick."""
    if name in _PUBLIC:
        return getattr(import_module("napari_cardiac_ssl.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
