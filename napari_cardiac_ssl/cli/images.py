"""Images named on the command line: NIfTI files, or studies that hold a stack of a view."""

from pathlib import Path

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, LabelScheme, View
from napari_cardiac_ssl.cli.console import warn
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.nifti import name_of, read_stack
from napari_cardiac_ssl.readers.studies import is_nifti, read_study
from napari_cardiac_ssl.study import DicomSource, Stack


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
