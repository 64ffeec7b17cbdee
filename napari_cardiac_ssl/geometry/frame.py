"""How a heart lies in the patient: from its long-axis views, or from three landmarks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import (
    Plane,
    as_direction,
    as_point,
    freeze,
    meeting_line,
)
from napari_cardiac_ssl.study import Stack, Study

#: From towards the RV to towards anterior, along the 4CH and the 2CH plane, where the planes come
#: from landmarks: views are planned so, and the open multi-view case has 122 degrees.
ANGLE_DEG = 120.0

#: From base to apex in most people, RAS+: left, anterior, down. Between the open multi-view case
#: and textbooks.
TYPICAL_AXIS = np.array([-0.52, 0.62, -0.59]) / np.linalg.norm([-0.52, 0.62, -0.59])

#: A stack whose axes are the patient's within this was never planned on a heart: the file does
#: not say how it lies.
_ALIGNED_DEG = 1.0
#: Shorter than any LV, and nearer to the long axis than any RV wall: a slip of the mouse.
_LEAST_LENGTH_MM = 20.0
_LEAST_RV_MM = 10.0


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Three clicks of a reader, in place of long-axis views.

    Parameters
    ----------
    lv_base, lv_apex
        Centre of the LV cavity at its base and near its apex, RAS+ mm, shape ``(3,)``.
    rv_lateral
        A point on the lateral wall of the RV, RAS+ mm, shape ``(3,)``.

    Raises
    ------
    InputError
        If a point is not three finite numbers, or they cannot be those of a heart: base and apex
        nearer than 20 mm, or the RV's wall nearer than 10 mm to the long axis.
    """

    lv_base: NDArray[np.float64]
    lv_apex: NDArray[np.float64]
    rv_lateral: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the points, and look whether they can be true."""
        for name in ("lv_base", "lv_apex", "rv_lateral"):
            freeze(self, name, as_point(getattr(self, name), f"the landmark {name}"))
        length = float(np.linalg.norm(self.lv_apex - self.lv_base))
        if length < _LEAST_LENGTH_MM:
            raise InputError(
                f"the landmarks lv_base and lv_apex are {length:.1f} mm apart (at least "
                f"{_LEAST_LENGTH_MM:.0f} are needed); set them in a basal and an apical slice"
            )
        aside = float(np.linalg.norm(_across(self.rv_lateral - self.lv_base, self.towards_apex)))
        if aside < _LEAST_RV_MM:
            raise InputError(
                f"the landmark rv_lateral is {aside:.1f} mm from the LV's long axis (at least "
                f"{_LEAST_RV_MM:.0f} are needed); set it on the outer wall of the RV"
            )

    @property
    def towards_apex(self) -> NDArray[np.float64]:
        """Unit direction from base to apex, RAS+."""
        return as_direction(self.lv_apex - self.lv_base, "the long axis")

    @classmethod
    def of(cls, points: Mapping[str, ArrayLike]) -> "Landmarks":
        """Make landmarks from named points, as a landmark file holds them.

        Raises
        ------
        InputError
            If one is missing, or as above.

        Examples
        --------
        >>> Landmarks.of({"lv_base": [0, 0, 0], "lv_apex": [0, 0, -80], "rv_lateral": [60, 0, 0]})
        Landmarks(lv_base=array([0., 0., 0.]), lv_apex=array([  0.,   0., -80.]), \
rv_lateral=array([60.,  0.,  0.]))
        """
        names = ("lv_base", "lv_apex", "rv_lateral")
        missing = [name for name in names if name not in points]
        if missing:
            raise InputError(
                f"missing landmark {', '.join(missing)}; a study needs {', '.join(names)}"
            )
        return cls(*(np.asarray(points[name]) for name in names))

    def points(self) -> dict[str, list[float]]:
        """Return the points as a landmark file holds them, to a hundredth of a millimetre.

        Examples
        --------
        >>> Landmarks([0, 0, 0], [0, 0, -80], [60, 0, 1 / 3]).points()["rv_lateral"]
        [60.0, 0.0, 0.33]
        """
        names = ("lv_base", "lv_apex", "rv_lateral")
        return {name: [round(float(x), 2) + 0.0 for x in getattr(self, name)] for name in names}


@dataclass(frozen=True, eq=False)
class AnatomicalFrame:
    """How a heart lies: the planes of its views, and which way is which.

    Made by `from_planes`, `from_landmarks` or `frame_of`.

    Parameters
    ----------
    two_chamber, four_chamber, short_axis
        Planes of the views. `short_axis` is one in the middle of the LV; it says where the
        centre is in the 4CH view.
    centre_mm
        A point of the long axis (2CH ∩ 4CH) near the middle of the heart, RAS+ mm, shape ``(3,)``.
    towards_apex, towards_rv, towards_anterior
        Unit directions, RAS+, shape ``(3,)``: along the long axis; across it in the 4CH plane and
        in the 2CH plane.
    """

    two_chamber: Plane
    four_chamber: Plane
    short_axis: Plane
    centre_mm: NDArray[np.float64]
    towards_apex: NDArray[np.float64]
    towards_rv: NDArray[np.float64]
    towards_anterior: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays, so that nobody else can change them."""
        freeze(self, "centre_mm", as_point(self.centre_mm, "the heart's centre"))
        for name in ("towards_apex", "towards_rv", "towards_anterior"):
            freeze(self, name, as_direction(getattr(self, name), name))

    @classmethod
    def from_planes(
        cls, two_chamber: Plane, four_chamber: Plane, short_axis: Plane | None = None
    ) -> "AnatomicalFrame":
        """Make a frame from the planes of long-axis views, as their headers tell them.

        The patient's axes decide the signs: the RV is to the right of the LV, and the 2CH plane's
        positive side is anterior and superior. The apex then follows from the handedness of hearts.

        Parameters
        ----------
        two_chamber, four_chamber
            Their points are best the middles of the views (`Plane.of_slice`).
        short_axis
            The middle slice of the short-axis stack; by default across the long axis, in the
            middle of the views.

        Raises
        ------
        InputError
            If the planes are nearly parallel.

        Examples
        --------
        >>> frame = AnatomicalFrame.from_planes(Plane([0, 0, 0], [-1, 0, 0]),
        ...                                     Plane([0, 0, 0], [0, 1, 0]))
        >>> frame.towards_rv, frame.towards_anterior, frame.towards_apex
        (array([1., 0., 0.]), array([0., 1., 0.]), array([ 0.,  0., -1.]))
        """
        axis = meeting_line(two_chamber, four_chamber)
        towards_rv = np.cross(axis.direction, four_chamber.normal)
        if towards_rv[0] < 0:
            towards_rv = -towards_rv
        towards_anterior = np.cross(axis.direction, two_chamber.normal)
        if towards_anterior[1] + towards_anterior[2] < 0:
            towards_anterior = -towards_anterior
        apex = axis.direction
        if apex @ np.cross(towards_anterior, towards_rv) < 0:
            apex = -apex
        return cls(
            two_chamber,
            four_chamber,
            short_axis or Plane(axis.point_mm, apex),
            axis.point_mm,
            apex,
            towards_rv,
            towards_anterior,
        )

    @classmethod
    def from_landmarks(
        cls, landmarks: Landmarks, *, angle_deg: float = ANGLE_DEG, mirrored: bool = False
    ) -> "AnatomicalFrame":
        """Make a frame from three landmarks, for a study without long-axis views.

        The long axis is the line through base and apex. The 4CH plane holds it and the RV's wall;
        the 2CH plane holds it, turned from the 4CH plane's RV side towards anterior. Anterior
        follows from the handedness of hearts: ``towards RV × towards anterior`` points to the
        base. The patient's axes are not asked.

        Parameters
        ----------
        landmarks
            Where.
        angle_deg
            From towards the RV to towards anterior in the 2CH plane.
        mirrored
            Whether the landmarks' coordinates are a mirror image of the patient (`is_mirrored`).

        Raises
        ------
        InputError
            If the angle makes the planes nearly parallel.

        Examples
        --------
        >>> frame = AnatomicalFrame.from_landmarks(
        ...     Landmarks([0, 0, 0], [0, 0, -80], [60, 0, -20]), angle_deg=90
        ... )
        >>> frame.towards_rv, frame.towards_anterior.round(9), frame.centre_mm
        (array([1., 0., 0.]), array([0., 1., 0.]), array([  0.,   0., -40.]))
        """
        apex = landmarks.towards_apex
        rv = as_direction(_across(landmarks.rv_lateral - landmarks.lv_base, apex), "the RV's side")
        at_right_angles = np.cross(rv, apex) * (-1 if mirrored else 1)
        turned = np.deg2rad(angle_deg)
        anterior = np.cos(turned) * rv + np.sin(turned) * at_right_angles
        centre = (landmarks.lv_base + landmarks.lv_apex) / 2
        two_chamber = Plane(centre, np.cross(anterior, apex))
        four_chamber = Plane(centre, np.cross(rv, apex))
        meeting_line(two_chamber, four_chamber)  # refuses an angle that makes them parallel
        return cls(
            two_chamber,
            four_chamber,
            Plane(centre, apex),
            centre,
            apex,
            rv,
            anterior,
        )

    def moved(
        self, *, rotation_deg: ArrayLike = (0, 0, 0), shift_mm: ArrayLike = (0, 0, 0)
    ) -> "AnatomicalFrame":
        """Return the frame turned about its centre and then shifted: planes as planned less well.

        Parameters
        ----------
        rotation_deg
            A rotation vector (axis times angle), RAS+, degrees, shape ``(3,)``.
        shift_mm
            RAS+ mm, shape ``(3,)``.

        Examples
        --------
        >>> frame = AnatomicalFrame.from_planes(Plane([0, 0, 0], [-1, 0, 0]),
        ...                                     Plane([0, 0, 0], [0, 1, 0]))
        >>> frame = frame.moved(rotation_deg=[0, 0, 90], shift_mm=[0, 0, 5])
        >>> frame.towards_rv.round(9) + 0.0, frame.centre_mm
        (array([0., 1., 0.]), array([0., 0., 5.]))
        """
        turn = _rotation(np.asarray(rotation_deg, dtype=np.float64))
        centre = self.centre_mm + np.asarray(shift_mm, dtype=np.float64)

        def move(plane: Plane) -> Plane:
            return Plane(centre + turn @ (plane.point_mm - self.centre_mm), turn @ plane.normal)

        return AnatomicalFrame(
            move(self.two_chamber),
            move(self.four_chamber),
            move(self.short_axis),
            centre,
            turn @ self.towards_apex,
            turn @ self.towards_rv,
            turn @ self.towards_anterior,
        )


def along_patient_axes(affine: NDArray[np.float64]) -> bool:
    """Tell whether a grid's axes are said to be the patient's, within a degree.

    No heart's short axis lies so: such an affine is that of the spacing alone.

    Examples
    --------
    >>> along_patient_axes(np.diag([-1.5, 1.5, 10.0, 1.0]))
    True
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool((np.abs(axes).max(axis=0) > np.cos(np.deg2rad(_ALIGNED_DEG))).all())


def is_mirrored(stack: Stack, towards_apex: NDArray[np.float64]) -> bool:
    """Tell whether a stack's coordinates are a mirror image of the patient.

    Many files do not say how they lie in the patient: their axes are said to be the patient's,
    which no short-axis stack's are, and slices are numbered from the base as often as from the
    apex. Which way the stack's third axis goes is then chance, and half of such files are mirror
    images. What can be relied on is that the pictures are shown as usual: short-axis slices as
    seen from the apex, so that into the picture is towards the base.

    Parameters
    ----------
    stack
        A short-axis stack.
    towards_apex
        Direction from base to apex in the stack's coordinates, shape ``(3,)``.

    Returns
    -------
    bool
        Always False if the stack says how it lies.

    Examples
    --------
    >>> stack = Stack(np.zeros((1, 9, 8, 8)), np.diag([-1.5, -1.5, 10.0, 1.0]))
    >>> is_mirrored(stack, np.array([0, 0, 1])), is_mirrored(stack, np.array([0, 0, -1]))
    (True, False)
    """
    if stack.orientation_known and not along_patient_axes(stack.affine):
        return False
    normal = Plane.of_slice(stack).normal
    across = int(np.abs(normal).argmax())
    # Transverse pictures are shown from below, sagittal ones from the left, coronal ones from
    # the front: into the picture is towards +z, +x, -y.
    into = np.array([1.0, -1.0, 1.0])[across]
    return bool(into * np.asarray(towards_apex)[across] > 0)


def frame_of(
    study: Study, landmarks: Landmarks | None = None, *, angle_deg: float = ANGLE_DEG
) -> AnatomicalFrame:
    """Make the frame of a study: from landmarks where they are given, else from its views.

    A study without a short-axis stack is taken to have one across the long axis.

    Raises
    ------
    InputError
        If there are no landmarks and a view is missing, its views are in different frames of
        reference, or planes are nearly parallel.

    Examples
    --------
    >>> sax = Stack(np.zeros((1, 9, 8, 8)), np.diag([-1.5, -1.5, -10.0, 1.0]))
    >>> clicked = Landmarks([0, 0, 0], [0, 0, -80], [60, 0, -20])
    >>> frame_of(Study("p", (sax,)), clicked).towards_rv
    array([1., 0., 0.])
    """
    sax = next((stack for stack in study.stacks if stack.view is View.SAX), None)
    if landmarks is not None:
        mirrored = sax is not None and is_mirrored(sax, landmarks.towards_apex)
        return AnatomicalFrame.from_landmarks(landmarks, angle_deg=angle_deg, mirrored=mirrored)
    views = {stack.view for stack in study.stacks}
    missing = [view for view in (View.LAX_2CH, View.LAX_4CH) if view not in views]
    if missing:
        raise InputError(
            f"{study.name}: no {' and no '.join(missing)} view, so where the long-axis planes cut "
            "the slices is unknown; give three landmarks instead"
        )
    long_axis = study.stack(View.LAX_2CH), study.stack(View.LAX_4CH)
    check_one_reference(study.name, *long_axis, *([sax] if sax else []))
    two_chamber, four_chamber = (Plane.of_slice(stack) for stack in long_axis)
    short_axis = Plane.of_slice(sax) if sax else None
    try:
        return AnatomicalFrame.from_planes(two_chamber, four_chamber, short_axis)
    except InputError as error:
        raise InputError(f"{study.name}, LAX_2CH and LAX_4CH: {error}") from error


def in_one_reference(*stacks: Stack) -> bool:
    """Tell whether positions in stacks compare, as far as their files say.

    Examples
    --------
    >>> in_one_reference(Stack(np.zeros((1, 1, 8, 8)), np.eye(4)))
    True
    """
    return len({stack.reference_uid for stack in stacks if stack.reference_uid}) < 2


def check_one_reference(name: str, *stacks: Stack) -> None:
    """Refuse stacks whose positions do not compare.

    Raises
    ------
    InputError
        If their files name different frames of reference.

    Examples
    --------
    >>> check_one_reference("p", Stack(np.zeros((1, 1, 8, 8)), np.eye(4)))
    """
    if not in_one_reference(*stacks):
        said = {stack.view: stack.reference_uid for stack in stacks if stack.reference_uid}
        which = ", ".join(f"{view} …{uid[-12:]}" for view, uid in said.items())
        raise InputError(
            f"{name}: the views are in different frames of reference ({which}): the person was "
            "moved in between, so where they meet is unknown; give three landmarks instead"
        )


def _across(vector: NDArray[np.float64], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of a vector that is at right angles to a unit axis."""
    return np.asarray(vector - (vector @ axis) * axis)


def _rotation(vector_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of a rotation vector (Rodrigues' formula)."""
    angle = np.deg2rad(np.linalg.norm(vector_deg))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector_deg / np.linalg.norm(vector_deg)
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K)
