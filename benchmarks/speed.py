"""Print what our loop and our prediction cost beside the bare network, as ratios of one run.

Each pair is timed in turn, A B A B …, so that a machine that gets slower slows both; the median of
the pairs' ratios is what to quote. Targets: a training step and a prediction at most 1.15 times
what the bare network costs on the same batch.

    python benchmarks/speed.py [--rounds 8]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import ExpertBatches, ExpertSlices
from napari_cardiac_ssl.learning.grid import SIZE, Intensities
from napari_cardiac_ssl.learning.prediction import predict
from napari_cardiac_ssl.learning.training import Budget, dice_and_cross_entropy, fit
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study

BATCH = 8


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(name: str, a: Callable[[], object], b: Callable[[], object], rounds: int) -> None:
    a(), b()  # warm up
    pairs = [(seconds(a), seconds(b)) for _ in range(rounds)]
    ratios = sorted(x / y for x, y in pairs)
    ours, bare = (statistics.median(part) for part in zip(*pairs, strict=True))
    ratio = f"{statistics.median(ratios):.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(f"{name:42} {1000 * ours:8.0f} ms {1000 * bare:8.0f} ms  ratio {ratio}", flush=True)


def bare_step(compute: Compute, size: int = BATCH) -> Callable[[], object]:
    """Forward, backward and optimiser on one fixed batch."""
    network = new_network()
    compute.place(network)
    optimiser = torch.optim.AdamW(network.parameters())
    images = torch.randn(size, 1, SIZE, SIZE).to(compute.device, memory_format=torch.channels_last)
    shares = torch.rand(size, 4, SIZE, SIZE).softmax(1).to(compute.device)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with compute.autocast():
            logits = network(images)["structures"]
        dice_and_cross_entropy(logits.float(), shares).backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    compute = Compute.best()
    heart = make_study(1, lax=False)
    stack = heart.study.stack(View.SAX)
    example = ExpertSlices(stack, heart.masks[View.SAX], (SliceIndex(0, 3), SliceIndex(0, 5)))
    print(compute)

    network = new_network()
    model = Model(network, Card(network.architecture))
    steps = fit(
        network,
        ExpertBatches([example], model.card, seed=0),
        lambda said, shares: dice_and_cross_entropy(said["structures"], shares),
        budget=Budget(steps=10_000),
        compute=compute,
        batch_size=BATCH,
    )
    compare("training step / bare step", lambda: next(steps), bare_step(compute), rounds)

    slices = stack.slice_indices()[:160]
    batch = torch.randn(16, 1, SIZE, SIZE).to(compute.device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def forward() -> None:
        with compute.autocast():
            for _ in range(0, len(slices), 16):
                network(batch)

    network.eval()
    compare(
        "prediction of 160 slices / bare forward",
        lambda: list(predict(model, stack, slices, centre_yx=(96, 96), compute=compute)),
        forward,
        rounds,
    )
    anew = seconds(lambda: Intensities.of(replace(stack)))  # the stack itself was measured above
    print(f"{'percentiles, once for a stack':42} {1000 * anew:8.0f} ms", flush=True)
    float32 = Compute(torch.device("cpu"), low_precision=False)
    bfloat16 = Compute(torch.device("cpu"), low_precision=True)
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for size in (2, BATCH):
            name = f"bfloat16 / float32, bare step of {size}, {threads} threads"
            compare(name, bare_step(bfloat16, size), bare_step(float32, size), 4)


if __name__ == "__main__":
    main()
