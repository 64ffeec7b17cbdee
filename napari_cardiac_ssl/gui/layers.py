"""Session <-> layers: the labels drawn as one editable layer, and strokes taken from it.

The layer is drawn from the session and has an array of its own, since napari paints into it. Both
hold the same but for what the user has just done; so whatever differs is the user's, and is handed
to the session at once. What the model writes goes the other way, as changed voxels only, all of
one prediction in one undo step.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, UKBB
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, labels_layer
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

#: Modes in which dragging the mouse draws nothing.
_NOT_DRAWING = {"pan_zoom", "transform", "pick"}


class LabelView:
    """The session's labels in a viewer.

    napari tells of a finished stroke by the event `paint`. Undo and redo tell nothing, but refresh
    the layer, which emits `set_data`: what has changed then, and no stroke has told of, came back.

    Parameters
    ----------
    viewer
        Where the layer is.
    session
        Whose labels they are.
    failed
        Called with the error if what the user did to the layer cannot be taken over.
    """

    def __init__(
        self, viewer: napari.Viewer, session: Session, failed: Callable[[InputError], None]
    ) -> None:
        self.layer: Labels | None = None
        self._viewer = viewer
        self._session = session
        self._failed = failed
        self._dragging = False
        self._writing = False
        self._painted = False  # a stroke was told of and not found yet
        self._last_view: SliceIndex | None = None
        self._undo_step = ExitStack()  # holds the history's block while a prediction is written
        self._is_open = False
        session.labels_refreshed.connect(self._on_labels_refreshed)
        session.slices_changed.connect(self._on_slices_changed)
        session.job_ended.connect(self._on_job_ended)
        viewer.layers.events.removed.connect(self._on_layer_removed)

    # -- what is there ---------------------------------------------------------------------

    @property
    def in_view(self) -> SliceIndex:
        """The slice that the viewer shows."""
        stack = self._session.stack
        t, z = (0, 0, *self._viewer.dims.point)[-4:-2]
        last = (stack.frames - 1, stack.slices - 1)
        t, z = np.clip(np.round((t, z / stack.spacing_mm[0])), 0, last).astype(int)
        return SliceIndex(int(t), int(z))

    @property
    def drawing(self) -> bool:
        """Whether a stroke is under way: nobody else may write to the layer now."""
        if self.layer is None:
            return False
        return self._dragging or self._differs(self.in_view)

    def go_to(self, index: SliceIndex) -> None:
        """Show a slice."""
        spacing_z = self._session.stack.spacing_mm[0]
        first = self._viewer.dims.ndim - 4
        self._viewer.dims.set_point((first, first + 1), (index.t, index.z * spacing_z))

    # -- the layer -------------------------------------------------------------------------

    def show(self) -> Labels:
        """Show the labels of the session's stack: the layer that is there, or a new one."""
        self.hide()
        stack = self._session.stack
        layer = next((layer for layer in self._viewer.layers if self._is_ours(layer, stack)), None)
        if layer is None:
            data, meta, _ = labels_layer(
                self._session.annotations.labels.copy(), stack, name=f"{stack.name} labels"
            )
            meta["metadata"][METADATA]["session"] = self._session
            for image in self._viewer.layers:  # of another reader's image: units as it has them
                if isinstance(image, Image) and image.metadata.get(METADATA, {}).get("stack") is (
                    stack
                ):
                    meta["units"] = (*meta["units"][: 4 - image.ndim], *image.units)
            layer = Labels(data, **meta)
            self._viewer.add_layer(layer)
        self.layer = layer
        self._last_view = self.in_view
        layer.preserve_labels = False
        layer.n_edit_dimensions = 2
        layer.mouse_drag_callbacks.insert(0, self._on_drag)
        for event, callback in self._callbacks(layer):
            event.connect(callback)
        self._look(self._session.restore)
        return layer

    def hide(self) -> None:
        """Leave the layer to itself: it stays in the viewer, as an ordinary one."""
        layer, self.layer = self.layer, None
        self._end_undo_step()
        self._dragging = self._painted = False
        if layer is not None:
            for event, callback in self._callbacks(layer):
                event.disconnect(callback)
            if self._on_drag in layer.mouse_drag_callbacks:
                layer.mouse_drag_callbacks.remove(self._on_drag)

    def paint_in(self, labels: NDArray[np.uint8], slices: Iterable[SliceIndex]) -> None:
        """Draw whole slices as a user would, in one stroke.

        Parameters
        ----------
        labels
            Shape ``(t, z, y, x)``, UKBB integers.
        slices
            Which of them to draw.
        """
        layer = self.layer or self.show()
        self._end_undo_step()
        with layer.block_history():
            for index in slices:
                self._set(layer, index, labels[index], refresh=False)
        layer.refresh()

    def close(self) -> None:
        """Let go of the viewer and the session."""
        self.hide()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._session.labels_refreshed.disconnect(self._on_labels_refreshed)
        self._session.slices_changed.disconnect(self._on_slices_changed)
        self._session.job_ended.disconnect(self._on_job_ended)

    def _is_ours(self, layer: Any, stack: Stack) -> bool:
        ours = layer.metadata.get(METADATA, {})
        return (
            isinstance(layer, Labels)
            and ours.get("session") is self._session
            and ours.get("stack") is stack
        )

    def _callbacks(self, layer: Labels) -> list[tuple[Any, Callable[..., None]]]:
        events = layer.events
        return [
            (events.paint, self._on_paint),
            (events.set_data, self._on_set_data),
            (events.n_edit_dimensions, self._on_n_edit_dimensions),
            (events.selected_label, self._on_selected_label),
        ]

    # -- from the layer to the session -----------------------------------------------------

    def take_strokes(self) -> None:
        """Hand what the user has drawn to the session. Cheap if nothing was."""
        if self._dragging:
            return
        # While a prediction is written, strokes that no mouse draws are not told of.
        if self._painted or (self._is_open and self._differs(self.in_view)):
            self._look(self._session.annotate)
            self._painted = False

    def _look(self, verb: Callable[[SliceIndex, Any], None]) -> None:
        layer = self.layer
        if layer is None or not self._keep_shape():
            return
        for index in list(self._differing()):
            self._painted = False
            try:
                verb(index, layer.data[index])
            except InputError as error:
                self._failed(error)
                return

    def _differs(self, index: SliceIndex) -> bool:
        labels = self._session.annotations.labels
        return self.layer is not None and not np.array_equal(self.layer.data[index], labels[index])

    def _differing(self) -> Iterator[SliceIndex]:
        labels = self._session.annotations.labels
        for t, frame in enumerate(labels):
            if self.layer is not None and not np.array_equal(self.layer.data[t], frame):
                indices = (SliceIndex(t, z) for z in range(len(frame)))
                yield from (index for index in indices if self._differs(index))

    def _on_paint(self, event: Event) -> None:
        if self._writing:
            return
        # Outside a block of history napari tells before it writes: if nothing is found now, the
        # next `take_strokes` will.
        self._painted = True
        if not self._dragging:
            self._look(self._session.annotate)

    def _on_set_data(self, event: Event) -> None:
        if self._writing or self._dragging:
            return
        in_view = self.in_view
        moved, self._last_view = in_view != self._last_view, in_view
        if not self._keep_shape():
            return
        if not moved or self._differs(in_view):
            self._look(self._session.annotate if self._painted else self._session.restore)

    def _on_drag(self, layer: Labels, event: Event) -> Iterator[None]:
        """Napari runs this while the mouse is held down on the layer."""
        if str(layer.mode) in _NOT_DRAWING:
            return
        self._end_undo_step()
        self._dragging = True
        try:
            yield
            while event.type == "mouse_move":
                yield
        finally:  # also if napari drops the drag half-way
            self._dragging = False

    def _keep_shape(self) -> bool:
        """Put the labels back if somebody gave the layer an array of another shape."""
        layer, labels = self.layer, self._session.annotations.labels
        if layer is None or layer.data.shape == labels.shape:
            return True
        found = layer.data.shape
        with self._own_writing():
            layer.data = labels.copy()
        self._failed(
            InputError(
                f"the label layer must stay {labels.shape} (t, z, y, x), not {found}; the labels "
                "were put back"
            )
        )
        return False

    def _on_n_edit_dimensions(self, event: Event) -> None:
        # More would paint through slices and frames that nobody sees.
        if self.layer is not None and self.layer.n_edit_dimensions != 2:
            self.layer.n_edit_dimensions = 2

    def _on_selected_label(self, event: Event) -> None:
        known = len(STRUCTURES_OF_VIEW.get(self._session.stack.view, UKBB.structures))
        if self.layer is not None and not 0 <= self.layer.selected_label <= known:
            self.layer.selected_label = known

    def _on_layer_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self.hide()

    # -- from the session to the layer -----------------------------------------------------

    def _on_labels_refreshed(self, slices: tuple[SliceIndex, ...]) -> None:
        if self.layer is not None and not self._is_open:
            self._undo_step.enter_context(self.layer.block_history())
            self._is_open = True
        self._write(slices)

    def _on_slices_changed(self, slices: tuple[SliceIndex, ...]) -> None:
        if self.layer is not None and any(self._differs(index) for index in slices):
            self._end_undo_step()
            with self._own_writing(), self.layer.block_history():
                self._write(slices)

    def _on_job_ended(self, how: str) -> None:
        self._end_undo_step()

    def _end_undo_step(self) -> None:
        if self._is_open:
            self._is_open = False
            with self._own_writing():
                self._undo_step.close()

    def _write(self, slices: Iterable[SliceIndex]) -> None:
        """Write what the session has and the layer has not, voxel by voxel."""
        labels, in_view = self._session.annotations.labels, self.in_view
        if self.layer is not None:
            with self._own_writing():
                for index in slices:
                    self._set(self.layer, index, labels[index], refresh=index == in_view)

    @staticmethod
    def _set(layer: Labels, index: SliceIndex, new: NDArray[np.uint8], *, refresh: bool) -> None:
        changed = np.flatnonzero(new.ravel() != layer.data[index].ravel())
        if changed.size:
            # The history keeps the indices: 8 bytes a voxel instead of 32.
            y, x = np.divmod(changed.astype(np.int32), new.shape[1])
            where = (np.full(changed.size, index.t), np.full(changed.size, index.z), y, x)
            layer.data_setitem(
                tuple(axis.astype(np.uint16) for axis in where),
                new.ravel()[changed],
                refresh=refresh,
            )

    @contextmanager
    def _own_writing(self) -> Iterator[None]:
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before
