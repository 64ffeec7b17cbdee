"""Contours in, as text: one file a contour, one ``x y`` a line, in pixels."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import Border, Contour, Drawn, labels_of
from napari_cardiac_ssl.geometry.image_names import (
    first_shown,
    image_names,
    is_part,
    number_in,
    stem_of,
)
from napari_cardiac_ssl.readers.dicom_files import Damage, quietly
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.study import DicomInstance, SliceIndex, Stack
from napari_cardiac_ssl.wording import count

_FILE = re.compile(r"(?P<image>.+)-(?P<kind>[a-z]+\d?)contour(?:-(?!\d)\w+)?(?:-\d+)?\.txt", re.I)
_BORDERS = {
    "i": Border.ENDOCARDIUM,
    "o": Border.EPICARDIUM,
    "rv": Border.RV,
    "la": Border.LEFT_ATRIUM,
    "ra": Border.RIGHT_ATRIUM,
}
#: A line may run along the outermost pixels, and by no more beyond them.
_BEYOND = 1.0


def _recognises(path: Path) -> bool:
    if not path.is_dir():
        return bool(_FILE.fullmatch(path.name))
    return any(_FILE.fullmatch(file.name) for file in path.iterdir())


def read_contour_text(path: Path, like: Stack | None) -> Found:
    """Read a folder of contour files, or one of them, as labels on the slices of a stack.

    Parameters
    ----------
    path
        Files are named as the Sunnybrook data's are: ``IM-0001-0048-icontour-manual.txt`` is the
        endocardium (``o`` the epicardium, ``rv``, ``la`` and ``ra`` the other chambers) on the
        image whose file has the number 48; ``t00-z03-…`` on that frame and slice.
    like
        The images.

    Raises
    ------
    InputError
        If a file is no contour, or lies outside its image, or images cannot be told.
    """
    if like is None:
        raise InputError(f"{path}: contours are drawn on images; name their study with --study")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    named = [(file, said) for file in files if (said := _FILE.fullmatch(file.name))]
    known = [(file, said) for file, said in named if said["kind"].lower() in _BORDERS]
    notes = []
    if len(known) < len(named):
        notes.append(f"{count(len(named) - len(known), 'contour')} of other kinds left aside")
    places = _places(like, [said["image"] for _, said in known], path)
    contours, elsewhere = [], 0
    for file, said in known:
        index = places.get(said["image"])
        if index is None:
            elsewhere += 1
            continue
        points = _points(file, like.image.shape[3], like.image.shape[2])
        border = _BORDERS[said["kind"].lower()]
        contours.append(Contour(index, border, points, _drawn(points), file.name))
    if elsewhere:
        notes.append(
            f"{count(elsewhere, 'contour')} left aside: of images that are not in the "
            f"{like.view} stack {like.name}"
        )
    if not contours:
        raise InputError(f"{path}: no contour of an image of {like.name}; is it of this study?")
    notes += _alone(contours)
    return Found(labels_of(contours, like.image.shape), tuple(contours), tuple(notes))


def _alone(contours: list[Contour]) -> list[str]:
    borders = {
        border: {c.index for c in contours if c.border is border}
        for border in (Border.ENDOCARDIUM, Border.EPICARDIUM)
    }
    alone = borders[Border.EPICARDIUM] - borders[Border.ENDOCARDIUM]
    if not alone:
        return []
    return [
        f"{count(len(alone), 'slice')} with an epicardium and no endocardium: all within it is "
        "taken for myocardium"
    ]


def _places(stack: Stack, wanted: list[str], path: Path) -> dict[str, SliceIndex]:
    """Return the slice of each image name that is wanted and is in the stack."""
    by_name = {name.lower(): index for index, name in image_names(stack).items()}
    shown = {i: index for i, index in first_shown(stack).items() if not is_part(i)}
    by_name |= {stem_of(instance).lower(): index for instance, index in shown.items()}
    found = {name: by_name[name.lower()] for name in wanted if name.lower() in by_name}
    numbers = {name: number_in(name) for name in wanted if name not in found}
    if not any(number is not None for number in numbers.values()) or not shown:
        return found
    by_number = _by_number(shown, path)
    return found | {
        name: by_number[number]
        for name, number in numbers.items()
        if number is not None and number in by_number
    }


def _by_number(shown: dict[DicomInstance, SliceIndex], path: Path) -> dict[int, SliceIndex]:
    """Return the slices by the number of their file; by that of their instance if it has none."""
    numbers = {instance: number_in(stem_of(instance)) for instance in shown}
    if None in numbers.values():
        numbers = {instance: _instance_number(instance) for instance in shown}
    twice = [n for n, times in Counter(numbers.values()).items() if times > 1 or n is None]
    if twice:
        raise InputError(
            f"{path}: cannot tell which image a contour is drawn on: {twice[0]} is the number of "
            "several images; name the folder of the series that was contoured as the study"
        )
    return {n: shown[instance] for instance, n in numbers.items() if n is not None}


def _instance_number(instance: DicomInstance) -> int | None:
    try:
        with quietly():
            header = pydicom.dcmread(
                instance.path, stop_before_pixels=True, force=True, specific_tags=["InstanceNumber"]
            )
            return int(header.get("InstanceNumber"))
    except Damage:
        return None


def _points(file: Path, width: int, height: int) -> NDArray[np.float64]:
    try:
        text = file.read_text(encoding="ascii").replace(",", " ")
        points = np.array([line.split() for line in text.splitlines() if line.strip()], dtype=float)
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(
            f"{file}: not a contour: each line is to be two numbers, x and y in pixels"
        ) from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise InputError(f"{file}: not a contour: three or more lines of two numbers, x and y")
    if not np.isfinite(points).all():
        raise InputError(f"{file}: not a contour: a number in it is not finite")
    if (points < -_BEYOND).any() or (points > np.array([width, height]) - 1 + _BEYOND).any():
        raise InputError(
            f"{file}: x {points[:, 0].min():g} to {points[:, 0].max():g}, y {points[:, 1].min():g} "
            f"to {points[:, 1].max():g}: outside its image of {width} x {height} pixels; are the "
            "numbers pixels, and is it of this study?"
        )
    return points


def _drawn(points: NDArray[np.float64]) -> Drawn:
    """Tell traces along pixels of a grid twice as fine, as published, from curves.

    What runs between pixels, with exactly one of x and y a half, is a curve too.
    """
    halves = np.abs(points * 2 - np.rint(points * 2)) < 1e-6
    if not halves.all():
        return Drawn.CURVE
    odd = np.rint(points * 2).astype(int) % 2
    return Drawn.CURVE if (odd.sum(axis=1) == 1).all() else Drawn.TRACED


READER = Reader("contours", "contours as text", _recognises, read_contour_text)
