import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable, replacing


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.csv"
    for text in ("first", "second"):
        with replacing(target) as beside:
            beside.write_text(text)
            assert beside.parent == target.parent
            assert beside.name.startswith(".")
            assert beside.suffix == ".csv"
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError("crash"), KeyboardInterrupt()])
def test_a_crash_leaves_the_old_one(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")

    def crash() -> None:
        with replacing(target) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(type(error)):
        crash()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_no_room_is_said_in_one_line(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"

    def fill() -> None:
        with replacing(target) as beside:
            beside.write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match="No space left on device; nothing was changed") as caught:
        fill()
    assert str(target) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_is_full(full_disk: Path) -> None:
    target = full_disk / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="No space left on device"), replacing(target) as beside:
        beside.write_bytes(bytes(1_000_000))
    assert target.read_bytes() == b"old"
    assert list(full_disk.iterdir()) == [target]


def test_places_that_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for target in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(InputError, match="cannot write"), replacing(target) as beside:
            beside.write_text("never")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_another_file_s_error_is_not_blamed_on_the_target(tmp_path: Path) -> None:
    missing = tmp_path / "elsewhere" / "input.csv"
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.csv") as beside:
        beside.write_text(missing.read_text())
    assert not list(tmp_path.iterdir())


def test_trying_to_write_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deeper" / "a.csv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.csv").write_text("kept")
    check_writable(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "kept"
    with pytest.raises(InputError, match="is a folder; name a file"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="Not a directory; choose another place"):
        check_writable(tmp_path / "a.csv" / "b.csv")
