"""What napari asks of this plugin: files in and out, and a sample."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.types import FullLayerData, LayerDataTuple
from numpy.typing import NDArray
from qtpy.QtCore import QThread

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA
from napari_cardiac_ssl.gui.opening import Opened, is_ours, read
from napari_cardiac_ssl.gui.window import docked_widget, find_widget
from napari_cardiac_ssl.project import is_project
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_mask

#: napari's way of saying: read, and there is no layer.
_NO_LAYER: list[Any] = [(None,)]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerDataTuple]] | None:
    """Return how to read NIfTI and DICOM files, folders of them, and projects; None for others."""
    paths = [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
    return read_layers if all(is_ours(one) for one in paths) else None


def read_layers(path: str | Sequence[str]) -> list[Any]:
    """Read what napari was asked to open.

    From a window's menu or by a drop, folders and projects are opened in the Cardiac SSL widget,
    and whatever takes long is read in the background. A script gets its layers at once. What
    cannot be read is said, and leaves no layer.
    """
    paths = [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
    viewer = napari.current_viewer() if _is_asked_by_user() else None
    if viewer is not None:
        widget = find_widget(viewer)
        if widget is None and any(one.is_dir() or is_project(one) for one in paths):
            widget = docked_widget(viewer)
        if widget is not None:
            widget.open(*paths)
            return _NO_LAYER
    layers: list[Any] = []
    for one in paths:
        opened = (
            Opened(one, warned=[f"{one}: projects open in the Cardiac SSL widget"])
            if is_project(one)
            else read(one)
        )
        opened.tell()
        layers += opened.layers()
    return layers or _NO_LAYER


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
    scheme, review = ours.get("scheme", UKBB), _review_of(labels, ours.get("session"), stack)
    return [str(write_mask(path, labels, like=stack, scheme=scheme, review=review))]


def _review_of(labels: NDArray[np.uint8], session: Session | None, stack: Stack) -> Review | None:
    """Return what of a layer's labels a person has confirmed; None where nobody knows."""
    if session is None or not session.study.is_open:
        return None
    work = session.export.work(stack)
    return work.review if np.array_equal(work.annotations.labels, labels) else None


def load_sample() -> list[FullLayerData]:
    """Return the built-in synthetic study: its short-axis cine, which knows its other views.

    Asked for from a window's menu it is made in the background, and opens in the widget.
    """
    viewer = napari.current_viewer() if _is_asked_by_user() else None
    if viewer is None:
        return _make_sample(Path()).layers()
    docked_widget(viewer).opening.open(Path("the synthetic heart"), how=_make_sample)
    return []


def _make_sample(path: Path) -> Opened:
    return Opened(path, make_study(1).study)


def _is_asked_by_user() -> bool:
    """Tell whether this runs in a window's event loop, and not in a script's own lines."""
    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0
