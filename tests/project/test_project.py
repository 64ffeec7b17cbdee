"""The project file: what is committed is there again, and what is not ours is refused."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.annotations import SliceContent, Step, pack
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.project import LockedError, Project, models, project, schema
from napari_cardiac_ssl.project.syncing import Syncing
from napari_cardiac_ssl.study import NiftiSource, Stack

from .conftest import DIGEST, EMPTY, STACK, A, B, content, model, reopened, stroke

PARTS = 3 * models.PART_BYTES + 5


def test_a_step_is_there_again(kept):
    kept.add_step(DIGEST, stroke())
    number = kept.add_step(DIGEST, Step("refresh", {}, (None, "m1")))
    kept.extend_step(number, DIGEST, {B: (EMPTY, content(2))})
    kept = reopened(kept)
    assert kept.contents(DIGEST) == {A: content(1), B: content(2)}
    assert kept.undoable(DIGEST) == (number - 1, "stroke")  # a refresh is no expert's step
    assert kept.step(number) == Step("refresh", {B: (EMPTY, content(2))}, (None, "m1"))
    kept.move(DIGEST, number - 1, undone=True, contents={A: EMPTY})
    kept = reopened(kept)
    assert kept.contents(DIGEST)[A] == EMPTY
    assert kept.undoable(DIGEST) is None
    assert kept.redoable(DIGEST) == (number - 1, "stroke")
    kept.add_step(DIGEST, Step("refresh", {}))
    assert kept.redoable(DIGEST) == (number - 1, "stroke")
    kept.add_step(DIGEST, stroke(3))
    assert kept.redoable(DIGEST) is None
    kept.close()


def test_stacks_are_known_by_digest_and_found_beside_the_project(kept, path):
    kept.keep_stack(replace(STACK, source=NiftiSource(path.parent / "elsewhere" / "heart.nii.gz")))
    other = Stack(np.zeros((2, 1, 4, 4)), np.eye(4), view=View.LAX_4CH, name="long")
    kept.keep_stack(other)
    newest, first = reopened(kept).stacks
    assert (newest.digest, newest.view, newest.shape) == (other.digest, "LAX_4CH", (2, 1, 4, 4))
    assert newest.places == ()
    assert first.name == "heart"
    assert [place.parent.name for place in first.places] == [
        "elsewhere",
        path.parent.name,
        "elsewhere",
    ]


def test_how_it_was_looked_at_and_what_happened(kept):
    assert kept.look(DIGEST) == {}
    kept.remember_look(DIGEST, {"t": 1})
    kept.note("trained", {"loss": [2.0, 1.0]}, DIGEST)
    kept.note("trained", {"loss": [0.5]})
    kept = reopened(kept)
    assert kept.look(DIGEST) == {"t": 1}
    assert kept.notes("trained") == ({"loss": [2.0, 1.0]}, {"loss": [0.5]})
    assert kept.notes("trained", DIGEST) == ({"loss": [2.0, 1.0]},)
    kept.close()


def test_models_are_written_in_parts(kept):
    kept.add_step(DIGEST, Step("refresh", {}, (None, "m1")))
    kept.models.keep(model(size=PARTS), View.SAX, None)
    for _ in range(3):
        kept.retry()  # a row and two of four parts
    assert kept._journal.one("SELECT count(*) FROM parts")[0] == 2
    kept.models.set_present(View.SAX, "m1")
    kept = reopened(kept)
    assert kept.models.present(View.SAX) == "m1"
    assert kept.models.present(View.LAX_4CH) is None
    assert kept.models.get("m1") == model(size=PARTS)
    kept.models.set_present(View.SAX, None)
    assert kept.models.present(View.SAX) is None
    assert kept.models.is_kept("m1")
    kept.close()


def test_of_old_models_only_what_they_were_is_kept(kept):
    names = [f"m{i}" for i in range(models.MOST_MODELS + 4)]
    for before, name in zip([None, *names], names, strict=False):
        kept.models.keep(model(f"failed after {before}", 10), View.SAX, before)
        kept.models.keep(model(name, 10), View.SAX, before)
        kept.add_step(DIGEST, Step("refresh", {}, (before, name)))
        kept.models.set_present(View.SAX, name)
    still = [name for name in names if kept.models.is_kept(name)]
    assert still == names[-models.MOST_MODELS - 1 :]
    assert not kept.models.is_kept(f"failed after {names[-2]}")
    assert kept.models.previous(names[1]) == names[0]
    with pytest.raises(InputError, match="not kept any more"):
        kept.models.get(names[0])


def test_old_steps_are_forgotten(kept, monkeypatch):
    monkeypatch.setattr(project, "MOST_STEPS", 3)
    for code in range(6):
        number = kept.add_step(DIGEST, stroke(code % 4))
    assert kept._journal.one("SELECT min(id), max(id) FROM steps") == (number - 2, number)
    assert kept._journal.one("SELECT count(*) FROM changes")[0] == 3
    monkeypatch.setattr(project, "MOST_BYTES", 1)
    number = kept.add_step(DIGEST, stroke(1))
    assert kept._journal.one("SELECT min(id) FROM steps")[0] == number
    assert kept.contents(DIGEST)[A] == content(1)


def test_a_file_of_the_layout_before_is_brought_up_to_date(path):
    old = sqlite3.connect(path, isolation_level=None)
    schema.migrate(old, upto=1)
    old.execute(
        "INSERT INTO stacks(digest, name, view, frames, slices, height, width, opened) "
        "VALUES (?, 'heart', 'SAX', 1, 2, 4, 4, '2026')",
        (DIGEST,),
    )
    old.execute(
        "INSERT INTO slices VALUES (1, 0, 0, 'expert', 'reader', '2026', NULL, 'drawn', ?)",
        (content(2).mask,),
    )
    old.close()
    kept = Project.open(path)
    assert kept.contents(DIGEST)[A].mask == content(2).mask
    kept.add_step(DIGEST, stroke())
    assert kept.undoable(DIGEST)[1] == "stroke"
    assert kept._journal.one("PRAGMA user_version")[0] == len(schema.MIGRATIONS)
    kept.close()


def test_one_writes_and_others_read(kept, path):
    kept.add_step(DIGEST, stroke())
    with pytest.raises(LockedError, match=rf"is open already \(process {os.getpid()} on .*to read"):
        Project.open(path)
    reader = Project.open(path, read_only=True)
    assert reader.contents(DIGEST) == {A: content(1)}
    kept.add_step(DIGEST, stroke(2))
    assert reader.contents(DIGEST) == {A: content(2)}
    with pytest.raises(InputError, match="was opened to read; save it under another name"):
        reader.add_step(DIGEST, stroke())
    reader.close()
    kept.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    kept.close()
    Project.open(path).close()


def test_the_lock_of_the_dead_is_taken_over(path):
    Project.create(path).close()
    code = (
        "import sys, pathlib; from napari_cardiac_ssl.project import Project;"
        "p = Project.open(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(LockedError, match=f"process {other.pid}"):
            Project.open(path)
        other.send_signal(signal.SIGKILL)
    Project.open(path).close()


def test_saving_under_another_name(kept, tmp_path):
    kept.add_step(DIGEST, stroke())
    kept.models.keep(model(), View.SAX, None)
    target = tmp_path / "new" / "named.cardiac"
    named = kept.save_as(target)
    assert named.contents(DIGEST) == {A: content(1)}
    assert named.models.get("m1") == model()
    with pytest.raises(LockedError):
        kept.save_as(target)
    named.close()
    kept.add_step(DIGEST, stroke(3))
    named = kept.save_as(target)  # replaces
    assert named.contents(DIGEST) == {A: content(3)}
    assert named.undoable(DIGEST)[1] == "stroke"
    assert kept.save_as(kept.path) is kept
    named.close()


def test_in_memory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = Project.in_memory()
    kept.keep_stack(STACK)
    kept.add_step(DIGEST, stroke())
    assert kept.contents(DIGEST) == {A: content(1)}
    named = kept.save_as(tmp_path / "named.cardiac")
    assert named.contents(DIGEST) == {A: content(1)}
    kept.close()
    named.close()
    assert [file.name for file in tmp_path.iterdir()] == ["named.cardiac"]


def test_the_project_that_is_kept_by_itself(home):
    kept = Project.automatic(DIGEST)
    assert kept.is_automatic
    path = kept.path
    assert path.is_relative_to(home)
    kept.keep_stack(STACK)
    kept.close()
    assert not path.exists()  # nothing was done
    kept = Project.automatic(DIGEST)
    kept.keep_stack(STACK)
    kept.add_step(DIGEST, stroke())
    kept.close()
    kept = Project.automatic(DIGEST)
    assert kept.contents(DIGEST) == {A: content(1)}
    kept.close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
    kept = Project.automatic(DIGEST)  # damaged: put aside, not deleted
    assert kept.stacks == ()
    assert any(".damaged-" in file.name for file in path.parent.iterdir())
    kept.close()


# -- a disk that fills up ------------------------------------------------------------------


def test_a_full_disk_is_said_and_all_is_written_when_there_is_room(kept, path):
    kept.add_step(DIGEST, stroke())
    (pages,) = kept._journal.one("PRAGMA page_count")
    kept._journal.db.execute(f"PRAGMA max_page_count={pages}")
    noise = np.random.default_rng(0).integers(0, 4, (4, 4, 256, 256), np.uint8)
    large = [SliceContent(content().record, pack(part)) for part in noise[0]]
    last = content(1)
    for new in large:
        kept.add_step(DIGEST, Step("stroke", {A: (last, new)}))
        last = new
    assert "full" in kept.trouble
    assert kept.undoable(DIGEST) is None  # not before it is saved
    kept._journal.db.execute("PRAGMA max_page_count=1000000")
    kept._journal._next_try = 0.0
    kept.retry()
    assert kept.trouble is None
    kept = reopened(kept)
    assert kept.contents(DIGEST) == {A: last}
    assert kept._journal.one("SELECT count(*) FROM steps")[0] == 5
    kept.close()


def test_a_model_that_comes_while_the_disk_is_full_is_whole_when_there_is_room(kept):
    (pages,) = kept._journal.one("PRAGMA page_count")
    kept._journal.db.execute(f"PRAGMA max_page_count={pages}")
    kept.models.keep(model(size=PARTS), View.SAX, None)
    kept.add_step(DIGEST, Step("refresh", {}, (None, "m1")))
    kept.models.set_present(View.SAX, "m1")
    assert "full" in kept.trouble
    kept._journal.db.execute("PRAGMA max_page_count=1000000")
    kept._journal._next_try = 0.0
    kept.retry()
    assert kept.trouble is None
    kept = reopened(kept)
    assert kept.models.present(View.SAX) == "m1"
    assert kept.models.get("m1") == model(size=PARTS)
    kept.close()


def test_a_file_that_is_removed_while_it_is_open_is_said_to_be(kept, tmp_path):
    kept.add_step(DIGEST, stroke())
    kept.path.rename(tmp_path / "elsewhere.cardiac")
    kept.retry()
    assert "was moved or removed: save under another name" in kept.trouble
    kept.add_step(DIGEST, stroke(2))
    kept.retry()
    assert "was moved or removed" in kept.trouble
    named = kept.save_as(tmp_path / "named.cardiac")
    assert named.contents(DIGEST) == {A: content(2)}
    named.close()
    (tmp_path / "elsewhere.cardiac").rename(kept.path)


def test_bringing_it_to_the_disk_makes_no_file_anew(tmp_path):
    syncing = Syncing(tmp_path / "moved.cardiac")
    syncing.want()
    deadline = time.monotonic() + 60
    while syncing.error is None and time.monotonic() < deadline:
        time.sleep(0.01)
    syncing.close()
    assert syncing.error
    assert not list(tmp_path.iterdir())


# -- files from elsewhere ------------------------------------------------------------------


def test_what_is_no_project_is_refused(path, tmp_path):
    for data in (b"", b"x" * 500, b"SQLite format 3\0" + bytes(200)):
        path.write_bytes(data)
        with pytest.raises(InputError, match="is not a project of Cardiac SSL"):
            Project.open(path)
    with pytest.raises(InputError, match="cannot open"):
        Project.open(tmp_path / "missing.cardiac")
    with pytest.raises(InputError, match="is there already"):
        Project.create(path)


def damaged(kept, statement, values=()):
    path = kept.path
    kept.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, values)
    connection.close()
    return path


def test_a_newer_layout_is_told(kept):
    path = damaged(kept, "PRAGMA user_version=99")
    with pytest.raises(InputError, match="layout 99, this version knows 1 to"):
        Project.open(path)


def test_what_would_run_is_refused(kept):
    path = damaged(kept, "CREATE TRIGGER evil AFTER INSERT ON slices BEGIN DELETE FROM steps; END")
    with pytest.raises(InputError, match="'evil', which no project does"):
        Project.open(path)


def test_damage_is_found_when_it_is_opened(kept):
    kept.models.keep(model(size=PARTS), View.SAX, None)
    kept.add_step(DIGEST, stroke())
    path = kept.path
    kept.close()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        data = bytearray(whole)
        start = int(rng.integers(0, len(data) - 4096))
        data[start : start + 4096] = rng.bytes(4096)
        path.write_bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])
        try:
            Project.open(path).close()
        except InputError:
            found += 1
    assert found > 30  # noise within a model's bytes is the model's own digest's to find
    path.write_bytes(whole)
    Project.open(path).close()


@pytest.mark.parametrize(
    ("statement", "look"),
    [
        ("UPDATE slices SET state='evil'", lambda kept: kept.contents(DIGEST)),
        ("UPDATE stacks SET view='evil'", lambda kept: kept.stacks),
        ("UPDATE stacks SET look='[1]'", lambda kept: kept.look(DIGEST)),
        ('UPDATE changes SET before=\'{"state": "expert", "evil": 1}\'', lambda k: k.step(1)),
        ("UPDATE changes SET before='{}'", lambda kept: kept.step(1)),
    ],
)
def test_words_that_no_project_holds_are_told(kept, statement, look):
    kept.add_step(DIGEST, stroke())
    kept = Project.open(damaged(kept, statement))
    with pytest.raises(InputError, match="the project holds"):
        look(kept)
    kept.close()
