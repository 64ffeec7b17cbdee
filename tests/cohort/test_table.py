import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.cohort.table import COLUMNS, Table
from napari_cardiac_ssl.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@pytest.fixture
def table(tmp_path):
    table = Table(tmp_path / "cohort.csv")
    table.begin()
    return table


def test_the_columns_are_those_of_the_command_line():
    assert COLUMNS[:4] == ("study", "status", "reason", "seconds")
    assert COLUMNS[4:8] == ("file", "ed_frame", "es_frame", "lv_edv_ml")
    assert COLUMNS[-1] == "source"


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), st.integers(0, 10_000))
def test_a_table_cut_anywhere_keeps_whole_rows(tmp_path_factory, rows, cut):
    table = Table(tmp_path_factory.mktemp("t") / "cohort.csv")
    table.begin()
    begun = table.path.stat().st_size
    for study, source in rows:
        table.add({"study": study, "status": "done", "source": source})
    data = table.path.read_bytes()
    cut = begun + cut % (len(data) - begun + 1)
    table.path.write_bytes(data[:cut])
    kept = table.keep("done")
    assert [(row["study"], row["source"]) for row in kept] == rows[: len(kept)]
    assert len(kept) == data[begun:cut].count(b"\n")
    table.add({"study": "next", "status": "done", "source": "s"})
    assert [row["study"] for row in table.rows()] == [r[0] for r in rows[: len(kept)]] + ["next"]


def test_rows_of_another_status_go(table):
    for name, status in (("a", "done"), ("b", "failed"), ("c", "done")):
        table.add({"study": name, "status": status, "source": name})
    assert [row["study"] for row in table.keep("done")] == ["a", "c"]
    with open(table.path, newline="") as file:
        assert [row["study"] for row in csv.DictReader(file)] == ["a", "c"]


def test_another_table_is_refused(table):
    table.path.write_text("study,EF\np1,60\n")
    with pytest.raises(InputError, match="columns are others"):
        list(table.rows())
