"""Session <-> layers: the labels drawn as one editable layer, and strokes taken from it.

The layer is drawn from the session and has an array of its own, since napari paints into it. Both
hold the same but for what the user has just done; so whatever differs is the user's, and is handed
to the session at once. Undo is the session's: napari's own history is not used.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels
from napari.utils.events import Event
from numpy.typing import NDArray
from psygnal import Signal

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, labels_layer
from napari_cardiac_ssl.gui.polygon import OpenPolygon
from napari_cardiac_ssl.gui.schemes import codes_of, refuse_unknown
from napari_cardiac_ssl.gui.strokes import fill_contour, keep_cavity, smooth
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack

#: Modes in which dragging the mouse draws nothing.
_NOT_DRAWING = {"pan_zoom", "transform", "pick"}
#: What napari's status bar says while the layer is selected.
KEYS_HINT = "1 to 5 draw, 0 erases, G contours, C confirms, N goes on, right-drag sets the window"
#: Fewer points are a click, not a contour.
_LEAST_POINTS = 4


class LabelLayerController:
    """The session's labels in a viewer.

    Parameters
    ----------
    viewer
        Where the layer is.
    session
        Whose labels they are.
    failed
        Called with the error if what the user did to the layer cannot be taken over.

    Attributes
    ----------
    layer
        The layer; None while there is none.
    fills_contours
        Whether a stroke of the brush is a contour, which is closed and filled at its end.
    keeps_cavity
        Whether myocardium is never drawn over the LV cavity.
    smooths
        Whether the outline of a stroke is smoothed at its end.
    held
        Whether a tool changes the slice in view at the moment: it is as if a stroke were under way.
    taking
        All that the user has drawn is about to be handed over: what is under way ends now.
    """

    taking = Signal()

    def __init__(
        self, viewer: napari.Viewer, session: Session, failed: Callable[[InputError], None]
    ) -> None:
        self.layer: Labels | None = None
        self.fills_contours = False
        self.keeps_cavity = True
        self.smooths = False
        self.held = False
        self._viewer = viewer
        self._session = session
        self._failed = failed
        self._dragging = False
        self._taking = False  # what is drawn is just being handed over
        self._writing = False
        self._touched = False  # the layer may differ from the session: somebody did something
        self._drawn_on: SliceIndex | None = None  # the slice in view while the mouse is held down
        self._points: list[Any] = []  # of the contour that is being drawn
        self._pen: int | None = None  # what it is drawn with; None where a drag draws no contour
        self._contour: tuple[SliceIndex, int, list[Any]] | None = None
        self._polygon = OpenPolygon()
        self._last_view: SliceIndex | None = None
        session.signals.labels_refreshed.connect(self._write)
        session.signals.slices_changed.connect(self._write)
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
    def shows_slice(self) -> bool:
        """Whether a slice is to be seen, and not the whole stack in 3-D or a cut across slices."""
        dims = self._viewer.dims
        return dims.ndisplay == 2 and set(dims.displayed) == {dims.ndim - 2, dims.ndim - 1}

    @property
    def drawing(self) -> bool:
        """Whether a stroke is under way: nobody else may write to the layer now."""
        if self.layer is None:
            return False
        return self.held or self._dragging or self._differs(self.in_view)

    @property
    def contour_drawn(self) -> tuple[int, NDArray[np.float64]] | None:
        """The contour that is being drawn on the slice in view: its integer, its points so far."""
        if self._contour is not None:  # it is just being handed over
            index, pen, points = self._contour
        elif self._dragging and self.fills_contours and self._drawn_on and self._pen is not None:
            index, pen, points = self._drawn_on, self._pen, self._points
        else:
            return None
        return (pen, np.reshape(points, (-1, 2)).astype(float)) if index == self.in_view else None

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
            layer = self._make(stack)
        self.layer = layer
        self._last_view = self.in_view
        layer.preserve_labels = False
        layer.n_edit_dimensions = 2
        layer.mouse_drag_callbacks.insert(0, self._on_drag)
        for event, callback in self._callbacks(layer):
            event.connect(callback)
        layer.help = KEYS_HINT
        self._write(stack.slice_indices())  # it may have slept while the session went on
        return layer

    def _make(self, stack: Stack) -> Labels:
        data, meta, _ = labels_layer(
            self._session.annotations.labels.copy(), stack, name=f"{stack.name} labels"
        )
        meta["metadata"][METADATA]["session"] = self._session
        for image in self._viewer.layers:  # of another reader's image: units as it has them
            if isinstance(image, Image) and image.metadata.get(METADATA, {}).get("stack") is stack:
                meta["units"] = (*meta["units"][: 4 - image.ndim], *image.units)
        layer = Labels(data, **meta)
        self._viewer.add_layer(layer)
        return layer

    def hide(self) -> None:
        """Leave the layer to itself: it stays in the viewer, as an ordinary one."""
        self.take_strokes()
        layer, self.layer = self.layer, None
        self._dragging = self._touched = False
        self._contour = None
        if layer is not None:
            for event, callback in self._callbacks(layer):
                event.disconnect(callback)
            if self._on_drag in layer.mouse_drag_callbacks:
                layer.mouse_drag_callbacks.remove(self._on_drag)

    def close(self) -> None:
        """Let go of the viewer and the session."""
        self.hide()
        self.taking.disconnect()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._session.signals.labels_refreshed.disconnect(self._write)
        self._session.signals.slices_changed.disconnect(self._write)

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
            (events.mode, self._on_mode),
            (events.help, self._on_help),
        ]

    # -- from the layer to the session -----------------------------------------------------

    def take_strokes(self) -> bool:
        """Hand all that the user has drawn to the session. Cheap if nothing was.

        A stroke that is not at its end, and a polygon that is not closed, end here: what is on the
        screen is never dropped.

        Returns
        -------
        bool
            Whether something was.
        """
        if self.layer is None:
            return False
        self.taking.emit()
        if self.shows_slice:
            self._polygon.close(self.layer)
        if self._dragging:
            self._end_contour()
            self._touched = True
        return self._take_over()

    def take_ended_strokes(self) -> None:
        """Hand the strokes to the session that are at their end."""
        if not self._dragging:
            self._take_over()

    def _take_over(self, *, everywhere: bool = False) -> bool:
        """Hand over what differs: on the slice in view as a rule, else wherever it does."""
        if self.layer is None or not (self._touched or self._contour):
            return False
        self._touched = False
        if not self._keep_shape():
            return False
        here = self.in_view
        slices = [self._contour[0]] if self._contour else []
        if here not in slices and self._differs(here):
            slices.append(here)
        if everywhere or not slices:
            slices = list(self._differing())
        before, self._taking = self._taking, True
        try:
            refused = [error for index in slices if (error := self._take(index))]
        finally:
            self._taking = before
        if refused:
            others = f"; so are {len(refused) - 1} others" if len(refused) > 1 else ""
            self._failed(InputError(f"{refused[0]}{others}"))
        return bool(slices)

    def _take(self, index: SliceIndex) -> InputError | None:
        """Take one slice over, or have it as it was and return why."""
        if self.layer is None:
            return None
        before = self._session.annotations.labels[index]
        drawn = self._as_meant(index, before, self.layer.data[index])
        try:
            refuse_unknown(drawn[drawn != before], self._session.stack.view, index)
            if np.array_equal(drawn, before):  # nothing is left of it
                self._write((index,))
            else:
                self._session.labelling.annotate(index, drawn)
        except InputError as error:
            self._write((index,))
            return error
        return None

    def _as_meant(
        self, index: SliceIndex, before: NDArray[np.uint8], drawn: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return what the user means by a stroke."""
        contour = self._contour
        if contour is not None and contour[0] == index:
            self._contour = None
            return fill_contour(before, np.array(contour[2]), contour[1])
        if self.keeps_cavity:
            drawn = keep_cavity(before, drawn)
        return smooth(before, drawn) if self.smooths else drawn

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
        self._touched = True
        self._polygon.forget()  # it is painted, or something else was
        found = not self._dragging and self._take_over()
        # Outside a block of history napari tells before it writes: it is found the next time.
        self._touched = not found

    def _on_set_data(self, event: Event) -> None:
        in_view = self.in_view
        moved, self._last_view = in_view != self._last_view, in_view
        if not (self._writing or self._dragging or moved):
            self._touched = True
            self._take_over(everywhere=True)  # somebody may have given the layer another array

    def _on_drag(self, layer: Labels, event: Event) -> Iterator[None]:
        """Napari runs this while the mouse is held down on the layer."""
        mode = str(layer.mode)
        if mode in _NOT_DRAWING:
            return
        self._take_over()
        if mode == "polygon":
            self._polygon.on_press(event)
        self._points, self._drawn_on = [], self.in_view
        self._pen = {"paint": layer.selected_label, "erase": 0}.get(mode)
        self._dragging = True
        try:
            yield
            while event.type == "mouse_move":
                self._points.append(layer.world_to_data(event.position)[-2:])
                yield
        finally:  # also if napari drops the drag half-way
            self._end_contour()
            self._dragging, self._touched = False, True

    def _end_contour(self) -> None:
        """Have what was drawn until now be a contour, if contours are drawn."""
        points, self._points = self._points, []
        index, self._drawn_on = self._drawn_on, self.in_view
        is_contour = self.fills_contours and len(points) >= _LEAST_POINTS
        if is_contour and index is not None and self._pen is not None:
            self._contour = (index, self._pen, points)

    def _on_help(self, event: Event) -> None:
        # napari's own hint would name its keys of the tools, where ours are bound.
        if self.layer is not None and self.layer.help != KEYS_HINT:
            self.layer.help = KEYS_HINT

    def _on_mode(self, event: Event) -> None:
        if self.layer is not None and str(self.layer.mode) != "polygon" and self.shows_slice:
            self._polygon.close(self.layer)

    def _keep_shape(self) -> bool:
        """Put the labels back if somebody gave the layer an array of another shape.

        Returns
        -------
        bool
            Whether the layer may be compared with the session.
        """
        layer, labels = self.layer, self._session.annotations.labels
        if layer is None or not self._is_ours(layer, self._session.stack):
            return False
        if layer.data.shape == labels.shape:
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
        layer, codes = self.layer, codes_of(self._session.stack.view)
        if layer is not None and layer.selected_label not in {0, *codes}:
            lower = [code for code in codes if code < layer.selected_label]
            layer.selected_label = max(lower, default=codes[0])

    def _on_layer_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self.hide()

    # -- from the session to the layer -----------------------------------------------------

    def _write(self, slices: Iterable[SliceIndex]) -> None:
        """Write what the session has and the layer has not."""
        layer, labels = self.layer, self._session.annotations.labels
        if layer is None or not self._keep_shape():
            return
        # A stroke under way stays on the screen: it is handed over at its end.
        held = self._drawn_on if self._dragging and not self._taking else None
        changed = [index for index in slices if index != held and self._differs(index)]
        for index in changed:
            layer.data[index] = labels[index]
        if self.in_view in changed:
            with self._own_writing():
                layer.refresh()

    @contextmanager
    def _own_writing(self) -> Iterator[None]:
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before
