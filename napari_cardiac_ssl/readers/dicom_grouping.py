"""Which pictures belong together: by grid, orientation and contrast, then by place.

*Families* are pictures that could lie in one stack: the same grid, parallel, of one contrast. A
family's *places* along its normal are split into *slabs* where the gap between them is wide. The
view of each slab is told (`dicom_views`); slabs of SAX that fit are joined again. At each place
there are one or more *runs* (`dicom_runs`); *layers* of them become the stacks. All comparisons are
of distances with tolerances; numbers and UIDs of series only tell apart what is alike in all that.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.dicom_files import Frame
from napari_cardiac_ssl.readers.dicom_runs import SAME_MM, Run, runs_of, without_copies
from napari_cardiac_ssl.readers.dicom_views import PlaneSet, Verdict, view_said

#: Slices whose normals differ by less are parallel.
_PARALLEL_DEG = 2.0
#: Grids whose pixels differ in size by a smaller share are the same.
_SAME_PIXELS = 1e-3
#: Two places this far apart are two views; many are one stack up to the widest gap anyone plans.
_TWO_VIEWS_MM, _WIDEST_GAP_MM = 30.0, 50.0
#: A series with so many slices is a stack of its own beside others at the same places.
_WHOLE = 3


@dataclass(eq=False)
class Slab:
    """Parallel slices of the same grid, along their normal.

    Parameters
    ----------
    places
        Per place its pictures, of one cine or of several.
    """

    places: list[list[Frame]]

    @property
    def first(self) -> Frame:
        """A picture of the first slice."""
        return self.places[0][0]

    @property
    def frames(self) -> int:
        """The number of pictures that most slices have."""
        return _usual([len(place) for place in self.places])

    @property
    def pictures(self) -> list[Frame]:
        """All pictures."""
        return [frame for place in self.places for frame in place]


@dataclass(eq=False)
class Layer:
    """The slices of one stack, each with its pictures in order.

    Parameters
    ----------
    view
        What it shows.
    runs
        Per slice, along the normal.
    notes
        What the user should know of it, a line each.
    """

    view: View
    runs: list[Run]
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Frame:
        """The first picture of the first slice."""
        return self.runs[0].first

    @property
    def slices(self) -> list[list[Frame]]:
        """Per slice its pictures."""
        return [run.frames for run in self.runs]

    @property
    def frames(self) -> int:
        """The number of pictures that most slices have."""
        return _usual([len(run.frames) for run in self.runs])

    @property
    def name(self) -> str:
        """How messages call it."""
        return series_name(self.first)


def families(frames: list[Frame]) -> list[list[Frame]]:
    """Group pictures that are alike in grid, orientation and contrast."""
    groups: list[list[Frame]] = []
    # Those whose header says most of the contrast first: what is not said fits everything.
    for frame in sorted(frames, key=lambda f: (-f.contrast.said, *f.series, f.number or 0.0)):
        for group in groups:
            if _is_alike(group[0], frame):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _is_alike(one: Frame, other: Frame) -> bool:
    limit = np.cos(np.radians(_PARALLEL_DEG))
    return bool(
        one.shape == other.shape
        and np.allclose(one.spacing_mm, other.spacing_mm, rtol=_SAME_PIXELS, atol=0)
        and one.right @ other.right > limit
        and one.down @ other.down > limit
        and one.contrast.is_like(other.contrast)
    )


def slabs_of(family: list[Frame]) -> tuple[list[Slab], list[Frame]]:
    """Split a family into slabs of places; and return which pictures are copies of others."""
    normal = family[0].normal
    depths = np.array([frame.position_mm @ normal for frame in family])
    same = min(SAME_MM, 0.2 * min(frame.thickness_mm for frame in family))
    places: list[list[Frame]] = []
    start = -np.inf
    for i in np.argsort(depths, kind="stable"):
        if depths[i] - start > same:
            places.append([])
            start = depths[i]
        places[-1].append(family[i])
    copies: list[Frame] = []
    for number, place in enumerate(places):
        places[number], found = without_copies(place)
        copies += found
    return [Slab(part) for part in _apart(places, normal)], copies


def _apart(places: list[list[Frame]], normal: NDArray[np.float64]) -> list[list[list[Frame]]]:
    gaps = np.diff([place[0].position_mm @ normal for place in places])
    widest = _WIDEST_GAP_MM if len(places) > 2 else _TWO_VIEWS_MM
    parts = [[places[0]]]
    for gap, before, place in zip(gaps, places, places[1:], strict=False):
        one_series = bool({f.series for f in before} & {f.series for f in place})
        if gap > widest or (gap > _TWO_VIEWS_MM and not one_series and _said_differ(before, place)):
            parts.append([])
        parts[-1].append(place)
    return parts


def _said_differ(one: list[Frame], other: list[Frame]) -> bool:
    """Tell whether places are called by different views."""
    views = [_said(place) for place in (one, other)]
    return None not in views and views[0] != views[1]


def _said(frames: list[Frame]) -> View | None:
    views = (view_said(frame.description) or view_said(frame.protocol) for frame in frames)
    counted = Counter(view for view in views if view is not None)
    return counted.most_common(1)[0][0] if counted else None


def plane_set(slab: Slab) -> PlaneSet:
    """Return what tells the view of a slab."""
    first = slab.first
    middle = np.mean([place[0].position_mm for place in slab.places], axis=0)
    middle = middle + first.right * first.spacing_mm[1] * (first.shape[1] - 1) / 2
    middle = middle + first.down * first.spacing_mm[0] * (first.shape[0] - 1) / 2
    return PlaneSet(
        series_name(first),
        _said(slab.pictures),
        first.normal,
        middle,
        len(slab.places),
        slab.frames,
    )


def joined(slabs: list[Slab], verdicts: list[Verdict]) -> tuple[list[tuple[View, Slab]], list[str]]:
    """Join the slabs of one family that are SAX and near each other; leave the others.

    Returns
    -------
    tuple
        Slabs with their views, and what is said where a gap is too wide for one stack.
    """
    done: list[tuple[View, Slab]] = []
    notes: list[str] = []
    for slab, verdict in zip(slabs, verdicts, strict=True):
        if done and verdict.view is View.SAX is done[-1][0]:
            before = done[-1][1]
            normal = before.first.normal
            gap = (slab.first.position_mm - before.places[-1][0].position_mm) @ normal
            if gap <= _WIDEST_GAP_MM:
                done[-1] = (View.SAX, Slab(before.places + slab.places))
                continue
            notes.append(
                f"{series_name(slab.first)}: {gap:.0f} mm from the SAX slices before it: a stack "
                "of its own; slices between them may be missing"
            )
        done.append((verdict.view, slab))
    return done, notes


def layers_of(view: View, slab: Slab) -> list[Layer]:
    """Split a slab into stacks: one run at each place, all alike."""
    runs = [run for place in slab.places for run in _placed_runs(place)]
    layers = [Layer(view, [run]) for run in runs if not run.is_ordered]
    groups = _alike_in_frames([run for run in runs if run.is_ordered])
    for alike in groups:
        for part in _layered(alike, slab.first.normal):
            layers += _latest(view, part)
    layers.sort(key=lambda layer: (-len(layer.runs), -layer.frames, layer.first.series))
    for layer in layers if len(groups) > 1 else []:
        layer.notes.append(
            f"{layer.name}: {_slices(layer)} of {layer.frames} frames, a stack apart from others "
            "at the same places or beside them, which have more or fewer"
        )
    return layers


def _placed_runs(place: list[Frame]) -> list[Run]:
    """Return the runs of a place; pictures that are shifted in their plane are of another run."""
    corners: list[list[Frame]] = []
    for frame in place:
        near = (
            part
            for part in corners
            if np.linalg.norm(part[0].position_mm - frame.position_mm) <= 2 * SAME_MM
        )
        part = next(near, None)
        if part is None:
            corners.append([frame])
        else:
            part.append(frame)
    return [run for part in corners for run in runs_of(part)]


def _alike_in_frames(runs: list[Run]) -> list[list[Run]]:
    """Group runs of about as many pictures: stills are no cines, whatever is missing of those."""
    groups: list[list[Run]] = []
    counts = {id(run): max(len(run.frames), *run.promised, 1) for run in runs}
    for run in sorted(runs, key=lambda run: -counts[id(run)]):
        count = counts[id(run)]
        for group in groups:
            other = counts[id(group[0])]
            if (count == 1) == (other == 1) and other < 2 * count:
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def _layered(runs: list[Run], normal: NDArray[np.float64]) -> list[list[Run]]:
    """Split runs into stacks, by what they are called and by series, if they are not one."""
    runs = sorted(runs, key=lambda run: (float(run.first.position_mm @ normal), run.series))
    depths = np.array([run.first.position_mm @ normal for run in runs])
    gaps = np.diff(depths)
    rivals = [(runs[i], runs[i + 1]) for i in np.flatnonzero(gaps <= SAME_MM)]
    if any(one.first.image_type != other.first.image_type for one, other in rivals):
        # Two reconstructions of the same pictures.
        types: dict[str, list[Run]] = defaultdict(list)
        for run in runs:
            types[run.first.image_type].append(run)
        return [part for alike in types.values() for part in _layered(alike, normal)]
    by_series: dict[tuple[int, str], list[Run]] = defaultdict(list)
    for run in runs:
        by_series[run.series].append(run)
    whole = [part for part in by_series.values() if len(part) >= _WHOLE]
    apart = gaps[gaps > SAME_MM]
    uneven = len(apart) > 1 and apart.min() < 0.6 * np.median(apart)
    if whole and len(by_series) > 1 and (rivals or uneven):
        # They lie at or between each other's slices: acquired again, or for another purpose.
        rest = [run for run in runs if not any(run in part for part in whole)]
        return [*whole, *(_layered(rest, normal) if rest else [])]
    return [runs]


def _latest(view: View, runs: list[Run]) -> list[Layer]:
    """Keep of the runs at one place the last acquired, and say so.

    What is at the same depth but shifted in its plane replaces nothing: it is a layer of its own.
    """
    layer = Layer(view, [])
    shifted: list[Run] = []
    usual = np.median([_across(run) for run in runs], axis=0)
    for run in runs:
        before = layer.runs[-1] if layer.runs else None
        if before is None or _depth_between(before, run) > SAME_MM:
            layer.runs.append(run)
        elif np.linalg.norm(run.first.position_mm - before.first.position_mm) > 2 * SAME_MM:
            far, near = sorted((before, run), key=lambda one: -np.linalg.norm(_across(one) - usual))
            layer.runs[-1] = near
            shifted.append(far)
        else:
            later = max(before, run, key=lambda one: one.series)
            layer.runs[-1] = later
            layer.notes.append(
                f"a {view} slice was acquired again in series {later.first.series_number}; "
                "the later one is used"
            )
    return [layer, *(_latest(view, shifted) if shifted else [])]


def _across(run: Run) -> NDArray[np.float64]:
    """Return where a run's corner lies in its plane."""
    first = run.first
    return np.array([first.position_mm @ first.right, first.position_mm @ first.down])


def _depth_between(one: Run, other: Run) -> float:
    return float(abs((other.first.position_mm - one.first.position_mm) @ one.first.normal))


def series_name(frame: Frame) -> str:
    """Return how messages call a picture's series: by its number and description."""
    said = frame.description or frame.protocol
    return f"series {frame.series_number}" + (f" '{said}'" if said else "")


def _slices(layer: Layer) -> str:
    return f"{len(layer.runs)} slice{'' if len(layer.runs) == 1 else 's'}"


def _usual(counts: list[int]) -> int:
    counted = Counter(counts)
    return max(counted, key=lambda count: (counted[count], count))
