import csv
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pydicom
import pytest

from napari_cardiac_ssl.cohort import run_cohort
from napari_cardiac_ssl.cohort.finding import Listed
from napari_cardiac_ssl.cohort.run import _to_do
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.synthetic import make_study

#: A run in a process of its own, which may be killed. What a study takes is put off by a moment.
RUN = """
import sys, time
from pathlib import Path
from napari_cardiac_ssl.cohort import run_cohort, work
from napari_cardiac_ssl.cohort.work import Recipe

if __name__ == "__main__":
    studies, out, model, scheduler = sys.argv[1:]
    recipe = Recipe(Path(model).read_bytes(), "a model", None, Path(out))
    run_cohort(
        [Path(studies)], recipe, scheduler=scheduler or None, resume=True,
        report=lambda row: print(row["study"], flush=True),
    )
"""


def rows_of(out):
    with open(out / "cohort.csv", newline="") as file:
        return list(csv.DictReader(file))


def numbers_of(out):
    """What does not depend on where and when it ran."""
    leave = {"seconds", "source"}
    rows = [{k: v for k, v in row.items() if k not in leave} for row in rows_of(out)]
    return sorted(rows, key=lambda row: row["study"])


@pytest.fixture
def studies(tmp_path, make_studies):
    """Six studies, of which one is damaged and one is empty."""
    folder = make_studies(tmp_path / "studies", 5)
    damaged = folder / "p003" / "p003_sax.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:900])
    (folder / "p005").mkdir()
    return folder


def test_the_table_and_the_reports_say_where_papillary_muscles_are(tmp_path, make_studies, recipe):
    folder = make_studies(tmp_path / "studies", 1)
    points = {"rv_anterior": [0.0, 20.0, 0.0], "rv_inferior": [0.0, -20.0, 0.0]}
    run_cohort([folder], replace(recipe, papillary="mass", landmarks={"p000": points}))
    [row] = rows_of(recipe.out)
    assert (row["status"], row["papillary"]) == ("done", "mass")
    page = (recipe.out / "p000" / "report.html").read_text(encoding="utf-8")
    assert "counted as myocardium (not told from blood on" in page  # the model sees no muscle


def test_each_study_is_a_row_with_its_mask_and_report(studies, recipe):
    seen = []
    run_cohort([studies], recipe, report=lambda row: seen.append(row["study"]))
    rows = {row["study"]: row for row in rows_of(recipe.out)}
    assert seen == list(rows) == [f"p00{n}" for n in range(6)]
    for name in ("p000", "p001", "p002", "p004"):
        assert rows[name]["status"] == "done"
        assert float(rows[name]["lv_edv_ml"]) > 0
        folder = sorted(path.name for path in (recipe.out / name).iterdir())
        assert folder == [f"{name}_sax_seg.nii.gz", "report.html"]
        assert "Unreviewed" in (recipe.out / name / "report.html").read_text()
    assert "truncated" in rows["p003"]["reason"]
    assert "no NIfTI image" in rows["p005"]["reason"]
    assert not (recipe.out / "p003").exists()
    page = (recipe.out / "index.html").read_text()
    assert page.index("truncated") < page.index("p000/report.html")
    assert "4 done, 2 failed" in page
    assert "Unreviewed" in page


def test_a_folder_with_something_in_it_is_not_written_to_unasked(studies, recipe):
    recipe.out.mkdir()
    (recipe.out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        run_cohort([studies], recipe)
    assert [path.name for path in recipe.out.iterdir()] == ["mine.txt"]


def test_what_is_done_is_not_done_again_and_what_failed_is(studies, recipe, make_studies):
    run_cohort([studies], recipe)
    again = []
    good = (studies / "p000" / "p000_sax.nii.gz").read_bytes()
    (studies / "p003" / "p003_sax.nii.gz").write_bytes(good)
    run_cohort([studies], recipe, resume=True, report=lambda row: again.append(row["study"]))
    assert again == ["p003", "p005"]
    assert Counter(row["status"] for row in rows_of(recipe.out)) == {"done": 5, "failed": 1}


def test_names_that_collide_are_kept_apart(tmp_path):
    found = [Listed(tmp_path / place, "p/1") for place in "abc"] + [Listed(tmp_path / "a", "p/1")]
    done = [{"study": "p_1", "source": str(tmp_path / "b")}]
    assert [study.name for study in _to_do(iter(found), done)] == ["p_1-2", "p_1-3"]


def test_workers_come_to_the_same_numbers(studies, recipe, tmp_path):
    from dataclasses import replace

    run_cohort([studies], recipe)
    spread = replace(recipe, out=tmp_path / "spread")
    run_cohort([studies], spread, scheduler="local:2")
    assert numbers_of(spread.out) == numbers_of(recipe.out)
    for name in ("p000", "p004"):
        mask = f"{name}/{name}_sax_seg.nii.gz"
        assert (spread.out / mask).read_bytes() == (recipe.out / mask).read_bytes()


@pytest.mark.parametrize("scheduler", ["local:0", "local:many", "tcp://127.0.0.1:1"])
def test_a_scheduler_that_is_none_is_refused(studies, recipe, scheduler):
    with pytest.raises(InputError, match="--scheduler"):
        run_cohort([studies], recipe, scheduler=scheduler)


def start(studies, out, model_file, scheduler=""):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(studies), str(out), str(model_file), scheduler],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_killed_at_any_moment_nothing_is_done_twice_and_nothing_is_lost(
    tmp_path, model, make_studies
):
    studies, out = make_studies(tmp_path / "studies", 8), tmp_path / "out"
    model_file = tmp_path / "model"
    model_file.write_bytes(model)
    done = []
    for stop_after in (1, 2, 3):
        with start(studies, out, model_file) as process:
            done += [process.stdout.readline().strip() for _ in range(stop_after)]
            os.killpg(process.pid, signal.SIGKILL)
            done += process.stdout.read().split()
    with start(studies, out, model_file) as process:
        done += process.communicate()[0].split()
    assert process.returncode == 0
    rows = rows_of(out)
    assert sorted(row["study"] for row in rows) == [f"p00{n}" for n in range(8)]
    assert {row["status"] for row in rows} == {"done"}
    assert max(Counter(done).values()) == 1
    assert {path.name for path in out.iterdir() if path.is_dir() and path.name[0] != "."} == {
        f"p00{n}" for n in range(8)
    }


def test_a_worker_that_is_killed_loses_nothing(tmp_path, model, make_studies):
    import psutil

    studies, out = make_studies(tmp_path / "studies", 12), tmp_path / "out"
    model_file = tmp_path / "model"
    model_file.write_bytes(model)
    with start(studies, out, model_file, "local:2") as process:
        process.stdout.readline()
        workers = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if "spawn_main" in " ".join(child.cmdline())
        ]
        workers[0].kill()
        process.communicate()
    assert process.returncode == 0
    rows = rows_of(out)
    assert sorted(row["study"] for row in rows) == [f"p{n:03}" for n in range(12)]
    assert {row["status"] for row in rows} == {"done"}


def test_indexed_values_are_by_the_study_s_own_height_and_weight(recipe, write_dicom, tmp_path):
    heart = make_study(1, frames=2, slices=3, size=48, lax=False).study
    for name, size in (("known", "1.8"), ("wrong", "180")):
        for file in write_dicom(heart, tmp_path / "studies" / name).iterdir():
            ds = pydicom.dcmread(file)
            ds.PatientSize, ds.PatientWeight, ds.PatientSex = size, "80", "M"
            ds.save_as(file)
    run_cohort([tmp_path / "studies"], recipe)
    known, wrong = sorted(rows_of(recipe.out), key=lambda row: row["study"])
    assert float(known["body_surface_m2"]) == 2
    assert float(known["lv_edvi_ml_per_m2"]) == pytest.approx(float(known["lv_edv_ml"]) / 2, 1e-3)
    assert (wrong["status"], wrong["body_surface_m2"], wrong["lv_edvi_ml_per_m2"]) == (
        "done",
        "",
        "",
    )
    pages = [(recipe.out / name / "report.html").read_text("utf-8") for name in ("known", "wrong")]
    assert "Height, weight and sex are those in the headers of the images." in pages[0]
    assert "The sex is that in the headers of the images." in pages[1]
