"""What the names of files say: the view, whether it is a mask, whom it belongs to.

The words are those of the data sets that people have: UK Biobank (``sa_ED``, ``seg_sa_ED``,
``la_4ch``), ACDC (``patient001_frame01_gt``), M&Ms (``A0S9V9_sa_gt``), M&Ms-2 (``002_LA_ED_gt``),
Kaggle (``sax_5``, ``2ch_21``) and CineMA (``p1_lax_4c_ed``), and those of clinics: HLA, VLA.
"""

import re
from pathlib import Path

from napari_cardiac_ssl.anatomy import View

#: Words in the names of files that are no images.
MASK_WORDS = frozenset(
    {
        "gt",
        "seg",
        "segm",
        "segmentation",
        "mask",
        "masks",
        "label",
        "labels",
        "annotation",
        "annotations",
        "groundtruth",
        "roi",
        "confidence",
        "positions",
    }
)
_WHOLE_WORDS = {
    "sa": View.SAX,
    "shortaxis": View.SAX,
    "hla": View.LAX_4CH,
    "vla": View.LAX_2CH,
    "lvot": View.LAX_3CH,
    "rvot": View.RVOT,
}
#: 4ch, 4chamber, 4c, LAX4CH, la4c; but no other number's last digit.
_CHAMBERS = re.compile(r"(?<![0-9])([234])(?:c(?![a-z0-9])|(?:cv|ch|chamber)(?![a-z]))")
_SPELT = re.compile(r"\b([234]|two|three|four) ch(?:ambers?)?\b")
_NUMBERS = {"two": "2", "three": "3", "four": "4"}
#: After a bare LA in M&Ms-2: its long-axis view is the 4CH view.
_OF_LA = {"ed", "es", "cine"}


def name_of(path: Path) -> str:
    """Return a NIfTI file's name without its ending.

    Examples
    --------
    >>> name_of(Path("study/patient001_ED.nii.gz"))
    'patient001_ED'
    """
    return re.sub(r"(\.nii|\.hdr|\.img)?(\.gz)?$", "", path.name, count=1, flags=re.IGNORECASE)


def view_named(name: str) -> View | None:
    """Return the view that the words of a file's name say; None where they say nothing.

    A long axis of no said kind is `View.OTHER`: nothing that can be learned, and no short axis.

    Examples
    --------
    >>> [str(view_named(name)) for name in ("sa_ED", "la_2ch", "p1-LAX4CH", "p1_lax_4c_ed")]
    ['SAX', 'LAX_2CH', 'LAX_4CH', 'LAX_4CH']
    >>> [str(view_named(name)) for name in ("002_LA_ED_gt", "HLA", "la_cine_1", "patient001_ED")]
    ['LAX_4CH', 'LAX_4CH', 'LAX_4CH', 'None']
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    said = " ".join(words)
    said = _SPELT.sub(lambda found: f"{_NUMBERS.get(found[1], found[1])}ch", said)
    words = said.split(" ")
    for word in words:
        if chambers := _CHAMBERS.search(word):
            view = View(f"LAX_{chambers[1]}CH")
            return View.RV_2CH if view is View.LAX_2CH and "rv" in words else view
        if word in _WHOLE_WORDS:
            return _WHOLE_WORDS[word]
        if "sax" in word:
            return View.SAX
    if "short axis" in said:
        return View.SAX
    for i, word in enumerate(words[:-1]):
        if word == "la" and words[i + 1] in _OF_LA:
            return View.LAX_4CH
    long_axis = "lax" in words or "la" in words or "long axis" in said
    return View.OTHER if long_axis else None


def view_of_name(name: str, otherwise: View = View.SAX) -> View:
    """Tell the view from the words of a file's name; `otherwise` where they say nothing.

    Examples
    --------
    >>> view_of_name("patient001_ED"), view_of_name("la_2ch")
    (<View.SAX: 'SAX'>, <View.LAX_2CH: 'LAX_2CH'>)
    """
    return view_named(name) or otherwise


def is_mask_name(path: Path) -> bool:
    """Tell whether a file's name says that it holds labels and the like, no image."""
    return bool(MASK_WORDS & set(re.split("[^a-z]+", name_of(path).lower())))
