"""One writer at a time: a lock that the operating system takes back from a dead process.

The lock is a file beside the project. Whose folder that is nobody knows: a link there is never
followed, and nothing is written to a file that was there before.
"""

import contextlib
import errno
import json
import os
import platform
import stat
from datetime import datetime
from pathlib import Path

from napari_cardiac_ssl.project.faults import LockedError, NotWritableError

_LINKS = getattr(os, "O_NOFOLLOW", 0)
_OTHERS = _LINKS | getattr(os, "O_NONBLOCK", 0)  # a pipe would keep us waiting
_MINE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _LINKS
#: How what we write to it begins, also where the disk was full after that.
_BEGIN = b'{"process": '
#: What the system says where somebody else has it.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}

if os.name == "nt":
    import msvcrt

    def _take(file: int) -> None:
        os.lseek(file, 1_000_000, os.SEEK_SET)  # past what others may read: who holds it
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """The right to write to a project, held until it is let go or the process is gone.

    Parameters
    ----------
    project
        The project's file. The lock is a file beside it, which does not stay.

    Raises
    ------
    LockedError
        If somebody else has it: who, since when.
    NotWritableError
        If there can be none: no right to write there, no room, something else of its name.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        project = Path(os.path.realpath(project))  # one lock, by whatever link it is found
        self._path = project.parent / f".{project.name}.lock"
        while (file := self._made()) is None:
            self._remove_left_over()
        self._file = file
        with contextlib.suppress(OSError):  # a full disk: the lock is ours all the same
            since = datetime.now().astimezone().isoformat(timespec="minutes")
            mine = {"process": os.getpid(), "host": platform.node(), "since": since}
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, json.dumps(mine).encode())

    def release(self) -> None:
        """Let others write."""
        file, self._file = self._file, -1
        if file < 0:
            return
        # Where it cannot be removed it lies there, and locks nothing.
        with contextlib.suppress(OSError, NotWritableError):
            if os.name != "nt" and self._is_in_place(file):
                self._remove()
        with contextlib.suppress(OSError):
            os.close(file)
        if os.name == "nt":  # there, a file that is open cannot go
            with contextlib.suppress(NotWritableError):
                self._remove()

    def _made(self) -> int | None:
        """Make the lock's file, and take it; None if there is one already."""
        try:
            file = os.open(self._path, _MINE, 0o666)
        except FileExistsError:
            return None
        except OSError as error:
            raise self._refused(error) from error
        with contextlib.ExitStack() as unless_taken:
            unless_taken.callback(os.close, file)
            with contextlib.suppress(LockedError):  # somebody took it for left over just now
                if self._took(file):
                    unless_taken.pop_all()
                    return file
        return None

    def _remove_left_over(self) -> None:
        """Remove a lock whose holder is gone."""
        file = self._opened()
        if file is None:
            return
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode) or self._path.is_symlink():
                raise self._foreign("no file")
            text = os.read(file, 1000)
            if text and not text.startswith(_BEGIN):
                raise self._foreign("a file of somebody else's")
            left_over = self._took(file, text)
            if left_over and os.name != "nt":  # while nobody else can take it
                self._remove()
        finally:
            os.close(file)
        if left_over and os.name == "nt":  # there, a file that is open cannot go
            self._remove()

    def _opened(self) -> int | None:
        """Open the lock that is there; None if it is there no more."""
        for how in (os.O_RDWR, os.O_RDONLY):  # some file systems lock only what may be written
            try:
                return os.open(self._path, how | _OTHERS)
            except FileNotFoundError:
                return None
            except OSError as error:
                if self._path.is_symlink():
                    raise self._foreign("a link, which is not followed") from error
                if how == os.O_RDONLY:
                    raise self._refused(error) from error
        return None

    def _took(self, file: int, text: bytes = b"") -> bool:
        """Take the lock; tell whether it is still the file of that name."""
        try:
            _take(file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise LockedError(
                    f"{self._project} is open already ({_holder(text)})",
                    "close it there, or open it to read",
                ) from error
            raise self._refused(error) from error
        return self._is_in_place(file)

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.lstat())
        except OSError:
            return False

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> NotWritableError:
        return NotWritableError(
            f"cannot write beside {self._project}: {error.strerror or error}",
            "open it to read, or copy it to another folder",
        )

    def _foreign(self, what: str) -> NotWritableError:
        return NotWritableError(
            f"{self._path} is no lock of this program but {what}",
            f"remove it if nobody needs it, or open {self._project.name} to read",
        )


def _holder(text: bytes) -> str:
    try:
        said = json.loads(text)
        words = f"process {said['process']} on {said['host']} since {said['since']}"
        return " ".join(words.split())  # whatever somebody has written there
    except (ValueError, KeyError, TypeError):
        return "in another window"
