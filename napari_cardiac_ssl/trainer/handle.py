"""The viewer's side of the trainer process."""

import contextlib
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import IO

from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.trainer.messages import (
    Ask,
    Cancelled,
    Died,
    Done,
    Failed,
    Job,
    Keep,
    Message,
    Wish,
)

#: A cancelled job that has not stopped by itself after so many seconds is stopped with its
#: process: one step of training may last longer than a person wants to wait.
CANCEL_GRACE_S = 0.7


class Trainer:
    """Starts the trainer process, hands it jobs and collects what it says.

    The process is started with the first job (or `warm_up`) and kept: it loads torch once. No call
    here waits for it: sending and receiving have a thread each. The owner calls `messages` often.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._known: set[str] = set()
        self._running: int | None = None
        self._deadline: float | None = None  # when a cancelled job's time is up

    @property
    def pid(self) -> int | None:
        """The process' number; None while there is none."""
        return self._process.pid if self._process else None

    @property
    def busy(self) -> bool:
        """Whether a job was given and has not ended."""
        return self._running is not None

    def warm_up(self) -> None:
        """Start the process if there is none, so that the first job need not wait for torch."""
        if self._process is not None:
            return
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "napari_cardiac_ssl.trainer.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if process.stdin is None or process.stdout is None:  # never: both are pipes
            raise RuntimeError("the trainer process has no pipes")
        self._process = process
        self._known = set()
        self._outbox = queue.SimpleQueue()
        threading.Thread(
            target=_send, args=(process.stdin, self._outbox), daemon=True, name="to trainer"
        ).start()
        threading.Thread(
            target=_receive,
            args=(process, process.stdout, self._inbox),
            daemon=True,
            name="from trainer",
        ).start()

    def start(self, job: Job, stacks: list[Stack]) -> None:
        """Hand over a job and those of its stacks that the process does not have yet."""
        self.warm_up()
        for stack in stacks:
            if stack.digest not in self._known:
                self._known.add(stack.digest)
                self._outbox.put(Keep(stack))
        self._outbox.put(job)
        self._running, self._deadline = job.number, None

    def ask(self, wish: Wish) -> None:
        """Ask something of the running job. Without one, nothing happens."""
        if self._running is None:
            return
        self._outbox.put(Ask(self._running, wish))
        if wish is Wish.CANCEL:
            self._deadline = time.monotonic() + CANCEL_GRACE_S

    def messages(self, timeout_s: float = 0.0) -> list[Message]:
        """Return what the process has said since the last call, in order.

        Parameters
        ----------
        timeout_s
            How long to wait for a first message.
        """
        found: list[Message] = []
        wait = timeout_s
        while True:
            try:
                message = self._inbox.get(block=wait > 0, timeout=wait or None)
            except queue.Empty:
                break
            wait = 0.0
            found.append(message)
            if isinstance(message, Died):
                self._forget()
            elif isinstance(message, Done | Cancelled | Failed) and message.number == self._running:
                self._running = self._deadline = None
        if self._running is not None and self._deadline and time.monotonic() > self._deadline:
            found.append(Cancelled(self._running))
            self.close()
            self.warm_up()
        return found

    def close(self) -> None:
        """End the process at once, whatever it is doing, and wait until it is gone."""
        process = self._process
        self._forget()
        if process is not None:
            process.kill()
            process.wait()

    def _forget(self) -> None:
        self._outbox.put(None)
        self._process = self._running = self._deadline = None
        # A process that was given up may still say things: nobody listens to its queue any more.
        self._inbox = queue.SimpleQueue()


def _send(stream: IO[bytes], outbox: "queue.SimpleQueue[object]") -> None:
    with contextlib.suppress(OSError), stream:  # the receiving side tells of the process' end
        while (message := outbox.get()) is not None:
            pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
            stream.flush()


def _receive(
    process: "subprocess.Popen[bytes]", stream: IO[bytes], inbox: "queue.SimpleQueue[Message]"
) -> None:
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError), stream:
        while True:
            inbox.put(pickle.load(stream))  # noqa: S301 - from our own child
    code = process.wait()
    if code < 0:
        inbox.put(Died(f"killed by signal {-code} ({signal.Signals(-code).name})"))
    else:
        inbox.put(Died(f"ended with exit code {code}"))
