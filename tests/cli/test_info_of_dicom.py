"""What `info` tells of the open multi-view case."""

import json
from collections.abc import Callable
from pathlib import Path


def test_info_names_every_series_view(do: Callable[..., tuple[str, str]], real_data: Path) -> None:
    truth = json.loads((real_data / "multiview" / "truth.json").read_text())
    said = json.loads(do("info", real_data / "multiview" / "dicom", "--json")[0])
    views = {uid: series["view"] for series in said["series"] for uid in series["uids"]}
    assert views == {uid: told["view"] for uid, told in truth.items()}
    sax = next(series for series in said["series"] if series["view"] == "SAX")
    assert (len(sax["uids"]), sax["slices"], sax["frames"]) == (6, 6, 25)
    assert sax["spacing_mm"][0] == 17.7
    assert said["missing"] == []
    assert len(said["notes"]) == 2
    out, err = do("info", real_data / "multiview" / "dicom")
    assert "SAX      from 6 series: 6 slices of 208 x 256, 25 frames" in out
    assert "taken for RV_2CH" in out
    assert err == ""
