"""What leaves as files from the window: whole, where it was asked for, and said."""

import csv
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_cardiac_ssl.anatomy import ACDC, SCHEMES, UKBB, View
from napari_cardiac_ssl.gui.contributions import write_labels
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.work import Writer


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=4, slices=5, size=64)


@pytest.fixture
def window(viewer, session, made):
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    widget.studies.add(made.study)
    for index in widget.session.stack.slice_indices():
        if index.t < 3:
            widget.session.labelling.annotate(index, made.masks[View.SAX][index])
    widget.session.confirm(SliceIndex(0, 2))
    yield widget
    widget.close_session()


def tick(window, *keys):
    for key, box in window.export.parts.items():
        box.setChecked(key in keys)


def names(written):
    return [path.name.removeprefix("synthetic-0001_") for path in written]


def test_everything_of_the_short_axis(window, made, tmp_path):
    tick(window, "masks", "numbers", "provenance", "report")
    written = window.export.export(tmp_path)
    assert names(written) == [
        "sax_seg.nii.gz",
        "sax_measurements.csv",
        "sax_measurements_frames.csv",
        "sax_measurements_slices.csv",
        "sax_provenance.json",
        "sax_report.html",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    mask = np.asarray(nib.load(written[0]).dataobj).T
    assert np.array_equal(mask, window.session.annotations.labels)
    [row] = csv.DictReader(written[1].read_text().splitlines())
    heart = window.session.measurement.measured.measures(phases=window.session.measurement.phases)
    assert float(row["lv_edv_ml"]) == pytest.approx(heart.lv_edv_ml, rel=1e-3)
    said = json.loads(written[4].read_text())
    assert len(said["slices"]) == 15
    confirmed = [one for one in said["slices"] if one["state"] == "expert"]
    assert [(one["t"], one["z"], one["who"]) for one in confirmed] == [(0, 2, "reader")]
    assert said["image"]["sha256"] == window.session.stack.digest
    assert "<html" in written[5].read_text()
    assert "Written to" in window.status.text()


@pytest.mark.parametrize("which", ["phases", "view"])
def test_masks_of_some_frames_in_another_scheme(window, which, tmp_path):
    tick(window, "masks")
    window.workspace.view.go_to(SliceIndex(2, 1))
    window.export.frames.setCurrentIndex(window.export.frames.findData(which))
    window.export.schemes.setCurrentIndex(list(SCHEMES).index("acdc"))
    [path] = window.export.export(tmp_path)
    mask = np.asarray(nib.load(path).dataobj).T
    frames = set(window.session.measurement.phases) if which == "phases" else {2}
    labels = ACDC.convert(mask, UKBB)
    for t in range(4):
        expected = window.session.annotations.labels[t] if t in frames else 0
        assert np.array_equal(labels[t], np.broadcast_to(expected, labels[t].shape))


def test_own_scheme_is_typed(window, tmp_path):
    tick(window, "masks")
    window.export.schemes.setEditText("10=lv_cavity,20=myo,30=rv")
    [path] = window.export.export(tmp_path)
    assert set(np.unique(np.asarray(nib.load(path).dataobj))) == {0, 10, 20, 30}
    window.export.schemes.setEditText("10=lv_cavity,20=myo,30=")
    assert window.export.export(tmp_path / "refused") == []
    assert "label scheme" in window.status.text()


def test_what_napari_saves_tells_what_is_confirmed(window, tmp_path):
    layer = window.view.layer
    index = SliceIndex(0, 1)
    window.session.confirm(index)
    [path] = write_labels(str(tmp_path / "m.nii.gz"), *layer.as_layer_data_tuple()[:2])
    assert read_mask(path).review.states[0][1] == "c"
    layer.data = np.zeros_like(layer.data)  # nobody knows of these
    data, meta, _ = layer.as_layer_data_tuple()
    other = write_labels(str(tmp_path / "o.nii.gz"), np.ones_like(data), meta)
    assert read_mask(other[0]).review is None


def test_all_views_that_are_labelled(window, made, tmp_path):
    four = made.study.stack(View.LAX_4CH)
    window.studies.work_on(four)
    window.session.labelling.annotate(SliceIndex(0, 0), made.masks[View.LAX_4CH][0, 0])
    tick(window, "masks", "numbers")
    window.export.all_views.setChecked(True)
    written = window.export.export(tmp_path)
    assert [name for name in names(written) if "seg" in name] == [
        "sax_seg.nii.gz",
        "lax_4ch_seg.nii.gz",
    ]
    assert window.session.stack is four
    back = nib.load(next(path for path in written if "4ch" in path.name))
    assert np.allclose(back.affine, four.affine, atol=1e-5)


def test_no_file_of_any_view_is_replaced_without_asking(window, made, tmp_path):
    four = made.study.stack(View.LAX_4CH)
    window.studies.work_on(four)
    window.session.labelling.annotate(SliceIndex(0, 0), made.masks[View.LAX_4CH][0, 0])
    tick(window, "masks", "numbers")
    window.export.all_views.setChecked(True)
    first = window.export.export(tmp_path)
    for path in first:
        path.write_bytes(b"mine")
    asked = []
    assert window.export.export(tmp_path, lambda names: bool(asked.append(names))) == []
    assert set(asked[0]) == {path.name for path in first}
    assert all(path.read_bytes() == b"mine" for path in first)
    assert sorted(tmp_path.iterdir()) == sorted(first)
    assert window.export.export(tmp_path, lambda names: True) == first
    assert all(path.read_bytes() != b"mine" for path in first)


def test_model_is_offered_when_there_is_one(window):
    assert not window.export.parts["model"].isEnabled()


def test_what_cannot_be_written_is_said_and_leaves_nothing(window, tmp_path):
    tick(window, "masks")
    file = tmp_path / "file"
    file.write_text("no folder")
    assert window.export.export(file) == []
    assert "file" in notification_manager.records[-1].message
    assert list(tmp_path.iterdir()) == [file]
    for index in window.session.stack.slice_indices():
        window.session.labelling.revert(index)
    tick(window, "numbers")
    assert window.export.export(tmp_path) == []
    assert "nothing to measure" in notification_manager.records[-1].message
    assert list(tmp_path.iterdir()) == [file]


def test_a_writer_of_ones_own_is_offered(viewer, session, made, tmp_path, monkeypatch):
    def write(path, work, choice):
        path.write_text(f"{work.study} {work.stack.name} {choice.scheme.name}")
        return (path,)

    mine = Writer("mine", "Mine", "What only I need.", "_mine.txt", write)
    monkeypatch.setitem(WRITERS, "mine", mine)
    widget = CardiacWidget(viewer, session)
    widget.studies.add(made.study)
    tick(widget, "mine")
    [path] = widget.export.export(tmp_path)
    assert path.name.endswith("_mine.txt")
    assert path.read_text() == f"{made.study.name} {widget.session.stack.name} ukbb"
    widget.close_session()


@pytest.fixture
def shown(make_napari_viewer, session):
    """The widget in a window that is shown, without a study."""
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL", area="right")
    yield widget
    widget.close_session()


def test_two_patients_of_one_folder_s_name_leave_for_one_folder(
    shown, made, tmp_path, write_dicom, qtbot
):
    """Their discs look alike: each has a folder DICOM, and in it a short axis."""
    short = replace(made.study, stacks=(made.study.stack(View.SAX),))
    discs = [write_dicom(short, tmp_path / name / "DICOM") for name in ("anna", "berta")]
    widget, written = shown, []
    for number, disc in enumerate(discs):
        widget.open(disc)
        qtbot.waitUntil(lambda: not widget.opening.busy)
        widget.session.labelling.annotate(SliceIndex(0, number), made.masks[View.SAX][0, 2])
        tick(widget, "masks", "numbers")
        widget.show_tab("Export")
        written += widget.export.export(tmp_path / "out", lambda names: False)
        assert widget.export.names.text() == f"Files: {disc.parent.name}_SAX_…"
    assert sorted(path.name for path in written) == sorted(
        f"{patient}_SAX_{what}"
        for patient in ("anna", "berta")
        for what in (
            "seg.nii.gz",
            "measurements.csv",
            "measurements_frames.csv",
            "measurements_slices.csv",
        )
    )
    rows = [
        row
        for path in written
        if path.name.endswith("measurements.csv")
        for row in csv.DictReader(path.read_text().splitlines())
    ]
    assert [row["file"] for row in rows] == ["anna_SAX", "berta_SAX"]
