"""Pictures that are no images of this program's kind: told by their first bytes, and said."""

from pathlib import Path

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
}
#: What to do about one.
PICTURE = (
    "pictures do not say how large pixels are, nor how slices lie; stack them into a NIfTI file "
    "with their spacing (docs/guide.md, Series of pictures)"
)


def picture_of(file: Path) -> str:
    """Return what kind of picture a file is; empty if it is none."""
    if not file.is_file():
        return ""
    with open(file, "rb") as opened:
        return kind_of(opened.read(8))


def kind_of(beginning: bytes) -> str:
    r"""Return what kind of picture begins with these bytes; empty if it is none.

    Examples
    --------
    >>> kind_of(b"\x89PNG\r\n\x1a\n"), kind_of(b"\x5c\x01\0\0")
    ('PNG', '')
    """
    return next((kind for start, kind in _BEGINNINGS.items() if beginning.startswith(start)), "")
