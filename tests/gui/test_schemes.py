"""Labels of others are taken over in the window alone, whatever integers they are in."""

import nibabel as nib
import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_cardiac_ssl.anatomy import ACDC, UKBB
from napari_cardiac_ssl.gui.display import METADATA, labels_layer

from .conftest import SHAPE
from .test_hand import shown  # noqa: F401 - a fixture
from .test_widget import ring

#: Two cavities beside each other, both without myocardium round them: nothing tells LV from RV.
UNTOLD = np.zeros(SHAPE, np.uint8)
UNTOLD[0, 1, 5:15, 5:15], UNTOLD[0, 1, 5:15, 20:30], UNTOLD[0, 1, 18:22, 5:30] = 1, 3, 2


def use(widget, scheme):
    """Choose a scheme and press Use, as a user does."""
    schemes = widget.choice.schemes
    assert schemes.isVisible()
    schemes.setCurrentIndex(schemes.findText(scheme, Qt.MatchFlag.MatchStartsWith))
    QTest.mouseClick(widget.choice.use_labels, Qt.MouseButton.LeftButton)


def test_scheme_that_the_anatomy_does_not_tell_is_chosen(shown, qtbot):  # noqa: F811
    shown.viewer.add_layer(Labels(UNTOLD, name="theirs"))
    qtbot.wait(50)
    use(shown, "as")
    assert "--scheme" not in shown.status.text()
    assert "choose it at Scheme" in shown.status.text()
    assert not shown.session.annotations.labels.any()
    use(shown, "acdc")
    np.testing.assert_array_equal(shown.session.annotations.labels, ACDC.convert(UNTOLD, UKBB))
    assert "scheme acdc, as you chose" in shown.status.text()
    shown.workspace.actions.undo()
    use(shown, "ukbb")
    np.testing.assert_array_equal(shown.session.annotations.labels, UNTOLD)


def test_own_scheme_is_typed(shown, qtbot):  # noqa: F811
    theirs = np.zeros(SHAPE, np.uint8)
    theirs[0, 1, 5:15, 5:15], theirs[0, 1, 18:22, 5:30] = 9, 7
    shown.viewer.add_layer(Labels(theirs, name="theirs"))
    qtbot.wait(50)
    typed = shown.choice.schemes.lineEdit()
    typed.selectAll()
    QTest.keyClicks(typed, "9=lv_cavity,7=scra")
    QTest.mouseClick(shown.choice.use_labels, Qt.MouseButton.LeftButton)
    assert "scra left out" in shown.status.text()
    shown.workspace.actions.undo()
    typed.selectAll()
    QTest.keyClicks(typed, "9=lv_cavity,7=myo")
    QTest.mouseClick(shown.choice.use_labels, Qt.MouseButton.LeftButton)
    labels = shown.session.annotations.labels
    assert ((labels == 1) == (theirs == 9)).all()
    assert ((labels == 2) == (theirs == 7)).all()
    typed.selectAll()
    QTest.keyClicks(typed, "nonsense")
    QTest.mouseClick(shown.choice.use_labels, Qt.MouseButton.LeftButton)
    assert "Unknown label scheme 'nonsense'" in shown.status.text()


def test_scheme_that_a_file_was_read_in_can_be_corrected(shown, stack, qtbot):  # noqa: F811
    data = labels_layer(ACDC.convert(ring(), UKBB), stack, name="read", scheme=ACDC)
    shown.viewer.add_layer(Layer.create(*data))
    qtbot.wait(50)
    use(shown, "ukbb")
    np.testing.assert_array_equal(shown.session.annotations.labels, ring())


def test_file_of_which_nothing_tells_the_scheme_is_shown_as_labels(
    shown,  # noqa: F811
    stack,
    tmp_path,
    qtbot,
    capsys,
):
    path = tmp_path / "theirs.nii.gz"
    nib.save(nib.Nifti1Image(UNTOLD.T, stack.affine), path)
    shown.open(path)
    qtbot.waitUntil(lambda: not shown.opening.busy)
    assert "--scheme" not in capsys.readouterr().out
    layer = shown.viewer.layers["theirs (scheme not known)"]
    assert METADATA not in layer.metadata
    np.testing.assert_array_equal(layer.data, UNTOLD)
    shown.choice.starts.setCurrentText(layer.name)
    use(shown, "acdc")
    np.testing.assert_array_equal(shown.session.annotations.labels, ACDC.convert(UNTOLD, UKBB))
