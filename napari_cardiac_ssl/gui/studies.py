"""The studies of one window: what lies beside the stack that is worked on, and how the heart lies.

Of a study, the viewer holds the stack that is worked on and no other: views differ in their planes
and in how many slices they have, and napari's sliders can mean one stack only. The others are shown
beside it (`views`), and going from one to another loses nothing.
"""

import operator
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Labels, Layer
from psygnal import Signal

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of
from napari_cardiac_ssl.geometry.orientation import Orientation
from napari_cardiac_ssl.gui.display import METADATA, camera_of, image_layer
from napari_cardiac_ssl.gui.preferences import orientation_of
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.readers.landmarks import read_landmarks, study_ids
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.writers.landmarks import write_landmarks

#: The field that shows a heart and what surrounds it.
_HEART_MM = 190.0


class Studies:
    """The studies of one window.

    Parameters
    ----------
    workspace
        The window's.

    Attributes
    ----------
    changed
        Another stack is worked on, a view was corrected, or landmarks were set.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._known: list[Study] = []
        self._landmarks: WeakKeyDictionary[Study, Landmarks] = WeakKeyDictionary()
        self._before: Landmarks | None = None
        self._frame: tuple[AnatomicalFrame | None, str] = (None, "")
        workspace.session.signals.stack_opened.connect(self._on_opened)
        workspace.changed.connect(self._keep_look)

    # -- what is there ---------------------------------------------------------------------

    @property
    def current(self) -> Study | None:
        """The study of the stack that is worked on."""
        return self._of(self.workspace.session.stack) if self.workspace.is_open else None

    @property
    def known(self) -> tuple[Study, ...]:
        """All studies that were opened, in order."""
        return tuple(self._known)

    @property
    def frame(self) -> AnatomicalFrame | None:
        """How the heart of the current study lies; None where that is not known."""
        return self._frame[0]

    @property
    def why_no_frame(self) -> str:
        """Why it is not known."""
        return self._frame[1]

    @property
    def landmarks(self) -> Landmarks | None:
        """The current study's landmarks, if somebody set them."""
        study = self.current
        return self._landmarks.get(study) if study else None

    def name_of(self, stack: Stack) -> str:
        """Return what the user calls a stack: its view, and its name where views are alike."""
        study = self._of(stack)
        alike = [other for other in study.stacks if other.view is stack.view]
        name = stack.view.short
        return f"{name}: {stack.name}" if len(alike) > 1 or stack.view is View.OTHER else name

    # -- verbs -----------------------------------------------------------------------------

    def add(self, study: Study, *, work_on: bool = True, stack: Stack | None = None) -> None:
        """Take a study in, and work on one of its stacks: the first by default."""
        self._known.append(study)
        if work_on:
            self.work_on(stack or first_stack(study))
        else:
            self.changed.emit()

    def work_on(self, stack: Stack) -> None:
        """Show a stack in the viewer, to be labelled, in place of the one that is there."""
        workspace, viewer = self.workspace, self.workspace.viewer
        with workspace.reporting():
            if workspace.session.training.busy:
                raise InputError("training is running; finish or cancel it first")
            workspace.view.take_strokes()
            layer = next((one for one in viewer.layers if stack_in(one) is stack), None)
            others = [one for one in viewer.layers if self._is_other(one, stack)]
            if not isinstance(layer, Image):
                layer = viewer.add_layer(Layer.create(*image_layer(stack, self._of(stack))))
            workspace.open_layer(layer)
            for other in others:  # last: Mesa 22 without a graphics card may crash on what is left
                viewer.layers.remove(other)

    def fit(self) -> None:
        """Fill the canvas with the heart, or with all of the picture."""
        if self.workspace.is_open:
            self._look_at_heart(self.workspace.session.stack)

    def clear(self) -> None:
        """Forget all studies and take their layers out of the viewer: a project is gone over to."""
        layers = self.workspace.viewer.layers
        for layer in [one for one in layers if one.metadata.get(METADATA, {}).get("stack")]:
            layers.remove(layer)
        self._known = []
        self._renew()

    def correct(self, stack: Stack, view: View) -> None:
        """Say which view a stack shows, where its reading was wrong.

        Raises
        ------
        InputError
            If that cannot be kept.
        """
        self.workspace.session.study.correct_view(stack, view)
        study = self._of(stack)
        changed, corrected = study.with_view(stack, view)
        if study in self._landmarks:
            self._landmarks[changed] = self._landmarks[study]
        worked_on = self.workspace.is_open and self.workspace.session.stack is stack
        self._known[self._known.index(study)] = changed
        if worked_on:
            self.work_on(corrected)
        else:
            self._renew()

    def set_landmarks(self, landmarks: Landmarks | None) -> None:
        """Say where the heart lies by three points, or that they hold no more.

        Raises
        ------
        InputError
            If they cannot be kept.
        """
        study, before = self._of(self.workspace.session.stack), self.landmarks
        self.workspace.session.study.set_landmarks(landmarks)
        self._set(study, landmarks)
        self._before = before
        self._renew()

    def undo_landmarks(self) -> None:
        """Go back to the landmarks before the last change."""
        self.set_landmarks(self._before)

    def save_landmarks(self, path: Path) -> None:
        """Write the landmarks as a landmark file, beside those of other studies in it.

        Raises
        ------
        InputError
            If there are none, or the file is no landmark file, or cannot be written.
        """
        study, landmarks = self.current, self.landmarks
        if study is None or landmarks is None:
            raise InputError("no landmarks to save; set them by three clicks first")
        write_landmarks(path, _study_id(study), landmarks)

    def load_landmarks(self, path: Path) -> None:
        """Take the study's landmarks from a landmark file.

        Raises
        ------
        InputError
            If it has none for this study, or is no landmark file.
        """
        study = self._of(self.workspace.session.stack)
        said = read_landmarks(path)
        if _study_id(study) not in said:
            raise InputError(
                f"{path}: no landmarks for study '{_study_id(study)}'; it has "
                f"{', '.join(list(said)[:5])}{', …' if len(said) > 5 else ''}"
            )
        self.set_landmarks(Landmarks.of(said[_study_id(study)]))

    def _set(self, study: Study, landmarks: Landmarks | None) -> None:
        if landmarks is None:
            self._landmarks.pop(study, None)
        else:
            self._landmarks[study] = landmarks

    def close(self) -> None:
        """Let go of the session."""
        self.workspace.session.signals.stack_opened.disconnect(self._on_opened)
        self.workspace.changed.disconnect(self._keep_look)
        self.changed.disconnect()

    # -- following the session -------------------------------------------------------------

    def _on_opened(self, stack: Stack) -> None:
        self._take_corrections(stack)
        if not any(stack in study.stacks for study in self._known):
            self._known.append(self._study_in_viewer(stack) or Study(stack.name, (stack,)))
            self._take_corrections(stack)
        self._turn(orientation_of(stack))
        if stack.view is View.SAX:
            self._set(self._of(stack), self._kept_landmarks())
        self._renew()
        self._look_at_heart(stack)
        look, image = self.workspace.session.persistence.look(stack), self.workspace.image
        if look is not None:
            self.workspace.view.go_to(look.index)
            if look.contrast is not None and image is not None:
                image.contrast_limits = look.contrast

    def _take_corrections(self, opened: Stack) -> None:
        """Have studies show the views that somebody has corrected, as the project knows."""
        views = self.workspace.session.project.views

        def as_corrected(stack: Stack) -> Stack:
            view = views.get(stack.digest, stack.view)
            if stack is not opened and stack.digest == opened.digest:
                return opened
            return stack if view is stack.view else replace(stack, view=view)

        for place, study in enumerate(self._known if views else ()):
            changed = replace(study, stacks=tuple(map(as_corrected, study.stacks)))
            if any(map(operator.is_not, study.stacks, changed.stacks)):
                self._known[place] = changed
                if study in self._landmarks:
                    self._landmarks[changed] = self._landmarks[study]

    def _kept_landmarks(self) -> Landmarks | None:
        try:
            return self.workspace.session.study.landmarks
        except InputError:  # not written by us; without them all goes on
            return None

    def _keep_look(self) -> None:
        """Have the session remember where the reader is, to come back to."""
        image = self.workspace.image
        if image is not None:
            low, high = image.contrast_limits
            session = self.workspace.session
            session.persistence.look_at(
                session.stack, self.workspace.view.in_view, (float(low), float(high))
            )

    def _study_in_viewer(self, stack: Stack) -> Study | None:
        """Return the study that a reader left beside the stack."""
        for layer in self.workspace.viewer.layers:
            if stack_in(layer) is stack:
                study = layer.metadata[METADATA].get("study")
                if isinstance(study, Study):
                    return study
        return None

    def _of(self, stack: Stack) -> Study:
        return next(
            (study for study in reversed(self._known) if stack in study.stacks),
            Study(stack.name, (stack,)),
        )

    def _turn(self, orientation: Orientation) -> None:
        """Have the viewer show the stack as it is usually looked at."""
        viewer = self.workspace.viewer
        *sliders, y, x = range(viewer.dims.ndim)
        order = (*sliders, x, y) if orientation.transposed else (*sliders, y, x)
        rows, columns = orientation.flipped
        camera = camera_of(viewer)
        turn = ("up" if rows else "down", "left" if columns else "right")
        if viewer.dims.order != order:
            viewer.dims.order = order
        if tuple(map(str, camera.orientation2d)) != turn:
            camera.orientation2d = turn

    def _look_at_heart(self, stack: Stack) -> None:
        """Fill the canvas with the heart and what surrounds it, if we know where it is."""
        viewer, frame = self.workspace.viewer, self.frame
        viewer.reset_view()
        if frame is None:
            return
        _, *spacing = stack.spacing_mm
        x, y = stack.voxel_xyz(frame.centre_mm)[:2]
        at = np.array([y, x]) * spacing
        size = np.array(stack.image.shape[2:]) * spacing
        if (at > 0).all() and (at < size).all():
            turned = at[::-1] if viewer.dims.order[-1] < viewer.dims.order[-2] else at
            camera = camera_of(viewer)
            camera.center = tuple(turned)
            camera.zoom *= max(1.0, float(size.min() / _HEART_MM))

    def _renew(self) -> None:
        study = self.current
        self._frame = (None, "")
        if study is not None:
            try:
                self._frame = (frame_of(study, self._landmarks.get(study)), "")
            except InputError as error:
                self._frame = (None, str(error))
        self.changed.emit()

    def _is_other(self, layer: Layer, stack: Stack) -> bool:
        """Tell whether a layer shows, or labels, another stack of ours."""
        ours = layer.metadata.get(METADATA, {})
        if not isinstance(layer, Image | Labels) or ours.get("stack") in {None, stack}:
            return False
        return isinstance(layer, Image) or ours.get("session") is self.workspace.session


def _study_id(study: Study) -> str:
    """Return what a landmark file calls a study: its folder, or its name to the first underscore.

    Of a study that was read from a file on its own, as the command line has it.
    """
    path = study.stacks[0].path
    return study.name if path is None else study_ids(path)[0]


def first_stack(study: Study) -> Stack:
    """Return the stack of a study that is worked on first: the short axis, if there is one."""
    sax = [stack for stack in study.stacks if stack.view is View.SAX]
    return (sax or list(study.stacks))[0]


def stack_in(layer: Layer) -> Stack | None:
    """Return the stack that an image layer of ours shows."""
    if not isinstance(layer, Image):
        return None
    found: Stack | None = layer.metadata.get(METADATA, {}).get("stack")
    return found
