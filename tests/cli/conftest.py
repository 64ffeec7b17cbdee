"""A small case, and ways to run the command line on it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import ACDC, UKBB, View
from napari_cardiac_ssl.cli import main
from napari_cardiac_ssl.learning.checkpoint import Card, Model, new_network, save_model
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask


@dataclass(frozen=True)
class Case:
    """Files of one small heart, in a folder whose name has a space and an accent."""

    folder: Path
    #: Two frames of five slices, 40 ms apart, and their mask as we write it.
    cine: Path
    cine_mask: Path
    #: The first frame, and its mask as others write it: in acdc's integers, with no note.
    image: Path
    mask: Path
    #: A tiny model that has learned nothing.
    model: Path
    #: The heart's three points, RAS mm.
    landmarks: Mapping[str, NDArray[np.float64]]


def tiny_model(view: View = View.SAX) -> Model:
    small = Architecture(heads=(("structures", 4),), base_filters=2, levels=3)
    return Model(new_network(small).eval(), Card(small, view=view, size=64))


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("un cœur é")
    heart = make_study(1, frames=2, slices=5, size=64, lax=False)
    stack = replace(heart.study.stack(View.SAX), frame_interval_s=0.04)
    labels = heart.masks[View.SAX]
    case = Case(
        folder,
        write_map(folder / "p1_sax.nii.gz", stack.image, like=stack, description="cine"),
        write_mask(folder / "p1_sax_gt.nii.gz", labels, like=stack),
        folder / "p1_ED.nii.gz",
        folder / "p1_ED_gt.nii.gz",
        save_model(folder / "tiny modèle.safetensors", tiny_model()),
        heart.landmarks,
    )
    image = np.asarray(stack.image[0].T, dtype=np.int16)
    nib.save(nib.Nifti1Image(image, stack.affine), case.image)
    nib.save(nib.Nifti1Image(UKBB.convert(labels[0], ACDC).T, stack.affine), case.mask)
    return case


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run what must be refused: exit code 2 and one line, which is returned."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # wrong use, from the parser
            code = exit_.code
        said = capsys.readouterr()
        assert code == 2
        assert said.out == ""
        [line] = [line for line in said.err.splitlines() if not line.startswith("warning: ")]
        assert line.startswith("cardiac-ssl")
        return line

    return run


@pytest.fixture
def do(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Run what must succeed; return what it says on standard output and standard error."""

    def run(*arguments: object) -> tuple[str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out, said.err

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the command line in a process of its own."""

    def start(*arguments: object, code: str = "", **options: object) -> "subprocess.Popen[str]":
        command = ["-c", code] if code else ["-m", "napari_cardiac_ssl.cli"]
        return subprocess.Popen(
            [sys.executable, *command, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **options,
        )

    return start
