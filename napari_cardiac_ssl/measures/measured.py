"""A stack of labels, measured slice by slice: what a window asks after every stroke."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures.anatomy_checks import (
    LEAST_AREA_MM2,
    AnatomyWarning,
    SliceFacts,
    frame_warnings,
    incomplete_warning,
    partial_warning,
    phase_warnings,
    slice_facts,
)
from napari_cardiac_ssl.measures.insertion import InsertionPoints
from napari_cardiac_ssl.measures.limits import HEIGHT_MM, number_warnings, size_warnings
from napari_cardiac_ssl.measures.papillary import InsideCounts, Papillary
from napari_cardiac_ssl.measures.summary import Basis, Measures
from napari_cardiac_ssl.measures.volumes import (
    Phases,
    pixel_area_mm2,
    slice_distance_mm,
    told_phases,
    volume_by_discs_ml,
)
from napari_cardiac_ssl.measures.wall import Wall, base_first
from napari_cardiac_ssl.measures.walls import Walls
from napari_cardiac_ssl.person import Sex
from napari_cardiac_ssl.study import SliceIndex

#: Returns a slice's state; None where it is not known.
StateOf = Callable[[SliceIndex], SliceState | None]
_CAVITIES = (Structure.LV_CAVITY, Structure.RV_CAVITY)


class Measured:
    """Measures of a short-axis stack's labels that keep up with drawing.

    Only slices that are named to `update` are counted again (some 0.1 ms each); all else is sums.
    Of checks and wall thickness every slice's and frame's are remembered until it changes.
    It belongs to one thread.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme `UKBB`. Not copied, never written: it may be the live
        array that is drawn on (``session.labels``).
    affine
        Shape ``(4, 4)``: voxel ``(x, y, z, 1)`` to RAS+ mm.
    orientation_known
        Whether the affine is true of the patient (`Stack.orientation_known`).
    image
        What was labelled, of the labels' shape: needed to count papillary muscles as myocardium.
    papillary
        Where papillary muscles and trabeculae are counted. It concerns volumes over time, volumes
        and mass at ED and ES, and what follows from them; areas, checks, phases and wall are of the
        labels as drawn.
    insertion
        The RV's insertion points, where somebody has set them.

    Raises
    ------
    InputError
        If the labels are not ``(t, z, y, x)``, or papillary muscles cannot be counted as asked.

    Examples
    --------
    In a window: one for each stack, updated by the session's signals, asked when numbers are shown.

    >>> labels = np.zeros((2, 4, 32, 32), np.uint8)
    >>> labels[0, :, 8:24, 8:24], labels[0, :, 10:22, 10:22] = 2, 1
    >>> measured = Measured(labels, np.diag([2.0, 2.0, 10.0, 1.0]))
    >>> round(measured.measures().lv_edv_ml, 6)
    23.04
    >>> labels[1] = labels[0]; labels[1, :, 10:16] = 2
    >>> measured.update(*(SliceIndex(1, z) for z in range(4)))
    >>> heart = measured.measures()
    >>> round(heart.lv_ef_percent, 6), heart.ed.frame, heart.es.frame
    (50.0, 0, 1)
    >>> measured.warnings(0)
    ()
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        affine: NDArray[np.float64],
        *,
        orientation_known: bool = True,
        image: NDArray[np.generic] | None = None,
        papillary: Papillary = Papillary.CAVITY,
        insertion: InsertionPoints | None = None,
    ) -> None:
        if labels.ndim != 4:
            raise InputError(f"labels must be (t, z, y, x), got shape {labels.shape}")
        if image is not None and image.shape != labels.shape:
            raise InputError(f"labels {labels.shape} do not fit the image {image.shape}")
        self._labels = labels
        self._affine = np.array(affine, dtype=np.float64)
        self._orientation_known = orientation_known
        self._pixel_mm2 = pixel_area_mm2(self._affine)
        self._distance_mm = slice_distance_mm(self._affine)
        steps = np.linalg.norm(self._affine[:3, :2], axis=0)
        self._pixel_mm = float(steps[1]), float(steps[0])
        self._pixels = np.zeros((len(UKBB.structures), *labels.shape[:2]), dtype=np.int64)
        self._facts: dict[SliceIndex, SliceFacts] = {}
        self._inside = None if image is None else InsideCounts(image, labels, self._pixel_mm2)
        #: How thick the wall is, ring by ring.
        self.walls = Walls(labels, self._affine, orientation_known, insertion)
        self.update()
        self.count_papillary(papillary)

    def update(self, *slices: SliceIndex) -> None:
        """Count slices again whose labels have changed; all of them if none is named."""
        frames, number = self._labels.shape[:2]
        every = slices or [SliceIndex(t, z) for t in range(frames) for z in range(number)]
        for index in map(SliceIndex._make, every):
            labels = self._labels[index]
            for structure in range(len(self._pixels)):
                self._pixels[(structure, *index)] = np.count_nonzero(labels == structure + 1)
            self._facts.pop(index, None)
            self.walls.forget(index)
            if self._inside is not None:
                self._inside.forget(index)

    @property
    def papillary(self) -> Papillary:
        """Where papillary muscles and trabeculae are counted."""
        return self._papillary

    def count_papillary(self, papillary: Papillary) -> None:
        """Count papillary muscles and trabeculae in the cavity, or as myocardium.

        Raises
        ------
        InputError
            If they are to be told from the blood and there is no image.
        """
        if papillary is Papillary.MASS and self._inside is None:
            raise InputError(
                "papillary muscles cannot be told from the blood without the image; name it"
            )
        self._papillary = papillary

    def areas_mm2(self, structure: Structure) -> NDArray[np.float64]:
        """Return a structure's area on every slice, shape ``(t, z)``."""
        return np.asarray(self._pixels[UKBB.code(structure) - 1] * self._pixel_mm2)

    def counted_mm2(self, structure: Structure, t: int) -> NDArray[np.float64]:
        """Return a structure's area on every slice of a frame as it is counted, shape ``(z,)``.

        That is its labelled area, less or more what papillary muscles and trabeculae make of it.
        """
        areas = np.asarray(self.areas_mm2(structure)[t])
        if self._papillary is Papillary.CAVITY or self._inside is None:
            return areas
        return np.asarray(areas + self._inside.added_mm2(structure, t))

    def counted_ml(self, structure: Structure, t: int) -> float:
        """Return a structure's volume in a frame as it is counted; NaN if nobody contoured it."""
        if not self.areas_mm2(structure)[t].any():
            return nan
        return float(self.counted_mm2(structure, t).sum() * self._distance_mm / 1000)

    def volumes_ml(self, structure: Structure) -> NDArray[np.float64]:
        """Return a structure's labelled volume over time, ``(t,)``; NaN in frames without any.

        As contoured, wherever papillary muscles are counted.
        """
        volumes = self.areas_mm2(structure).sum(axis=1) * self._distance_mm / 1000
        return np.where(volumes > 0, volumes, np.nan)

    def counted_volumes_ml(self, structure: Structure) -> NDArray[np.float64]:
        """Return a structure's volume over time as it is counted, ``(t,)`` (`counted_ml`)."""
        return np.array([self.counted_ml(structure, t) for t in range(len(self._labels))])

    def phases(self, state_of: StateOf | None = None) -> Phases:
        """Tell ED and ES from the LV's volumes, or the RV's if there is no LV (`told_phases`).

        Frames that are partly labelled (`partial_frames`, and by the slices' states where they are
        known) are left aside: their volume is that of a part. Frames that an expert has drawn on
        stay what they are drawn as.
        """
        unlabelled, drawn = None, list[int]()
        if state_of is not None:
            frames, number = self._labels.shape[:2]
            states = np.array(
                [[state_of(SliceIndex(t, z)) for z in range(number)] for t in range(frames)],
                dtype=object,
            )
            # Where some frame is known to show no heart, another lacks nothing by being unlabelled.
            empty = (states == SliceState.EXPERT) & ~self._pixels.any(axis=0)
            unlabelled = (states == SliceState.UNLABELLED)[:, ~empty.any(axis=0)].sum(axis=1)
            by_hand = (states == SliceState.EXPERT) | (states == SliceState.EDITING)
            drawn = np.flatnonzero((by_hand & self._pixels.any(axis=0)).any(axis=1)).tolist()
        volumes = self.volumes_ml(self._cavity)
        volumes[list(self.partial_frames())] = nan
        return told_phases(volumes, unlabelled, drawn)

    @property
    def _cavity(self) -> Structure:
        """The cavity that tells the phases: the LV, or the RV if there is no LV."""
        return Structure.LV_CAVITY if self._pixels[0].any() else Structure.RV_CAVITY

    def partial_frames(self) -> dict[int, tuple[int, int]]:
        """Return frames that are labelled in part, beside others that are labelled whole.

        Sparse masks hold them: a stray voxel, one slice drawn in a third frame. Between ED and ES
        a heart loses a quarter of its slices at most, and its myocardium keeps its volume: what has
        less than half the slices of the fullest frame, or half its myocardium, is a part. Many
        draw no myocardium at ES; that is no part.

        Returns
        -------
        dict
            Frame to the number of its labelled slices, and that of the fullest frame.
        """
        wall_mm2 = self.areas_mm2(Structure.MYOCARDIUM)
        slices = (self.areas_mm2(self._cavity) + wall_mm2 >= LEAST_AREA_MM2).sum(axis=1)
        labelled = self._pixels.any(axis=(0, 2))
        most = int(slices.max(initial=0))
        wall = wall_mm2.sum(axis=1)
        walled = (slices >= 0.75 * most) & (wall > 0)
        usual = float(np.median(wall[walled])) if walled.any() else 0.0
        partial = labelled & ((slices < 0.5 * most) | ((wall > 0) & (wall < 0.5 * usual)))
        return {int(t): (int(slices[t]), most) for t in np.flatnonzero(partial)}

    def measures(
        self,
        *,
        phases: Phases | tuple[int | None, int | None] | None = None,
        state_of: StateOf | None = None,
        wall: bool = False,
        body_surface_m2: float = nan,
        sex: Sex | None = None,
    ) -> Measures:
        """Return the heart's numbers.

        Parameters
        ----------
        phases
            ED and ES; told from the LV's volume if not given.
        state_of
            Returns a slice's state; where given, the numbers say what they rest on.
        wall
            Whether to measure the wall's thickness too (some 3 ms a slice).
        body_surface_m2, sex
            For indexed values, and for reference ranges.

        Raises
        ------
        InputError
            If there is no such frame.
        """
        ed, es = self.phases(state_of) if phases is None else phases
        for frame in (ed, es):
            if frame is not None and not 0 <= frame < len(self._labels):
                raise InputError(f"no frame {frame}: there are 0 to {len(self._labels) - 1}")
        numbers: dict[str, float] = {}
        for phase, frame in (("d", ed), ("s", es)):
            if frame is None:
                continue
            lv, myocardium, rv = (self.counted_ml(s, frame) for s in SAX_STRUCTURES)
            numbers |= {
                f"lv_e{phase}v_ml": lv,
                f"rv_e{phase}v_ml": rv,
                f"myocardium_e{phase}_ml": myocardium,
                f"lv_e{phase}v_discs_ml": self._by_discs_ml(frame, state_of),
                f"papillary_e{phase}_ml": self._papillary_ml(frame),
            }
        return Measures(
            ed=None if ed is None else self.basis(ed, state_of),
            es=None if es is None else self.basis(es, state_of),
            wall_ed=self.wall(ed) if wall and ed is not None else None,
            wall_es=self.wall(es) if wall and es is not None else None,
            body_surface_m2=body_surface_m2,
            sex=sex,
            papillary=self._papillary,
            papillary_untold=self._untold(ed, es),
            **numbers,
        )

    def basis(self, t: int, state_of: StateOf | None = None) -> Basis:
        """Return which slices a frame's numbers rest on."""
        labelled = np.flatnonzero(self._pixels[:, t].any(axis=0))
        states: dict[SliceState, tuple[int, ...]] = {}
        if state_of is not None:
            for z in range(self._labels.shape[1]):
                state = state_of(SliceIndex(t, z))
                if state is not None:
                    states[state] = (*states.get(state, ()), z)
        of = self._labels.shape[1]
        return Basis(t, tuple(int(z) for z in labelled), states, of, self.is_part(t))

    def is_part(self, t: int) -> bool:
        """Tell whether a frame's volumes are clearly those of a part of the heart.

        Slices between others are missing, slices towards the apex are, or the frame is labelled in
        part beside others that are labelled whole. A stack of one slice is not asked.
        """
        areas = self.areas_mm2(self._cavity)[t]
        slices = np.flatnonzero(areas)
        if len(areas) == 1 or not slices.size:
            return False
        gaps = slices[-1] - slices[0] + 1 > slices.size
        low = slices.size * self._distance_mm < HEIGHT_MM[0]
        cut = incomplete_warning(t, self._cavity, areas) is not None
        return bool(gaps or low or cut or t in self.partial_frames())

    def wall(self, t: int) -> Wall | None:
        """Return the wall's thickness in a frame (`wall_thickness`)."""
        return self.walls.of(t)

    def count_ahead(self, frames: Iterable[int], *, seconds: float, wall: bool = True) -> bool:
        """Count what the numbers of some frames need, for so long; return whether all is counted.

        A window calls it until it is: `measures` and `wall` then take no time.

        Parameters
        ----------
        frames
            Of which numbers are wanted.
        seconds
            How long it may take; a slice that is begun is ended.
        wall
            Whether the wall's thickness is wanted too.
        """
        end = time.monotonic() + seconds
        counts = self._inside if self._papillary is Papillary.MASS else None
        parts = [part for part in (counts, self.walls if wall else None) if part]
        for t in frames:
            for count in (todo for part in parts for todo in part.to_do(t)):
                if time.monotonic() > end:
                    return False
                count()
        return True

    def warnings(
        self, *frames: int, phases: Phases | tuple[int | None, int | None] | None = None
    ) -> tuple[AnatomyWarning, ...]:
        """Return what is to be looked at again, frame by frame, slice by slice.

        Parameters
        ----------
        frames
            Which to look at; all if none is named.
        phases
            ED and ES; if given, what is wrong with the heart as a whole is said as well: numbers
            that no heart has (of walls too, where they were measured), cavities that are larger at
            ES.
        """
        found: list[AnatomyWarning] = []
        partial = self.partial_frames()
        for t in frames or range(len(self._labels)):
            facts = [self._facts_of(SliceIndex(t, z)) for z in range(self._labels.shape[1])]
            areas = {s: self.areas_mm2(s)[t] for s in SAX_STRUCTURES}
            lv = areas[Structure.LV_CAVITY]
            from_base = base_first(lv, self._affine, self._orientation_known)
            if t in partial:
                found.append(partial_warning(t, *partial[t]))
            found += frame_warnings(t, facts, areas, from_base)
        return (*found, *self._of_the_heart(*(phases or (None, None))))

    def _of_the_heart(self, ed: int | None, es: int | None) -> Iterator[AnatomyWarning]:
        """Yield what is wrong with the heart as a whole."""
        if ed is None:
            return
        volumes = {s: self.volumes_ml(s) for s in _CAVITIES}
        if es is not None:
            yield from phase_warnings(ed, es, volumes)
        sizes = list(
            size_warnings(ed, {s: self.areas_mm2(s)[ed] for s in _CAVITIES}, self._distance_mm)
        )
        yield from sizes
        if self._labels.shape[1] > 1:
            for t in dict.fromkeys(frame for frame in (ed, es) if frame is not None):
                cut = incomplete_warning(t, self._cavity, self.areas_mm2(self._cavity)[t])
                yield from [cut] if cut else []
        # Of a slice, or a few, volumes are small and say nothing more.
        partial = any(w.unit == "mm" and w.number < HEIGHT_MM[0] for w in sizes)
        if self._labels.shape[1] > 1 and not partial:
            heart = self.measures(phases=(ed, es))
            at_es = None if es is None else self.walls.known(es)
            heart = replace(heart, wall_ed=self.walls.known(ed), wall_es=at_es)
            yield from number_warnings(heart)

    def _facts_of(self, index: SliceIndex) -> SliceFacts:
        if index not in self._facts:
            self._facts[index] = slice_facts(self._labels[index], self._pixel_mm)
        return self._facts[index]

    def _papillary_ml(self, t: int) -> float:
        """Return what papillary muscles and trabeculae of the LV have; NaN where not told apart."""
        if self._papillary is Papillary.CAVITY or self._inside is None:
            return nan
        mm2 = self._inside.added_mm2(Structure.MYOCARDIUM, t).sum()
        return float(mm2 * self._distance_mm / 1000)

    def _untold(self, *frames: int | None) -> int:
        """Return on how many slices of frames papillary muscles could not be told from blood."""
        if self._papillary is Papillary.CAVITY or self._inside is None:
            return 0
        return sum(len(self._inside.untold(t)) for t in set(frames) if t is not None)

    def _by_discs_ml(self, t: int, state_of: StateOf | None) -> float:
        """Return the LV's volume with slices bridged that nobody has labelled."""
        areas = self.counted_mm2(Structure.LV_CAVITY, t)
        filled: Iterable[int] = np.flatnonzero(self.areas_mm2(Structure.LV_CAVITY)[t])
        known = set(filled)
        if state_of is not None:
            confirmed = (SliceState.EXPERT, SliceState.EDITING, SliceState.PREDICTED)
            known |= {z for z in range(len(areas)) if state_of(SliceIndex(t, z)) in confirmed}
        missing = [z for z in range(len(areas)) if z not in known]
        return volume_by_discs_ml(areas, self._distance_mm, missing)
