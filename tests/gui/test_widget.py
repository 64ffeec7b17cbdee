"""The widget asks the session and shows its answers; nothing that happens to it loses labels."""

import os
import signal
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_cardiac_ssl.anatomy import ACDC, UKBB
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.outlines import filled
from napari_cardiac_ssl.gui.display import image_layer
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack, Study
from napari_cardiac_ssl.trainer import Died, Failed, Progressed, Wish, handle

from .conftest import BOX, SHAPE, A, B, C, paint


def ring():
    """Labels that tell their scheme: myocardium round the LV, the RV beside it."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 1:3, 5:20, 5:20], labels[0, 1:3, 8:17, 8:17], labels[0, 1:3, 6:19, 20:26] = 2, 1, 3
    return labels


def draw(widget, index, code, box):
    """Go to a slice and draw a box on it."""
    widget.view.go_to(SliceIndex(*index))
    paint(widget.view.layer, index, code, box)


def test_first_image_is_opened_with_a_label_layer_ready_to_paint(widget, viewer, trainer):
    layer = widget.view.layer
    assert layer in list(viewer.layers)
    assert layer.mode == "paint"
    assert layer.selected_label == 1
    assert layer.data.shape == SHAPE
    assert tuple(viewer.dims.current_step[:2]) == (0, 2)
    assert trainer.warm
    assert "draw the heart" in widget.status.text()
    assert not widget.learning.train.isEnabled()


def test_empty_viewer_says_what_to_do_first(viewer, session):
    widget = CardiacWidget(viewer, session)
    assert "Open a study" in widget.status.text()
    assert not widget.slice.confirm.isEnabled()
    assert not widget.learning.train.isEnabled()
    widget.close_session()


def test_structure_buttons_and_the_layer_follow_each_other(widget):
    layer = widget.view.layer
    widget.drawing.buttons[2].click()
    assert (layer.selected_label, layer.mode) == (2, "paint")
    widget.drawing.buttons[0].click()
    assert layer.mode == "erase"
    layer.mode = "paint"
    layer.selected_label = 3
    assert widget.drawing.buttons[3].isChecked()
    widget.drawing.brush.setValue(15)  # mm; a pixel is 1.5 mm wide
    assert layer.brush_size == 10
    layer.brush_size = 4
    assert widget.drawing.brush.value() == 6


def press(widget, key):
    """Press a key on the picture, and let it go."""
    layer = widget.view.layer
    bound = {str(one): action for one, action in layer.keymap.items()}
    done = bound[key](layer)
    if done is not None:
        next(done)
        yield
        next(done, None)
    else:
        yield


def test_keys_choose_structures_and_go_through_the_stack(widget):
    def after(key):
        list(press(widget, key))
        return widget.view.layer, widget.view.in_view

    assert after("3")[0].selected_label == 3
    assert after("0")[0].mode == "erase"
    widget.view.go_to(A)
    assert after("A")[1] == (2, 1)
    assert after("Right")[1] == (0, 1)
    assert after("W")[1] == (0, 0)
    assert after("Up")[1] == (0, 0)
    assert after("S")[1] == (0, 1)
    assert after("O")[0].opacity > 0  # lines alone before
    assert after("O")[0].opacity == 0
    after("C")
    assert widget.session.annotations.state(A) is SliceState.EXPERT
    after("M")
    assert not widget.view.keeps_cavity


def test_held_key_shows_the_image_alone(widget):
    held = press(widget, "H")
    next(held)
    assert not widget.view.layer.visible
    next(held, None)
    assert widget.view.layer.visible


def test_held_key_shows_what_was_there_before(widget, viewer, trainer, qtbot):
    def shows(labels):
        """Whether the lines in sight are those of a slice's labels."""
        lines = lines_of(labels)
        return lines.keys() == widget.contours.shown.keys() and all(
            np.array_equal(
                filled(widget.contours.shown[border], labels.shape), filled(found, labels.shape)
            )
            for border, found in lines.items()
        )

    draw(widget, A, 1, BOX)
    drawn = widget.session.annotations.labels[A].copy()
    held = press(widget, "B")
    next(held)
    assert "not labelled" in viewer.canvas.overlays.text.text
    assert not widget.contours.shown
    next(held, None)
    assert shows(drawn)

    widget.workspace.actions.confirm()
    widget.learning.train.click()
    trainer.deliver(ring())
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    corrected = SliceIndex(0, 2)
    draw(widget, corrected, 1, np.s_[20:28, 20:28])
    layers, states = list(viewer.layers), widget.session.annotations.slices(*SliceState)
    after = widget.session.annotations.labels.copy()
    held = press(widget, "B")
    next(held)
    assert shows(ring()[corrected])
    assert "BEFORE\npredicted " in viewer.canvas.overlays.text.text
    assert viewer.layers.selection.active == widget.view.layer
    assert not widget.choice.starts.count()
    next(held, None)
    assert not viewer.canvas.overlays.text.visible
    assert shows(after[corrected])
    assert list(viewer.layers) == layers
    np.testing.assert_array_equal(widget.session.annotations.labels, after)
    assert widget.session.annotations.slices(*SliceState) == states

    widget.view.go_to(SliceIndex(1, 0))  # touched by nobody
    list(press(widget, "B"))
    assert "no other labels" in widget.status.text()
    assert list(viewer.layers) == layers


@pytest.mark.parametrize(
    "happens",
    [
        lambda widget: widget.view.go_to(B),
        lambda widget: widget.workspace.actions.undo(),
        lambda widget: widget.workspace.actions.confirm(),
        lambda widget: list(press(widget, "H")),
        lambda widget: widget.studies.add(Study("other", (another_stack(),))),
    ],
)
def test_before_ends_when_anything_happens(widget, viewer, happens):
    draw(widget, A, 1, BOX)
    held = press(widget, "B")
    next(held)
    assert widget.contours.shows_other
    happens(widget)
    assert not widget.contours.shows_other
    next(held, None)
    assert widget.view.layer.visible


def another_stack():
    return Stack(np.ones((1, 5, 20, 30), np.int16), np.diag([1.2, 1.2, 10, 1]), name="another")


def test_image_alone_wins_over_before(widget, viewer):
    draw(widget, A, 1, BOX)
    alone, before = press(widget, "H"), press(widget, "B")
    next(alone)
    next(before)
    next(before, None)
    assert not widget.view.layer.visible
    assert not widget.contours.shows_other
    next(alone, None)
    assert widget.view.layer.visible


def test_the_viewer_is_never_left_with_a_single_visual(widget, viewer):
    """Drawn alone after its neighbours were removed, it ends the process in Mesa's renderer."""
    assert not viewer.canvas.overlays["_brush_circle"].box
    there = []
    viewer.layers.events.removed.connect(lambda event: there.append(len(viewer.layers)))
    widget.studies.add(Study("other", (another_stack(),)))
    assert [layer.name for layer in viewer.layers] == ["another", "another labels"]
    assert min(there) == 2


def test_ctrl_z_takes_back_strokes_and_confirmations_and_leaves_refreshes(widget, trainer, qtbot):
    draw(widget, A, 1, BOX)
    widget.workspace.actions.confirm()
    widget.learning.train.click()
    trainer.deliver(ring())
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    draw(widget, C, 3, BOX)
    states = []
    for _ in range(3):
        states.append([widget.session.annotations.state(one) for one in (A, C)])
        list(press(widget, "Ctrl+Z"))
    widget.view.go_to(B)
    predicted, editing, expert = SliceState.PREDICTED, SliceState.EDITING, SliceState.EXPERT
    assert states == [
        [expert, editing],
        [expert, predicted],
        [editing, predicted],
    ]
    assert widget.session.annotations.state(A) is SliceState.UNLABELLED
    assert widget.session.model is not None
    assert "Undone: stroke" in widget.status.text()
    list(press(widget, "Ctrl+Z"))
    assert "Nothing is left to be undone" in widget.status.text()
    for _ in range(3):
        list(press(widget, "Ctrl+Shift+Z"))
    assert widget.session.annotations.state(C) is editing
    assert widget.view.in_view == C
    assert np.array_equal(widget.view.layer.data, widget.session.annotations.labels)


def test_slice_is_confirmed_by_leaving_it_if_wanted(widget):
    draw(widget, A, 1, BOX)
    widget.view.go_to(B)
    assert widget.session.annotations.state(A) is SliceState.EDITING
    widget.drawing.leave.trigger()
    draw(widget, A, 2, BOX)
    widget.view.go_to(B)
    assert widget.session.annotations.state(A) is SliceState.EXPERT
    assert widget.session.annotations.state(B) is SliceState.UNLABELLED


def test_cine_plays_and_stops(widget, qtbot):
    widget.view.go_to(A)
    widget.cine.toggle()
    qtbot.waitUntil(lambda: widget.view.in_view == (2, 1))
    widget.cine.toggle()
    assert not widget.cine.plays


def test_slice_s_state_is_said_and_changed(widget):
    widget.view.go_to(A)
    draw(widget, A, 1, BOX)
    assert widget.slice.state.text() == "Frame 0, slice 1: editing, protected"
    widget.slice.confirm.click()
    assert "confirmed, protected" in widget.slice.state.text()
    assert widget.slice.confirm.text() == "Unconfirm"
    widget.slice.confirm.click()
    assert widget.session.annotations.state(A) is SliceState.EDITING
    widget.slice.revert.click()
    assert not widget.view.layer.data.any()
    assert not widget.slice.revert.isEnabled()


def test_first_guess_is_asked_for_before_anything_is_drawn(widget, trainer):
    assert not widget.learning.train.isEnabled()
    assert widget.learning.predict.isEnabled()
    widget.learning.predict.click()
    assert trainer.jobs[-1].examples == ()
    assert not widget.learning.predict.isEnabled()
    assert "predicting in the background" in widget.status.text().lower()


def test_job_is_shown_and_steered(widget, trainer, qtbot):
    draw(widget, A, 1, BOX)
    training = widget.learning
    assert training.train.text() == "Train on 1 slice"
    training.seconds.value = 33
    training.mode.value = "decoder"
    training.train.click()
    job = trainer.jobs[-1]
    assert (job.seconds, job.mode) == (33, "decoder")
    assert job.start == default_weights()
    assert not training.train.isEnabled()
    assert not training.pause.isEnabled()
    assert training.cancel.isEnabled()
    trainer.progress(0.4)
    qtbot.waitUntil(lambda: "loss 0.50" in training.progress.text())
    assert training.bar.value() == 400
    assert "5 s left" in training.progress.text()
    training.pause.click()
    assert training.pause.text() == "Resume"
    training.pause.click()
    training.finish.click()
    assert trainer.wishes == [Wish.PAUSE, Wish.RESUME, Wish.FINISH]
    assert not training.finish.isEnabled()
    trainer.deliver(ring())
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    assert "Learned from 1 slice" in widget.status.text()
    assert np.array_equal(widget.view.layer.data[0, 2], ring()[0, 2])
    assert widget.export.parts["model"].isEnabled()
    assert training.progress.text() == "Learned from 1 slice in 5 s; not validated yet"
    assert training.steer.currentIndex() == 0


def test_predictions_are_accepted_and_models_rolled_back(widget, trainer, qtbot):
    draw(widget, A, 1, BOX)
    widget.learning.train.click()
    trainer.deliver(ring())
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    widget.view.go_to(SliceIndex(0, 2))
    slice_, frame, _, _, give_back, all_back = widget.learning.accept.menu().actions()
    slice_.trigger()
    states = widget.session.annotations
    assert states.state((0, 2)) is SliceState.EXPERT
    assert "1 prediction accepted" in widget.status.text()
    frame.trigger()
    assert len(states.slices(SliceState.EXPERT)) == 4
    give_back.trigger()
    assert len(states.slices(SliceState.EXPERT)) == 0
    predicted = states.slices(SliceState.PREDICTED)
    all_back.trigger()
    assert "No slice there is drawn or confirmed by you" in widget.status.text()
    assert states.slices(SliceState.PREDICTED) == predicted
    widget.learning.roll_back.click()
    assert widget.session.model is None
    assert not widget.view.layer.data.any()
    assert not widget.learning.roll_back.isEnabled()


def test_doubt_is_a_layer_on_demand(widget, trainer, viewer, qtbot):
    assert not widget.learning.confidence.isEnabled()
    draw(widget, A, 1, BOX)
    widget.learning.train.click()
    trainer.deliver(ring())
    qtbot.waitUntil(lambda: not widget.session.training.busy)
    widget.learning.confidence.click()
    doubt = viewer.layers["s doubt"]
    assert (doubt.data == 55).all()
    assert viewer.layers.selection.active.name == widget.view.layer.name
    assert widget.choice.images.count() == 1
    widget.learning.confidence.click()
    assert doubt not in viewer.layers
    widget.learning.confidence.click()
    viewer.layers.remove("s doubt")
    assert not widget.learning.confidence.isChecked()


def test_loss_is_drawn_now_and_then(widget, trainer, qtbot):
    draw(widget, A, 1, BOX)
    widget.learning.train.click()
    for step in range(3):
        number = trainer.jobs[-1].number
        trainer.script.append(Progressed(number, step + 1, 0.9 - step / 10, 0.1, 1.0, 9.0))
    line = widget.learning.curves.loss.listDataItems()[0]
    qtbot.waitUntil(lambda: line.yData is not None and len(line.yData) == 3)
    assert list(line.yData) == [0.9, 0.8, 0.7]


def test_cancel_leaves_all_as_it_was(widget, trainer):
    draw(widget, A, 1, BOX)
    before = widget.view.layer.data.copy()
    widget.learning.train.click()
    widget.learning.cancel.click()
    assert not widget.session.training.busy
    trainer.deliver(ring())
    for _ in range(2 * len(trainer.script)):  # one more prediction a tick, if any were taken over
        widget.workspace.tick()
    assert not trainer.script
    assert np.array_equal(widget.view.layer.data, before)
    assert "Cancelled" in widget.status.text()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (lambda number: Died("killed by signal 9 (SIGKILL)"), "SIGKILL"),
        (lambda number: Failed(number, "out of memory"), "out of memory"),
    ],
)
def test_trainer_s_end_is_said_and_nothing_lost(widget, trainer, qtbot, message, said):
    draw(widget, A, 1, BOX)
    before = widget.view.layer.data.copy()
    widget.learning.train.click()
    trainer.script.append(message(trainer.jobs[-1].number))
    qtbot.waitUntil(lambda: said in widget.status.text())
    assert np.array_equal(widget.view.layer.data, before)
    assert widget.learning.train.isEnabled()


def test_what_cannot_be_done_is_said_without_a_traceback(widget, capsys):
    draw(widget, A, 1, BOX)
    draw(widget, A, 0, BOX)
    widget.workspace.actions.train(1.0, "present", "all")
    assert "WARNING: nothing to learn from" in capsys.readouterr().out  # napari's notification
    assert "Nothing to learn from yet" in widget.status.text()


def test_training_on_empty_slices_alone_is_not_offered_and_the_reason_is_said(widget, trainer):
    training = widget.learning
    assert "draw the heart" in training.train.toolTip()
    widget.workspace.actions.no_heart()
    widget.workspace.actions.go(slices=1)
    widget.workspace.actions.no_heart()
    assert not training.train.isEnabled()
    assert training.train.text() == "Train"
    assert "No heart on the 2 slices" in training.progress.text()
    assert "No heart on the 2 slices" in training.train.toolTip()
    training.try_to_train()
    assert "No heart on the 2 slices" in widget.status.text()
    assert trainer.jobs == []
    draw(widget, A, 1, BOX)
    assert training.train.text() == "Train on 3 slices"
    training.try_to_train()
    assert len(trainer.jobs) == 1
    training.try_to_train()
    assert len(trainer.jobs) == 1
    assert "already" in widget.status.text()


def test_masks_are_exported_as_seen(widget, tmp_path):
    draw(widget, A, 1, BOX)
    widget.workspace.actions.export_masks(tmp_path / "m.nii.gz", UKBB)
    written = np.asarray(nib.load(tmp_path / "m.nii.gz").dataobj)
    assert np.array_equal(written.T, widget.view.layer.data)
    widget.workspace.actions.export_masks(tmp_path, UKBB)
    assert "Cannot write" in widget.status.text()


def test_labels_of_another_layer_are_taken_over_where_nobody_drew(widget, viewer):
    viewer.add_layer(Labels(UKBB.convert(ring(), ACDC), name="theirs"))
    draw(widget, A, 3, BOX)
    mine = widget.view.layer.data[A].copy()
    widget.choice.starts.setCurrentText("theirs")
    widget.choice.use_labels.click()
    assert np.array_equal(widget.view.layer.data[A], mine)
    assert np.array_equal(widget.view.layer.data[0, 2], ring()[0, 2])
    assert widget.session.annotations.state((0, 2)) is SliceState.EDITING
    assert "scheme acdc" in widget.status.text()


def test_another_image_and_back_loses_nothing(widget, viewer, stack):
    draw(widget, A, 1, BOX)
    widget.workspace.actions.confirm()
    first = widget.view.layer
    state = widget.session.annotations.state(A)
    other = Stack(np.random.default_rng(1).random((1, 2, 16, 16)), np.eye(4), name="other")
    viewer.add_layer(Layer.create(*image_layer(other)))
    widget.choice.images.setCurrentText("other")
    widget.choice.images.activated.emit(widget.choice.images.currentIndex())
    assert widget.session.stack is other
    assert widget.view.layer.data.shape == (1, 2, 16, 16)
    widget.choice.images.setCurrentText("s")
    widget.choice.images.activated.emit(widget.choice.images.currentIndex())
    assert widget.session.stack is stack
    assert widget.view.layer is first
    assert widget.session.annotations.state(A) is state
    assert first.data[A].sum() == 120


def test_image_of_another_reader_can_be_worked_on(viewer, session, qtbot, capsys):
    widget = CardiacWidget(viewer, session)
    viewer.add_layer(Image(np.random.default_rng(0).random((4, 16, 16)), scale=(8, 1.5, 1.5)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    assert widget.session.stack.spacing_mm == (8, 1.5, 1.5)
    assert widget.view.layer.data.shape == (1, 4, 16, 16)
    assert "Inconsistent units" not in capsys.readouterr().out
    draw(widget, (0, 3), 1, np.s_[0:2, 0:2])
    assert widget.session.annotations.state((0, 3)) is SliceState.EDITING
    widget.close_session()


def test_rgb_image_is_refused(widget, viewer, stack):
    viewer.add_layer(Image(np.zeros((4, 16, 16, 3), np.uint8), rgb=True, name="rgb"))
    widget.choice.images.setCurrentText("rgb")
    widget.choice.images.activated.emit(widget.choice.images.currentIndex())
    assert "RGB data cannot be worked on" in widget.status.text()
    assert widget.session.stack is stack


def test_deleted_label_layer_can_be_shown_again(widget, viewer):
    draw(widget, A, 1, BOX)
    viewer.layers.remove(widget.view.layer)
    assert widget.choice.show_labels.isVisibleTo(widget)
    viewer.layers.clear()
    widget.choice.show_labels.click()
    assert widget.view.layer.data[A].sum() == 120


def test_closed_dock_ends_the_trainer(widget, viewer, trainer, qtbot):
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    qtbot.waitUntil(lambda: trainer.closed)


def test_two_widgets_have_a_session_each(viewer, stack, widget):
    other = CardiacWidget(viewer, Session(trainer=type(widget.session.training._trainer)()))
    assert other.session is not widget.session
    draw(widget, B, 1, BOX)
    assert not other.workspace.is_open or not other.session.annotations.labels.any()
    other.close_session()


@pytest.fixture
def real(viewer, stack, qtbot):
    """The widget with a real trainer process, training for a long time."""
    widget = CardiacWidget(viewer)
    viewer.window.add_dock_widget(widget)
    viewer.add_layer(Layer.create(*image_layer(stack)))
    qtbot.waitUntil(lambda: widget.workspace.is_open)
    draw(widget, C, 1, BOX)
    widget.learning.seconds.value = 600
    widget.learning.train.click()
    qtbot.waitUntil(lambda: widget.session.training.status.progress is not None)
    yield widget
    widget.close_session()


def test_killed_trainer_leaves_window_and_labels_and_can_train_again(real, qtbot, monkeypatch):
    before = real.view.layer.data.copy()
    monkeypatch.setattr(handle, "MOST_RESTARTS", 0)
    os.kill(real.session.training.trainer_pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: not real.session.training.busy)
    assert "SIGKILL" in real.status.text()
    assert np.array_equal(real.view.layer.data, before)
    draw(real, A, 2, BOX)  # the window lives
    real.learning.train.click()
    qtbot.waitUntil(lambda: real.session.training.status.progress is not None)
    pid = real.session.training.trainer_pid
    real.learning.cancel.click()
    qtbot.waitUntil(lambda: not real.session.training.busy)
    real.close_session()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_viewer_s_process_never_loads_torch():
    code = (
        "import sys, napari_cardiac_ssl.gui.demo, napari_cardiac_ssl.gui.rehearsal,"
        "napari_cardiac_ssl.gui.contributions; print('torch' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "False"


def test_one_button_says_that_a_slice_shows_no_heart_whatever_is_labelled(widget):
    widget.view.go_to(A)
    assert widget.slice.no_heart.isHidden()  # the first button says it
    assert widget.slice.confirm.text() == "No heart here"
    paint(widget.view.layer, A, 1, BOX)
    widget.slice.no_heart.click()
    assert widget.session.annotations.state(A) is SliceState.EXPERT
    assert not widget.session.annotations.labels[A].any()
    assert "NO HEART here" in widget.status.text()
    widget.workspace.actions.undo()
    assert widget.session.annotations.labels[A].any()
