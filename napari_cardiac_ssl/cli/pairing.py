"""Two lists of files that belong together: paired by name where names tell, in order elsewhere.

A shell's ``*_ED*`` and ``*_ES*`` are two lists, and one file more or less in either moves all that
follow. Names say who belongs to whom: what is left of them without the words that differ on purpose
(``gt``, ``seg``; ED and ES; the view) is the same in both lists.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from napari_cardiac_ssl.cli.console import note, warn
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.file_names import MASK_WORDS, name_of

#: Words that say what a file is, and not whose it is.
_KIND = MASK_WORDS | {
    "pred", "prediction", "predictions", "predicted", "ref", "reference", "references", "truth",
    "groundtruth", "manual", "auto", "img", "image", "images", "contour", "contours",
}  # fmt: skip
#: Of the two masks of a pair: the phase, or the number of the frame.
PHASE = r"(?:ed|es|dia|sys|diastole|systole)[-_ ]?[0-9]*|(?:frame|fr|phase|t)[-_ ]?[0-9]+"
#: Of the two views of a pair.
VIEW = r"(?:la|lax)?[-_ ]?[24]ch?(?:amber)?|hla|vla"
#: Folders above a file that may say whose it is.
_DEPTH = 3

Key = tuple[str, ...]


def paired(
    first: Sequence[Path],
    second: Sequence[Path],
    *,
    called: tuple[str, str],
    differ: str = "",
    again: bool = False,
    check: bool = True,
) -> list[Path]:
    """Return the second list in the order in which it belongs to the first.

    Parameters
    ----------
    first, second
        Equally long.
    called
        What a file of each list is called, for messages.
    differ
        A pattern of further words in which the names of a pair differ.
    again
        Whether the same pair may be named again.
    check
        Whether a file may not stand on both sides, nor with two partners.

    Raises
    ------
    InputError
        If a file is named twice, or two files are to be paired although another in the list fits
        one of them by name.
    """
    if check:
        _refuse_twice(first, second, called, again=again)
    keys, others = _keys(first, second, differ)
    if len(set(others)) < len(others) or len(set(keys)) < len(keys):
        return list(second)  # names do not tell them apart
    if not set(keys) & set(others):
        for one, other, key, its in zip(first, second, keys, others, strict=True):
            if _alike_but_for_numbers(key, its):
                warn(
                    f"{one.name} and {other.name} are taken for {called[0]} and {called[1]} of one "
                    "heart, though their names say two; check the lists"
                )
        return list(second)
    for one, other, key, its in zip(first, second, keys, others, strict=True):
        if key not in others:
            fitting = f", which by name belongs to {first[keys.index(its)]}" if its in keys else ""
            raise InputError(
                f"{one}: by name no {called[1]} in the list belongs to it; in its place stands "
                f"{other}{fitting}; name both lists anew"
            )
    ordered = [second[others.index(key)] for key in keys]
    if ordered != list(second):
        note(f"paired by name, not in the order given: {_said(first, ordered)}")
    return ordered


def _refuse_twice(
    first: Sequence[Path], second: Sequence[Path], called: tuple[str, str], *, again: bool
) -> None:
    """Refuse a file that stands on both sides, or on one side with two partners."""
    partners: tuple[dict[Path, Path], dict[Path, Path]] = ({}, {})
    for one, other in zip(first, second, strict=True):
        pair = one.resolve(), other.resolve()
        for file, name, known, partner in (
            (one, called[0], partners[0], pair[1]),
            (other, called[1], partners[1], pair[0]),
        ):
            if file.resolve() in known and (not again or known[file.resolve()] != partner):
                raise InputError(f"{file}: the same file twice, as {name}; name each file once")
            known[file.resolve()] = partner
    for file in first:
        if file.resolve() in partners[1]:
            raise InputError(
                f"{file}: the same file twice, as {called[0]} and as {called[1]}; name each file "
                "once"
            )


def _keys(
    first: Sequence[Path], second: Sequence[Path], differ: str
) -> tuple[list[Key], list[Key]]:
    """Return what names whom, by names alone if they suffice, else by folders too."""
    keys, others = _words(first, 0, differ), _words(second, 0, differ)
    for depth in range(1, _DEPTH + 1):
        if len(set(keys)) == len(keys) and len(set(others)) == len(others):
            break
        keys, others = _words(first, depth, differ), _words(second, depth, differ)
    if set(keys) == set(others):
        return keys, others
    # A word that all names of a list have says nothing of whom: p1_cine, p2_cine.
    telling = _without_common(keys), _without_common(others)
    if set(telling[0]) == set(telling[1]) or not set(keys) & set(others):
        return telling
    return keys, others


def _without_common(keys: list[Key]) -> list[Key]:
    common = set.intersection(*map(set, keys)) if len(keys) > 1 else set[str]()
    return [tuple(word for word in key if word not in common) for key in keys]


def _words(files: Sequence[Path], depth: int, differ: str) -> list[Key]:
    return [_key(file, depth, differ) for file in files]


def _key(file: Path, depth: int, differ: str) -> Key:
    folders = file.absolute().parent.parts
    parts = [*folders[max(0, len(folders) - depth) :], name_of(file)]
    words: list[str] = []
    for part in parts:
        text = re.sub(r"_0000$", "", part.lower())  # nnU-Net's first channel
        if differ:
            text = re.sub(rf"(?<![a-z])(?:{differ})(?![a-z0-9])", " ", text)
        words += [w for w in re.findall(r"[a-z]+|[0-9]+", text) if w not in _KIND]
    return tuple(word.lstrip("0") or "0" if word.isdigit() else word for word in words)


def _alike_but_for_numbers(one: Key, other: Key) -> bool:
    """Tell whether two names say two of a kind: patient 2 and patient 4."""
    kinds = [tuple("#" if word.isdigit() else word for word in key) for key in (one, other)]
    return one != other and kinds[0] == kinds[1] and "#" in kinds[0]


def _said(first: Sequence[Path], second: Sequence[Path]) -> str:
    pairs = [f"{a.name} with {b.name}" for a, b in zip(first, second, strict=True)]
    return ", ".join(pairs[:3]) + (f" and {len(pairs) - 3} more" if len(pairs) > 3 else "")
