"""The words: views, structures, and which integer means which structure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

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
class Apart:
    """What a mask has that is none of our structures: kept apart, and written back.

    Parameters
    ----------
    integer
        Its own.
    name
        What its user calls it: scar, fat.
    within
        The structure that it counts as as well; None for none.
    """

    integer: int
    name: str
    within: Structure | None = None


@dataclass(frozen=True)
class LabelScheme:
    """Which integer in a mask means which structure. 0 is always background.

    Parameters
    ----------
    name
        How users name it: a preset's name, or the integers themselves (`scheme_named`).
    structures
        What the integers mean, in their order. Two may mean the same: the first is written.
    integers
        Which; 1, 2, 3 and so on by default.
    apart
        Integers that mean none of our structures.

    Examples
    --------
    >>> UKBB.code(Structure.LV_CAVITY), ACDC.code(Structure.LV_CAVITY)
    (1, 3)
    >>> ACDC.convert(np.array([0, 1, 2, 3]), UKBB)
    array([0, 3, 2, 1], dtype=uint8)
    """

    name: str
    structures: tuple[Structure, ...]
    integers: tuple[int, ...] = ()
    apart: tuple[Apart, ...] = ()

    def __post_init__(self) -> None:
        """Give the structures integers where none are given."""
        if not self.integers:
            object.__setattr__(self, "integers", tuple(range(1, len(self.structures) + 1)))

    @property
    def is_preset(self) -> bool:
        """Whether it is one of those that are known by name."""
        return self.name in SCHEMES

    @property
    def meanings(self) -> dict[int, str]:
        """What each integer means, in words."""
        said = {code: str(s) for code, s in zip(self.integers, self.structures, strict=True)}
        return dict(sorted((said | {one.integer: one.name for one in self.apart}).items()))

    def code(self, structure: Structure) -> int:
        """Return the integer of a structure.

        Raises
        ------
        InputError
            If the scheme has no integer for it.
        """
        if structure not in self.structures:
            raise InputError(f"the scheme '{self.name}' has no integer for the {structure}")
        return self.integers[self.structures.index(structure)]

    def convert(self, labels: NDArray[np.integer], to: "LabelScheme") -> NDArray[Any]:
        """Return the labels with every structure's integer exchanged for that of another scheme.

        What is kept apart becomes the structure that it counts as, else background.

        Raises
        ------
        InputError
            If the labels hold an integer that this scheme does not know, or a structure that the
            other scheme cannot say.
        """
        present = self.check(labels)
        counts_as = dict(zip(self.integers, self.structures, strict=True))
        counts_as |= {one.integer: one.within for one in self.apart if one.within}
        most = max(to.integers, default=0)
        table = np.zeros(max(present, default=0) + 1, dtype=np.uint8 if most <= 255 else np.int16)
        for code in present:
            if code in counts_as:
                table[code] = to.code(counts_as[code])
        converted: NDArray[Any] = table[labels]
        return converted

    def kept_apart(self, labels: NDArray[np.integer]) -> dict[str, NDArray[np.bool_]]:
        """Return where each thing is that is none of our structures, by its name."""
        found = {one.name: labels == one.integer for one in self.apart}
        return {name: where for name, where in found.items() if where.any()}

    def sayable(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return labels, in the scheme `UKBB`, without structures that this scheme cannot say."""
        unsaid = [UKBB.code(s) for s in UKBB.structures if s not in self.structures]
        hidden = np.isin(labels, unsaid)
        return np.where(hidden, np.uint8(0), labels) if hidden.any() else labels

    def check(self, labels: NDArray[np.integer]) -> list[int]:
        """Return the integers present (without 0).

        Raises
        ------
        InputError
            If one of them is not in the scheme.
        """
        present = [int(value) for value in np.unique(labels) if value != 0]
        unknown = [value for value in present if value not in self.meanings]
        if unknown:
            known = ", ".join(f"{code} {meant}" for code, meant in self.meanings.items())
            first = np.argwhere(labels == unknown[0])
            where = f"{unknown[0]} is on {len(first)} pixel{'' if len(first) == 1 else 's'}"
            if labels.ndim == 4:
                where += f", first in frame {first[0][0]}, slice {first[0][1]}"
            raise InputError(
                f"unknown integer{'s' if len(unknown) > 1 else ''} "
                f"{', '.join(map(str, unknown))} in the mask; the scheme '{self.name}' knows 0 "
                f"background, {known} ({where})"
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
    """Return the scheme of a name: a preset's, or integers and what they mean.

    Parameters
    ----------
    name
        ``ukbb``, ``acdc``, or such as ``1=myocardium,2=lv_cavity``. What is none of our structures
        (``4=scar``) is kept apart; ``4=scar:myocardium`` counts as myocardium too.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> scheme_named("2=LV, 1=myo,4=scar:myocardium").name
    '1=myocardium,2=lv_cavity,4=scar:myocardium'
    """
    if name in SCHEMES:
        return SCHEMES[name]
    if "=" not in name:
        raise InputError(
            f"unknown label scheme '{name}'; known are {', '.join(SCHEMES)}, or say what the "
            "integers mean: 1=myocardium,2=lv_cavity"
        )
    pairs = [part.partition("=") for part in name.split(",") if part.strip()]
    return scheme_of((code.strip(), meaning.strip()) for code, _, meaning in pairs)


def scheme_of(pairs: Iterable[tuple[str, str]]) -> LabelScheme:
    """Return the scheme of integers and what they mean, both as text (see `scheme_named`).

    Raises
    ------
    InputError
        If an integer is none, or stands there twice, or no structure is named.
    """
    meant: dict[int, Structure | Apart] = {}
    for code, meaning in pairs:
        if not re.fullmatch(r"[0-9]{1,4}", code):
            raise InputError(f"a label scheme's '{code}' is no integer from 0 to 9999")
        integer = int(code)
        if integer == 0 and meaning.lower() in {"background", ""}:
            continue
        if integer == 0 or integer in meant:
            why = "is background, always" if integer == 0 else "is there twice"
            raise InputError(f"a label scheme's integer {integer} {why}")
        meant[integer] = structure_named(meaning) or _apart(integer, meaning)
    ours = {code: one for code, one in sorted(meant.items()) if isinstance(one, Structure)}
    others = tuple(one for _, one in sorted(meant.items()) if isinstance(one, Apart))
    names = [one.name for one in others]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"a label scheme calls two integers {twice}; give each a name of its own")
    if not ours:
        raise InputError(
            f"a label scheme names no structure; ours are {', '.join(map(_slug, Structure))}"
        )
    said = {code: _slug(structure) for code, structure in ours.items()}
    said |= {o.integer: o.name + (f":{_slug(o.within)}" if o.within else "") for o in others}
    name = ",".join(f"{code}={meaning}" for code, meaning in sorted(said.items()))
    return LabelScheme(name, tuple(ours.values()), tuple(ours), others)


def _slug(structure: Structure) -> str:
    return str(structure).lower().replace(" ", "_")


def _apart(integer: int, meaning: str) -> Apart:
    """Return what is none of our structures; refuse what is nearly the name of one."""
    name, _, counts_as = meaning.partition(":")
    name = re.sub(r"[\W_]+", "_", name.lower()).strip("_")
    within = structure_named(counts_as) if counts_as else None
    meant = get_close_matches(name, map(_slug, Structure), n=1, cutoff=0.8)
    if (counts_as and not within) or not name or (meant and meant[0] not in name):
        did = f"; did you mean {meant[0]}?" if meant else ""
        raise InputError(
            f"a label scheme's {integer}={meaning} names no structure{did} Ours are "
            f"{', '.join(map(_slug, Structure))}; any other name is kept apart"
        )
    return Apart(integer, name, within)


_WORDS = {
    Structure.MYOCARDIUM: r"myo\w*|lv ?myo\w*|lv wall|left ventric\w+ (myo\w*|wall)",
    Structure.LV_CAVITY: r"lv|lv (cavity|blood ?pool|endo\w*)|lvbp|left ventric\w+( cavity)?",
    Structure.RV_CAVITY: r"rv|rv (cavity|blood ?pool|endo\w*)|rvbp|right ventric\w+( cavity)?",
    Structure.LEFT_ATRIUM: r"la|left atri\w+",
    Structure.RIGHT_ATRIUM: r"ra|right atri\w+",
}


def structure_named(name: str) -> Structure | None:
    """Return the structure that a name means; None if it is none of ours.

    Examples
    --------
    >>> [str(structure_named(n)) for n in ("LV cavity", "left_ventricle", "MYO", "RV", "scar")]
    ['LV cavity', 'LV cavity', 'myocardium', 'RV cavity', 'None']
    """
    words = " ".join(re.split(r"[\W_]+", name.lower())).strip()
    for structure, pattern in _WORDS.items():
        if re.fullmatch(pattern, words):
            return structure
    return None
