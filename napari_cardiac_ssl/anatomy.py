"""The words: views, structures, and which integer means which structure."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError


class View(StrEnum):
    """The standard planes of a cardiac MR examination, and all that is told of each.

    Parameters
    ----------
    short
        What people call it.
    order
        Its place where views are listed.
    field_mm
        The side of the square that holds the heart in it, which a network sees: with their atria
        hearts are 15 cm long in long-axis views.
    words
        A regular expression that finds it in descriptions, in small letters.

    Examples
    --------
    >>> View.LAX_4CH.short, View.LAX_4CH.file_name, [view.short for view in View.in_order()][:3]
    ('4CH', '4ch', ['SAX', '4CH', '2CH'])
    """

    short: str
    order: int
    field_mm: float
    words: str

    SAX = "SAX", "SAX", 0, 168.0, r"sax|\bsa\b|short[ _-]*ax|kurze achse"
    LAX_2CH = "LAX_2CH", "2CH", 2, 224.0, r"(2|two)[ _-]*ch|\bvla\b|vertical long"
    LAX_3CH = "LAX_3CH", "3CH", 3, 224.0, r"(3|three)[ _-]*ch|\blvot\b"
    LAX_4CH = "LAX_4CH", "4CH", 1, 224.0, r"(4|four)[ _-]*ch|\bhla\b|horizontal long"
    RV_2CH = (
        "RV_2CH",
        "RV 2CH",
        4,
        224.0,
        r"rv[ _-]*(2|two)[ _-]*ch|(2|two)[ _-]*ch\w*[ _-]+rv|rv[ _-]*(vla|inflow)",
    )
    RVOT = "RVOT", "RVOT", 5, 224.0, r"rvot|rv ?outflow"
    OTHER = (
        "OTHER",
        "other",
        6,
        224.0,
        "localizer|localiser|scout|survey|haste|axial|coronal|sagittal",
    )

    def __new__(
        cls, name: str, short: str = "", order: int = 0, field_mm: float = 0.0, words: str = ""
    ) -> "View":
        """Make a view of its name, which is its value, and what else is told of it."""
        view = str.__new__(cls, name)
        view._value_ = name
        view.short, view.order, view.field_mm, view.words = short, order, field_mm, words
        return view

    @classmethod
    def in_order(cls) -> list["View"]:
        """Return all views as they are listed."""
        return sorted(cls, key=lambda view: view.order)

    @property
    def file_name(self) -> str:
        """What names of files say of it."""
        return self.short.lower().replace(" ", "_")


class Structure(StrEnum):
    """What is contoured; with a short name and a colour.

    The colours are Okabe and Ito's, which colour-blind people tell apart.
    """

    short: str
    colour: str

    LV_CAVITY = "LV cavity", "LV", "#E69F00"
    MYOCARDIUM = "myocardium", "Myo", "#009E73"
    RV_CAVITY = "RV cavity", "RV", "#56B4E9"
    LEFT_ATRIUM = "left atrium", "LA", "#F0E442"
    RIGHT_ATRIUM = "right atrium", "RA", "#CC79A7"

    def __new__(cls, name: str, short: str = "", colour: str = "") -> "Structure":
        """Make a structure of its name, which is its value, and how it is shown."""
        structure = str.__new__(cls, name)
        structure._value_ = name
        structure.short, structure.colour = short, colour
        return structure


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
