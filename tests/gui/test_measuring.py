"""Numbers follow what is drawn; ED and ES can be corrected; warnings lead to their slice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cardiac_ssl.anatomy import Structure, View
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.measures import Papillary
from napari_cardiac_ssl.person import Person, Sex
from napari_cardiac_ssl.study import DicomSource, SliceIndex, Study
from napari_cardiac_ssl.synthetic import make_study


@pytest.fixture(scope="module")
def made():
    return make_study(1, frames=4, slices=6, size=64)


@pytest.fixture
def window(viewer, session, made, qtbot):
    """The widget with the whole truth drawn, but for the last frame."""
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    widget.studies.add(made.study)
    for index in widget.session.stack.slice_indices():
        if index.t < 3:
            widget.session.labelling.annotate(index, made.masks[View.SAX][index])
    widget.tabs.setCurrentIndex(
        next(i for i in range(widget.tabs.count()) if widget.tabs.tabText(i) == "Measure")
    )
    settled(widget, qtbot)
    yield widget
    widget.close_session()


def settled(widget, qtbot):
    panel = widget.measuring
    panel._on_changed()
    qtbot.waitUntil(lambda: not panel._soon.isActive() and not panel._later.isActive())


def number(widget, name):
    return int(widget.measuring._cells[name].text().replace("−", "-"))


def test_numbers_are_those_of_the_labels(window, made, qtbot):
    heart = window.session.measurement.measured.measures(phases=window.session.measurement.phases)
    assert window.session.measurement.phases.ed == 0
    assert number(window, "lv_edv_ml") == round(heart.lv_edv_ml)
    assert number(window, "lv_ef_percent") == round(heart.lv_ef_percent)
    assert number(window, "lv_edv_ml") == pytest.approx(made.lv_volume_ml[0], rel=0.15)
    assert window.measuring.basis.text().startswith("ED (frame 0): 6 being edited")
    assert window.numbers.text().startswith(f"LV: EDV {round(heart.lv_edv_ml)} ml")


def test_numbers_of_a_part_of_the_heart_say_so_beside_them(window, qtbot):
    window.session.measurement.set_phases(*window.session.measurement.phases)
    for z in (0, 1, 3, 5):
        window.session.labelling.annotate(SliceIndex(0, z), np.zeros((64, 64), np.uint8))
    settled(window, qtbot)
    assert "part of the heart (ED: 2 of 6 slices" in window.numbers.text()


def test_a_stroke_changes_the_numbers(window, qtbot):
    before = number(window, "lv_edv_ml")
    window.session.labelling.annotate(SliceIndex(0, 2), np.zeros((64, 64), np.uint8))
    settled(window, qtbot)
    assert number(window, "lv_edv_ml") < before


def test_ed_and_es_are_corrected_by_button_and_by_dragging(window, qtbot):
    told = window.session.measurement.phases
    window.workspace.view.go_to(SliceIndex(1, 2))
    window.measuring.es.click()
    assert window.session.measurement.phases == (told.ed, 1)
    mark = window.measuring.curve._marks["ed"]
    mark.setValue(2.2)
    mark.sigPositionChangeFinished.emit(mark)
    assert window.session.measurement.phases == (2, 1)
    settled(window, qtbot)
    assert "ES (frame 1)" in window.measuring.basis.text()
    window.measuring.auto.click()
    assert window.session.measurement.phases == told


def test_warning_leads_to_its_slice(window, made, qtbot):
    labels = made.masks[View.SAX][0, 2].copy()
    labels[2:8, 2:8] = 1
    window.session.labelling.annotate(SliceIndex(0, 2), labels)
    window.workspace.view.go_to(SliceIndex(0, 4))
    settled(window, qtbot)
    warnings = window.measuring.warnings
    qtbot.waitUntil(lambda: bool(warnings.findItems("pieces", Qt.MatchFlag.MatchContains)))
    item = warnings.findItems("pieces", Qt.MatchFlag.MatchContains)[0]
    assert item.text().startswith("Frame 0, slice 2: ")
    assert tuple(item.data(Qt.ItemDataRole.UserRole)) == (0, 2)
    warnings.itemClicked.emit(item)
    assert window.workspace.view.in_view == SliceIndex(0, 2)


def test_long_axis_views_have_no_numbers(window, made, qtbot):
    window.studies.work_on(made.study.stack(View.LAX_4CH))
    settled(window, qtbot)
    assert "short axis" in window.measuring.basis.text()
    assert window.numbers.text() == ""
    window.measuring.es.click()  # disabled: nothing happens
    assert not window.measuring.es.isEnabled()


def test_papillary_muscles_are_counted_as_one_chooses(window, made, qtbot):
    before, mass = number(window, "lv_edv_ml"), number(window, "lv_mass_g")
    labels = window.session.annotations.labels.copy()
    box = window.measuring.convention.papillary
    box.setFocus()
    box.setCurrentIndex(1)
    box.activated.emit(1)
    settled(window, qtbot)
    assert window.session.measurement.papillary is Papillary.MASS
    heart = window.session.measurement.measures()
    assert number(window, "lv_edv_ml") == round(heart.lv_edv_ml) <= before
    assert number(window, "lv_mass_g") == round(heart.lv_mass_g) >= mass
    assert window.numbers.text().endswith("(papillary muscles as mass)")
    assert np.array_equal(window.session.annotations.labels, labels)
    window.session.measurement.count_papillary(Papillary.CAVITY)
    settled(window, qtbot)
    assert box.currentText() == "in the cavity"
    assert number(window, "lv_edv_ml") == before


def test_the_curve_is_counted_as_the_numbers_are(window, made, qtbot):
    stack, labels = made.study.stack(View.SAX), made.masks[View.SAX]
    image = stack.image.copy()
    for t, z in stack.slice_indices():  # a muscle in the middle of each cavity
        where = np.argwhere(labels[t, z] == 1)
        if len(where):
            y, x = where.mean(axis=0).round().astype(int)
            image[t, z, y - 2 : y + 3, x - 2 : x + 3] = np.median(image[t, z][labels[t, z] == 2])
    window.studies.add(Study("p", (replace(stack, image=image),)))
    window.session.labelling.take_over(labels)
    measured = window.session.measurement.measured
    line = window.measuring.curve._line
    settled(window, qtbot)
    contoured = measured.volumes_ml(Structure.LV_CAVITY)
    np.testing.assert_allclose(line.getData()[1], contoured)
    window.session.measurement.count_papillary(Papillary.MASS)
    settled(window, qtbot)
    assert (line.getData()[1] < contoured).all()
    assert line.getData()[1][0] == pytest.approx(window.session.measurement.measures().lv_edv_ml)


def test_references_stand_beside_numbers_of_whom_it_is_known(window, qtbot):
    panel, numbers = window.measuring.convention, window.measuring.numbers
    index = numbers.cells["lv_edvi_ml_per_m2"]
    assert not index.isVisibleTo(numbers)
    assert not numbers.sources.isVisibleTo(numbers)
    panel.height.setValue(180)
    panel.weight.setValue(80)
    panel.sex.setCurrentIndex(2)
    panel.sex.activated.emit(2)
    settled(window, qtbot)
    heart = window.session.measurement.measures()
    assert heart.body_surface_m2 == pytest.approx(2.0)
    assert index.isVisibleTo(numbers)
    assert index.text().endswith(f"{round(heart.lv_edv_ml / 2)}")
    assert "Zhan et al., Circ Cardiovasc Imaging 2024" in index.accessibleDescription()
    assert "of healthy adult men" in numbers.sources.text()
    assert "not a diagnosis" in numbers.sources.text()
    panel.height.setValue(panel.height.minimum())  # not said any more
    settled(window, qtbot)
    assert not index.isVisibleTo(numbers)


def test_whose_heart_it_is_comes_from_the_files(window, made, qtbot):
    panel = window.measuring.convention
    assert not panel.told.isVisibleTo(panel)
    source = DicomSource(Path("scans"), person=Person(180, 80, Sex.FEMALE))
    window.studies.add(Study("p", (replace(made.study.stack(View.SAX), source=source),)))
    settled(window, qtbot)
    assert (panel.height.value(), panel.weight.value()) == (180, 80)
    assert panel.sex.currentText() == "female"
    assert panel.told.isVisibleTo(panel)
    assert panel.told.text() == "As the headers of the images say"
    panel.weight.setValue(82)
    settled(window, qtbot)
    assert window.session.measurement.person == Person(180, 82, Sex.FEMALE)
    assert not panel.told.isVisibleTo(panel)


def test_stroke_volumes_are_compared(window, made, qtbot):
    assert "LV and RV stroke volume differ by" in window.measuring.strokes.text()
    for z in range(6):
        labels = made.masks[View.SAX][0, z].copy()
        labels[labels == 3] = 0
        window.session.labelling.annotate(SliceIndex(0, z), labels)
    settled(window, qtbot)
    assert not window.measuring.strokes.isVisibleTo(window.measuring)


def test_one_frame_has_no_curve_and_no_second_frame_to_label(viewer, session, qtbot):
    widget = CardiacWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="Cardiac SSL")
    still = make_study(1, frames=1, slices=6, size=64, lax=False)
    widget.studies.add(still.study)
    widget.session.labelling.take_over(still.masks[View.SAX])
    widget.show_tab("Measure")
    settled(widget, qtbot)
    panel = widget.measuring
    assert panel.basis.text().startswith("ED (frame 0): ")
    assert "another frame" not in panel.basis.text()
    for part in (panel.curve, panel.ed, panel.es, panel.auto):
        assert part.isHidden()
    widget.close_session()
