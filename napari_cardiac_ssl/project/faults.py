"""What SQLite and the disk say, and what it means: damage is one thing, all else another.

Only SQLite's own verdict is damage: corrupt, not a database, a failed check. A file that is held
by another program, that may not be written or for which there is no room is as good as ever.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_cardiac_ssl.errors import InputError


class DamagedError(InputError):
    """A project whose file is damaged, as SQLite says."""


class NotWritableError(InputError):
    """The project cannot be written now, but it may be opened to read.

    Attributes
    ----------
    why
        What stands in the way, without what to do.
    """

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(f"{why}; {advice}")
        self.why = why


class LockedError(NotWritableError):
    """Somebody else works on the project now; it may be opened to read."""


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = ("another program holds it", "close that, or wait for it")
_FORBIDDEN = ("it may not be written", "give yourself the right to")
#: What is wrong, where SQLite's words do not say it, and what to do; by SQLite's primary code.
_MEANING = {
    sqlite3.SQLITE_FULL: ("", "make room on the disk of {path}"),
    sqlite3.SQLITE_IOERR: ("", "make room on the disk of {path}, or see that it is there"),
    sqlite3.SQLITE_CANTOPEN: ("", "see that the folder of {path} may be written, and has room"),
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_PROTOCOL: _HELD,
    sqlite3.SQLITE_CORRUPT: ("", "{path} is damaged: save under another name"),
    sqlite3.SQLITE_NOTADB: ("", "{path} is damaged: save under another name"),
}


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary code of an error; 1, its code of wrong use, where it gives none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def is_passing(error: BaseException) -> bool:
    """Tell whether what failed may work later, as it stands: not where we have asked nonsense."""
    return isinstance(error, sqlite3.DatabaseError) and code_of(error) in _MEANING


def trouble(error: sqlite3.Error, path: Path | None) -> str:
    """Return what is wrong and what to do, in one line, of an error that `is_passing`."""
    what, advice = _MEANING[code_of(error)]
    said = f"{what} ({error})" if what else str(error)
    return f"{said}: {advice.format(path=path or 'temporary files')}"


def refusal(error: sqlite3.Error, path: Path) -> InputError:
    """Return what to raise when a project cannot be opened, made or written."""
    code = code_of(error)
    if code in _DAMAGED:
        return DamagedError(f"{path} is damaged ({error}); go back to a copy of it")
    if code in _MEANING:
        what, advice = _MEANING[code]
        said = f"{what} ({error})" if what else str(error)
        return NotWritableError(
            f"cannot write {path}: {said}", f"{advice.format(path='it')}, or open it to read"
        )
    return InputError(f"cannot open {path}: {error}; it is no project as it should be, use a copy")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Raise what SQLite and the disk say in the body as one line for the user."""
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    except OSError as error:
        raise NotWritableError(
            f"cannot write {path}: {error.strerror or error}",
            "open it to read, or copy it to another folder",
        ) from error
