"""What a study holds is told in few lines, however many series there are."""

from pathlib import Path

from napari_cardiac_ssl.cli.listing import few, series_lines


def part(**values: object) -> dict[str, object]:
    plain = {
        "uids": ["1.2"], "view": "SAX", "contrast": "", "frames": 1, "slices": 1, "rows": 256,
        "columns": 256, "spacing_mm": [8.0, 1.25, 1.25], "frame_interval_s": None,
        "data_type": "int16", "remarks": [],
    }  # fmt: skip
    return {**plain, **values}


def test_what_is_alike_is_counted() -> None:
    series = [part(uids=[f"1.{i}"], remarks=["turned"]) for i in range(240)]
    lines = list(series_lines([part(frames=25, slices=9), *series]))
    assert len(lines) == 3
    assert "SAX      from 1 series: 9 slices of 256 x 256, 25 frames" in lines[0]
    assert "240 × SAX      from 240 series: 1 slice of 256 x 256, 1 frame" in lines[1]
    assert lines[2].strip() == "turned"


def test_many_kinds_are_cut_short() -> None:
    lines = list(series_lines([part(rows=100 + i, contrast="tagged") for i in range(40)]))
    assert len(lines) == 13
    assert "SAX (tagged) from 1 series" in lines[0]
    assert "28 more series; --json lists them all" in lines[-1]
    notes = list(few([f"note {i}" for i in range(30)], "notes"))
    assert len(notes) == 13
    assert notes[-1].startswith("and 18 more notes")


def test_files_are_named() -> None:
    file = str(Path("folder") / "a_sax.nii.gz")
    nifti = {key: value for key, value in part(file=file).items() if key != "uids"}
    assert "a_sax.nii.gz: 1 slice" in next(iter(series_lines([nifti])))
    assert len(list(series_lines([nifti, nifti]))) == 1
