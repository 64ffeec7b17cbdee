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
    """What is contoured; with a short name, a colour, and code and meaning in SNOMED CT.

    The colours are chosen by simulation: deutan and protan eyes, too, tell them from each other and
    from the grey of muscle and blood.
    """

    short: str
    colour: str
    snomed: tuple[str, str]

    LV_CAVITY = "LV cavity", "LV", "#DD8800", ("87878005", "Left ventricle")
    MYOCARDIUM = "myocardium", "Myo", "#8A4DFF", ("49848007", "Left Ventricle Myocardium")
    RV_CAVITY = "RV cavity", "RV", "#56B4E9", ("53085002", "Right ventricle")
    LEFT_ATRIUM = "left atrium", "LA", "#FFFFAA", ("82471001", "Left atrium")
    RIGHT_ATRIUM = "right atrium", "RA", "#885522", ("73829009", "Right atrium")

    def __new__(
        cls, name: str, short: str = "", colour: str = "", snomed: tuple[str, str] = ("", "")
    ) -> "Structure":
        """Make a structure of its name, which is its value, how it is shown and how it is coded."""
        structure = str.__new__(cls, name)
        structure._value_ = name
        structure.short, structure.colour, structure.snomed = short, colour, snomed
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


#: What to do about a mask in none of the schemes.
RELABEL = "change its integers to 1 LV cavity, 2 myocardium, 3 RV cavity (scheme ukbb)"


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

    def contradicts(self, scheme: LabelScheme) -> bool:
        """Tell whether a scheme means something else by an integer whose meaning is clear.

        Atria border on anything: they are left aside.
        """
        meant = dict(enumerate(scheme.structures, start=1))
        atria = (Structure.LEFT_ATRIUM, Structure.RIGHT_ATRIUM)
        return any(
            meant.get(code) != meaning and meant.get(code) not in atria
            for code, meaning in self.meanings.items()
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
        raise InputError(f"{error}. {reading}; {RELABEL}" if reading else str(error)) from error


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
        raise InputError(f"{reading}, which is no label scheme known here; {RELABEL}")
    if (labels > len(ACDC.structures)).any():
        return UKBB
    said = ", ".join(f"{code}: {share:.0%}" for code, share in enclosed.items()) or "none"
    raise InputError(
        "cannot tell the label scheme: no cavity is clearly enclosed by myocardium (integer 2; "
        f"share of each cavity's border that is myocardium: {said}); name it with --scheme ukbb "
        "or --scheme acdc"
    )
