"""Which view is which: by how the planes lie in the patient first, by what they are called second.

A heart is sought that explains all planes at the least cost: the direction of its long axis, how
far its 4CH plane is turned about that axis, and where the LV lies across it. Given a heart, every
view has a place: SAX across the axis; 4CH, 2CH and 3CH through the LV, turned by 0°, 60° and 120°
about the axis; RV 2CH beside the 2CH plane on the RV's side; RVOT near sagittal and to the right of
the LV. A deviation costs its square over what is usual (radiographers plan within 10° or so, hearts
lie within 20° of a typical one); a description that agrees is worth `_SAID`, less than a lie of
30°. Directions are RAS+, lengths mm.
"""

import re
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import TYPICAL_AXIS

#: The turn of the 4CH plane from the patient's left, in the plane across the axis; degrees.
_TYPICAL_TURN, _TURN_SD = -16.0, 20.0
_TURNS = np.arange(-70.0, 40.0, 3.0)
_VIEWS: tuple[View, ...] = tuple(View)
#: An axis further than this from the typical one is taken for an axial, coronal or sagittal plane.
_FARTHEST_DEG = 45.0
#: Nobody plans so many parallel slices through the long axis: they are SAX, or axial and the like.
_MANY = 6
_LONG_AXIS = [i for i, view in enumerate(View) if view not in {View.SAX, View.OTHER}]
#: What a description that agrees is worth, and what it costs to leave a plane unexplained.
_SAID, _UNEXPLAINED = 5.0, 14.0
#: A second reading that costs so little more than the first is said (odds of about 7 to 1).
_DOUBTFUL = 4.0

#: In which order words are sought: RV views name a long-axis view too, and OTHER says least.
_SOUGHT = sorted(View, key=lambda view: (view is not View.OTHER, _VIEWS.index(view)), reverse=True)


@dataclass(frozen=True, eq=False)
class PlaneSet:
    """The parallel planes of one series.

    Parameters
    ----------
    name
        How messages call it.
    said
        The view that its description names, if any.
    normal
        Unit normal, RAS; its sign does not matter.
    centre_mm
        Middle of all its slices, RAS mm.
    slices, frames
        How many.
    """

    name: str
    said: View | None
    normal: NDArray[np.float64]
    centre_mm: NDArray[np.float64]
    slices: int
    frames: int


@dataclass(frozen=True)
class Verdict:
    """Which view a series shows, and why that may be doubted.

    Parameters
    ----------
    view
        The most plausible one.
    doubt
        One line, where the description says otherwise or another view is nearly as plausible.
    """

    view: View
    doubt: str | None = None


@dataclass(frozen=True, eq=False)
class _Reading:
    """Costs under all hearts with one long axis: per plane and view, and the heart's best."""

    costs: NDArray[np.float64]  # (planes, views): least total with this plane in this view
    angles: NDArray[np.float64]  # (planes,): about the axis from the 4CH plane, in the best heart
    beside: NDArray[np.float64]  # (planes,): mm from the LV towards the RV, in the best heart


def view_said(text: str) -> View | None:
    """Return the view that a series' description names.

    Examples
    --------
    >>> [view_said(t) for t in ("cine_trufi_retro 4CH", "RV 2ch", "SA_stack", "cine", "LAX 2C")]
    [<View.LAX_4CH: 'LAX_4CH'>, <View.RV_2CH: 'RV_2CH'>, <View.SAX: 'SAX'>, None, None]
    """
    words = re.sub(r"[_\W]+", " ", text.lower())
    return next((view for view in _SOUGHT if re.search(view.words, words)), None)


def tell_views(planes: list[PlaneSet]) -> list[Verdict]:
    """Tell the view of every series of one examination.

    Examples
    --------
    >>> axis = np.array([-0.5, 0.6, -0.62]) / np.linalg.norm([-0.5, 0.6, -0.62])
    >>> stack = PlaneSet("a", None, axis, np.zeros(3), slices=9, frames=25)
    >>> tell_views([stack])[0].view.value
    'SAX'
    """
    named = [plane for plane in planes if plane.said is not View.OTHER]
    if not named:
        return [Verdict(View.OTHER)] * len(planes)
    if len(named) < len(planes):  # localizers and the like say nothing of the heart
        verdicts = iter(tell_views(named))
        return [
            Verdict(View.OTHER) if plane.said is View.OTHER else next(verdicts) for plane in planes
        ]
    readings = [_read(planes, axis, cost) for axis, cost in _axes(planes)]
    best = min(readings, key=lambda reading: reading.costs.min())
    costs = np.min([reading.costs for reading in readings], axis=0)
    return [_verdict(plane, costs[i], best, i) for i, plane in enumerate(planes)]


def _verdict(plane: PlaneSet, costs: NDArray[np.float64], best: _Reading, i: int) -> Verdict:
    first, second = np.argsort(costs)[:2]
    view, other = _VIEWS[first], _VIEWS[second]
    angle, beside = best.angles[i], best.beside[i]
    where = f"its plane is turned by {angle:.0f}° about the long axis from the 4CH plane"
    if view in {View.RV_2CH, View.RVOT}:
        where += f" and passes {abs(beside):.0f} mm from the LV's axis towards the RV"
    if view is View.SAX:
        where = "its plane lies across the long axis"
    if view is View.OTHER:
        where = "its plane is none of the standard ones"
    if plane.said and plane.said != view:
        return Verdict(view, f"{plane.name} says {plane.said}, but {where}: taken for {view}")
    if plane.said == view and costs[second] < costs[first] + _SAID:
        return Verdict(
            view, f"{plane.name} says {view}, but by where its plane lies it may be {other}"
        )
    if plane.said != view and costs[second] < costs[first] + _DOUBTFUL:
        return Verdict(view, f"{plane.name}: {where}; taken for {view}, but it may be {other}")
    return Verdict(view)


def _axes(planes: list[PlaneSet]) -> list[tuple[NDArray[np.float64], float]]:
    """Return the directions that the long axis may have, and what it costs to believe each.

    Those are the planes' normals (one of them may be SAX), the lines in which planes meet (they
    may be long-axis planes), and a typical axis where there is nothing better.
    """
    found = [(TYPICAL_AXIS, 10.0)]
    met = [
        (np.cross(one.normal, other.normal), 4.0, _FARTHEST_DEG)
        for one, other in combinations(planes, 2)
        if np.linalg.norm(np.cross(one.normal, other.normal)) > 0.45
    ]
    # Who says SAX is believed of hearts that lie very differently too.
    own = [
        (plane.normal, 0.0, 75.0 if plane.said is View.SAX else _FARTHEST_DEG) for plane in planes
    ]
    for direction, penalty, farthest in own + met:
        axis = direction / np.linalg.norm(direction)
        axis = axis * np.sign(axis @ TYPICAL_AXIS or 1.0)
        off = np.degrees(np.arccos(np.clip(axis @ TYPICAL_AXIS, -1, 1)))
        if off < farthest and all(axis @ known < 0.9995 for known, _ in found[1:]):
            found.append((axis, float((off / 20) ** 2 + penalty)))
    # The most plausible suffice; a folder of many series has very many meeting lines.
    return [found[0], *sorted(found[1:], key=lambda pair: pair[1])[:60]]


def _read(planes: list[PlaneSet], axis: NDArray[np.float64], heart_cost: float) -> _Reading:
    """Return the costs of all hearts with this axis."""
    # Where the axis points straight forwards there is no left across it but the patient's own.
    left = np.cross([0.0, 1.0, 0.0] if abs(axis[1]) < 0.99 else [0.0, 0.0, -1.0], axis)
    left /= np.linalg.norm(left)
    up = np.cross(axis, left)  # anterior
    normals = np.array([plane.normal for plane in planes])
    centres = np.array([plane.centre_mm for plane in planes])
    tilts = np.degrees(np.arcsin(np.clip(np.abs(normals @ axis), 0, 1)))
    across = 90 - tilts < 15
    middle = (centres[across] if across.any() else centres).mean(axis=0)
    # In the plane across the axis a view plane is the line n · (s, t) = offset.
    lines = np.stack([normals @ left, normals @ up], axis=1)
    lines /= np.maximum(np.linalg.norm(lines, axis=1, keepdims=True), 1e-6)
    steep = np.maximum(np.cos(np.radians(tilts)), 0.2)
    offsets = np.einsum("ij,ij->i", normals, centres - middle) / steep
    turned = np.degrees(np.arctan2(-lines[:, 0], lines[:, 1]))  # of the line itself
    points = _lv_points(lines[tilts < 30], offsets[tilts < 30])

    # Axes: turn of the heart, place of the LV, plane.
    heart = (heart_cost + ((_TURNS - _TYPICAL_TURN) / _TURN_SD) ** 2)[:, None] + (
        (points**2).sum(axis=1) / 35**2
    )[None]
    angles = _half_turn(turned[None] - _TURNS[:, None])[:, None, :]
    to_rv = -np.stack([np.cos(np.radians(_TURNS)), np.sin(np.radians(_TURNS))], axis=1)
    away = (offsets[None] - points @ lines.T)[None]  # (1, points, planes)
    beside = away * np.where(to_rv @ lines.T < 0, -1.0, 1.0)[:, None, :]
    costs = _costs(angles, beside, tilts, np.abs(normals[:, 0]))
    for i, plane in enumerate(planes):
        if plane.said is not None:
            costs[..., i, _VIEWS.index(plane.said)] -= _SAID
        if plane.slices >= _MANY:
            costs[..., i, _LONG_AXIS] += _UNEXPLAINED
    weights = np.array([_weight(plane, planes) for plane in planes])
    costs *= weights[:, None]
    least = costs.min(axis=-1)
    totals = heart + least.sum(axis=-1)
    constrained = (totals[..., None] - least)[..., None] + costs
    turn, point = np.unravel_index(int(totals.argmin()), totals.shape)
    return _Reading(
        costs=constrained.min(axis=(0, 1)),
        angles=angles[turn, 0] % 180,
        beside=beside[turn, point],
    )


def _lv_points(lines: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the LV may lie across the axis: where planes meet, and on the nearest of each.

    Shape ``(points, 2)``, mm from the middle of the SAX images.
    """
    points = [np.zeros(2), *(lines * offsets[:, None])]
    for i, j in combinations(range(min(len(lines), 16)), 2):
        pair = lines[[i, j]]
        if abs(np.linalg.det(pair)) > 0.4:
            points.append(np.linalg.solve(pair, offsets[[i, j]]))
    return np.array([point for point in points if np.linalg.norm(point) < 120])


def _costs(
    angles: NDArray[np.float64],
    beside: NDArray[np.float64],
    tilts: NDArray[np.float64],
    sagittal: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return what it costs to take a plane for a view, shape ``(turns, points, planes, views)``.

    Parameters
    ----------
    angles
        About the long axis, from the 4CH plane, degrees.
    beside
        From the LV's axis towards the RV, mm.
    tilts
        Between the plane and the long axis, degrees.
    sagittal
        Cosine between the plane's normal and the patient's left.
    """
    shape = np.broadcast_shapes(angles.shape, beside.shape)
    costs = np.full((*shape, len(_VIEWS)), _UNEXPLAINED)
    on_axis = (beside / 9) ** 2 + (tilts / 10) ** 2
    for view, angle, usual in (
        (View.LAX_4CH, 0, 12),
        (View.LAX_2CH, 60, 14),
        (View.LAX_3CH, 120, 16),
    ):
        costs[..., _VIEWS.index(view)] = (_half_turn(angles - angle) / usual) ** 2 + on_axis
    costs[..., _VIEWS.index(View.SAX)] = ((90 - tilts) / 8) ** 2
    costs[..., _VIEWS.index(View.RV_2CH)] = (
        1 + (_half_turn(angles - 60) / 20) ** 2 + ((beside - 45) / 15) ** 2 + (tilts / 18) ** 2
    )
    off_sagittal = np.degrees(np.arccos(np.clip(sagittal, 0, 1)))
    costs[..., _VIEWS.index(View.RVOT)] = (
        2
        + (off_sagittal / 14) ** 2
        + (np.maximum(15 - beside, 0) / 10) ** 2
        + (np.maximum(beside - 70, 0) / 15) ** 2
        + (tilts / 25) ** 2
    )
    return costs


def _weight(plane: PlaneSet, planes: list[PlaneSet]) -> float:
    """Return how much a series says about the heart: stacks more, stills beside cines less."""
    weight = 1.0 if plane.slices < 3 else 3.0
    cines = any(other.frames > 1 for other in planes)
    return weight * (0.4 if cines and plane.frames == 1 else 1.0)


def _half_turn(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return angles between undirected lines, in [-90, 90)."""
    return np.asarray((angles_deg + 90) % 180 - 90)
