"""Telling what a mask's integers mean from how they lie: what encloses what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import ACDC, UKBB, LabelScheme, Structure
from napari_cardiac_ssl.errors import InputError


@dataclass(frozen=True)
class LabelReading:
    """What a mask's integers look like, by which of them encloses which.

    Parameters
    ----------
    meanings
        Integer to what it looks like: a structure, or in words what is none of ours.
    myocardium, lv_cavity
        The two integers that tell the others.

    Examples
    --------
    >>> mask = np.zeros((20, 20), np.uint8)
    >>> mask[2:15, 2:15], mask[5:12, 5:12] = 1, 2
    >>> str(read_labels(mask))
    '2 is enclosed by 1: this looks like 1 myocardium, 2 LV cavity'
    """

    meanings: dict[int, str]
    myocardium: int
    lv_cavity: int

    def __str__(self) -> str:
        meant = ", ".join(f"{code} {meaning}" for code, meaning in sorted(self.meanings.items()))
        return f"{self.lv_cavity} is enclosed by {self.myocardium}: this looks like {meant}"

    @property
    def as_scheme(self) -> str:
        """How it is said on the command line."""
        said = {
            code: meaning.lower().replace(" ", "_")
            for code, meaning in self.meanings.items()
            if meaning != IN_THE_WALL
        }
        scars = sorted(set(self.meanings) - set(said))
        for number, code in enumerate(scars, start=1):
            said[code] = f"scar{f'_{number}' if len(scars) > 1 else ''}:myocardium"
        return ",".join(f"{code}={meaning}" for code, meaning in sorted(said.items()))

    @property
    def advice(self) -> str:
        """What to do about a mask in no scheme that is known by name."""
        return f"say so: --scheme {self.as_scheme}"

    def contradicts(self, scheme: LabelScheme) -> bool:
        """Tell whether a scheme means something else by an integer whose meaning is clear.

        Atria border on anything: they are left aside.
        """
        meant = dict(zip(scheme.integers, scheme.structures, strict=True))
        atria = (Structure.LEFT_ATRIUM, Structure.RIGHT_ATRIUM)
        spared = {one.integer for one in scheme.apart}
        if not scheme.is_preset:  # who says that a scar counts as myocardium means it
            wall = (code for code, what in self.meanings.items() if what == IN_THE_WALL)
            spared |= {code for code in wall if meant.get(code) is Structure.MYOCARDIUM}
        return any(
            meant.get(code) != meaning and meant.get(code) not in atria
            for code, meaning in self.meanings.items()
            if code not in spared
        )


def check_codes(labels: NDArray[np.integer], scheme: LabelScheme) -> None:
    """Refuse integers that a scheme does not know, and say what they look like.

    Raises
    ------
    InputError
        As said.
    """
    try:
        scheme.check(labels)
    except InputError as error:
        reading = read_labels(labels)
        raise InputError(
            f"{error}. {reading}; {reading.advice}" if reading else str(error)
        ) from error


#: What lies in the wall and is no structure of ours.
IN_THE_WALL = "within the wall (a scar?)"
#: Masks of more integers are no contours of a heart.
_MOST_INTEGERS = 32
_FRAMES_READ = 4


def read_labels(labels: NDArray[np.integer]) -> LabelReading | None:
    """Tell what a mask's integers look like, whatever they are; None where nothing is clear.

    The LV cavity is what another integer, the myocardium, encloses; the RV cavity lies beside the
    myocardium and never touches the LV cavity; what touches both is within the wall.

    Parameters
    ----------
    labels
        Integers, shape ``(..., y, x)``; of more than four frames, four are looked at.
    """
    if labels.ndim == 4 and len(labels) > _FRAMES_READ:
        labelled = np.flatnonzero(labels.any(axis=(1, 2, 3)))
        some = np.linspace(0, len(labelled) - 1, _FRAMES_READ).round().astype(int)
        labels = labels[labelled[np.unique(some)]] if labelled.size else labels[:1]
    codes, inverse = np.unique(labels, return_inverse=True)
    if len(codes) > _MOST_INTEGERS or not (codes > 0).any() or (codes < 0).any():
        return None
    borders = _borders(inverse.reshape(labels.shape), len(codes))
    sizes = np.bincount(inverse.ravel(), minlength=len(codes))
    shares = borders / np.maximum(borders.sum(axis=1, keepdims=True), 1)
    ours = [i for i, code in enumerate(codes) if code > 0]
    pairs = [
        (cavity, wall)
        for cavity in ours
        for wall in ours
        # A scar is enclosed too, and small; papillary muscles are enclosed by the cavity.
        if cavity != wall and shares[cavity, wall] > 0.5 and sizes[cavity] > 0.1 * sizes[wall]
    ]
    if not pairs:
        return None
    cavity, wall = max(pairs, key=lambda pair: shares[pair])
    meanings = {int(codes[cavity]): str(Structure.LV_CAVITY)}
    meanings[int(codes[wall])] = str(Structure.MYOCARDIUM)
    outside = np.flatnonzero(codes == 0).tolist()
    for other in set(ours) - {cavity, wall}:
        told = borders[other, [cavity, wall, *outside]]  # the rest may be more of its kind
        at_cavity, at_wall = told[:2] / max(told.sum(), 1)
        if at_wall > 0.7 or (at_cavity > 0.05 and at_cavity + at_wall > 0.4):
            meanings[int(codes[other])] = IN_THE_WALL
        elif at_wall > 0.05 and at_cavity < 0.05:
            meanings[int(codes[other])] = str(Structure.RV_CAVITY)
    return LabelReading(meanings, int(codes[wall]), int(codes[cavity]))


def _borders(labels: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Count the pixels' edges between every two classes, in the planes of the last two axes."""
    counts = np.zeros(classes * classes, dtype=np.int64)
    along_x, along_y = (
        (labels[..., :-1], labels[..., 1:]),
        (labels[..., :-1, :], labels[..., 1:, :]),
    )
    for one, other in (along_x, along_y):
        differ = one != other
        pairs = one[differ].astype(np.int64) * classes + other[differ]
        counts += np.bincount(pairs, minlength=classes * classes)
    table = counts.reshape(classes, classes)
    return np.asarray(table + table.T)


def detect_scheme(labels: NDArray[np.integer]) -> LabelScheme:
    """Tell the scheme of a mask from its anatomy: the cavity in the myocardium is the LV.

    Both presets call the myocardium 2 and the cavities 1 and 3. The LV cavity's border is
    myocardium nearly all round, the RV cavity's only along the septum. In long-axis views the LV
    is open to the atrium, but still more enclosed; where that does not tell, atria do: of the
    presets `UKBB` alone has integers for them.

    Parameters
    ----------
    labels
        Integers, shape ``(..., y, x)``.

    Returns
    -------
    LabelScheme
        `UKBB` or `ACDC`.

    Raises
    ------
    InputError
        If the labels do not tell: no myocardium, no cavity, or both cavities alike.

    Examples
    --------
    >>> mask = np.zeros((20, 20), np.uint8)
    >>> mask[2:15, 2:15], mask[5:12, 5:12], mask[3:14, 15:18] = 2, 3, 1
    >>> detect_scheme(mask).name
    'acdc'
    """
    if set(np.unique(labels).tolist()) - set(range(6)):
        check_codes(labels, UKBB)
    enclosed = {}
    for code in (1, 3):
        cavity = labels == code
        rim = np.zeros_like(cavity)
        rim[..., 1:, :] |= cavity[..., :-1, :]
        rim[..., :-1, :] |= cavity[..., 1:, :]
        rim[..., 1:] |= cavity[..., :-1]
        rim[..., :-1] |= cavity[..., 1:]
        rim &= ~cavity
        if rim.any():
            enclosed[code] = float((labels[rim] == 2).mean())
    if enclosed:
        best = max(enclosed, key=lambda code: enclosed[code])
        others = [share for code, share in enclosed.items() if code != best]
        if enclosed[best] >= 0.5 and enclosed[best] - max(others, default=0.0) > 0.2:
            return UKBB if best == 1 else ACDC
    reading = read_labels(labels)
    if reading and reading.contradicts(UKBB) and reading.contradicts(ACDC):
        raise InputError(f"{reading}, which is no label scheme known by name; {reading.advice}")
    if (labels > len(ACDC.structures)).any():
        return UKBB
    said = ", ".join(f"{code}: {share:.0%}" for code, share in enclosed.items()) or "none"
    raise InputError(
        "cannot tell the label scheme: no cavity is clearly enclosed by myocardium (integer 2; "
        f"share of each cavity's border that is myocardium: {said}); name it with --scheme ukbb "
        "or --scheme acdc, or say what the integers mean: --scheme 1=myocardium,2=lv_cavity"
    )
