"""Tables for people: on a terminal, and where there is none."""

import io

import pytest

from napari_cardiac_ssl.cli.console import Column, say_scores, say_table

ROWS = [
    {"file": "a.nii", "frame": 0, "structure": "LV cavity", "dice": 0.91234, "hd95_mm": 2.0},
    {"file": "a.nii", "frame": 10, "structure": "mean", "dice": float("nan"), "absent_in": "both"},
]


def test_a_table_is_plain_lines_where_there_is_no_terminal(capsys) -> None:
    say_scores(ROWS)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == [
        *("file", "frame", "structure", "Dice", "HD95", "mm", "mean", "dist.", "mm"),
        *("volume", "ml", "reference", "ml"),
    ]
    assert first == f"a.nii     0 LV cavity      {0.912:13.3f} {2:13.3f}" + 3 * f" {'-':>13}"
    assert second.endswith("-  absent in both")


@pytest.mark.parametrize("width", [60, 120, 200])
def test_no_number_is_cut_on_a_narrow_terminal(monkeypatch, width: int) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    say_scores(ROWS)
    said = terminal.getvalue()
    assert "…" not in said
    assert {"0.912", "2.000", "both"} <= set(said.split())
    assert ("─" in said) == (width > 60)  # else plain lines


def test_names_are_no_markup(monkeypatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    say_table([Column("file", right=False)], [["[red]p1"]])
    assert "[red]p1" in terminal.getvalue()
