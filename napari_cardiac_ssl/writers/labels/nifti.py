"""Masks out as NIfTI, with ITK-SNAP's label description beside them if that is wanted."""

from pathlib import Path

from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.contours import kept_beside
from napari_cardiac_ssl.writers.labels.format import Drawing, LabelFormat
from napari_cardiac_ssl.writers.masks import write_mask


def write_nifti(path: Path, drawing: Drawing) -> tuple[Path, ...]:
    """Write a mask, and beside it the contours that it was made of."""
    mask = write_mask(
        path,
        drawing.labels,
        like=drawing.like,
        scheme=drawing.scheme,
        review=drawing.review,
        apart=drawing.apart,
    )
    return (mask, *drawing.keep_contours(path))


def write_itk_snap(path: Path, drawing: Drawing) -> tuple[Path, ...]:
    """Write a mask, and beside it ``NAME_labels.txt``, which ITK-SNAP loads: names and colours."""
    files = write_nifti(path, drawing)
    description = kept_beside(path).with_name(
        kept_beside(path).name.replace("_contours.json", "_labels.txt")
    )
    lines = [
        "################################################",
        "# ITK-SnAP Label Description File",
        "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
        "################################################",
        '    0     0    0    0        0  0  0    "Clear Label"',
    ]
    scheme = drawing.scheme
    for code, structure in zip(scheme.integers, scheme.structures, strict=True):
        red, green, blue = bytes.fromhex(structure.colour.lstrip("#"))
        lines.append(f'{code:5} {red:5} {green:4} {blue:4}        1  1  1    "{structure}"')
    lines += [f'{o.integer:5}   128  128  128        1  1  1    "{o.name}"' for o in scheme.apart]
    with replacing(description) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="ascii")
    return (*files, description)


NIFTI = LabelFormat(
    "nifti",
    "Mask",
    "The labels on the image's own grid, NIfTI.",
    ".nii.gz",
    write_nifti,
)
ITK_SNAP = LabelFormat(
    "itk-snap",
    "Mask for ITK-SNAP",
    "The mask, and beside it a text that names its integers and colours.",
    "_itksnap.nii.gz",
    write_itk_snap,
)
