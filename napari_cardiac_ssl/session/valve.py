"""The part of a session that knows where the mitral valve and the apex lie in long-axis views.

They are found by the weights that know these views (or in what an expert has drawn there), kept in
the project by view and frame, and corrected by hand. The short axis is bounded by them only if its
user says so: `Labelling.bound`.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceState, unpack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import in_one_reference
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.geometry.valve import (
    VIEWS,
    LongAxisPoints,
    Place,
    ValvePlane,
)
from napari_cardiac_ssl.geometry.valve_labels import long_axis_points
from napari_cardiac_ssl.geometry.valve_motion import (
    Motion,
    corrected,
    in_one_order,
    planes_over_time,
    steadied,
)
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.models import Models
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.session.signals import Signals
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.trainer import Cancelled, Died, Done, Failed, Job, Predicted, Trainer

#: What is kept of a view: the points that were found, and what a person said, each by frame. What
#: a person said is never overwritten by a search.
_FOUND, _BY_HAND = "found", "by_hand"
#: Which point of a view: one of the hinge points, or the apex.
POINTS = ("hinge 1", "hinge 2", "apex")
Known = dict[str, Any]


@dataclass
class _Search:
    """A search under way: one view after the other in a trainer process of its own."""

    trainer: Trainer
    waiting: list[Stack]
    number: int = 0
    frames: list[tuple[int, NDArray[np.uint8]]] = field(default_factory=list)  # to be looked at
    points: dict[int, LongAxisPoints | None] = field(default_factory=dict)
    predicted: bool = False  # all of the first view that waits
    found: dict[str, Motion] = field(default_factory=dict)  # by the view's digest

    def begin(self, weights: bytes) -> None:
        """Predict the first view that waits."""
        stack = self.waiting[0]
        self.number, self.predicted, self.points = self.number + 1, False, {}
        slices = tuple(SliceIndex(t, stack.slices // 2) for t in range(stack.frames))
        job = Job(self.number, (), (stack.digest, slices), start=weights, doubt=False)
        self.trainer.start(job, [stack])


class Valve:
    """The mitral valve plane and the apex of the open study, frame by frame.

    Parameters
    ----------
    project, study, history, models, signals
        The session's.
    new_trainer
        Starts the process that predicts; it ends with the search.
    """

    def __init__(
        self,
        project: Callable[[], Project],
        study: OpenStudy,
        history: History,
        models: Models,
        *,
        signals: Signals,
        new_trainer: Callable[[], Trainer] = Trainer,
    ) -> None:
        self._project, self._study, self._history = project, study, history
        self._models, self._signals, self._new_trainer = models, signals, new_trainer
        self._views: dict[View, Stack] = {}
        self._motions: dict[View, Motion] = {}
        self._planes: tuple[ValvePlane | None, ...] | None = None
        self._search: _Search | None = None

    # -- what is known ---------------------------------------------------------------------

    @property
    def views(self) -> Mapping[View, Stack]:
        """The long-axis views of the open study that may tell."""
        return self._views

    @property
    def searching(self) -> bool:
        """Whether the views are being looked at."""
        return self._search is not None

    @property
    def is_known(self) -> bool:
        """Whether any frame of any view tells."""
        return any(any(self.motion(view)) for view in self._views)

    def motion(self, view: View) -> Motion:
        """Return the points of a view in each of its frames; None where they are not known."""
        if view not in self._motions:
            stack = self._views[view]
            found, by_hand = (self._points(stack, what) for what in (_FOUND, _BY_HAND))
            motion = [found.get(t) for t in range(stack.frames)]
            self._motions[view] = corrected(motion, by_hand)
        return self._motions[view]

    def plane(self, t: int) -> ValvePlane | None:
        """Return the valve plane in a frame of the open stack; None where it is not known."""
        if self._planes is None:
            motions = {view: self.motion(view) for view in self._views}
            self._planes = planes_over_time(motions, self._study.stack.frames)
        return self._planes[t]

    def place(self, index: SliceIndex) -> Place | None:
        """Return where a slice of the open short axis lies; None where that is not known."""
        plane = self.plane(index.t) if self._study.stack.view is View.SAX else None
        return None if plane is None else plane.place(self._study.stack, index.z)

    def extents(self, *frames: int) -> dict[int, tuple[int, int]]:
        """Return the first and the last slice with LV in some frames, all by default.

        Frames without a valve plane, or whose LV no slice meets, are left out.
        """
        stack = self._study.stack
        planes = {t: self.plane(t) for t in frames or range(stack.frames)}
        found = {t: plane.extent(stack) for t, plane in planes.items() if plane is not None}
        return {t: extent for t, extent in found.items() if extent is not None}

    # -- verbs -----------------------------------------------------------------------------

    def find(self) -> None:
        """Look for valve and apex in all frames of the views; `take` brings what is found.

        Raises
        ------
        InputError
            If there is no such view, a search is under way, or nothing can be kept.
        """
        self._project().refuse_if_read_only()
        if self._search is not None:
            raise InputError("the valve is being looked for; wait for it")
        known = [s for view, s in self._views.items() if self._models.weights_of(view) is not None]
        if not known:
            raise InputError(
                "this study has no 2CH or 4CH view in which the valve could be found; open its "
                "folder, not the short axis alone"
            )
        self._search = _Search(self._new_trainer(), known)
        self._begin_next()
        self._signals.send(self._signals.valve_changed)

    def take(self) -> str | None:
        """Take in what the search has found, a frame at a time; return what to say of it, if any.

        Called many times a second, so that nothing here lasts.
        """
        search = self._search
        if search is None:
            return None
        for message in search.trainer.messages():
            if isinstance(message, Failed | Died | Cancelled):
                self.stop()
                reason = getattr(message, "reason", "cancelled")
                return f"the valve was not found: {reason}"
            if isinstance(message, Predicted):
                pairs = zip(message.slices, message.labels, strict=True)
                search.frames += [(index.t, labels) for index, labels in pairs]
            search.predicted |= isinstance(message, Done)
        stack = search.waiting[0]
        if search.frames:
            t, labels = search.frames.pop(0)
            search.points[t] = _told_by(labels, stack)
        elif search.predicted:
            motion = [search.points.get(t) for t in range(stack.frames)]
            search.found[stack.digest] = steadied(motion)
            search.waiting.pop(0)
            if not search.waiting:
                return self._end(search)
            self._begin_next()
        return None

    def move(self, view: View, frame: int, point: str, to_mm: NDArray[np.float64]) -> None:
        """Correct one of `POINTS` in a frame of a view by hand; other frames follow (`corrected`).

        Raises
        ------
        InputError
            If the frame has no points, or those would make no valve (`LongAxisPoints`).
        """
        points = self.motion(view)[frame]
        if points is None:
            raise InputError(f"the valve is not known in frame {frame} of the {view.short}")
        ends = np.array([*points.hinges_mm, points.apex_mm])
        ends[POINTS.index(point)] = to_mm
        moved = replace(points, hinges_mm=ends[:2], apex_mm=ends[2])
        stack = self._views[view]
        kept = self._kept(stack)
        by_hand = kept.get(_BY_HAND, {}) | {str(frame): _as_kept(moved)}
        self._change({stack.digest: kept | {_BY_HAND: by_hand}})

    def remove(self) -> None:
        """Say that what is known of the valve holds no more."""
        self._change({stack.digest: None for stack in self._views.values()})

    def stop(self) -> None:
        """End a search; what it has found goes."""
        if self._search is not None:
            # A process with torch in it takes a moment to go: nobody waits for it.
            threading.Thread(target=self._search.trainer.close, name="end of a search").start()
            self._search = None
            self._signals.send(self._signals.valve_changed)

    def reset(self) -> None:
        """Follow the open study: a search among the views of another one ends.

        Views that do not say how they lie, or were scanned in another position, tell nothing.
        """
        stacks = self._study.current.stacks if self._study.current else ()
        sax = next((stack for stack in stacks if stack.view is View.SAX), None)
        first: dict[View, Stack] = {}
        for stack in stacks:
            if stack.orientation_known and in_one_reference(stack, *filter(None, [sax])):
                first.setdefault(stack.view, stack)
        views = {view: first[view] for view in VIEWS if view in first}
        if {s.digest for s in views.values()} != {s.digest for s in self._views.values()}:
            self.stop()
        self._views = views
        self.renew()

    def renew(self) -> None:
        """Look anew at what is known: the project says another thing."""
        self._motions, self._planes = {}, None
        self._signals.send(self._signals.valve_changed)

    def close(self) -> None:
        """End a search: another project is gone over to, or none."""
        self.stop()
        self._motions, self._planes = {}, None

    # -- how -------------------------------------------------------------------------------

    def _begin_next(self) -> None:
        search = self._search
        if search is not None:
            weights = self._models.weights_of(search.waiting[0].view)
            search.begin(weights or b"")

    def _end(self, search: _Search) -> str:
        """Keep what was found beside what a person has said."""
        self.stop()
        values: dict[str, Known | None] = {}
        for stack in self._views.values():
            told = dict(enumerate(search.found.get(stack.digest, ()))) | self._drawn(stack)
            motion = in_one_order([told.get(t) for t in range(stack.frames)])
            found = {str(t): _as_kept(points) for t, points in enumerate(motion) if points}
            if found:
                values[stack.digest] = self._kept(stack) | {_FOUND: found}
        if not values:
            return "the valve was not found: label the LV and the left atrium on the 4CH or 2CH"
        self._change(values)
        names = " and ".join(v.short for v, s in self._views.items() if s.digest in values)
        return f"valve and apex found on the {names}: drag its points where they are wrong"

    def _drawn(self, stack: Stack) -> dict[int, LongAxisPoints | None]:
        """Return what an expert has drawn on a view tells, by frame."""
        found: dict[int, LongAxisPoints | None] = {}
        for index, content in self._project().contents(stack.digest).items():
            if content.record.state is SliceState.EXPERT and index.z == stack.slices // 2:
                points = _told_by(unpack(content.mask, stack.image.shape[2:]), stack)
                if points is not None:
                    found[index.t] = points
        return found

    def _kept(self, stack: Stack) -> Known:
        return self._project().state("valve", stack.digest) or {}

    def _points(self, stack: Stack, what: str) -> dict[int, LongAxisPoints]:
        """Return what was found, or said by hand, by frame."""
        normal, points = Plane.of_slice(stack).normal, {}
        for t, one in self._kept(stack).get(what, {}).items():
            with suppress(InputError, KeyError, ValueError):  # not written by us
                points[int(t)] = LongAxisPoints(one["hinges"], one["apex"], normal)
        return points

    def _change(self, values: dict[str, Known | None]) -> None:
        self._history.set_states("valve plane", "valve", values)
        self.renew()


def _told_by(labels: NDArray[np.uint8], stack: Stack) -> LongAxisPoints | None:
    """Return the points that labels of a frame show; None where they show no valve."""
    try:
        return long_axis_points(labels, stack)
    except InputError:
        return None


def _as_kept(points: LongAxisPoints) -> Known:
    return {"hinges": points.hinges_mm.tolist(), "apex": points.apex_mm.tolist()}
