"""The trainer process: ``python -m napari_cardiac_ssl.trainer.process FOLDER``.

Reads what the parent wants from standard input, writes what happens to standard output, and keeps
the state of what it trains in the folder. The end of its input is the end of its parent, and ends
it, whatever it is doing. (Not Linux's parent-death signal: that one comes as soon as the *thread*
ends that started the process.)
"""

import contextlib
import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from napari_cardiac_ssl.trainer.messages import Alive, Died, Message

#: How often the process says that it is alive, whatever it is doing.
HEARTBEAT_S = 1.0


class Out:
    """Where messages go, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._one = threading.Lock()

    def say(self, message: Message | Alive) -> None:
        """Send a message."""
        with self._one:
            pickle.dump(message, self._stream, protocol=pickle.HIGHEST_PROTOCOL)
            self._stream.flush()


def _listen(source: IO[bytes], take: Callable[[object], None], folder: Path) -> None:
    """Take in what the parent says until it is gone; then end the process."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            take(pickle.load(source))  # noqa: S301 - from our own parent
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # at once: a step of training must not outlive the window


def _beat(out: Out) -> None:
    with contextlib.suppress(OSError):
        while True:
            out.say(Alive())
            time.sleep(HEARTBEAT_S)


def _give_way() -> None:
    """Let the window have the processor first, and the memory last taken from it."""
    if hasattr(os, "nice"):
        os.nice(10)
    with contextlib.suppress(OSError):  # Linux alone
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def main() -> None:
    """Run until the parent is gone."""
    # Whatever a library prints must not get between the messages.
    out = Out(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    folder = Path(sys.argv[1])
    said: queue.SimpleQueue[object] = queue.SimpleQueue()
    listening = threading.Thread(
        target=_listen, args=(sys.stdin.buffer, said.put, folder), daemon=True
    )
    listening.start()
    threading.Thread(target=_beat, args=(out,), daemon=True).start()
    # Loading torch takes seconds, on a slow disk minutes: the parent is to know that it goes on.
    try:
        from napari_cardiac_ssl.trainer.worker import Worker  # noqa: PLC0415
    except BaseException as error:  # noqa: BLE001 - no other way to tell it
        out.say(Died(f"unable to start ({type(error).__name__}: {error})"))
        os._exit(1)
    _give_way()  # not before: whoever opens a window waits for torch
    Worker(said, out.say, folder).work()


if __name__ == "__main__":
    main()
