"""What work goes into while the project that is kept by itself cannot be written."""

import contextlib
import sqlite3

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.project import opening
from napari_cardiac_ssl.project.journal import Journal
from napari_cardiac_ssl.project.places import automatic_path
from napari_cardiac_ssl.project.project import Project
from napari_cardiac_ssl.project.schema import in_memory


class StandIn(Project):
    """A project in memory in place of a stack's own file, until that can be written.

    It begins with what the file holds, if that can be read.

    Parameters
    ----------
    digest
        The stack's.
    """

    def __init__(self, digest: str) -> None:
        self._digest, self._file = digest, automatic_path(digest)
        memory, read = in_memory(), not is_there(self._file)
        if not read:
            with contextlib.suppress(InputError, sqlite3.Error):  # another program may come between
                there = opening.open_to_read(self._file)
                try:
                    memory = in_memory(there.db)
                    read = True
                finally:
                    there.drop()
        super().__init__(Journal(memory))
        #: Whether it began with all that was done on the stack.
        self.shows_all = read
        #: Whether the file holds other work by now, so that this will never go there.
        self.has_parted = False
        self._began = opening.fingerprint(memory)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was done on it yet."""
        return opening.fingerprint(self._journal.db) == self._began

    def keep_at_last(self) -> Project | None:
        """Write it to the file that it stands for, and return that opened.

        Returns
        -------
        Project or None
            The file as it is, where nothing was done meanwhile (`is_untouched`). None where it
            cannot be written yet, or where it holds something else than what this began with: that
            is never written over.
        """
        try:
            if is_there(self._file):
                there = opening.open_to_write(self._file, wait_s=0.0)
                if self.is_untouched:
                    return self._read(Project(there))
                known = self.shows_all and opening.fingerprint(there.db) == self._began
                there.close()
                if not known:
                    self.has_parted = True
                    return None
            return self.save_as(self._file)
        except (InputError, sqlite3.Error):
            return None

    def _read(self, project: Project) -> Project:
        """Return the file as it is, once it is seen that its slices can be read."""
        try:
            project.contents(self._digest)
        except InputError:
            project.close()
            raise
        return project
