"""How the command line is used, wrongly too, and how it ends."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cardiac_ssl import __version__
from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.cli import COMMANDS, main, make_parser
from napari_cardiac_ssl.cli.studies import parse_slices
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network, save_model
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.study import SliceIndex

Refuse = Callable[..., str]
HEAVY = {"torch", "napari", "qtpy", "PyQt6", "nibabel", "scipy", "rich"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    said = capsys.readouterr().out
    assert caught.value.code == 0
    example = said.partition("example:\n")[2].replace("\\\n", " ").partition("   (")[0]
    program, *arguments = example.split()
    assert program == "cardiac-ssl"
    assert isinstance(make_parser().parse_args(arguments), argparse.Namespace)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from napari_cardiac_ssl.cli import COMMANDS, main\n"
        "for command in COMMANDS:\n"
        "    try: main([command, '--help'])\n"
        "    except SystemExit: pass\n"
        f"print('loaded:', *({HEAVY!r} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "loaded:"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out.strip()) == (0, __version__)


FINETUNE = ["finetune", "--images", "a.nii", "--labels", "b.nii", "-o", "m.safetensors"]
MANY = "9" * 5000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["info"], "STUDY"),
        (["info", "a.nii", "--fast"], "unrecognized arguments: --fast"),
        (["evaluate", "a.nii", "--ref", "b.nii"], "--reference"),  # no abbreviations
        (["predict", "m.safetensors", "a.nii"], "-o/--output"),
        (FINETUNE[:-2], "-o/--output"),
        *(([*FINETUNE, "--seconds", s], "above 0") for s in ("0", "-1", "nan", "inf", "x")),
        *(([*FINETUNE, "--steps", n], "whole number from 1") for n in ("0", "-3", "1.5", MANY)),
        ([*FINETUNE, "--steps", "3", "--seconds", "3"], "not allowed with"),
        *(([*FINETUNE, "--seed", wrong], "whole number from 0") for wrong in ("-1", "4294967296")),
        (["pretrain", "a", "--minutes", "x", "-o", "m"], "'x' is not a number of minutes above 0"),
        ([*FINETUNE, "--scheme", "mine"], "unknown label scheme 'mine'"),
        ([*FINETUNE, "--landmarks", "l.json"], "use --mode multitask"),
        ([*FINETUNE, "a.nii"], "unrecognized arguments"),
        ([*FINETUNE, "--images", "a", "b"], "2 images but 1 mask;"),
        ([*FINETUNE, "-o", "m.pt"], "ends in .safetensors"),
        (["synth", "x", "--subjects", "0"], "whole number from 1"),
        (["evaluate", "a", "b", "--reference", "c"], "2 predictions but 1 reference;"),
        (["predict", "m", "x/a.nii", "y/a.nii.gz", "-o", "out"], "be written to a_seg.nii.gz"),
        ([*FINETUNE, "--images", "a\nb"], "a b: no such file"),
    ],
)  # fmt: skip
def test_wrong_use(
    refuse: Refuse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refuse(*arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("rubbish", "'rubbish' is not a slice"),
        ("", "is not a slice"),
        ("1,,2", "is not a slice"),
        ("-1", "is not a slice"),
        ("²", "is not a slice"),
        (MANY, "is not a slice"),
        ("0:1:2", "is not a slice"),
        ("99", "no slice 99 of frame 0"),
        ("3:1", "no slice 1 of frame 3"),
    ],
)
def test_wrong_slices(refuse: Refuse, case, tmp_path: Path, spec: str, words: str) -> None:
    model = tmp_path / "m.safetensors"
    line = refuse(
        "finetune", "--images", case.image, "--labels", case.mask, f"--slices={spec}", "-o", model
    )
    assert words in line
    assert not list(tmp_path.iterdir())


def test_slices_of_several_frames_are_named_with_their_frame(
    refuse: Refuse, case, tmp_path
) -> None:
    files = ("--images", case.cine, "--labels", case.cine_mask)
    assert "name them as t:z" in refuse(
        "finetune", *files, "--slices", "2", "-o", tmp_path / "m.safetensors"
    )
    assert parse_slices("1:2, 0:3,1:2", 2) == [SliceIndex(1, 2), SliceIndex(0, 3)]
    assert parse_slices("2,4", 1) == [SliceIndex(0, 2), SliceIndex(0, 4)]
    with pytest.raises(InputError):
        parse_slices("2 4", 1)


def test_models_that_do_not_fit(refuse: Refuse, case, tmp_path: Path) -> None:
    output = tmp_path / "out" / "m.safetensors"
    files = ("finetune", "--images", case.image, "--labels", case.mask, "-o", output, "--from")
    assert "no model at nowhere" in refuse(*files, "nowhere")
    assert "not a readable safetensors file" in refuse(*files, case.image)
    assert "no model at" in refuse("predict", tmp_path, case.image, "-o", output.parent)
    small = Architecture(heads=(("structures", 4),), base_filters=2, levels=3)
    four = Model(new_network(small).eval(), Card(small, view=View.LAX_4CH, size=64))
    model = save_model(tmp_path / "four.safetensors", four)
    line = refuse("predict", model, case.cine, "-o", output.parent)
    assert "the name says SAX" in line
    assert "knows LAX_4CH" in line
    sax = tmp_path / "p1_sax.nii.gz"
    sax.write_bytes(case.image.read_bytes())
    line = refuse("finetune", "--images", sax, *files[3:], model, "--scheme", "acdc")
    assert "LAX_4CH" in line
    assert not output.parent.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FloatingPointError("the loss became nan at step 3; training stopped"), "another --seed"),
        (MemoryError("even one slice does not fit into memory"), "close other programs"),
        (PermissionError(13, "Permission denied", "a"), "a: Permission denied"),
    ],
)
def test_training_that_fails(  # noqa: PLR0917 - fixtures
    refuse: Refuse, case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error, words: str
) -> None:
    from napari_cardiac_ssl.learning import training

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(training, "run", fail)
    output = tmp_path / "m.safetensors"
    files = ("--images", case.image, "--labels", case.mask, "--scheme", "acdc", "-o", output)
    assert words in refuse("finetune", *files, "--from", "scratch")
    assert not output.exists()


#: The command line, which says so when training has begun.
TELLING = """
import sys
from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.learning import training
run = training.run
def telling(steps, after):
    print("training has begun", file=sys.stderr, flush=True)
    return run(steps, after)
training.run = telling
sys.exit(main(sys.argv[1:]))
"""


def test_interrupt_leaves_nothing(shell, case, tmp_path: Path) -> None:
    output = tmp_path / "m.safetensors"
    process = shell(
        "finetune", "--images", case.image, "--labels", case.mask, "--steps", 100_000,
        "-o", output, code=TELLING,
        # Python heeds the signal only if its parent does.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert "label scheme acdc" in process.stderr.readline()
    assert process.stderr.readline() == "training has begun\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    # Where the signal meets code that a library runs from a string, Python itself ends the process
    # by the signal at last, whoever has caught it: for a shell that is 130 as well.
    assert process.returncode in {130, -signal.SIGINT}, said
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", ["--json", "--help"])
def test_a_reader_that_has_had_enough(case, more: str) -> None:
    nobody, end = os.pipe()
    os.close(nobody)
    with open(end, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "napari_cardiac_ssl.cli", "info", str(case.image), more],
            stdout=pipe, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_results_that_cannot_be_said(case) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "napari_cardiac_ssl.cli", "info", str(case.image)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot write results" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="no such shell there")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_output_that_is_closed(case, tmp_path: Path, closed: str) -> None:
    line = f'"$0" -m napari_cardiac_ssl.cli "$@" {closed}'
    for path, code in ((case.image, 0), (tmp_path / "missing.nii", 2)):
        done = subprocess.run(
            ["sh", "-c", line, sys.executable, "info", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert ("1 series" in done.stdout) == (code == 0 and closed == "2>&-")


@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_a_name_that_is_no_text(shell, case, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\xe9.nii.gz"
    Path(os.fsdecode(odd)).symlink_to(case.image)
    for more in ([], ["--json"]):
        process = shell("info", os.fsdecode(odd), *more)
        said, wrong = process.communicate(timeout=600)
        assert (process.returncode, wrong) == (0, "")
        assert ".nii.gz" in said
    assert json.loads(said)["series"][0]["slices"] == 5
