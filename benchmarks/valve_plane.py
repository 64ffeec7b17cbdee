"""The mitral valve plane and the apex on a real heart, beside its guide points.

The open multi-view case (biv-me) has points of the mitral valve on the 4CH, 2CH and 3CH and of the
apex, in every frame; they were made by a network of its authors and looked at by them, so they are
a good reference for where the valve is and no expert's truth. The plane is found by the weights
that ship, from the 4CH and the 2CH and from each alone; it is measured at all six points of the
valve, of which the two on the 3CH come from a view that is never looked at. Synthetic hearts that
were not learned from stand beside, with exact truth.

    python benchmarks/valve_plane.py
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from cases import DATA
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.geometry.valve import VIEWS, ValvePlane
from napari_cardiac_ssl.geometry.valve_motion import Motion, planes_over_time, points_over_time
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, model_from_bytes
from napari_cardiac_ssl.learning.valve import find_valve
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

CASE = DATA / "multiview"
#: ED, and ES as the reference of the case has it.
ED, ES = 0, 9
#: Not among those that weights are made of.
SYNTHETIC = range(300, 306)
#: From LPS to RAS.
RAS = np.array([-1.0, -1.0, 1.0])
#: Numbers of the views in the guide points.
SLICE_OF = {View.LAX_4CH: "7", View.LAX_2CH: "9"}


class Guide:
    """The guide points of one frame."""

    def __init__(self, t: int) -> None:
        file = CASE / "guidepoints" / f"GPFile_{t:03d}.txt"
        with open(file, newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t"))[1:]
        self._points = [(row[3], row[4], np.array(row[:3], dtype=float) * RAS) for row in rows]

    def points(self, kind: str, view: View | None = None) -> NDArray[np.float64]:
        """Return the points of a kind, of one view or of all, RAS mm."""
        wanted = SLICE_OF.get(view) if view else None
        return np.array([p for k, s, p in self._points if k == kind and wanted in {None, s}])

    def plane(self) -> Plane:
        """Return the plane nearest to all points of the mitral valve."""
        points = self.points("MITRAL_VALVE")
        middle = points.mean(axis=0)
        return Plane(middle, np.linalg.svd(points - middle)[2][2])


def say(what: str, t: int, found: ValvePlane | None, guide: Guide) -> list[float]:
    """Print how far a plane is off; return the mean distance, if there is one."""
    if found is None:
        print(f"{what}, frame {t}: not found")
        return []
    points, apex = guide.points("MITRAL_VALVE"), guide.points("APEX_POINT")[0]
    away = np.abs(found.plane.distance_mm(points))
    middle = abs(float(found.plane.distance_mm(points.mean(axis=0))))
    own = np.abs(guide.plane().distance_mm(points)).mean()
    print(
        f"{what}, frame {t}: valve points {away.mean():.1f} mm off the plane (at most "
        f"{away.max():.1f}; off their own plane {own:.1f}), their middle {middle:.1f} mm, angle "
        f"{found.plane.angle_deg(guide.plane()):.0f} degrees, apex "
        f"{np.linalg.norm(found.apex_mm - apex):.1f} mm",
        flush=True,
    )
    return [float(away.mean())]


def say_hinges(motions: dict[View, Motion], t: int, guide: Guide) -> None:
    """Print how far each view's own hinge points are from those of the guide."""
    for view, motion in motions.items():
        points, wanted = motion[t], guide.points("MITRAL_VALVE", view)
        if points is not None:
            pairs = (wanted, wanted[::-1])
            away = min((np.linalg.norm(points.hinges_mm - ends, axis=1) for ends in pairs), key=sum)
            print(f"  {view.short} frame {t}: hinge points {away[0]:.1f} and {away[1]:.1f} mm off")


def model_of(view: View, models: dict[View, Path]) -> Model | None:
    """Return the weights that were named, else those that ship; None where there are none."""
    if view in models:
        return load_model(models[view])
    data = default_weights(view)
    return None if data is None else model_from_bytes(data, "the shipped weights")


def real(models: dict[View, Path]) -> None:
    study = read_study(CASE / "dicom")
    motions: dict[View, Motion] = {}
    for view in VIEWS:
        if (model := model_of(view, models)) is not None:
            motions[view] = find_valve(model, study.stack(view))
    frames = study.stack(View.SAX).frames
    arms = {"both views": motions} | {f"{v.short} alone": {v: m} for v, m in motions.items()}
    for name, some in arms.items():
        planes = planes_over_time(some, frames)
        for t in (ED, ES):
            say(f"real, {name}", t, planes[t], Guide(t))
            if name == "both views":
                say_hinges(motions, t, Guide(t))
        away = []
        for t, plane in enumerate(planes):
            if plane is not None:
                points = Guide(t).points("MITRAL_VALVE")
                away.append(float(np.abs(plane.plane.distance_mm(points)).mean()))
        print(
            f"real, {name}, all {frames} frames: mean {np.mean(away):.1f} mm, worst "
            f"{max(away):.1f} mm, found in {len(away)}",
            flush=True,
        )


def synthetic(seed: int, models: dict[View, Path]) -> None:
    """Print the same of a synthetic heart: against the plane of its true masks."""
    made = make_study(seed, frames=16, slices=6, detailed_base=True)
    found, true = {}, {}
    for view in VIEWS:
        if (model := model_of(view, models)) is None:
            continue
        stack: Stack = made.study.stack(view)
        found[view] = find_valve(model, stack)
        true[view] = points_over_time(made.masks[view], stack)
    here, there = planes_over_time(found, 16), planes_over_time(true, 16)
    for t in (0, made.es_frame):
        seen, truth = here[t], there[t]
        if seen is None or truth is None:
            print(f"synthetic {seed}, frame {t}: not found")
            continue
        hinges = np.concatenate([m[t].hinges_mm for m in true.values() if m[t] is not None])
        print(
            f"synthetic {seed}, frame {t}: valve points "
            f"{np.abs(seen.plane.distance_mm(hinges)).mean():.1f} mm off the plane, angle "
            f"{seen.plane.angle_deg(truth.plane):.0f} degrees, apex "
            f"{np.linalg.norm(seen.apex_mm - truth.apex_mm):.1f} mm",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--4ch", dest="four", type=Path, help="other weights for the 4CH")
    parser.add_argument("--2ch", dest="two", type=Path, help="other weights for the 2CH")
    parser.add_argument("--synthetic", type=int, default=len(SYNTHETIC), help="so many of them")
    options = parser.parse_args()
    models = {View.LAX_4CH: options.four, View.LAX_2CH: options.two}
    named = {view: path for view, path in models.items() if path is not None}
    if not CASE.exists():
        raise InputError(f"no case at {CASE}: set CARDIAC_SSL_DATA")
    real(named)
    for seed in SYNTHETIC[: options.synthetic]:
        synthetic(seed, named)


if __name__ == "__main__":
    main()
