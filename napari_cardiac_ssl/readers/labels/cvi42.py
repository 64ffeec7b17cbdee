"""Contours in from cvi42's workspaces, which are XML.

What is read is what the open pipelines of UK Biobank read: for every image, by its
SOPInstanceUID, the contours by name, their points, and in how many steps a pixel is divided.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from numpy.typing import NDArray

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import Border, Contour, Drawn, labels_of
from napari_cardiac_ssl.geometry.image_names import first_shown, is_part
from napari_cardiac_ssl.readers.labels.found import Found, Reader
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.wording import count

#: By the names of both short- and long-axis views; open contours end at the valve.
_BORDERS = {
    "saendocardial": Border.ENDOCARDIUM,
    "saepicardial": Border.EPICARDIUM,
    "sarvendocardial": Border.RV,
    "laendocardial": Border.ENDOCARDIUM,
    "laepicardial": Border.EPICARDIUM,
    "larvendocardial": Border.RV,
    "lala": Border.LEFT_ATRIUM,
    "lara": Border.RIGHT_ATRIUM,
}
_NAME = re.compile(r"([a-z]+?)(?:Open)?Contour\d*", re.IGNORECASE)
_FINEST = 64


class _Line(NamedTuple):
    """A contour as the workspace has it."""

    uid: str
    name: str
    points: NDArray[np.float64]


def _recognises(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith((".cvi42wsx", ".cvi42ws")):
        return True
    if not name.endswith(".xml") or not path.is_file():
        return False
    with open(path, "rb") as file:
        return b"circlecvi" in file.read(4096)


def read_cvi42(path: Path, like: Stack | None) -> Found:
    """Read a cvi42 workspace (``.cvi42wsx``) as labels on the slices of a stack.

    Parameters
    ----------
    path
        The file. It is parsed without entities, and never held as a whole.
    like
        The images that were contoured, DICOM.

    Raises
    ------
    InputError
        If it is no such file, or holds no contour of these images.
    """
    if like is None:
        raise InputError(f"{path}: contours are drawn on images; name their study with --study")
    places = _places(like, path)
    contours: list[Contour] = []
    others: Counter[str] = Counter()
    elsewhere = 0
    for line in _lines(path):
        said = _NAME.fullmatch(line.name)
        border = _BORDERS.get(said[1].lower()) if said else None
        if border is None:
            others[line.name] += 1
        elif line.uid not in places:
            elsewhere += 1
        else:
            _check_within(line, like, path)
            index = places[line.uid]
            contours.append(Contour(index, border, line.points, Drawn.CURVE, line.name))
    notes = []
    if others:
        names = ", ".join(sorted(others)[:3])
        notes.append(f"{count(others.total(), 'contour')} of other kinds left aside ({names})")
    if elsewhere:
        notes.append(
            f"{count(elsewhere, 'contour')} left aside: of images that are not in the "
            f"{like.view} stack {like.name}"
        )
    if not contours:
        raise InputError(
            f"{path}: no contour of an image of {like.name} ({'; '.join(notes) or 'none at all'}); "
            "images are told by their SOPInstanceUID, which some anonymisers change"
        )
    return Found(labels_of(contours, like.image.shape), tuple(contours), tuple(notes))


def _places(stack: Stack, path: Path) -> dict[str, SliceIndex]:
    shown = first_shown(stack)
    places = {
        instance.sop_uid: index
        for instance, index in shown.items()
        if instance.sop_uid and not is_part(instance)
    }
    if not places:
        raise InputError(
            f"{path}: cvi42 names images by their SOPInstanceUID; name the DICOM study that was "
            f"contoured, one file an image ({stack.name} is none)"
        )
    if len(places) < len(shown):
        raise InputError(
            f"{path}: several images of {stack.name} have the same SOPInstanceUID, so whose a "
            "contour is cannot be told; take the study as it was before it was anonymised"
        )
    return places


def _check_within(line: _Line, like: Stack, path: Path) -> None:
    points, (height, width) = line.points, like.image.shape[2:]
    if (points < -1).any() or (points > np.array([width, height])).any():
        raise InputError(
            f"{path}: {line.name} reaches from {points.min(axis=0).tolist()} to "
            f"{points.max(axis=0).tolist()}, outside its image of {width} x {height} pixels; is "
            "it of this study?"
        )


def _lines(path: Path) -> Iterator[_Line]:
    """Yield the contours, one image at a time in memory."""
    keys: list[str] = []
    points: list[dict[str, float]] = []
    fineness = 1.0
    try:
        for event, element in iterparse(path, events=("start", "end"), forbid_dtd=True):
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                key = next((v for k, v in element.attrib.items() if k.endswith("}key")), "")
                keys.append(key)
                if _is_contour(keys):
                    points, fineness = [], 1.0
                elif "Points" in keys and tag == "item":
                    points.append({})
                continue
            if "Points" in keys and tag in {"x", "y"} and points:
                points[-1][tag] = float(element.text or "nan")
            elif keys[-1] == "SubpixelResolution":
                fineness = float(element.text or "nan")
            elif _is_contour(keys):
                found = [(p["x"], p["y"]) for p in points if len(p) == 2]
                if len(found) >= 3:
                    yield _Line(keys[-3], keys[-1], _in_pixels(found, fineness))
            keys.pop()
            element.clear()
    except (ParseError, DefusedXmlException, ValueError, OSError) as error:
        advice = (
            "; it is a binary workspace: export it as .cvi42wsx"
            if path.name.lower().endswith(".cvi42ws")
            else ""
        )
        said = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: not a cvi42 workspace in XML ({said}){advice}") from error


def _is_contour(keys: list[str]) -> bool:
    """Tell whether an element is a contour: ImageStates / UID / Contours / its name."""
    return len(keys) >= 4 and keys[-4] == "ImageStates" and keys[-2] == "Contours"


def _in_pixels(points: list[tuple[float, float]], fineness: float) -> NDArray[np.float64]:
    if not 1 <= fineness <= _FINEST:
        raise ValueError(f"SubpixelResolution is {fineness:g}, not 1 to {_FINEST}")
    pixels = np.array(points) / fineness
    if not np.isfinite(pixels).all():
        raise ValueError("a point is not a finite number")
    return pixels


READER = Reader("cvi42", "cvi42 workspace", _recognises, read_cvi42)
