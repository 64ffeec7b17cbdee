"""Which slice to look at next, and why.

A slice is worth the area that labelling it is expected to set right: what the model doubts on it,
the more where it disagrees with the slices and frames beside it, and its share of what is doubted
on slices like it that nothing labelled is like yet. ED and ES each begin in the middle
(docs/method.md). Plain arrays in, slices with a reason in words out.
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
#: Two slices so far apart, in slices or in frames, have 37 % in common if their areas are alike.
_REACH_SLICES = 1.5
_REACH_FRAMES = 4.0
#: Added to areas that are compared, cm²: slices without a heart are alike.
_NO_AREA_CM2 = 0.01
#: Areas below this do not make a jump, cm².
_LEAST_AREA_CM2 = 2.0
#: A jump is said from so much on.
_SAYS_JUMP = 0.15


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
        Its worth, comparable within one answer; of ``suggest`` and ``uncertainty`` in cm².
    reason
        Why, in words; slices and frames counted from 0, as sliders do.
    """

    index: SliceIndex
    score: float
    reason: str


@dataclass(frozen=True, eq=False)
class _Factor:
    """Something of every slice, and how it is said of one."""

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
    doubt, disagreement = _doubt(situation), _disagreement(situation)
    wrong = np.where(situation.open, doubt.values * disagreement.values, 0)
    elsewhere = _elsewhere(situation, wrong)
    among, start = _starts(situation)
    gain = wrong + elsewhere
    index = _best(np.where(among, gain, -np.inf))
    said = [start, doubt.words(*index)] if start else [doubt.words(*index)]
    if disagreement.values[index] >= 1 + _SAYS_JUMP:
        said.append(disagreement.words(*index))
    if uncovered := _uncovered(situation, *index):
        said.append(uncovered)
    is_known = bool(np.isfinite(situation.doubt_cm2[situation.open]).any())
    if is_known and elsewhere[index] > wrong[index]:  # else it is no area
        said.append(f"{elsewhere[index]:.1f} cm² in doubt on slices like it")
    return Suggestion(index, float(gain[index]), "; ".join(said[:2]))


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
        return Suggestion(index, 1.0, _nothing_yet(situation, "", _place(situation, *index)))
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
        filled,
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


def _elsewhere(situation: Situation, wrong: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return what a label on each slice would set right on the other open ones, cm².

    What is wrong on a slice counts as far as the labelled one is more like it than all others that
    are labelled already.
    """
    alike = _alike(situation)
    known = alike[situation.labelled.ravel()].max(axis=0, initial=0)
    new = np.maximum(0, alike - known)
    np.fill_diagonal(new, 0)
    return np.asarray(new @ wrong.ravel()).reshape(wrong.shape)


def _alike(situation: Situation) -> NDArray[np.floating]:
    """Return how much any two slices have in common, 0 to 1: near, and with areas alike."""
    frames, slices = situation.labelled.shape
    t, z = np.divmod(np.arange(frames * slices), slices)
    away = np.hypot(_frames_away(t[:, None] - t, frames), (z[:, None] - z) / _REACH_SLICES)
    areas = situation.areas_cm2.reshape(-1, len(STRUCTURE_WORDS)) + _NO_AREA_CM2
    both = np.minimum(areas[:, None], areas).sum(axis=-1)
    either = np.maximum(areas[:, None], areas).sum(axis=-1)
    return np.asarray(np.exp(-(away**2)) * both / either)


def _starts(situation: Situation) -> tuple[NDArray[np.bool_], str]:
    """Return the slices to choose from, and why if these are not all: ED and ES come first."""
    heart = np.asarray(situation.areas_cm2.any(axis=-1))
    for t, phase in _phases(situation).items():
        middle = situation.open[t] & (_parts(situation, t) == 1)
        same = _same_phase(situation, t)
        if middle.any() and not (situation.labelled & heart)[same].any():
            among = np.zeros_like(situation.open)
            among[t] = middle
            return among, _nothing_yet(situation, phase, "the middle")
    return situation.open, ""


def _uncovered(situation: Situation, t: int, z: int) -> str:
    """Say that nothing is labelled yet in a slice's part of the heart; empty where that is not."""
    phase = _phases(situation).get(t)
    part_of = _parts(situation, t)
    if phase is None or part_of[z] < 0 or len(part_of) == 1:
        return ""
    if part_of[z] in part_of[situation.labelled[_same_phase(situation, t)].any(axis=0)]:
        return ""
    return f"{_place(situation, t, z)} not covered yet{phase}"


# -- places --------------------------------------------------------------------------------


def _distance(situation: Situation) -> NDArray[np.floating]:
    """Return how far each slice is from the nearest labelled one, in reaches; a cine is a round."""
    frames, slices = situation.labelled.shape
    known = np.argwhere(situation.labelled)
    if not len(known):
        return np.full((frames, slices), np.inf)
    dt = _frames_away(np.arange(frames)[:, None] - known[:, 0], frames)
    dz = np.abs(np.arange(slices)[:, None] - known[:, 1]) / _REACH_SLICES
    return np.asarray(np.hypot(dt[:, None], dz[None]).min(axis=-1))


def _frames_away(apart: NDArray[np.intp], frames: int) -> NDArray[np.floating]:
    """Return how far frames are apart, in reaches; a cine is a round."""
    apart = np.abs(apart)
    reach = min(_REACH_FRAMES, max(1.0, frames / 4))
    return np.asarray(np.minimum(apart, frames - apart) / reach)


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


def _same_phase(situation: Situation, t: int) -> NDArray[np.intp]:
    """Return the frames that show what a frame shows: within a twentieth of a round of the cine.

    ED as it is found may lie a frame beside the one that somebody has drawn on.
    """
    frames = len(situation.labelled)
    near = frames // 20
    return np.arange(t - near, t + near + 1) % frames


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


def _nothing_yet(situation: Situation, phase: str, place: str) -> str:
    """Return that nothing is confirmed yet, and which place comes first where there are several.

    Short, for there is little room; and without "no heart", which means another thing.
    """
    first = f": {place} first" if situation.labelled.shape[1] > 1 else ""
    return f"{phase.removeprefix(' in ') or 'the heart'} is not confirmed yet{first}"


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
