"""What CONTRIBUTING says of where things go is true: one entry, and it is everywhere."""

import re
from pathlib import Path

import numpy as np
import pytest

import napari_cardiac_ssl
from napari_cardiac_ssl.anatomy import (
    SCHEMES,
    STRUCTURES_OF_VIEW,
    LabelScheme,
    Structure,
    View,
)
from napari_cardiac_ssl.cli import COMMANDS, make_parser
from napari_cardiac_ssl.cli.commands import command_named
from napari_cardiac_ssl.learning.suggestion import STRATEGIES
from napari_cardiac_ssl.measures import KEY_MEASURES, MEASURES, Measures
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.masks import write_mask
from napari_cardiac_ssl.writers.registry import WRITERS

ROOT = Path(napari_cardiac_ssl.__file__).parent.parent


def choices(command: str, option: str) -> list[str]:
    """Return what an option of a command may be."""
    parser = make_parser()
    commands = next(action for action in parser._actions if action.dest == "command")
    [found] = [a for a in commands.choices[command]._actions if option in a.option_strings]
    return list(found.choices)


def parsed(command: str, option: str, text: str) -> object:
    """Return what an option of a command makes of a text."""
    commands = next(action for action in make_parser()._actions if action.dest == "command")
    [found] = [a for a in commands.choices[command]._actions if option in a.option_strings]
    return found.type(text)


def test_a_label_scheme_is_one_entry(monkeypatch, tmp_path) -> None:
    mine = LabelScheme("mine", (Structure.MYOCARDIUM, Structure.LV_CAVITY, Structure.RV_CAVITY))
    monkeypatch.setitem(SCHEMES, "mine", mine)
    labels = np.zeros((1, 2, 8, 8), np.uint8)
    labels[0, 0, 1:7, 1:7], labels[0, 0, 3:5, 3:5] = 2, 1
    stack = Stack(labels.astype(np.int16), np.diag([1.5, 1.5, 8, 1]), is_4d=False)
    path = write_mask(tmp_path / "m.nii.gz", labels, like=stack, scheme=mine)
    read = read_mask(path)
    assert read.scheme is mine  # noted in its header
    assert np.array_equal(read.labels, labels)
    for command in ("finetune", "predict", "evaluate", "measure", "loop", "report", "convert"):
        assert parsed(command, "--scheme", "mine") == "mine"


def test_a_view_says_all_that_is_told_of_it() -> None:
    assert [view.order for view in View.in_order()] == list(range(len(View)))
    for view in View:
        assert view.short
        assert re.fullmatch("[a-z0-9_]+", view.file_name)
        assert view.field_mm > 0
        assert re.search(view.words, view.short.lower() if view is not View.OTHER else "scout")
    assert choices("pretrain", "--view") == choices("predict", "--view") == [*STRUCTURES_OF_VIEW]


def test_no_list_of_all_views_stands_elsewhere() -> None:
    """Such a list would have to be found by who adds a view."""
    package = Path(napari_cardiac_ssl.__file__).parent
    names = [re.compile(rf"\bView\.{view.name}\b") for view in View]
    for path in package.rglob("*.py"):
        if path.name in {"anatomy.py", "dicom_views.py", "file_names.py"}:
            continue
        text = path.read_text(encoding="utf-8")
        assert not all(name.search(text) for name in names), path


def test_strategies_are_those_of_suggestion() -> None:
    assert choices("loop", "--strategy") == list(STRATEGIES)


def test_a_measure_is_in_every_table() -> None:
    columns = [measure.column for measure in MEASURES]
    assert len(set(columns)) == len(columns)
    row = Measures(lv_edv_ml=150, lv_esv_ml=60, body_surface_m2=2).row()
    assert set(columns) <= set(row)
    assert {measure.index_column for measure in MEASURES if measure.indexed} <= set(row)
    assert [measure.short for measure in KEY_MEASURES][:2] == ["LV EF", "LV EDV"]


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only a checkout has the pages")
def test_the_sources_of_measures_stand_in_the_method() -> None:
    method = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    for source in {measure.source for measure in MEASURES}:
        assert source == "docs/method.md" or source in method


def test_a_writer_says_what_it_is() -> None:
    assert len({writer.ending for writer in WRITERS.values()}) == len(WRITERS)
    for key, writer in WRITERS.items():
        assert writer.key == key
        assert writer.name
        assert writer.about.endswith(".")


def test_each_command_is_a_file_and_a_name() -> None:
    folder = Path(napari_cardiac_ssl.__file__).parent / "cli" / "commands"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(COMMANDS)
    assert [command_named(name).name for name in COMMANDS] == list(COMMANDS)


@pytest.mark.skipif(not (ROOT / "CONTRIBUTING.md").is_file(), reason="only a checkout has it")
def test_the_files_that_are_named_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.partition("## Where does it go?")[2].partition("## Style")[0]
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|\.md|/))`", part))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "napari_cardiac_ssl" / name).exists(), name
