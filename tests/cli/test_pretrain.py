"""The command pretrain: from any mix of studies, to weights that finetune and predict take."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.learning import positioned
from napari_cardiac_ssl.learning.checkpoint import Card, Model, load_model, new_network, save_model
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.pretraining import POSITIONS, PositionBatches
from napari_cardiac_ssl.readers.unlabelled import find_all
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]
HEADS = (("positions", POSITIONS), ("structures", 4))
#: The command line, to which Ctrl-C comes after a step, however slow the machine is.
INTERRUPTED = """
import os, signal, sys
from napari_cardiac_ssl.cli import main, pretraining
add = pretraining._Curves.add
def add_and_interrupt(curves, step):
    add(curves, step)
    if step.index == 7:
        os.kill(os.getpid(), signal.SIGINT)
pretraining._Curves.add = add_and_interrupt
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four folders of views, two stills with landmarks in one file, and what cannot be used."""
    root = tmp_path_factory.mktemp("studies")
    landmarks = {}
    for seed in range(30, 36):
        made = make_study(seed, frames=2, slices=4, size=64, lax=seed < 34)
        for stack in made.study.stacks:
            if seed < 34:
                file = root / f"v{seed}" / f"{stack.view.lower()}.nii.gz"
                write_map(file, stack.image, like=stack, description="")
            else:
                for t, phase in enumerate(("ED", "ES")):
                    still = Stack(stack.image[t : t + 1], stack.affine, is_4d=False)
                    file = root / f"m{seed}" / f"m{seed}_{phase}.nii.gz"
                    write_map(file, still.image, like=still, description="")
        if seed >= 34:
            landmarks[f"m{seed}"] = {key: point.tolist() for key, point in made.landmarks.items()}
    (root / "landmarks.json").write_text(json.dumps(landmarks))
    (root / "empty").mkdir()
    (root / "torn.nii.gz").write_bytes(b"\x1f\x8b rubbish")
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model, for quick steps."""
    architecture = Architecture(heads=HEADS, base_filters=2, levels=3)
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    return save_model(path, Model(new_network(architecture).eval(), Card(architecture)))


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run what must be refused; return the last line: what was left out, and progress, go first."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        line = said.err.splitlines()[-1]
        assert line.startswith("cardiac-ssl ")
        return line

    return run


def rows(model: Path) -> list[dict[str, object]]:
    text = model.with_name(model.name + ".curves.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_mix_of_studies_some_of_no_use(
    do: Do, studies: Path, small: Path, case, tmp_path: Path
) -> None:
    model = tmp_path / "ours.safetensors"
    paths = [*sorted(studies.glob("[vm]*")), studies / "v30", studies / "empty"]
    paths += [studies / "torn.nii.gz", studies / "v31" / "sax.nii.gz", tmp_path / "absent"]
    out, err = do(
        *("pretrain", *paths, "--landmarks", studies / "landmarks.json", "--synthetic", 1),
        *("--steps", 6, "--from", small, "-o", model, "--json"),
    )
    said = json.loads(out)
    why = {Path(part["study"]).name: part["why"] for part in said["left_out"]}
    assert set(why) == {"v30", "empty", "torn.nii.gz", "sax.nii.gz", "absent"}
    assert "the same images as" in why["v30"]
    assert "no LAX_2CH and no LAX_4CH" in why["sax.nii.gz"]
    lines = [line for line in err.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 5
    assert all(line.count(str(tmp_path.parent)) >= 1 for line in lines)
    assert len(said["held_out"]) == 1
    assert 0 <= said["validation"]["mean_dice"] <= 1
    assert len(said["validation"]["error_mm"]) == len(said["validation"]["dice"]) == 9
    assert [row["step"] for row in rows(model)] == list(range(1, 7))
    assert "validation" in rows(model)[-1]
    assert not model.with_name(model.name + ".resume").exists()
    card = load_model(model).card
    learned = [part for part in card.trained_on if not part.digest.startswith("synthetic")]
    held_still = "/m" in said["held_out"][0]  # a patient's ED and ES go together
    assert len(learned) == (6 if held_still else 7)
    assert card.recipe["structures"] is True
    assert card.parent == load_model(small).digest
    # What was learned is a start like any other.
    tuned = tmp_path / "tuned.safetensors"
    files = ("--images", case.image, "--labels", case.mask)
    do("finetune", *files, "--from", model, "--steps", 2, "-o", tuned)
    do("predict", model, case.image, "-o", tmp_path / "first")
    assert load_model(tuned).card.parent == load_model(model).digest


def test_nothing_to_learn_from(refuse: Refuse, studies: Path, tmp_path: Path) -> None:
    model = ("-o", tmp_path / "m.safetensors")
    assert "name studies, or --synthetic N" in refuse("pretrain", *model)
    sax = studies / "m34"
    assert "no LAX_2CH" in refuse("pretrain", sax, *model).partition("none of 1 study")[2]
    assert "ends in .safetensors" in refuse("pretrain", sax, "-o", tmp_path / "m.pt")
    assert not list(tmp_path.iterdir())


def test_without_structures_a_model_does_not_predict_them(
    do: Do, refuse: Refuse, studies: Path, case, tmp_path: Path
) -> None:
    model = tmp_path / "m.safetensors"
    options = ("--from", "scratch", "--steps", 1, "--batch-size", 2, "-o", model)
    _, err = do("pretrain", studies / "v30", *options)
    assert "validated by nothing" in err
    assert "no structures yet" in refuse("predict", model, case.image, "-o", tmp_path)
    files = ("--images", case.image, "--labels", case.mask)
    do("finetune", *files, "--from", model, "--steps", 1, "-o", tmp_path / "t.safetensors")
    do("predict", tmp_path / "t.safetensors", case.image, "-o", tmp_path)


def test_the_4ch_view_learns_its_own_positions(do: Do, studies: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    out, err = do(
        *("pretrain", *studies.glob("v*"), "--view", "LAX_4CH", "--synthetic", 1),
        *("--from", "scratch", "--steps", 2, "--batch-size", 2, "-o", model, "--json"),
    )
    card = load_model(model).card
    assert card.view is View.LAX_4CH
    assert dict(card.architecture.heads) == {"positions": 10, "structures": 6}
    assert "learning from 3 stacks of 3 studies and 1 synthetic heart" in err
    assert json.loads(out)["validation"]["slices"] > 0


@pytest.mark.usefixtures("on_the_cpu")
def test_interrupted_and_resumed_it_comes_to_the_same(
    do: Do, refuse: Refuse, studies: Path, small: Path, tmp_path: Path
) -> None:
    command = ("pretrain", *sorted(studies.glob("v*")), "--from", small, "--batch-size", 2)
    steps = ("--steps", 40)
    whole, again = tmp_path / "whole.safetensors", tmp_path / "again.safetensors"
    do(*command, *steps, "-o", whole)
    state = tmp_path / "again.safetensors.resume"
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *map(str, (*command, *steps, "-o", again))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},  # sums as here
        check=False,
    )
    assert process.returncode == 130, process.stderr
    assert "--resume go on with it" in process.stderr
    assert [row["step"] for row in rows(again)] == list(range(1, 8))
    assert state.exists()
    assert not again.exists()
    assert "add --resume" in refuse(*command, *steps, "-o", again)
    line = refuse(*command, "--steps", 41, "--resume", "-o", again)
    assert "steps 40, not 41" in line
    do(*command, *steps, "--resume", "-o", again)
    assert load_model(again).digest == load_model(whole).digest
    assert [row["step"] for row in rows(again)] == list(range(1, 41))
    assert [row["loss"] for row in rows(again)] == [row["loss"] for row in rows(whole)]
    assert not state.exists()
    made = again.stat().st_mtime_ns
    _, err = do(*command, *steps, "--resume", "-o", again)
    assert "nothing is left to do" in err
    assert again.stat().st_mtime_ns == made


def test_a_state_that_is_none_is_refused(
    refuse: Refuse, studies: Path, small: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.safetensors"
    (tmp_path / "m.safetensors.resume").write_bytes(b"rubbish")
    line = refuse(
        *("pretrain", studies / "v30", "--from", small, "--steps", 2, "--resume", "-o", model)
    )
    assert "not the state of a run" in line


def test_torchrun_takes_the_same_command(studies: Path, small: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *("-m", "napari_cardiac_ssl.cli", "pretrain", *map(str, sorted(studies.glob("v*")))),
            *("--from", str(small), "--steps", "4", "--json", "-o", str(model)),
        ],
        # On the CPU: there may be a GPU, but not one for each.
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)  # one rank speaks
    assert said["digest"] == load_model(model).digest
    assert said["processes"] == 2
    assert [row["step"] for row in rows(model)] == [1, 2, 3, 4]


def test_memory_does_not_grow_with_the_number_of_studies(
    studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positioned, "POOL_STUDIES", 2)
    monkeypatch.setattr(positioned, "POOL_STEPS", 1)
    sax = make_study(40, frames=8, slices=6, size=96, lax=False)
    stack, points = sax.study.stacks[0], {}
    for number in range(16):
        image = stack.image + np.int16(number)
        write_map(tmp_path / f"p{number}_x.nii", image, like=stack, description="")
        points[f"p{number}"] = {key: point.tolist() for key, point in sax.landmarks.items()}

    def peak(count: int) -> int:
        tracemalloc.start()
        files = sorted(tmp_path.iterdir())[:count]
        found = find_all(
            files, points, View.SAX, lambda path, why: pytest.fail(why), lambda done, name: None
        )
        assert len(found) == count
        batches = PositionBatches(found, Card(Architecture(heads=HEADS), size=32), seed=0)
        for _ in range(count):
            batches(2)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    few, many = peak(4), peak(16)
    assert many < 1.1 * few
