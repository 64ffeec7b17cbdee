"""Tables of measurements."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import AnatomyWarning, Check, Measured, Measures
from napari_cardiac_ssl.writers.measurements import Measurement, slice_rows, write_measurements

DOUBT = AnatomyWarning(Check.GAP, 0, 2, None, 1.0, "slices", "no LV, but above")


def test_a_table_says_the_same_as_csv_and_as_json(tmp_path: Path) -> None:
    hearts = [
        Measurement("a", Measures(lv_edv_ml=150.0, lv_esv_ml=60.0), [("a", DOUBT)]),
        Measurement("b", Measures(), (), {"method": "by eye"}),
    ]
    with open(write_measurements(tmp_path / "t.csv", hearts), newline="") as file:
        cells = list(csv.DictReader(file))
    rows = json.loads(write_measurements(tmp_path / "t.json", hearts).read_text())
    assert [row["lv_ef_percent"] for row in rows] == [60.0, None]
    assert [row["lv_ef_percent"] for row in cells] == ["60", ""]
    assert [row["method"] for row in cells] == ["discs", "by eye"]
    assert (cells[0]["warnings"], cells[0]["look_again"]) == (
        "1",
        "a: frame 0, slice 2: no LV, but above",
    )
    [doubt] = rows[0]["warnings"]
    assert (doubt["file"], doubt["check"], doubt["z"]) == ("a", "gap between slices", 2)
    assert list(cells[0])[:-2] == list(rows[0])[:-1]


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in .csv or .json"):
        write_measurements(tmp_path / "t.xlsx", [Measurement("a", Measures())])
    assert not list(tmp_path.iterdir())


def test_areas_name_the_states_and_the_atria() -> None:
    labels = np.zeros((1, 2, 4, 4), np.uint8)
    labels[0, 1, 0, :3] = 4
    measured = Measured(labels, np.eye(4))
    first, second = slice_rows("a", measured, lambda i: SliceState("expert" if i.z else "editing"))
    assert (first["state"], second["state"]) == ("editing", "expert")
    assert (first["left_atrium_mm2"], second["left_atrium_mm2"]) == (0.0, 3.0)
    assert "right_atrium_mm2" not in first
    assert "state" not in slice_rows("a", measured)[0]
    assert measured.basis(0).labelled == (1,)
