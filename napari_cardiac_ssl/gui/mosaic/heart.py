"""Where the heart is on the slices of the open stack."""

import numpy as np

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.mosaic.tiles import Crop, about, about_labels, whole
from napari_cardiac_ssl.session import Session

#: What is shown about the heart's middle where nothing is labelled yet, mm.
_HEART_MM = 150.0
#: How many labelled slices tell where the heart is.
_SAMPLE = 60
_LABELLED = (SliceState.PREDICTED, SliceState.EDITING, SliceState.EXPERT)


def crop_of_heart(session: Session) -> Crop:
    """Return what shows the heart: by labels, else by how it lies; else all of a slice."""
    stack, labels, frame = session.stack, session.annotations.labels, session.anatomy.frame
    shape, spacing = stack.image.shape[2:], stack.spacing_mm[1:]
    drawn = [one for one in session.annotations.slices(*_LABELLED) if labels[one].any()]
    found = None
    if drawn:
        some = drawn[:: -(-len(drawn) // _SAMPLE)]
        found = about_labels(np.stack([labels[index] for index in some]), spacing)
    elif frame is not None:
        x, y = stack.voxel_xyz(frame.centre_mm)[:2]
        if 0 <= y < shape[0] and 0 <= x < shape[1]:
            found = about((float(y), float(x)), _HEART_MM, spacing, shape)
    return found or whole(shape)
