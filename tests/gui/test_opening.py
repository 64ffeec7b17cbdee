"""Studies come in while the window lives on: folders, files, masks, and what cannot be read."""

import threading
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEventLoop, QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.gui import contributions
from napari_cardiac_ssl.gui.opening import Opened, read
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.gui.window import docked_widget, find_widget
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask

from .conftest import ScriptedTrainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of NIfTI views with a mask beside them."""
    made = make_study(3, frames=2, slices=4, size=48)
    where = tmp_path_factory.mktemp("studies") / "p3"
    where.mkdir()
    for stack, ending in zip(made.study.stacks, ("sax", "2ch", "4ch"), strict=True):
        write_map(where / f"p3_{ending}.nii.gz", stack.image, like=stack, description="cine")
    sax = made.study.stack(View.SAX)
    write_mask(where / "p3_sax_gt.nii.gz", made.masks[View.SAX], like=sax)
    return where


@pytest.fixture
def widget(viewer, session):
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    yield widget
    widget.close_session()


def read_all(widget, qtbot, *paths):
    widget.open(*paths)
    qtbot.waitUntil(lambda: not widget.opening.busy)


def test_folder_of_views_is_read_in_the_background(widget, folder, qtbot):
    widget.open(folder)
    assert widget.opening.busy
    assert "reading p3" in widget.status.text().lower()
    qtbot.waitUntil(lambda: not widget.opening.busy)
    assert widget.session.stack.view is View.SAX
    assert {stack.view for stack in widget.session.study.current.stacks} == {
        View.SAX,
        View.LAX_2CH,
        View.LAX_4CH,
    }
    names = [widget.choice.images.itemText(i) for i in range(widget.choice.images.count())]
    assert sorted(names) == ["2CH", "4CH", "SAX"]


def test_mask_comes_as_labels_to_go_on_from(widget, folder, qtbot):
    read_all(widget, qtbot, folder / "p3_sax.nii.gz", folder / "p3_sax_gt.nii.gz")
    assert widget.session.stack.name == "p3_sax"
    assert widget.choice.starts.currentText() == "p3_sax_gt (ukbb)"
    assert "Use takes them over" in widget.status.text()
    assert widget.viewer.layers.selection.active == widget.view.layer
    widget.workspace.actions.use(widget.choice.starts.currentData())
    assert widget.session.annotations.labels.any()


def test_ed_and_es_files_are_one_patient_and_the_window_says_so(widget, tmp_path, qtbot):
    made = make_study(4, frames=2, slices=4, size=40, lax=False)
    sax = made.study.stack(View.SAX)
    for t, phase in enumerate(("ED", "ES")):
        one = replace(sax, image=sax.image[t : t + 1])
        write_map(tmp_path / f"p4_{phase}.nii.gz", one.image, like=one, description="cine")
    read_all(widget, qtbot, tmp_path / "p4_ED.nii.gz")
    assert widget.status.text().startswith("P4_ED.nii.gz is open. Press Predict")
    read_all(widget, qtbot, tmp_path / "p4_ED.nii.gz", tmp_path / "p4_ES.nii.gz")
    assert "files of one patient" in widget.status.text()
    widget.session.labelling.annotate(SliceIndex(0, 1), made.masks[View.SAX][0, 1])
    measuring = widget.measuring
    qtbot.waitUntil(lambda: "label p4_ES as well" in measuring.basis.text())
    assert measuring.curve.isHidden()  # of one frame it tells nothing
    assert measuring.es.isHidden()


def test_mask_of_another_image_is_said_not_to_fit(widget, folder, tmp_path, qtbot):
    other = make_study(4, frames=1, slices=3, size=40, lax=False)
    sax = other.study.stack(View.SAX)
    write_mask(tmp_path / "other_gt.nii.gz", other.masks[View.SAX], like=sax)
    read_all(widget, qtbot, folder / "p3_sax.nii.gz", tmp_path / "other_gt.nii.gz")
    assert "labels of shape (1, 3, 40, 40) do not fit the image" in widget.status.text()


def test_second_study_does_not_take_the_first_one_s_place_unasked(widget, folder, qtbot):
    read_all(widget, qtbot, folder / "p3_4ch.nii.gz", folder / "p3_2ch.nii.gz")
    assert widget.session.stack.name == "p3_4ch"
    read_all(widget, qtbot, folder / "p3_2ch.nii.gz")
    assert widget.session.stack.name == "p3_2ch"


def test_what_cannot_be_read_is_said_and_the_next_is_read(widget, folder, tmp_path, qtbot):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"nothing")
    read_all(widget, qtbot, broken)
    assert "broken.nii.gz" in widget.status.text()  # "Reading …" does not stand there for ever
    assert "Reading" not in widget.status.text()
    read_all(widget, qtbot, broken, folder / "p3_sax.nii.gz")
    assert any("broken.nii.gz" in record.message for record in notification_manager.records)
    assert widget.session.stack.name == "p3_sax"


def test_window_closed_while_reading_leaves_no_trace(viewer, session, folder, qtbot):
    widget = docked_widget(viewer)
    go, gone = threading.Event(), threading.Event()

    def slowly(path):
        go.wait()
        gone.set()
        return read(path)

    widget.opening.open(folder, how=slowly)
    reading = [thread for thread in threading.enumerate() if thread.name == "reading"]
    widget.close_session()
    viewer.window.remove_dock_widget("all")
    widget.deleteLater()
    qtbot.wait(50)
    go.set()
    reading[0].join(300)
    assert gone.is_set()
    qtbot.wait(50)
    assert len(viewer.layers) == 0


def test_script_gets_its_layers_at_once(folder):
    [(image, meta, kind)] = contributions.get_reader(str(folder))(str(folder))
    assert kind == "image"
    assert image.shape == (2, 4, 48, 48)
    assert len(meta["metadata"]["cardiac_ssl"]["study"].stacks) == 3


def test_user_gets_the_widget_and_the_picture_when_it_is_there(make_napari_viewer, folder, qtbot):
    viewer = make_napari_viewer()
    answers = []

    def drop():
        answers.append(contributions.get_reader(str(folder))(str(folder)))
        loop.quit()

    loop = QEventLoop()
    QTimer.singleShot(0, drop)
    loop.exec()
    assert answers == [[(None,)]]
    widget = find_widget(viewer)
    try:
        qtbot.waitUntil(lambda: not widget.opening.busy)
        assert widget.session.stack.view is View.SAX
        assert len(viewer.layers) == 3
    finally:
        widget.close_session()


def test_drop_on_the_window_asks_nothing(make_napari_viewer, session, folder, tmp_path, qtbot):
    viewer = make_napari_viewer(show=True)
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    try:
        widget._drops.watch()
        targets = [one for one in widget.window().findChildren(QWidget) if one.acceptDrops()]
        assert len(targets) > 1
        asked = []
        widget._drops._open = lambda *paths: asked.append(paths)
        other = tmp_path / "table.csv"
        other.write_text("1,2")
        for target in targets:
            assert widget._drops.eventFilter(target, drop_of(folder))
            assert not widget._drops.eventFilter(target, drop_of(other))
            assert not widget._drops.eventFilter(target, drop_of(folder, other))
        assert asked == [(folder,)] * len(targets)
        widget._drops._open = widget.open
        assert widget._drops.eventFilter(widget, drop_of(folder))
        qtbot.waitUntil(lambda: not widget.opening.busy)
        assert widget.session.stack.view is View.SAX
    finally:
        widget.close_session()


KEPT = []


def drop_of(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    KEPT.append(data)  # the event does not own it
    return QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )


def test_two_viewers_have_their_own_studies(make_napari_viewer, folder, qtbot):
    viewers = [make_napari_viewer(), make_napari_viewer()]
    widgets = [docked_widget(viewer) for viewer in viewers]
    try:
        read_all(widgets[0], qtbot, folder / "p3_4ch.nii.gz")
        read_all(widgets[1], qtbot, folder / "p3_2ch.nii.gz")
        assert [widget.session.stack.name for widget in widgets] == ["p3_4ch", "p3_2ch"]
        assert [len(viewer.layers) for viewer in viewers] == [2, 2]
        assert docked_widget(viewers[0]) is widgets[0]
    finally:
        for widget in widgets:
            widget.close_session()


def test_layer_removed_by_the_user_comes_back_by_choosing_it(widget, folder, qtbot):
    read_all(widget, qtbot, folder)
    image = widget.workspace.image
    widget.viewer.layers.remove(image)
    assert widget.workspace.image is None
    widget.choice.images.activated.emit(widget.choice.images.currentIndex())
    assert widget.workspace.image is not None
    assert np.array_equal(widget.workspace.image.data, image.data)


def test_renamed_layers_stay_what_they_are(widget, folder, qtbot):
    read_all(widget, qtbot, folder)
    widget.workspace.image.name = "renamed"
    widget.view.layer.name = "renamed too"
    widget.studies.work_on(widget.session.study.current.stack(View.LAX_4CH))
    widget.studies.work_on(widget.session.study.current.stack(View.SAX))
    names = [layer.name for layer in widget.viewer.layers]
    assert names == ["p3_sax", "p3_sax labels", "View planes"]


def test_geometry_that_is_doubtful_is_told(folder, tmp_path):
    path = tmp_path / "twisted.nii.gz"
    image = nib.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(np.int16), np.eye(4))
    image.set_qform(np.diag([1.5, 1.5, 8, 1]), 1)
    image.set_sform(np.diag([2.5, 1.5, 8, 1]), 1)
    nib.save(image, path)
    opened = read(path)
    assert isinstance(opened, Opened)
    assert any("sform" in line for line in opened.warned)
    assert len(opened.layers()) == 1


def test_real_dicom_folder_opens_with_its_views(widget, real_data, qtbot):
    read_all(widget, qtbot, real_data / "multiview" / "dicom")
    assert widget.session.stack.image.shape == (25, 6, 208, 256)
    assert [slot.stack.view for slot in widget.views.slots] == [View.LAX_4CH, View.LAX_2CH]
    assert "not what the name says" in widget.views.note.text()


def test_project_opens_where_it_was_left(viewer, folder, tmp_path, qtbot):
    project = tmp_path / "ward.cardiac"
    first = Session(trainer=ScriptedTrainer(), who="reader")
    first.open_project(project)
    sax = read_study(folder).stack(View.SAX)
    first.open(sax)
    drawn = np.full(sax.image.shape[2:], 2, np.uint8)
    first.labelling.annotate(SliceIndex(1, 2), drawn)
    first.persistence.look_at(first.stack, SliceIndex(1, 2), (3.0, 99.0))
    first.close()

    widget = CardiacWidget(viewer, Session(trainer=ScriptedTrainer(), who="reader"))
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    try:
        read_all(widget, qtbot, folder / "p3_4ch.nii.gz")
        assert widget.session.stack.view is View.LAX_4CH
        read_all(widget, qtbot, project)
        assert widget.session.stack.digest == sax.digest
        assert np.array_equal(widget.view.layer.data[1, 2], drawn)
        assert widget.view.in_view == SliceIndex(1, 2)
        assert tuple(widget.workspace.image.contrast_limits) == (3, 99)
        assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Labels"]  # no view
        widget.open(project)
        assert "is open here" in widget.status.text()
        widget.session.open_project(project, read_only=True)
        read_all(widget, qtbot, project)  # once more, to work on it
        assert not widget.session.project.read_only
        assert np.array_equal(widget.view.layer.data[1, 2], drawn)
    finally:
        widget.close_session()


def test_project_that_cannot_be_opened_leaves_all_as_it_was(widget, folder, tmp_path, qtbot):
    read_all(widget, qtbot, folder)
    before = [layer.name for layer in widget.viewer.layers]
    broken = tmp_path / "broken.cardiac"
    broken.write_bytes(b"no database")
    widget.open(broken)
    assert not widget.opening.busy
    assert "broken.cardiac" in widget.status.text()
    assert [layer.name for layer in widget.viewer.layers] == before
    assert widget.view.layer is not None
