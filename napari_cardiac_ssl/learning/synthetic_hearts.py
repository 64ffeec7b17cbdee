"""Synthetic hearts as sources of positions and structures: made whenever they are drawn."""

from dataclasses import dataclass

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of
from napari_cardiac_ssl.geometry.positioned import PositionedStack
from napari_cardiac_ssl.geometry.positions import POSITION_NAMES
from napari_cardiac_ssl.synthetic import make_study

#: Far from the seeds of the built-in study, of tests and of the shipped weights.
_FIRST_SEED = 100_000


@dataclass(frozen=True)
class Synthetic:
    """A synthetic heart with its structures: a source, made when called.

    Parameters
    ----------
    number
        Which heart.
    view
        Which view of it.
    detailed
        Whether its base is detailed (`make_study`).
    alike
        Whether its left atrium then looks like its LV.
    """

    number: int
    view: View
    detailed: bool = False
    alike: bool = False

    def __call__(self) -> PositionedStack:
        """Make the heart."""
        short = self.view is View.SAX
        heart = make_study(
            _FIRST_SEED + self.number,
            frames=4 if short else 16,
            slices=10 if short else 2,
            lax=not short,
            detailed_base=self.detailed,
            alike_blood=self.alike,
        )
        stack, masks = heart.study.stack(self.view), heart.masks[self.view]
        frame = None  # the 2CH view has no positions
        if short:
            frame = AnatomicalFrame.from_landmarks(Landmarks.of(heart.landmarks))
        elif self.view in POSITION_NAMES:
            frame = frame_of(heart.study)
        shown = tuple(index for index in stack.slice_indices() if masks[index].any())
        return PositionedStack(stack, frame, shown, masks)
