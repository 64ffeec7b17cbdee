"""What can be done with slices, as a menu: of one slice in the map, of some in the mosaic."""

from collections.abc import Callable, Sequence
from functools import partial

from qtpy.QtWidgets import QMenu, QWidget

from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import SliceIndex

_YOURS = {SliceState.EXPERT, SliceState.EDITING}


def confirmable(annotations: Annotations, slices: Sequence[SliceIndex]) -> tuple[SliceIndex, ...]:
    """Return which of some slices are confirmed when they are all asked to be.

    Of several, those on which nothing was done yet are not: that would say "no heart here" of each.
    Excluded ones stay so.
    """
    left = {SliceState.EXPERT, SliceState.EXCLUDED}
    if len(slices) > 1:
        left.add(SliceState.UNLABELLED)
    return tuple(index for index in slices if annotations.state(index) not in left)


def slice_menu(workspace: Workspace, slices: Sequence[SliceIndex], parent: QWidget) -> QMenu:
    """Return what can be done with slices.

    Parameters
    ----------
    workspace
        Whose slices, and what does it.
    slices
        One or more.
    parent
        Whose menu it is.
    """
    menu, actions = QMenu(parent), workspace.actions
    annotations = workspace.session.annotations
    states = {annotations.state(index) for index in slices}

    def add(words: str, verb: Callable[..., None], meant: Sequence[SliceIndex] = slices) -> None:
        menu.addAction(words, partial(verb, *meant))

    if states == {SliceState.EXCLUDED}:
        add("Include", actions.include)
    else:
        to_confirm = confirmable(annotations, slices)
        if states == {SliceState.EXPERT}:
            add("Unconfirm", actions.unconfirm)
        elif states == {SliceState.PREDICTED}:
            add("Accept prediction" if len(slices) == 1 else "Accept predictions", actions.confirm)
        elif to_confirm and states != {SliceState.UNLABELLED}:
            add("Confirm", actions.confirm, to_confirm)
        kept = [index for index in slices if annotations.state(index) is not SliceState.EXCLUDED]
        if states == {SliceState.UNLABELLED} or any(annotations.labels[one].any() for one in kept):
            add("No heart here", actions.no_heart, kept)
        if states & _YOURS:
            yours = [index for index in slices if annotations.state(index) in _YOURS]
            add("Revert to model", actions.revert, yours)
        add("Exclude", actions.exclude, kept)
    if len(slices) == 1:
        _add_ends(menu, workspace, slices[0])
        _add_phases(menu, workspace, slices[0].t)
    return menu


def _add_ends(menu: QMenu, workspace: Workspace, index: SliceIndex) -> None:
    """Let the user say between which slices the heart lies."""
    stack = workspace.session.stack
    if stack.slices == 1:
        return
    menu.addSeparator()
    for words, verb in (
        ("First slice with heart", workspace.actions.set_first_slice),
        ("Last slice with heart", workspace.actions.set_last_slice),
    ):
        menu.addAction(words, partial(verb, index))
        if stack.frames > 1:
            menu.addAction(f"{words} in all frames", partial(verb, index, all_frames=True))


def _add_phases(menu: QMenu, workspace: Workspace, t: int) -> None:
    """Let the user say which frame is ED and which is ES."""
    session = workspace.session
    if session.stack.frames == 1:
        return
    ed, es = session.measurement.phases
    menu.addSeparator()
    menu.addAction("This frame is ED", lambda: session.measurement.set_phases(t, es))
    menu.addAction("This frame is ES", lambda: session.measurement.set_phases(ed, t))
    menu.addAction("Detect ED and ES", lambda: session.measurement.set_phases(None, None))
