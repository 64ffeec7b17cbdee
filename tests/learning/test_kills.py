"""Pre-training in real processes: killed at any moment, and several side by side."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

#: What the processes share: a small heart and a small network, on one thread.
COMMON = """
    import sys
    import weakref
    from pathlib import Path
    import torch
    from safetensors.torch import save_file
    from napari_cardiac_ssl.anatomy import View
    from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
    from napari_cardiac_ssl.learning import positioned
    from napari_cardiac_ssl.learning.compute import Compute
    from napari_cardiac_ssl.learning.distributed import together
    from napari_cardiac_ssl.learning.network import Architecture
    from napari_cardiac_ssl.learning.pretraining import POSITIONS, PositionedStack, pretrain
    from napari_cardiac_ssl.learning.training import Budget, run
    from napari_cardiac_ssl.synthetic import make_study

    positioned.POOL_STUDIES, positioned.POOL_STEPS = 2, 16
    folder = Path(sys.argv[1])

    def heart(seed):
        made = make_study(seed, frames=1, slices=4, size=48, lax=False)
        frame = AnatomicalFrame.from_landmarks(Landmarks.of(made.landmarks))
        stack = made.study.stack(View.SAX)
        return PositionedStack(stack, frame, tuple(stack.slice_indices()), made.masks[View.SAX])

    hearts = [heart(seed) for seed in range(3)]
    options = dict(
        compute=Compute(torch.device("cpu"), low_precision=False),
        architecture=Architecture(
            heads=(("positions", POSITIONS), ("structures", 4)), base_filters=2, levels=3
        ),
        batch_size=2,
    )
    sources = [lambda h=h: h for h in hearts]

    def keep(model, name):
        weights = {k: v.contiguous() for k, v in model.network.state_dict().items()}
        save_file(weights, folder / f"{name}.safetensors")
"""
#: Ranks compute on the CPU, whatever else there is: they may be more than the GPUs.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
#: Seconds after which something hangs, where others work the machine.
HANGS_S = 800


def script(path: Path, body: str) -> Path:
    path.write_text(textwrap.dedent(COMMON) + textwrap.dedent(body))
    return path


def test_killed_ten_times_and_resumed_the_weights_are_those_of_a_run_left_alone(
    tmp_path: Path,
) -> None:
    """Each run is a process of its own, forked from one that has imported all that it needs."""
    program = script(
        tmp_path / "kills.py",
        """
        import os, random, signal, time

        def child(name, most=220):
            (said, says), (allowed, allows) = os.pipe(), os.pipe()
            os.write(allows, most * b".")
            pid = os.fork()
            if pid:
                os.close(says)
                return pid, os.fdopen(said)
            def after(step):
                os.write(says, f"{step.index}\\n".encode())
                os.read(allowed, 1)  # waits for ever where no more are allowed
            model = run(
                pretrain(
                    sources, budget=Budget(steps=220), save_every=5,
                    resume=folder / "state" if name == "killed" else None, **options,
                ),
                after,
            )
            keep(model, name)
            os._exit(0)

        def wait(pid):
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        torch.set_num_threads(1)
        alone, _ = child("alone")
        chance, begun = random.Random(7), []
        for _ in range(10):
            more = chance.randrange(16)
            pid, steps = child("killed", more + 8)  # may run ahead, but is never done before
            begun.append(int(steps.readline()))
            for _ in range(more):
                steps.readline()
            time.sleep(chance.uniform(0, 0.03))  # anywhere in a step, or while the state is written
            os.kill(pid, signal.SIGKILL)
            assert wait(pid) == -signal.SIGKILL
        assert begun == sorted(begun) and begun[-1] > 20, begun  # it got on from kill to kill
        pid, _ = child("killed")
        assert wait(pid) == wait(alone) == 0
        """,
    )
    done = subprocess.run(
        [sys.executable, program, tmp_path],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole, again = (load_file(tmp_path / f"{name}.safetensors") for name in ("alone", "killed"))
    assert whole.keys() == again.keys()
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name


def torchrun(program: Path, folder: Path, ranks: int = 2) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc_per_node={ranks}", program, folder),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_ranks_keep_one_network_and_go_on_after_a_stop(tmp_path: Path) -> None:
    program = script(
        tmp_path / "ranks.py",
        """
        def trained(name, *, stop=None, resume=None, losses=None):
            with_options = dict(options, peak_rate=1e-2, together=ranks)
            steps = pretrain(
                sources, budget=Budget(steps=60), save_every=7, resume=resume, **with_options
            )
            try:
                while True:
                    step = next(steps)
                    if losses is not None:
                        losses.append(step.loss)
                    if step.index == stop:
                        steps.close()
                        return
            except StopIteration as end:
                keep(end.value, f"{name}{ranks.rank}")

        with together() as ranks:
            assert ranks.ranks == 2
            group = weakref.ref(torch.distributed.group.WORLD)
            losses = []
            trained("whole", losses=losses)
            state = folder / f"state{ranks.rank}"  # other machines do not see rank 0's file
            trained("again", stop=23, resume=state)
            trained("again", resume=state)
            assert ranks.any(ranks.rank == 1) and not ranks.any(False)
            assert ranks.share(b"same" if ranks.rank == 0 else b"") == b"same"
            (folder / f"losses{ranks.rank}").write_text(" ".join(map(str, losses)))
        assert group() is None  # a group that lives on can abort the process when it ends
        """,
    )
    torchrun(program, tmp_path)
    whole, other, again = (
        load_file(tmp_path / f"{name}.safetensors") for name in ("whole0", "whole1", "again0")
    )
    for name, value in whole.items():
        assert torch.equal(value, other[name]), name
        assert torch.equal(value, again[name]), name
    losses = [np.array((tmp_path / f"losses{r}").read_text().split(), float) for r in (0, 1)]
    np.testing.assert_array_equal(*losses)
    assert losses[0][-8:].mean() < 0.8 * losses[0][:8].mean()
    assert not (tmp_path / "state1").exists()


def test_ranks_draw_their_own_parts() -> None:
    import torch

    from napari_cardiac_ssl.anatomy import View
    from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks
    from napari_cardiac_ssl.learning.checkpoint import Card, new_network
    from napari_cardiac_ssl.learning.pretraining import PositionBatches, PositionedStack
    from napari_cardiac_ssl.synthetic import make_study

    made = make_study(1, frames=1, slices=4, size=48, lax=False)
    frame = AnatomicalFrame.from_landmarks(Landmarks.of(made.landmarks))
    stack = made.study.stack(View.SAX)
    loaded: dict[int, list[int]] = {0: [], 1: []}
    card, drawn = Card(new_network().architecture, size=32), []
    for rank in (0, 1):
        sources = [
            lambda i=i, rank=rank: (
                loaded[rank].append(i)
                or PositionedStack(stack, frame, tuple(stack.slice_indices()))
            )
            for i in range(16)
        ]
        drawn.append(PositionBatches(sources, card, seed=0, part=(rank, 2))(4)[0])
    assert sorted(loaded[0] + loaded[1]) == list(range(16))
    assert not torch.equal(*drawn)
