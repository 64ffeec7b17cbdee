"""One writer at a time: a lock that the operating system takes back from a dead process."""

import contextlib
import json
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import IO

from napari_cardiac_ssl.errors import InputError

if os.name == "nt":
    import msvcrt

    def _take(file: IO[str]) -> bool:
        try:
            file.seek(1_000_000)  # past what others may read: who holds it
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class LockedError(InputError):
    """Somebody else writes to the project now; it may be opened to read."""


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
    """

    def __init__(self, project: Path) -> None:
        self._path = project.parent / f".{project.name}.lock"
        while True:
            try:
                self._file = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115 - held
            except OSError as error:
                raise InputError(
                    f"cannot write beside {project}: {error.strerror or error}; open it to read, "
                    "or copy it to another folder"
                ) from error
            if not _take(self._file):
                holder = self._holder()
                self._file.close()
                raise LockedError(
                    f"{project} is open already ({holder}); close it there, or open it to read"
                )
            if self._is_in_place():
                break
            self._file.close()  # whoever had it has removed it in between
        with contextlib.suppress(OSError):  # a full disk: the lock is ours all the same
            self._file.truncate(0)
            since = datetime.now().astimezone().isoformat(timespec="minutes")
            mine = {"process": os.getpid(), "host": platform.node(), "since": since}
            json.dump(mine, self._file)
            self._file.flush()

    def release(self) -> None:
        """Let others write."""
        if not self._file.closed:
            if os.name != "nt":  # there, a file that is open cannot go
                self._path.unlink(missing_ok=True)
            self._file.close()
            if os.name == "nt":
                self._path.unlink(missing_ok=True)

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            self._file.seek(0)
            said = json.loads(self._file.read(1000))
            return f"process {said['process']} on {said['host']} since {said['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "in another window"
