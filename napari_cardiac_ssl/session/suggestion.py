"""The part of a session that says where to look next, and why."""

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.learning.suggestion import Situation, Strategy, Suggestion
from napari_cardiac_ssl.learning.suggestion import suggest as worthwhile
from napari_cardiac_ssl.measures.wall import counted_from_base
from napari_cardiac_ssl.session.doubt import Doubt
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.measurement import Measurement
from napari_cardiac_ssl.session.open_study import OpenStudy

_LABELLED = (SliceState.EXPERT, SliceState.EDITING)


class Suggesting:
    """Which slices of the open stack are worth looking at next."""

    def __init__(
        self, study: OpenStudy, history: History, measurement: Measurement, doubt: Doubt
    ) -> None:
        self._study, self._history = study, history
        self._measurement, self._doubt = measurement, doubt

    def suggest(
        self,
        strategy: Strategy = "suggest",
        number: int = 1,
        *,
        among: NDArray[np.bool_] | None = None,
        seed: int = 0,
    ) -> list[Suggestion]:
        """Say which slices are worth looking at next, and why.

        Parameters
        ----------
        strategy
            ``suggest``, ``uncertainty``, ``uniform`` or ``random``.
        number
            How many; they differ from each other.
        among
            Shape ``(t, z)``: the slices to choose from; all by default. Slices that an expert has
            touched, and excluded ones, are never suggested.
        seed
            Random seed of ``random``.

        Returns
        -------
        list of Suggestion
            The most worthwhile first; empty where nothing is left.
        """
        annotations, stack = self._history.annotations, self._study.stack
        shape = stack.image.shape[:2]
        labelled, closed = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        for index in annotations.slices(*_LABELLED):
            closed[index] = True
            # What lies outside the heart covers no part of it.
            labelled[index] = not annotations.is_outside(index)
        for index in annotations.slices(SliceState.EXCLUDED):
            closed[index] = True
        ed, es = self._measurement.phases
        areas = [self._measurement.measured.areas_mm2(s) for s in SAX_STRUCTURES]
        situation = Situation(
            labelled,
            ~closed if among is None else ~closed & among,
            np.stack(areas, axis=-1) / 100,
            self._doubt.uncertainty,
            ed,
            es,
            counted_from_base(annotations.labels[ed or 0], stack.affine, stack.orientation_known),
        )
        return worthwhile(situation, strategy=strategy, number=number, seed=seed)
