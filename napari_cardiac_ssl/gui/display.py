"""How stacks and labels look in napari.

Layers lie in index space with the voxels' spacing as their scale: napari cannot slice oblique
volumes in 2-D, so the full geometry stays with the stack, in the layer's metadata.
"""

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.types import FullLayerData
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import Stack, Study

#: Where a layer's metadata hold what is ours.
METADATA = "cardiac_ssl"

#: How opaque labels are where they are filled.
FILLED = 0.45

#: Voxels that a stack's contrast is judged by.
_SAMPLE = 200_000


def image_layer(stack: Stack, study: Study | None = None) -> FullLayerData:
    """Return a stack as napari takes it: data ``(t, z, y, x)``, metadata, kind of layer.

    Parameters
    ----------
    stack
        What is shown.
    study
        What it is of: its other views are shown beside it.
    """
    return (
        stack.image,
        {
            "name": stack.name,
            "colormap": "gray",
            "contrast_limits": contrast_limits(stack.image),
            "metadata": {METADATA: {"stack": stack, "study": study}},
            **in_space(stack),
        },
        "image",
    )


def labels_layer(
    labels: NDArray[np.uint8], stack: Stack, *, name: str, scheme: LabelScheme = UKBB
) -> FullLayerData:
    """Return labels as napari takes them.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, UKBB integers.
    stack
        The image whose grid they lie on.
    name
        Of the layer.
    scheme
        In which they are written, if they are: that of the file they came from.
    """
    return (
        labels,
        {
            "name": name,
            "opacity": FILLED,
            "blending": "translucent",
            "colormap": colormap(),
            "metadata": {METADATA: {"stack": stack, "scheme": scheme}},
            **in_space(stack),
        },
        "labels",
    )


def doubt_layer(confidence: NDArray[np.uint8], stack: Stack) -> FullLayerData:
    """Return where the model is not sure, as napari takes it: bright over the picture.

    Parameters
    ----------
    confidence
        Shape ``(t, z, y, x)``, in 255ths.
    stack
        The image whose grid it lies on.
    """
    return (
        255 - confidence,
        {
            "name": f"{stack.name} doubt",
            "colormap": "magenta",
            "contrast_limits": (0, 128),
            "blending": "additive",
            "opacity": 0.8,
            "metadata": {METADATA: {"derived": True}},
            **in_space(stack),
        },
        "image",
    )


def is_derived(layer: Layer) -> bool:
    """Tell whether a layer shows what was made of an image: nothing to be worked on itself."""
    return bool(layer.metadata.get(METADATA, {}).get("derived"))


def in_space(stack: Stack) -> dict[str, Any]:
    """Return what all layers of a stack share, or napari's sliders mean nothing."""
    return {
        "scale": (1.0, *stack.spacing_mm),
        "axis_labels": ("t", "z", "y", "x"),
        "units": ("", "mm", "mm", "mm"),
    }


def colormap() -> DirectLabelColormap:
    """Return one colour for each structure; anything else is transparent."""
    of_code: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    of_code |= {UKBB.code(structure): structure.colour for structure in UKBB.structures}
    return DirectLabelColormap(color_dict=of_code)


def contrast_limits(image: NDArray[np.generic]) -> tuple[float, float]:
    """Return the 1st and the 99.5th percentile of a thinned sample of the middle.

    The middle half of each side: the heart is planned to be there, and the chest wall's bright fat
    does not decide how bright the blood is.

    Examples
    --------
    >>> ramp = np.broadcast_to(np.arange(100.0), (1, 1, 100, 100))
    >>> contrast_limits(ramp)
    (25.0, 74.0)
    """
    y, x = image.shape[2] // 4, image.shape[3] // 4
    middle = image[:, :, y : image.shape[2] - y, x : image.shape[3] - x]
    thin = max(1, round((middle.size / _SAMPLE) ** 0.25))
    sample = middle[::thin, ::thin, ::thin, ::thin].astype(float)
    low, high = (float(limit) for limit in np.percentile(sample, (1, 99.5)))
    if not low < high:
        low, high = float(image.min()), float(image.max())
    return (low, high) if low < high else (low, low + 1)


def camera_of(viewer: Any) -> Any:
    """Return a viewer's camera: part of its scene since napari 0.9."""
    return getattr(viewer, "scene", viewer).camera


#: How napari shows pictures of itself: rows go down, columns to the right.
_AS_STORED = ("down", "right")


def turn_picture(viewer: Any, down: bool, right: bool) -> bool:
    """Have rows go down or up and columns right or left; return whether they do now.

    napari 0.10.0rc1 does not heed the camera's orientation where it tells which voxel is under the
    mouse (`canvas_to_world`): what is painted would land elsewhere. Such a picture stays as it is
    stored.
    """
    camera = camera_of(viewer)
    wanted = ("down" if down else "up", "right" if right else "left")
    if tuple(map(str, camera.orientation2d)) != wanted:
        camera.orientation2d = wanted
    if not hasattr(viewer, "canvas_to_world"):
        return True  # the picture itself is asked
    step = viewer.canvas_to_world((1, 1)) - viewer.canvas_to_world((0, 0))
    if tuple(step[list(viewer.dims.displayed[-2:])] > 0) == (down, right):
        return True
    camera.orientation2d = _AS_STORED
    return False


def write_over(viewer: Any, words: str) -> None:
    """Write something large over a viewer's picture; nothing with no words."""
    canvas = getattr(viewer, "canvas", None)  # whose text it is since napari 0.9
    text = viewer.text_overlay if canvas is None else canvas.overlays.text
    text.text, text.visible = words, bool(words)
    text.font_size, text.color, text.position = 14, "yellow", "top_center"


def hide_brush_box(viewer: Any) -> None:
    """Take away the box that napari 0.9 draws behind the brush's circle.

    It is of use to nobody, and stays where all else has gone: to draw it alone, once a label layer
    was removed, ends the process in Mesa 22's renderer without a graphics card (a segmentation
    fault when one study is opened after another).
    """
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", {})
    if "_brush_circle" in overlays:
        overlays["_brush_circle"].box = False


def stack_of(layer: Image | Labels) -> Stack:
    """Return the stack that a layer shows; made from the layer if no reader of ours left one.

    Raises
    ------
    InputError
        If the layer is no cine, stack or single slice.
    """
    ours = layer.metadata.get(METADATA, {})
    stack = ours.get("stack")
    if isinstance(stack, Stack) and stack.image.shape == layer.data.shape:
        return stack
    if layer.multiscale or getattr(layer, "rgb", False) or layer.ndim not in (2, 3, 4):
        kind = "multiscale" if layer.multiscale else "RGB" if layer.ndim in (2, 3, 4) else ""
        raise InputError(
            f"layer {layer.name}: {kind or f'{layer.ndim}-D'} data cannot be worked on; choose a "
            "grey-scale image (t, z, y, x), (z, y, x) or (y, x)"
        )
    image = np.asarray(layer.data)
    if image.dtype.kind not in "iuf" or not np.isfinite(image).all():
        raise InputError(
            f"layer {layer.name}: the image must hold finite real numbers; it is {image.dtype}"
            + (" with NaN or infinite voxels" if image.dtype.kind == "f" else "")
        )
    z, y, x = (*np.ones(3), *np.abs(layer.scale))[-3:]
    stack = Stack(
        image.reshape((1,) * (4 - image.ndim) + image.shape),
        np.diag([x, y, z, 1.0]),
        name=layer.name,
        is_4d=image.ndim == 4,
    )
    layer.metadata[METADATA] = {**ours, "stack": stack}  # the same layer is the same stack again
    return stack
