"""The viewer's side of the trainer process."""

import contextlib
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from typing import IO

from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.trainer.messages import (
    Alive,
    Ask,
    Cancelled,
    Died,
    Done,
    Failed,
    Job,
    Keep,
    Message,
    Restarted,
    Trained,
    Wish,
)

#: A cancelled job that has not stopped by itself after so many seconds is stopped with its
#: process: one step of training may last longer than a person wants to wait.
CANCEL_GRACE_S = 0.7
#: A process that has not even said that it is alive for so long hangs, and is replaced. Steps may
#: take longer than that: it is another thread that says so.
HUNG_S = 60.0
#: So often a job goes on in a new process by itself; then something is wrong with the job.
MOST_RESTARTS = 2
#: The most that counts as waited between two calls of `messages`: a computer that slept, or a
#: window that was busy, is not a process that was silent.
MOST_WAITED_S = 0.25


@dataclass
class _Running:
    """A job that was given and has not ended."""

    job: Job
    stacks: list[Stack]
    wishes: set[Wish] = field(default_factory=set)
    restarts: int = 0


class Trainer:
    """Starts the trainer process, hands it jobs and collects what it says.

    The process is started with the first job (or `warm_up`) and kept: it loads torch once. No call
    here waits for it: sending and receiving have a thread each. The owner calls `messages` often.
    A process that dies at a job is replaced, and the job goes on from where its state was kept.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Message | Alive] = queue.SimpleQueue()
        self._folder: str | None = None
        # What ends with a handle that nobody closes, too.
        self._ending: weakref.finalize[[subprocess.Popen[bytes]], Trainer] | None = None
        self._cleaning: weakref.finalize[..., Trainer] | None = None
        self._known: set[str] = set()
        self._running: _Running | None = None
        self._grace: float | None = None  # how long a cancelled job may go on
        self._silent, self._looked = 0.0, time.monotonic()

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
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="cardiac-ssl-")
            self._cleaning = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-P", "-m", "napari_cardiac_ssl.trainer.process", self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            creationflags=_BEHIND_THE_WINDOW,
        )
        if process.stdin is None or process.stdout is None:  # never: both are pipes
            raise RuntimeError("the trainer process has no pipes")
        self._process, self._silent = process, 0.0
        self._ending = weakref.finalize(self, _end, process)
        self._known = set()
        self._outbox, self._inbox = queue.SimpleQueue(), queue.SimpleQueue()
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
        self._running, self._grace = _Running(job, stacks), None
        self._hand_over(self._running)

    def ask(self, wish: Wish) -> None:
        """Ask something of the running job. Without one, nothing happens."""
        if self._running is None:
            return
        if wish is Wish.RESUME:
            self._running.wishes.discard(Wish.PAUSE)
        else:
            self._running.wishes.add(wish)
        self._outbox.put(Ask(self._running.job.number, wish))
        if wish is Wish.CANCEL:
            self._grace = CANCEL_GRACE_S

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
            wait, self._silent = 0.0, 0.0
            if isinstance(message, Died):
                found.append(self._after(message))
            elif not isinstance(message, Alive):
                self._note(message)
                found.append(message)
        self._wait(found)
        return found

    def close(self) -> None:
        """End the process at once, whatever it is doing, and wait until it is gone."""
        process = self._process
        self._running = self._grace = None
        self._forget()
        if process is not None:
            _end(process)
        if self._cleaning:
            self._cleaning()
            self._folder = self._cleaning = None

    # -- how -------------------------------------------------------------------------------

    def _hand_over(self, running: _Running) -> None:
        self.warm_up()
        for stack in running.stacks:
            if stack.digest not in self._known:
                self._known.add(stack.digest)
                self._outbox.put(Keep(stack))
        self._outbox.put(running.job)
        for wish in running.wishes:
            self._outbox.put(Ask(running.job.number, wish))

    def _note(self, message: Message) -> None:
        """Follow the running job."""
        running = self._running
        if running is None:
            return
        if isinstance(message, Trained) and message.number == running.job.number:
            # What is learned is learned: a new process would only have to predict.
            running.job = replace(running.job, examples=(), start=message.model.data)
        elif (
            isinstance(message, Done | Cancelled | Failed) and message.number == running.job.number
        ):
            self._running = self._grace = None

    def _after(self, death: Died) -> Message:
        """Go on after the process' death, if that may help."""
        running = self._running
        self._forget()
        if running is None or running.restarts >= MOST_RESTARTS or Wish.CANCEL in running.wishes:
            self._running = self._grace = None
            return death
        running.restarts += 1
        self._hand_over(running)
        return Restarted(running.job.number, death.reason)

    def _wait(self, found: list[Message]) -> None:
        """Lose patience with a job that does not stop, or a process that does not answer."""
        now = time.monotonic()
        waited, self._looked = min(now - self._looked, MOST_WAITED_S), now
        if self._running is not None and self._grace is not None:
            self._grace -= waited
            if self._grace < 0:
                found.append(Cancelled(self._running.job.number))
                self.close()
                self.warm_up()
        elif self._process is not None:
            self._silent += waited
            if self._silent > HUNG_S:
                _end(self._process)
                found.append(self._after(Died(f"stopped: it had not answered for {HUNG_S:.0f} s")))

    def _forget(self) -> None:
        self._outbox.put(None)
        self._process = None
        if self._ending:
            self._ending.detach()
        # A process that was given up may still say things: nobody listens to its queue any more.
        self._inbox = queue.SimpleQueue()


#: On Windows, what `os.nice` is elsewhere; and no console pops up.
_BEHIND_THE_WINDOW = (
    getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    if os.name == "nt"
    else 0
)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _send(stream: IO[bytes], outbox: "queue.SimpleQueue[object]") -> None:
    with contextlib.suppress(OSError), stream:  # the receiving side tells of the process' end
        while (message := outbox.get()) is not None:
            pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
            stream.flush()
            del message  # with a whole model in it, until the next comes


def _receive(
    process: "subprocess.Popen[bytes]",
    stream: IO[bytes],
    inbox: "queue.SimpleQueue[Message | Alive]",
) -> None:
    last_words: Died | None = None
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError), stream:
        while True:
            message = pickle.load(stream)  # noqa: S301 - from our own child
            if isinstance(message, Died):
                last_words = message
            else:
                inbox.put(message)
            del message
    code = process.wait()
    if last_words:
        inbox.put(last_words)
    elif code < 0:
        name = signal.Signals(-code).name
        perhaps = ", perhaps for lack of memory" if name == "SIGKILL" else ""
        inbox.put(Died(f"killed by signal {-code} ({name}){perhaps}"))
    else:
        inbox.put(Died(f"ended with exit code {code}"))
