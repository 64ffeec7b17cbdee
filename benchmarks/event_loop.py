"""How long the event loop of a window stands still, and what the window is doing meanwhile.

A *gap* is the time between two turns of a 5 ms timer, beyond those 5 ms. Beside each stands what
this thread has computed in it, and what the whole process, which draws in several threads where
there is no graphics card (other programs on the machine make gaps longer, and those two hardly),
and how long Python's garbage collector took. A second thread looks every few milliseconds at what
the first is doing: of the worst gap it is said what was on the stack.
"""

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

#: How often the event loop is to turn, and how often it is looked what it is doing; in ms.
_TURN_MS, _LOOK_MS = 5, 4
#: Gaps above this are stalls; of those above half of it the stack is kept.
STALL_MS = 100.0
#: What `Probe.figures` tells, as columns of a table. The last is words.
FIGURES = {
    "turns": int,
    "stalls": int,
    "median_ms": float,
    "p99_ms": float,
    "longest_ms": float,
    "p99_computing_ms": float,
    "longest_computing_ms": float,
    "p99_process_ms": float,
    "longest_process_ms": float,
    "collecting_ms": float,
    "worst": str,
}
_OURS = "napari_cardiac_ssl"


class Gap:
    """A time without a turn of the event loop; milliseconds."""

    def __init__(self) -> None:
        self.begun, self.computed = time.perf_counter(), time.thread_time()
        self.drew = time.process_time()
        self.ms = self.computing_ms = self.process_ms = self.collecting_ms = 0.0
        self.seen: Counter[str] = Counter()

    def end(self) -> None:
        """Note that the loop has turned."""
        self.ms = 1000 * (time.perf_counter() - self.begun) - _TURN_MS
        self.computing_ms = 1000 * (time.thread_time() - self.computed)
        self.process_ms = 1000 * (time.process_time() - self.drew)

    @property
    def words(self) -> str:
        """What was on the stack, the most often seen first."""
        total = sum(self.seen.values())
        often = [f"{name} {n / total:.0%}" for name, n in self.seen.most_common(3)]
        if self.collecting_ms > 1:
            often.insert(0, f"garbage collection {self.collecting_ms:.0f} ms")
        return "; ".join(often)


class Probe:
    """The gaps of the event loop while a `with` block is under way: from its own thread."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self._now: Gap | None = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self._turn)
        self._over = threading.Event()
        self._watcher = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), daemon=True
        )

    def __enter__(self) -> Self:
        gc.callbacks.append(self._on_collection)
        self._timer.start()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._over.set()
        self._watcher.join()
        gc.callbacks.remove(self._on_collection)

    @property
    def gaps_ms(self) -> NDArray[np.float64]:
        """How long each gap was, what this thread computed in it, and what the process: (n, 3)."""
        return np.array([(gap.ms, gap.computing_ms, gap.process_ms) for gap in self.gaps])

    def say(self, what: str) -> None:
        """Say how gaps are distributed, and what this thread computes in them."""
        print(f"{what:44} turns {len(self.gaps):6}")
        for name, gaps in zip(("gap", "computing"), self.gaps_ms.T, strict=False):
            p50, p99 = np.percentile(gaps, (50, 99))
            print(
                f"{name:>44} median {p50:6.1f}  99 % {p99:6.1f}  longest {gaps.max():6.1f} ms  "
                f"over 100 ms: {(gaps > STALL_MS).sum()}"
            )

    def figures(self) -> dict[str, Any]:
        """Return how the gaps are distributed and what the worst was, and the machine's load."""
        gaps, worst = self.gaps_ms, max(self.gaps, key=lambda gap: gap.ms)
        return {
            "turns": len(gaps),
            "median_ms": float(np.median(gaps[:, 0])),
            "p99_ms": float(np.percentile(gaps[:, 0], 99)),
            "longest_ms": worst.ms,
            "p99_computing_ms": float(np.percentile(gaps[:, 1], 99)),
            "longest_computing_ms": float(gaps[:, 1].max()),
            "p99_process_ms": float(np.percentile(gaps[:, 2], 99)),
            "longest_process_ms": float(gaps[:, 2].max()),
            "stalls": int((gaps[:, 0] > STALL_MS).sum()),
            "collecting_ms": max(gap.collecting_ms for gap in self.gaps),
            "load": os.getloadavg()[0],
            "worst": worst.words,
        }

    def _turn(self) -> None:
        if self._now is not None:
            self._now.end()
            if self._now.ms < STALL_MS / 2:
                self._now.seen.clear()
            self.gaps.append(self._now)
        self._now = Gap()

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collection = time.perf_counter()
        elif self._now is not None:
            self._now.collecting_ms += 1000 * (time.perf_counter() - self._collection)

    def _watch(self, thread: int) -> None:
        while not self._over.wait(_LOOK_MS / 1000):
            gap, frame = self._now, sys._current_frames().get(thread)
            if gap is not None and frame is not None:
                gap.seen[_name(frame)] += 1


def _name(frame: FrameType) -> str:
    """Return what a thread is doing: the innermost call of ours, and the innermost of all."""
    calls, one = [], frame
    while one is not None:
        calls.append(one)
        if f"/{_OURS}/" in one.f_code.co_filename:
            break
        one = one.f_back
    kept = (calls[-1], calls[0]) if one is not None and len(calls) > 1 else calls[2::-1]
    return " > ".join(_place(call) for call in kept)


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).stem}.{code.co_qualname.replace('.<locals>', '')}"


def pump(seconds: float | None = None, until: Callable[[], bool] = lambda: False) -> None:
    """Let the window live for a while, or until something is so."""
    end = time.monotonic() + (600 if seconds is None else seconds)
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.001)
