"""From a confirmed slice to refreshed predictions of the frame in view, as the window has it.

A synthetic cine of 20 frames × 10 slices × 256 × 256; the trainer is warm (torch is loaded and a
first guess made), learning goes on by itself. A slice is corrected and confirmed, and the clock
runs: to the *first* answer (the frame in view, after a few steps) and until all is *settled* (8 s
of training and every slice predicted). Then two more slices, in other frames. Targets on two quiet
cores: 3 s and 15 s. What the trainer's process used of the processor is said beside it, since it
tells a busy machine from a slow program.

    python benchmarks/latency.py
"""

import argparse
import os
import time
from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.session import JobStatus, Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study


def processor_seconds(pid: int) -> float:
    """Return what a process has used of the processor (Linux; NaN elsewhere)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    heart = make_study(
        3, frames=options.frames, slices=options.slices, size=options.size, lax=False
    )
    stack, truth = heart.study.stack(View.SAX), heart.masks[View.SAX]
    print(f"{stack.image.shape}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    session = Session(who="benchmark")
    try:
        session.open(stack)
        begun = time.perf_counter()
        session.training.predict()
        session.wait(uncertainty=True)
        print(f"first guess of all slices, torch loaded: {time.perf_counter() - begun:.1f} s")
        session.training.learn_while_drawing = True
        for t, z in ((0.0, 0.5), (0.4, 0.3), (0.0, 0.7)):  # of the frames, of the slices
            index = SliceIndex(round(t * stack.frames), round(z * stack.slices))
            clock(session, index, truth)
    finally:
        session.close()


def clock(session: Session, index: SliceIndex, truth) -> None:
    refreshed: list[tuple[float, int]] = []

    def note(slices: tuple[SliceIndex, ...]) -> None:
        in_view = sum(one.t == index.t for one in slices)
        if in_view:
            refreshed.append((time.perf_counter() - begun, in_view))

    session.signals.labels_refreshed.connect(note)
    session.labelling.annotate(index, truth[index])
    pid = session.training.trainer_pid or 0
    steps: dict[int, int] = {}

    def count(status: JobStatus) -> None:
        if status.progress:
            steps[status.progress.number] = status.progress.step

    session.signals.job_changed.connect(count)
    used, begun = processor_seconds(pid), time.perf_counter()
    session.confirm(index)
    first_used = None
    while session.training.busy:
        session.process_messages(0.02, adopt_s=0.01)
        if refreshed and first_used is None:
            first_used = processor_seconds(pid) - used
    settled = time.perf_counter() - begun
    session.signals.labels_refreshed.disconnect(note)
    session.signals.job_changed.disconnect(count)
    print(
        f"slice t={index.t} z={index.z}: first {refreshed[0][0]:.1f} s ({first_used:.1f} s of one "
        f"processor), settled {settled:.1f} s ({processor_seconds(pid) - used:.1f} s); "
        f"steps {' + '.join(map(str, steps.values()))}"
    )


if __name__ == "__main__":
    main()
