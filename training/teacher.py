"""What a network says of hearts of which an expert drew a part, held to what the expert drew.

The teacher looks at each slice several times, turned, scaled and with other contrast, and its
opinions are averaged. Then what is known overrules it:

- inside the expert's endocardium is LV cavity, outside is none;
- where the expert drew the epicardium, what lies between is myocardium;
- elsewhere the myocardium is as thick as it would have to be on the slices *with* an epicardium for
  its area to be the expert's: the teacher's bias is measured there and taken off everywhere;
- the myocardium touches the cavity, and the RV is one piece beside them, without holes.

Where the averaged teacher is not sure, nothing is said but that it is not LV cavity (`NOT_LV`).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import brentq
from skimage.morphology import disk
from torch.nn import functional

from napari_cardiac_ssl.anatomy import UKBB, Structure
from napari_cardiac_ssl.geometry.positioned import NOT_LV, PositionedStack
from napari_cardiac_ssl.learning.checkpoint import STRUCTURES_HEAD, Model
from napari_cardiac_ssl.learning.grid import Intensities, grid_of

LV, MYOCARDIUM, RV = (
    UKBB.code(part) for part in (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
)
#: Side of the network's square when it labels, in its own pixels: the largest RV is inside.
WIDE = 144
#: Each look: turned by degrees, enlarged, gamma.
LOOKS = ((0.0, 1.0, 1.0), (18.0, 0.92, 1.3), (-18.0, 1.1, 0.77), (8.0, 1.0, 0.85))
#: How sure the averaged teacher must be to be believed.
SURE = 0.65
#: Over such gaps in the RV, pixels, trabeculae are bridged: they belong to the cavity.
BRIDGED = 3

Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]
Opinion = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Drawn:
    """The annotated slices of one person, and what the expert drew on them.

    Parameters
    ----------
    positioned
        One frame that holds all slices, with the LV in the middle.
    cavities
        Inside of the endocardium, ``(z, y, x)``.
    whole
        Inside of the epicardium; nothing on slices where it was not drawn.
    """

    positioned: PositionedStack
    cavities: Mask
    whole: Mask

    def ringed(self) -> Mask:
        """Return on which slices the epicardium was drawn, ``(z,)``."""
        return np.asarray(self.whole.any(axis=(1, 2)))


def opinion(teacher: Model, drawn: Drawn) -> Opinion:
    """Return the averaged probabilities of background, myocardium and RV outside the cavity.

    Shape ``(3, z, y, x)``; they sum to 1: what the teacher thought LV cavity is shared out.
    """
    stack = drawn.positioned.stack
    middle = (stack.image.shape[2] / 2, stack.image.shape[3] / 2)
    grid = grid_of(stack, middle, spacing_mm=teacher.card.spacing_mm, size=WIDE)
    images = torch.from_numpy(grid.to_network(stack.image[0], Intensities.of(stack).apply))[:, None]
    total = sum(_look(teacher, images, *look) for look in LOOKS)
    assert isinstance(total, torch.Tensor)
    native = grid.to_slices((total / len(LOOKS)).permute(1, 0, 2, 3).numpy(), outside=0)
    native[0] += 1e-4  # beyond the square is background
    # Just outside the expert's border, what the teacher took for cavity is wall.
    native[2] += native[1]
    outside: Opinion = native[[0, 2, 3]]
    return outside / outside.sum(axis=0)


@torch.inference_mode()
def _look(
    teacher: Model, images: torch.Tensor, angle_deg: float, scale: float, gamma: float
) -> torch.Tensor:
    """Return the probabilities of one look, brought back to where the images are."""
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    changed = ((images - low) / (high - low).clamp(min=1e-6)) ** gamma * (high - low) + low
    turn = np.deg2rad(angle_deg)
    there = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale
    seen = _moved(changed, there).contiguous(memory_format=torch.channels_last)
    logits = teacher.network.eval()(seen)[STRUCTURES_HEAD]
    return _moved(logits.softmax(dim=1).contiguous(), np.linalg.inv(there))


def _moved(images: torch.Tensor, linear: NDArray[np.float64]) -> torch.Tensor:
    theta = torch.zeros(len(images), 2, 3)
    theta[:, :, :2] = torch.from_numpy(linear)
    where = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, where, padding_mode="border", align_corners=False)


def wall_bias(opinions: list[Opinion], people: list[Drawn]) -> float:
    """Return the log odds by which myocardium must be favoured for its area to be the expert's.

    Over all slices on which the epicardium was drawn. Negative where the teacher draws thick walls.
    """
    rings, logs = [], []
    for said, drawn in zip(opinions, people, strict=True):
        for z in np.flatnonzero(drawn.ringed()):
            outside = ~drawn.cavities[z]
            rings.append(int((drawn.whole[z] & outside).sum()))
            rest = np.maximum(said[0, z], said[2, z])[outside]
            logs.append(np.log(said[1, z][outside] + 1e-6) - np.log(rest + 1e-6))
    wanted, log_odds = sum(rings), np.concatenate(logs)

    def excess(favour: float) -> float:
        return float((log_odds + favour > 0).sum()) - wanted

    return float(brentq(excess, -6, 6, xtol=1e-3))


def labels_of(said: Opinion, drawn: Drawn, favour: float) -> Labels:
    """Return the labels of a person's slices, ``(1, z, y, x)``: UKBB integers or `NOT_LV`."""
    odds = said + np.float32(1e-6)
    odds[1] *= np.exp(favour)
    odds[1, drawn.ringed()[:, None, None] & ~drawn.whole] = 0
    odds[0, drawn.whole] = odds[2, drawn.whole] = 0
    odds /= odds.sum(axis=0)
    labels = np.zeros(odds.shape[1:], dtype=np.uint8)
    for label, cavity, chosen, sure in zip(
        labels, drawn.cavities, odds.argmax(axis=0), odds.max(axis=0) >= SURE, strict=True
    ):
        ventricle = piece_at((chosen == 1) | cavity, cavity)
        blood = (chosen == 2) & ~ventricle
        bridged = ndimage.binary_closing(np.pad(blood, 8), disk(BRIDGED))[8:-8, 8:-8]
        bridged = ndimage.binary_fill_holes(bridged | ventricle) & ~ventricle
        right = piece_at(bridged, ndimage.binary_dilation(ventricle, iterations=3))
        label[ventricle] = MYOCARDIUM
        label[right] = RV
        doubtful = np.where(right & ~blood, False, ~sure)  # a bridged gap is not doubted
        other = ((chosen > 0) | cavity) & ~ventricle & ~right  # a second RV, a wall elsewhere
        label[doubtful | other] = NOT_LV
        label[cavity] = LV
    return labels[None]


def piece_at(mask: Mask, at: Mask) -> Mask:
    """Return the largest connected piece of a mask that reaches a place."""
    pieces, number = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel(), minlength=number + 1)
    reaching = np.unique(pieces[at])
    reaching = reaching[reaching > 0]
    if not len(reaching):
        return np.zeros(mask.shape, dtype=bool)
    return np.asarray(pieces == reaching[sizes[reaching].argmax()])


def taught(teacher: Model, people: list[Drawn]) -> list[PositionedStack]:
    """Return people's stacks with what the teacher and the expert together say of them."""
    opinions = [opinion(teacher, drawn) for drawn in people]
    favour = wall_bias(opinions, people)
    print(f"the teacher's walls are corrected by {favour:+.2f} log odds", flush=True)
    return [
        replace(drawn.positioned, structures=labels_of(said, drawn, favour))
        for said, drawn in zip(opinions, people, strict=True)
    ]
