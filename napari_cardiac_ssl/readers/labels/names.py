"""Structures by the names and codes that files of others give them."""

import re

from napari_cardiac_ssl.anatomy import Structure

#: Structures by their code in SNOMED CT; some write that of the myocardium as a whole.
SNOMED = {structure.snomed[0]: structure for structure in Structure} | {
    "74281007": Structure.MYOCARDIUM
}
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
