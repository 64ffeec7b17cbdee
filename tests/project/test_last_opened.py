"""What was opened last: newest first, few, and no damage costs more than its own line."""

from pathlib import Path

import pytest

from napari_cardiac_ssl.project import forget_opened, last_opened, note_opened
from napari_cardiac_ssl.project.last_opened import MOST


def names():
    return [path.name for path in last_opened()]


def test_newest_first_once_each_and_no_more_than_some():
    assert last_opened() == ()
    for number in range(MOST + 3):
        note_opened(Path(f"/data/p{number}"))
    note_opened(Path("/data/p5"))
    assert names() == ["p5", *(f"p{n}" for n in range(MOST + 2, 2, -1) if n != 5)][:MOST]
    forget_opened()
    assert last_opened() == ()
    forget_opened()


def test_a_relative_path_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    note_opened(Path("p1.nii.gz"))
    assert last_opened() == (tmp_path / "p1.nii.gz",)


@pytest.mark.parametrize("name", ["two\nlines", "ä & ö", "\udcff"])
def test_any_name_comes_back(name):
    note_opened(Path("/data") / name)
    assert last_opened() == (Path("/data") / name,)


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b'"/data/half', b"17\n", b"[]\n\n", b"\x00" * 9])
def test_a_damaged_line_costs_no_other(home, damage):
    note_opened(Path("/data/p1"))
    note_opened(Path("/data/p2"))
    [file] = home.iterdir()
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + damage.rstrip(b"\n") + b"\n" + second)
    assert names() == ["p2", "p1"]
    note_opened(Path("/data/p3"))
    assert names() == ["p3", "p2", "p1"]


def test_what_cannot_be_written_is_not_remembered(home):
    (home / "last-opened.txt").mkdir()
    note_opened(Path("/data/p1"))
    assert last_opened() == ()
    forget_opened()
