"""What is committed, brought onto the disk in the background.

A commit that waits for the disk takes 4 ms on a quiet SSD, several times that on a busy or a
spinning one; the window's thread should not wait. So a commit returns once the operating system
has it, which the death of this process cannot undo, and this thread asks for the rest at once:
against a power cut, what is older than a fraction of a second is safe.
"""

import contextlib
import sqlite3
import threading
from pathlib import Path

from napari_cardiac_ssl.project.faults import is_passing, trouble
from napari_cardiac_ssl.project.schema import connect

#: The pause between two rounds: a burst of strokes is brought over together.
PAUSE_S = 0.1


class Syncing:
    """The thread that does it, with a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wanted, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        #: Why the last round failed; None if it did not.
        self.error: str | None = None

    def want(self) -> None:
        """Something new is committed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="syncing")
            self._thread.start()
        self._wanted.set()

    def stop(self) -> None:
        """Let the thread end by itself."""
        self._stop.set()
        self._wanted.set()

    def close(self) -> None:
        """End the thread; the round under way is ended first."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with contextlib.ExitStack() as at_last:
            connection: sqlite3.Connection | None = None
            while not self._stop.is_set():
                self._wanted.wait()
                self._wanted.clear()
                try:
                    if connection is None:
                        # A file that was moved meanwhile is not made anew: that is to be said.
                        connection = connect(self._path, create=False)
                        at_last.callback(connection.close)
                    # Synchronises the log, then moves it into the file as far as readers let it.
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    self.error = None
                except sqlite3.Error as error:
                    self.error = trouble(error, self._path) if is_passing(error) else str(error)
                self._stop.wait(PAUSE_S)
