"""Images named on the command line: NIfTI files, or studies that hold a stack of a view."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, LabelScheme, View
from napari_cardiac_ssl.cli.console import count, warn
from napari_cardiac_ssl.cli.pairing import paired
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import SAME_GRID_MM, name_of, read_stack
from napari_cardiac_ssl.readers.nifti_geometry import stacks_apart_mm
from napari_cardiac_ssl.readers.studies import is_nifti, read_study
from napari_cardiac_ssl.study import DicomSource, Stack, in_time


def stacks_of(path: Path, view: View | None, otherwise: View) -> list[tuple[str, Stack]]:
    """Return the stacks of a view that a path names, each with the name that its results get.

    Parameters
    ----------
    path
        A NIfTI file, or a study: a DICOM folder or file, a folder of NIfTI views.
    view
        What a NIfTI file shows, whatever its name says, and which stacks of a study; None where
        the file's name tells.
    otherwise
        The view where nothing tells.

    Raises
    ------
    InputError
        If it cannot be read, or a study has no stack of the view.
    """
    if is_nifti(path):
        name = name_of(path)
        return [(name, read_stack(path, view=view, otherwise=otherwise))]
    study, wanted = read_study(path), view or otherwise
    for line in study.notes:  # before anything is computed
        warn(line)
    study.stack(wanted)  # says what there is instead
    alike = study.pictures_of(wanted)
    if not isinstance(alike[0].source, DicomSource):
        return [(stack.name, stack) for stack in alike]
    name = f"{study.name}_{wanted.file_name}"
    return [(f"{name}_{n}" if n > 1 else name, stack) for n, stack in enumerate(alike, start=1)]


def stack_of_view(path: Path, view: View | None, otherwise: View) -> Stack:
    """Return the one stack of a view that a path names.

    Raises
    ------
    InputError
        As `stacks_of`, or if there are several.
    """
    found = stacks_of(path, view, otherwise)
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise InputError(f"{path}: {len(found)} {found[0][1].view} stacks ({names}); name one file")
    return found[0][1]


def images_of(images: Sequence[Path], *masks: Sequence[Path]) -> dict[Path, Path]:
    """Return the image of each mask, where images are named.

    Parameters
    ----------
    images
        One for each mask, in the same order or told by their names; or none.
    masks
        Lists of masks, one after the other.

    Raises
    ------
    InputError
        If there are more or fewer, or names tell that they do not belong together.
    """
    if not images:
        return {}
    every = [mask for part in masks for mask in part]
    if len(images) != len(every):
        raise InputError(
            f"{count(len(images), 'image')} after --images for {count(len(every), 'mask')}; name "
            "one for each, in the same order"
        )
    found = list[Path]()
    for part in masks:
        own = images[len(found) : len(found) + len(part)]
        found += paired(part, own, called=("the mask", "the image"), again=True)
    return dict(zip(every, found, strict=True))


def image_of(mask: Path, images: Mapping[Path, Path]) -> Stack | None:
    """Return what a mask was drawn on, where it is named."""
    return stack_of_view(images[mask], None, View.SAX) if mask in images else None


def one_grid(images: Sequence[Stack]) -> Stack:
    """Return the images of ED and ES as one.

    Raises
    ------
    InputError
        If they do not lie on one grid.
    """
    apart = stacks_apart_mm(*images)
    if not apart <= SAME_GRID_MM:
        raise InputError(
            f"{images[1].name} does not lie on the grid of {images[0].name}: they are up to "
            f"{apart:.3g} mm apart (limit {SAME_GRID_MM} mm); measure the masks one by one"
        )
    return in_time(images)


def check_scheme(scheme: LabelScheme, view: View) -> None:
    """Refuse a scheme that cannot say what is contoured in a view.

    One that its user has spelled out may leave structures out, but not all.

    Raises
    ------
    InputError
        As said.
    """
    structures = STRUCTURES_OF_VIEW.get(view, ())
    unsaid = [s for s in structures if s not in scheme.structures]
    if len(unsaid) == len(structures) or (unsaid and scheme.is_preset):
        raise InputError(
            f"the scheme '{scheme.name}' has no integer for the {' and the '.join(unsaid)} of "
            f"{view}; use masks of the scheme ukbb, or say what the integers mean"
        )
