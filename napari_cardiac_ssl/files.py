"""Files that are either whole or absent."""

import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_cardiac_ssl.errors import InputError


def is_there(path: Path) -> bool:
    """Tell whether something is there; what may not even be looked at counts as not there.

    Examples
    --------
    >>> is_there(Path.cwd()), is_there(Path("x" * 10_000))
    (True, False)
    """
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where it may not look


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside its target, then rename it into place.

    The target either keeps its old content or has all of the new one, whatever happens: a crash,
    a full disk, an exception in the body. The temporary name keeps the target's ending (writers
    choose their format by it) and starts with a dot.

    Parameters
    ----------
    path
        The file to be. Its folder is made if it is missing.

    Yields
    ------
    Path
        Where the body writes.

    Raises
    ------
    InputError
        If the folder cannot be made or written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.csv"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("1,2")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('1,2', 1)
    """
    path = Path(path)
    if is_there(path) and path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")
    beside = path.parent / f".{secrets.token_hex(4)}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            with open(beside, "rb+") as written:
                os.fsync(written.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        # Errors of other files that the body reads must not be blamed on this one.
        if error.filename is not None and Path(error.filename) not in {
            beside,
            path,
            *path.parents,
        }:
            raise
        reason = error.strerror or str(error)
        raise InputError(
            f"cannot write {path}: {reason}; nothing was changed, choose another place or make "
            "room and try again"
        ) from error


def keep_beside(path: Path) -> Path | None:
    """Copy a file that is about to be replaced to the first free of NAME-1, NAME-2 and so on.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Path or None
        The copy; None if there is no such file.

    Raises
    ------
    InputError
        If it cannot be copied.

    Examples
    --------
    >>> import tempfile
    >>> mask = Path(tempfile.mkdtemp()) / "p1_seg.nii.gz"
    >>> _ = mask.write_text("drawn by hand")
    >>> [keep_beside(mask).name for _ in range(2)]
    ['p1_seg-1.nii.gz', 'p1_seg-2.nii.gz']
    """
    path = Path(path)
    if not path.is_file():
        return None
    stem, dot, ending = path.name.partition(".")
    numbered = (path.with_name(f"{stem}-{n}{dot}{ending}") for n in itertools.count(1))
    kept = next(file for file in numbered if not file.exists())
    with replacing(kept) as beside:
        shutil.copyfile(path, beside)
    return kept


def check_writable(path: Path) -> None:
    """Refuse at once what could not be written after minutes of work.

    Writing is tried, beside the target to be and without a trace: permissions alone say nothing
    to root, nor on a file system that is read-only.

    Parameters
    ----------
    path
        The file to be; its folder need not exist yet.

    Raises
    ------
    InputError
        If it is a folder, or a file could not be made there.
    """
    path = Path(path).absolute()
    if is_there(path) and path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")
    folder = path.parent
    while not is_there(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; choose another place") from error
