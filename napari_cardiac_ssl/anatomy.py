"""The words: views, structures, and which integer means which structure."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError


class View(StrEnum):
    """The standard planes of a cardiac MR examination: name, and short name for people.

    Examples
    --------
    >>> View.LAX_4CH.short, View.LAX_4CH.file_name
    ('4CH', '4ch')
    """

    short: str

    SAX = "SAX", "SAX"
    LAX_2CH = "LAX_2CH", "2CH"
    LAX_3CH = "LAX_3CH", "3CH"
    LAX_4CH = "LAX_4CH", "4CH"
    RV_2CH = "RV_2CH", "RV 2CH"
    RVOT = "RVOT", "RVOT"
    OTHER = "OTHER", "other"

    def __new__(cls, name: str, short: str = "") -> "View":
        """Make a view of its name, which is its value, and what else it is."""
        view = str.__new__(cls, name)
        view._value_ = name
        view.short = short
        return view

    @property
    def file_name(self) -> str:
        """What names of files say of it."""
        return self.short.lower().replace(" ", "_")


class Structure(StrEnum):
    """What is contoured."""

    LV_CAVITY = "LV cavity"
    MYOCARDIUM = "myocardium"
    RV_CAVITY = "RV cavity"
    LEFT_ATRIUM = "left atrium"
    RIGHT_ATRIUM = "right atrium"


SAX_STRUCTURES = (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)

#: The structures that are contoured in each view that can be learned.
STRUCTURES_OF_VIEW: dict[View, tuple[Structure, ...]] = {
    View.SAX: SAX_STRUCTURES,
    View.LAX_4CH: (*SAX_STRUCTURES, Structure.LEFT_ATRIUM, Structure.RIGHT_ATRIUM),
    View.LAX_2CH: (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.LEFT_ATRIUM),
}


@dataclass(frozen=True)
class LabelScheme:
    """Which integer in a mask means which structure. 0 is always background.

    Parameters
    ----------
    name
        How users name it.
    structures
        ``structures[i]`` is what the integer ``i + 1`` means.

    Examples
    --------
    >>> UKBB.code(Structure.LV_CAVITY), ACDC.code(Structure.LV_CAVITY)
    (1, 3)
    >>> ACDC.convert(np.array([0, 1, 2, 3]), UKBB)
    array([0, 3, 2, 1], dtype=uint8)
    """

    name: str
    structures: tuple[Structure, ...]

    def code(self, structure: Structure) -> int:
        """Return the integer of a structure.

        Raises
        ------
        InputError
            If the scheme has no integer for it.
        """
        if structure not in self.structures:
            raise InputError(f"the scheme '{self.name}' has no integer for the {structure}")
        return self.structures.index(structure) + 1

    def convert(self, labels: NDArray[np.integer], to: "LabelScheme") -> NDArray[np.uint8]:
        """Return the labels with every structure's integer exchanged for that of another scheme.

        Raises
        ------
        InputError
            If the labels hold an integer that this scheme does not know, or a structure that the
            other scheme cannot say.
        """
        present = self.check(labels)
        table = np.zeros(len(self.structures) + 1, dtype=np.uint8)
        for code in present:
            table[code] = to.code(self.structures[code - 1])
        converted: NDArray[np.uint8] = table[labels]
        return converted

    def check(self, labels: NDArray[np.integer]) -> list[int]:
        """Return the integers present (without 0).

        Raises
        ------
        InputError
            If one of them is not in the scheme.
        """
        present = [int(value) for value in np.unique(labels) if value != 0]
        unknown = [value for value in present if not 0 < value <= len(self.structures)]
        if unknown:
            known = ", ".join(f"{i + 1} {name}" for i, name in enumerate(self.structures))
            raise InputError(
                f"unknown integer{'s' if len(unknown) > 1 else ''} "
                f"{', '.join(map(str, unknown))} in the mask; the scheme '{self.name}' knows "
                f"0 background, {known}"
            )
        return present


#: UK Biobank's integers: ours inside.
UKBB = LabelScheme(
    "ukbb",
    (
        Structure.LV_CAVITY,
        Structure.MYOCARDIUM,
        Structure.RV_CAVITY,
        Structure.LEFT_ATRIUM,
        Structure.RIGHT_ATRIUM,
    ),
)
#: The integers of the ACDC challenge (Bernard et al., IEEE TMI 2018).
ACDC = LabelScheme("acdc", (Structure.RV_CAVITY, Structure.MYOCARDIUM, Structure.LV_CAVITY))

SCHEMES = {scheme.name: scheme for scheme in (UKBB, ACDC)}


def scheme_named(name: str) -> LabelScheme:
    """Return the preset scheme of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in SCHEMES:
        raise InputError(f"unknown label scheme '{name}'; known are {', '.join(SCHEMES)}")
    return SCHEMES[name]


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
        UKBB.check(labels)
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
    if (labels > len(ACDC.structures)).any():
        return UKBB
    said = ", ".join(f"{code}: {share:.0%}" for code, share in enclosed.items()) or "none"
    raise InputError(
        "cannot tell the label scheme: no cavity is clearly enclosed by myocardium (integer 2; "
        f"share of each cavity's border that is myocardium: {said}); name it with --scheme ukbb "
        "or --scheme acdc"
    )
