"""The mitral valve plane on the command line: found in a study, said, and used as a bound."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli.console import note, progress
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import check_one_reference
from napari_cardiac_ssl.geometry.valve import VIEWS, ValvePlane
from napari_cardiac_ssl.geometry.valve_motion import Motion, planes_over_time
from napari_cardiac_ssl.learning.checkpoint import model_from_bytes
from napari_cardiac_ssl.learning.valve import find_valve
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.readers.nifti import Mask
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.wording import count


@dataclass(frozen=True, eq=False)
class Bounds:
    """Where the LV ends, as long-axis cines of the same scan show it.

    Parameters
    ----------
    study
        Which has the cines.
    motions
        Where valve and apex lie in them.
    frame
        Of the cines, which a short axis of one frame shows; None where nobody has said.
    """

    study: Study
    motions: dict[View, Motion]
    frame: int | None = None

    @property
    def called(self) -> str:
        """What it is said to be."""
        names = " and ".join(view.short for view in self.motions)
        return f"the apex and the mitral valve plane of the {names}"

    def planes(self, stack: Stack) -> tuple[ValvePlane | None, ...]:
        """Return the valve plane in each frame of a short-axis stack.

        Raises
        ------
        InputError
            If the stack does not say how it lies, was scanned in another position, or shows one
            moment of which nothing tells which it is.
        """
        views = [self.study.stack(view) for view in self.motions]
        if not stack.orientation_known:
            raise InputError(
                f"{stack.name} does not say how it lies in the patient, so where the valve plane "
                "cuts it is unknown; leave --long-axis out"
            )
        check_one_reference(stack.name, stack, *views)
        most = max(view.frames for view in views)
        if stack.frames > 1 and self.frame is not None:
            raise InputError(
                f"{stack.name} has {stack.frames} frames; --long-axis-frame is for one frame"
            )
        if stack.frames > 1 or most == 1:
            return planes_over_time(self.motions, stack.frames)
        if self.frame is None:
            raise InputError(
                f"{stack.name} has one frame and the long-axis views {most}: which of these it "
                f"shows is unknown; say it, --long-axis-frame 0 to {most - 1}, or name the whole "
                "cine"
            )
        if self.frame >= most:
            raise InputError(
                f"--long-axis-frame {self.frame}: the long-axis views have frames 0 to {most - 1}"
            )
        return planes_over_time(self.motions, most)[self.frame : self.frame + 1]

    def emptied(self, labels: NDArray[np.uint8], stack: Stack) -> NDArray[np.uint8]:
        """Return labels ``(t, z, y, x)`` with no heart on slices wholly beyond valve or apex."""
        kept, left_out = labels.copy(), 0
        for t, plane in enumerate(self.planes(stack)):
            if plane is None or (extent := plane.extent(stack)) is None:
                continue
            outside = np.ones(stack.slices, dtype=bool)
            outside[extent[0] : extent[1] + 1] = False
            left_out += int(kept[t, outside].any(axis=(1, 2)).sum())
            kept[t, outside] = 0
        note(f"{stack.name}: {count(left_out, 'slice')} beyond {self.called} left out")
        return kept

    def within(self, mask: Mask) -> Mask:
        """Return a mask without the voxels beyond valve plane or apex."""
        image = np.broadcast_to(np.uint8(0), mask.labels.shape)
        stack = Stack(
            image, mask.affine, View.SAX, mask.name, orientation_known=mask.orientation_known
        )
        labels = mask.labels.copy()
        for t, plane in enumerate(self.planes(stack)):
            if plane is not None:
                labels[t][plane.beyond(stack)] = 0
        lost_ml = float((labels != mask.labels).sum() * np.prod(mask.spacing_mm) / 1000)
        a_frame = lost_ml / len(labels)
        note(f"{mask.name}: {a_frame:.1f} ml a frame beyond {self.called} not measured")
        return replace(mask, labels=labels)


def bounds_by(path: Path | None, view: View, frame: int | None = None) -> Bounds | None:
    """Find the valve on the long-axis views of a study, to bound a short axis by.

    Parameters
    ----------
    path
        The study; without one nothing is bounded.
    view
        What is to be bounded.
    frame
        Of the long-axis views, which a short axis of one frame shows.

    Raises
    ------
    InputError
        If the study has no 2CH or 4CH view, the valve is not seen on any, or what is to be bounded
        is no short axis.
    """
    if path is None:
        if frame is not None:
            raise InputError("--long-axis-frame is of the study of --long-axis; name that too")
        return None
    if view is not View.SAX:
        raise InputError(f"--long-axis bounds the short axis, and this is {view}; leave it out")
    study = read_study(path)
    return Bounds(study, _motions(study), frame)


def valve_rows(study: Study) -> list[dict[str, Any]]:
    """Return the valve plane in each frame of a study's short axis, for programs."""
    motions = _motions(study)
    sax = next((stack for stack in study.stacks if stack.view is View.SAX), None)
    if sax is not None:
        planes = Bounds(study, motions).planes(sax)
    else:
        planes = planes_over_time(motions, max(map(len, motions.values())))
    rows = []
    for t, plane in enumerate(planes):
        if plane is not None:
            row: dict[str, Any] = {
                "frame": t,
                "views": [str(view) for view in plane.views],
                "assumes": plane.assumes,
                "point_mm": _rounded(plane.plane.point_mm, 2),
                "normal": _rounded(plane.plane.normal, 5),
                "apex_mm": _rounded(plane.apex_mm, 2),
                "length_mm": round(plane.length_mm, 1),
            }
            if sax is not None:
                row["slices"] = plane.extent(sax)
            rows.append(row)
    return rows


def valve_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what is said of `valve_rows`: the way that the valve goes, and the extent."""
    lengths = [row["length_mm"] for row in rows]
    longest, shortest = (rows[lengths.index(pick(lengths))] for pick in (max, min))
    views = " and ".join(View(view).short for view in rows[0]["views"])
    yield (
        f"  mitral valve from the {views}: {longest['length_mm']:.0f} mm above the apex in frame "
        f"{longest['frame']}, {shortest['length_mm']:.0f} mm in frame {shortest['frame']}"
    )
    for assumed in dict.fromkeys(row["assumes"] for row in rows if row["assumes"]):
        yield f"  note: in some frames the plane is {assumed}"
    extents = {row["frame"]: row["slices"] for row in rows if row.get("slices")}
    if extents:
        said = ",".join(f"{t}:{first}-{last}" for t, (first, last) in extents.items())
        yield f"  slices with LV, as finetune takes them: --extent {said}"


def _motions(study: Study) -> dict[View, Motion]:
    """Return where valve and apex lie in each long-axis view that shows them."""
    motions: dict[View, Motion] = {}
    there = [stack for stack in study.stacks if stack.view in VIEWS]
    for stack in sorted(there, key=lambda stack: VIEWS.index(stack.view)):
        data = default_weights(stack.view)
        if stack.view not in motions and data is not None and stack.orientation_known:
            with progress(f"looking for the valve on the {stack.view.short}"):
                motion = find_valve(model_from_bytes(data, "the shipped weights"), stack)
            if any(motion):
                motions[stack.view] = motion
    if not motions:
        views = ", ".join(str(stack.view) for stack in study.stacks)
        raise InputError(
            f"{study.name}: the mitral valve is seen on no 2CH or 4CH view (there are: {views})"
        )
    return motions


def _rounded(values: NDArray[np.float64], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
