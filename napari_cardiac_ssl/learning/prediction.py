"""From a stack and a model to labels and confidence."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.annotations import middle_of
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD, Model
from napari_cardiac_ssl.learning.compute import Compute, ThreadPace, use_threads
from napari_cardiac_ssl.learning.grid import Grid, Intensities, covering_size, grid_of, turn
from napari_cardiac_ssl.learning.one_heart import one_heart
from napari_cardiac_ssl.study import SliceIndex, Stack

BATCH = 16
#: A slice, its labels and their confidence.
_Slice = tuple[SliceIndex, NDArray[np.uint8], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class PredictedSlices:
    """Some slices, predicted.

    Parameters
    ----------
    slices
        Which ones; ``n`` of them.
    labels
        Shape ``(n, y, x)``, `UKBB` integers on the native pixels.
    confidence
        Shape ``(n, y, x)``: the probability of each pixel's label, 0 to 1.
    """

    slices: tuple[SliceIndex, ...]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]


def predict(
    model: Model,
    stack: Stack,
    slices: Sequence[SliceIndex] | None = None,
    *,
    centre_yx: tuple[float, float] | None = None,
    compute: Compute | None = None,
    heed_empty: bool = True,
) -> Iterator[PredictedSlices]:
    """Predict slices, frame by frame, in the order asked for.

    What is no part of the one heart that a frame shows is left out (`one_heart`).

    Parameters
    ----------
    model
        Moved to the compute device.
    stack
        The images.
    slices
        Which ones, all by default. The first asked for come first.
    centre_yx
        Where the heart is, native voxels. Found by the model itself where None (`locate_heart`).
    compute
        Where to run.
    heed_empty
        Whether slices on which an expert found no heart when the model was taught are predicted
        empty, whatever the network says.

    Yields
    ------
    PredictedSlices
        All of a frame that were asked for, at a time.

    Raises
    ------
    InputError
        If the model knows another view, or no structures.
    """
    compute = compute or Compute.best()
    grid = _grid(model, stack, centre_yx, compute)
    codes = [0, *(UKBB.code(s) for s in model.card.structures)]
    empty = model.card.empty_slices(stack.digest) if heed_empty else frozenset()
    wanted = stack.slice_indices() if slices is None else slices
    missing = Counter(index.t for index in map(SliceIndex._make, wanted))
    begun: dict[int, list[_Slice]] = {}
    for chosen, images in _batches(stack, slices, grid):
        labels, confidence = grid.labels_to_slices(_probabilities(model, images, compute), codes)
        if told := [number for number, index in enumerate(chosen) if index in empty]:
            labels[told], confidence[told] = 0, 1
        for one in zip(map(SliceIndex._make, chosen), labels, confidence, strict=True):
            frame = begun.setdefault(one[0].t, [])
            frame.append(one)
            if len(frame) == missing[one[0].t]:
                yield _whole_frame(begun.pop(one[0].t))


def _whole_frame(slices: list[_Slice]) -> PredictedSlices:
    """Return the slices of a frame, in the order asked for, with one heart on them."""
    chosen, labels, confidence = zip(*slices, strict=True)
    drawn, sure = np.stack(labels), np.stack(confidence)
    order = np.argsort([index.z for index in chosen])
    kept = drawn.copy()
    kept[order] = one_heart(drawn[order])
    left_out = kept != drawn
    sure[left_out] = 1 - sure[left_out]  # background is no more probable than that
    return PredictedSlices(chosen, kept, sure)


#: The slices are also seen turned so far, each way, to find out how sure the model is.
_TURN_DEG = 20.0


def doubt(
    model: Model,
    stack: Stack,
    slices: Sequence[SliceIndex] | None = None,
    *,
    centre_yx: tuple[float, float] | None = None,
    compute: Compute | None = None,
) -> Iterator[tuple[tuple[SliceIndex, ...], NDArray[np.float32]]]:
    """Estimate how much of each slice's prediction is wrong, batch by batch.

    Test-time augmentation: the probabilities of the slice as it is and turned by 20° each way are
    averaged, and what the averaged winner leaves to others is summed over the slice: the area that
    is expected to be wrong. (Mirrored slices are no help: no heart looks like that.)

    Parameters
    ----------
    model, stack, slices, centre_yx, compute
        As in `predict`; three times its work.

    Yields
    ------
    tuple of SliceIndex
        Up to `BATCH` slices.
    NDArray
        Shape ``(n,)``: for each, the area in doubt, cm².
    """
    compute = compute or Compute.best()
    grid = _grid(model, stack, centre_yx, compute)
    for chosen, images in _batches(stack, slices, grid):
        total = torch.from_numpy(_probabilities(model, images, compute))
        for angle in (-_TURN_DEG, _TURN_DEG):
            turned = turn(torch.from_numpy(images)[:, None], angle)[:, 0].numpy()
            total += turn(torch.from_numpy(_probabilities(model, turned, compute)), -angle)
        left: NDArray[np.float32] = (1 - total.amax(dim=1) / 3).sum(dim=(1, 2)).numpy()
        yield chosen, left * np.float32((grid.spacing_mm / 10) ** 2)


def _grid(
    model: Model, stack: Stack, centre_yx: tuple[float, float] | None, compute: Compute
) -> Grid:
    """Make a model ready for a stack; return the grid on which it sees it."""
    card = model.card
    if STRUCTURES_HEAD not in model.network.heads or card.recipe.get("structures") is False:
        raise InputError("this model has learned no structures yet; fine-tune it on labels first")
    if card.view is not stack.view:
        raise InputError(f"{stack.name} is {stack.view}, the model knows {card.view}")
    compute.place(model.network.eval())
    centre = centre_yx or locate_heart(model, stack, compute=compute)
    return grid_of(stack, centre, spacing_mm=card.spacing_mm, size=card.size)


def _batches(
    stack: Stack, slices: Sequence[SliceIndex] | None, grid: Grid
) -> Iterator[tuple[tuple[SliceIndex, ...], NDArray[np.float32]]]:
    """Yield slices and what the network sees of them, at the pace that the machine allows."""
    slices = stack.slice_indices() if slices is None else list(slices)
    intensities = Intensities.of(stack)
    threads = torch.get_num_threads()
    pace = ThreadPace(threads)
    try:
        while slices:
            begun = time.perf_counter()
            use_threads(pace.choose())
            size = BATCH // 4 if pace.is_trying else BATCH
            chosen, slices = tuple(slices[:size]), slices[size:]
            yield (
                chosen,
                grid.to_network(stack.image[tuple(np.array(chosen).T)], intensities.apply),
            )
            pace.took((time.perf_counter() - begun) / len(chosen))
    finally:
        use_threads(threads)


def predict_stack(
    model: Model,
    stack: Stack,
    *,
    centre_yx: tuple[float, float] | None = None,
    compute: Compute | None = None,
    report: Callable[[float], None] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Predict all slices; return labels and confidence, both ``(t, z, y, x)``.

    As `predict`. `report` is called with the share that is done.
    """
    done = 0
    labels = np.zeros(stack.image.shape, dtype=np.uint8)
    confidence = np.zeros(stack.image.shape, dtype=np.float32)
    for part in predict(model, stack, centre_yx=centre_yx, compute=compute):
        where = tuple(np.array(part.slices).T)
        labels[where], confidence[where] = part.labels, part.confidence
        done += len(part.slices)
        if report:
            report(done / (stack.frames * stack.slices))
    return labels, confidence


#: Slices that are looked at to find the heart: more would cost time, not change the answer.
_LOOKS = 12
#: Standard deviation of the blob that is searched for: a heart is about 10 cm wide.
_HEART_MM = 25.0
#: Standard deviation of where hearts are about the middle of pictures.
_MIDDLE_MM = 70.0


def locate_heart(
    model: Model, stack: Stack, *, compute: Compute | None = None
) -> tuple[float, float]:
    """Find the heart on the slices by looking at them whole, coarsely.

    Parameters
    ----------
    model
        Its probability of being any structure is summed over slices spread over the stack.
    stack
        The images.
    compute
        Where to run.

    Returns
    -------
    tuple of float
        Row and column, native voxels.
    """
    compute = compute or Compute.best()
    compute.place(model.network.eval())
    indices = stack.slice_indices()
    # The outer slices hold other organs and little heart.
    kept = [i for i in indices if stack.slices < 5 or 0 < i.z < stack.slices - 1]
    looks = [kept[i] for i in np.unique(np.linspace(0, len(kept) - 1, _LOOKS).round().astype(int))]
    images = Intensities.of(stack).apply(stack.image[tuple(np.array(looks).T)])
    spacing = model.card.spacing_mm
    whole = grid_of(
        stack,
        spacing_mm=spacing,
        size=covering_size(stack, spacing, model.network.architecture.multiple),
    )
    found = _heart_on(model, whole, images, compute).sum(axis=0)
    blob = ndimage.gaussian_filter(found, _HEART_MM / spacing, mode="constant")
    # Hearts are near the middle of the picture; what looks like one at the rim is not one.
    at = (np.arange(whole.size) - (whole.size - 1) / 2) * spacing
    prior = np.exp(-(at**2) / (2 * _MIDDLE_MM**2))
    row, column = np.unravel_index(np.argmax(blob * prior[:, None] * prior), blob.shape)
    y, x = whole.points_yx()[row, column]
    # A second look, at the heart alone, as the network was trained to: it is surer of its rim.
    close = grid_of(stack, (y, x), spacing_mm=spacing, size=model.card.size)
    seen = _heart_on(model, close, images, compute) > 0.5
    middle = middle_of(seen.astype(np.uint8))
    if middle is not None:
        y, x = close.points_yx()[round(middle[0]), round(middle[1])]
    return float(y), float(x)


def _heart_on(
    model: Model, grid: Grid, images: NDArray[np.float32], compute: Compute
) -> NDArray[np.float32]:
    """Return the probability of being any structure, ``(n, size, size)``."""
    parts = [
        1 - _probabilities(model, grid.to_network(images[begin : begin + 4]), compute)[:, 0]
        for begin in range(0, len(images), 4)
    ]
    return np.concatenate(parts)


@torch.inference_mode()
def _probabilities(
    model: Model, images: NDArray[np.float32], compute: Compute
) -> NDArray[np.float32]:
    """Return class probabilities on the grid: ``(n, h, w)`` to ``(n, classes, h, w)``."""
    batch = torch.from_numpy(images)[:, None].to(compute.device, memory_format=torch.channels_last)
    with compute.autocast():
        logits = model.network(batch)[STRUCTURES_HEAD]
    shares: NDArray[np.float32] = logits.float().softmax(dim=1).contiguous().cpu().numpy()
    return shares
