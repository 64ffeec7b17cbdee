"""Who may import whom, what a start may load, and what napari is told."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_cardiac_ssl

PACKAGE = Path(napari_cardiac_ssl.__file__).parent
ROOT = PACKAGE.parent
IS_CHECKOUT = (ROOT / ".git").exists()
HEAVY = ("torch", "napari", "qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "magicgui", "vispy")

MANIFEST = PluginManifest.from_file(PACKAGE / "napari.yaml")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_imports_go_one_way():
    result = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "start",
    [
        "import napari_cardiac_ssl",
        "import runpy; sys.argv = ['cardiac-ssl', '--help'];"
        "runpy.run_module('napari_cardiac_ssl.cli', run_name='__main__')",
    ],
    ids=["package", "help"],
)
def test_start_loads_neither_torch_nor_qt(start):
    said_at_exit = (
        "import atexit, sys;"
        f"atexit.register(lambda: print('loaded:', *(set({HEAVY!r}) & set(sys.modules))));"
    )
    result = run("-c", said_at_exit + start)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split() == ["loaded:"]


def test_manifest_is_found_by_its_entry_point():
    assert PluginManifest.from_distribution("napari-cardiac-ssl").name == "napari-cardiac-ssl"
    assert MANIFEST.display_name == "Cardiac SSL"
    contributions = MANIFEST.contributions
    assert contributions.readers
    assert contributions.writers
    assert contributions.widgets
    assert contributions.sample_data


@pytest.mark.parametrize("command", MANIFEST.contributions.commands, ids=lambda c: c.id)
def test_manifest_names_what_exists(command):
    module, name = command.python_name.split(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.skipif(not IS_CHECKOUT, reason="only a checkout has the project's root")
def test_manifest_at_the_root_is_the_package_s():
    link = ROOT / "napari.yaml"
    assert link.is_symlink()
    assert link.resolve() == (PACKAGE / "napari.yaml").resolve()


@pytest.mark.skipif(not IS_CHECKOUT, reason="only a checkout has tracked files")
def test_no_tracked_file_names_a_machine():
    # Written in halves: this file is tracked as well.
    machine = re.compile("|".join([
        r"(?<![\w.])/(?:ro" r"ot|ho" r"me/\w+|Us" r"ers/\w+|wo" r"rk|op" r"t/pypi|mn" r"t)/",
        r"[A-Z]:\\\\?Us" r"ers",
        r"--(?:extra-)?index" r"-url",
        r"\b(?:pypi\.o" r"rg|pythonh" r"osted|download\.pyt" r"orch)\b",
        r"\bfile:" r"//",
    ]))  # fmt: skip
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or weights
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if machine.search(line)
        ]
    assert not found


def private_accesses(path: Path) -> list[str]:
    """Return where a file reaches into what is not its own."""
    own = {"self", "cls"}
    return [
        f"{path.name}:{node.lineno} .{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in own)
    ]


def test_window_uses_no_private_attribute_of_napari():
    found = [
        one for path in sorted((PACKAGE / "gui").rglob("*.py")) for one in private_accesses(path)
    ]
    assert found == []


def test_private_accesses_are_seen(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("viewer.window._qt_window.show(); self._mine = self.__class__\n")
    assert private_accesses(path) == ["example.py:1 ._qt_window"]


def test_npe2_finds_the_manifest_valid():
    result = run("-m", "npe2", "validate", str(PACKAGE / "napari.yaml"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "valid" in (result.stdout + result.stderr).lower()
