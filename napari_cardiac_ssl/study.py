"""What was scanned, immutable: studies, stacks, slices."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.person import Person

_Number = TypeVar("_Number", bound=np.generic)


class SliceIndex(NamedTuple):
    """Which slice of which frame.

    Parameters
    ----------
    t
        Frame, from 0.
    z
        Slice, from 0.
    """

    t: int
    z: int


@dataclass(frozen=True)
class NiftiSource:
    """The NIfTI file that a stack was read from.

    Parameters
    ----------
    path
        The file; the folder, if each of its files is a slice.
    """

    path: Path


class DicomInstance(NamedTuple):
    """Where one slice of one frame is stored: what others refer to it by.

    Parameters
    ----------
    path
        Its file.
    sop_uid, sop_class_uid
        SOPInstanceUID and SOPClassUID as the file has them; empty where it has none.
    frame
        Its number in a multi-frame file, from 1; None in a single-frame file.
    """

    path: Path
    sop_uid: str
    sop_class_uid: str
    frame: int | None = None


@dataclass(frozen=True)
class DicomSource:
    """The DICOM instances that a stack was assembled from.

    Parameters
    ----------
    path
        The file or folder that was opened.
    instances
        ``instances[t][z]``. Where a frame is missing, the one that is shown in its place.
    study_uid
        StudyInstanceUID of the first instance; empty if it has none.
    series_uids
        All SeriesInstanceUIDs, in the order of slices.
    reference_uid
        FrameOfReferenceUID: positions of two stacks compare only within one. None where the
        files have none, or where every file has one of its own, which then says nothing.
    person
        Size and sex as the files have them, as far as they can be a person's.
    """

    path: Path
    instances: tuple[tuple[DicomInstance, ...], ...] = ()
    study_uid: str = ""
    series_uids: tuple[str, ...] = ()
    reference_uid: str | None = None
    person: Person = field(default=Person(), repr=False)


def reordered(values: NDArray[_Number], axes: Sequence[int]) -> NDArray[_Number]:
    """Return a view of an array ``(t, z, y, x)`` whose x, y and z are its `axes`.

    Examples
    --------
    >>> stored = np.zeros((1, 9, 8, 7))  # x has 7
    >>> reordered(stored, (1, 2, 0)).shape
    (1, 7, 9, 8)
    >>> reordered(reordered(stored, (1, 2, 0)), np.argsort((1, 2, 0))).shape  # and back
    (1, 9, 8, 7)
    """
    return values.transpose(0, *(3 - int(axis) for axis in reversed(list(axes))))


@dataclass(frozen=True, eq=False)
class Stack:
    """One image series as an array, with where it lies in the patient.

    Parameters
    ----------
    image
        Shape ``(t, z, y, x)``, finite, real values as the file means them (slope and intercept
        applied). Made read-only.
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm, as in NIfTI. Made read-only.
    view
        Which plane it shows.
    name
        What users call it: the file's name without its ending, or the series' description.
    frame_interval_s
        Time between frames in seconds; None where the file does not say.
    source
        What it was read from; None for what was made here.
    header
        The input file's own header, as it stood on disk. Writers keep it bit for bit; nobody
        else reads it.
    is_4d
        Whether the file has a time axis. A single frame may be a 3-D or a 4-D file.
    contrast
        What kind of pictures they are ("tagged", "T1 map", "in no order", …); "" for plain ones,
        as cines are.
    orientation_known
        Whether the file says how the stack lies in the patient. If not, the affine is that of the
        spacing alone, and its axes are not the patient's.
    stored_axes
        Which axis of the file became x, y and z here. Files may store the slices along any axis;
        a stack has them along z. Only readers and writers need to know.
    """

    image: NDArray[np.generic]
    affine: NDArray[np.float64]
    view: View = View.SAX
    name: str = "stack"
    frame_interval_s: float | None = None
    source: NiftiSource | DicomSource | None = None
    header: bytes | None = field(default=None, repr=False)
    is_4d: bool = True
    orientation_known: bool = True
    contrast: str = ""
    stored_axes: tuple[int, int, int] = (0, 1, 2)

    def __post_init__(self) -> None:
        """Check shapes, and make the arrays read-only views."""
        if self.image.ndim != 4 or 0 in self.image.shape:
            raise InputError(
                f"{self.name}: a stack is an array (t, z, y, x) with at least one voxel; this one "
                f"has shape {self.image.shape}"
            )
        affine = np.array(self.affine, dtype=np.float64)
        if (
            affine.shape != (4, 4)
            or not np.isfinite(affine).all()
            or abs(np.linalg.det(affine)) < 1e-9
        ):
            raise InputError(
                f"{self.name}: the affine must be a finite, invertible 4 x 4 matrix; it is "
                f"{affine.tolist()}"
            )
        image = self.image.view()
        image.flags.writeable = affine.flags.writeable = False
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "affine", affine)

    @property
    def path(self) -> Path | None:
        """The file or folder that it was read from."""
        return self.source.path if self.source else None

    @property
    def series_uids(self) -> tuple[str, ...]:
        """The DICOM series that it was assembled from; empty for other files."""
        return self.source.series_uids if isinstance(self.source, DicomSource) else ()

    @property
    def reference_uid(self) -> str | None:
        """The DICOM frame of reference; None for other files, or where it says nothing."""
        return self.source.reference_uid if isinstance(self.source, DicomSource) else None

    @property
    def person(self) -> Person:
        """Whose heart it is, as far as the files say: DICOM alone does."""
        return self.source.person if isinstance(self.source, DicomSource) else Person()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.image.shape[0])

    @property
    def slices(self) -> int:
        """Number of slices."""
        return int(self.image.shape[1])

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along ``(z, y, x)``, mm.

        Examples
        --------
        >>> stack = Stack(np.zeros((1, 2, 3, 4)), np.diag([1.5, 1.25, 10, 1]))
        >>> stack.spacing_mm
        (10.0, 1.25, 1.5)
        """
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the voxels and the affine: the stack's identity, whatever its file's name."""
        sha = hashlib.sha256(repr((self.image.shape, self.image.dtype.str)).encode())
        sha.update(np.ascontiguousarray(self.affine).data)
        for frame in self.image:
            sha.update(np.ascontiguousarray(frame).data)
        return sha.hexdigest()

    def world_mm(self, voxels_xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map voxel coordinates to RAS+ mm.

        Parameters
        ----------
        voxels_xyz
            Shape ``(..., 3)``, in the order x, y, z.

        Returns
        -------
        NDArray
            Shape ``(..., 3)``, RAS+ mm.

        Examples
        --------
        >>> affine = np.diag([1.5, 1.25, 10, 1]); affine[:3, 3] = [-20, 5, 0]
        >>> Stack(np.zeros((1, 2, 3, 4)), affine).world_mm(np.array([2, 0, 1]))
        array([-17.,   5.,  10.])
        """
        return np.asarray(voxels_xyz @ self.affine[:3, :3].T + self.affine[:3, 3])

    def voxel_xyz(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map RAS+ mm to voxel coordinates ``(x, y, z)``: the inverse of `world_mm`.

        Examples
        --------
        >>> stack = Stack(np.zeros((1, 2, 3, 4)), np.diag([1.5, 1.25, 10, 1]))
        >>> stack.voxel_xyz(np.array([3.0, 1.25, 10.0]))
        array([2., 1., 1.])
        """
        inverse = np.linalg.inv(self.affine)
        return np.asarray(points_mm @ inverse[:3, :3].T + inverse[:3, 3])

    def as_stored(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Return an array on this stack's grid with its axes in the file's order."""
        return reordered(values, [int(axis) for axis in np.argsort(self.stored_axes)])

    @property
    def first_frame(self) -> "Stack":
        """The first frame alone, as a stack of three dimensions on the same grid."""
        return self if not self.is_4d else replace(self, image=self.image[:1], is_4d=False)

    def as_view(self, view: View) -> "Stack":
        """Return the same stack taken for another view. It keeps its digest.

        Examples
        --------
        >>> stack = Stack(np.zeros((1, 1, 4, 4)), np.eye(4), View.OTHER)
        >>> stack.as_view(View.SAX).view.short, stack.as_view(View.SAX).digest == stack.digest
        ('SAX', True)
        """
        same = replace(self, view=view)
        if "digest" in vars(self):  # of many megabytes: it is not calculated twice
            vars(same)["digest"] = self.digest
        return same

    def slice_indices(self) -> list[SliceIndex]:
        """Return every slice of every frame, in order."""
        return [SliceIndex(t, z) for t in range(self.frames) for z in range(self.slices)]


def in_time(stacks: Sequence[Stack]) -> Stack:
    """Return stacks of one grid, such as ED and ES in files of their own, as the frames of one.

    It is named after the first. As it is no file's, it has no header.

    Examples
    --------
    >>> ed, es = (Stack(np.full((1, 2, 4, 4), value), np.eye(4)) for value in (1, 2))
    >>> both = in_time([ed, es])
    >>> both.frames, both.image[:, 0, 0, 0].tolist()
    (2, [1, 2])
    >>> in_time([ed]) is ed
    True
    """
    if len(stacks) == 1:
        return stacks[0]
    image = np.concatenate([stack.image for stack in stacks])
    return replace(stacks[0], image=image, header=None, is_4d=True)


@dataclass(frozen=True, eq=False)
class Study:
    """One examination of one person.

    Parameters
    ----------
    name
        What users call it: the folder's or file's name.
    stacks
        Its image series.
    notes
        What the user should know of how it was read, a line each: doubtful views, frames or
        slices that are missing, files left aside.
    """

    name: str
    stacks: tuple[Stack, ...]
    notes: tuple[str, ...] = ()

    def stack(self, view: View) -> Stack:
        """Return the first stack of a view.

        Raises
        ------
        InputError
            If the study has none.
        """
        for stack in self.stacks:
            if stack.view is view:
                return stack
        found = ", ".join(stack.view for stack in self.stacks) or "nothing"
        raise InputError(f"{self.name}: no {view} stack; found {found}")

    def pictures_of(self, view: View) -> "tuple[Stack, ...]":
        """Return the stacks of a view that show the heart beat, as far as there are some.

        Beside plain pictures other contrasts are left out (tagged, maps, …), beside cines stills.

        Examples
        --------
        >>> cine = Stack(np.zeros((2, 1, 4, 4)), np.eye(4))
        >>> tagged, still = replace(cine, contrast="tagged"), cine.first_frame
        >>> Study("p", (tagged, still, cine)).pictures_of(View.SAX) == (cine,)
        True
        >>> Study("p", (tagged, still)).pictures_of(View.SAX) == (still,)
        True
        """
        alike = [stack for stack in self.stacks if stack.view is view]
        plain = [stack for stack in alike if not stack.contrast] or alike
        return tuple([stack for stack in plain if stack.frames > 1] or plain)

    def with_view(self, stack: Stack, view: View) -> "tuple[Study, Stack]":
        """Return the study with another view for one of its stacks, and that stack.

        Examples
        --------
        >>> stack = Stack(np.zeros((1, 1, 4, 4)), np.eye(4), View.OTHER)
        >>> study, stack = Study("p", (stack,)).with_view(stack, View.LAX_2CH)
        >>> study.stack(View.LAX_2CH) is stack
        True
        """
        corrected = stack.as_view(view)
        stacks = tuple(corrected if one is stack else one for one in self.stacks)
        return replace(self, stacks=stacks), corrected
