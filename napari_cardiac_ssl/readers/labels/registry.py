"""All formats that labels come in, and the one function that reads any of them.

A new format is a file in this folder that ends with its `Reader`, and an entry here.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_cardiac_ssl.anatomy import UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.readers.file_names import name_of
from napari_cardiac_ssl.readers.labels import contour_text, cvi42, dicom_seg, itk_snap, seg_nrrd
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.readers.labels.kept import kept_contours
from napari_cardiac_ssl.readers.mask_fit import misfit
from napari_cardiac_ssl.readers.nifti import DoubtWarning, Mask, ToldBy, read_mask
from napari_cardiac_ssl.study import Stack

#: Asked in this order; what none of them recognises is read as a NIfTI mask.
READERS = {
    reader.key: reader
    for reader in (
        cvi42.READER,
        seg_nrrd.READER,
        contour_text.READER,
        dicom_seg.READER,
        itk_snap.READER,
    )
}


class LabelsWarning(InputWarning):
    """Something in a file of labels was left aside, or taken for something."""


def reader_of(path: Path) -> Reader | None:
    """Return what reads the labels at a path; None for a NIfTI mask, or what is not there."""
    return next((reader for reader in READERS.values() if reader.recognises(path)), None)


def read_labels_at(
    path: str | Path,
    *,
    scheme: LabelScheme | None = None,
    like: Stack | None = None,
    allow_empty: bool = False,
) -> Mask:
    """Read labels in any format into our own integers.

    Parameters
    ----------
    path
        A NIfTI mask (with ITK-SNAP's label description beside it or not), a DICOM segmentation, a
        ``.seg.nrrd`` file or a folder of them, a folder of contours as text, a cvi42 workspace.
    scheme
        Of a NIfTI mask that does not say; all others name their structures.
    like
        The images that it was drawn on, on whose grid the labels are then. Formats that refer to
        images need it.
    allow_empty
        Whether a mask without any label is one.

    Returns
    -------
    Mask
        With the contours as they were drawn, where they are in the file or kept beside it.

    Raises
    ------
    InputError
        As `read_mask`, or if the file needs its images, or a library that is not installed.

    Warns
    -----
    LabelsWarning
        Of what was left aside.
    DoubtWarning
        If the labels do not fit their image (`misfit`).
    """
    path = Path(path)
    reader = reader_of(path)
    if reader is None:
        mask = read_mask(path, scheme=scheme, like=like, allow_empty=allow_empty)
        return replace(mask, contours=kept_contours(path))
    found = reader.read(path, like)
    for note in found.notes:
        warnings.warn(f"{path}: {note}", LabelsWarning, stacklevel=2)
    if not found.labels.any() and not allow_empty:
        raise InputError(f"{path}: no label that is one of ours; name one with labelled slices")
    unlike = misfit(found.labels, like) if like is not None else None
    if unlike:
        warnings.warn(f"{path}: {unlike}", DoubtWarning, stacklevel=2)
    return _mask(found, path, like)


def _mask(found: Found, path: Path, like: Stack | None) -> Mask:
    affine = found.affine if like is None else like.affine
    if affine is None:
        raise InputError(f"{path}: does not say where it lies; name its study with --study")
    z, y, x = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    return Mask(
        found.labels,
        scheme=UKBB,
        told_by=ToldBy.FORMAT,
        name=name_of(path),
        affine=affine,
        spacing_mm=(float(z), float(y), float(x)),
        header=b"",
        source=path,
        orientation_known=True if like is None else like.orientation_known,
        frame_interval_s=None if like is None else like.frame_interval_s,
        contours=found.contours or kept_contours(path),
    )
