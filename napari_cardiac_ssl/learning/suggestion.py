"""Which slice to look at next, and why.

A slice is worth looking at where the model is unsure, where it disagrees with the slices and frames
beside it, far from what is labelled, in a part of the heart that is not covered yet, and where
there is a heart to learn from; the score is the product of these (docs/method.md). Plain arrays in,
slices with a reason in words out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import SliceIndex

Strategy = Literal["suggest", "uncertainty", "uniform", "random"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)

#: The structures in the order of `Situation.areas_cm2`.
STRUCTURE_WORDS = ("LV", "myocardium", "RV")
#: A slice so far from a labelled one, in slices or in frames, is worth about 60 % of a remote one.
_REACH_SLICES = 1.5
_REACH_FRAMES = 4.0
#: What a slice right beside a labelled one is worth; of a remote one, 1.
_LEAST_NEW = 0.3
#: How much a part of the heart that is not covered yet counts for.
_UNCOVERED = 1.5
#: What a slice without any heart is worth; one with a good part (of the largest area), 1. It shows
#: what is no heart, but teaches little, and a model that sees much of it forgets the heart.
_LEAST_HEART, _GOOD_PART = 0.25, 0.3
#: Areas below this do not make a jump, cm².
_LEAST_AREA_CM2 = 2.0
#: What is said of a slice's reason: a factor so much above the others'.
_SAYS = 1.15


@dataclass(frozen=True, eq=False)
class Situation:
    """What is known of a stack when the next slice is asked for.

    Parameters
    ----------
    labelled
        Shape ``(t, z)``: slices that an expert has labelled.
    open
        Shape ``(t, z)``: slices that may be suggested.
    areas_cm2
        Shape ``(t, z, 3)``: areas of LV cavity, myocardium and RV cavity as they are labelled or
        predicted now.
    doubt_cm2
        Shape ``(t, z)``: the area in doubt on each slice; NaN where unknown.
    ed, es
        Frames; None where unknown.
    from_base
        Whether slice 0 is on the base's side; None where nothing tells.
    """

    labelled: NDArray[np.bool_]
    open: NDArray[np.bool_]
    areas_cm2: NDArray[np.floating]
    doubt_cm2: NDArray[np.floating]
    ed: int | None = None
    es: int | None = None
    from_base: bool | None = None


@dataclass(frozen=True)
class Suggestion:
    """A slice to look at.

    Parameters
    ----------
    index
        Which one.
    score
        Its worth, comparable within one answer.
    reason
        Why, in words; slices and frames counted from 0, as sliders do.
    """

    index: SliceIndex
    score: float
    reason: str


@dataclass(frozen=True, eq=False)
class _Factor:
    """One factor of the score, and how it is said where it decides."""

    values: NDArray[np.floating]
    words: Callable[[int, int], str] = field(repr=False)


def suggest(
    situation: Situation, *, strategy: Strategy = "suggest", number: int = 1, seed: int = 0
) -> list[Suggestion]:
    """Return the slices to look at next, the most worthwhile first.

    Parameters
    ----------
    situation
        What is known.
    strategy
        ``suggest``: as the module says. ``uncertainty``: the largest area in doubt. ``uniform``:
        what is farthest from everything labelled. ``random``: any.
    number
        How many; each is chosen as if those before it were labelled, so that they differ.
    seed
        Of ``random``.

    Returns
    -------
    list of Suggestion
        At most `number`; empty where no slice is left.

    Raises
    ------
    InputError
        If there is no such strategy, or the number is not positive.

    Examples
    --------
    >>> nothing = np.zeros((1, 9), bool)
    >>> start = Situation(nothing, ~nothing, np.zeros((1, 9, 3)), np.full((1, 9), np.nan))
    >>> [s.index.z for s in suggest(start, number=3)]
    [4, 1, 7]
    """
    if strategy not in STRATEGIES:
        raise InputError(f"unknown strategy '{strategy}'; known are {', '.join(STRATEGIES)}")
    if number < 1:
        raise InputError(f"the number of suggestions must be positive, got {number}")
    ways: dict[str, Callable[[Situation], Suggestion]] = {
        "suggest": _worthwhile,
        "uncertainty": _doubtful,
        "uniform": _farthest,
        "random": _Chance(seed),
    }
    chosen: list[Suggestion] = []
    while len(chosen) < number and situation.open.any():
        best = ways[strategy](situation)
        chosen.append(best)
        labelled, open_ = situation.labelled.copy(), situation.open.copy()
        labelled[best.index], open_[best.index] = True, False
        situation = replace(situation, labelled=labelled, open=open_)
    return chosen


# -- strategies ----------------------------------------------------------------------------


def _worthwhile(situation: Situation) -> Suggestion:
    if not situation.areas_cm2[situation.labelled].any():  # no heart has been learned yet
        return _farthest(situation)
    factors = (
        _doubt(situation),
        _disagreement(situation),
        _novelty(situation),
        _coverage(situation),
    )
    score = np.prod([_substance(situation), *(factor.values for factor in factors)], axis=0)
    index = _best(np.where(situation.open, score, -np.inf))
    # What sets it apart: the factor that is most above what open slices have on average.
    above = [
        float(factor.values[index] / max(1e-9, factor.values[situation.open].mean()))
        for factor in factors
    ]
    order = np.argsort(above)[::-1]
    said = [factors[k].words(*index) for k in order if above[k] >= _SAYS or k == order[0]]
    return Suggestion(index, float(score[index]), "; ".join(said[:2]))


def _doubtful(situation: Situation) -> Suggestion:
    if np.isnan(situation.doubt_cm2[situation.open]).all():
        return _farthest(situation)
    factor = _doubt(situation)
    index = _best(np.where(situation.open, factor.values, -np.inf))
    return Suggestion(index, float(factor.values[index]), factor.words(*index))


def _farthest(situation: Situation) -> Suggestion:
    """Choose what is farthest from all that is labelled; of ED first: middle, base, apex."""
    open_ = situation.open
    labelled, areas = situation.labelled, situation.areas_cm2
    if not labelled.any() or (areas.any() and not areas[labelled].any()):
        t = situation.ed if situation.ed is not None and open_[situation.ed].any() else None
        t = int(np.flatnonzero(open_.any(axis=1))[0]) if t is None else t
        first, last = _extent(situation, t)
        places = np.flatnonzero(open_[t]).tolist()
        index = SliceIndex(t, min(places, key=lambda z: (abs(z - (first + last) / 2), z)))
        return Suggestion(
            index, 1.0, f"no heart is labelled yet: {_place(situation, *index)} first"
        )
    away = _distance(situation)
    rims = np.array([_extent(situation, t) for t in range(len(open_))])[:, :, None]
    z = np.arange(open_.shape[1])
    # The rim of the stack is nobody's neighbour: half a step inside is where most is learned.
    to_rim = np.minimum(z - rims[:, 0] + 0.75, rims[:, 1] - z + 0.75) / _REACH_SLICES
    score = np.where(open_, np.minimum(away, np.maximum(2 * to_rim, 0.01)), -np.inf)
    index = _best(score)
    return Suggestion(index, float(score[index]), _distance_words(situation)(*index))


class _Chance:
    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)

    def __call__(self, situation: Situation) -> Suggestion:
        places = np.argwhere(situation.open)
        t, z = places[self._chance.integers(len(places))]
        return Suggestion(SliceIndex(int(t), int(z)), 1.0, "by chance")


# -- factors -------------------------------------------------------------------------------


def _doubt(situation: Situation) -> _Factor:
    doubt = situation.doubt_cm2
    known = doubt[np.isfinite(doubt) & situation.open]
    if not known.size:
        return _Factor(np.ones(doubt.shape), lambda t, z: "the model has not said how sure it is")
    filled = np.where(np.isfinite(doubt), doubt, np.median(known))
    return _Factor(
        filled / max(float(known.max()), 1e-6),
        lambda t, z: (
            f"the model is least sure here: {filled[t, z]:.1f} cm² in doubt"
            if filled[t, z] >= known.max()
            else f"{filled[t, z]:.1f} cm² in doubt"
        ),
    )


def _disagreement(situation: Situation) -> _Factor:
    """From 1 (as the neighbours let expect) to 2 (nothing like them).

    Beside a slice without any heart (beyond the heart's ends, or with nothing on it yet) there is
    nothing to compare with.
    """
    areas = np.where(situation.areas_cm2.any(axis=-1, keepdims=True), situation.areas_cm2, np.nan)
    jumps = np.zeros((*areas.shape, 2))  # against the neighbours in z, and in t
    jumps[:, 1:-1, :, 0] = _jump(areas[:, 1:-1], areas[:, :-2], areas[:, 2:])
    if len(areas) > 2:
        jumps[..., 1] = _jump(areas, np.roll(areas, 1, axis=0), np.roll(areas, -1, axis=0))

    def words(t: int, z: int) -> str:
        structure, axis = np.unravel_index(np.argmax(jumps[t, z]), jumps[t, z].shape)
        here = areas[t, z, structure]
        if axis == 0:
            sides = [(z - 1, areas[t, z - 1, structure]), (z + 1, areas[t, z + 1, structure])]
        else:
            frames = ((t - 1) % len(areas), (t + 1) % len(areas))
            sides = [(other, areas[other, z, structure]) for other in frames]
        # The nearer one: it lies as far outside as is counted.
        beside, there = min(sides, key=lambda side: abs(side[1] - here))
        what = "slice" if axis == 0 else "frame"
        percent = 100 * abs(here - there) / max(here, there, 1e-9)
        return f"{STRUCTURE_WORDS[structure]} area jumps by {percent:.0f} % against {what} {beside}"

    return _Factor(1 + jumps.max(axis=(2, 3)), words)


def _jump(
    here: NDArray[np.floating], before: NDArray[np.floating], after: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return how far areas lie outside of what their neighbours span, 0 to 1; 0 where unknown."""
    low, high = np.minimum(before, after), np.maximum(before, after)
    outside = np.maximum(0, np.maximum(low - here, here - high))
    part = outside / np.maximum(_LEAST_AREA_CM2, np.maximum(here, high))
    return np.asarray(np.nan_to_num(part))


def _novelty(situation: Situation) -> _Factor:
    new = 1 - np.exp(-(_distance(situation) ** 2))
    return _Factor(_LEAST_NEW + (1 - _LEAST_NEW) * new, _distance_words(situation))


def _coverage(situation: Situation) -> _Factor:
    labelled, open_ = situation.labelled, situation.open
    values = np.ones(labelled.shape)
    parts: dict[tuple[int, int], int] = {}
    phases = _phases(situation)
    for t in phases:
        part_of = _parts(situation, t)
        covered = {int(part) for part in part_of[labelled[t]]}
        for z in np.flatnonzero(open_[t]):
            parts[t, int(z)] = int(part_of[z])
            if part_of[z] >= 0 and part_of[z] not in covered:
                values[t, z] = _UNCOVERED

    def words(t: int, z: int) -> str:
        return f"{_place(situation, t, z)} not covered yet{phases.get(t, '')}"

    return _Factor(values, words)


def _substance(situation: Situation) -> NDArray[np.floating]:
    heart = situation.areas_cm2.sum(axis=-1)
    share = np.minimum(1, heart / max(_GOOD_PART * float(heart.max()), 1e-6))
    return np.asarray(_LEAST_HEART + (1 - _LEAST_HEART) * share)


# -- places --------------------------------------------------------------------------------


def _distance(situation: Situation) -> NDArray[np.floating]:
    """Return how far each slice is from the nearest labelled one, in reaches; a cine is a round."""
    frames, slices = situation.labelled.shape
    known = np.argwhere(situation.labelled)
    if not len(known):
        return np.full((frames, slices), np.inf)
    dt = np.abs(np.arange(frames)[:, None] - known[:, 0])
    dt = np.minimum(dt, frames - dt) / min(_REACH_FRAMES, max(1.0, frames / 4))
    dz = np.abs(np.arange(slices)[:, None] - known[:, 1]) / _REACH_SLICES
    return np.asarray(np.hypot(dt[:, None], dz[None]).min(axis=-1))


def _distance_words(situation: Situation) -> Callable[[int, int], str]:
    def words(t: int, z: int) -> str:
        here = np.flatnonzero(situation.labelled[t])
        if not here.size:
            return f"nothing is labelled in frame {t}"
        away = int(np.abs(here - z).min())
        if away == 1:
            return "beside a labelled slice"
        return f"{away} slices away from the nearest labelled one"

    return words


def _phases(situation: Situation) -> dict[int, str]:
    """Return the frames whose coverage counts, with how they are said."""
    if len(situation.labelled) == 1:
        return {0: ""}
    said = {situation.ed: " in ED", situation.es: " in ES"}
    return {t: words for t, words in said.items() if t is not None}


def _extent(situation: Situation, t: int) -> tuple[int, int]:
    """Return the first and last slice that shows the heart in a frame; all if none does."""
    shown = np.flatnonzero(situation.areas_cm2[t].any(axis=-1))
    slices = situation.labelled.shape[1]
    return (int(shown[0]), int(shown[-1])) if shown.size else (0, slices - 1)


def _parts(situation: Situation, t: int) -> NDArray[np.intp]:
    """Return the third of the heart that each slice lies in, from slice 0; -1 outside."""
    first, last = _extent(situation, t)
    z = np.arange(situation.labelled.shape[1])
    thirds = (3 * (z - first)) // max(1, last - first + 1)
    return np.where((z < first) | (z > last), -1, thirds)


def _place(situation: Situation, t: int, z: int) -> str:
    part = int(_parts(situation, t)[z])
    if part < 0:
        return "beyond the heart's end"
    if part == 1:
        return "the middle"
    if situation.from_base is None:
        return "the end at slice 0" if part == 0 else "the end at the last slice"
    return "base" if (part == 0) == situation.from_base else "apex"


def _best(score: NDArray[np.floating]) -> SliceIndex:
    t, z = np.unravel_index(np.argmax(score), score.shape)
    return SliceIndex(int(t), int(z))
