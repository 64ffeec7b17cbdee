"""What repeats the published figures: a list that is whole, and a run that goes on where it was."""

import csv
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
#: What others share, or that runs them.
NO_FIGURE = {
    "all.py",
    "cases.py",
    "counted_hand.py",
    "event_loop.py",
    "figures.py",
    "pictures.py",
    "runs.py",
    "simulated_readers.py",
}


@pytest.fixture
def benchmark_named(monkeypatch: pytest.MonkeyPatch):
    """Import a benchmark, as its script is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delenv("CARDIAC_SSL_RESULTS", raising=False)
    for path in BENCHMARKS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return import_module


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("all", "figures", "cases"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import all as module

    return module


def test_every_benchmark_is_in_the_list(everything: ModuleType) -> None:
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - NO_FIGURE
    for commands in ("commands", "quick"):
        listed = {
            command.split()[0]
            for figure in everything.FIGURES
            for command in getattr(figure, commands)
            if not command.startswith("cardiac-ssl")
        }
        assert listed == scripts


def test_every_command_of_the_evidence_is_in_the_list(everything: ModuleType) -> None:
    text = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    said = [" ".join(line.split()) for line in blocks.splitlines()]
    listed = {
        command.replace("{out}/", "").replace("{data}/", "").replace(everything.WEIGHTS, "$W")
        for figure in everything.FIGURES
        for command in figure.commands
    }
    for line in said:
        command = line.partition("#")[0].strip().removeprefix("python benchmarks/")
        command = command.replace("docs/images/", "")
        if command and not command.startswith("W="):
            assert command in listed, line


def test_sections_are_those_of_the_documents(everything: ModuleType) -> None:
    text = "".join((ROOT / "docs" / f"{name}.md").read_text() for name in ("evidence", "guide"))
    heads = set(re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    assert {figure.section for figure in everything.FIGURES} <= heads


def test_options_are_those_of_the_scripts(everything: ModuleType) -> None:
    for figure in everything.FIGURES:
        for command in (*figure.commands, *figure.quick):
            script, *words = command.split()
            if script.endswith(".py"):
                known = (BENCHMARKS / script).read_text(encoding="utf-8")
                for word in words:
                    assert not word.startswith("--") or f'"{word}"' in known, command


def test_the_index_is_that_of_the_list(everything: ModuleType) -> None:
    index = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert index == everything.index(), "python benchmarks/all.py --index"


def test_a_run_goes_on_where_it_was(
    everything: ModuleType, tmp_path: Path, monkeypatch, capsys
) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("import os; print('run in', os.environ['CARDIAC_SSL_RESULTS'])")
    bad.write_text("raise SystemExit(3)")
    figure = everything.Figure("Speed", (str(good), str(bad)), (), needs_data=False)
    monkeypatch.setattr(everything, "FIGURES", (figure,))
    monkeypatch.setattr(sys, "argv", ["all.py", "--out", str(tmp_path / "out")])
    assert everything.main() == 1
    said = capsys.readouterr().out
    assert "failed with exit code 3" in said
    assert f"failed: {bad}" in said
    [log] = [p for p in (tmp_path / "out" / "full").glob("*.txt") if "good.py" in p.read_text()]
    assert f"run in {tmp_path / 'out' / 'full'}" in log.read_text()
    bad.write_text("print('mended')")
    assert everything.main() == 0
    said = capsys.readouterr().out
    assert f"done before: {good}" in said
    assert f"done before: {bad}" not in said
    assert everything.main() == 0
    assert f"done before: {bad}" in capsys.readouterr().out


def test_without_the_open_cases_it_is_said(
    everything: ModuleType, tmp_path: Path, monkeypatch, capsys
) -> None:
    figure = everything.Figure("Speed", ("nothing.py",), ())
    monkeypatch.setattr(everything, "FIGURES", (figure,))
    monkeypatch.setattr(everything, "DATA", tmp_path / "none")
    monkeypatch.setattr(sys, "argv", ["all.py", "--out", str(tmp_path / "out")])
    assert everything.main() == 0
    assert "skipped, no open cases in" in capsys.readouterr().out


def test_quick_runs_end_with_the_seconds_of_each(
    everything: ModuleType, tmp_path: Path, monkeypatch, capsys
) -> None:
    first, second, other = (tmp_path / f"{name}.py" for name in ("first", "second", "other"))
    first.write_text(f"open({str(tmp_path / 'made')!r}, 'w')")
    second.write_text(f"open({str(tmp_path / 'made')!r})")  # needs what the first has made
    other.write_text("import os; print('threads', os.environ['OMP_NUM_THREADS'])")
    figures = (
        everything.Figure("Speed", (), (str(first), str(second)), needs_data=False),
        everything.Figure("Cohorts", (), (str(other),), needs_data=False),
    )
    monkeypatch.setattr(everything, "FIGURES", figures)
    monkeypatch.setattr(sys, "argv", ["all.py", "--quick", "--out", str(tmp_path / "out")])
    assert everything.main() == 0
    table = capsys.readouterr().out.partition("seconds  command\n")[2].splitlines()
    said = [line.split() for line in table[:4]]
    assert [words[1] for words in said[:3]] == [str(first), str(second), str(other)]
    assert sum(float(words[0]) for words in said[:3]) == pytest.approx(float(said[3][0]), abs=0.2)
    [log] = (tmp_path / "out" / "quick").glob("cohorts-*.txt")
    assert "threads 1" in log.read_text()


def test_a_table_is_read_as_it_was_written(benchmark_named, tmp_path: Path) -> None:
    table = benchmark_named("runs").Table(
        tmp_path / "new" / "t.csv", {"who": str, "steps": int, "dice": float}
    )
    assert table.rows() == []
    first = {"who": "a, b", "steps": 3, "dice": 0.9}
    rest = [{"who": "", "steps": None, "dice": None}, {"who": "c", "steps": 0, "dice": 1 / 3}]
    table.add([first])
    table.add(rest)
    assert table.rows() == [first, rest[0], {**rest[1], "dice": 0.333333}]


def test_published_runs_are_tables_of_figures(everything: ModuleType) -> None:
    published = {path.name for path in (BENCHMARKS / "results").iterdir()}
    assert published == {figure.results for figure in everything.FIGURES if figure.results}
    for name in published:
        with open(BENCHMARKS / "results" / name, encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert rows
        assert {len(row) for row in rows} == {len(head)}, name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("before_after", "two rounds, 150 steps, whole | acdc | ES | k=3 "),
        ("few_slices", "ours, default, 150 steps, seed 0 | ED | k=3 "),
        ("heart_numbers", "k=3 | 150 steps, seed 0 | 59f07af9161e: 20 patients"),
        ("loop", "suggest | default | 60 steps | ES "),
    ],
)
def test_published_tables_are_made_from_their_runs(
    benchmark_named, capsys, name: str, said: str
) -> None:
    module = benchmark_named(name)
    rows = module.TABLE.rows()
    if name == "loop":
        results = module.results_of(rows)
        module.table(results, sorted({key[-1] for key in results}))
    elif name == "before_after":
        module.table(rows, "all")
    else:
        module.table(rows)
    assert said in capsys.readouterr().out
