"""The page on the package index: no link of it is broken, wherever the project lives."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RELATIVE = r"\]\((?!https?:|#)[^)]*\)"


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_go_to_the_repository() -> None:
    page = hook().with_links(README, "https://example.org/us/it")
    assert re.findall(RELATIVE, page) == []
    assert "](https://example.org/us/it/raw/main/docs/images/first-guess.png)" in page
    assert "[guide](https://example.org/us/it/blob/main/docs/guide.md)" in page
    assert "[arXiv:1907.02757](https://arxiv.org/abs/1907.02757)" in page
    assert page.count("![") == README.count("![")


def test_without_a_repository_nothing_is_broken() -> None:
    page = hook().with_links(README, "")
    assert re.findall(RELATIVE, page) == []
    assert "![" not in page
    assert "The guide goes through a session" in page
    assert "| three slices labelled" not in page
    assert "[arXiv:1907.02757](https://arxiv.org/abs/1907.02757)" in page


def test_what_is_linked_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]*)[^)]*\)", README):
        assert (ROOT / target).exists(), target
