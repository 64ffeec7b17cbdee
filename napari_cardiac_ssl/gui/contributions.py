"""What napari asks of this plugin: files in and out, and a sample."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.types import FullLayerData, LayerDataTuple
from napari.utils.notifications import show_info, show_warning
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, image_layer, labels_layer
from napari_cardiac_ssl.readers.nifti import GeometryWarning, read_mask, read_stack
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_mask

_ENDINGS = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerDataTuple]] | None:
    """Return how to read NIfTI files; None for other files."""
    paths = [path] if isinstance(path, str) else list(path)
    if all(str(one).lower().endswith(_ENDINGS) for one in paths):
        return read_layers
    return None


def read_layers(path: str | Sequence[str]) -> list[Any]:
    """Read NIfTI files as layers. What cannot be read is said, and leaves no layer."""
    paths = [path] if isinstance(path, str) else list(path)
    layers: list[Any] = []
    for one in paths:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", GeometryWarning)
                layers.append(_read(Path(one)))
        except InputError as error:
            show_warning(str(error))
            continue
        for said in dict.fromkeys(
            str(warning.message)
            for warning in caught
            if issubclass(warning.category, GeometryWarning)
        ):
            show_warning(said)
    return layers or [(None,)]  # napari's way of saying: read, and there is no layer


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a label layer as NIfTI, on the grid of its image with the image's own header.

    Raises
    ------
    InputError
        If the layer does not know its image, or the file cannot be written.
    """
    ours = meta.get("metadata", {}).get(METADATA, {})
    stack = ours.get("stack")
    if not isinstance(stack, Stack):
        raise InputError(
            f"cannot write {path}: the label layer {meta.get('name', '')} does not know which "
            "image it belongs to; label in the Cardiac SSL widget and export there"
        )
    labels = np.asarray(data).reshape(stack.image.shape)
    return [str(write_mask(path, labels, like=stack, scheme=ours.get("scheme", UKBB)))]


def load_sample() -> list[FullLayerData]:
    """Return the short-axis cine of the built-in synthetic study."""
    return [image_layer(make_study(1, lax=False).study.stack(View.SAX))]


def _read(path: Path) -> FullLayerData:
    stack = read_stack(path)
    if looks_like_mask(stack.image):
        try:
            mask = read_mask(path)
        except InputError as error:
            show_warning(f"{error}; shown as an image")
        else:
            show_info(f"{stack.name}: labels in the scheme '{mask.scheme.name}', {mask.told_by}")
            name = f"{stack.name} ({mask.scheme.name})"
            return labels_layer(mask.labels, stack, name=name, scheme=mask.scheme)
    return image_layer(stack)


def looks_like_mask(image: NDArray[Any]) -> bool:
    """Tell whether voxels are labels: whole numbers from 0 to 5.

    Examples
    --------
    >>> looks_like_mask(np.array([0, 3, 1])), looks_like_mask(np.array([0.5, 1.0]))
    (True, False)
    """
    if image.min() < 0 or image.max() > len(UKBB.structures):
        return False
    return image.dtype.kind in "iu" or bool((image % 1 == 0).all())
