"""A session's memory does not grow with its rounds, and nothing is left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")
def test_after_many_rounds_as_much_is_held_as_after_five(tmp_path):
    found = tmp_path / "found.json"
    shape = ["--rounds", "40", "--frames", "2", "--slices", "4", "--size", "64"]
    subprocess.run([sys.executable, str(BENCHMARK), *shape, "--json", str(found)], check=True)
    measured = json.loads(found.read_text())
    assert measured["ratio"] < 1.05
    del measured["left_behind"]["shared"], measured["left_behind"]["temporary"]  # other processes'
    assert not any(measured["left_behind"].values())
