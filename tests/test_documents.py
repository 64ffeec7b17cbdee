"""The documents: the site is whole, commands are real, and the tutorial does what it says."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from napari_cardiac_ssl.cli import main, make_parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})


def commands_in(document: Path) -> list[str]:
    """Return the lines of a document's shell blocks that call the command line."""
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("cardiac-ssl ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_command_is_one(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in commands_in(document):
        words = shlex.split(line, comments=True)[1:]
        try:
            make_parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"{line}: {capsys.readouterr().err}")


def test_the_tutorial(tmp_path: Path, monkeypatch, capsys) -> None:
    """Every command of it in order, as a new user types it; with a few steps of training."""
    monkeypatch.chdir(tmp_path)
    lines = commands_in(ROOT / "docs" / "tutorial.md")
    assert len(lines) >= 9
    for line in lines:
        words = shlex.split(line.replace("--seconds 15", "--steps 2"), comments=True)[1:]
        if words[0] != "open":  # waits for somebody to close the window
            assert main(words) == 0, (line, capsys.readouterr().err)
    said = capsys.readouterr().out
    assert "unreviewed" in said
    assert (tmp_path / "first.html").is_file()
    assert (tmp_path / "results" / "cohort.csv").read_text().count(",done,") == 2


@pytest.mark.skipif(
    find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install .[docs]"
)
def test_the_site_is_whole_and_fetches_nothing(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= 12
    for page in pages:
        html = page.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|img|iframe)[^>]+src=\"(https?:[^\"]+)", html)
        fetched += re.findall(r"<link[^>]+rel=\"(?:stylesheet|preconnect|icon)\"[^>]+https?:", html)
        assert fetched == [], page
    assert "learn" in (tmp_path / "site" / "api.html").read_text(encoding="utf-8")


def test_every_page_has_its_place() -> None:
    places = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in places
