"""Contours out, as text: one file a contour, one ``x y`` a line, in pixels."""

from collections import defaultdict
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.geometry.contours import Border, Contour, contours_of
from napari_cardiac_ssl.geometry.image_names import image_names
from napari_cardiac_ssl.writers.labels.format import Drawing, LabelFormat

_KINDS = {
    Border.ENDOCARDIUM: "i",
    Border.EPICARDIUM: "o",
    Border.RV: "rv",
    Border.LEFT_ATRIUM: "la",
    Border.RIGHT_ATRIUM: "ra",
}


def write_contour_text(folder: Path, drawing: Drawing) -> tuple[Path, ...]:
    """Write a folder of contour files, named as the Sunnybrook data's are.

    Contours that were read from files are written as they were, to 0.01 pixel; others are traced
    along the labels' outermost half pixels, so that reading them gives the same labels.

    Raises
    ------
    InputError
        If there is no label, or something cannot be written.
    """
    contours, _ = contours_of(drawing.labels, drawing.contours)
    if not contours:
        raise InputError(f"cannot write {folder}: no label on any slice, so no contour")
    if folder.is_file():
        raise InputError(f"cannot write {folder}: it is a file; name a folder")
    if folder.is_dir() and any(folder.glob("*contour*.txt")):
        raise InputError(
            f"cannot write {folder}: it holds contours already, which would mix; name a new folder"
        )
    images = image_names(drawing.like)
    alike: dict[tuple[object, ...], int] = defaultdict(int)
    written = []
    for contour in contours:
        key = (contour.index, contour.border)
        alike[key] += 1
        name = f"{images[contour.index]}-{_KINDS[contour.border]}contour-manual"
        name += f"-{alike[key]}.txt" if alike[key] > 1 else ".txt"
        with replacing(folder / name) as beside:
            beside.write_text(_text(contour), encoding="ascii")
        written.append(folder / name)
    return tuple(written)


def _text(contour: Contour) -> str:
    return "".join(f"{x:.2f} {y:.2f}\n" for x, y in contour.points.tolist())


FORMAT = LabelFormat(
    "contours",
    "Contours",
    "Each contour as a text of points, one x y a line, in pixels.",
    "_contours",
    write_contour_text,
)
