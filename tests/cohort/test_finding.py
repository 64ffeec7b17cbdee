import pytest

from napari_cardiac_ssl.cohort.finding import listed
from napari_cardiac_ssl.errors import InputError


def names(*sources):
    return [study.name for study in listed(sources)]


def test_a_folder_of_studies(tmp_path, make_studies):
    folder = make_studies(tmp_path / "all", 3)
    (folder / ".hidden").mkdir()
    (folder / "notes.txt").write_text("no study")
    (folder / "p001" / "p001_sax_gt.nii.gz").write_bytes(b"a mask is no image")
    assert names(folder) == ["p000", "p001", "p002"]
    assert names(folder / "p001") == ["p001"]
    assert names(folder / "p002" / "p002_sax.nii.gz") == ["p002_sax"]


def test_a_folder_with_images_of_one_person_is_one_study(tmp_path, make_studies):
    folder = make_studies(tmp_path, 1) / "p000"
    for other in ("p000_2ch.nii.gz", "la_4ch.nii.gz"):
        (folder / other).touch()
    assert names(folder) == ["p000"]


def test_a_folder_with_short_axes_of_several_people_is_a_study_each(tmp_path, make_studies):
    folder = make_studies(tmp_path, 2)
    for n in (0, 1):
        (folder / f"p00{n}" / f"p00{n}_sax.nii.gz").rename(folder / f"p00{n}_sax.nii.gz")
        (folder / f"p00{n}").rmdir()
    assert names(folder) == ["p000_sax", "p001_sax"]


def test_a_list_names_studies_from_its_own_folder(tmp_path, make_studies):
    make_studies(tmp_path / "all", 2)
    table = tmp_path / "list.csv"
    table.write_text("name,study\nfirst,all/p000\n,all/p001\n,\n", encoding="utf-8-sig")
    found = list(listed([table]))
    assert [study.name for study in found] == ["first", "p001"]
    assert all(study.path.is_dir() for study in found)


def test_a_list_is_pulled_and_not_held(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("study\n" + "p\n" * 100_000)
    studies = listed([table])
    assert next(studies).name == "p"


@pytest.mark.parametrize(
    ("text", "said"), [("path\na\n", "its columns are path"), ("", "its columns are none")]
)
def test_a_list_without_the_column_is_refused(tmp_path, text, said):
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=said):
        list(listed([table]))


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(listed([tmp_path / "nowhere"]))
